"""Which criteria set a report is judged by, why, and what the report's form therefore asks."""

from dataclasses import dataclass
from typing import Any

from applications.models import Application, Report
from greenlist.organisations.models import Organisation
from greenlist.policy import selectors as policy
from greenlist.policy import words
from greenlist.policy.engine.criteria_types import Criteria
from greenlist.policy.engine.standards import Reason
from greenlist.policy.engine.types import BoundPolicy, Form
from greenlist.policy.engine.types import Text as PolicyText

ALL = "all"


def pinned(report: Report) -> Criteria | None:
    """The set the report is judged by, as it was when the report was started. No query once a process knows it."""
    digest = report.criteria_why.get("digest", "")
    return policy.criteria_with(digest) if digest else None


def doubts(report: Report) -> list[tuple[PolicyText, str]]:
    """(title, what nobody has verified) of the factor tables a report counts with."""
    tables = [policy.factor_table(digest) for _slug, digest in sorted((report.factors or {}).get("tables", {}).items())]
    return [(one.title, one.unverified) for one in tables if not one.verified]


def scored(report: Report) -> Criteria | None:
    """The set, where the report itself has its indicators."""
    return pinned(report) if report.criteria_why.get("part") == ALL else None


def form_of(report: Report, bound: BoundPolicy) -> Form:
    """The form of the report as the call has it, with the indicators of its criteria set and the factors it counts with."""
    if report.criteria_why.get("part") != ALL:
        form = bound.forms[report.form]
    else:
        why = report.criteria_why
        form = policy.form_with_criteria(bound, report.form, why["digest"], why["clause"])
    return policy.with_factors(form, report.factors.get("tables", {}), report.factors.get("home", ""))


def general_form(bound: BoundPolicy, category: str, key: str, year: int) -> tuple[Form, str]:
    """The form of a call as a unit of no particular industry fills it in, with its digest: what a template shows."""
    base = policy.form_digest(bound.policy, key)
    asks_all = any(rule.part == ALL for rule in bound.criteria if rule.category == category)
    applied = policy.criteria_for(bound, category, "", year) if asks_all else None
    if applied is None:
        return bound.forms[key], base
    digest = applied.criteria.digest
    form = policy.form_with_criteria(bound, key, digest, applied.reason.clause)
    return form, policy.with_criteria(base, digest)


def pin(report: Report, bound: BoundPolicy, applied: policy.Applied | None) -> None:
    """Sets what the report is judged by and the digest of the form that follows from it; saves nothing."""
    base = policy.form_digest(bound.policy, report.form)
    report.criteria = applied.version if applied else None
    report.criteria_why = {**applied.reason.as_json(), **applied.marks} if applied else {}
    has_all = applied is not None and applied.reason.part == ALL
    report.form_digest = policy.with_criteria(base, applied.criteria.digest) if applied and has_all else base


def applied_now(case: Application, bound: BoundPolicy) -> policy.Applied | None:
    """What would be pinned today, by the firm's industry as it stands in its profile."""
    return policy.criteria_for(bound, case.category, industry_of(case.organisation), case.report.year)


def industry_of(firm: Organisation) -> str:
    return firm.industry_id or ""


# ---- told -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Told:
    """What a page says about the standard: which, which version, why, and what is not sure about it."""

    title: str
    edition: str
    why: str
    article: str
    clause: str
    number: int | None
    unverified: str
    is_whole: bool  # the report has all indicators
    requirements: tuple[str, ...] = ()


def told(report: Report, bound: BoundPolicy) -> Told | None:
    """None for a report that has none pinned."""
    criteria = pinned(report)
    if criteria is None:
        return None
    why: dict[str, Any] = report.criteria_why
    reason = Reason(why["code"], why["clause"], why["part"], why.get("params", {}))
    clause = words.cited(bound, reason.clause)
    return Told(
        title=words.text(criteria.title),
        edition=f"{criteria.standard}-{criteria.edition}",
        why=words.why_criteria(reason),
        article=clause.article if clause else "",
        clause=reason.clause,
        number=why.get("number"),
        unverified="" if criteria.verified else criteria.unverified,
        is_whole=reason.part == ALL,
        requirements=tuple(words.text(item.text) for item in criteria.requirements),
    )


def other_now(case: Application, bound: BoundPolicy) -> str:
    """The title of another set that applies by now, where the firm's industry was corrected; "" while it is the same."""
    if not any(rule.by for rule in bound.criteria if rule.category == case.category):
        return ""
    applied = applied_now(case, bound)
    if applied is None or applied.criteria.slug == case.report.criteria_why.get("slug"):
        return ""
    return words.text(applied.criteria.title)
