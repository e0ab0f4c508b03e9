"""Findings against a unit as rows: found once, told once, answered with reason and document, cleared when they are gone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from applications.models import Application, Hit, HitAnswer
from applications.rules import hits as may
from applications.selectors import hits as reads
from applications.states import HitState, Word
from greenlist.accounts import selectors as accounts
from greenlist.core import attachments, audit, clock, limits, outbox
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.organisations import selectors as organisations
from greenlist.policy import engine
from greenlist.policy.engine.types import Barred, Event, Finding, Outcome
from greenlist.policy.models import RuleSetVersion

NOT_YOURS = _("Only the authority that was told, or that has the case at its desk, answers this finding.")


@dataclass(frozen=True, slots=True)
class Unit:
    """A case or a listed unit as a finding names it."""

    field: str  # application | title
    pk: int
    name: str
    category: str
    area_path: str
    authority: int
    founded: date | None

    def key(self, basis: str, place: str) -> str:
        return f"{'c' if self.field == 'application' else 't'}{self.pk}|{basis}|{place}"


# ---- found ----------------------------------------------------------------------------------------------------------
class Kept(NamedTuple):
    """What a row said before; a plain tuple, for a night may read a hundred thousand of them."""

    pk: int
    state: str
    shape: str
    outcome: str
    authority: int
    rests_on: str
    basis: str
    until: date | None


class Against(NamedTuple):
    """What bars a unit. `rests_on`: what that was decided from, empty where nobody may build on it; see `sweep`."""

    unit: Unit
    barred: Barred
    rests_on: str = ""
    until: date | None = None


def shape_of(event: Event) -> str:
    """Everything a finding rests on, in a line: cheaper to compare than documents."""
    parts = (event.kind, event.on, event.severity or "", event.ended_on or "", event.subject, event.tier, event.who)
    return "|".join(map(str, (*parts, int(event.doubtful))))[:300]


def known(rows: QuerySet[Hit]) -> dict[str, Kept]:
    """What is kept about these units, by key; conditions (without an event) are the checks' own."""
    found = rows.exclude(ref="").values_list(
        "key", "pk", "state", "shape", "outcome", "authority_id", "rests_on", "basis", "holds_until"
    )
    return {row[0]: Kept(*row[1:]) for row in found}


def event_of(key: str) -> tuple[str, str]:
    """Unit and event (`Event.place`) of a key, without the clause."""
    return key.partition("|")[0], reads.place_of(key)


def reconcile(
    *, known: Mapping[str, Kept], barred: Iterable[Against], rules: RuleSetVersion, at: datetime, basis: str = ""
) -> int:
    """Makes the rows say what was found: new ones, changed ones (they open again), and those that are gone.

    Another run that was faster loses nothing. Returns how many are new or open again.
    """
    fresh: dict[str, Against] = {}
    changed: dict[int, Against] = {}
    moved: dict[int, list[int]] = {}
    stays: list[tuple[Kept, Against]] = []
    seen: set[str] = set()
    for one in barred:
        key = one.unit.key(one.barred.clause, one.barred.event.place)
        seen.add(key)
        row = known.get(key)
        if row is None:
            fresh[key] = one
            continue
        same = row.shape == shape_of(one.barred.event) and row.outcome == one.barred.outcome
        if row.state == HitState.CLEARED or not same:
            changed[row.pk] = one
            continue
        stays.append((row, one))
        if row.state == HitState.OPEN and row.authority != one.unit.authority:
            moved.setdefault(one.unit.authority, []).append(row.pk)  # the case lies on another desk now
    _clear(known, seen, at)
    for authority, keys in moved.items():
        Hit.objects.filter(pk__in=keys).update(authority=authority)
    _remember(stays, rules, basis)
    if changed:
        _open_again(changed, rules, at, basis)
    if fresh:
        Hit.objects.bulk_create(_rows(fresh, rules, at, basis), ignore_conflicts=True, batch_size=1000)
    return len(fresh) + len(changed)


def _clear(known: Mapping[str, Kept], seen: set[str], at: datetime) -> None:
    """What is not found any more; the event's other findings are decided anew the next time."""
    gone = {key: row.pk for key, row in known.items() if key not in seen and row.state != HitState.CLEARED}
    if not gone:
        return
    Hit.objects.filter(pk__in=list(gone.values())).update(state=HitState.CLEARED, closed_at=at)
    events = {event_of(key) for key in gone}
    Hit.objects.filter(pk__in=[row.pk for key, row in known.items() if event_of(key) in events]).update(rests_on="")


def _remember(stays: Iterable[tuple[Kept, Against]], rules: RuleSetVersion, basis: str) -> None:
    """From what, by which vetoes and until when the same was decided again; a newer version answers for it from then on."""
    turned: dict[tuple[date | None, str], list[int]] = {}
    renamed: list[Hit] = []
    for row, one in stays:
        if not one.rests_on:
            continue
        if row.rests_on != one.rests_on:
            now = {"rests_on": one.rests_on, "basis": basis, "holds_until": one.until}
            renamed.append(Hit(pk=row.pk, rules=rules, rule=one.barred.rule, **now))
        elif (row.basis, row.until) != (basis, one.until):
            turned.setdefault((one.until, one.barred.rule), []).append(row.pk)
    for (until, rule), keys in turned.items():
        Hit.objects.filter(pk__in=keys).update(basis=basis, holds_until=until, rules=rules, rule=rule)
    Hit.objects.bulk_update(renamed, ["rests_on", "basis", "holds_until", "rules", "rule"], batch_size=500)


def _open_again(changed: Mapping[int, Against], rules: RuleSetVersion, at: datetime, basis: str) -> None:
    """What was said before was said about something else."""
    rows = []
    for pk, (unit, one, rests_on, until) in changed.items():
        event, shape = engine.described(one.event), shape_of(one.event)
        found = {
            "state": HitState.OPEN,
            "event": event,
            "shape": shape,
            "outcome": one.outcome,
            "rules": rules,
            "rule": one.rule,
            "found_at": at,
            "rests_on": rests_on,
            "basis": basis,
            "holds_until": until,
        }
        rows.append(Hit(pk=pk, authority_id=unit.authority, word="", told_at=None, closed_at=None, **found))
    fields = [*found, "word", "told_at", "closed_at", "authority"] if rows else []
    Hit.objects.bulk_update(rows, fields, batch_size=500)


def _rows(fresh: Mapping[str, Against], rules: RuleSetVersion, at: datetime, basis: str) -> list[Hit]:
    evidence = organisations.evidence_of({one.barred.event.ref for one in fresh.values()})
    settled = _settled_before(fresh)
    rows = []
    for key, (unit, one, rests_on, until) in fresh.items():
        event = engine.described(one.event)
        row = Hit(
            key=key,
            rules=rules,
            rule=one.rule,
            clause=one.clause,
            outcome=one.outcome,
            ref=one.event.ref,
            event=event,
            shape=shape_of(one.event),
            rests_on=rests_on,
            basis=basis,
            holds_until=until,
            evidence=evidence.get(one.event.ref, ""),
            name=unit.name,
            category=unit.category,
            area_path=unit.area_path,
            authority_id=unit.authority,
            found_at=at,
            **{f"{unit.field}_id": unit.pk},
        )
        before = settled.get((unit.pk, one.clause, one.event.place)) if unit.field == "title" else None
        if before is not None and before.event == event:  # an official has answered it while it was a case
            row.state, row.word, row.told_at, row.closed_at = before.state, before.word, at, at
        rows.append(row)
    return rows


def _settled_before(fresh: Mapping[str, Against]) -> dict[tuple[int, str, str], Hit]:
    """What was settled in the case by which a listed unit came onto the list, by (title, clause, place)."""
    titles = {one.unit.pk for one in fresh.values() if one.unit.field == "title"}
    if not titles:
        return {}
    # Between the ends: a list of thousands of keys makes SQLite look through it for each row.
    ends = {"application__site__titles__gte": min(titles), "application__site__titles__lte": max(titles)}
    rows = Hit.objects.settled().filter(**ends).annotate(of=reads.TITLE_OF)
    return {(row.of, row.clause, reads.place_of(row.key)): row for row in rows if row.of in titles}


def note(*, found: Iterable[tuple[Application, Sequence[Barred]]], at: datetime) -> None:
    """Keeps what a check of submitted cases found, so that it can be answered; their authority is told by the sweep."""
    by_rules: dict[int, list[Against]] = {}
    versions: dict[int, RuleSetVersion] = {}
    cases = {case.pk: barred for case, barred in found if case.submitted_at is not None}
    rows = {case.pk: case for case, _barred in found if case.pk in cases}
    for pk, barred in cases.items():
        case = rows[pk]
        versions[case.call.rules_id] = case.call.rules
        unit = unit_of(case)
        by_rules.setdefault(case.call.rules_id, []).extend(Against(unit, one) for one in barred)
    for rules, pairs in by_rules.items():
        mine = [pk for pk, case in rows.items() if case.call.rules_id == rules]
        kept = known(Hit.objects.filter(application__in=mine))
        reconcile(known=kept, barred=pairs, rules=versions[rules], at=at)


def unit_of(case: Application) -> Unit:
    return Unit(
        "application",
        case.pk,
        case.name,
        case.category,
        case.area_path,
        case.desk_id or case.call.owner_id,
        case.organisation.founded_on,
    )


# ---- told -----------------------------------------------------------------------------------------------------------
@transaction.atomic
def tell(*, authority: int, category: str, at: datetime) -> int:
    """Tells an authority about its new findings in one message; two at once: one finds nothing left. Returns how many."""
    mine = Hit.objects.filter(authority=authority, category=category)
    count = mine.untold().update(told_at=at)
    if not count:
        return 0
    first = mine.filter(told_at=at).order_by("pk").first()
    assert first is not None
    outbox.notify(
        recipients=accounts.people_with(
            authority, [Capacity.HANDLER, Capacity.APPROVER], clock.china_date(at), category
        ),
        event=f"hits.found:{authority}:{category}:{first.pk}",
        period=at.strftime("%Y%m%dT%H%M%S"),
        kind="hits.found",
        params={"count": count, "first": first.name},
        link=reverse("applications:hits") if count > 1 else reverse("applications:hit", args=[first.pk]),
        at=at,
    )
    return count


# ---- answered -------------------------------------------------------------------------------------------------------
@transaction.atomic
def answer(
    *,
    hit_id: int,
    word: str,
    reason: str,
    actor: Actor,
    at: datetime,
    upload: UploadedFile | None = None,
    seen: str = "",
) -> HitAnswer:
    """What the authority says to a finding, from what; `seen`: the mark of the finding as its page showed it.

    A waiver is taken only where the rule set allows one; where it asks for two people it counts once another agrees.
    Raises NotVisible, NotAllowed, Invalid (no reason), Refused (the rule allows no waiver; nothing to dismiss), WrongState,
    Conflict (the finding says something else by now).
    """
    hit = _taken(hit_id, actor)
    if word not in Word:
        raise Invalid(_("Not done."), problems={"word": [_("Choose what you say to the finding.")]})
    if not reason.strip():
        raise Invalid(_("Not done."), problems={"reason": [_("Write the reason; it is kept with the case.")]})
    if hit.state == HitState.CLEARED:
        raise WrongState(_("This is not found any more: there is nothing to answer."))
    if seen and seen != reads.mark_of(hit):
        raise Conflict(_("The finding has changed since you opened the page. Reload it to see what it says now."))
    _void_outdated(hit, at)
    four_eyes = _require_word(hit, Word(word))
    if upload:
        limits.take("upload", actor=actor, at=at)
    document = attachments.store(upload=upload, at=at) if upload else None
    try:
        with transaction.atomic():
            said = HitAnswer.objects.create(
                hit=hit,
                word=word,
                reason=reason.strip(),
                document=document,
                event=hit.event,
                by_id=actor.user_id,
                person=actor.name,
                authority=actor.authority_name,
                at=at,
                four_eyes=four_eyes,
            )
    except IntegrityError as faster:
        raise WrongState(_("A waiver of this finding awaits agreement already.")) from faster
    _record(hit, said, "hit.answered", actor, at)
    if four_eyes:
        _ask_to_agree(hit, said, at)
    else:
        _settle(hit, said, at)
    return said


def _taken(hit_id: int, actor: Actor) -> Hit:
    hit = reads.one(actor, hit_id)
    if not may.may_answer(hit, hit.application.desk_id if hit.application else None, actor):
        raise NotAllowed(NOT_YOURS)
    return Hit.objects.select_for_update(of=("self",)).select_related("application__call", "rules").get(pk=hit.pk)


def _void_outdated(hit: Hit, at: datetime) -> None:
    """A waiver proposed for what the finding said before can be agreed to by nobody, and must not bar a new one."""
    for one in HitAnswer.objects.filter(hit=hit, four_eyes=True, agreed_at=None, refused_at=None):
        if one.event != hit.event:
            one.refused_at, one.note = at, str(_("The finding has changed since this was proposed."))
            one.save(update_fields=["refused_at", "note"])


def _require_word(hit: Hit, word: Word) -> bool:
    """Whether two people must act. Raises Refused with the clause."""
    if word == Word.DISMISS and hit.outcome != Outcome.CONFIRM:
        raise Refused(
            _("The record is certain: correct or end it where it is wrong, or give another answer."), clause=hit.clause
        )
    if word != Word.WAIVE:
        return False
    rule = engine.waiver(reads.rules_of(hit), hit.rule)
    if rule is None:
        raise Refused(_("The rules allow nobody to set this finding aside."), code="no_waiver", clause=hit.clause)
    return rule.four_eyes


@transaction.atomic
def agree(*, answer_id: int, agrees: bool, note: str = "", actor: Actor, at: datetime) -> HitAnswer:
    """The second person's word on a waiver. Raises NotVisible, NotAllowed (the same person, no approver), WrongState."""
    said = reads.answer(actor, answer_id)
    hit = _taken(said.hit_id, actor)
    said = HitAnswer.objects.select_for_update(of=("self",)).get(pk=answer_id)
    if not may.may_agree(hit, hit.application.desk_id if hit.application else None, said.by_id, actor):
        raise NotAllowed(_("An approver who did not propose it must agree to a waiver."))
    if not said.four_eyes or said.agreed_at or said.refused_at:
        raise WrongState(_("This has been decided already."))
    if agrees and (hit.event != said.event or hit.state == HitState.CLEARED):
        raise WrongState(_("The finding has changed since this was proposed."))
    said.note = note.strip()[:300]
    if agrees:
        said.agreed_by_id, said.agreed_person, said.agreed_at = actor.user_id, actor.name, at
    else:
        said.refused_at = at
    said.save(update_fields=["agreed_by", "agreed_person", "agreed_at", "refused_at", "note"])
    _record(hit, said, "hit.agreed" if agrees else "hit.not_agreed", actor, at)
    if agrees:
        _settle(hit, said, at)
    return said


STATES = {Word.STANDS: HitState.ANSWERED, Word.DISMISS: HitState.DISMISSED, Word.WAIVE: HitState.WAIVED}


def _settle(hit: Hit, said: HitAnswer, at: datetime) -> None:
    hit.state, hit.closed_at = STATES[Word(said.word)], at
    hit.word = f"{said.authority}：{said.reason}"[:400]
    hit.save(update_fields=["state", "closed_at", "word"])


def _ask_to_agree(hit: Hit, said: HitAnswer, at: datetime) -> None:
    people = accounts.people_with(hit.authority_id, [Capacity.APPROVER], clock.china_date(at), hit.category)
    outbox.notify(
        recipients=[person for person in people if person != said.by_id],
        event=f"hit.to_agree:{said.pk}",
        kind="hit.to_agree",
        params={"name": hit.name, "person": said.person, "clause": hit.clause, "reason": said.reason[:200]},
        link=reverse("applications:hit", args=[hit.pk]),
        at=at,
    )


def _record(hit: Hit, said: HitAnswer, action: str, actor: Actor, at: datetime) -> None:
    subject = ("case", hit.application_id) if hit.application_id else ("title", hit.title_id)
    data = {"rule": hit.rule, "clause": hit.clause, "ref": hit.ref, "word": said.word, "reason": said.reason}
    audit.record(actor=actor, subject=subject, action=action, at=at, data=data)


# ---- conditions -----------------------------------------------------------------------------------------------------
@transaction.atomic
def take_up_rule(*, case: Application, rule: str, actor: Actor, at: datetime) -> Hit:
    """The same by the name of the rule, as the newest check of the case found it. Raises NotVisible, NotAllowed."""
    run = case.checks.order_by("-at", "-pk").first()
    found = [Finding.from_json(one) for one in run.findings] if run else []
    finding = next((one for one in found if one.rule == rule and one.outcome is not Outcome.CLEAR), None)
    if finding is None or rule.split(".")[0] not in engine.CHECKED:
        raise NotVisible
    return take_up(case=case, finding=finding, actor=actor, at=at)


@transaction.atomic
def take_up(*, case: Application, finding: Finding, actor: Actor, at: datetime) -> Hit:
    """A row for a condition that is not met, so that an official can answer it; the same one each time.

    Raises NotAllowed; the caller has found it just now.
    """
    unit = unit_of(case)
    shape = {"evidence": list(finding.evidence), "label": finding.params.get("label", {})}
    hit, made = Hit.objects.select_for_update(of=("self",)).get_or_create(
        key=unit.key(finding.rule, ""),
        defaults={
            "application": case,
            "rules": case.call.rules,
            "rule": finding.rule,
            "clause": finding.clause,
            "outcome": finding.outcome,
            "event": shape,
            "evidence": "；".join(finding.evidence),
            "name": unit.name,
            "category": unit.category,
            "area_path": unit.area_path,
            "authority_id": unit.authority,
            "found_at": at,
            "told_at": at,  # who takes it up knows of it
        },
    )
    if not may.may_answer(hit, case.desk_id, actor):
        raise NotAllowed(NOT_YOURS)
    if not made and hit.event != shape:
        hit.event, hit.outcome, hit.state, hit.word, hit.found_at = shape, finding.outcome, HitState.OPEN, "", at
        hit.save(update_fields=["event", "outcome", "state", "word", "found_at"])
    return hit
