"""Papers of panel and decision: who gets them, what they say, made once (QHD-9, QHD-10a)."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings
from django.urls import reverse
from pypdf import PdfReader

from applications.models import Application
from greenlist.core.errors import NotVisible
from reviews import documents
from reviews.models import Document
from reviews.services import decisions, panels
from reviews.states import Outcome, PanelKind
from tests.rendering import fetched
from tests.reviews import stage
from tests.world import World

START = stage.START


def text_of(answer: Any) -> str:
    """The words of a PDF answer, without line breaks."""
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/pdf"
    body = b"".join(answer.streaming_content)
    return "".join("".join(page.extract_text() for page in PdfReader(BytesIO(body)).pages).split())


def paper(panel: Any, kind: str) -> str:
    return reverse("reviews:panel-document", args=[panel.reference, kind])


@pytest.mark.clause("QHD-9")
def test_the_opinion_names_members_conclusions_and_suggested_list(world: World, three: list[Application]) -> None:
    panel = stage.concluded(world, three, {row.reference: row is not three[2] for row in three})
    client = world.client("city_handler")
    text = text_of(fetched(client, paper(panel, "opinion")))
    for words in ("专家评审意见", "专家甲", "专家乙", "组长", "示例大学", "85.00", "同意推荐", "指标达成情况证据不足"):
        assert words in text
    assert all(row.name in text for row in three)
    assert Document.objects.get().data_digest in text
    text_of(fetched(client, paper(panel, "opinion")))
    assert Document.objects.count() == 1  # made once


def test_each_expert_has_a_score_sheet_for_officials_only(
    world: World, case: Application, three: list[Application]
) -> None:
    panel = stage.opened(world, [case, *three], ("expert", "conflicted_expert"))
    stage.admitted(world, panel, "expert", "conflicted_expert")
    stage.locked(world, panel, "expert", "81.5")
    stage.locked(world, panel, "conflicted_expert", "70")
    panel.refresh_from_db()
    seat = stage.seat_of(world, panel, "conflicted_expert")
    kind = f"{documents.SHEET}{seat.pk}"
    assert world.client("city_handler").get(paper(panel, kind)).status_code == 404  # not concluded yet
    panels.conclude(
        actor=world.actor("city_handler"),
        reference=panel.reference,
        version=panel.version,
        result=stage.result([case, *three]),
        at=START,
    )
    text = text_of(fetched(world.client("city_approver"), paper(panel, kind)))
    assert "专家丁" in text
    assert "70.00" in text
    assert "81.50" not in text  # nobody else's score
    assert f"回避：{case.name}" in text
    assert stage.seat_of(world, panel, "conflicted_expert").pledge_digest in text
    for character in ("expert", "conflicted_expert", "other_city_handler", "applicant"):
        assert world.client(character).get(paper(panel, kind)).status_code == 404
    for wrong in ("sheet-0", "sheet-x", "anything"):
        assert world.client("city_handler").get(paper(panel, wrong)).status_code == 404


def test_the_opinion_of_a_body_and_its_signed_file(world: World, three: list[Application]) -> None:
    panel = stage.opened(world, three, (), kind=PanelKind.BODY, body="示例评价中心")
    panels.conclude(
        actor=world.actor("city_handler"),
        reference=panel.reference,
        version=panel.version,
        result=stage.result(three, score=Decimal(88)),
        at=START,
    )
    text = text_of(fetched(world.client("city_handler"), paper(panel, "opinion")))
    assert "第三方机构评审意见" in text
    assert "示例评价中心" in text
    file = reverse("reviews:panel-opinion-file", args=[panel.reference])
    assert world.client("city_handler").get(file).status_code == 404  # none was uploaded


@pytest.mark.clause("QHD-10a")
def test_the_proposed_list_prints_what_was_frozen(world: World, call: Any, three: list[Application]) -> None:
    stage.concluded(world, three, {row.reference: row is not three[2] for row in three})
    draft = stage.drafted(world, call)
    with pytest.raises(NotVisible):
        documents.for_decision(draft, "list", actor=world.actor("city_handler"), at=START)
    ruling = {three[2].reference: decisions.Ruling(Outcome.DECLINE, "证据不足")}
    decisions.hand_over(
        actor=world.actor("city_handler"),
        reference=draft.reference,
        draft=decisions.Draft("综合审查", "局长办公会审议。", ruling),
        at=START,
    )
    decision = decisions.approve(actor=world.actor("city_approver"), reference=draft.reference, at=START)
    Application.objects.filter(pk=three[0].pk).update(name="后来改名的公司")

    def printed(kind: str) -> str:
        address = reverse("reviews:decision-document", args=[decision.reference, kind])
        return text_of(fetched(world.client("city_approver"), address))

    listed = printed("list")
    assert three[0].name in listed
    assert three[1].name in listed
    assert three[2].name not in listed
    assert decision.digest in listed
    assert "85" not in listed.replace(decision.digest, "").replace(three[0].code, "").replace(three[1].code, "")
    table = printed("table")
    assert "证据不足" in table
    assert "局长办公会审议" in table
    assert three[2].name in table


def test_an_upload_stays_as_it_came(world: World, three: list[Application]) -> None:
    panel = stage.opened(world, three, ("expert",))
    stage.admitted(world, panel, "expert")
    stage.locked(world, panel, "expert", "80")
    body = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
    given: dict[str, Any] = {"version": panel.version, "opinion": "意见", "finish": "1"}
    for row in three:
        given |= {f"suggested-{row.reference}": "yes", f"conclusion-{row.reference}": "同意"}
    given["upload"] = SimpleUploadedFile("签字意见.pdf", body, "application/pdf")
    client = world.client("city_handler")
    none = {**settings.LIMITS, "upload": {"account": "0/hour"}}
    with override_settings(LIMITS=none):
        assert client.post(reverse("reviews:panel-conclude", args=[panel.reference]), given).status_code == 429
    given["upload"].seek(0)
    assert client.post(reverse("reviews:panel-conclude", args=[panel.reference]), given).status_code == 302
    answer = client.get(reverse("reviews:panel-opinion-file", args=[panel.reference]))
    assert b"".join(answer.streaming_content) == body
