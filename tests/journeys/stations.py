"""Stations that several stories pass, by pages: a body reviews, departments are asked, another tier's list is taken over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from django.core.files.uploadedfile import SimpleUploadedFile

from applications.models import Application, Call
from registry.models import ImportedList
from reviews.models import Consultation, Panel
from tests.journeys.browsing import Page, Person
from tests.registry import upper
from tests.reviews import asking

HEAD = ("企业名称", "统一社会信用代码", "所在地区")


def reviewed_by_body(handler: Person, call: Call, cases: Iterable[Application], score: str) -> Panel:
    """A body is commissioned, its opinion and its scores are entered with the conclusion."""
    rows = list(cases)
    page = handler.open("reviews:panel-new", call.pk)
    assert all(case.name in page for case in rows)
    plan = "评审原则、范围、程序、内容和要求。"
    page = handler.press(
        page, kind="body", body="示例评审中心", plan=plan, applications=[case.reference for case in rows]
    )
    panel = Panel.objects.get(call=call)
    root = f"/reviews/panels/{panel.reference}"
    page = handler.press(page, f"{root}/open/")
    page = handler.get(page.link(f"{root}/conclude/"))
    values = {"opinion": "经评审，同意列入建议名单。"}
    for case in rows:
        values |= {f"score-{case.reference}": score, f"suggested-{case.reference}": "yes"}
        values |= {f"conclusion-{case.reference}": "材料完整，指标先进。"}
    page = handler.send(page, values, button="finish=1")
    assert all(case.name in page for case in rows)
    return panel


# ---- departments ------------------------------------------------------------------------------------------------------
def letter_sent(handler: Person, approver: Person, call: Call, *, more: Iterable[str] = ()) -> Consultation:
    """Written by one person, sent by another; `more` departments are added by their names."""
    page = handler.press(handler.open("reviews:consultations"), f"/consultations/new/{call.pk}/")
    found = Consultation.objects.get(call=call)
    root = f"/reviews/consultations/{found.reference}"
    for name in more:
        page = handler.press(page, f"{root}/add-office/", name=name)
        assert name in page
    page = handler.press(page, f"{root}/save/", number="示工信函〔2026〕5号", button="hand_over=1")
    assert not page.offers(f"{root}/send/"), "who wrote the letter does not send it"
    approver.press(approver.open("reviews:consultation", found.reference), f"{root}/send/")
    found.refresh_from_db()
    return found


def answered_on_paper(handler: Person, found: Consultation) -> None:
    """Every department answers that it has no objection; the scans are entered."""
    page = handler.open("reviews:consultation", found.reference)
    for link in [one for one in page.links if one.startswith("/reviews/opinions/")]:
        page = handler.press(handler.get(link), "/save/", button="all=1")
        handler.press(page, "/save/", button="submit=1", number="复函〔2026〕3号", upload=asking.scan())


def concluded(
    handler: Person, approver: Person, found: Consultation, rulings: Mapping[str, tuple[str, str]] | None = None
) -> Page:
    """What becomes of each unit somebody objects to (reference → adjustment, reason); another person approves."""
    root = f"/reviews/consultations/{found.reference}"
    values: dict[str, str] = {}
    for reference, (adjustment, reason) in (rulings or {}).items():
        values |= {f"adjustment-{reference}": adjustment, f"reason-{reference}": reason}
    page = handler.open("reviews:consultation", found.reference)
    page = handler.send(page, values, f"{root}/conclude/", button="hand_over=1")
    assert not page.offers(f"{root}/close/"), "who wrote the conclusion does not approve it"
    return approver.press(approver.open("reviews:consultation", found.reference), f"{root}/close/")


# ---- another tier's list ----------------------------------------------------------------------------------------------
def list_taken(
    handler: Person, approver: Person, call: Call, *lines: tuple[str, ...], title: str, number: str, issued: date
) -> ImportedList:
    """From the page of the cases that wait: the published list as a file, looked at, taken in, approved by another person."""
    index = handler.open("registry:imported-lists")
    assert call.title in index, "the call waits for a list"
    page = handler.get(handler.open("registry:imported-waiting", call.pk).link("/registry/lists/take/"))
    said = {
        "title": title,
        "number": number,
        "issued_on": issued.isoformat(),
        "source": "示例部门网站",
        "complete": "on",
        "file": SimpleUploadedFile("名单.xlsx", upper.book(*lines, head=HEAD)),
    }
    looked = handler.request("POST", page.url, said)
    page = handler.press(looked, having=["ticket"])
    made = ImportedList.objects.get(number=number)
    assert not page.offers(f"/registry/lists/{made.reference}/approve/"), "who took it in does not approve it"
    approver.press(approver.open("registry:imported", made.reference), "/approve/")
    made.refresh_from_db()
    return made
