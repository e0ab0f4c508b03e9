"""培育库 (QHD-N1, JY-7a, JY-14, HLJ-10): objects taken in, brought on, invited to apply, followed until they are on the list."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from applications.models import Application, Call
from applications.selectors import rules_of
from applications.selectors.calls import CALL_ROWS, HEAVY
from applications.services import upward
from applications.states import FINAL, State
from dynamics import rules
from dynamics.models import (
    BodyMatch,
    CultivationNote,
    CultivationObject,
    CultivationTag,
    CultivationTarget,
    CultivationVisit,
)
from dynamics.selectors import cultivation as reads
from dynamics.states import CultivationSource, CultivationState
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Authority
from greenlist.core import audit, clock, outbox, rounds
from greenlist.core.actors import SYSTEM, Actor, Capacity, Tier
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Text, WrongState
from greenlist.organisations import selectors as parties
from greenlist.organisations import services as organisations
from greenlist.organisations.models import Category, Organisation, Site, Title

LONGEST_TEXT = 5000
NOT_ANY_MORE = _("This is not possible any more: the object is now “%(state)s”.")


@dataclass(frozen=True, slots=True)
class Plan:
    """What an authority writes down of an object."""

    note: str = ""
    plan: str = ""
    responsible: str = ""
    tags: tuple[str, ...] = ()


# ---- taking in --------------------------------------------------------------------------------------------------------
@transaction.atomic
def add(*, site_id: int, category: str, actor: Actor, at: datetime, plan: Plan | None = None) -> CultivationObject:
    """Takes a site of the authority's area in as a candidate; one that is in the library already is given as it is.

    Raises NotAllowed, NotVisible (no such site here), Invalid (a body, no such list).
    """
    if not rules.may_add_object(actor, category):
        raise NotAllowed(rules.OFFICIALS_KEEP)
    site = Site.objects.visible_to(actor).select_related("area", "organisation").filter(pk=site_id).first()
    if site is None:
        raise NotVisible
    if category not in Category.values or site.organisation.kind == Organisation.Kind.BODY:
        raise Invalid(_("Not taken in."), problems={"category": [_("Choose a list that the unit may be on.")]})
    return _taken_in(site, category, _office(actor), CultivationSource.SURVEY, plan or Plan(), actor=actor, at=at)


def _office(actor: Actor) -> Authority:
    """The authority of an official."""
    return Authority.objects.select_related("area").get(pk=actor.authority_id)


def _taken_in(
    site: Site,
    category: str,
    authority: Authority,
    source: CultivationSource,
    plan: Plan,
    *,
    actor: Actor,
    at: datetime,
) -> CultivationObject:
    Authority.objects.select_for_update().get(pk=authority.pk)  # one at a time into a library
    known = CultivationObject.objects.cultivated().filter(authority=authority, site=site, category=category).first()
    if known is not None:
        return known
    made = CultivationObject.objects.create(
        organisation=site.organisation,
        site=site,
        category=category,
        level=authority.tier,
        authority=authority,
        area_path=site.area.path,
        source=source,
        note=plan.note,
        plan=plan.plan,
        responsible=plan.responsible,
        created_by_id=actor.user_id,
        created_at=at,
    )
    CultivationTag.objects.bulk_create([CultivationTag(object=made, key=key) for key in dict.fromkeys(plan.tags)])
    _record(made, "added", {"source": source.value}, actor=actor, at=at)
    return made


@dataclass(frozen=True, slots=True)
class Surveyed:
    """One line of a survey's workbook."""

    name: str
    code: str
    category: str
    plan: Plan
    striving: bool = False


@transaction.atomic
def take_survey(*, rows: Collection[Surveyed], actor: Actor, at: datetime) -> list[CultivationObject]:
    """All lines of a survey, or none of them: firms nobody knows yet are noted, unclaimed (QHD-N1).

    Raises NotAllowed, BadCode, Invalid (a line that cannot be taken).
    """
    if not rules.keeps_library(actor) or any(not rules.may_add_object(actor, row.category) for row in rows):
        raise NotAllowed(rules.OFFICIALS_KEEP)
    authority = _office(actor)
    made = []
    for row in rows:
        kind = Organisation.Kind.PARK if row.category == Category.PARK else Organisation.Kind.FIRM
        firm = organisations.find_or_create_unclaimed(
            code=row.code, name=row.name, area=authority.area, kind=kind, actor=actor, at=at
        )
        here = Site.objects.visible_to(actor).select_related("area", "organisation").filter(organisation=firm)
        site = here.order_by("-is_default", "pk").first()
        if site is None or firm.kind == Organisation.Kind.BODY:
            raise Invalid(
                _("Nothing was taken over: %(name)s does not lie in your area.") % {"name": row.name},
            )
        one = _taken_in(site, row.category, authority, CultivationSource.SURVEY, row.plan, actor=actor, at=at)
        if row.striving and not firm.striving_grade_a:
            organisations.set_striving(organisation_id=firm.pk, striving=True, actor=actor, at=at)
        made.append(one)
    data = {"rows": len(made)}
    audit.record(actor=actor, subject=("authority", authority.pk), action="cultivation.survey_taken", at=at, data=data)
    return made


@transaction.atomic
def ask(*, site_id: int, category: str, reason: str, actor: Actor, at: datetime) -> CultivationObject:
    """A unit asks its local authority to be taken into the library. Raises NotAllowed, NotVisible, Invalid."""
    if actor.capacity != Capacity.APPLICANT or actor.is_body:
        raise NotAllowed(_("Only the unit itself asks for it."))
    site = Site.objects.visible_to(actor).select_related("area", "organisation").filter(pk=site_id).first()
    if site is None:
        raise NotVisible
    authority = parties.authority_for_site(site)
    if category not in Category.values or authority is None:
        raise Invalid(_("Not asked."), problems={"category": [_("Choose a list that the unit may be on.")]})
    plan = Plan(plan=reason.strip()[:LONGEST_TEXT])
    made = _taken_in(site, category, authority, CultivationSource.OWN, plan, actor=actor, at=at)
    _tell_office(made, "cultivation.asked", at)
    return made


# ---- bringing on ------------------------------------------------------------------------------------------------------
@transaction.atomic
def write_plan(*, reference: str, version: int, plan: Plan, actor: Actor, at: datetime) -> CultivationObject:
    """Plan, official in charge, tags; nobody's words are overwritten. Raises NotVisible, NotAllowed, WrongState, Conflict."""
    row = _kept(reference, actor)
    _require_open(row)
    if row.version != version:
        raise Conflict(_("Somebody else has changed this object since you opened it."), version=row.version)
    row.note, row.plan, row.responsible = plan.note.strip(), plan.plan.strip(), plan.responsible.strip()
    row.version += 1
    row.save()
    row.tags.exclude(key__in=plan.tags).delete()
    CultivationTag.objects.bulk_create(
        [CultivationTag(object=row, key=key) for key in dict.fromkeys(plan.tags)], ignore_conflicts=True
    )
    _record(row, "planned", {"version": row.version, "tags": sorted(plan.tags)}, actor=actor, at=at)
    return row


@transaction.atomic
def take_up(*, reference: str, actor: Actor, at: datetime) -> CultivationObject:
    """From a note of the survey to an object that is cultivated; the unit is told. Raises NotVisible, NotAllowed, WrongState."""
    row = _kept(reference, actor)
    if row.state != CultivationState.CANDIDATE:
        raise _late(row)
    row.take_up()
    row.save()
    _record(row, "taken_up", {}, actor=actor, at=at)
    _tell_unit(row, "cultivation.taken_up", at)
    return row


@transaction.atomic
def invite(*, reference: str, actor: Actor, at: datetime) -> CultivationObject:
    """The unit is invited to apply, and finds the open calls on its own page (QHD-N1). Again on another day: told again.

    Raises NotVisible, NotAllowed, WrongState.
    """
    row = _kept(reference, actor)
    if row.state not in (CultivationState.CANDIDATE, CultivationState.CULTIVATING, CultivationState.INVITED):
        raise _late(row)
    if row.invited_at is not None and clock.china_date(row.invited_at) == clock.china_date(at):
        raise WrongState(_("The unit was invited today already."))
    row.invite(at=at)
    row.save()
    _record(row, "invited", {}, actor=actor, at=at)
    _tell_unit(row, "cultivation.invited", at, period=clock.china_date(at).isoformat())
    return row


@transaction.atomic
def note_level(*, reference: str, level: str, basis: str, actor: Actor, at: datetime) -> CultivationObject:
    """The level that another authority gave it by a document (省级培育对象, JY-19), or the library's own again.

    Raises NotVisible, NotAllowed, WrongState, Invalid (a level that the rules do not let this library note, no document).
    """
    row = _kept(reference, actor)
    _require_open(row)
    problems: dict[str, list[Text]] = {}
    if level not in dict(reads.levels_to_note(row)):
        problems["level"] = [_("Choose one of the levels that the rules name.")]
    if not basis.strip():
        problems["basis"] = [_("Give the document that says so.")]
    if problems:
        raise Invalid(_("The level was not noted."), problems=problems)
    was, row.level, row.basis = row.level, level, basis.strip()[:200]
    row.save()
    _record(row, "level_noted", {"was": was, "level": level, "basis": row.basis}, actor=actor, at=at)
    return row


@transaction.atomic
def drop(*, reference: str, reason: str, actor: Actor, at: datetime) -> CultivationObject:
    """Out of the library, with a reason. Raises NotVisible, NotAllowed, WrongState, Invalid (no reason)."""
    row = _kept(reference, actor)
    if not reason.strip():
        raise Invalid(_("Not taken out."), problems={"reason": [_("Write why.")]})
    _require_open(row)
    row.drop(reason=reason.strip()[:300])
    row.save()
    _record(row, "dropped", {"reason": row.reason}, actor=actor, at=at)
    return row


@transaction.atomic
def set_target(*, reference: str, text: str, due_on: date | None, actor: Actor, at: datetime) -> CultivationTarget:
    """What is to be reached by a day. Raises NotVisible, NotAllowed, WrongState, Invalid."""
    row = _kept(reference, actor)
    _require_open(row)
    problems: dict[str, list[Text]] = {}
    if not text.strip():
        problems["text"] = [_("Write what is to be reached.")]
    if due_on is None:
        problems["due_on"] = [_("Give the day.")]
    if problems or due_on is None:
        raise Invalid(_("The target was not kept."), problems=problems)
    made = CultivationTarget.objects.create(object=row, text=text.strip()[:300], due_on=due_on)
    _record(row, "target_set", {"text": made.text, "due_on": due_on}, actor=actor, at=at)
    return made


@transaction.atomic
def reach_target(*, reference: str, target: int, actor: Actor, at: datetime) -> CultivationTarget:
    """The authority notes that it was reached; twice is once. Raises NotVisible, NotAllowed."""
    row = _kept(reference, actor)
    found = row.targets.select_for_update().filter(pk=target).first()
    if found is None:
        raise NotVisible
    if found.done_on is None:
        found.done_on = clock.china_date(at)
        found.save(update_fields=["done_on"])
        _record(row, "target_reached", {"text": found.text}, actor=actor, at=at)
    return found


@transaction.atomic
def plan_visit(
    *, reference: str, planned_on: date | None, purpose: str, actor: Actor, at: datetime
) -> CultivationVisit:
    """A visit to come; the unit is told. Beside a case with guidance the visits are that case's.

    Raises NotVisible, NotAllowed, WrongState, Invalid (no day).
    """
    row = _kept(reference, actor)
    _require_open(row)
    if row.case_id is not None:
        raise WrongState(_("The visits of this object are kept with its case."))
    if planned_on is None:
        raise Invalid(_("The visit was not planned."), problems={"planned_on": [_("Give the day of the visit.")]})
    made = CultivationVisit.objects.create(
        object=row,
        planned_on=planned_on,
        purpose=purpose.strip()[:200],
        planned_by_id=actor.user_id,
        created_at=at,
    )
    _record(row, "visit_planned", {"on": planned_on}, actor=actor, at=at)
    _tell_unit(row, "cultivation.visit_planned", at, more=f":{made.pk}", day=str(planned_on))
    return made


@transaction.atomic
def record_visit(
    *,
    reference: str,
    visit: int,
    visited_on: date | None,
    persons: str,
    advice: str,
    actor: Actor,
    at: datetime,
) -> CultivationVisit:
    """What came of a visit, once; the unit reads it. Raises NotVisible, NotAllowed, WrongState, Invalid."""
    row = _kept(reference, actor)
    found = row.visits.select_for_update().filter(pk=visit).first()
    if found is None:
        raise NotVisible
    if found.visited_on is not None:
        raise WrongState(_("This visit has been recorded already."))
    problems: dict[str, list[Text]] = {}
    if visited_on is None or visited_on > clock.china_date(at):
        problems["visited_on"] = [_("Give the day of the visit, not one to come.")]
    if not persons.strip():
        problems["persons"] = [_("Say who came.")]
    if not advice.strip():
        problems["advice"] = [_("Write down what was advised: the unit reads it.")]
    if problems:
        raise Invalid(_("The visit was not recorded."), problems=problems)
    found.visited_on, found.persons, found.advice = visited_on, persons.strip()[:300], advice.strip()
    found.recorded_by_id = actor.user_id
    found.save()
    _record(row, "visit_recorded", {"on": visited_on, "advice": found.advice}, actor=actor, at=at)
    _tell_unit(row, "cultivation.visit_recorded", at, more=f":{found.pk}", day=str(visited_on))
    return found


@transaction.atomic
def write_note(*, reference: str, text: str, actor: Actor, at: datetime) -> CultivationNote:
    """Progress, by the authority or the unit. Raises NotVisible, NotAllowed, WrongState, Invalid."""
    row = _locked(reference, actor)
    by_unit = rules.is_cultivated_unit(actor, row.organisation_id)
    if not by_unit and not rules.may_keep(actor, row.authority_id, row.category):
        raise NotAllowed(rules.KEEPERS_ONLY)
    _require_open(row)
    if not text.strip():
        raise Invalid(_("Nothing was noted."), problems={"text": [_("Write what has been done.")]})
    made = CultivationNote.objects.create(
        object=row, text=text.strip()[:LONGEST_TEXT], by_unit=by_unit, by_id=actor.user_id, at=at
    )
    _record(row, "noted", {"by_unit": by_unit, "text": made.text}, actor=actor, at=at)
    if by_unit:
        _tell_office(row, "cultivation.progress", at, more=f":{made.pk}")
    return made


@transaction.atomic
def match_body(*, reference: str, body_id: int, note: str, actor: Actor, at: datetime) -> BodyMatch:
    """Brings a third-party body and an object together; both are told (HLJ-10). Twice is once.

    Raises NotVisible, NotAllowed, WrongState, Invalid (no body).
    """
    row = _kept(reference, actor)
    _require_open(row)
    body = Organisation.objects.filter(pk=body_id, kind=Organisation.Kind.BODY).first()
    if body is None:
        raise Invalid(_("Not matched."), problems={"body": [_("Choose a registered third-party body.")]})
    known = row.matches.filter(body=body, ended_on=None).first()
    if known is not None:
        return known
    made = BodyMatch.objects.create(
        object=row,
        body=body,
        note=note.strip()[:300],
        matched_on=clock.china_date(at),
        by_id=actor.user_id,
    )
    _record(row, "matched", {"body": body.pk, "note": made.note}, actor=actor, at=at)
    params = {"name": row.organisation.name, "body": body.name, "authority": row.authority.name}
    people = [*parties.member_ids(body.pk), *parties.told_ids(row.organisation_id)]
    outbox.notify(
        recipients=people,
        event=f"cultivation.matched:{made.pk}",
        kind="cultivation.matched",
        at=at,
        params=params,
        link=reverse("dynamics:cultivation-own"),
    )
    return made


@transaction.atomic
def end_match(*, reference: str, match: int, actor: Actor, at: datetime) -> BodyMatch:
    """They work together no more; the record stays. Raises NotVisible, NotAllowed."""
    row = _kept(reference, actor)
    found = row.matches.select_for_update().filter(pk=match).first()
    if found is None:
        raise NotVisible
    if found.ended_on is None:
        found.ended_on = clock.china_date(at)
        found.save(update_fields=["ended_on"])
        _record(row, "match_ended", {"body": found.body_id}, actor=actor, at=at)
    return found


# ---- applying, and what became of it ------------------------------------------------------------------------------------
@transaction.atomic
def apply(*, reference: str, call_id: int, actor: Actor, at: datetime) -> Application:
    """The unit starts its application from what is known of it; a second time gives the same draft.

    Raises NotVisible, NotAllowed, and what `applications.services.upward.apply` raises.
    """
    row = _locked(reference, actor)
    if not rules.is_cultivated_unit(actor, row.organisation_id):
        raise NotAllowed(_("Only the firm itself starts an application; choose it in the role switcher."))
    _require_open(row)
    if not Call.objects.filter(pk=call_id, category=row.category).exists():
        raise NotVisible
    case = upward.apply(actor=actor, at=at, call_id=call_id, site_id=row.site_id)
    if row.application_id != case.pk:
        row.application = case
        row.save(update_fields=["application"])
        _record(row, "started", {"case": case.reference}, actor=actor, at=at)
    return case


def follow(*, at: datetime) -> None:
    """One round: who passed a conformity check comes in (JY-14), who applied or is on the list is noted.

    A round and not a hook: applications know nothing of what comes later, and a round that is run twice changes nothing.
    """
    rounds.each(_passed(), lambda pk: _enter_passed(pk, at))
    rounds.each(_moved(), lambda pk: _follow(pk, at))


def _passed() -> list[int]:
    """Cases beyond a step with guidance that no object stands for yet."""
    found: list[int] = []
    known = CultivationObject.objects.filter(case=OuterRef("pk"))
    live = Application.objects.filter(call=OuterRef("pk")).exclude(state__in=[*FINAL, State.DRAFT])
    for call in Call.objects.filter(Exists(live)).select_related(*CALL_ROWS).defer(*HEAVY).order_by("pk"):
        steps = rules_of(call).steps
        guided = [place for place, step in enumerate(steps) if step.guidance]
        if guided:
            beyond = [step.key for step in steps[guided[0] + 1 :]]
            rows = Application.objects.filter(call=call, step__in=beyond).exclude(state__in=FINAL)
            found += rows.exclude(Exists(known)).order_by("pk").values_list("pk", flat=True)
    return found


@transaction.atomic
def _enter_passed(pk: int, at: datetime) -> None:
    case = Application.objects.select_related("call__owner__area", "site__area", "site__organisation").get(pk=pk)
    if CultivationObject.objects.filter(case=case).exists():
        return
    row = _taken_in(
        case.site, case.category, case.call.owner, CultivationSource.CONFORMITY, Plan(), actor=SYSTEM, at=at
    )
    row = CultivationObject.objects.select_for_update(of=("self",)).get(pk=row.pk)
    if row.case_id is not None:  # cultivated beside an earlier case that is still open
        return
    row.case = row.application = case
    if row.state == CultivationState.CANDIDATE:
        row.take_up()
    row.apply()
    row.save()
    _record(row, "conformity", {"case": case.reference}, actor=SYSTEM, at=at)
    _tell_unit(row, "cultivation.taken_up", at)


def _moved() -> list[int]:
    """Objects for which something may have happened: an application of the site, or a title of it."""
    cases = Application.objects.filter(site=OuterRef("site"), category=OuterRef("category"))
    held = Title.objects.filter(
        site=OuterRef("site"), category=OuterRef("category"), valid_until=None, valid_from__gte=OuterRef("since")
    )  # what it held before it was taken in settles nothing: a whole library of listed units is not looked at each hour
    rows = CultivationObject.objects.cultivated().alias(since=TruncDate("created_at", tzinfo=clock.CHINA))
    applied = rows.exclude(state=CultivationState.APPLIED).filter(
        Exists(cases.filter(submitted_at__gte=OuterRef("created_at")).exclude(state__in=FINAL))
    )
    ended = rows.filter(state=CultivationState.APPLIED, application__state__in=FINAL)
    titled = rows.filter(Exists(held))
    keys = {*applied.values_list("pk", flat=True), *ended.values_list("pk", flat=True)}
    return sorted(keys | set(titled.values_list("pk", flat=True)))


@transaction.atomic
def _follow(pk: int, at: datetime) -> None:
    row = CultivationObject.objects.select_for_update(of=("self",)).filter(pk=pk).first()
    if row is None or row.state in (CultivationState.LISTED, CultivationState.DROPPED):
        return
    since = clock.china_date(row.created_at)
    held = Title.objects.filter(site=row.site_id, category=row.category, valid_until=None, valid_from__gte=since)
    if any(Tier(title.tier).rank >= max(Tier(row.level).rank, Tier.CITY.rank) for title in held):
        row.settle()
        what = "listed"
    else:
        what = _by_case(row)
    if what:
        row.save()
        _record(row, what, {"case": row.application_id}, actor=SYSTEM, at=at)


def _by_case(row: CultivationObject) -> str:
    """What the newest application says; empty where it says nothing new."""
    rows = Application.objects.filter(site=row.site_id, category=row.category, submitted_at__gte=row.created_at)
    live = rows.exclude(state__in=FINAL).order_by("-pk").first()
    if live is not None:
        if row.state == CultivationState.APPLIED:
            return ""
        row.application = live
        row.apply()
        return "applied"
    if row.state == CultivationState.APPLIED and row.application and row.application.state in FINAL:
        row.go_on()
        return "went_on"
    return ""


# ---- shared -------------------------------------------------------------------------------------------------------------
def _locked(reference: str, actor: Actor) -> CultivationObject:
    found = CultivationObject.objects.visible_to(actor).filter(reference=reference).values_list("pk", flat=True).first()
    if found is None:
        raise NotVisible
    rows = CultivationObject.objects.select_for_update(of=("self",)).select_related("organisation", "authority__area")
    return rows.get(pk=found)


def _kept(reference: str, actor: Actor) -> CultivationObject:
    row = _locked(reference, actor)
    if not rules.may_keep(actor, row.authority_id, row.category):
        raise NotAllowed(rules.KEEPERS_ONLY)
    return row


def _require_open(row: CultivationObject) -> None:
    if row.state in (CultivationState.LISTED, CultivationState.DROPPED):
        raise _late(row)


def _late(row: CultivationObject) -> WrongState:
    return WrongState(NOT_ANY_MORE % {"state": row.get_state_display()})


def _record(row: CultivationObject, what: str, data: dict, *, actor: Actor, at: datetime) -> None:
    audit.record(actor=actor, subject=("cultivation", row.pk), action=f"cultivation.{what}", at=at, data=data)


def _tell_unit(
    row: CultivationObject, kind: str, at: datetime, *, period: str = "", more: str = "", **params: str
) -> None:
    outbox.notify(
        recipients=parties.told_ids(row.organisation_id),
        event=f"{kind}:{row.pk}{more}",
        kind=kind,
        at=at,
        period=period,
        params={"name": row.organisation.name, "authority": row.authority.name, **params},
        link=reverse("dynamics:cultivation-own"),
    )


def _tell_office(row: CultivationObject, kind: str, at: datetime, *, more: str = "") -> None:
    people = accounts.people_with(row.authority, ("handler",), clock.china_date(at), row.category)
    outbox.notify(
        recipients=people,
        event=f"{kind}:{row.pk}{more}",
        kind=kind,
        at=at,
        params={"name": row.organisation.name},
        link=reverse("dynamics:cultivation-object", args=[row.reference]),
    )
