"""Work lists after listing: alarms first, tables at one's desk, removals, what units report and hand in, what goes upward."""

from collections.abc import Callable, Iterator
from datetime import date

from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dynamics.models import (
    Change,
    CultivationFiling,
    CultivationObject,
    Inspection,
    Rectification,
    Removal,
    Tip,
    TipHandler,
    UpwardRequest,
    YearlyReport,
)
from dynamics.selectors import incidents
from dynamics.states import (
    OPEN_REMOVALS,
    ChangeState,
    CultivationSource,
    CultivationState,
    CycleState,
    FilingState,
    InspectionState,
    RectificationState,
    RemovalState,
    TipState,
    UpwardState,
)
from greenlist.core.actors import Actor, Capacity, Tier
from greenlist.portal.selectors.kinds import Kind, Task
from registry.models import Bulletin
from registry.states import BulletinState, ListingState


def alarms(actor: Actor, on: date) -> Iterator[Kind]:
    """Told in real time and not seen yet: before everything else (QHD-13b, JY-20, HLJ-29)."""
    yield Kind(
        "alarms",
        gettext_lazy("Alarms"),
        incidents.unseen(actor),
        lambda row: Task(
            title=row.name,
            why=_("%(kind)s: confirm that you have seen the alarm.") % {"kind": row.get_kind_display()},
            link=reverse("dynamics:incident", args=[row.reference]),
        ),
        reverse("dynamics:incidents"),
    )


def official(actor: Actor, on: date) -> Iterator[Kind]:
    """What an office has to do about listed units and those that are brought on."""
    handler = actor.capacity == Capacity.HANDLER
    yield from _leaving(actor, on)
    yield from _decided(actor, handler)
    yield from _yearly_tables(actor, on)
    yield from _reported(actor, handler)
    yield from _filings(actor, handler)
    yield from _visits(actor)


def _reported(actor: Actor, handler: bool) -> Iterator[Kind]:
    """Reports from the public, changes, what units have put right."""
    mine = Q(Exists(TipHandler.objects.filter(tip=OuterRef("pk"), user_id=actor.user_id)))
    handled = Q(state__in=(TipState.RECEIVED, TipState.VERIFYING))
    open_tips = (
        handled if handler else Q(state=TipState.RECEIVED) | (handled & mine) | Q(state=TipState.TO_DECIDE) & ~mine
    )
    yield Kind(
        "tips",
        gettext_lazy("Reports from the public"),
        # Without who reported: those columns are not even read (R6).
        Tip.objects.visible_to(actor).filter(open_tips).only("receipt", "about", "state", "received_at").order_by("pk"),
        lambda row: Task(
            title=row.about,
            why=_("Report %(number)s: %(state)s.") % {"number": row.receipt, "state": row.get_state_display()},
            link=reverse("dynamics:tip", args=[row.receipt]),
        ),
        reverse("dynamics:tips"),
    )
    wanted = ChangeState.REPORTED if handler else ChangeState.TO_CONFIRM
    yield Kind(
        "changes",
        gettext_lazy("Verify changes") if handler else gettext_lazy("Confirm changes"),
        Change.objects.visible_to(actor)
        .filter(verifier_id=actor.authority_id, state=wanted)
        .select_related("listing")
        .order_by("pk"),
        lambda row: Task(
            title=row.listing.name,
            why=_("A listed unit has reported a change."),
            link=reverse("dynamics:change", args=[row.reference]),
        ),
        reverse("dynamics:changes") + "?state=open",
    )
    yield Kind(
        "rectifications",
        gettext_lazy("Judge what was put right"),
        Rectification.objects.visible_to(actor)
        .filter(authority_id=actor.authority_id, state=RectificationState.HANDED_IN)
        .select_related("listing")
        .order_by("pk"),
        lambda row: Task(
            title=row.listing.name,
            why=_("The unit has handed in what it put right."),
            link=reverse("dynamics:rectification", args=[row.reference]),
            due_on=row.due_on,
        ),
        reverse("dynamics:rectifications") + "?state=handed_in",
    )


def _decided(actor: Actor, handler: bool) -> Iterator[Kind]:
    if not handler:
        return
    yield Kind(
        "removals_to_print",
        gettext_lazy("Publish what was decided"),
        Removal.objects.visible_to(actor)
        .of_own_list()
        .filter(owner_id=actor.authority_id, state=RemovalState.DECIDED, bulletin=None)
        .order_by("pk"),
        lambda row: Task(
            title=row.name,
            why=_("The removal is decided; it takes effect with a bulletin (%(clause)s).") % {"clause": row.clause},
            link=reverse("dynamics:bulletins"),
        ),
        reverse("dynamics:bulletins"),
    )


def _filings(actor: Actor, handler: bool) -> Iterator[Kind]:
    if actor.tier is None or actor.tier.rank < Tier.CITY.rank:
        return
    filed = Q(authority_id=actor.authority_id, state=FilingState.DRAFT if handler else FilingState.TO_SIGN)
    yield Kind(
        "filings",
        gettext_lazy("Filings on cultivation"),
        CultivationFiling.objects.visible_to(actor)
        .filter(filed | Q(to_id=actor.authority_id, state=FilingState.SENT))
        .select_related("authority")
        .order_by("pk"),
        lambda row: Task(
            title=str(row.authority),
            why=str(row.get_state_display()),
            link=reverse("dynamics:filing", args=[row.reference]),
        ),
        reverse("dynamics:filings"),
    )


def _visits(actor: Actor) -> Iterator[Kind]:
    yield Kind(
        "inspections",
        gettext_lazy("Visits to make"),
        Inspection.objects.visible_to(actor)
        .filter(authority_id=actor.authority_id, state=InspectionState.PLANNED)
        .select_related("listing")
        .order_by("planned_on", "pk"),
        lambda row: Task(
            title=row.listing.name,
            why=str(row.get_kind_display()),
            link=reverse("dynamics:inspection", args=[row.reference]),
            due_on=row.planned_on,
        ),
        reverse("dynamics:inspections"),
    )
    yield Kind(
        "asks_to_be_cultivated",
        gettext_lazy("Units that ask to be brought on"),
        CultivationObject.objects.visible_to(actor)
        .filter(authority_id=actor.authority_id, state=CultivationState.CANDIDATE, source=CultivationSource.OWN)
        .select_related("organisation")
        .order_by("pk"),
        lambda row: Task(
            title=row.organisation.name,
            why=_("The unit asks to be taken into the cultivation library."),
            link=reverse("dynamics:cultivation-object", args=[row.reference]),
        ),
        reverse("dynamics:cultivation"),
    )


# ---- leaving a list, alarms, requests upward ------------------------------------------------------------------------
def _removal_task(why: Callable[[Removal], str]) -> Callable[[Removal], Task]:
    return lambda row: Task(title=row.name, why=why(row), link=reverse("dynamics:removal", args=[row.reference]))


def _held_against_us(actor: Actor, on: date) -> Iterator[Kind]:
    """Removals that the unit may still answer."""
    if actor.is_body:
        return
    yield Kind(
        "removal_answer",
        gettext_lazy("Answer: a removal from the list is intended"),
        Removal.objects.visible_to(actor).filter(state=RemovalState.HEARING).select_related("hearing").order_by("pk"),
        lambda row: Task(
            title=row.name,
            why=_("Read what is held against you (%(clause)s) and answer.") % {"clause": row.clause},
            link=reverse("dynamics:removal", args=[row.reference]),
            due_on=row.hearing.answer_by,
        ),
        reverse("dynamics:removals"),
    )


def _leaving(actor: Actor, on: date) -> Iterator[Kind]:
    """What an office has to do about removals, their bulletins and letters."""
    own = Removal.objects.visible_to(actor).filter(owner_id=actor.authority_id).order_by("pk")
    approver = actor.capacity == Capacity.APPROVER
    silent = Q(state=RemovalState.HEARING, hearing__answer_by__lt=on)
    yield Kind(
        "removals",
        gettext_lazy("Removals"),
        own.filter(Q(state__in=(RemovalState.PROPOSED, RemovalState.HEARD)) | silent),
        _removal_task(lambda row: f"{row.clause} · {row.get_state_display()}"),
        reverse("dynamics:removals"),
    )
    if approver:
        concluded = Q(state=RemovalState.TO_APPROVE) & ~Q(concluded_by_id=actor.user_id)
        dropped = Q(state__in=OPEN_REMOVALS, dismissal_by__isnull=False) & ~Q(dismissal_by_id=actor.user_id)
        yield Kind(
            "removals_to_decide",
            gettext_lazy("Decide on removals"),
            own.filter(concluded | dropped),
            _removal_task(
                lambda row: (
                    (
                        _("It is proposed to let it drop (%(clause)s).")
                        if row.dismissal_by_id
                        else _("The handler has handed on the conclusion (%(clause)s).")
                    )
                    % {"clause": row.clause}
                )
            ),
            reverse("dynamics:removals"),
        )
        waiting = Bulletin.objects.visible_to(actor).filter(listbook__owner_id=actor.authority_id)
        yield Kind(
            "bulletins",
            gettext_lazy("Publish bulletins"),
            waiting.filter(state=BulletinState.TO_APPROVE).exclude(handed_by_id=actor.user_id).order_by("pk"),
            lambda row: Task(
                title=row.title,
                why=_("Ready to be published."),
                link=reverse("dynamics:bulletin", args=[row.reference]),
            ),
            reverse("dynamics:bulletins"),
        )
    mine = Q(from_authority_id=actor.authority_id, state=UpwardState.TO_SIGN if approver else UpwardState.DRAFT)
    letters = UpwardRequest.objects.visible_to(actor)
    yield Kind(
        "letters",
        gettext_lazy("Requests upward"),
        letters.filter(mine | Q(to_authority_id=actor.authority_id, state=UpwardState.SENT)).order_by("pk"),
        lambda row: Task(
            title=row.title,
            why=row.get_state_display(),
            link=reverse("dynamics:request", args=[row.reference]),
        ),
        reverse("dynamics:requests"),
    )


def _yearly_tables(actor: Actor, on: date) -> Iterator[Kind]:
    """Yearly tables of listed units: to hand in, to correct, to review."""
    if actor.is_official:
        rows = YearlyReport.objects.visible_to(actor).at_desk_of(actor)
        key, label, page = "tables", gettext_lazy("Review yearly tables"), "dynamics:yearly-review"
    else:
        rows = YearlyReport.objects.visible_to(actor).owed().filter(cycle__state=CycleState.OPEN)
        key, label, page = "tables", gettext_lazy("Yearly tables to hand in"), "dynamics:yearly"

    def task(row: YearlyReport) -> Task:
        why = _("Handed in: review it.") if actor.is_official else str(row.get_state_display())
        last = None if actor.is_official else row.answer_by or row.due_on
        return Task(title=row.name, why=why, link=reverse(page, args=[row.reference]), due_on=last)

    more = reverse("dynamics:cycles") if actor.is_official else reverse("dynamics:yearly-own")
    yield Kind(key, label, rows.order_by("due_on", "pk"), task, more)


# ---- the unit itself --------------------------------------------------------------------------------------------------
def unit(actor: Actor, on: date) -> Iterator[Kind]:
    """What a listed or cultivated unit owes or may answer."""
    if actor.is_body:
        return
    yield from _held_against_us(actor, on)
    yield from _yearly_tables(actor, on)
    yield Kind(
        "own_rectifications",
        gettext_lazy("Put right"),
        Rectification.objects.visible_to(actor)
        .filter(state=RectificationState.ORDERED)
        .exclude(listing__state=ListingState.REMOVED)
        .select_related("listing")
        .order_by("due_on", "pk"),
        lambda row: Task(
            title=row.reason[:80],
            why=_("Hand in what you have done, with proof."),
            link=reverse("dynamics:rectification", args=[row.reference]),
            due_on=row.due_on,
        ),
        reverse("dynamics:rectifications"),
    )
    yield Kind(
        "own_changes",
        gettext_lazy("Complete reported changes"),
        Change.objects.visible_to(actor).filter(state=ChangeState.RETURNED).select_related("listing").order_by("pk"),
        lambda row: Task(
            title=row.listing.name, why=row.note[:100], link=reverse("dynamics:change", args=[row.reference])
        ),
        reverse("dynamics:changes"),
    )
    yield Kind(
        "invited",
        gettext_lazy("You are invited to apply"),
        CultivationObject.objects.visible_to(actor)
        .filter(state=CultivationState.INVITED)
        .select_related("authority", "organisation")
        .order_by("pk"),
        lambda row: Task(
            title=str(row.authority),
            why=_("%(authority)s invites you to apply for a list.") % {"authority": row.authority},
            link=reverse("dynamics:cultivation-object", args=[row.reference]),
        ),
        reverse("dynamics:cultivation-own"),
    )
