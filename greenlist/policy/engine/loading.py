"""Files → `Policy`; `Policy` + call → `BoundPolicy`. What loads can be bound to any complete set of call values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from greenlist.policy.engine.assembly import CATEGORIES, MODES, TIERS, Context, Parts, assemble, month_day
from greenlist.policy.engine.bodies import read_bodies
from greenlist.policy.engine.duties import read_duties
from greenlist.policy.engine.form_spec import read_form, trimmed
from greenlist.policy.engine.identity import digest, plain
from greenlist.policy.engine.reading import Log, Node, parse
from greenlist.policy.engine.types import (
    Ask,
    BadCallValue,
    BoundPolicy,
    CallValues,
    Choice,
    Clause,
    FactTable,
    Form,
    Header,
    IndustryGroup,
    Json,
    Layer,
    LayerRule,
    MissingCallValue,
    Policy,
    PolicyErrors,
    Text,
)

POLICY, CLAUSES, FORMS = "policy.toml", "clauses.toml", "forms/"
ASK_TYPES = ("day", "choice", "list", "text", "number", "yesno")
USES = ("keep", "edit", "drop")
SPARED = frozenset(
    {"back_from", "limit"}
)  # a table that names a value the call left empty goes with it, but for these keys
AGAIN = ("block", "warn")  # a unit that is on the list already and applies again
AFTER_LISTING = frozenset(
    "duty removal incident change report supervision cultivation filing honour showing".split()
)  # tables that govern units after they are listed
NOT_IN_BODY = frozenset({"policy", "ask", "layer", "industry_group", "rounds", "who", "evaluation", "body"})


# ---- loading --------------------------------------------------------------------------------------------------------
def load(files: Mapping[str, bytes], facts: FactTable) -> Policy:
    """A rule set from its files: policy.toml, clauses.toml, forms/<key>.toml. Raises PolicyErrors, all at once."""
    log = Log()
    for wanted in (POLICY, CLAUSES):
        if wanted not in files:
            log.add(wanted, "-", "the file is missing")
    raw = {name: plain(parse(name, content, log)) for name, content in sorted(files.items())}
    if log.errors:  # what did not parse would only bring false errors after it
        raise PolicyErrors(log.errors)
    return build(raw, facts)


def build(raw: Mapping[str, Json], facts: FactTable) -> Policy:
    """The same from a stored canonical form. Raises PolicyErrors."""
    log = Log()
    body = raw[POLICY]
    prefix = str(body.get("policy", {}).get("prefix", "")) if isinstance(body.get("policy"), dict) else ""
    clauses = _clauses(raw[CLAUSES], prefix, log)
    root = Node(body, file=POLICY, key="", log=log, clauses=clauses, prefix=prefix)
    header, prefix = _header(root)
    forms = {
        name.removeprefix(FORMS).removesuffix(".toml"): read_form(
            name, content, clauses=clauses, prefix=prefix, facts=facts, log=log
        )
        for name, content in raw.items()
        if name.startswith(FORMS)
    }
    for name, form in forms.items():
        if form.key != name:
            log.add(f"{FORMS}{name}.toml", "form.key", "must be %(name)s, as the file is called", name=name)
    asks = {ask.key: ask for ask in _asks(root)}
    groups = _industry_groups(root)
    categories = _categories(root)
    modes, modes_clause = _listed(root, "evaluation", "modes", MODES)
    per_year, again, calls_clause = _rounds(root)
    policy = Policy(
        header=header,
        prefix=prefix,
        categories=categories,
        modes=modes,
        modes_clause=modes_clause,
        calls_per_year=per_year,
        calls_clause=calls_clause,
        again=again,
        clauses=clauses,
        industry_groups=groups,
        asks=asks,
        layer=_layer(root, asks, clauses),
        forms=forms,
        facts=facts,
        digest=digest(raw),
        raw=raw,
        bodies=read_bodies(root, header.owner, facts),
    )
    _try(policy, root)
    root.seen |= NOT_IN_BODY
    root.done()
    if log.errors:
        raise PolicyErrors(log.errors)
    return policy


def stored(raw: Mapping[str, Json], facts: FactTable) -> Policy:
    """A version that was accepted once, perhaps by an earlier release whose tables of life after listing were shaped otherwise.

    Such tables are left out: the version still rules the applications pinned to it, while listed units follow the version
    in force. Raises PolicyErrors for anything else.
    """
    try:
        return build(raw, facts)
    except PolicyErrors as wrong:
        stale = {error.key.partition(".")[0] for error in wrong.errors if error.file == POLICY}
        if not stale or not stale <= AFTER_LISTING:
            raise
    body = {key: value for key, value in raw[POLICY].items() if key not in stale}
    return replace(build({**raw, POLICY: body}, facts), digest=digest(raw))


def _try(policy: Policy, root: Node) -> None:
    """Binds the set to sample values: whole, for each category, and with each N-rule dropped in turn, so that no call
    can find it broken."""
    values = {key: _sample(ask) for key, ask in policy.asks.items()}
    _parts(policy, values, frozenset(), root.log, root.seen)
    for category in policy.categories:
        if not root.log.errors:
            parts = _parts(policy, values, frozenset(), root.log, set(), category=category)
            _check_forms(policy, parts, category, root)
    for rule in policy.layer:
        if not root.log.errors:
            fewer = {key: value for key, value in values.items() if key not in rule.asks}
            _parts(policy, fewer | dict.fromkeys(rule.asks), frozenset({rule.clause}), root.log, set())


def _check_forms(policy: Policy, parts: Parts, category: str, root: Node) -> None:
    for step in parts.steps:
        for mode in policy.modes:
            if step.every_form and not step.form_for(mode):
                where = f"step.{step.key}.forms"
                root.wrong(where, "names no form for %(category)s, %(mode)s", category=category, mode=mode)


def _clauses(data: Mapping[str, Json], prefix: str, log: Log) -> dict[str, Clause]:
    root = Node(data, file=CLAUSES, key="", log=log, clauses={}, prefix="")
    found: dict[str, Clause] = {}
    for node in root.tables("clause"):
        name = node.text("id")
        if prefix and not name.startswith(f"{prefix}-"):
            node.wrong("id", "must start with %(prefix)s-", prefix=prefix)
        found[name] = Clause(
            id=name,
            article=node.text("article"),
            text=Text(zh=node.text("zh"), en=node.text("en")),
            layer=Layer(node.choice("layer", ("guide", "call"), required=False, default="guide")),
            link=node.text("link", required=False),
            unverified=node.text("unverified", required=False),
        )
        node.done()
    if not found:
        root.wrong("clause", "is missing")
    root.done()
    return found


def _header(root: Node) -> tuple[Header, str]:
    node = root.table("policy", required=True) or root.child({}, "policy")
    status = node.choice("status", ("in_force", "draft"))
    issued = node.day("issued_on", required=status != "draft")  # a draft may leave its days open (JY-28)
    starts, ends = node.day("in_force_from", required=status != "draft"), node.day("ends_on")
    if starts and ends and ends < starts:
        node.wrong("ends_on", "is before in_force_from")
    prefix = node.text("prefix")
    header = Header(
        slug=node.text("slug"),
        title=node.words("title"),
        owner=node.text("owner"),
        tier=node.choice("list", TIERS),
        status=status,
        issued_on=issued,
        in_force_from=starts,
        ends_on=ends,
        term_years=node.whole("term_years", least=1, most=50),
        document=node.text("document", required=False),
        issued_by=node.words("issued_by"),
        explained_by=node.words("explained_by"),
        explained_clause=node.clause("explained_clause")[0],
        clause=node.clause()[0],
    )
    node.done()
    return header, prefix


def _listed(root: Node, table: str, name: str, options: Collection[str]) -> tuple[tuple[str, ...], str]:
    node = root.table(table, required=True)
    if node is None:
        return (), ""
    values = node.texts(name, of=options, required=True)
    clause = node.clause()[0]
    node.done()
    return values, clause


def _categories(root: Node) -> tuple[str, ...]:
    return _listed(root, "who", "categories", CATEGORIES)[0]


def _rounds(root: Node) -> tuple[int | None, str, str]:
    """How many calls a year, what a unit on the list already meets when it applies again, and by which clause."""
    node = root.table("rounds")
    if node is None:
        return None, AGAIN[0], ""
    per_year = node.whole("calls_per_year", least=1, most=12)
    again = node.choice("again", AGAIN, required=False, default=AGAIN[0])
    found = per_year, again, node.clause()[0]
    node.done()
    return found


def _industry_groups(root: Node) -> tuple[IndustryGroup, ...]:
    found = []
    for node in root.tables("industry_group"):
        codes = node.texts("codes", required=True)
        for code in codes:
            if not code.isdigit() or not 2 <= len(code) <= 4:
                node.wrong("codes", "%(code)s is no code of GB/T 4754 (two to four digits)", code=code)
        found.append(IndustryGroup(node.identifier(), node.words("label"), codes, node.clause()[0]))
        node.done()
    return tuple(found)


def _asks(root: Node) -> list[Ask]:
    found = []
    for node in root.tables("ask"):
        clause, layer = node.clause()
        kind = node.choice("type", ASK_TYPES)
        options = []
        for child in node.tables("of"):
            options.append(Choice(key=child.text("key"), label=child.words("label")))
            child.done()
        if kind in {"choice", "list"} and not options:
            node.wrong("of", "is missing")
        ask = Ask(
            key=node.identifier(),
            type=kind,
            label=node.words("label"),
            help=node.words("help", required=False, english=False),
            clause=clause,
            layer=layer,
            required=node.flag("required", default=True),
            start=node.raw("start"),
            of=tuple(options),
        )
        if ask.start is not None:
            _check_start(node, ask)
        node.done()
        found.append(ask)
    return found


def _check_start(node: Node, ask: Ask) -> None:
    if ask.type == "day":
        month_day(node, "start")
        return
    try:
        _coerced(ask, ask.start)
    except BadCallValue as wrong:
        node.wrong("start", "%(why)s", why=wrong.reason)


def _layer(root: Node, asks: Mapping[str, Ask], clauses: Mapping[str, Clause]) -> tuple[LayerRule, ...]:
    found = []
    for node in root.tables("layer"):
        clause, layer = node.clause()
        if layer is not Layer.CALL:
            node.wrong("clause", 'is no clause of the cover notice (layer = "call" in clauses.toml)')
        text = clauses[clause].text if clause in clauses else Text()
        found.append(
            LayerRule(
                id=node.text("id"),
                clause=clause,
                text=text,
                asks=tuple(ask.key for ask in asks.values() if ask.clause == clause),
            )
        )
        node.done()
    return tuple(found)


def _sample(ask: Ask) -> Any:
    """Any right value, to try a file with."""
    if ask.type == "day":
        return "2024-05-31"
    if ask.start is not None:
        return ask.start
    return {
        "choice": ask.of[0].key if ask.of else "",
        "list": [choice.key for choice in ask.of],
        "text": "x",
        "number": 1,
        "yesno": True,
    }.get(ask.type)


# ---- filling in -----------------------------------------------------------------------------------------------------
@dataclass(slots=True)
class _Filler:
    """Replaces "$call.…" and "$owner", and leaves out every table that cites a dropped clause."""

    owner: str
    values: Mapping[str, Any]
    dropped: frozenset[str]
    prefix: str
    log: Log

    def fill(self, value: Json, key: str) -> Json:
        """The value filled in; `_GONE` for what needs a value that the call may leave empty, and did."""
        if isinstance(value, dict):
            filled = {name: self.fill(inner, f"{key}.{name}") for name, inner in value.items()}
            needed = [
                name
                for name, inner in value.items()
                if (_is_reference(inner) and name not in SPARED) or _is_condition(name)
            ]
            if any(filled[name] is _GONE for name in needed) or self.is_short(value, filled):
                return _GONE
            return {name: inner for name, inner in filled.items() if inner is not _GONE}
        if isinstance(value, list):
            kept = [self.fill(inner, key) for inner in value if not self.is_dropped(inner)]
            if any(_is_reference(inner) and filled is _GONE for inner, filled in zip(value, kept, strict=False)):
                return _GONE
            return [inner for inner in kept if inner is not _GONE]
        return self.reference(value, key) if _is_reference(value) else value

    def is_short(self, value: Mapping[str, Json], filled: Mapping[str, Json]) -> bool:
        """Where all conditions must hold, one that cannot be asked takes the others with it."""
        asked, kept = value.get("all"), filled.get("all")
        return isinstance(asked, list) and isinstance(kept, list) and len(kept) < len(asked)

    def is_dropped(self, value: Json) -> bool:
        return isinstance(value, dict) and value.get("clause") in self.dropped

    def reference(self, text: str, key: str) -> Json:
        if text == "$owner":
            return self.owner
        if text.startswith("$cycle."):  # filled when a yearly cycle opens, not by the call
            return text
        name = text.removeprefix("$call.")
        if not text.startswith("$call.") or name not in self.values:
            self.log.add(POLICY, key.lstrip("."), "%(text)s names no value that the call is asked for", text=text)
            return _GONE
        found = self.values[name]
        return _GONE if found is None else found


_GONE = object()


def _is_reference(value: Json) -> bool:
    return isinstance(value, str) and value.startswith("$")


def _is_condition(name: str) -> bool:
    return name in {"if", "all", "any"}


def _without(body: Json, dropped: frozenset[str]) -> Json:
    """Nested tables ([step.due], [table.summary], …) that cite a dropped clause vanish; the declaration stays."""
    if not isinstance(body, dict):
        return body
    return {
        name: (
            {key: inner for key, inner in value.items() if not _cites(inner, dropped)}
            if isinstance(value, dict)
            else value
        )
        for name, value in body.items()
        if name == "declaration" or not _cites(value, dropped)
    }


def _cites(value: Json, dropped: frozenset[str]) -> bool:
    return isinstance(value, dict) and value.get("clause") in dropped


def _of_category(value: Json, category: str) -> Json:
    """Without the tables that hold for other categories only (`categories = […]`); everything where none is asked."""
    if isinstance(value, dict):
        return {name: _of_category(inner, category) for name, inner in value.items() if _holds_for(inner, category)}
    if isinstance(value, list):
        return [_of_category(inner, category) for inner in value if _holds_for(inner, category)]
    return value


def _holds_for(value: Json, category: str) -> bool:
    return not category or not isinstance(value, dict) or category in value.get("categories", [category])


def _parts(
    policy: Policy,
    values: Mapping[str, Any],
    dropped: frozenset[str],
    log: Log,
    seen: set[str],
    *,
    category: str = "",
    year: int | None = None,
) -> Parts:
    filler = _Filler(policy.header.owner, values, dropped, policy.prefix, log)
    body = {name: value for name, value in policy.raw[POLICY].items() if name not in NOT_IN_BODY}
    body = _without(body, dropped)
    body["step"] = [_without(step, dropped) for step in body.get("step", ())]
    body = _of_category(body, category)
    root = Node(filler.fill(body, ""), file=POLICY, key="", log=log, clauses=policy.clauses, prefix=policy.prefix)
    forms = _forms(policy, dropped)
    context = Context(facts=policy.facts, forms=forms, dropped=dropped, year=year, tier=policy.header.tier)
    parts = assemble(root, context)
    parts.duties = read_duties(root, context)
    seen |= root.seen
    return parts


# ---- binding --------------------------------------------------------------------------------------------------------
def _forms(policy: Policy, dropped: frozenset[str]) -> dict[str, Form]:
    known = frozenset(policy.clauses) - dropped
    return {key: trimmed(form, known, policy.prefix) for key, form in policy.forms.items()}


def bind(policy: Policy, call: CallValues) -> BoundPolicy:
    """A rule set with one call's values. Raises MissingCallValue(key, clause) and BadCallValue.

    A dropped N-rule takes along the values it asked for; an edited one may carry the call's own wording.
    """
    uses = _uses(policy, call)
    dropped = frozenset(rule.clause for rule in policy.layer if uses[rule.clause] == "drop")
    values = _values(policy, call, dropped)
    log = Log()
    parts = _parts(policy, values, dropped, log, set(), category=call.category, year=call.year)
    if log.errors:
        raise PolicyErrors(log.errors)
    clauses = _worded(policy, call, dropped)
    return BoundPolicy(
        policy=policy,
        call=call,
        digest=digest({"policy": policy.digest, "call": plain(call.as_json())}),
        steps=parts.steps,
        rules=parts.rules,
        vetoes=parts.vetoes,
        checklists=parts.checklists,
        forms=_forms(policy, dropped),
        declaration=parts.declaration,
        tables=parts.tables,
        texts=parts.texts,
        criteria=parts.criteria,
        scores=parts.scores,
        other=parts.other,
        values=values,
        clauses=clauses,
        quotas=parts.quotas,
        orders=parts.orders,
        changes=parts.changes,
        reports=parts.reports,
        supervision=parts.supervision,
        duties=parts.duties,
    )


def standing(policy: Policy, category: str) -> BoundPolicy:
    """A rule set as it holds for units that are on a list, apart from any call: no call's day shortens a look-back."""
    values = {key: _sample(ask) for key, ask in policy.asks.items()}
    bound = bind(policy, CallValues(values=values, category=category))
    return replace(bound, vetoes=tuple(replace(veto, back_from=None) for veto in bound.vetoes))


def _chosen(call: CallValues, rule: LayerRule) -> Any:
    return call.layer.get(rule.id, call.layer.get(rule.clause, "keep"))


def _uses(policy: Policy, call: CallValues) -> dict[str, str]:
    uses = {}
    for rule in policy.layer:
        chosen = _chosen(call, rule)
        use = chosen.get("use", "keep") if isinstance(chosen, Mapping) else chosen
        if use not in USES:
            raise BadCallValue(rule.id, rule.clause, f"must be one of {', '.join(USES)}")
        uses[rule.clause] = use
    return uses


def _worded(policy: Policy, call: CallValues, dropped: frozenset[str]) -> dict[str, Clause]:
    clauses = {key: clause for key, clause in policy.clauses.items() if key not in dropped}
    for rule in policy.layer:
        chosen = _chosen(call, rule)
        if (
            rule.clause in clauses
            and isinstance(chosen, Mapping)
            and chosen.get("use") == "edit"
            and chosen.get("text")
        ):
            clauses[rule.clause] = replace(
                clauses[rule.clause], text=Text(zh=chosen["text"], en=chosen.get("text_en", ""))
            )
    return clauses


def _values(policy: Policy, call: CallValues, dropped: frozenset[str]) -> dict[str, Any]:
    missing = []
    values: dict[str, Any] = {}
    for ask in policy.asks.values():
        given = call.values.get(ask.key)
        if ask.clause in dropped or (given in (None, "", []) and not ask.required):
            values[ask.key] = None
        elif given in (None, "", []):
            missing.append((ask.key, ask.clause))
        else:
            values[ask.key] = _coerced(ask, given)
    if missing:
        raise MissingCallValue(missing)
    return values


def _coerced(ask: Ask, given: Any) -> Any:
    """The value as the rules use it. Raises BadCallValue."""
    allowed = [choice.key for choice in ask.of]  # a list: what is given may be unhashable
    right = {
        "day": lambda: isinstance(given, date) or _is_day(given),
        "choice": lambda: given in allowed,
        "list": lambda: isinstance(given, list | tuple) and all(item in allowed for item in given),
        "text": lambda: isinstance(given, str),
        "number": lambda: isinstance(given, int | float) and not isinstance(given, bool),
        "yesno": lambda: isinstance(given, bool),
    }[ask.type]
    if not right():
        raise BadCallValue(ask.key, ask.clause, f"{given!r} is no value of type {ask.type}")
    if ask.type == "day":
        return given if isinstance(given, date) else date.fromisoformat(given)
    return list(given) if ask.type == "list" else given


def _is_day(given: Any) -> bool:
    try:
        return bool(date.fromisoformat(str(given)))
    except ValueError:
        return False


def suggest(policy: Policy, year: int) -> dict[str, Json]:
    """What the page of a new call shows first: each ask's `start`, days placed in `year`. Nothing is set by it."""
    found: dict[str, Json] = {}
    for ask in policy.asks.values():
        if ask.start is not None:
            found[ask.key] = f"{year}-{ask.start}" if ask.type == "day" else ask.start
    return found


def forms_cited(files: Mapping[str, bytes]) -> frozenset[str]:
    """Names of the form files that a policy.toml cites, so that a caller can bring them along. Never raises."""
    body = parse(POLICY, files.get(POLICY, b""), Log())
    steps = _entries(body, "step")
    choices = [*steps, *(choice for step in steps for choice in _entries(step, "forms"))]
    cited = [one.get("form") for one in choices]
    cited += [key for duty in _entries(body, "duty") for key in _named(duty.get("forms"))]
    return frozenset(f"{FORMS}{key}.toml" for key in cited if isinstance(key, str))


def _named(table: Any) -> list[Any]:
    return list(table.values()) if isinstance(table, dict) else []


def _entries(table: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    value = table.get(name, [])
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def slug_of(files: Mapping[str, bytes]) -> str:
    """The slug a policy.toml gives itself; empty where it does not parse. Never raises."""
    head = parse(POLICY, files.get(POLICY, b""), Log()).get("policy", {})
    return str(head.get("slug", "")) if isinstance(head, dict) else ""
