"""The work list of each capacity: what this person should do today, and by when."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.db.models import Exists, Model, OuterRef, QuerySet, Value
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applications.models import Application, Batch, Call, Hit, Project, Registration, Screening
from applications.selectors import cases, hits, told
from applications.states import WITH_APPLICANT, BatchState, CallState, ProjectState, RegistrationState, State
from greenlist.accounts.models import User
from greenlist.core import deadlines, ics
from greenlist.core.actors import Actor, Capacity, Tier
from greenlist.organisations import selectors as organisations
from greenlist.organisations.models import AdverseMatch, Organisation, Supervision
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import Calendar
from greenlist.portal.selectors import after
from greenlist.portal.selectors.kinds import SHOWN, Group, Kind, Task, timed
from registry import selectors as registry
from registry.models import Announcement, ImportedList, Notice, NoticeItem, Objection, RowMatch
from registry.states import AnnouncementState, ImportState, ItemState, MatchState, NoticeState, ObjectionState
from reviews.models import Consultation, ConsultedOffice, Decision, DecisionItem, Panel, PanelItem, Seat, Sheet
from reviews.selectors import consultations
from reviews.states import ConsultationState, DecisionState, PanelState

OWN = 100  # open cases of one firm that its work list looks at
CASE = ("reference", "name", "number", "due_on", "call", "step")  # what a task says of a case, and where it is done
MOST_DAYS = 30  # last days on the work list; the calendar has them all


def work_list(actor: Actor, on: date) -> list[Group]:
    """What this person in this capacity should do today, groups in the order of the day, oldest due first in each.

    Three queries, and one more for each kind of thing beside cases that there is something to do with.
    """
    kinds = [kind for make in _GROUPS.get(actor.capacity, ()) for kind in make(actor, on)]
    found = _rows(kinds, actor)
    filled = [(kind, found[kind.key]) for kind in kinds if found.get(kind.key)]
    calendar = Calendar(exceptions=policy.exceptions(on)) if filled else Calendar()
    return [_filled(kind, rows, on, calendar) for kind, rows in filled]


def _rows(kinds: list[Kind], actor: Actor) -> dict[str, list[Any]]:
    """The first rows of every group: one statement for the cases, one asks which other groups have any, one for each model."""
    found = {kind.key: kind.rows[: SHOWN + 1] for kind in kinds if isinstance(kind.rows, list)}
    models: dict[type[Model], list[Kind]] = {}
    for kind in kinds:
        if isinstance(kind.rows, QuerySet):
            models.setdefault(kind.rows.model, []).append(kind)
    cases = models.pop(Application, [])  # there is nearly always one: not asked first
    has = _has_any([kind for several in models.values() for kind in several], actor)
    for several in (cases, *([kind for kind in several if kind.key in has] for several in models.values())):
        if several:
            found |= _at_once(several)
    return found


def _has_any(kinds: list[Kind], actor: Actor) -> set[str]:
    """Keys of the groups that have any row; one statement."""
    asked = {f"has_{kind.key}": Exists(kind.rows) for kind in kinds if isinstance(kind.rows, QuerySet)}
    found = User.objects.filter(pk=actor.user_id).annotate(**asked).values(*asked).first() if asked else None
    return {name.removeprefix("has_") for name, any_ in (found or {}).items() if any_}


def _at_once(kinds: list[Kind]) -> dict[str, list[Any]]:
    """Rows of groups of one model by one statement. SQLite takes no LIMIT inside UNION, but inside a sub-query of it."""
    first, *others = kinds
    if not others:
        return {first.key: list(first.rows[: SHOWN + 1])}
    parts = [_part(kind) for kind in kinds]
    found: dict[str, list[Any]] = {kind.key: [] for kind in kinds}
    for row in parts[0].union(*parts[1:], all=True):
        found[row.group].append(row)
    orders = {kind.key: kind.rows.query.order_by for kind in kinds if isinstance(kind.rows, QuerySet)}
    return {key: sorted(rows, key=lambda row: _place(row, orders[key])) for key, rows in found.items()}


def _part(kind: Kind) -> QuerySet[Any]:
    assert isinstance(kind.rows, QuerySet)
    keys = kind.rows.values("pk")[: SHOWN + 1]
    plain = kind.rows.model._default_manager.filter(pk__in=keys).annotate(group=Value(kind.key)).order_by()
    related = kind.rows.query.select_related
    plain.query.deferred_loading = kind.rows.query.deferred_loading
    return plain.select_related(*related) if isinstance(related, dict) else plain


def _place(row: Any, order: Iterable[Any]) -> list[tuple[bool, Any]]:
    """Where a row stands in an ascending order; what has no value stands last."""
    values = [reduce(getattr, name.split("__"), row) for name in order]
    return [(value is None, value) for value in values]


def _filled(kind: Kind, rows: list[Any], on: date, calendar: Calendar) -> Group:
    return Group(
        key=kind.key,
        label=kind.label,
        tasks=tuple(timed(kind.task(row), on, calendar) for row in rows[:SHOWN]),
        more=kind.more if len(rows) > SHOWN else "",
        waiting=kind.waiting,
    )


def _case(why: Callable[[Application], str], name: str = "applications:case") -> Callable[[Application], Task]:
    return _case_at(why, lambda case: reverse(name, args=[case.reference]))


def _case_at(why: Callable[[Application], str], where: Callable[[Application], str]) -> Callable[[Application], Task]:
    """A case that is worked on where its call's cases are gathered: the page of the case itself has no button for it."""

    def task(case: Application) -> Task:
        return Task(title=case.name, why=why(case), link=where(case), due_on=case.due_on, number=case.number)

    return task


def _to_decide(case: Application) -> str:
    return f"{reverse('reviews:decision-new', args=[case.call_id])}?{urlencode({'step': case.step})}"


# ---- last days ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class LastDays:
    """What one owes by when, the first ones; `all` of them are in the calendar."""

    tasks: tuple[Task, ...]
    all: int


def last_days(actor: Actor, on: date) -> LastDays:
    """The same as the calendar and the reminders say: what is late first, how long is left in words and colours."""
    found = deadlines.of(actor, on)
    calendar = Calendar(exceptions=policy.exceptions(on)) if found else Calendar()
    tasks = [
        Task(title=one.what, why=_("Last day of this."), link=one.link, due_on=one.last_day, number=one.clause)
        for one in found[:MOST_DAYS]
    ]
    return LastDays(tuple(timed(task, on, calendar) for task in tasks), len(found))


def calendar(actor: Actor, on: date) -> tuple[str, list[ics.Event]]:
    """The name and the events of one's calendar."""
    host = urlsplit(settings.PUBLIC_URL).hostname or "greenlist"
    name = " · ".join(part for part in (_("Last days"), actor.authority_name or actor.organisation_name) if part)
    return name, [
        ics.Event(
            uid=f"{one.key}@{host}",
            day=one.last_day,
            title=_("Last day: %(what)s") % {"what": one.what},
            text=" ".join(part for part in (one.what, one.clause) if part),
            url=f"{settings.PUBLIC_URL}{one.link}" if one.link else "",
        )
        for one in deadlines.of(actor, on)
    ]


# ---- applicant ----------------------------------------------------------------------------------------------------
def _body(actor: Actor) -> Iterator[Kind]:
    """Of a third-party body: offers to answer, reports that are open to it."""
    yield Kind(
        "offers",
        gettext_lazy("Accept or decline"),
        Project.objects.visible_to(actor).filter(state=ProjectState.OFFERED).order_by("pk"),
        lambda row: Task(
            title=row.unit,
            why=_("Asks your body to evaluate it."),
            link=reverse("applications:project", args=[row.reference]),
        ),
        reverse("applications:projects"),
    )
    yield Kind(
        "released",
        gettext_lazy("Work on released reports"),
        Application.objects.visible_to(actor).order_by("due_on", "pk").only(*CASE),
        _case(lambda case: _("Open to your people until you sign and the applicant submits.")),
        reverse("applications:cases"),
    )


def _commissions(actor: Actor) -> Iterator[Kind]:
    """Reviews a body was commissioned with: its people are to be named before the panel opens."""
    yield Kind(
        "commissions",
        gettext_lazy("Name your people for a review"),
        Panel.objects.visible_to(actor)
        .filter(state=PanelState.PREPARING, seats=None)
        .select_related("authority")
        .order_by("pk"),
        lambda row: Task(
            title=row.title,
            why=_("%(authority)s has commissioned your body.") % {"authority": row.authority.name},
            link=reverse("reviews:commission", args=[row.reference]),
        ),
        reverse("reviews:commissions"),
    )


def _about_bodies(actor: Actor, handler: bool) -> Iterator[Kind]:
    """Of an authority: bodies that ask for approval, findings that wait for a receipt."""
    if not handler:
        yield Kind(
            "bodies",
            gettext_lazy("Approve third-party bodies"),
            Registration.objects.filter(authority_id=actor.authority_id, state=RegistrationState.SUBMITTED)
            .select_related("body")
            .order_by("pk"),
            lambda row: Task(
                title=row.body.name,
                why=_("Asks to be let to evaluate in your area."),
                link=reverse("applications:body-registration", args=[row.pk]),
            ),
            reverse("applications:bodies"),
        )
    yield Kind(
        "supervisions",
        gettext_lazy("Findings to receive"),
        Supervision.objects.filter(sent_to_id=actor.authority_id, received_at=None)
        .select_related("organisation", "authority")
        .order_by("pk"),
        lambda row: Task(
            title=row.organisation.name,
            why=_("%(sender)s has reported a finding.") % {"sender": row.authority},
            link=reverse("applications:body-supervision", args=[row.pk]),
        ),
        reverse("applications:bodies"),
    )


def _applicant(actor: Actor, on: date) -> Iterator[Kind]:
    if actor.is_body:
        yield from _body(actor)
        yield from _commissions(actor)
        return
    open_cases = Application.objects.visible_to(actor).open().select_related("call", "desk").order_by("pk")
    # A firm has few at a time: one statement for three groups. Put in order by what is told: the order itself would tell.
    known = [told.as_told(case, actor) for case in open_cases[:OWN]]
    own = sorted(known, key=lambda case: (case.due_on or date.max, case.pk))
    yield Kind(
        "claim",
        gettext_lazy("Your organisation"),
        Organisation.objects.visible_to(actor).exclude(claim=Organisation.Claim.CONFIRMED),
        lambda row: Task(
            title=row.name,
            why=_("The county authority has to confirm that you act for it. You may fill in drafts meanwhile."),
            link=reverse("organisations:profile"),
        ),
        waiting=True,
    )
    yield Kind(
        "correct",
        gettext_lazy("Correct and send again"),
        [case for case in own if case.state == State.RETURNED],
        _case(lambda case: _("Returned for correction: only the named fields are open.")),
    )
    yield Kind(
        "finish",
        gettext_lazy("Finish and submit"),
        [case for case in own if case.state == State.DRAFT],
        _case(lambda case: _("Begun for “%(call)s”, not submitted yet.") % {"call": case.call.title}),
    )
    yield Kind("apply", gettext_lazy("You can apply"), cases.open_calls(actor), _apply)
    yield Kind(
        "waiting",
        gettext_lazy("With the authorities"),
        [case for case in own if case.state not in WITH_APPLICANT],
        _case(lambda case: _("%(state)s · %(desk)s") % {"state": case.get_state_display(), "desk": case.desk or ""}),
        waiting=True,
    )


def _apply(call: Call) -> Task:
    return Task(
        title=call.title,
        why=_("%(owner)s is receiving applications.") % {"owner": call.owner},
        link=reverse("applications:public-call", args=[call.owner.area.slug, call.pk]),
    )


# ---- officials ------------------------------------------------------------------------------------------------------
def _proposal() -> Exists:
    return Exists(Screening.objects.filter(application=OuterRef("pk"), signed_at=None, sent_back_at=None))


def _prepared() -> Exists:
    return Exists(PanelItem.objects.filter(application=OuterRef("pk"), panel__state=PanelState.PREPARING))


def _drawn_up() -> Exists:
    return Exists(DecisionItem.objects.filter(application=OuterRef("pk"), step=OuterRef("step")))


def _desk(actor: Actor) -> QuerySet[Application]:
    """Cases at the actor's own desk; every group of them names its state."""
    own = Application.objects.visible_to(actor).filter(desk_id=actor.authority_id)
    return own.order_by("due_on", "pk").only(*CASE)


def _official(actor: Actor, on: date) -> Iterator[Kind]:
    screening = _desk(actor).filter(state=State.SCREENING)
    handler = actor.capacity == Capacity.HANDLER
    if handler:
        yield Kind(
            "review",
            gettext_lazy("Review"),
            screening.exclude(_proposal()),
            _case(lambda case: _("Submitted, waits for your findings."), "applications:review"),
            reverse("applications:desk"),
        )
    else:
        yield Kind(
            "sign",
            gettext_lazy("Sign"),
            screening.filter(_proposal()),
            _case(
                lambda case: _("The handler proposes an outcome; it takes effect with your signature."),
                "applications:review",
            ),
            reverse("applications:desk"),
        )
    yield from _batches(actor, handler)
    yield Kind(
        "findings",
        gettext_lazy("Answer findings of the checks"),
        Hit.objects.for_authority(actor).select_related("rules").order_by("pk"),
        lambda row: Task(
            title=row.name,
            why=_("Something stands against this unit (%(clause)s).") % {"clause": hits.article(row)},
            link=reverse("applications:hit", args=[row.pk]),
        ),
        reverse("applications:hits") + "?mine=1",
    )
    yield Kind(
        "adverse_names",
        gettext_lazy("Confirm whom a record is about"),
        AdverseMatch.objects.visible_to(actor).open().select_related("record", "organisation").order_by("pk"),
        lambda row: Task(
            title=row.organisation.name,
            why=_("An adverse record bears its name, without a credit code: %(record)s.") % {"record": row.record},
            link=reverse("organisations:adverse_match", args=[row.pk]),
        ),
        reverse("organisations:adverse_matches"),
    )
    yield from _published_elsewhere(actor, handler)
    yield Kind(
        "confirm",
        gettext_lazy("Confirm organisations"),
        organisations.claims(actor).prefetch_related(None),
        lambda row: Task(
            title=row.name,
            why=_("Somebody registered as acting for this organisation."),
            link=reverse("organisations:claims"),
        ),
        reverse("organisations:claims"),
    )
    yield from _about_bodies(actor, handler)
    if actor.tier is not None and actor.tier.rank >= Tier.CITY.rank:  # as the rail: counties decide nothing
        yield from _deciding(actor, handler)
    if handler:
        yield Kind(
            "returned",
            gettext_lazy("Waiting for applicants"),
            Application.objects.visible_to(actor).filter(state=State.RETURNED).order_by("due_on", "pk").only(*CASE),
            _case(lambda case: _("Returned for correction.")),
            waiting=True,
        )


def _published_elsewhere(actor: Actor, handler: bool) -> Iterator[Kind]:
    """Lists of other tiers: to approve, names on them, and cases that wait for them."""
    names = RowMatch.objects.visible_to(actor).filter(state=MatchState.OPEN, row__imported__state=ImportState.IN_FORCE)
    # Answered once, it waits for an approver who did not give that answer.
    names = names.filter(proposed_at=None) if handler else names.exclude(proposed_by=actor.user_id)
    yield Kind(
        "list_names",
        gettext_lazy("Confirm names on published lists"),
        names.select_related("row__imported", "organisation").order_by("pk"),
        lambda row: Task(
            title=row.organisation.name,
            why=_("A published list has its name without a credit code: %(list)s.") % {"list": row.row.imported.title},
            link=reverse("registry:imported-match", args=[row.pk]),
        ),
        reverse("registry:imported-matches"),
    )
    if handler:
        yield Kind(
            "outcomes",
            gettext_lazy("Waiting for published lists"),
            _desk(actor).filter(state=State.FORWARDED),
            _case(lambda case: _("Recommended; the list is published elsewhere."), "registry:imported-result"),
            reverse("registry:imported-lists"),
            waiting=True,
        )
        return
    taken = ImportedList.objects.visible_to(actor).filter(state=ImportState.TO_APPROVE)
    yield Kind(
        "list_approve",
        gettext_lazy("Approve published lists"),
        taken.exclude(four_eyes=True, created_by_id=actor.user_id).order_by("pk"),
        lambda row: Task(
            title=row.title,
            why=_("Taken in by a colleague; it counts once you approve it."),
            link=reverse("registry:imported", args=[row.reference]),
        ),
        reverse("registry:imported-lists"),
    )


def _batches(actor: Actor, handler: bool) -> Iterator[Kind]:
    mine = Batch.objects.visible_to(actor).select_related("sender").order_by("pk")
    sent = mine.filter(sender_id=actor.authority_id)

    def task(why: str) -> Callable[[Batch], Task]:
        return lambda batch: Task(
            title=batch.title,
            why=why % {"sender": batch.sender},
            link=reverse("applications:batch", args=[batch.reference]),
        )

    if handler:
        yield Kind(
            "recommend",
            gettext_lazy("Recommend"),
            Application.objects.visible_to(actor)
            .at_desk_of(actor)
            .awaiting_recommendation()
            .order_by("due_on", "pk")
            .only(*CASE),
            _case_at(
                lambda case: _("Passed review and is in no recommendation yet."),
                lambda case: reverse("applications:batches"),
            ),
            reverse("applications:batches"),
        )
        yield Kind(
            "batch",
            gettext_lazy("Finish recommendations"),
            sent.filter(state=BatchState.DRAFT),
            task(_("Being put together.")),
        )
    else:
        yield Kind(
            "batch_sign",
            gettext_lazy("Sign recommendations"),
            sent.filter(state=BatchState.TO_SIGN),
            task(_("Handed over by the handler.")),
        )
    yield Kind(
        "batch_send",
        gettext_lazy("Send recommendations"),
        sent.filter(state=BatchState.SIGNED),
        task(_("Signed and frozen, not sent yet.")),
    )
    yield Kind(
        "batch_receive",
        gettext_lazy("Receive recommendations"),
        mine.filter(receiver_id=actor.authority_id, state=BatchState.SENT),
        task(_("%(sender)s has sent it.")),
    )


def _deciding(actor: Actor, handler: bool) -> Iterator[Kind]:
    own = Call.objects.visible_to(actor).filter(owner_id=actor.authority_id)  # a mandate may cover one list only
    if not handler:
        yield Kind(
            "call_open",
            gettext_lazy("Open calls"),
            own.filter(state=CallState.DRAFT),
            lambda call: Task(
                title=call.title,
                why=_("In preparation; applicants do not see it yet."),
                link=reverse("applications:call", args=[call.pk]),
            ),
        )
        yield from _approvals(actor)
        return
    yield Kind(
        "convene",
        gettext_lazy("Convene a panel"),
        _desk(actor).filter(state=State.RECOMMENDED).exclude(_prepared()),
        _case_at(
            lambda case: _("Recommended, before no panel yet."),
            lambda case: reverse("reviews:panel-new", args=[case.call_id]),
        ),
        reverse("reviews:panels"),
    )
    yield Kind(
        "panels",
        gettext_lazy("Panels"),
        Panel.objects.visible_to(actor).exclude(state=PanelState.CLOSED).order_by("closes_on", "pk"),
        lambda panel: Task(
            title=panel.title,
            why=_("Being prepared.")
            if panel.state == PanelState.PREPARING
            else _("The experts are at work; conclude it when they are done."),
            link=reverse("reviews:panel", args=[panel.reference]),
            due_on=panel.closes_on,
        ),
    )
    yield Kind(
        "decide",
        gettext_lazy("Overall review"),
        _desk(actor).filter(state=State.DECIDING).exclude(_drawn_up()),
        _case_at(lambda case: _("Waits for the decision: propose or decline."), _to_decide),
        reverse("reviews:decisions"),
    )
    yield from _consulting(actor)
    yield Kind(
        "decisions",
        gettext_lazy("Finish proposed lists"),
        Decision.objects.visible_to(actor).filter(state=DecisionState.DRAFTING).order_by("pk"),
        lambda row: Task(
            title=row.title, why=_("Being drawn up."), link=reverse("reviews:decision", args=[row.reference])
        ),
    )
    yield Kind(
        "notice_draft",
        gettext_lazy("Prepare the public notice"),
        registry.decisions_without_notice(actor).select_related(None),
        lambda row: Task(
            title=row.title,
            why=_("The proposed list is approved and not on notice yet."),
            link=reverse("registry:notice_new", args=[row.reference]),
        ),
    )
    yield from _announcing(actor)


def _consulting(actor: Actor) -> Iterator[Kind]:
    """Departments are asked: cases that wait, letters at work."""
    yield Kind(
        "consult",
        gettext_lazy("Ask departments"),
        consultations.waiting(actor).order_by("due_on", "pk").only(*CASE),
        _case_at(
            lambda case: _("Departments are to be asked before it goes on."),
            lambda case: reverse("reviews:consultations"),
        ),
        reverse("reviews:consultations"),
    )
    yield Kind(
        "consultations",
        gettext_lazy("Opinions of departments"),
        _letters(actor).filter(state__in=(ConsultationState.DRAFT, ConsultationState.ASKED)),
        _letter(
            lambda row: (
                _("The letter is being written.")
                if row.state == ConsultationState.DRAFT
                else _("Departments are asked; conclude it when they have answered.")
            )
        ),
        reverse("reviews:consultations"),
    )


def _letters(actor: Actor) -> QuerySet[Consultation]:
    return Consultation.objects.visible_to(actor).order_by("pk")


def _letter(why: Callable[[Consultation], str]) -> Callable[[Consultation], Task]:
    return lambda row: Task(title=row.title, why=why(row), link=reverse("reviews:consultation", args=[row.reference]))


def _covered(actor: Actor, field: str) -> dict[str, str]:
    """What is public already is work only for who keeps that list (QHD-4)."""
    return {field: actor.list_kind} if actor.list_kind else {}


def _announcing(actor: Actor) -> Iterator[Kind]:
    cleared = NoticeItem.objects.filter(
        notice=OuterRef("pk"), state=ItemState.CLEARED, application__state=State.APPROVING
    )
    ready = (
        Notice.objects.visible_to(actor)
        .filter(authority_id=actor.authority_id, state=NoticeState.CLOSED, **_covered(actor, "call__category"))
        .filter(Exists(cleared))
        .exclude(announcements__state__in=(AnnouncementState.DRAFT, AnnouncementState.TO_APPROVE))
        .order_by("ends_on", "pk")
    )
    yield Kind(
        "announce",
        gettext_lazy("Prepare the announcement"),
        ready,
        lambda row: Task(
            title=row.title,
            why=_("The notice period is over and units are ready to be listed."),
            link=reverse("registry:announcement_new", args=[row.reference]),
        ),
    )
    yield Kind(
        "announcements",
        gettext_lazy("Finish announcements"),
        Announcement.objects.visible_to(actor)
        .filter(listbook__owner_id=actor.authority_id, state=AnnouncementState.DRAFT)
        .order_by("pk"),
        lambda row: Task(
            title=row.title, why=_("Being drawn up."), link=reverse("registry:announcement", args=[row.reference])
        ),
    )


def _approvals(actor: Actor) -> Iterator[Kind]:
    yield Kind(
        "consultation_approve",
        gettext_lazy("Approve letters and conclusions"),
        _letters(actor).filter(state__in=(ConsultationState.TO_SEND, ConsultationState.TO_CLOSE)),
        _letter(lambda row: _("Handed over by the handler.")),
    )
    yield Kind(
        "decision_approve",
        gettext_lazy("Approve proposed lists"),
        Decision.objects.visible_to(actor).filter(state=DecisionState.TO_APPROVE).order_by("pk"),
        lambda row: Task(
            title=row.title,
            why=_("Handed over by the handler."),
            link=reverse("reviews:decision", args=[row.reference]),
        ),
    )
    yield Kind(
        "notice_publish",
        gettext_lazy("Publish notices"),
        Notice.objects.visible_to(actor)
        .filter(authority_id=actor.authority_id, state=NoticeState.DRAFT)
        .exclude(four_eyes=True, prepared_by_id=actor.user_id)
        .order_by("pk"),
        lambda row: Task(
            title=row.title,
            why=_("In preparation; the period begins on the day you publish it."),
            link=reverse("registry:notice_manage", args=[row.reference]),
        ),
    )
    yield Kind(
        "objections",
        gettext_lazy("Decide objections"),
        Objection.objects.visible_to(actor)
        .filter(state=ObjectionState.RECEIVED)
        .select_related("item__notice")
        .order_by("received_at"),
        lambda row: Task(
            title=row.item.name,
            why=_("An objection holds this unit."),
            link=reverse("registry:objection", args=[row.receipt]),
            number=row.receipt,
        ),
    )
    yield Kind(
        "announcement_publish",
        gettext_lazy("Publish announcements"),
        Announcement.objects.visible_to(actor)
        .filter(listbook__owner_id=actor.authority_id, state=AnnouncementState.TO_APPROVE)
        .order_by("pk"),
        lambda row: Task(
            title=row.title,
            why=_("Handed over by the handler."),
            link=reverse("registry:announcement", args=[row.reference]),
        ),
    )


# ---- experts --------------------------------------------------------------------------------------------------------
def _expert(actor: Actor, on: date) -> Iterator[Kind]:
    seats = Seat.objects.of(actor).select_related("panel").order_by("panel__closes_on", "pk")

    def task(why: str) -> Callable[[Seat], Task]:
        return lambda seat: Task(
            title=seat.panel.title,
            why=why,
            link=reverse("reviews:seat", args=[seat.panel.reference]),
            due_on=seat.panel.closes_on,
        )

    unlocked = Sheet.objects.filter(seat=OuterRef("pk"), locked_at=None, conflict="")
    yield Kind(
        "pledge",
        gettext_lazy("Sign the pledge"),
        seats.filter(pledged_at=None),
        task(_("The material opens once you have signed.")),
    )
    yield Kind(
        "score",
        gettext_lazy("Review and score"),
        seats.exclude(pledged_at=None).filter(Exists(unlocked)),
        task(_("Some of your sheets are not locked yet.")),
    )


# ---- other departments ----------------------------------------------------------------------------------------------
def _department(actor: Actor, on: date) -> Iterator[Kind]:
    def task(row: ConsultedOffice) -> Task:
        return Task(
            title=row.consultation.title,
            why=_("%(authority)s asks for your opinion.") % {"authority": row.consultation.authority},
            link=reverse("reviews:opinion", args=[row.reference]),
            due_on=row.due_on,
        )

    yield Kind(
        "opinions", gettext_lazy("Give your opinion"), consultations.to_answer(actor), task, reverse("reviews:opinions")
    )


# ---- people without a role ----------------------------------------------------------------------------------------------
def _nobody(actor: Actor, on: date) -> Iterator[Kind]:
    yield Kind(
        "begin",
        gettext_lazy("Begin"),
        [actor],
        lambda one: Task(
            title=_("Register the organisation you act for"),
            why=_(
                "Applications are made for an organisation. Officials and experts wait here until the security "
                "administrator has given them their role."
            ),
            link=reverse("organisations:register"),
        ),
    )


_GROUPS: dict[Capacity, tuple[Callable[[Actor, date], Iterator[Kind]], ...]] = {
    Capacity.APPLICANT: (_applicant, after.unit),
    Capacity.HANDLER: (after.alarms, _official, after.official),
    Capacity.APPROVER: (after.alarms, _official, after.official),
    Capacity.EXPERT: (_expert,),
    Capacity.DEPARTMENT: (_department,),
    Capacity.NONE: (_nobody,),
}
