"""One file beside several answers, and the page that shows a file."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.urls import reverse

from applications.models import Application, Evidence
from applications.selectors import drafts as reads
from applications.services import drafts
from greenlist.core.errors import NotVisible
from greenlist.core.models import Blob
from tests.applications import filled
from tests.world import World

NOON = datetime.fromisoformat("2026-03-03T12:00:00+08:00")


@pytest.fixture
def case(world: World) -> Application:
    filled.load_rules()
    return filled.start(world, filled.open_call(world))


@pytest.fixture
def first(world: World, case: Application) -> Evidence:
    return drafts.add_evidence(
        actor=world.actor("applicant"),
        at=NOON,
        reference=case.reference,
        section="conditions",
        field="registered_evidence",
        upload=filled.picture("执照.png"),
    )


def use(world: World, case: Application, first: Evidence, field: str = "lawful_evidence") -> Evidence:
    given = {"reference": case.reference, "section": "conditions", "field": field, "evidence": first.reference}
    return drafts.use_evidence(actor=world.actor("colleague"), at=NOON, **given)


def test_one_file_serves_two_answers_and_each_goes_for_itself(world: World, case: Application, first: Evidence) -> None:
    second = use(world, case, first)
    assert (second.blob_id, Blob.objects.count()) == (first.blob_id, 1)
    assert second.pk != first.pk
    assert use(world, case, first) == second, "asked twice, it stands once"
    drafts.remove_evidence(actor=world.actor("applicant"), at=NOON, reference=case.reference, evidence=first.reference)
    counted = reads.counted(reads.evidence_of(case.report))
    assert counted == {"conditions.lawful_evidence": 1}
    with pytest.raises(NotVisible):
        use(world, case, first, "economic_evidence")


def test_a_file_of_another_report_cannot_be_used(world: World, case: Application, first: Evidence) -> None:
    other = filled.start(world, case.call, "rival", "rival")
    given = {"reference": other.reference, "section": "conditions", "field": "lawful_evidence"}
    with pytest.raises(NotVisible):
        drafts.use_evidence(actor=world.actor("rival"), at=NOON, evidence=first.reference, **given)


def test_the_page_offers_the_file_and_shows_it(world: World, case: Application, first: Evidence) -> None:
    client = world.client("applicant")
    page = client.get(reverse("applications:section", args=[case.reference, "conditions"]))
    action = reverse("applications:evidence-use", args=[case.reference, "conditions", "lawful_evidence"])
    assert action in page.content.decode()
    assert client.post(action, {"evidence": first.reference}).status_code == 302
    view = client.get(reverse("applications:evidence-view", args=[case.reference, first.reference]))
    assert 'alt="' in view.content.decode()
    assert view.context["page"].following.field == "lawful_evidence"
    assert view.context["page"].previous is None
    assert world.client("rival").get(view.request["PATH_INFO"]).status_code == 404
