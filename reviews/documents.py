"""Papers of a concluded panel, an approved decision and a consultation, as PDF from rows that change no more. Each is made once.

The data's digest stands on the paper; the file's own SHA-256 is kept with its blob.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import translation
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from greenlist.core import attachments, audit, rendering
from greenlist.core.actors import Actor
from greenlist.core.clock import china_date
from greenlist.core.documents import render_pdf, title_lines
from greenlist.core.errors import NotVisible, Text
from greenlist.core.http import whole
from greenlist.core.models import Blob, RenderJob
from greenlist.organisations import selectors as organisations
from reviews.models import Consultation, ConsultedOffice, Decision, Document, Draw, Panel, Seat, Sheet
from reviews.selectors import consultations, decisions, draws, watches
from reviews.selectors import panels as reads
from reviews.states import (
    SENT_CONSULTATIONS,
    ConsultationState,
    DecisionState,
    DrawKind,
    Outcome,
    PanelState,
)

PANEL, DECISION, CONSULTATION, LETTER = "panel", "decision", "consultation", "consultation-letter"
SHEET = "sheet-"  # + key of the seat
DRAW = "draw-"  # + number of the draw


@dataclass(frozen=True, slots=True)
class Link:
    """One document that may be downloaded."""

    label: Text
    url: str


@dataclass(frozen=True, slots=True)
class Paper:
    """One document to be: what it prints and the row it is kept under."""

    kind: str
    template: str
    data: dict[str, Any]
    name: str
    panel: Panel | None = None
    decision: Decision | None = None
    seat: Seat | None = None
    consultation: Consultation | None = None
    office: ConsultedOffice | None = None

    @property
    def digest(self) -> str:
        return audit.digest_of(self.data)

    @property
    def row(self) -> dict[str, Any]:
        about: dict[str, Any] = {"panel": self.panel, "decision": self.decision, "seat": self.seat}
        about |= {"consultation": self.consultation, "office": self.office}
        return {**about, "kind": self.kind, "format": "pdf", "data_digest": self.digest}


def of_panel(panel: Panel) -> list[Link]:
    """Protocols of its draws; of a concluded panel the opinion, the record, and a score sheet of each who counts."""

    def address(kind: str) -> str:
        return reverse("reviews:panel-document", args=[panel.reference, kind])

    numbers = panel.draws.order_by("number").values_list("number", flat=True)
    protocols = [Link(_("Protocol of draw %(n)s") % {"n": n}, address(f"{DRAW}{n}")) for n in numbers]
    if panel.state != PanelState.CLOSED:
        return protocols
    seats = panel.seats.live().exclude(locked_at=None).select_related("user").order_by("-is_chair", "pk")
    sheets = [
        Link(_("Score sheet: %(name)s") % {"name": seat.user.name}, address(f"{SHEET}{seat.pk}")) for seat in seats
    ]
    record = Link(_("Record of the panel"), address("record"))
    return [Link(_("Review opinion of the experts"), address("opinion")), record, *sheets, *protocols]


def for_panel(panel: Panel, kind: str, *, actor: Actor, at: datetime) -> Blob | RenderJob:
    """The document once it is made; the caller has checked who asks.

    Raises NotVisible before the conclusion and for a document that there is not.
    """
    return _wanted(PANEL, panel.reference, kind, panel_paper(panel, kind), actor=actor, at=at)


@rendering.maker(PANEL)
def _make_panel_paper(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> None:
    panel = reads.get(_asker(job, at), job.subject)
    _made(panel_paper(panel, job.part), at=at, tick=tick)


def panel_paper(panel: Panel, kind: str) -> Paper:
    """What is printed. Raises NotVisible before the conclusion, but for protocols of draws."""
    if kind.startswith(DRAW):
        draw = draws.get(panel, whole(kind.removeprefix(DRAW)) or 0)
        name = _in_chinese(lambda: _("Protocol of draw %(n)s") % {"n": draw.number})
        return Paper(f"{DRAW}{draw.number}", "reviews/documents/draw.html", draw_data(panel, draw), name, panel=panel)
    if panel.state != PanelState.CLOSED:
        raise NotVisible
    if kind == "record":
        name = _in_chinese(lambda: _("Record of the panel"))
        return Paper("record", "reviews/documents/panel_record.html", record_data(panel), name, panel=panel)
    if kind == "opinion":
        name = _in_chinese(lambda: _("Review opinion of the experts"))
        return Paper("opinion", "reviews/documents/opinion.html", opinion_data(panel), name, panel=panel)
    number = whole(kind.removeprefix(SHEET)) or 0
    seat = panel.seats.live().exclude(locked_at=None).filter(pk=number).first()
    if seat is None or not kind.startswith(SHEET):
        raise NotVisible
    name = _in_chinese(lambda: _("Score sheet: %(name)s") % {"name": seat.user.name})
    return Paper("sheet", "reviews/documents/sheet.html", sheet_data(panel, seat), name, panel=panel, seat=seat)


def of_decision(decision: Decision) -> list[Link]:
    """What an approved decision leaves."""
    if decision.state != DecisionState.APPROVED:
        return []
    papers = [
        (_("Proposed list"), "list"),
        (_("Table of the overall review"), "table"),
        (_("Meeting record"), "record"),
    ]
    return [
        Link(label, reverse("reviews:decision-document", args=[decision.reference, kind])) for label, kind in papers
    ]


def for_decision(decision: Decision, kind: str, *, actor: Actor, at: datetime) -> Blob | RenderJob:
    """The document once it is made; the caller has checked who asks. Raises NotVisible before the approval."""
    return _wanted(DECISION, decision.reference, kind, decision_paper(decision, kind), actor=actor, at=at)


@rendering.maker(DECISION)
def _make_decision_paper(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> None:
    decision = decisions.get(_asker(job, at), job.subject)
    _made(decision_paper(decision, job.part), at=at, tick=tick)


def decision_paper(decision: Decision, kind: str) -> Paper:
    """Printed from the frozen content. Raises NotVisible."""
    if decision.state != DecisionState.APPROVED:
        raise NotVisible
    frozen: Mapping[str, Any] = decision.frozen or {}
    data = {
        **frozen,
        "digest": decision.digest,
        "approved_on": parse_datetime(frozen["approved_at"]),
        "proposed_units": [unit for unit in frozen["units"] if unit["outcome"] == Outcome.PROPOSE],
        "declined_units": [unit for unit in frozen["units"] if unit["outcome"] != Outcome.PROPOSE],
        "deviating_units": [unit for unit in frozen["units"] if unit.get("deviates")],
        "met_on": parse_date(frozen.get("meeting", {}).get("on", "")),
    }
    names = {
        "list": lambda: _("Proposed list"),
        "table": lambda: _("Table of the overall review"),
        "record": lambda: _("Meeting record"),
    }
    if kind not in names:
        raise NotVisible
    return Paper(kind, f"reviews/documents/{kind}.html", data, _in_chinese(names[kind]), decision=decision)


# ---- departments are asked ------------------------------------------------------------------------------------------
def of_consultation(found: Consultation, offices: Iterable[ConsultedOffice]) -> list[Link]:
    """The letter to each department once it is sent, and all opinions once it is closed."""
    if found.state not in SENT_CONSULTATIONS:
        return []

    def address(kind: str) -> str:
        return reverse("reviews:consultation-document", args=[found.reference, kind])

    letters = [Link(_("Letter: %(name)s") % {"name": one.name}, address(f"letter-{one.pk}")) for one in offices]
    closed = found.state == ConsultationState.CLOSED
    return [*letters, Link(_("Opinions of the departments"), address("opinions"))] if closed else letters


def letter_link(office: ConsultedOffice) -> Link:
    return Link(_("Letter with the list"), reverse("reviews:opinion-letter", args=[office.reference]))


def for_consultation(found: Consultation, kind: str, *, actor: Actor, at: datetime) -> Blob | RenderJob:
    """The document once it is made; the caller has checked who asks. Raises NotVisible."""
    return _wanted(CONSULTATION, found.reference, kind, consultation_paper(found, kind), actor=actor, at=at)


@rendering.maker(CONSULTATION)
def _make_consultation_paper(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> None:
    found = consultations.get(_asker(job, at), job.subject)
    _made(consultation_paper(found, job.part), at=at, tick=tick)


def for_office(office: ConsultedOffice, *, actor: Actor, at: datetime) -> Blob | RenderJob:
    """The department's own letter; the caller has checked who asks. Raises NotVisible."""
    return _wanted(LETTER, office.reference, "letter", letter_paper(office), actor=actor, at=at)


@rendering.maker(LETTER)
def _make_letter(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> None:
    _made(letter_paper(consultations.office(_asker(job, at), job.subject)), at=at, tick=tick)


def consultation_paper(found: Consultation, kind: str) -> Paper:
    """What is printed. Raises NotVisible before it is sent or closed, and for a document that there is not."""
    if kind == "opinions":
        if found.state != ConsultationState.CLOSED:
            raise NotVisible
        frozen: Mapping[str, Any] = found.frozen or {}
        data = {**frozen, "digest": found.digest, "closed_on": parse_datetime(frozen["closed_at"])}
        data["offices"] = [
            {**one, "answered_day": parse_datetime(one["answered_at"]) if one["answered_at"] else None}
            for one in frozen["offices"]
        ]
        data["rows"] = [_opinion_row(unit, frozen["offices"]) for unit in frozen["units"]]
        name = _in_chinese(lambda: _("Opinions of the departments"))
        return Paper("opinions", "reviews/documents/opinions.html", data, name, consultation=found)
    number = whole(kind.removeprefix("letter-")) or 0
    office = found.offices.filter(pk=number).first()
    if office is None or not kind.startswith("letter-"):
        raise NotVisible
    office.consultation = found
    return letter_paper(office)


def _opinion_row(unit: Mapping[str, Any], offices: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The unit with its cells; who did not answer is told as such (HEB-3b)."""
    cells = [
        {**said, "answered": bool(office["answered_at"])} for said, office in zip(unit["said"], offices, strict=True)
    ]
    return {**unit, "cells": cells}


def letter_paper(office: ConsultedOffice) -> Paper:
    """The letter to one department, with the list. Raises NotVisible before it is sent."""
    found = office.consultation
    if found.state not in SENT_CONSULTATIONS or office.asked_at is None:
        raise NotVisible
    frozen: Mapping[str, Any] = found.letter or {}
    data = {
        **frozen,
        "office": office.name,
        "due_on": office.due_on,
        "asked_on": china_date(office.asked_at),
        "lines": [line.strip() for line in str(frozen["text"]).splitlines() if line.strip()],
        "title_lines": title_lines(str(frozen["title"])),
    }
    name = _in_chinese(lambda: _("Letter: %(name)s") % {"name": office.name})
    return Paper("letter", "reviews/documents/letter.html", data, name, consultation=found, office=office)


def opinion_data(panel: Panel) -> dict[str, Any]:
    """What the written opinion prints."""
    members = panel.seats.live().exclude(locked_at=None).select_related("user").order_by("-is_chair", "pk")
    return {
        **_head(panel),
        "kind": panel.kind,
        "body": panel.body,
        "opinion": panel.opinion,
        "members": [
            {"name": seat.user.name, "employer": seat.employer, "field": seat.field, "is_chair": seat.is_chair}
            for seat in members
        ],
        "units": [_unit(row) for row in reads.units(panel) if row.item.suggested is not None],
    }


def draw_data(panel: Panel, draw: Draw) -> dict[str, Any]:
    """What the protocol of a draw prints: everything that the draw rested on."""
    shown = draws.shown(draw)
    left_out = [{"name": one.name, "employer": one.employer, "why": "、".join(one.why)} for one in shown.left_out]
    partly = [{"name": one.name, "employer": one.employer, "why": "；".join(one.why)} for one in shown.partly]
    return {
        **_head(panel),
        "number": draw.number,
        "kind": draw.kind,
        "kind_label": _in_chinese(lambda: DrawKind(draw.kind).label),
        "reason": draw.reason,
        "drawn_by": draw.drawn_by.name,
        "drawn_at": draw.drawn_at,
        "seed": draw.seed,
        "record_digest": draw.digest,
        "attempt": draw.result["attempt"],
        "pool": shown.pool,
        "places": shown.places,
        "per_unit": shown.per_unit,
        "cap": shown.cap,
        "quotas": [list(one) for one in shown.quotas],
        "counts": [list(one) for one in shown.counts],
        "members": [
            {"name": one.name, "employer": one.employer, "fields": one.fields, "units": "、".join(one.units)}
            for one in shown.members
        ],
        "left_out": left_out,
        "partly": partly,
        "units": [{"name": name, "number": number, "experts": experts} for name, number, experts in shown.units],
    }


def record_data(panel: Panel) -> dict[str, Any]:
    """评审过程记录: plan, risk points and talk, draws, pledges, recusals, progress, notes of the supervisors."""
    seats = panel.seats.select_related("user", "stands_for__user").order_by("pk")
    return {
        **_head(panel),
        "plan": panel.plan,
        "risks": panel.risks,
        "talk_on": panel.talk_on,
        "talk": panel.talk,
        "pledge": panel.pledge,
        "blind": panel.blind,
        "per_case": panel.per_case,
        "fewer": panel.fewer,
        "body": panel.body,
        "draws": [
            {
                "number": one.number,
                "kind": _in_chinese(DrawKind(one.kind).label.__str__),
                "at": one.drawn_at,
                "by": one.drawn_by.name,
                "reason": one.reason,
                "digest": one.digest,
            }
            for one in draws.of_panel(panel)
        ],
        "seats": [
            {
                "name": seat.user.name,
                "employer": seat.employer,
                "stands_for": seat.stands_for.user.name if seat.stands_for else "",
                "pledged_at": seat.pledged_at,
                "pledge_digest": seat.pledge_digest,
                "declared_at": seat.declared_at,
                "locked_at": seat.locked_at,
                "recused_at": seat.recused_at,
                "recusal_reason": seat.recusal_reason,
            }
            for seat in seats
        ],
        "watches": [watch.user.name for watch in watches.of_panel(panel)],
        "remarks": [{"name": one.watch.user.name, "at": one.at, "text": one.text} for one in watches.remarks(panel)],
    }


def _unit(row: reads.UnitRow) -> dict[str, Any]:
    return {
        "name": row.case.name,
        "code": row.case.code,
        "number": row.case.number,
        "area": row.case.site.area.name,
        "score": None if row.item.score is None else str(row.item.score),
        "sheets": len(row.sheets),
        "suggested": row.item.suggested,
        "conclusion": row.item.conclusion,
    }


def sheet_data(panel: Panel, seat: Seat) -> dict[str, Any]:
    """What one expert's score sheet prints."""
    rows = Sheet.objects.filter(seat=seat).select_related("item__application").order_by("item__application_id")
    counted = [sheet for sheet in rows if sheet.locked_at is not None and not sheet.conflict]
    return {
        **_head(panel),
        "expert": seat.user.name,
        "employer": seat.employer,
        "field": seat.field,
        "pledged_at": seat.pledged_at,
        "pledge_digest": seat.pledge_digest,
        "locked_at": seat.locked_at,
        "rows": [
            {
                "name": sheet.item.application.name,
                "number": sheet.item.application.number,
                "score": None if sheet.score is None else str(sheet.score),
                "suggests": sheet.suggests,
                "comment": sheet.comment,
            }
            for sheet in counted
        ],
        "away": [sheet.item.application.name for sheet in rows if sheet.conflict],
    }


def _head(panel: Panel) -> dict[str, Any]:
    return {
        "reference": panel.reference,
        "title": panel.title,
        "call": panel.call.title,
        "year": panel.call.year,
        "authority": panel.authority.name,
        "scored": panel.scored,
        "by_experts": panel.has_seats,
        "opened_at": panel.opened_at,
        "closed_at": panel.closed_at,
    }


def _in_chinese(words: Any) -> str:
    with translation.override("zh-hans"):
        return str(words())


def _asker(job: RenderJob, at: datetime) -> Actor:
    return organisations.acting(job.user_id, job.capacity, china_date(at))


def _wanted(kind: str, subject: str, part: str, paper: Paper, *, actor: Actor, at: datetime) -> Blob | RenderJob:
    found = _found(paper)
    if found is not None:
        return found
    return rendering.ask(kind=kind, subject=subject, part=part, digest=paper.digest, actor=actor, at=at)


def _found(paper: Paper) -> Blob | None:
    row = Document.objects.filter(**paper.row).select_related("blob").order_by("pk").first()
    return row.blob if row else None


def _made(paper: Paper, *, at: datetime, tick: rendering.Tick) -> Blob:
    """The file of these data: the one there is, or a new one. Rendered outside any transaction: it takes its time."""
    found = _found(paper)
    if found is not None:
        return found
    body = render_pdf(paper.template, {"data_digest": paper.digest, **paper.data}, tick=tick)
    blob = attachments.store_bytes(name=f"{paper.name}.pdf", content=body, content_type="application/pdf", at=at)
    Document.objects.create(**paper.row, blob=blob, created_at=at)
    return blob
