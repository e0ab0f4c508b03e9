"""Reads: stored versions as rules the engine works on, criteria sets, the calendar."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery

from greenlist.core.errors import NotVisible
from greenlist.policy import engine
from greenlist.policy.engine import calculators
from greenlist.policy.engine.criteria import Criteria, build_criteria
from greenlist.policy.engine.criteria_form import composed
from greenlist.policy.engine.factors import FactorTable, build_factors
from greenlist.policy.engine.standards import Reason
from greenlist.policy.engine.types import BoundPolicy, Calendar, CallValues, Form, NotOffered, Policy
from greenlist.policy.facts_table import FACTS
from greenlist.policy.models import (
    CalendarDay,
    CalendarYear,
    CriteriaSetVersion,
    FactorTableVersion,
    RuleSet,
    RuleSetVersion,
)

KEPT = 128  # built rule sets a process remembers
_built: OrderedDict[tuple[str, str], Any] = OrderedDict()


def _once(kind: str, digest: str, make: Callable[[], Any]) -> Any:
    """What `make` gives, remembered by digest: what has a digest never changes, so nothing here ever goes stale."""
    key = (kind, digest)
    found = _built.get(key)
    if found is None:
        found = _built[key] = make()
        while len(_built) > KEPT:
            _built.popitem(last=False)
    return found


# ---- rule sets ------------------------------------------------------------------------------------------------------
def policy(version: RuleSetVersion) -> Policy:
    """A stored version as the engine's rule set."""
    built: Policy = _once("policy", version.digest, lambda: engine.stored(version.canonical, FACTS))
    return built


def bound(version: RuleSetVersion, call: CallValues) -> BoundPolicy:
    """A version with a call's values filled in. Raises MissingCallValue, BadCallValue."""
    digest = engine.digest(
        {"rules": version.digest, "call": call.as_json(), "of": [call.category, call.year]}  # both shape what is built
    )
    built: BoundPolicy = _once("bound", digest, lambda: engine.bind(policy(version), call))
    return built


def standing(version: RuleSetVersion, category: str) -> BoundPolicy:
    """A version as it holds for listed units of a category, apart from any call."""
    make = partial(engine.standing, policy(version), category)
    built: BoundPolicy = _once("standing", f"{version.digest}:{category}", make)
    return built


def _latest() -> QuerySet[RuleSetVersion]:
    newest = RuleSetVersion.objects.filter(rule_set=OuterRef("rule_set")).order_by("-number").values("pk")[:1]
    # The stored text is long and read only by the process that builds the rules for the first time.
    versions = RuleSetVersion.objects.select_related("rule_set").defer("canonical", "sources")
    versions = versions.annotate(newest=Subquery(newest))
    return versions.filter(pk=F("newest")).order_by("rule_set__slug")


def current(slug: str) -> RuleSetVersion:
    """The newest version of a rule set. Raises NotVisible."""
    version = _latest().filter(rule_set__slug=slug).first()
    if version is None:
        raise NotVisible
    return version


def all_current() -> QuerySet[RuleSetVersion]:
    """The newest version of every rule set."""
    return _latest()


def of_owner(owner: str, category: str = "") -> list[RuleSetVersion]:
    """The newest versions of the rule sets of an area (by its slug), for a category if one is given."""
    versions = _latest().filter(rule_set__owner=owner)
    return [version for version in versions if not category or category in policy(version).categories]


def rule_sets() -> QuerySet[RuleSet]:
    """All of them, for a choice."""
    return RuleSet.objects.all()


def owners() -> set[str]:
    """Slugs of all areas that have a rule set."""
    return set(RuleSetVersion.objects.values_list("rule_set__owner", flat=True).distinct())


# ---- forms ----------------------------------------------------------------------------------------------------------
_forms: dict[str, Form] = {}  # by digest of the form's own file
_searched: set[str] = set()  # digests of the versions whose forms are in `_forms`


def form_digest(rules: Policy, key: str) -> str:
    """The digest of the form's own file: two rule-set versions with the same form share it."""
    raw = rules.raw.get(f"forms/{key}.toml")
    return engine.digest(raw) if raw is not None else rules.digest


def form_with(digest: str) -> Form:
    """The form of a digest, with every part a call may drop. Raises NotVisible.

    A version never changes, so each is looked through once a process.
    """
    if digest not in _forms:
        digests = set(RuleSetVersion.objects.values_list("digest", flat=True))
        for version in RuleSetVersion.objects.filter(digest__in=digests - _searched):
            built = policy(version)
            _forms.update({form_digest(built, key): form for key, form in built.forms.items()})
            _searched.add(version.digest)
    if digest not in _forms:
        _forms[digest] = _composed(digest)
    return _forms[digest]


def _composed(digest: str) -> Form:
    """A form with the sections of a criteria set, by their common digest. Raises NotVisible."""
    for criteria in CriteriaSetVersion.objects.values_list("digest", flat=True):
        for form, spec in list(_forms.items()):
            if with_criteria(form, criteria) == digest:
                return composed(spec, criteria_with(criteria))
    raise NotVisible


# ---- factor tables --------------------------------------------------------------------------------------------------
def factor_pins(form: Form) -> dict[str, str]:
    """The newest version of every factor table a form counts with, {slug: digest}: what a report is started with."""
    slugs = {slug for section in form.sections for field in section.fields for slug in field.factors}
    if not slugs:
        return {}
    rows = FactorTableVersion.objects.filter(slug__in=slugs).order_by("slug", "number").values_list("slug", "digest")
    return dict(rows)


def factor_table(digest: str) -> FactorTable:
    """A stored factor table. Raises NotVisible."""

    def make() -> FactorTable:
        version = FactorTableVersion.objects.filter(digest=digest).first()
        if version is None:
            raise NotVisible
        return build_factors(f"factors/{version.slug}.toml", version.canonical)

    built: FactorTable = _once("factors", digest, make)
    return built


def factor_numbers(pins: Mapping[str, str]) -> dict[str, int]:
    """The number of each pinned version, by slug."""
    if not pins:
        return {}
    rows = FactorTableVersion.objects.filter(digest__in=pins.values())
    return dict(rows.values_list("slug", "number"))


def with_factors(form: Form, pins: Mapping[str, str], home: str = "") -> Form:
    """The form, its calculators counting with these versions and the factors of this province. Raises NotVisible."""
    if not pins:
        return form
    tables = {slug: factor_table(digest) for slug, digest in pins.items()}
    return calculators.bind(form, tables, home=home)


# ---- criteria -------------------------------------------------------------------------------------------------------
def criteria(slug: str) -> Criteria:
    """The newest text of a criteria set. Raises NotVisible."""
    version = CriteriaSetVersion.objects.filter(criteria_set__slug=slug).order_by("-number").first()
    if version is None:
        raise NotVisible
    built: Criteria = _once("criteria", version.digest, lambda: build_criteria(f"{slug}.toml", version.canonical))
    return built


def criteria_of(rules: BoundPolicy, category: str) -> Criteria:
    """The edition a call pins for a category (QHD-5.9). Raises NotOffered, NotVisible."""
    return criteria(engine.criteria_rule(rules, category).set)


def criteria_with(digest: str) -> Criteria:
    """The criteria set of a digest: what a report has pinned. No query once a process knows it. Raises NotVisible."""

    def build() -> Criteria:
        version = CriteriaSetVersion.objects.filter(digest=digest).select_related("criteria_set").first()
        if version is None:
            raise NotVisible
        return build_criteria(f"{version.criteria_set.slug}.toml", version.canonical)

    built: Criteria = _once("criteria", digest, build)
    return built


def _all_criteria() -> list[Criteria]:
    """The newest text of every set; one query for what a process has seen."""
    newest: dict[str, str] = {}
    rows = CriteriaSetVersion.objects.order_by("number").values_list("criteria_set__slug", "digest")
    newest.update(dict(rows))
    return [criteria_with(digest) for digest in newest.values()]


@dataclass(frozen=True)
class Applied:
    """The criteria set that holds for a unit, and why."""

    criteria: Criteria
    version: CriteriaSetVersion
    reason: Reason

    @property
    def marks(self) -> dict[str, Any]:
        """What a report keeps beside the reason, to tell of the set without a query."""
        return {"slug": self.criteria.slug, "number": self.version.number, "digest": self.criteria.digest}


def criteria_for(rules: BoundPolicy, category: str, industry: str, year: int | None = None) -> Applied | None:
    """The set by which a unit of an industry is judged; None where the rule set names none, or it is not loaded."""
    by_industry = any(rule.by for rule in rules.criteria if rule.category == category)
    try:
        slug, reason = engine.criteria_for(rules, category, industry, year, _all_criteria() if by_industry else ())
    except NotOffered:
        return None
    version = CriteriaSetVersion.objects.filter(criteria_set__slug=slug).order_by("-number").first()
    return Applied(criteria_with(version.digest), version, reason) if version else None


def form_with_criteria(rules: BoundPolicy, key: str, digest: str, clause: str) -> Form:
    """A form as the call has it, followed by the sections of the criteria set of a digest. Raises NotVisible."""
    name = engine.digest([rules.digest, key, digest, clause])
    built: Form = _once("composed", name, lambda: composed(rules.forms[key], criteria_with(digest), clause))
    return built


def with_criteria(form: str, criteria: str) -> str:
    """The digest of a form that has the sections of a criteria set after its own."""
    return engine.digest({"form": form, "criteria": criteria})


# ---- calendar -------------------------------------------------------------------------------------------------------
def calendar(years: Iterable[int] = ()) -> Calendar:
    """The working-day calendar; of some years only, if given. Two queries."""
    days, confirmed = CalendarDay.objects.all(), CalendarYear.objects.filter(confirmed=True)
    if wanted := list(years):
        days, confirmed = days.filter(day__year__in=wanted), confirmed.filter(year__in=wanted)
    return Calendar(
        exceptions=dict(days.values_list("day", "working")),
        confirmed=frozenset(confirmed.values_list("year", flat=True)),
    )


def exceptions(since: date) -> dict[date, bool]:
    """Days from then on that differ from the plain week: enough to count working days for planning. One query."""
    return dict(CalendarDay.objects.filter(day__gte=since).values_list("day", "working"))
