"""From a list to the next one up: what the lower lists' rules ask before a unit is recommended (QHD-11, QHD-N3d, SJZ-11),
and an application that starts from what the lower one knew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from applications import facts
from applications.models import Application, Call, Override
from applications.rules import screening as may
from applications.selectors import calls
from applications.selectors import drafts as draft_reads
from applications.selectors import screening as reviews
from applications.selectors import upward as reads
from applications.services import cases, drafts, prefilling
from applications.states import CallState, State
from greenlist.accounts import selectors as accounts
from greenlist.core import audit, clock
from greenlist.core.actors import Actor, Tier
from greenlist.core.errors import Invalid, NotAllowed, Text, WrongState
from greenlist.organisations.models import Category, Site
from greenlist.policy import engine
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import BoundPolicy, Finding, Layer, Outcome
from greenlist.policy.models import RuleSetVersion

RECOMMEND, UPWARD = "recommend", "upward"
CHAIN = Category.SUPPLY_CHAIN.value  # QHD-18 names it beside the higher lists of one's own category
LONGEST = 500


# ---- what the lower lists ask ---------------------------------------------------------------------------------------
def look(cases_: Sequence[Application], point: str, on: date) -> dict[int, tuple[Finding, ...]]:
    """Findings of the `[[upward]]` tables of the lists one tier below, by case; nothing where no such list has any."""
    found: dict[int, tuple[Finding, ...]] = {}
    if not cases_ or point != RECOMMEND:
        return found
    below = Tier(calls.rules_of(cases_[0].call).header.tier).rank - 1
    if below <= Tier.COUNTY.rank:  # nobody publishes a list below the city's
        return found
    groups: dict[str, list[Application]] = {}
    for case in cases_:
        groups.setdefault(case.area_path or case.site.area.path, []).append(case)
    known: dict[tuple[str, str], list[BoundPolicy]] = {}
    for path, rows in groups.items():
        for lower in _asking(path, rows[0].category, below, known):
            told = facts.gather(rows, lower, UPWARD, on, with_events=False)
            for case in rows:
                said = engine.check(lower, UPWARD, told[case.pk].facts, (), on)
                found[case.pk] = (*found.get(case.pk, ()), *(_cited(one, lower) for one in said))
    return found


def _asking(path: str, category: str, rank: int, known: dict[tuple[str, str], list[BoundPolicy]]) -> list[BoundPolicy]:
    """The rule sets of this rank at or above the place that ask something upward, bound to their latest call."""
    found = []
    for one in accounts.lineage(path):
        slug = one.rstrip("/").rpartition("/")[2]
        if (slug, category) not in known:
            known[slug, category] = [
                _bound(version, category)
                for version in policy.of_owner(slug, category)
                if Tier(policy.policy(version).header.tier).rank == rank
            ]
        found += [bound for bound in known[slug, category] if any(rule.group == UPWARD for rule in bound.rules)]
    return found


def _bound(version: RuleSetVersion, category: str) -> BoundPolicy:
    """As the latest call of that list has it (QHD-N3d: block or warning is a setting of the call)."""
    rows = Call.objects.filter(rules__rule_set=version.rule_set_id, category=category).exclude(state=CallState.DRAFT)
    latest = rows.select_related("rules__rule_set").order_by("-year", "-round", "-pk").first()
    if latest:
        return calls.rules_of(latest)
    bound = policy.standing(version, category)
    return replace(bound, rules=tuple(rule for rule in bound.rules if rule.layer is not Layer.CALL))


def _cited(finding: Finding, lower: BoundPolicy) -> Finding:
    """The clause is of another text than the call's own: the finding says of which."""
    if finding.outcome is Outcome.CLEAR:
        return finding
    clause = lower.clause(finding.clause)
    where = f"《{lower.header.title.zh}》{clause.article if clause else ''}"
    return replace(finding, evidence=(*finding.evidence, where))


# ---- going on in spite of a warning -----------------------------------------------------------------------------------
@transaction.atomic
def override(*, actor: Actor, at: datetime, reference: str, rule: str, reason: str) -> Override:
    """The recommender goes on although a prerequisite warns, and says why (QHD-11, HEB-2.3b, HLJ-14c, HLJ-21e).

    Raises NotVisible, NotAllowed, WrongState (sent already, or no such warning), Invalid (no reason).
    """
    case = cases.lock(actor=actor, reference=reference)
    if not may.is_at_desk(case, actor):
        raise NotAllowed(may.NOT_AT_DESK)
    if case.state not in (State.SCREENING, State.PASSED):
        raise WrongState(
            _("This is not possible any more: the case is now “%(state)s”.") % {"state": case.get_state_display()}
        )
    problems: dict[str, list[Text]] = {}
    if not reason.strip():
        problems["reason"] = [_("Write why the unit is recommended nevertheless.")]
    elif len(reason.strip()) > LONGEST:
        problems["reason"] = [_("At most %(most)s characters.") % {"most": LONGEST}]
    if problems:
        raise Invalid(_("The reason was not kept."), problems=problems)
    finding = next((one for one in reads.overridable(reviews.latest_findings(case)) if one.rule == rule), None)
    if finding is None:
        raise WrongState(_("The newest check found no such warning."))
    made = Override.objects.create(
        application=case,
        step=case.step,
        rule=finding.rule,
        clause=finding.clause,
        finding=finding.as_json(),
        reason=reason.strip(),
        by_id=actor.user_id,
        person=actor.name,
        authority=actor.authority_name,
        at=at,
    )
    data = {"rule": finding.rule, "clause": finding.clause, "reason": made.reason}
    audit.record(actor=actor, subject=("case", case.pk), action="case.overridden", at=at, data=data)
    return made


# ---- how far it is (QHD-18) ---------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Gap:
    """What a listed site meets already of a higher list's conditions, and what it lacks or must still show."""

    site: Site
    category: str
    bound: BoundPolicy
    findings: tuple[Finding, ...]

    @property
    def met(self) -> int:
        return sum(one.outcome is Outcome.CLEAR for one in self.findings)


def gaps(*, actor: Actor, at: datetime) -> list[Gap]:
    """For the actor's listed sites: the conditions of the lists above in their category, and of the supply-chain lists."""
    on = clock.china_date(at)
    return [gap for site, category, rank in reads.standing_titles(actor) for gap in gaps_of(site, category, rank, on)]


def gaps_of(site: Site, category: str, rank: int, on: date) -> list[Gap]:
    """For one site that holds titles up to a rank (0: none) in a category: eligibility, prerequisites and vetoes of every
    list above it, nearest place first. Expects site.area and site.organisation.area.
    """
    found: list[Gap] = []
    for path in accounts.lineage(site.area.path):
        slug = path.rstrip("/").rpartition("/")[2]
        for version in policy.of_owner(slug):
            found += _gaps(version, site, category, rank, on)
    return found


def _gaps(version: RuleSetVersion, site: Site, category: str, rank: int, on: date) -> list[Gap]:
    rules = policy.policy(version)
    made = []
    for wanted in dict.fromkeys((category, CHAIN)):
        higher = Tier(rules.header.tier).rank > (rank if wanted == category else 0)
        if wanted not in rules.categories or not higher:
            continue
        bound = policy.standing(version, wanted)
        events = facts.events_of_site(site, bound, on)
        said = engine.check(bound, "apply", facts.of_site(site, wanted, on), events, on)
        rows = tuple(one for one in said if one.rule.split(".")[0] in (*engine.CHECKED, "veto"))
        made.append(Gap(site, wanted, bound, rows))
    return made


# ---- the next tier ----------------------------------------------------------------------------------------------------
@transaction.atomic
def apply(*, actor: Actor, at: datetime, call_id: int, site_id: int, mode: str = "") -> Application:
    """A draft for a higher list that starts from what the lower case and the profile know; a second time gives the same.

    Raises what `drafts.start` raises.
    """
    case = drafts.start(actor=actor, at=at, call_id=call_id, site_id=site_id, mode=mode)
    lower = reads.lower_case(case)
    if lower is None or case.grown_from_id is not None or case.state != State.DRAFT:
        return case
    case.grown_from = lower
    case.save(update_fields=["grown_from"])
    _same_year(case, lower, actor=actor, at=at)
    _case, offers = prefilling.look(actor=actor, at=at, reference=case.reference)
    taken: Mapping[str, object] = {}
    if offers.rows:
        rows = prefilling.take(
            actor=actor,
            at=at,
            reference=case.reference,
            paths=[one.path for one in offers.rows],
            digest=offers.digest,
        )
        taken = {"taken": len(rows)}
        case.report.refresh_from_db(fields=["origins"])
    data = {"from": lower.reference, **taken}
    audit.record(actor=actor, subject=("case", case.pk), action="case.grown", at=at, data=data)
    return case


def _same_year(case: Application, lower: Application, *, actor: Actor, at: datetime) -> None:
    """Where the lower report is of the year before this call, the new one is taken to be of the same year: only then have
    its figures a place. The applicant may change it.
    """
    form, version = draft_reads.form_of(case), lower.report.versions.order_by("-number").first()
    if not form.year or version is None:
        return
    year = engine.forms.year_of(draft_reads.form_of(lower), version.data.get("sections", {}))
    draft = draft_reads.draft_of(case, form)
    section, key = form.year.split(".")
    if year != case.call.year - 1 or engine.forms.year_of(form, draft.data) is not None:
        return
    drafts.save_section(
        actor=actor,
        at=at,
        reference=case.reference,
        section=section,
        answers={key: str(year)},
        version=draft.rows[section].version,
    )
