"""Yearly tables of two other places: one finished year and one running; where the units of a trade stand among each other."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from dynamics.models import Cycle
from dynamics.services import cycles, scores, showing
from dynamics.states import YearlyState
from greenlist.core.clock import CHINA
from greenlist.organisations.models import Organisation
from greenlist.portal.demo import tables, upper
from greenlist.portal.demo.places import Cast
from greenlist.portal.demo.story import moment
from registry.models import Listing
from registry.services.imported import ListRow

# Rules, their authority, the day on which the year opens, its last day.
CITY = ("jieyang", "445200", (2, 16), (4, 15))
PROVINCE = ("heilongjiang", "230000", (2, 2), (3, 30))


def running(cast: Cast, now: datetime) -> None:
    """Six metal works of a city on its province's list, so on the city's too; two of another province on the nation's."""
    metal = [firm for firm in cast.firms if "/445202/" in firm.area.path]
    far = [cast.firms[number] for number in (55, 56)]
    at = moment(date(2024, 3, 5))
    upper.taken(cast, CITY[1], _rows(metal), "2023年度广东省绿色工厂名单（示例）", at)
    upper.taken(cast, PROVINCE[1], _rows(far), "2023年度国家绿色工厂名单（示例）", at, tier="nation")
    year = (now - timedelta(days=60)).astimezone(CHINA).year  # the year whose tables are at work
    for place in (CITY, PROVINCE):
        finished(cast, place, year - 1)
        at_work(cast, place, year, now)
    stands(cast, metal[0], now)


def _rows(firms: Sequence[Organisation]) -> list[ListRow]:
    return [ListRow(firm.name, firm.code or "") for firm in firms]


def opened(cast: Cast, place: tuple, year: int) -> tuple[Cycle, datetime]:
    rules, slug, first, last = place
    at = moment(date(year, *first))
    return tables.opened(cast, rules, slug, date(year, *last), at), at


def finished(cast: Cast, place: tuple, year: int) -> None:
    """All filed and accepted, scored by the owner of the list, closed after the last day."""
    cycle, at = opened(cast, place, year)
    rows = list(cycle.reports.exclude(state=YearlyState.EXEMPT).order_by("pk"))
    for number, table in enumerate(rows):
        tables.finished(cast, table, at + timedelta(days=9 + number), str(1 + Decimal(number) / 20))
    given = {row.reference: Decimal(92 - 4 * number) for number, row in enumerate(rows)}
    handler, approver = cast.official(place[1], "handler"), cast.official(place[1], "approver")
    after = moment(cycle.due_on + timedelta(days=10))
    scores.enter(actor=handler, at=after, cycle=cycle.reference, scores=given)
    cycles.close(actor=approver, at=after + timedelta(days=5), reference=cycle.reference)


def at_work(cast: Cast, place: tuple, year: int, now: datetime) -> None:
    """One table filed, one begun where there are more; the last day moved on, so that the year is still running."""
    cycle, at = opened(cast, place, year)
    until = (now + timedelta(days=18)).astimezone(CHINA).date()
    if until > cycle.due_on:
        cycles.move_last_day(
            actor=cast.official(place[1], "approver"),
            at=at + timedelta(days=20),
            reference=cycle.reference,
            due_on=until,
            reason="统计数据核定时间推迟，延长填报时间（演示数据）。",
        )
    owned = cycle.reports.filter(organisation__in=cast.owners, state=YearlyState.DUE).order_by("pk")
    filed, *others = owned
    actor = cast.owners[filed.organisation_id]
    tables.hand_in(tables.fill(filed, actor, at + timedelta(days=12)), actor, at + timedelta(days=14))
    for table in others[1:2]:
        tables.fill(table, cast.owners[table.organisation_id], at + timedelta(days=15), sections=3)


def stands(cast: Cast, firm: Organisation, now: datetime) -> None:
    """本地相对位置: a unit shows in which quarter of its trade it is, among five others."""
    place = Listing.objects.get(organisation=firm, listbook__owner=cast.offices[CITY[1]])
    showing.mark(listing_id=place.pk, kind="standing", public=True, actor=cast.owner(firm), at=now - timedelta(days=30))
