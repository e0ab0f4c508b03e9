"""Panels as their convening authority sees them: lists, the builder's choices, progress, what the panel said."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from applications import selectors as applications
from applications.models import Application, Call
from applications.selectors import bodies, projects
from applications.states import State
from greenlist.accounts import selectors as accounts
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import NotVisible, Text
from greenlist.organisations.models import Organisation
from greenlist.policy.engine.types import ReviewRule, Step, StepKind
from reviews.models import Expert, Panel, PanelItem, Seat, Sheet
from reviews.selectors import conflicts, scores
from reviews.states import LIVE_PANELS

PAGE_SIZE = 30
UNITS_SHOWN = 50  # of a panel on one page of it
ATTENTION = 20  # units told at once that want another expert
PLEDGE = _(
    "As an expert of this panel I pledge: 1. I judge independently, objectively and fairly, by the policy documents alone. "
    "2. I declare every tie with an applicant and keep away from its application. "
    "3. I keep the material, the discussion and the result secret, copy nothing and give nothing to others. "
    "4. I accept neither money nor gifts nor other favours, and meet no applicant about this review. "
    "5. I answer for my opinion."
)


@dataclass(frozen=True, slots=True)
class PanelPage:
    rows: tuple[Panel, ...]
    after: int | None  # key of the next page


@dataclass(frozen=True, slots=True)
class Choice:
    """An application that may be put before the panel."""

    case: Application
    area: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Keeping:
    """An application that an expert must keep away from, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An expert who may be invited, with the conflicts the portal knows."""

    user_id: int
    name: str
    employer: str
    field: str
    keeps_away: tuple[Keeping, ...]
    chosen: bool
    is_chair: bool


@dataclass(frozen=True, slots=True)
class SeatRow:
    """How far one expert is: counts only, never a score before the panel closes."""

    seat: Seat
    name: str
    own: int  # units to judge
    done: int  # of them complete
    away: int  # units with a conflict


@dataclass(frozen=True, slots=True)
class SheetLine:
    """One expert's judgement on a unit, for the officials who conclude."""

    expert: str
    score: Decimal | None
    suggests: bool | None
    comment: str


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One unit before the panel, with what counts so far."""

    item: PanelItem
    case: Application
    live: bool  # still under review
    sheets: tuple[SheetLine, ...]
    total: Decimal | None
    spread: Decimal | None
    wide: bool  # the experts are further apart than the score rule likes
    yes: int
    no: int
    away: int


def get(actor: Actor, reference: str) -> Panel:
    """For officials of the convening authority. Raises NotVisible."""
    if not actor.is_official:
        raise NotVisible
    rows = Panel.objects.visible_to(actor).select_related(
        "call__rules", "authority", "created_by", "concluded_by", "opinion_file"
    )
    found = rows.filter(reference=reference).first()
    if found is None:
        raise NotVisible
    return found


def visible(actor: Actor, reference: str) -> Panel:
    """For officials of the convening authority, and for who watches the panel. Raises NotVisible."""
    if actor.is_official:
        return get(actor, reference)
    if actor.capacity != Capacity.SUPERVISOR:
        raise NotVisible
    found = Panel.objects.visible_to(actor).select_related("call__rules", "authority", "created_by", "concluded_by")
    panel = found.filter(reference=reference).first()
    if panel is None:
        raise NotVisible
    return panel


def page(actor: Actor, *, after: int | None = None, size: int = PAGE_SIZE) -> PanelPage:
    """The panels of an authority, newest first, with what they hold."""
    if not actor.is_official:
        return PanelPage((), None)
    rows = Panel.objects.visible_to(actor).select_related("call")
    if after is not None:
        rows = rows.filter(pk__lt=after)
    live = Q(seats__recused_at=None)
    counted = rows.annotate(
        units=Count("items", distinct=True),
        members=Count("seats", filter=live, distinct=True),
        locked=Count("seats", filter=live & ~Q(seats__locked_at=None), distinct=True),
    )
    found = list(counted.order_by("-pk")[: size + 1])
    return PanelPage(tuple(found[:size]), found[size - 1].pk if len(found) > size else None)


def waiting(actor: Actor) -> QuerySet[Application]:
    """Cases that wait for a panel at this authority's desk and are before none."""
    before = PanelItem.objects.filter(application=OuterRef("pk"), panel__state__in=LIVE_PANELS)
    rows = Application.objects.visible_to(actor).filter(state=State.RECOMMENDED, desk_id=actor.authority_id)
    return rows.exclude(Exists(before))


def calls_waiting(actor: Actor) -> QuerySet[Call]:
    """The calls with cases for a panel."""
    return Call.objects.filter(Exists(waiting(actor).filter(call=OuterRef("pk")))).order_by("-pk")


def call_waiting(actor: Actor, call_id: int) -> Call:
    """Raises NotVisible for a call without a case that waits here."""
    found = calls_waiting(actor).select_related("rules", "owner__area").filter(pk=call_id).first()
    if found is None:
        raise NotVisible
    return found


def step_for(call: Call) -> Step:
    """The panel step of the call's route. Raises NotVisible where it has none."""
    try:
        return applications.rules_of(call).first(StepKind.PANEL)
    except KeyError as none:
        raise NotVisible from none


def usual_pledge(call: Call) -> str:
    """The rule set's text of the pledge, or the portal's own; in Chinese, as it is signed."""
    spec = applications.rules_of(call).texts.get("pledge")
    with translation.override("zh-hans"):
        return spec.body.zh.strip() if spec else str(PLEDGE)


def choices(actor: Actor, call: Call, *, chosen: Collection[str], panel: Panel | None = None) -> list[Choice]:
    """What may be put before the panel: what waits, and what this panel in preparation holds already."""
    rows = waiting(actor)
    if panel is not None:
        rows = rows | Application.objects.visible_to(actor).filter(panel_items__panel=panel, state=State.RECOMMENDED)
        rows = rows.distinct()
    found = list(rows.filter(call=call).select_related("site__area").order_by("priority", "pk"))
    for case in found:
        case.call = call  # one for all
    return [Choice(case, case.site.area.name, case.reference in chosen) for case in found]


def candidates(
    on: date,
    cases: Collection[Application],
    *,
    rule: ReviewRule | None = None,
    chosen: Collection[int] = (),
    chair: int | None = None,
) -> list[Candidate]:
    """Everybody who is an expert that day and not suspended, with conflicts towards these cases (AZ-08)."""
    held: dict[int, tuple[str, str, str]] = {}
    suspended = set(Expert.objects.exclude(suspended_at=None).values_list("user_id", flat=True))
    for mandate in accounts.experts(on).exclude(user__in=suspended):
        held.setdefault(mandate.user_id, (mandate.user.name, mandate.employer, mandate.field))
    known = conflicts.found(
        {user: employer for user, (_name, employer, _field) in held.items()}, cases, rule=rule, on=on
    )
    names = {case.pk: case.name for case in cases}
    away: dict[int, list[Keeping]] = {}
    for (user, case), kind in sorted(known.items(), key=lambda pair: pair[0]):
        away.setdefault(user, []).append(Keeping(names[case], str(kind.label)))
    return [
        Candidate(
            user_id=user,
            name=name,
            employer=employer,
            field=field,
            keeps_away=tuple(away.get(user, ())),
            chosen=user in chosen,
            is_chair=user == chair,
        )
        for user, (name, employer, field) in held.items()
    ]


@dataclass(frozen=True, slots=True)
class Commissionable:
    """A registered body that may be commissioned, or why not."""

    body: Organisation
    is_white: bool  # on the list the authority published
    why_not: Text


def bodies_to_commission(call: Call, cases: Collection[Application], on: date) -> list[Commissionable]:
    """The bodies approved for the call's place; not one that evaluated a unit before the panel, nor one under a ban."""
    wrote = set(projects.body_ids_of(case.pk for case in cases).values())
    white = bodies.white_codes(call.owner.area)
    banned = bodies.banned(call.owner.area.path, on)
    found = []
    for body in bodies.approved_for(call.owner.area):
        why: Text = ""
        if body.pk in wrote:
            why = _("It evaluated one of these units.")
        elif body.pk in banned:
            why = _("It is under a ban.")
        found.append(Commissionable(body, body.code in white, why))
    return found


def short_units(panel: Panel) -> set[int]:
    """Cases still under review that fewer experts judge than were laid down."""
    if panel.per_case is None:
        return set()
    judging = Q(sheets__conflict="", sheets__seat__recused_at=None)
    rows = panel.items.filter(application__state=State.UNDER_REVIEW).annotate(n=Count("sheets", filter=judging))
    return set(rows.filter(n__lt=panel.per_case).values_list("application_id", flat=True))


def seats(panel: Panel) -> list[SeatRow]:
    """Every seat, also those given up, with its progress; counted by the database."""
    own = Q(sheets__conflict="")
    complete = own & Q(sheets__suggests__isnull=False) & ~Q(sheets__comment="")
    complete = complete & Q(sheets__score__isnull=False) if panel.scored else complete
    rows = panel.seats.select_related("user", "recused_by").annotate(
        own=Count("sheets", filter=own),
        done=Count("sheets", filter=complete),
        away=Count("sheets", filter=~own),
    )
    return [
        SeatRow(seat=seat, name=seat.user.name, own=seat.own, done=seat.done, away=seat.away)
        for seat in rows.order_by("-is_chair", "pk")
    ]


def at_work(panel: Panel) -> list[str]:
    """The names of those whom the conclusion waits for."""
    return list(panel.seats.at_work().order_by("pk").values_list("user__name", flat=True))


def is_complete(panel: Panel, sheet: Sheet) -> bool:
    """Everything that locking asks for."""
    return sheet.suggests is not None and bool(sheet.comment) and (sheet.score is not None or not panel.scored)


def units(panel: Panel, part: slice = slice(None), *, only: Collection[int] | None = None) -> list[UnitRow]:
    """The units with the locked sheets of those who still sit: what the conclusion rests on. All, a page, or some cases."""
    rows = panel.items.select_related("application__site__area", "application__call__owner__area").order_by(
        "application__priority", "application_id"
    )
    rows = rows if only is None else rows.filter(application__in=only)
    items = list(rows[part])
    ids = [item.pk for item in items]
    counted = scores.counted(panel, ids)
    away: Mapping[int, int] = dict(
        Sheet.objects.filter(item__in=ids, seat__recused_at=None)
        .exclude(conflict="")
        .values_list("item_id")
        .annotate(n=Count("pk"))
    )
    return [_unit_row(panel, item, counted.get(item.pk, []), away.get(item.pk, 0)) for item in items]


def page_of(units: int, asked: int | None) -> tuple[int, int, slice]:
    """The page asked for, how many there are, and its rows."""
    pages = max(1, -(-units // UNITS_SHOWN))
    page = min(max(asked or 1, 1), pages)
    return page, pages, slice((page - 1) * UNITS_SHOWN, page * UNITS_SHOWN)


@dataclass(frozen=True, slots=True)
class Attention:
    """A unit under review that lacks experts, or whose scores lie far apart."""

    unit: UnitRow
    short: bool


def attention(panel: Panel) -> list[Attention]:
    """The first units for which a further expert may be drawn; found by the database, on whatever page they are."""
    short = short_units(panel)
    counts = scores.counting("sheets__")
    apart = panel.items.filter(application__state=State.UNDER_REVIEW).annotate(
        low=Min("sheets__score", filter=counts), high=Max("sheets__score", filter=counts)
    )
    step = scores.step_of(panel)
    rule = applications.rules_of(panel.call).scores[step.score] if panel.scored and step.score else None
    far = set()
    if rule is not None and rule.spread is not None:
        far = set(apart.filter(high__gt=F("low") + rule.spread).values_list("application_id", flat=True))
    wanted = sorted(short | far)[:ATTENTION]
    return [Attention(row, row.case.pk in short) for row in units(panel, only=wanted)] if wanted else []


def thin(panel: Panel) -> bool:
    """Whether some unit under review has fewer locked sheets than experts were laid down."""
    if not panel.per_case:
        return False
    rows = panel.items.filter(application__state=State.UNDER_REVIEW)
    locked = Count("sheets", filter=scores.counting("sheets__"))
    return rows.annotate(n=locked).filter(n__lt=panel.per_case).exists()


def _unit_row(panel: Panel, item: PanelItem, sheets: list[Sheet], away: int) -> UnitRow:
    score = scores.total(panel, sheets) if panel.scored and panel.has_seats else None
    return UnitRow(
        item=item,
        case=item.application,
        live=item.application.state == State.UNDER_REVIEW,
        sheets=tuple(SheetLine(s.seat.user.name, s.score, s.suggests, s.comment) for s in sheets),
        total=score.total if score else item.score,
        spread=score.spread if score and len(sheets) > 1 else None,
        wide=bool(score and score.findings),
        yes=sum(sheet.suggests is True for sheet in sheets),
        no=sum(sheet.suggests is False for sheet in sheets),
        away=away,
    )
