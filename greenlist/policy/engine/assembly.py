"""policy.toml → steps, rules, vetoes, checklists, tables, texts. Used twice: to check a file, and to bind it to a call.

Whoever calls has replaced "$call.…" and "$owner" by values already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from greenlist.policy.engine import cultivating, removals
from greenlist.policy.engine.changes import read_changes, read_reports, read_supervision
from greenlist.policy.engine.reading import Node, close
from greenlist.policy.engine.types import (
    ChangeRule,
    Checklist,
    ChecklistItem,
    Column,
    ConsultCheck,
    ConsultRule,
    CriteriaRule,
    Declaration,
    Department,
    Due,
    Duty,
    FactTable,
    FactType,
    Form,
    FormChoice,
    Json,
    Layer,
    NoticeRule,
    Operator,
    OrderRule,
    Outcome,
    Package,
    Quota,
    ReportRule,
    ReviewRule,
    Rule,
    ScoreRule,
    Severity,
    Step,
    StepKind,
    SupervisionRule,
    TableSpec,
    Test,
    Text,
    TextSpec,
    Veto,
)

CATEGORIES = ("factory", "park", "supply_chain")
MODES = ("self", "body")
POINTS = ("apply", "recommend", "list", "upward")
USUAL_DAYS = 5  # working days for an opinion where the rule set names none
EVERYWHERE = ("apply", "recommend", "list")
BY = ("applicant", "county", "city", "province", "nation")
ENDS = ("rejected", "not_listed")
DOCUMENTS = ("letter", "summary", "report")
TRIMMED = "trimmed_mean"
AGGREGATES = ("mean", "median", TRIMMED)
REVIEWERS = ("experts", "body", "draw")
GROUPS = ("regional", "conditions", "review")
OUTCOMES = tuple(outcome.value for outcome in Outcome if outcome is not Outcome.CLEAR)
TIERS = ("county", "city", "province", "nation")
# What may fill a column of a printed table; "form:section.field" takes an answer of the applicant's form.
SOURCES = (
    "position",
    "name",
    "code",
    "area",
    "address",
    "industry",
    "industry_code",
    "products",
    "size",
    "legal_representative",
    "third_party",
    "contact_name",
    "contact_phone",
    "priority",
    "opinion",
    "remark",
    "provincial_list",
)
# What may stand in {braces} in a document's text; the app that prints the document fills it.
PLACES = frozenset(
    "year owner city county count units call_title rules_title document_number day starts ends days first_day "
    "address telephone contact number name code area list_title recommended_on reason clause".split()
)
_PLACE = re.compile(r"\{([^{}]*)\}")
# Tables for stages after the list is published: kept as data, read when those stages are built.
INHERITED_ENDS = ("with_upper", "by_removal")
LATER: Mapping[str, frozenset[str]] = {
    # `removal`, `incident`: read by `engine.removals`
    "removal": frozenset(),
    "incident": frozenset(),
    # whose published lists a unit need only be on to be on this one too (JY-15c), and how it leaves this one after them
    "inherit": frozenset("key label tiers ends clause portal".split()),
}


@dataclass(slots=True)
class Context:
    """What the tables may refer to."""

    facts: FactTable
    forms: Mapping[str, Form]
    dropped: frozenset[str] = frozenset()  # clauses the call dropped
    year: int | None = None  # of the call
    tier: str = ""  # of the list

    @property
    def event_kinds(self) -> tuple[str, ...]:
        return self.facts["event.kind"].choices


@dataclass(slots=True)
class Parts:
    steps: tuple[Step, ...]
    rules: tuple[Rule, ...]
    vetoes: tuple[Veto, ...]
    checklists: Mapping[str, Checklist]
    declaration: Declaration
    tables: Mapping[str, TableSpec]
    texts: Mapping[str, TextSpec]
    criteria: tuple[CriteriaRule, ...]
    scores: Mapping[str, ScoreRule]
    quotas: tuple[Quota, ...]
    orders: tuple[OrderRule, ...]
    changes: tuple[ChangeRule, ...]
    reports: tuple[ReportRule, ...]
    supervision: tuple[SupervisionRule, ...]
    other: Mapping[str, Json]
    duties: tuple[Duty, ...] = ()


def assemble(root: Node, context: Context) -> Parts:
    """Reads every table of the body. Mistakes go to the log of `root`."""
    tables = {key: _table(key, node, context) for key, node in root.named("table")}
    scores = {key: _score(key, node) for key, node in root.named("score")}
    checklists = {key: _checklist(key, node, context) for key, node in root.named("checklist")}
    steps = tuple(_step(node, context, tables, scores, checklists) for node in root.tables("step"))
    if not steps:
        root.wrong("step", "is missing: a rule set needs a route")
    _check_ways(root, steps)
    rules = tuple(
        _rule(node, group, context)
        for group in ("eligibility", "prerequisite", "upward", "priority")
        for node in root.tables(group)
    )
    return Parts(
        steps=steps,
        rules=rules,
        vetoes=tuple(_veto(node, context) for node in root.tables("veto")),
        checklists=checklists,
        declaration=_declaration(root, context),
        tables=tables,
        texts={key: _text(key, node) for key, node in root.named("text")},
        criteria=tuple(_criteria(node) for node in root.tables("criteria")),
        scores=scores,
        quotas=tuple(_quota(node, steps) for node in root.tables("quota")),
        orders=tuple(_order(node, steps) for node in root.tables("order")),
        changes=read_changes(root),
        reports=read_reports(root),
        supervision=read_supervision(root),
        other={name: [_later(node, name, keys, context) for node in root.tables(name)] for name, keys in LATER.items()}
        | cultivating.read(root),
    )


# ---- the route ------------------------------------------------------------------------------------------------------
def _step(
    node: Node,
    context: Context,
    tables: Mapping[str, TableSpec],
    scores: Mapping[str, ScoreRule],
    checklists: Mapping[str, Checklist],
) -> Step:
    clause, layer = node.clause()
    forms = _form_choices(node, context)
    form = forms[0].form if forms else _form_key(node, context, required=False)
    score = node.text("score", required=False)
    if score and score not in scores:
        node.wrong("score", "there is no [score.%(score)s]", score=score)
    checklist = node.text("checklist", required=False)
    if checklist and checklist not in checklists:
        node.wrong("checklist", "there is no [checklist.%(checklist)s]", checklist=checklist)
    step = Step(
        key=node.identifier(),
        kind=StepKind(node.choice("kind", [kind.value for kind in StepKind])),
        title=node.words("title"),
        by=node.choice("by", BY),
        to=node.choice("to", BY, required=False),
        to_name=node.words("to_name", required=False),
        point=node.choice("point", POINTS, required=False),
        clause=clause,
        layer=layer,
        form=form,
        forms=forms,
        checklist=checklist,
        declaration=node.flag("declaration"),
        four_eyes=node.flag("four_eyes"),
        record=node.flag("record"),
        guidance=node.flag("guidance"),
        due=_due(node.table("due"), context.year),
        package=_package(node, tables),
        notice=_notice(node.table("notice")),
        consult=_consult(node, clause),
        reviewers=node.texts("reviewers", of=REVIEWERS),
        plan=node.flag("plan"),
        pledge=node.flag("pledge"),
        review=_review(node.table("review")),
        score=score,
        numbered=node.flag("numbered"),
        returned=node.text("returned", required=False),
        failed=node.choice("failed", ENDS, required=False),
    )
    _check_step(node, step)
    node.done()
    return step


def _form_key(node: Node, context: Context, *, required: bool = True) -> str:
    form = node.text("form", required=required)
    if form and form not in context.forms:
        node.wrong("form", "there is no form file forms/%(form)s.toml", form=form)
    return form


def _form_choices(node: Node, context: Context) -> tuple[FormChoice, ...]:
    """Forms by evaluation mode, and by category through `categories` (JY-11b, HEB-1a); the first that fits is it."""
    if node.has("form") and node.has("forms"):
        node.wrong("forms", "give either form or forms")
    found = []
    for child in node.tables("forms"):
        found.append(FormChoice(_form_key(child, context), child.choice("mode", MODES, required=False)))
        child.done()
    return tuple(found)


def _check_step(node: Node, step: Step) -> None:
    """What a kind of step cannot do without."""
    wanted = {
        StepKind.DRAFT: ("form", step.form),
        StepKind.BATCH: ("package", step.package),
        StepKind.NOTICE: ("notice", step.notice),
        StepKind.SCREENING: ("checklist", step.checklist),
    }.get(step.kind)
    if wanted and not wanted[1]:
        node.wrong(wanted[0], "is missing: a step of kind %(kind)s needs it", kind=step.kind.value)


def _check_ways(root: Node, steps: tuple[Step, ...]) -> None:
    earlier: set[str] = set()
    for step in steps:
        if step.returned and step.returned not in earlier:
            root.wrong(f"step.{step.key}.returned", "%(step)s is no earlier step", step=step.returned)
        earlier.add(step.key)
    if steps and steps[0].kind is not StepKind.DRAFT:
        root.wrong(f"step.{steps[0].key}.kind", "the first step must be of kind draft")


def _due(node: Node | None, year: int | None) -> Due | None:
    if node is None:
        return None
    on: date | None = None
    each: tuple[int, int] | None = None
    if node.has("each_year"):
        each = month_day(node, "each_year")
        on = date(year, *each) if each and year else None
    else:
        on = node.day("on", required=True)
    due = Due(on=on, month_day=each, clause=node.clause()[0], remind=node.ladder())
    node.done()
    return due


def month_day(node: Node, name: str) -> tuple[int, int] | None:
    """ "05-31" → (5, 31); a day no year has is an error."""
    text = node.text(name)
    try:
        day = date.fromisoformat(f"2001-{text}")
    except ValueError:
        node.wrong(name, "is an impossible date: %(value)s", value=text)
        return None
    return day.month, day.day


def _package(node: Node, tables: Mapping[str, TableSpec]) -> Package | None:
    """All entries together: the guide's documents, and what the cover notice adds while it is kept (QHD-N4a)."""
    entries = node.tables("package")
    if not node.has("package"):
        return None
    documents: dict[str, None] = {}
    optional: dict[str, None] = {}
    clauses, copies = [], 0
    for entry in entries:
        clauses.append(entry.clause()[0])
        documents |= dict.fromkeys(entry.texts("documents", of=DOCUMENTS))
        optional |= dict.fromkeys(entry.texts("optional", of=DOCUMENTS))
        copies = max(copies, entry.whole("paper_copies", most=20) or 0)
        entry.done()
    there = [name for name in documents if name != "summary" or "summary" in tables]
    may = [name for name in optional if name not in there and (name != "summary" or "summary" in tables)]
    return Package(documents=tuple(there), optional=tuple(may), paper_copies=copies, clauses=tuple(clauses))


def _notice(node: Node | None) -> NoticeRule | None:
    if node is None:
        return None
    rule = NoticeRule(
        days=node.whole("days", least=1, most=366, required=True) or 1,
        unit=node.choice("unit", ("working", "calendar")),
        first_day=node.choice("first_day", ("counts", "next")),
        clause=node.clause()[0],
    )
    node.done()
    return rule


def _review(node: Node | None) -> ReviewRule:
    if node is None:
        return ReviewRule()
    talk = node.table("talk")
    rule = ReviewRule(
        clause=node.clause()[0],
        former_years=node.whole("former_years", most=50),
        same_area=node.flag("same_area"),
        seats=node.whole("seats", least=1, most=200),
        per_case=node.whole("per_case", least=1, most=20),
        cap=node.whole("cap", least=1, most=2000),
        supervisors=node.whole("supervisors", least=1, most=20),
        blind=node.flag("blind"),
        talk=talk is not None,
        talk_clause=talk.clause()[0] if talk else "",
    )
    if talk is not None:
        talk.done()
    node.done()
    return rule


def _consult(step: Node, clause: str) -> ConsultRule | None:
    """Departments, named checks and the working days to answer in; without a table whoever asks names the departments."""
    node = step.table("consult")
    if step.data.get("kind") != StepKind.CONSULT.value:
        if node is not None:
            step.wrong("consult", "belongs to steps of kind consult")
        return None
    if node is None:
        return ConsultRule(departments=(), checks=(), days=USUAL_DAYS, remind=(), clause=clause)
    departments, checks = [], []
    for child in node.tables("departments"):
        departments.append(Department(key=child.identifier(), label=child.words("label")))
        child.done()
    for child in node.tables("checks"):
        checks.append(
            ConsultCheck(
                key=child.identifier(),
                text=child.words("text"),
                adverse=child.choice("adverse", ("yes", "no")),
                clause=child.clause()[0],
            )
        )
        child.done()
    if not departments:
        node.wrong("departments", "is missing")
    rule = ConsultRule(
        departments=tuple(departments),
        checks=tuple(checks),
        days=node.whole("days", least=1, most=120, required=True) or 1,
        remind=node.ladder(),
        clause=node.clause()[0],
    )
    node.done()
    return rule


# ---- conditions -----------------------------------------------------------------------------------------------------
def read_tests(node: Node, facts: FactTable) -> tuple[tuple[Test, ...], bool]:
    """The conditions under `if`, `all` or `any`, and whether one of them is enough."""
    asked = [name for name in ("if", "all", "any") if node.has(name)]
    if len(asked) != 1:
        node.wrong("if", "give exactly one of if, all, any")
    form = asked[0] if asked else "if"
    written = node.raw(form)
    lines = [written] if form == "if" else written if isinstance(written, list) else []
    return tuple(test for line in lines if (test := _test(node, form, line, facts))), form == "any"


def _rule(node: Node, group: str, context: Context) -> Rule:
    clause, layer = node.clause()
    tests, any_of = read_tests(node, context.facts)
    otherwise = "warn" if group == "priority" else node.choice("else", OUTCOMES)
    at, outcomes = _at(node, ("upward",) if group == "upward" else EVERYWHERE)
    rule = Rule(
        key=node.identifier(),
        group=group,
        tests=tests,
        any_of=any_of,
        otherwise=Outcome(otherwise),
        at=at,
        outcomes=outcomes,
        clause=clause,
        layer=layer,
        label=node.words("label"),
        unverified=node.text("unverified", required=False),
        waivable=node.flag("waivable"),
        four_eyes=_agreed(node),
        sorts=group != "priority" or node.flag("sorts", default=True),
    )
    node.done()
    return rule


def _agreed(node: Node) -> bool:
    """Whether a waiver takes two people; says nothing where there is none to agree on."""
    wanted = node.flag("four_eyes")
    if wanted and node.data.get("waivable") is not True:
        node.wrong("four_eyes", "is about a waiver: give waivable as well")
    return wanted


def _at(node: Node, usual: tuple[str, ...]) -> tuple[frozenset[str], dict[str, Outcome]]:
    """The check points: a list, or point → what a hit means there, where that differs (HEB-1d.0)."""
    value = node.raw("at")
    if not isinstance(value, dict):
        return frozenset(node.texts("at", of=POINTS) or usual), {}
    points = node.child(value, node.path("at"))
    outcomes = {point: Outcome(points.choice(point, OUTCOMES)) for point in value if point in POINTS}
    points.done()
    return frozenset(outcomes), outcomes


_FITS: Mapping[Operator, frozenset[FactType]] = {
    Operator.IS: frozenset({FactType.BOOL, FactType.TEXT, FactType.CHOICE, FactType.NUMBER}),
    Operator.IN: frozenset({FactType.TEXT, FactType.CHOICE}),
    Operator.NONE_OF: frozenset({FactType.TITLES, FactType.WORDS}),
    Operator.ANY_OF: frozenset({FactType.TITLES, FactType.WORDS}),
    Operator.HAS: frozenset({FactType.TITLES, FactType.WORDS}),
    Operator.WITHIN: frozenset({FactType.AREA}),
    **{
        sign: frozenset({FactType.NUMBER, FactType.DATE})
        for sign in (Operator.GE, Operator.GT, Operator.LE, Operator.LT)
    },
}


def _test(node: Node, name: str, line: Any, facts: FactTable) -> Test | None:
    if not isinstance(line, list) or len(line) != 3:
        node.wrong(name, "must be [fact, operator, value]")
        return None
    fact_name, sign, value = line
    if sign not in [operator.value for operator in Operator]:
        node.wrong(name, "unknown operator %(sign)s", sign=sign)
        return None
    fact = facts.get(fact_name)
    if fact is None:
        node.wrong(name, "unknown fact %(fact)s", fact=fact_name)
        return None
    operator = Operator(sign)
    if fact.type not in _FITS[operator]:
        node.wrong(
            name, "%(sign)s does not fit the fact %(fact)s (%(type)s)", sign=sign, fact=fact_name, type=fact.type.value
        )
        return None
    return _typed(node, name, Test(fact_name, operator, value), fact.type, fact.choices)


def _typed(node: Node, name: str, test: Test, kind: FactType, choices: tuple[str, ...]) -> Test | None:
    value = test.value
    many = test.operator in {Operator.IN, Operator.NONE_OF, Operator.ANY_OF}
    if many:
        if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
            node.wrong(name, "%(sign)s wants a list of texts", sign=test.operator.value)
            return None
    elif not _VALUE[kind](value):
        node.wrong(name, "%(value)s is no value for the fact %(fact)s", value=value, fact=test.fact)
        return None
    allowed = TIERS if kind is FactType.TITLES else choices
    for item in value if many else [value]:
        if allowed and item not in allowed:
            node.wrong(name, "knows no %(item)s; there are %(options)s", item=item, options=", ".join(allowed))
    if kind is FactType.NUMBER:
        value = Decimal(str(value))
    if kind is FactType.DATE and isinstance(value, str):
        value = date.fromisoformat(value)
    return Test(test.fact, test.operator, tuple(value) if many else value)


def _is_day(value: Any) -> bool:
    try:
        return isinstance(value, date) or bool(date.fromisoformat(value))
    except (TypeError, ValueError):
        return False


_VALUE: Mapping[FactType, Callable[[Any], bool]] = {
    FactType.BOOL: lambda value: isinstance(value, bool),
    FactType.TEXT: lambda value: isinstance(value, str),
    FactType.CHOICE: lambda value: isinstance(value, str),
    FactType.NUMBER: lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    FactType.DATE: _is_day,
    FactType.AREA: lambda value: isinstance(value, str),
    FactType.TITLES: lambda value: isinstance(value, str),
    FactType.WORDS: lambda value: isinstance(value, str),
}


def _veto(node: Node, context: Context) -> Veto:
    clause, layer = node.clause()
    grade = node.choice("at_least", [*(severity.value for severity in Severity), "any"], required=False)
    years = node.whole("years", least=1, most=50)
    until, ended = node.text("until", required=False), node.text("ended", required=False)
    if years is None and not until:
        node.wrong("years", "give years, until, or both")
    if until and ended:
        node.wrong("ended", "until and ended exclude each other")
    at, outcomes = _at(node, EVERYWHERE)
    veto = Veto(
        key=node.identifier(),
        events=frozenset(node.texts("event", of=context.event_kinds, required=True)),
        at_least=Severity(grade) if grade and grade != "any" else None,
        years=years,
        until=until,
        ended=ended,
        subjects=frozenset(node.texts("subject", of=("unit", "members")) or ("unit",)),
        outcome=Outcome(node.choice("else", OUTCOMES, required=False, default="block")),
        at=at,
        outcomes=outcomes,
        clause=clause,
        layer=layer,
        label=node.words("label"),
        unverified=node.text("unverified", required=False),
        tiers=frozenset(node.texts("tiers", of=TIERS)),
        back_from=node.day("back_from"),
        waivable=node.flag("waivable"),
        four_eyes=_agreed(node),
    )
    if veto.tiers and veto.events != {"removed_from_list"}:
        node.wrong("tiers", "belongs to removals from a list only")
    node.done()
    return veto


# ---- checklists, tables, texts --------------------------------------------------------------------------------------
def _checklist(key: str, node: Node, context: Context) -> Checklist:
    sections = {section.key for form in context.forms.values() for section in form.sections}
    checklist = Checklist(
        key=key,
        title=node.words("title"),
        items=tuple(_item(child, sections) for child in node.tables("item")),
    )
    node.done()
    return checklist


def _item(node: Node, sections: set[str]) -> ChecklistItem:
    clause, layer = node.clause()
    section = node.text("section", required=False)
    if section and section not in sections:
        node.wrong("section", "no form has a section %(section)s", section=section)
    item = ChecklistItem(
        key=node.identifier(),
        text=node.words("text"),
        help=node.words("help", required=False, english=False),
        group=node.choice("group", GROUPS),
        no=Outcome(node.choice("no", OUTCOMES, required=False, default="block")),
        fix=Outcome(node.choice("fix", OUTCOMES, required=False, default="block")),
        clause=clause,
        layer=layer,
        section=section,
        criteria=node.flag("criteria"),
        unverified=node.text("unverified", required=False),
    )
    node.done()
    return item


def _declaration(root: Node, context: Context) -> Declaration:
    node = root.table("declaration", required=True)
    if node is None:
        return Declaration(Text(), "", Layer.PORTAL)
    clause, layer = node.clause()
    text = node.words("text")
    node.done()
    if clause in context.dropped:  # the portal keeps asking for it, but no longer in the notice's name
        return Declaration(text, "", Layer.PORTAL)
    return Declaration(text, clause, layer)


def _table(key: str, node: Node, context: Context) -> TableSpec:
    clause, layer = node.clause()
    columns = []
    for child in node.tables("column"):
        source = child.text("source")
        _check_source(child, source, context.forms)
        columns.append(
            Column(
                key=child.identifier(),
                label=child.words("label"),
                source=source,
                width=child.whole("width", most=400) or 0,
                align=child.choice("align", ("left", "center", "right"), required=False, default="left"),
            )
        )
        child.done()
    if not columns:
        node.wrong("column", "is missing")
    title, foot = node.words("title"), node.words("foot", required=False)
    sections = node.tables("section")
    headings = [child.words("title") for child in sections]
    close(sections)
    _check_places(node, "title", title, foot)
    table = TableSpec(
        key=key,
        title=title,
        columns=tuple(columns),
        foot=foot,
        section=headings[0] if headings else Text(),
        clause=clause,
        layer=layer,
        unverified=node.text("unverified", required=False),
    )
    node.done()
    return table


def _check_source(node: Node, source: str, forms: Mapping[str, Form]) -> None:
    if source.startswith("form:"):
        path = source.removeprefix("form:")
        if forms and not any(_has_field(form, path) for form in forms.values()):
            named = ", ".join(sorted(forms))
            node.wrong("source", "the form %(form)s has no field %(path)s", form=named, path=path)
    elif source not in SOURCES:
        node.wrong("source", "must be one of %(options)s", options=", ".join((*SOURCES, "form:section.field")))


def _has_field(form: Form, path: str) -> bool:
    try:
        form.field(path)
    except (KeyError, ValueError):
        return False
    return True


def _text(key: str, node: Node) -> TextSpec:
    clause, _layer = node.clause()
    title, body = node.words("title"), node.words("body", english=False)
    places = _check_places(node, "body", title, body)
    node.done()
    return TextSpec(key=key, title=title, body=body, places=places, clause=clause)


def _check_places(node: Node, name: str, *texts: Text) -> frozenset[str]:
    places = frozenset(place for text in texts for place in _PLACE.findall(f"{text.zh}{text.en}"))
    for place in sorted(places - PLACES):
        node.wrong(
            name, "unknown place {%(place)s}; there are %(options)s", place=place, options=", ".join(sorted(PLACES))
        )
    return places


def _criteria(node: Node) -> CriteriaRule:
    by = node.choice("by", ("industry",), required=False)
    if by and node.has("set"):
        node.wrong("set", "give else instead: the set of an industry that has none of its own")
    rule = CriteriaRule(
        category=node.choice("category", CATEGORIES),
        part=node.choice("part", ("basic", "all")),
        set=node.text("else" if by else "set"),
        clause=node.clause()[0],
        by=by,
    )
    node.done()
    return rule


def _score(key: str, node: Node) -> ScoreRule:
    rule = ScoreRule(
        key=key,
        aggregate=node.choice("aggregate", AGGREGATES),
        max=node.decimal("max") or Decimal(100),
        passing=node.decimal("pass"),
        spread=node.decimal("spread"),
        marking=node.decimal("key"),
        strict=node.flag("strict"),
        clause=node.clause()[0],
        drop=node.whole("drop", least=1, most=5) or 0,
    )
    if (rule.aggregate == TRIMMED) != bool(rule.drop):
        node.wrong("drop", "belongs to a trimmed mean, and only there: how many are left out at each end")
    if rule.strict and rule.passing is None:
        node.wrong("strict", "needs a pass line: give pass")
    node.done()
    return rule


COUNTED_AT = (StepKind.BATCH, StepKind.DECISION)


def _quota(node: Node, steps: tuple[Step, ...]) -> Quota:
    """A share of a stock, or a number (HEB-3a, HLJ-21a)."""
    clause, layer = node.clause()
    share, limit = node.decimal("share"), node.decimal("limit")
    stock = node.table("stock")
    allotted = node.flag("allotted")
    if share is not None and limit is not None:
        node.wrong("limit", "give either share or limit")
    if share is None and limit is None and not allotted:
        node.wrong("limit", "is missing: give share, limit, or allotted = true")
    if (share is None) != (stock is None):
        node.wrong("stock", "share and stock belong together")
    for name, value, most in (("share", share, 100), ("limit", limit, 100_000)):
        if value is not None and not 0 <= value <= most:
            node.wrong(name, "must be a number from 0 to %(most)s", most=most)
    quota = Quota(
        key=node.identifier(),
        step=node.choice("step", [step.key for step in steps if step.kind in COUNTED_AT]),
        per=node.choice("per", ("sender", "call")),
        limit=int(limit) if limit is not None else None,
        share=share,
        stock_tier=stock.choice("tier", TIERS) if stock else "",
        stock_category=stock.choice("category", CATEGORIES) if stock else "",
        allotted=allotted,
        otherwise=Outcome(node.choice("else", ("warn", "block"))),
        label=node.words("label"),
        clause=clause,
        layer=layer,
    )
    if stock:
        stock.done()
    node.done()
    return quota


ORDER_KEYS = ("priority", "score")


def _order(node: Node, steps: tuple[Step, ...]) -> OrderRule:
    """What decides the places of a recommendation (QHD-N2b, HLJ-21a)."""
    clause, layer = node.clause()
    by = node.texts("by", of=ORDER_KEYS)
    if not by or len(set(by)) != len(by):
        node.wrong("by", "must name each key once, the first one first")
    rule = OrderRule(
        key=node.identifier(),
        step=node.choice("step", [step.key for step in steps if step.kind is StepKind.BATCH]),
        by=tuple(by),
        otherwise=Outcome(node.choice("else", ("clear", "warn"), required=False, default="clear")),
        label=node.words("label"),
        clause=clause,
        layer=layer,
    )
    node.done()
    return rule


READERS: Mapping[str, Callable[[Node, tuple[str, ...]], Json]] = {
    "removal": removals.read_removal,
    "incident": removals.read_incident,
}


def _later(node: Node, name: str, keys: frozenset[str], context: Context) -> Json:
    """Data for the stages after the list is published; a table that has a reader of its own is checked by it."""
    if name in READERS:
        return READERS[name](node, context.event_kinds)
    clause, layer = node.clause()
    node.identifier()
    node.texts("event", of=context.event_kinds)
    node.texts("tiers", of=TIERS)
    node.choice("at_least", [severity.value for severity in Severity], required=False)
    node.choice("ends", INHERITED_ENDS, required=False)
    node.seen |= keys
    close([node])
    return {**node.data, "clause": clause, "layer": layer.value}
