"""申报通知: prepare, open, move a day, close. A call pins one version of the rules and adds its own values (QHD-N0)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, Q
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from applications import rules
from applications.models import Application, Call, Extension
from applications.rules import calls as may
from applications.selectors import calls as reads
from applications.states import FINAL, CallState
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Area, Authority, Mandate
from greenlist.core import audit, clock, outbox
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.organisations.models import Category, Membership, Organisation
from greenlist.policy import engine, words
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import BadCallValue, CallValues, MissingCallValue, Policy, Step, StepKind
from greenlist.policy.models import RuleSetVersion

KINDS = {Category.PARK: Organisation.Kind.PARK}  # who may apply for a list; anything else is for firms
TYPED_HERE = ("contact_name", "contact_phone")  # asked by rule sets, kept in columns of the call (QHD-N5)


@dataclass(frozen=True, slots=True)
class Draft:
    """What the page of a call in preparation holds."""

    version_id: int
    category: str
    year: int
    title: str
    number: str = ""
    issued_on: date | None = None
    text: str = ""
    contact_name: str = ""
    contact_phone: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    layer: Mapping[str, Any] = field(default_factory=dict)
    second_round_reason: str = ""


@transaction.atomic
def create(*, actor: Actor, at: datetime, draft: Draft) -> Call:
    """A call in preparation. Raises NotAllowed (not the list's own authority), Invalid, and Refused for a further call
    of the same category and year without a reason (QHD-3).
    """
    version, owner = _pinned(draft, actor)
    call = Call(owner=owner, category=draft.category, year=draft.year, created_by_id=actor.user_id, created_at=at)
    rules.require(may.PREPARE, call, actor)
    _fill(call, version, draft)
    call.round = _round(call, policy.policy(version))
    call.save()
    audit.record(actor=actor, subject=("call", call.pk), action="call.prepare", at=at, data=_record(call))
    return call


@transaction.atomic
def save(*, actor: Actor, at: datetime, pk: int, draft: Draft) -> Call:
    """Changes a call in preparation; the newest version of the rules may be pinned with it. Raises WrongState, Invalid."""
    call = _lock(actor, pk, may.PREPARE)
    _require_state(call, CallState.DRAFT)
    version, _owner = _pinned(draft, actor)
    moved = (call.category, call.year) != (draft.category, draft.year)
    call.category, call.year = draft.category, draft.year
    rules.require(may.PREPARE, call, actor)
    _fill(call, version, draft)
    if moved or call.round > 1:
        call.round = _round(call, policy.policy(version))
    call.save()
    audit.record(actor=actor, subject=("call", call.pk), action="call.save", at=at, data=_record(call))
    return call


@transaction.atomic
def discard(*, actor: Actor, at: datetime, pk: int) -> None:
    """Throws a call in preparation away; the trail keeps what it was. Raises WrongState once it was opened."""
    call = _lock(actor, pk, may.PREPARE)
    _require_state(call, CallState.DRAFT)
    audit.record(actor=actor, subject=("call", call.pk), action="call.discard", at=at, data=_record(call))
    call.delete()


@transaction.atomic
def open_call(*, actor: Actor, at: datetime, pk: int, warned: bool = False) -> Call:
    """Opens a call: values complete, rules in force, digest taken; confirmed firms of the area are told.

    Rules that are a draft or have run out only warn: `warned` says that who opens has read it (JY-28).
    Raises Invalid (a value is missing, a day has passed), Refused (rules not begun, warning not read), WrongState.
    """
    call = _lock(actor, pk, may.OPEN)
    _require_state(call, CallState.DRAFT)
    built = policy.policy(call.rules)
    _require_complete(call, built, clock.china_date(at))
    warnings = _require_in_force(built, clock.china_date(at), warned=warned)
    call.digest = reads.rules_of(call).digest
    call.issued_on = call.issued_on or clock.china_date(at)
    call.open(at=at)
    call.save()
    data = _record(call) | ({"warned": list(warnings)} if warnings else {})
    audit.record(actor=actor, subject=("call", call.pk), action="call.open", at=at, data=data)
    outbox.notify(
        recipients=members_within(call),
        event=f"call.opened:{call.pk}",
        kind="call.opened",
        at=at,
        params={"title": call.title, "authority": call.owner.name},
        link=page_of(call),
    )
    return call


@transaction.atomic
def extend(
    *, actor: Actor, at: datetime, pk: int, step: str, new_day: date, reason: str, area_id: int | None = None
) -> Extension:
    """Moves the last day of a step to a later one, for everybody or for one area, with a reason (QHD-N4b).

    Raises Invalid (no reason, no such step, not later, an area elsewhere), WrongState, NotAllowed.
    """
    call = _lock(actor, pk, may.EXTEND)
    _require_state(call, CallState.OPEN)
    area = _area_within(call, area_id)
    found = _step(call, step)
    old = reads.due_on(call, found.key, area.path if area else "")
    problems: dict[str, list] = {}
    if not reason.strip():
        problems["reason"] = [_("Write why the day is moved; everybody concerned will read it.")]
    if old is None:
        problems["step"] = [_("This step has no last day that could be moved.")]
    elif new_day <= old:
        problems["new_day"] = [_("The new day must be later than %(day)s.") % {"day": _shown(old)}]
    elif new_day < clock.china_date(at):
        problems["new_day"] = [_("This day has passed.")]
    if problems:
        raise Invalid(_("The day was not moved."), problems=problems)
    return _move_day(call, found, area, old, new_day, reason.strip(), actor=actor, at=at)


@transaction.atomic
def set_local_day(*, actor: Actor, at: datetime, pk: int, new_day: date, reason: str = "") -> Extension:
    """An authority below sets the last day for the firms of its own area, not after its own (QHD-N4b).

    Raises Invalid, Refused when the call itself sets the firms' day, WrongState, NotAllowed.
    """
    call = _lock(actor, pk, may.SET_LOCAL_DAY)
    _require_state(call, CallState.OPEN)
    area = Area.objects.get(path=actor.area_path)
    first = reads.rules_of(call).first(StepKind.DRAFT)
    known = reads.extensions_of(call)
    if reads.moved(first, [one for one in known if one.area is None], "") is not None:
        raise Refused(_("The call itself sets the last day for firms."), code="day_set_by_call", clause=first.clause)
    own = next((day for step in reads.rules_of(call).steps[1:] if (day := reads.moved(step, known, area.path))), None)
    problems: dict[str, list] = {}
    if new_day < clock.china_date(at):
        problems["new_day"] = [_("This day has passed.")]
    elif own and new_day > own:
        problems["new_day"] = [
            _("Your own recommendation is due on %(day)s; choose that day or an earlier one.") % {"day": _shown(own)}
        ]
    if problems:
        raise Invalid(_("The day was not set."), problems=problems)
    old = reads.moved(first, known, area.path)
    text = reason.strip() or str(_("Set by the authority that receives the applications."))
    return _move_day(call, first, area, old, new_day, text, actor=actor, at=at)


@transaction.atomic
def close(*, actor: Actor, at: datetime, pk: int, reason: str = "") -> Call:
    """No application can be started or submitted any more; what was submitted goes on. Raises WrongState, NotAllowed."""
    call = _lock(actor, pk, may.CLOSE)
    _require_state(call, CallState.OPEN)
    call.close(at=at)
    call.save()
    audit.record(actor=actor, subject=("call", call.pk), action="call.close", at=at, data={"reason": reason.strip()})
    return call


# ---- what the verbs share -------------------------------------------------------------------------------------------
def members_within(call: Call) -> list[int]:
    """People of confirmed organisations that are registered or produce in the area of the list; one query."""
    path = call.owner.area.path
    kind = KINDS.get(Category(call.category), Organisation.Kind.FIRM)
    within = Q(organisation__area__path__startswith=path) | Q(organisation__sites__area__path__startswith=path)
    rows = Membership.objects.open().filter(
        within, organisation__claim=Organisation.Claim.CONFIRMED, organisation__kind=kind, user__is_active=True
    )
    return list(rows.order_by("user_id").values_list("user_id", flat=True).distinct())


def page_of(call: Call) -> str:
    return reverse("applications:public-call", args=[call.owner.area.slug, call.pk])


def _lock(actor: Actor, pk: int, verb: rules.Verb) -> Call:
    found = (
        Call.objects.visible_to(actor)
        .select_for_update(of=("self",))
        .select_related(*reads.CALL_ROWS)
        .defer(*reads.HEAVY)
    )
    call = found.filter(pk=pk).first()
    if call is None:
        raise NotVisible
    rules.require(verb, call, actor)
    return call


def _require_state(call: Call, state: CallState) -> None:
    if call.state != state:
        now = {"state": call.get_state_display()}
        raise WrongState(_("This is not possible any more: the call is now “%(state)s”.") % now)


def _pinned(draft: Draft, actor: Actor) -> tuple[RuleSetVersion, Authority]:
    """The version and the authority whose list it rules: the industry authority of the rule set's area and tier."""
    version = reads.version(draft.version_id)
    if version not in reads.rule_sets_of(actor):
        raise NotAllowed(_("A call is opened from the newest rules of your own authority's list."))
    owner = (
        Authority.objects.select_for_update(of=("self",)).select_related("area").filter(pk=actor.authority_id).first()
    )
    if owner is None:
        raise NotVisible
    return version, owner


def _fill(call: Call, version: RuleSetVersion, draft: Draft) -> None:
    built = policy.policy(version)
    call.rules = version
    call.title, call.number, call.text = draft.title.strip(), draft.number.strip(), draft.text.strip()
    call.issued_on, call.second_round_reason = draft.issued_on, draft.second_round_reason.strip()
    call.contact_name, call.contact_phone = draft.contact_name.strip(), draft.contact_phone.strip()
    typed = {key: getattr(call, key) for key in TYPED_HERE if key in built.asks and getattr(call, key)}
    given = CallValues(values={**draft.values, **typed}, layer=draft.layer).as_json()
    call.values = {key: value for key, value in given["values"].items() if value not in (None, "", [])}
    call.layer = given["layer"]
    problems: dict[str, list] = {}
    if call.category not in built.categories:
        problems["category"] = [_("The rules have no list of this category.")]
    if not call.title:
        problems["title"] = [_("Give the call its title.")]
    problems.update(_wrong_values(built, call))
    if problems:
        raise Invalid(_("The call was not saved."), problems=problems)


def _wrong_values(built: Policy, call: Call) -> dict[str, list[str]]:
    """Values of the wrong kind; what is still missing is no mistake in a draft."""
    try:
        engine.bind(built, reads.values_of(call))
    except MissingCallValue:
        return {}
    except BadCallValue as bad:
        return {bad.key: [bad.reason]}
    return {}


def _round(call: Call, built: Policy) -> int:
    """1 for the first call of a category and year; a further one of the same list needs a reason where the rules allow
    only so many. An authority may keep several lists (its own, and one to which it recommends)."""
    others = Call.objects.filter(owner=call.owner, category=call.category, year=call.year).exclude(pk=call.pk)
    taken = others.aggregate(last=Max("round"))["last"] or 0
    limit = built.calls_per_year
    same_list = others.filter(rules__rule_set=call.rules.rule_set_id)
    if limit is not None and same_list.count() >= limit and not call.second_round_reason:
        clause = built.clauses.get(built.calls_clause)
        raise Refused(
            _("There is a call of this list for %(year)s already. A further one needs a reason (%(clause)s).")
            % {"year": call.year, "clause": clause.article if clause else built.calls_clause},
            code="second_call",
            clause=built.calls_clause,
        )
    return taken + 1


def _require_complete(call: Call, built: Policy, today: date) -> None:
    problems: dict[str, list] = dict(reads.value_problems(built, reads.values_of(call)))
    if not problems:
        for ask in built.asks.values():
            value = reads.rules_of(call).values.get(ask.key)
            if isinstance(value, date) and value < today:
                problems[ask.key] = [_("%(label)s: this day has passed.") % {"label": words.text(ask.label)}]
    if problems:
        raise Invalid(_("The call cannot be opened before these values are given."), problems=problems)


def _require_in_force(built: Policy, today: date, *, warned: bool) -> tuple[str, ...]:
    """What was warned of. Raises Refused: rules in force have begun; a draft, or rules that ran out, are opened knowingly."""
    header = built.header
    starts, draft = header.in_force_from, header.status != "in_force"
    warnings = reads.standing(header, today)
    if (not draft and (not starts or starts > today)) or (warnings and not warned):
        said = "".join(warnings)
        raise Refused(
            _("“%(title)s” is not in force.") % {"title": words.text(header.title)} + said,
            code="rules_not_in_force",
            clause=header.clause,
        )
    return warnings


def _area_within(call: Call, area_id: int | None) -> Area | None:
    if area_id is None:
        return None
    area = Area.objects.filter(pk=area_id, path__startswith=call.owner.area.path).first()
    if area is None:
        raise Invalid(_("The day was not moved."), problems={"area": [_("This area does not belong to the call.")]})
    return area


def _step(call: Call, key: str) -> Step:
    try:
        return reads.rules_of(call).step(key)
    except KeyError as unknown:
        raise Invalid(_("The day was not moved."), problems={"step": [_("The call has no such step.")]}) from unknown


def _move_day(
    call: Call,
    step: Step,
    area: Area | None,
    old: date | None,
    new_day: date,
    reason: str,
    *,
    actor: Actor,
    at: datetime,
) -> Extension:
    extension = Extension.objects.create(
        call=call,
        step=step.key,
        area=area,
        old_day=old,
        new_day=new_day,
        reason=reason[:300],
        by_id=actor.user_id,
        at=at,
    )
    waiting = Application.objects.filter(call=call, step=step.key).exclude(state__in=FINAL)
    if area is not None:
        waiting = waiting.filter(site__area__path__startswith=area.path)
    waiting.update(due_on=new_day)
    audit.record(
        actor=actor,
        subject=("call", call.pk),
        action="call.extend",
        at=at,
        data={"step": step.key, "area": area.path if area else "", "old": old, "new": new_day, "reason": reason},
    )
    outbox.notify(
        recipients=_concerned(call, area, at),
        event=f"call.extended:{extension.pk}",
        kind="call.extended",
        at=at,
        params={"title": call.title, "what": step.title.zh, "day": new_day.isoformat(), "reason": reason},
        link=page_of(call),
    )
    return extension


def _concerned(call: Call, area: Area | None, at: datetime) -> list[int]:
    """Members of the firms with a live application there, and the officials of the authorities below."""
    path = area.path if area else call.owner.area.path
    live = Application.objects.filter(call=call, site__area__path__startswith=path).exclude(state__in=FINAL)
    people = Membership.objects.open().filter(organisation__in=live.values("organisation"), user__is_active=True)
    offices = accounts.authorities(path=path).filter(tier__in=[step.by for step in reads.rules_of(call).steps])
    held = Mandate.objects.in_force(clock.china_date(at)).of_role(Mandate.Role.HANDLER, Mandate.Role.APPROVER)
    held = held.filter(authority__in=offices.values("pk"), list_kind__in=["", call.category])
    members = people.order_by("user_id").values_list("user_id", flat=True)
    return list(dict.fromkeys([*members, *held.order_by("user_id").values_list("user_id", flat=True)]))


def _shown(day: date) -> str:
    return date_format(day, "DATE_FORMAT")


def _record(call: Call) -> dict[str, Any]:
    return {
        "title": call.title,
        "category": call.category,
        "year": call.year,
        "round": call.round,
        "rules": f"{call.rules.rule_set.slug} v{call.rules.number}",
        "rules_digest": call.rules.digest,
        "values": call.values,
        "layer": call.layer,
        "digest": call.digest,
        "second_round_reason": call.second_round_reason,
    }
