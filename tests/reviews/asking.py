"""Cases that wait for the opinions of departments, and shortcuts through a consultation: every one a service call."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from applications.models import Application, Call
from applications.services import calls, cases
from applications.states import State
from greenlist.core.actors import SYSTEM
from reviews.models import Consultation, ConsultedOffice
from reviews.services import consultations, opinions
from tests.applications import county, filled
from tests.world import World

START = datetime.fromisoformat("2026-06-01T09:00:00+08:00")  # a Monday; 19 June is a holiday
LAST_DAY = "2026-06-08"  # five working days, the day of sending not counted
AFTER = datetime.fromisoformat("2026-06-09T09:00:00+08:00")
SCAN = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


VALUES: dict[str, dict[str, Any]] = {
    "hebei-national": {"city_by": "2026-07-19"},
    "heilongjiang-national": {"city_by": "2026-06-20", "edition": "factory-2018"},
    "heilongjiang": {
        "apply_by": "2026-04-30",
        "city_by": "2026-05-20",
        "notice_first_day": "next",
        "edition": "factory-2018",
    },
}


def call_of(world: World, place: str = "hebei-national", *, load: bool = True, **changes: Any) -> Call:
    """An open call of a rule set whose route asks departments; a draft of rules is opened knowingly."""
    if load:
        county.load_rules()
    who = "hlj_province" if place.startswith("heilongjiang") else "province"
    given = {"title": "关于组织推荐2026年度国家绿色工厂名单的通知", "values": VALUES.get(place, {})}
    draft = filled.draft_of(place, **{**given, **changes})
    made = calls.create(actor=world.actor(f"{who}_handler"), at=filled.SPRING, draft=draft)
    return calls.open_call(actor=world.actor(f"{who}_approver"), at=filled.SPRING, pk=made.pk, warned=True)


def waiting(
    world: World,
    call: Call,
    *,
    organisation: Any = None,
    desk: str = "130300",
    step: str = "consult",
    at: datetime = START,
) -> Application:
    """A case of which the departments are to be asked by the authority of `desk`."""
    row = county.case(world, call, organisation=organisation, county=desk)
    row.reached = {"city": 2, "province": 3}[world.authorities[desk].tier]
    cases.move(
        row,
        "pass_screening",
        row.pass_screening,
        actor=SYSTEM,
        at=at,
        desk=world.authorities[desk],
        to=State.CONSULTING,
        step=step,
    )
    return row


def several(
    world: World, call: Call, count: int, *, start: int = 6100, area: str = "130302", **given: Any
) -> list[Application]:
    return [waiting(world, call, organisation=county.firm(world, area, start + n), **given) for n in range(count)]


def drafted(world: World, call: Call, *, handler: str = "city_handler", at: datetime = START) -> Consultation:
    return consultations.create(actor=world.actor(handler), call=call, at=at)


def sent(
    world: World,
    call: Call,
    *,
    handler: str = "city_handler",
    approver: str = "city_approver",
    at: datetime = START,
) -> Consultation:
    """Letter written, approved, and out to all departments."""
    draft = drafted(world, call, handler=handler, at=at)
    consultations.hand_over(actor=world.actor(handler), reference=draft.reference, at=at)
    return consultations.send(actor=world.actor(approver), reference=draft.reference, at=at)


def office(consultation: Consultation, department: str = "ecology") -> ConsultedOffice:
    return consultation.offices.get(department=department)


def scan() -> SimpleUploadedFile:
    return SimpleUploadedFile("复函.pdf", SCAN, "application/pdf")


def answered(
    world: World,
    consultation: Consultation,
    department: str = "ecology",
    *,
    by: str = "ecology",
    against: Iterable[Application] = (),
    checks: dict[str, str] | None = None,
    at: datetime = START,
) -> ConsultedOffice:
    """One department's answer: objections to some, no objection to the others; on paper when an official enters it."""
    found, actor = office(consultation, department), world.actor(by)
    said = {row.reference: opinions.Opinion("objection", "近三年发生过环境污染事故。", checks or {}) for row in against}
    opinions.save(actor=actor, reference=found.reference, said=said, at=at)
    opinions.no_objection(actor=actor, reference=found.reference, at=at)
    cover = opinions.Cover(number="示环函〔2026〕3号", upload=None if by == "ecology" else scan())
    return opinions.submit(actor=actor, reference=found.reference, at=at, cover=cover)


def all_answered(world: World, consultation: Consultation, *, handler: str = "city_handler", **given: Any) -> None:
    """The ecology bureau by its own account, the others on paper."""
    for one in consultation.offices.all():
        if one.answered_at is None:
            own = one.authority_id is not None and one.department == "ecology"
            answered(world, consultation, one.department, by="ecology" if own else handler, **given)


def closed(
    world: World,
    consultation: Consultation,
    rulings: dict[str, consultations.Ruling] | None = None,
    *,
    handler: str = "city_handler",
    approver: str = "city_approver",
    at: datetime = START,
) -> Consultation:
    consultations.conclude(actor=world.actor(handler), reference=consultation.reference, rulings=rulings, at=at)
    return consultations.close(actor=world.actor(approver), reference=consultation.reference, at=at)
