"""Findings against units as an office reads them: the list, one with its answers, and those of a case file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet, prefetch_related_objects

from applications.models import Application, Hit, HitAnswer
from applications.rules import hits as may
from applications.selectors.calls import rules_of as rules_of_call
from applications.selectors.paging import Page, page_of
from applications.states import HitState, Word
from greenlist.core.actors import Actor
from greenlist.core.audit import digest_of
from greenlist.core.errors import NotAllowed, NotVisible
from greenlist.organisations import selectors as organisations
from greenlist.policy import engine, words
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import BoundPolicy, Outcome

TITLE_OF = F("application__site__titles")
ROWS = ("application__call__rules", "application__desk", "title__site", "rules", "authority")
FINDS = {
    Outcome.BLOCK.value: "block",
    Outcome.CONFIRM.value: "confirm",
    Outcome.WARN.value: "warn",
}


def visible(actor: Actor) -> QuerySet[Hit]:
    """Raises NotAllowed for who is no official."""
    if not actor.is_official:
        raise NotAllowed(organisations.OFFICIALS_ONLY)
    return Hit.objects.visible_to(actor)


def listed(actor: Actor, given: Mapping[str, str]) -> Page:
    """One page of findings, newest first; `state` narrows, `mine` shows what this authority must answer. One query."""
    found = visible(actor).select_related("application", "authority", "rules")
    if given.get("mine"):
        found = found.filter(authority_id=actor.authority_id)
    state = given.get("state", HitState.OPEN)
    return page_of(found.filter(state=state) if state in HitState else found, given)


def one(actor: Actor, hit_id: int) -> Hit:
    """Raises NotVisible."""
    found = Hit.objects.visible_to(actor).select_related(*ROWS).filter(pk=hit_id).first()
    if found is None:
        raise NotVisible
    return found


def answer(actor: Actor, answer_id: int) -> HitAnswer:
    """Raises NotVisible."""
    found = HitAnswer.objects.filter(pk=answer_id, hit__in=Hit.objects.visible_to(actor)).first()
    if found is None:
        raise NotVisible
    return found


def rules_of(hit: Hit) -> BoundPolicy:
    """The rules the finding rests on: those of the case's call, or the standing ones of the list."""
    if hit.application is not None:
        return rules_of_call(hit.application.call)
    return policy.standing(hit.rules, hit.category)


def article(hit: Hit) -> str:
    """Where the clause it rests on stands in the published text; no query where `rules` was fetched with it."""
    clause = policy.policy(hit.rules).clauses.get(hit.clause)
    return clause.article if clause else hit.clause


def page(actor: Actor, hit_id: int) -> "HitShown":
    """One finding with its answers, as this reader may act on it. Raises NotVisible."""
    hit = one(actor, hit_id)
    prefetch_related_objects([hit], "answers__document")
    return shown(hit, actor)


@dataclass(frozen=True, slots=True)
class HitShown:
    """A finding in words, with what was said to it."""

    hit: Hit
    text: str
    article: str
    clause_text: str
    outcome: str
    answers: tuple[HitAnswer, ...]
    pending: HitAnswer | None = None  # a waiver that awaits agreement
    words: tuple[tuple[str, str], ...] = ()  # what this reader may say
    may_agree: bool = False
    record_id: int | None = None


def shown(hit: Hit, actor: Actor | None = None) -> HitShown:
    """Expects the rows of `ROWS` and the answers. `actor`: whose page it is; nobody's on paper."""
    bound = rules_of(hit)
    clause = words.cited(bound, hit.clause)
    said = tuple(hit.answers.all())
    pending = next((one for one in said if one.four_eyes and not one.agreed_at and not one.refused_at), None)
    desk = hit.application.desk_id if hit.application else None
    return HitShown(
        hit=hit,
        text=said_of(hit),
        article=clause.article if clause else hit.clause,
        clause_text=words.text(clause.text) if clause else "",
        outcome=FINDS.get(hit.outcome, "warn") if hit.state in (HitState.OPEN, HitState.ANSWERED) else "clear",
        answers=said,
        pending=pending,
        words=_words(hit, bound) if actor and _may_answer(hit, desk, actor) else (),
        may_agree=bool(actor and pending and may.may_agree(hit, desk, pending.by_id, actor)),
        record_id=int(hit.ref[1:]) if hit.ref.startswith("r") else None,
    )


def _may_answer(hit: Hit, desk: int | None, actor: Actor) -> bool:
    return may.may_answer(hit, desk, actor) and hit.state != HitState.CLEARED


def _words(hit: Hit, bound: BoundPolicy) -> tuple[tuple[str, str], ...]:
    allowed = [Word.STANDS]
    if hit.outcome == Outcome.CONFIRM:
        allowed.append(Word.DISMISS)
    if engine.waiver(bound, hit.rule) is not None:
        allowed.append(Word.WAIVE)
    return tuple((one.value, str(one.label)) for one in allowed)


def said_of(hit: Hit) -> str:
    """What was found, in a line."""
    return words.event(hit.event) if hit.ref else words.labelled(hit.event.get("label")) or hit.evidence


def of_case(case: Application) -> tuple[HitShown, ...]:
    """What stands or stood against a case, for its file and its paper, the newest first; two queries."""
    rows = Hit.objects.filter(application=case).select_related(*ROWS).prefetch_related("answers__document")
    return tuple(shown(row) for row in rows.order_by("-pk")[:100])


def settled_events(cases: list[int]) -> dict[int, dict[tuple[str, str], tuple[Any, str]]]:
    """What officials settled, by case: (basis, place of the event) → what it was said about, and the words. One query."""
    found: dict[int, dict[tuple[str, str], tuple[Any, str]]] = {}
    rows = Hit.objects.settled().filter(application__in=cases)
    for case, key, clause, rule, ref, event, word in rows.values_list(
        "application_id", "key", "clause", "rule", "ref", "event", "word"
    ):
        found.setdefault(case, {})[clause if ref else rule, place_of(key)] = (event, word)
    return found


def mark_of(hit: Hit) -> str:
    """Of what a finding says: whoever answers it has read that."""
    return digest_of([hit.event, hit.outcome])


def place_of(key: str) -> str:
    """Where the event of a row stands, by the row's key; empty for a condition."""
    return key.rpartition("|")[2]
