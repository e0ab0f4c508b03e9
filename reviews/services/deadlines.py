"""Last days of reviews: when experts close their sheets, when departments answer (core.deadlines)."""

from collections.abc import Iterator
from datetime import date

from django.db.models import QuerySet
from django.urls import reverse

from greenlist.accounts import selectors as accounts
from greenlist.core import clock, deadlines
from greenlist.core.actors import Actor, Capacity
from greenlist.core.deadlines import Deadline
from reviews.models import ConsultedOffice, Seat
from reviews.selectors import consultations
from reviews.states import PanelState


@deadlines.source("reviews.consultations")
def asked_offices(today: date, *, actor: Actor | None = None) -> Iterator[Deadline]:
    """Departments that were asked for an opinion and have not answered (HEB-3b). What passed is marked and told by
    `consultations.mark_overdue`, so no rung stands after the last day."""
    if actor is not None and actor.capacity != Capacity.DEPARTMENT:
        return
    waiting = ConsultedOffice.objects.waiting().filter(due_on__isnull=False, asked_at__isnull=False)
    if actor is not None:
        waiting = waiting.filter(authority_id=actor.authority_id)

    def people(office: ConsultedOffice) -> tuple[int, ...]:
        category = office.consultation.call.category
        if actor is not None:
            return (actor.user_id or 0,) if actor.list_kind in ("", category) else ()
        return tuple(accounts.people_with(office.authority_id or 0, [Capacity.DEPARTMENT], today, category))

    def of_office(office: ConsultedOffice) -> Iterator[Deadline]:
        found = office.consultation
        if office.authority_id is None or office.due_on is None or office.asked_at is None:
            return
        yield Deadline(
            key=f"consultation.near:{office.pk}",
            what=found.title,
            last_day=office.due_on,
            since=clock.china_date(office.asked_at),
            ladder=consultations.rule_of(found).remind,
            people=people(office),
            link=reverse("reviews:opinion", args=[office.reference]),
            clause=consultations.rule_of(found).clause,
            holder=deadlines.office(office.authority_id),
            kind="consultation.near",
            params={"authority": found.authority.name},
        )

    rows = waiting.select_related("consultation__call__rules", "consultation__authority").order_by("pk")
    yield from deadlines.each(rows, of_office)


@deadlines.source("reviews.sheets")
def open_sheets(today: date, *, actor: Actor | None = None) -> Iterator[Deadline]:
    """Experts with a sheet of an open panel that is not locked; the panel's own last day, the portal's own ladder."""
    if actor is not None and actor.capacity != Capacity.EXPERT:
        return
    seats: QuerySet[Seat] = Seat.objects.at_work().filter(panel__state=PanelState.OPEN, panel__closes_on__isnull=False)
    if actor is not None:
        seats = seats.filter(user_id=actor.user_id)

    def of_seat(seat: Seat) -> Iterator[Deadline]:
        assert seat.panel.closes_on is not None
        yield Deadline(
            key=f"panel.sheets:{seat.pk}",
            what=seat.panel.title,
            last_day=seat.panel.closes_on,
            since=clock.china_date(seat.invited_at),
            ladder=deadlines.usual_ladder(),
            people=(seat.user_id,),
            link=reverse("reviews:seat", args=[seat.panel.reference]),
            holder=deadlines.capacity(Capacity.EXPERT),
        )

    yield from deadlines.each(seats.select_related("panel").order_by("pk"), of_seat)
