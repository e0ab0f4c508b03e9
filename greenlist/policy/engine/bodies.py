"""Third-party bodies: `[[body]]` tables → `BodyRules`, and what they say of one body. Counts come from the caller's lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from greenlist.policy.engine.assembly import OUTCOMES, month_day, read_tests
from greenlist.policy.engine.checks import holds, within, words
from greenlist.policy.engine.periods import lookback
from greenlist.policy.engine.reading import Node
from greenlist.policy.engine.types import (
    Approval,
    Ban,
    BodyRules,
    BoundPolicy,
    Cap,
    Cited,
    Facts,
    FactTable,
    Finding,
    Json,
    Layer,
    Outcome,
    ProofRule,
    Rule,
    ShownProof,
    Statement,
    Text,
    WorkReport,
)

KINDS = (
    "condition",
    "proof",
    "approval",
    "cap",
    "ban",
    "statement",
    "work_report",
    "publication",
    "supervision",
    "reference",
)
POINTS = ("register", "project")
PROOFS = ("free_diagnosis", "experience")
GROUNDS = ("fraud", "concealment", "poor_quality")
BY = ("county", "city", "province", "nation")


# ---- reading --------------------------------------------------------------------------------------------------------
def read_bodies(root: Node, owner: str, facts: FactTable) -> BodyRules:
    """The `[[body]]` tables. Mistakes go to the log of `root`."""
    known = {name: fact for name, fact in facts.items() if name.startswith("body.")}
    found: dict[str, list] = {kind: [] for kind in KINDS}
    for node in root.tables("body"):
        kind = node.choice("kind", KINDS)
        if kind:
            found[kind].append(_read(kind, node, owner, known))
        node.done()
    for single in ("approval", "ban", "work_report", "publication", "supervision"):
        if len(found[single]) > 1:
            root.wrong("body", "there may be one table of kind %(kind)s only", kind=single)
    return BodyRules(
        conditions=tuple(found["condition"]),
        proofs=tuple(found["proof"]),
        approval=next(iter(found["approval"]), None),
        caps=tuple(found["cap"]),
        ban=next(iter(found["ban"]), None),
        statements=tuple(found["statement"]),
        report=next(iter(found["work_report"]), None),
        publication=next(iter(found["publication"]), None),
        supervision=next(iter(found["supervision"]), None),
        references=tuple(found["reference"]),
    )


def _read(kind: str, node: Node, owner: str, facts: FactTable) -> object:
    clause, layer = node.clause()
    key = node.identifier()
    if kind == "condition":
        return _condition(node, key, clause, layer, facts)
    if kind == "proof":
        return _proof(node, key, clause, layer, owner)
    if kind == "statement":
        by, on = node.choice("by", ("body", "applicant")), node.choice("on", ("register", "project", "report"))
        if by == "applicant" and on != "report":
            node.wrong("on", "an applicant signs on the report only")
        return Statement(key, by, on, node.words("text"), clause)
    if kind in {"publication", "supervision", "reference"}:
        return Cited(key, node.words("text"), clause)
    label = node.words("label")
    if kind == "approval":
        return Approval(key, node.choice("by", BY), label, clause)
    if kind == "cap":
        limit, per = node.whole("limit", least=1, required=True) or 1, node.choice("per", ("batch", "calendar_year"))
        group = node.choice("group", ("legal_person", "legal_representative"))
        return Cap(key, limit, per, group, frozenset(node.texts("tiers", of=BY)), label, clause)
    if kind == "ban":
        grounds = frozenset(node.texts("grounds", of=GROUNDS, required=True))
        years = node.whole("years", least=1, most=50, required=True) or 1
        return Ban(key, grounds, years, node.flag("withdraws"), label, clause)
    month, day = month_day(node, "due") or (12, 31)
    return WorkReport(key, month, day, node.ladder(), label, clause)


def _points(node: Node) -> frozenset[str]:
    return frozenset(node.texts("at", of=POINTS) or POINTS)


def _otherwise(node: Node) -> Outcome:
    return Outcome(node.choice("else", OUTCOMES, required=False, default="block"))


def _condition(node: Node, key: str, clause: str, layer: Layer, facts: FactTable) -> Rule:
    tests, any_of = read_tests(node, facts)
    return Rule(
        key=key,
        group="body",
        tests=tests,
        any_of=any_of,
        otherwise=_otherwise(node),
        at=_points(node),
        clause=clause,
        layer=layer,
        label=node.words("label"),
        unverified=node.text("unverified", required=False),
    )


def _proof(node: Node, key: str, clause: str, layer: Layer, owner: str) -> ProofRule:
    area = node.text("within", required=False)
    return ProofRule(
        key=key,
        proof=node.choice("proof", PROOFS),
        years=node.whole("years", least=1, most=50),
        confirm=node.flag("confirm", default=True),
        within=owner if area == "$owner" else area,
        otherwise=_otherwise(node),
        at=_points(node),
        label=node.words("label"),
        clause=clause,
        layer=layer,
    )


# ---- asking ---------------------------------------------------------------------------------------------------------
def of(bound: BoundPolicy) -> BodyRules:
    """The body rules of a call: without those whose clause the call dropped (QHD-N0)."""
    rules = bound.policy.bodies

    def kept(one: object) -> bool:
        clause = getattr(one, "clause", "")
        return not clause or clause in bound.clauses

    def only(one):  # type: ignore[no-untyped-def]
        return one if one is not None and kept(one) else None

    return BodyRules(
        conditions=tuple(one for one in rules.conditions if kept(one)),
        proofs=tuple(one for one in rules.proofs if kept(one)),
        approval=only(rules.approval),
        caps=tuple(one for one in rules.caps if kept(one)),
        ban=only(rules.ban),
        statements=tuple(one for one in rules.statements if kept(one)),
        report=only(rules.report),
        publication=only(rules.publication),
        supervision=only(rules.supervision),
        references=tuple(one for one in rules.references if kept(one)),
    )


def qualify(rules: BodyRules, point: str, facts: Facts, proofs: Iterable[ShownProof], on: date) -> tuple[Finding, ...]:
    """What the conditions and proofs asked for at `register` or `project` say of a body (HLJ-23, HEB-2.4a)."""
    shown = tuple(proofs)
    found = [_judge(rule, facts) for rule in rules.conditions if point in rule.at]
    return tuple(found + [_show(rule, shown, on) for rule in rules.proofs if point in rule.at])


def _judge(rule: Rule, facts: Facts) -> Finding:
    known = [test for test in rule.tests if facts.get(test.fact) is not None]
    met = [holds(test, facts[test.fact]) for test in known]
    whole = len(known) == len(rule.tests)
    params: dict[str, Json] = {"label": words(rule.label)}
    if any(met) if rule.any_of else whole and all(met):
        evidence = tuple(str(facts[test.fact]) for test in known if not isinstance(facts[test.fact], bool))
        return _finding(rule, Outcome.CLEAR, "rule.met", params, evidence)
    if not whole and (rule.any_of or all(met)):
        missing = [test.fact for test in rule.tests if facts.get(test.fact) is None]
        return _finding(rule, rule.otherwise, "rule.unknown", {**params, "facts": missing})
    failed = [test.fact for test, held in zip(known, met, strict=True) if not held]
    evidence = tuple(str(facts[name]) for name in failed if not isinstance(facts[name], bool))
    return _finding(rule, rule.otherwise, "rule.failed", {**params, "facts": failed}, evidence)


def _show(rule: ProofRule, proofs: Iterable[ShownProof], on: date) -> Finding:
    since = lookback(on, rule.years, None) if rule.years else date.min
    fits = [
        one
        for one in proofs
        if one.proof == rule.proof and since <= one.on <= on and (not rule.within or within(one.path, rule.within))
    ]
    sure = [one for one in fits if one.confirmed or not rule.confirm]
    params: dict[str, Json] = {"label": words(rule.label)}
    if sure:
        newest = max(sure, key=lambda one: one.on)
        return _finding(rule, Outcome.CLEAR, "body.proof", {**params, "day": newest.on.isoformat()}, (newest.evidence,))
    code = "body.proof_open" if fits else "body.proof_missing"
    return _finding(rule, rule.otherwise, code, params, tuple(one.evidence for one in fits))


def _finding(
    rule: Rule | ProofRule, outcome: Outcome, code: str, params: Mapping[str, Json], evidence: tuple[str, ...] = ()
) -> Finding:
    return Finding(f"body.{rule.key}", rule.clause, outcome, code, params, evidence, rule.layer)


def approved(rule: Approval, *, is_approved: bool) -> Finding:
    """Whether the body may work at all (HLJ-24a)."""
    outcome, code = (Outcome.CLEAR, "body.approved") if is_approved else (Outcome.BLOCK, "body.not_approved")
    return Finding(f"body.{rule.key}", rule.clause, outcome, code, {"label": words(rule.label)})


def room(cap: Cap, taken: int) -> Finding:
    """Whether one more project fits under a cap; `taken` was counted under the caller's lock (HEB-2.4c, HLJ-24b)."""
    params: dict[str, Json] = {"label": words(cap.label), "taken": taken, "limit": cap.limit}
    full = taken >= cap.limit
    code = "body.cap_full" if full else "body.cap"
    return Finding(f"body.{cap.key}", cap.clause, Outcome.BLOCK if full else Outcome.CLEAR, code, params)


def ban_ends(ban: Ban, since: date) -> date:
    """The last day of a ban that begins on `since`: the day before its anniversary."""
    year = since.year + ban.years
    try:
        anniversary = since.replace(year=year)
    except ValueError:  # 29 February
        anniversary = date(year, 3, 1)
    return date.fromordinal(anniversary.toordinal() - 1)


def banned(ban: Ban | None, until: date | None) -> Finding:
    """Whether the body's results are accepted (HEB-2.4b, HLJ-26). `until` is the last day of a running ban."""
    label = words(ban.label) if ban else words(Text())
    clause, rule = (ban.clause, f"body.{ban.key}") if ban else ("", "body.ban")
    if until is None:
        return Finding(rule, clause, Outcome.CLEAR, "body.free", {"label": label})
    return Finding(rule, clause, Outcome.BLOCK, "body.banned", {"label": label, "day": until.isoformat()})
