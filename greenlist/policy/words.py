"""Sentences from codes and params, in the reader's language. Every code the engine can give has its words here."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import formats, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from greenlist.policy.engine.calculators import Line, Warning
from greenlist.policy.engine.standards import Reason
from greenlist.policy.engine.types import BoundPolicy, Clause, Finding, Layer, Outcome, PolicyError, Problem, Text
from greenlist.policy.facts_table import FACTS

FINDINGS = {
    "rule.met": gettext_lazy("Met: %(label)s"),
    "rule.failed": gettext_lazy("Not met: %(label)s"),
    "rule.failed.evidence": gettext_lazy("Not met: %(label)s (found: %(evidence)s)"),
    "rule.unknown": gettext_lazy("Not known yet: %(label)s (missing: %(facts)s)"),
    "veto.none": gettext_lazy("No record found: %(label)s (from %(since)s)"),
    "veto.none.open": gettext_lazy("No record found: %(label)s"),
    "veto.hit": gettext_lazy("Veto: %(label)s (%(events)s)"),
    "veto.look": gettext_lazy("To be confirmed: %(label)s (%(events)s)"),
    "veto.before": gettext_lazy("To be confirmed, before the founding day it gives: %(label)s (%(events)s)"),
    "veto.settled": gettext_lazy("Settled by an official: %(label)s (%(events)s)"),
    "portal.listed": gettext_lazy("On this list already: %(evidence)s"),
    "portal.twin": gettext_lazy("An earlier application for the same list is not decided yet: %(evidence)s"),
    "portal.code": gettext_lazy("Another site of the same credit code has applied to this call: %(evidence)s"),
    "rule.settled": gettext_lazy("Settled by an official: %(label)s"),
    "item.yes": gettext_lazy("Yes: %(label)s"),
    "item.no": gettext_lazy("No: %(label)s"),
    "item.fix": gettext_lazy("To be corrected: %(label)s"),
    "item.open": gettext_lazy("Not answered yet: %(label)s"),
    "body.approved": gettext_lazy("Approved: %(label)s"),
    "body.not_approved": gettext_lazy("The body has not been approved for work here yet: %(label)s"),
    "body.proof": gettext_lazy("Confirmed: %(label)s (%(day)s)"),
    "body.proof_open": gettext_lazy("Filed, but no official has confirmed it yet: %(label)s"),
    "body.proof_missing": gettext_lazy("Missing: %(label)s"),
    "body.cap": gettext_lazy("%(taken)s of %(limit)s projects taken: %(label)s"),
    "body.cap_full": gettext_lazy("All %(limit)s projects are taken: %(label)s"),
    "body.free": gettext_lazy("No ban: %(label)s"),
    "body.banned": gettext_lazy("Under a ban to %(day)s: %(label)s"),
    "quota.open": gettext_lazy("%(label)s: no number has been given yet"),
    "quota.within": gettext_lazy("%(label)s: %(places)s places, %(taken)s taken, %(here)s in this batch"),
    "quota.over": gettext_lazy(
        "%(label)s: %(places)s places, %(taken)s taken, %(here)s in this batch: %(over)s too many"
    ),
    "order.kept": gettext_lazy("Ordered by the rule: %(label)s"),
    "order.departs": gettext_lazy("Moved by hand: %(moved)s. The rule says: %(label)s"),
    "score.spread": gettext_lazy("The scores lie %(spread)s points apart (limit %(limit)s): ask for a further opinion"),
}
OUTCOMES = {
    Outcome.CLEAR: gettext_lazy("clear"),
    Outcome.WARN: gettext_lazy("warning"),
    Outcome.BLOCK: gettext_lazy("blocks"),
    Outcome.CONFIRM: gettext_lazy("to be confirmed"),
}
LAYERS = {
    Layer.GUIDE: gettext_lazy("the guide"),
    Layer.CALL: gettext_lazy("this call's notice"),
    Layer.PORTAL: gettext_lazy("the portal's own rule"),
}
EVENTS = {
    "safety": gettext_lazy("safety accident"),
    "cyber": gettext_lazy("network or data safety accident"),
    "quality": gettext_lazy("quality accident"),
    "environment": gettext_lazy("environmental pollution accident"),
    "tax_offence": gettext_lazy("tax offence"),
    "other_offence": gettext_lazy("other breach of law"),
    "serious_dishonesty": gettext_lazy("serious dishonesty list"),
    "abnormal_list": gettext_lazy("abnormal operation list"),
    "deregistered": gettext_lazy("deregistered"),
    "stopped_12m": gettext_lazy("stopped 12 months or more"),
    "removed_from_list": gettext_lazy("removed from a green list"),
    "inspection": gettext_lazy("serious problem found by an inspection"),
    "energy_rectification": gettext_lazy("energy supervision: rectification not done"),
    "refused_supervision": gettext_lazy("refused energy supervision"),
    "dishonest_debtor": gettext_lazy("dishonest person subject to enforcement"),
}
SEVERITIES = {
    "general": gettext_lazy("general (一般)"),
    "larger": gettext_lazy("larger (较大)"),
    "major": gettext_lazy("major (重大)"),
    "extreme": gettext_lazy("extreme (特别重大)"),
}
TIERS = {
    "county": gettext_lazy("county list"),
    "city": gettext_lazy("city list"),
    "province": gettext_lazy("provincial list"),
    "nation": gettext_lazy("national list"),
}
PROBLEMS = {
    "required": gettext_lazy("“%(label)s” is not filled in yet."),
    "evidence_required": gettext_lazy("“%(label)s”: add at least one file."),
    "too_many_files": gettext_lazy("“%(label)s”: at most %(max)s files, there are %(given)s."),
    "too_few_rows": gettext_lazy("“%(label)s”: fill in at least %(min)s rows, there are %(given)s."),
    "too_many_rows": gettext_lazy("“%(label)s”: at most %(max)s rows, there are %(given)s."),
    "too_short": gettext_lazy("“%(label)s”: at least %(min)s characters, there are %(given)s."),
    "too_long": gettext_lazy("“%(label)s”: at most %(max)s characters, there are %(given)s."),
    "not_text": gettext_lazy("“%(label)s” must be text."),
    "not_number": gettext_lazy("“%(label)s” must be a number, not “%(given)s”."),
    "too_small": gettext_lazy("“%(label)s” must be at least %(min)s %(unit)s, it is %(given)s."),
    "too_large": gettext_lazy("“%(label)s” must be at most %(max)s %(unit)s, it is %(given)s."),
    "out_of_range": gettext_lazy("“%(label)s” must lie between %(min)s and %(max)s, it is %(given)s. Check the unit."),
    "too_many_decimals": gettext_lazy("“%(label)s”: at most %(max)s decimals."),
    "not_date": gettext_lazy("“%(label)s” must be a date such as 2024-05-31, not “%(given)s”."),
    "not_choice": gettext_lazy("“%(label)s”: choose one of the answers offered."),
    "not_yesno": gettext_lazy("“%(label)s”: answer yes or no."),
    "not_table": gettext_lazy("“%(label)s” must be a table."),
    "wrong_unit": gettext_lazy("“%(given)s” is no unit of %(item)s, which is counted in %(wanted)s."),
    "no_own": gettext_lazy("No measured heat value can be given for %(item)s."),
    "factor_range": gettext_lazy(
        "With this heat value one unit of %(item)s would be %(given)s %(per)s; plausible is %(min)s to %(max)s. "
        "It is to be given in %(unit)s: check the unit (kJ or MJ, per kg or per t)."
    ),
    "unknown_field": gettext_lazy("The form has no field “%(path)s”."),
    "unknown_section": gettext_lazy("The form has no section “%(path)s”."),
}


def text(value: Text) -> str:
    """A text of the rule set in the reader's language."""
    return value.within(translation.get_language() or "zh-hans")


def labelled(value: Any) -> str:
    """A bilingual text of a stored finding in the reader's language; anything else as text."""
    if isinstance(value, Mapping):
        return text(Text(zh=value.get("zh", ""), en=value.get("en", "")))
    return "" if value is None else str(value)


def _day(value: str | None) -> str:
    return formats.date_format(date.fromisoformat(value), "DATE_FORMAT") if value else ""


# ---- findings -------------------------------------------------------------------------------------------------------
def sentence(finding: Finding) -> str:
    """One finding as a sentence. An unknown code (a finding stored long ago) falls back to its label."""
    params = {key: labelled(value) for key, value in finding.params.items()}
    params["facts"] = _facts(finding.params.get("facts") or ())
    params["events"] = "; ".join(event(item) for item in finding.params.get("events") or ())
    params["since"] = _day(finding.params.get("since"))
    params["day"] = _day(finding.params.get("day"))
    params["evidence"] = "; ".join(finding.evidence)
    template = FINDINGS.get(_variant(finding))
    return str(template) % params if template else params.get("label", finding.code)


def _variant(finding: Finding) -> str:
    if finding.code == "rule.failed" and finding.evidence:
        return "rule.failed.evidence"
    if finding.code == "veto.none" and not finding.params.get("since"):
        return "veto.none.open"
    return finding.code


def _facts(names: Iterable[str]) -> str:
    return "; ".join(text(FACTS[name].label) if name in FACTS else name for name in names)


def event(item: Mapping[str, Any]) -> str:
    """One adverse event in a line: kind, grade, day, and when it ended."""
    parts = [str(EVENTS.get(item["kind"], item["kind"])), _day(item["on"])]
    if item.get("severity"):
        parts.insert(1, str(SEVERITIES[item["severity"]]))
    if item.get("tier"):
        parts.insert(1, str(TIERS.get(item["tier"], item["tier"])))
    if item.get("ended_on"):
        parts.append(_("ended %(day)s") % {"day": _day(item["ended_on"])})
    if item.get("who"):
        parts.insert(0, item["who"])
    if item.get("doubtful"):
        parts.append(_("found by the name alone"))
    return " ".join(parts)


def outcome(finding: Finding) -> str:
    return str(OUTCOMES[finding.outcome])


def source(finding: Finding) -> str:
    """Which text a finding comes from: the guide, this call's notice, or the portal itself (QHD-N0)."""
    return str(LAYERS[finding.layer])


def cited(bound: BoundPolicy, clause_id: str) -> Clause | None:
    """The clause of a finding as this call has it; None for the portal's own rules."""
    return bound.clause(clause_id) or bound.policy.clauses.get(clause_id)


def article(bound: BoundPolicy, clause_id: str) -> str:
    """Where a clause stands in the text people have before them; nobody knows our own numbers of clauses."""
    found = cited(bound, clause_id)
    return found.article if found else ""


CRITERIA = {
    "call": gettext_lazy("Named by the call"),
    "named": gettext_lazy("Named by the rules for this list"),
    "industry": gettext_lazy("The industry %(industry)s has its own criteria set (code %(code)s)"),
    "general": gettext_lazy("The industry %(industry)s has no criteria set of its own: the general one applies"),
}


def why_criteria(reason: Reason) -> str:
    """Why a criteria set applies."""
    params = {"industry": "", "code": "", **{key: value or "—" for key, value in reason.params.items()}}
    return str(CRITERIA[reason.code]) % params


# ---- forms ----------------------------------------------------------------------------------------------------------
def problem(found: Problem) -> str:
    """What is wrong with an answer, and how to mend it."""
    params = {"min": "", "max": "", "given": "", "unit": "", **{k: labelled(v) for k, v in found.params.items()}}
    params |= {"label": text(found.label), "path": found.path}
    return str(PROBLEMS[found.code]) % params


# ---- calculators ----------------------------------------------------------------------------------------------------
DOUBTS = {
    "large": gettext_lazy(
        "“%(label)s”: %(given)s %(unit)s is more than a factory uses. Is the unit right (kWh or 10,000 kWh, t or kg)?"
    ),
    "jump": gettext_lazy("“%(label)s”: the years differ %(given)s times. Is the unit right in each of them?"),
    "twice": gettext_lazy("“%(label)s” is there twice with the same use: is one of the rows too much?"),
    "no_factor": gettext_lazy("“%(label)s” has no factor in this table and is not counted."),
    "check": gettext_lazy("%(label)s"),
}
FOUND = {
    "chosen": gettext_lazy("factor chosen by hand"),
    "older": gettext_lazy("newest factor not after %(year)s"),
    "later": gettext_lazy("no factor for %(year)s or before: the oldest one"),
    "wider": gettext_lazy("no factor of the province: that of the country"),
}
SIGNS = (("wan_", "万"), ("Nm3", "Nm³"), ("m3", "m³"), ("m2", "m²"), ("CO2", "CO₂"), ("percent", "%"))


def amount(value: Decimal) -> str:
    """A number as people read it: thousands separated, as many digits as it has, at most six decimals."""
    shown = value.quantize(Decimal("0.000001")) if value.adjusted() < 20 else value
    return f"{shown.normalize():,f}"


def unit_name(name: str) -> str:
    """A unit of the registry as it is printed: wan_Nm3 → 万Nm³."""
    for written, sign in SIGNS:
        name = name.replace(written, sign)
    return name


def doubt(found: Warning) -> str:
    """Something that is probably mistaken, and what to look at."""
    params = {"label": text(found.label), "given": found.given, "limit": found.limit, "unit": text(found.unit)}
    return str(DOUBTS[found.code]) % params


def working(line: Line) -> str:
    """One amount, step by step: amount × factor = result, and where the factor comes from."""
    top, _slash, below = line.factor.per.partition("/")
    counts = text(line.table.counts.symbol) if line.table else top
    given = {"item": text(line.label), "amount": amount(line.amount), "unit": text(line.unit)}
    if line.limit is not None:
        steps = _("%(item)s: (%(limit)s − %(amount)s) ÷ %(limit)s = %(result)s %(counts)s")
        return steps % {**given, "limit": amount(line.limit), "result": amount(line.counted), "counts": counts}
    steps = _("%(item)s: %(amount)s %(unit)s = %(base)s %(below)s × %(value)s %(per)s%(times)s = %(result)s %(counts)s")
    return steps % {
        **given,
        "base": amount(line.base),
        "below": unit_name(below or top),
        "value": amount(line.value),
        "per": unit_name(line.factor.per),
        "times": f" × ({amount(line.times)})" if line.times != 1 else "",
        "result": amount(line.counted),
        "counts": counts,
    } + _("; ").join(["", *_grounds(line)])


def _grounds(line: Line) -> Iterator[str]:
    """Why this factor: where it was published, for which year and place, and what is not verified about it."""
    if line.is_own:
        yield _("measured heat value in place of the reference value")
        return
    for key in line.why.split():
        yield str(FOUND[key]) % {"year": line.wanted}
    yield text(line.factor.label) if line.factor.label.zh else line.factor.source
    if line.factor.year and not line.factor.label.zh:
        yield str(line.factor.year)
    if line.factor.published_on:
        yield _("published %(day)s") % {"day": _day(line.factor.published_on)}
    if line.factor.unverified:
        yield _("unverified: %(why)s") % {"why": line.factor.unverified}


# ---- files ----------------------------------------------------------------------------------------------------------
def mistake(error: PolicyError) -> str:
    """A loader error in the reader's language: file, key, reason."""
    return f"{error.file}: {error.key}: {_(error.template) % error.params}"
