"""The words the engine speaks: frozen values only. No behaviour beyond small look-ups; no Django, no clock, no I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

Json = Any  # what a JSON document may hold
Facts = Mapping[str, Any]  # fact name → value; a name that is absent or None is not known
Data = Mapping[str, Mapping[str, Any]]  # a filled form: section key → field key → value


# ---- words and sources ------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages."""

    zh: str = ""
    en: str = ""

    def __bool__(self) -> bool:
        return bool(self.zh or self.en)

    def within(self, language: str) -> str:
        """The text for a language code such as `zh-hans` or `en`; Chinese where the other is missing."""
        return self.en if language.startswith("en") and self.en else self.zh

    def __str__(self) -> str:
        return self.zh


class Layer(StrEnum):
    """Which text a rule comes from (QHD-N0)."""

    GUIDE = "guide"  # the guide's articles: stay in force
    CALL = "call"  # the cover notice of one call: a later call keeps, edits or drops it
    PORTAL = "portal"  # the portal's own choice, cited as no clause


@dataclass(frozen=True, slots=True)
class Clause:
    """An article of a policy document in our own words."""

    id: str
    article: str
    text: Text
    layer: Layer = Layer.GUIDE
    link: str = ""
    unverified: str = ""


class FactType(StrEnum):
    BOOL = "bool"
    TEXT = "text"
    CHOICE = "choice"
    NUMBER = "number"
    DATE = "date"
    AREA = "area"  # path of area slugs from the root down: "/130000/130300/130302/"
    TITLES = "titles"  # sequence of `Held`
    WORDS = "words"  # sequence of text


@dataclass(frozen=True, slots=True)
class Fact:
    """A declared fact: what a condition may name."""

    name: str
    type: FactType
    label: Text
    written: str  # where the fact comes from, for the reader of docs/policy.md
    choices: tuple[str, ...] = ()


FactTable = Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class Held:
    """A title a site holds, as the fact `site.titles.same_category` lists them."""

    tier: str  # city | province | nation
    listing: str = ""  # how a person finds it: list, announcement, number
    since: date | None = None

    def __str__(self) -> str:
        return self.listing or self.tier


# ---- what goes wrong ----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, order=True)
class PolicyError:
    """One mistake in a file: where, and why. `template % params` is English; words.py translates the template."""

    file: str
    key: str
    template: str
    params: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def reason(self) -> str:
        return self.template % self.params

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.reason}"


class PolicyErrors(Exception):
    """Everything that is wrong with a set of files, at once."""

    def __init__(self, errors: Sequence[PolicyError]) -> None:
        self.errors = tuple(sorted(errors))
        super().__init__("\n".join(str(error) for error in self.errors))


class MissingCallValue(Exception):
    """A call lacks a value that its rule set asks for. `.missing` lists all (key, clause)."""

    def __init__(self, missing: Sequence[tuple[str, str]]) -> None:
        self.missing = tuple(missing)
        self.key, self.clause = self.missing[0]
        super().__init__(", ".join(f"{key} ({clause})" for key, clause in self.missing))


class BadCallValue(Exception):
    """A call value of the wrong kind."""

    def __init__(self, key: str, clause: str, reason: str) -> None:
        self.key, self.clause, self.reason = key, clause, reason
        super().__init__(f"{key}: {reason} ({clause})")


class NotOffered(Exception):
    """The rule set has no such category or evaluation mode (QHD-6: self-evaluation only)."""

    def __init__(self, what: str, value: str, clause: str) -> None:
        self.what, self.value, self.clause = what, value, clause
        super().__init__(f"{what} {value} ({clause})")


class CalendarUnknown(Exception):
    """A legal period would need a year whose holiday plan nobody has confirmed."""

    def __init__(self, year: int) -> None:
        self.year = year
        super().__init__(str(year))


# ---- findings -----------------------------------------------------------------------------------------------------
class Outcome(StrEnum):
    CLEAR = "clear"
    WARN = "warn"  # shown; the recommender may go on, with a reason
    BLOCK = "block"
    CONFIRM = "confirm"  # a person must look and say


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says. Never a sentence: words.py makes it from code and params."""

    rule: str  # "veto.accident", "prerequisite.not_higher", "checklist.county.peers"
    clause: str  # "" where the portal itself set the rule
    outcome: Outcome
    code: str
    params: Mapping[str, Json] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    layer: Layer = Layer.GUIDE

    @property
    def blocks(self) -> bool:
        return self.outcome is Outcome.BLOCK

    def as_json(self) -> dict[str, Json]:
        """A JSON document; `Finding.from_json` gives the same finding back."""
        return {
            "rule": self.rule,
            "clause": self.clause,
            "outcome": self.outcome.value,
            "code": self.code,
            "params": dict(self.params),
            "evidence": list(self.evidence),
            "layer": self.layer.value,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Finding:
        return cls(
            rule=data["rule"],
            clause=data["clause"],
            outcome=Outcome(data["outcome"]),
            code=data["code"],
            params=data.get("params", {}),
            evidence=tuple(data.get("evidence", ())),
            layer=Layer(data.get("layer", "guide")),
        )


class Severity(StrEnum):
    """Accident grades, in order (一般 < 较大 < 重大 < 特别重大)."""

    GENERAL = "general"
    LARGER = "larger"
    MAJOR = "major"
    EXTREME = "extreme"

    @property
    def rank(self) -> int:
        """1 for general up to 4 for extreme; 0 is left for "not graded"."""
        return list(Severity).index(self) + 1

    @classmethod
    def of_rank(cls, rank: int) -> Severity | None:
        """The grade of a stored number; None for 0 (not graded)."""
        return list(cls)[rank - 1] if rank else None

    def reaches(self, threshold: Severity) -> bool:
        return self.rank >= threshold.rank


@dataclass(frozen=True, slots=True)
class Event:
    """Something adverse that befell a unit: an accident, an offence, an entry on a black list."""

    kind: str  # one of EVENT_KINDS in facts_table.py
    on: date
    severity: Severity | None = None
    ended_on: date | None = None  # repaired, rectified, taken off the list
    subject: str = "unit"  # unit | members
    evidence: str = ""  # source, reference: shown with the finding
    tier: str = ""  # of the list somebody was removed from
    who: str = ""  # the firm inside the park that it befell
    doubtful: bool = False  # nobody has confirmed yet that it is about this unit
    ref: str = ""  # the caller's key of the record, so that an answer finds it again

    @property
    def place(self) -> str:
        """By what an answer finds it again: one record may reach a park through several firms, sure here, doubtful there."""
        if self.subject == "unit":
            return self.ref
        return f"{self.ref}+{hashlib.sha256(f'{self.who}|{int(self.doubtful)}'.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Barred:
    """One event that one veto names: a row of the nightly sweep."""

    rule: str
    clause: str
    outcome: Outcome
    event: Event


# ---- conditions ---------------------------------------------------------------------------------------------------
class Operator(StrEnum):
    IS = "is"
    IN = "in"
    NONE_OF = "none_of"
    ANY_OF = "any_of"
    WITHIN = "within"
    GE = ">="
    GT = ">"
    LE = "<="
    LT = "<"
    HAS = "has"


@dataclass(frozen=True, slots=True)
class Test:
    fact: str
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions over facts. `any_of=False`: all tests must hold; True: one is enough."""

    key: str
    group: str  # eligibility | prerequisite | upward | priority
    tests: tuple[Test, ...]
    any_of: bool
    otherwise: Outcome  # what a failed condition means
    at: frozenset[str]
    clause: str
    layer: Layer
    label: Text = Text()
    unverified: str = ""
    waivable: bool = False  # an official may set the finding aside, with a reason
    four_eyes: bool = False  # … and another person must agree
    sorts: bool = True  # a priority that goes ahead in the suggested order; else it is a badge only (HLJ-7b)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)  # by check point, where they differ (HEB-1d.0)

    def meant_at(self, point: str) -> Rule:
        """The rule as it counts at a check point."""
        return replace(self, otherwise=self.outcomes[point]) if point in self.outcomes else self


@dataclass(frozen=True, slots=True)
class Veto:
    """Events that bar a unit. See `engine.veto` for how the look-back is counted."""

    key: str
    events: frozenset[str]
    at_least: Severity | None  # None: of any grade
    years: int | None
    until: str  # "repaired": counts only while not ended; "" : ending does not matter
    ended: str  # "repaired": counts only when it has ended
    subjects: frozenset[str]
    outcome: Outcome
    at: frozenset[str]
    clause: str
    layer: Layer
    label: Text = Text()
    unverified: str = ""
    tiers: frozenset[str] = frozenset()  # of lists somebody was removed from; empty: of any tier
    back_from: date | None = None  # the look-back is counted from this day; None: from the day of the check
    waivable: bool = False
    four_eyes: bool = False
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)

    def meant_at(self, point: str) -> Veto:
        """The veto as it counts at a check point: it may only warn before it bars (HEB-1d.0)."""
        return replace(self, outcome=self.outcomes[point]) if point in self.outcomes else self

    @property
    def gravest(self) -> Outcome:
        """What a hit means where it means most."""
        order = (Outcome.BLOCK, Outcome.CONFIRM, Outcome.WARN)
        return min(self.outcomes.values(), key=order.index) if self.outcomes else self.outcome


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """A question an official answers yes, no or fix (to be corrected)."""

    key: str
    text: Text
    group: str  # "regional" | "conditions" | "review": headings on the page
    no: Outcome
    fix: Outcome
    clause: str
    layer: Layer
    help: Text = Text()
    section: str = ""  # section of the form that the question is about
    criteria: bool = False  # the question names the criteria edition the call pins
    unverified: str = ""


@dataclass(frozen=True, slots=True)
class Checklist:
    key: str
    title: Text
    items: tuple[ChecklistItem, ...]

    def item(self, key: str) -> ChecklistItem:
        """Raises KeyError."""
        for item in self.items:
            if item.key == key:
                return item
        raise KeyError(key)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(item.key for item in self.items)


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    FIX = "fix"  # to be corrected by the applicant


# ---- the route ----------------------------------------------------------------------------------------------------
class StepKind(StrEnum):
    DRAFT = "draft"
    SCREENING = "screening"
    BATCH = "batch"
    PANEL = "panel"
    CONSULT = "consult"
    DECISION = "decision"
    NOTICE = "notice"
    ANNOUNCE = "announce"
    OUTCOME = "outcome"  # of a list that another tier publishes


class Result(StrEnum):
    """How a step ended, asked of `after`."""

    PASSED = "passed"
    FAILED = "failed"
    RETURNED = "returned"
    ADJUSTED = "adjusted"


@dataclass(frozen=True, slots=True)
class Due:
    """A last day: fixed (`on`), or each year (`month_day`). Extensions are the caller's facts."""

    on: date | None = None
    month_day: tuple[int, int] | None = None
    clause: str = ""
    remind: tuple[int, ...] = ()  # so many days before it whoever must act is reminded; 0 is the day itself


@dataclass(frozen=True, slots=True)
class NoticeRule:
    """How long a public notice lasts (QHD-10b)."""

    days: int
    unit: str  # working | calendar
    first_day: str  # counts | next
    clause: str


@dataclass(frozen=True, slots=True)
class ReviewRule:
    """How a panel is drawn and held (HLJ-16b, HLJ-17). What a rule set does not say is the authority's to choose."""

    clause: str = ""
    former_years: int | None = None  # how long a former employer bars; None: for good
    same_area: bool = False  # experts keep away from units of the place they live in
    seats: int | None = None  # suggested number of experts
    per_case: int | None = None  # suggested number of experts for each unit
    cap: int | None = None  # most units that one expert takes on a panel
    supervisors: int | None = None  # suggested number of those who watch
    blind: bool = False  # suggested: experts see no names
    talk: bool = False  # risk points and a reminder talk are recorded before the panel opens
    talk_clause: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """What travels with a recommendation batch (QHD-N4a; SJZ-8: the guide's two documents only)."""

    documents: tuple[str, ...]  # letter | summary | report: must be there
    optional: tuple[str, ...]  # may be printed; its absence never blocks (SJZ-8)
    paper_copies: int
    clauses: tuple[str, ...]

    def __contains__(self, document: str) -> bool:
        return document in self.documents


@dataclass(frozen=True, slots=True)
class Department:
    """A department that a rule set has asked; `key` is that of its offices (ecology, emergency, market …)."""

    key: str
    label: Text


@dataclass(frozen=True, slots=True)
class ConsultCheck:
    """A question that a department answers yes or no for each unit (HLJ-19); `adverse` is the answer that speaks against it."""

    key: str
    text: Text
    adverse: str  # yes | no
    clause: str


@dataclass(frozen=True, slots=True)
class ConsultRule:
    """Who is asked for an opinion, what about, and how many working days they have (HEB-3b, HLJ-19)."""

    departments: tuple[Department, ...]
    checks: tuple[ConsultCheck, ...]
    days: int
    remind: tuple[int, ...]  # so many days before the last one a department that has not answered is reminded
    clause: str


@dataclass(frozen=True, slots=True)
class FormChoice:
    """A form a step asks for in one evaluation mode; empty: in any."""

    form: str
    mode: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    key: str
    kind: StepKind
    title: Text
    by: str  # applicant | county | city | province
    clause: str
    layer: Layer = Layer.GUIDE
    to: str = ""
    to_name: Text = Text()  # whoever receives the batch outside the portal: the ministry
    point: str = ""  # the check point: apply | recommend | list; "" = nothing is checked here
    form: str = ""  # the step's form, or the first of `forms`
    forms: tuple[FormChoice, ...] = ()  # where it depends on the evaluation mode (and, before narrowing, the category)
    checklist: str = ""
    declaration: bool = False
    four_eyes: bool = False
    due: Due | None = None
    package: Package | None = None
    notice: NoticeRule | None = None
    consult: ConsultRule | None = None
    reviewers: tuple[str, ...] = ()
    plan: bool = False
    pledge: bool = False
    review: ReviewRule = ReviewRule()
    score: str = ""
    record: bool = False  # of a decision: the meeting's day and participants are written down (HLJ-18b, HLJ-20b)
    guidance: bool = False  # who passes is a cultivation object: visits on site are planned and recorded (JY-14)
    numbered: bool = False
    returned: str = ""  # step a returned case goes back to
    failed: str = ""  # end of a case that fails here

    @property
    def state(self) -> str:
        """The workflow state a case has while it waits at this step."""
        return KIND_STATES[self.kind]

    def form_for(self, mode: str) -> str:
        """The form of a case, by its evaluation mode. Empty where the step offers none to it."""
        if not self.forms:
            return self.form
        return next((choice.form for choice in self.forms if choice.mode in ("", mode)), "")

    @property
    def every_form(self) -> tuple[str, ...]:
        """Keys of all forms the step may ask for."""
        return tuple(dict.fromkeys(choice.form for choice in self.forms)) or ((self.form,) if self.form else ())


KIND_STATES: Mapping[StepKind, str] = {
    StepKind.DRAFT: "draft",
    StepKind.SCREENING: "screening",
    StepKind.BATCH: "passed",
    StepKind.PANEL: "recommended",
    StepKind.CONSULT: "consulting",
    StepKind.DECISION: "deciding",
    StepKind.NOTICE: "proposed",
    StepKind.ANNOUNCE: "approving",
    StepKind.OUTCOME: "forwarded",
}


@dataclass(frozen=True, slots=True)
class End:
    """Where a route stops: listed | not_listed | rejected | forwarded."""

    state: str
    clause: str = ""


# ---- forms --------------------------------------------------------------------------------------------------------
class FieldType(StrEnum):
    TEXT = "text"
    LONGTEXT = "longtext"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"
    YESNO = "yesno"
    FILE = "file"
    TABLE = "table"
    COMPUTED = "computed"
    CALCULATOR = "calculator"  # a table whose rows are counted with a factor table; its results are numbers by name


TABULAR = frozenset({FieldType.TABLE, FieldType.CALCULATOR})  # what is answered by rows of columns


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measure: 1 of it is `factor` of `base`. Figures are kept in the base unit."""

    key: str
    label: Text
    base: str
    factor: Decimal

    @property
    def symbol(self) -> Text:
        """As it stands behind a figure: the label without the name in brackets that helps to choose it."""
        return replace(self.label, zh=self.label.zh.partition("（")[0] or self.label.zh)


@dataclass(frozen=True, slots=True)
class Choice:
    key: str
    label: Text


@dataclass(frozen=True, slots=True)
class FixedRow:
    """A row a table always has (a kind of energy): its label, preset values, units and bounds per column."""

    key: str
    label: Text
    preset: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    bounds: Mapping[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    help: Text = Text()


@dataclass(frozen=True, slots=True)
class Field:
    key: str
    type: FieldType
    label: Text
    help: Text = Text()
    required: bool = False
    required_if: tuple[str, ...] = ()  # (sibling key, value, …): required when the sibling has one of the values
    required_with: tuple[str, ...] = ()  # sibling keys: required once one of them has a value (evidence of it)
    clause: str = ""
    unit: Unit | None = None
    min: Decimal | None = None
    max: Decimal | None = None
    decimals: int | None = None
    max_chars: int | None = None
    min_chars: int | None = None
    choices: tuple[Choice, ...] = ()
    columns: tuple[Field, ...] = ()
    rows: tuple[FixedRow, ...] = ()
    min_rows: int = 0
    max_rows: int | None = None
    max_files: int | None = None
    formula: str = ""
    formula_text: Text = Text()  # the formula as people write it
    prefill: str = ""  # fact name that fills the field at the start
    fact: str = ""  # fact the answer tells the rules (HEB-2.2a: share of added value)
    figure: bool = False  # becomes a `Figure` row at submission
    contact: bool = False  # personal contact: never public, never shown to experts
    only_with: str = ""  # asked only where the rule set has this clause and the call keeps it
    unverified: str = ""
    calculator: str = ""  # kind of a calculator: engine.calculators.KINDS
    factors: tuple[str, ...] = ()  # slugs of the factor tables it counts with
    years: int = 1  # columns of amounts: the year evaluated, the one before …
    every_year: bool = False  # an amount is asked for each of them, not for the year evaluated only
    products: int = 0  # up to so many products share the amounts
    rows_from: str = ""  # path of the calculator whose rows this one counts again (CO₂ of the energy used)
    national: bool = False  # counts with the factors of the whole country, not of the province
    results: tuple[Field, ...] = ()  # what a formula may name as section.field.result
    tables: tuple[Any, ...] = ()  # engine.factors.FactorTable, once bound
    home: str = ""  # the province whose factors count, once bound
    same_as: tuple[str, ...] = ()  # figures and answers of other forms that say the same: section.field
    yearly: bool = False  # the answer of last year's table is taken over
    trend: bool = False  # a figure that is followed over the years on the unit's page

    @property
    def is_table(self) -> bool:
        """Whether its answer is a list of rows."""
        return self.type in TABULAR

    @property
    def is_answered(self) -> bool:
        """Whether people type an answer: a file lies beside the answers, what is worked out needs none."""
        return self.type not in (FieldType.FILE, FieldType.COMPUTED) and not self.rows_from


@dataclass(frozen=True, slots=True)
class Section:
    key: str
    title: Text
    fields: tuple[Field, ...]
    intro: Text = Text()
    clause: str = ""
    only_with: str = ""
    unverified: str = ""
    paper: str = ""  # a document of its own that this section makes: experience

    def field(self, key: str) -> Field:
        """Raises KeyError."""
        for item in self.fields:
            if item.key == key:
                return item
        raise KeyError(key)


@dataclass(frozen=True, slots=True)
class UsualRange:
    """Between which numbers a figure usually lies, in its own unit; of an industry, or of all (`industry` empty)."""

    field: str  # section.field
    industry: str
    least: Decimal | None
    most: Decimal | None
    unverified: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    key: str
    title: Text
    sections: tuple[Section, ...]
    source: Text = Text()
    unverified: str = ""
    year: str = ""  # path of the field that holds the year the figures are of
    units: Mapping[str, Unit] = field(default_factory=dict)
    jump: Decimal | None = None  # a change against the year before of more than so many per cent wants an explanation
    ranges: tuple[UsualRange, ...] = ()

    def section(self, key: str) -> Section:
        """Raises KeyError."""
        for item in self.sections:
            if item.key == key:
                return item
        raise KeyError(key)

    def field(self, path: str) -> Field:
        """The field at `section.field`, column at `section.table.0.column`, result at `section.calculator.result`.

        Raises KeyError.
        """
        section, key, *rest = path.split(".")
        found = self.section(section).field(key)
        if not rest:
            return found
        for column in (*found.columns, *found.results):
            if column.key == rest[-1]:
                return column
        raise KeyError(path)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong or missing in a filled form, at a path `section.field` or `section.table.0.column`."""

    path: str
    code: str
    params: Mapping[str, Json] = field(default_factory=dict)
    label: Text = Text()
    clause: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a section is: required answers given of required answers asked, and problems in what is given."""

    section: str
    title: Text
    done: int
    total: int
    problems: int

    @property
    def complete(self) -> bool:
        return self.done == self.total and not self.problems

    @property
    def started(self) -> bool:
        return self.done > 0


@dataclass(frozen=True, slots=True)
class FormFigure:
    """A number of a filled form in its base unit."""

    key: str  # "indicators.land_output", "energy.use.electricity.amount"
    value: Decimal
    unit: str
    year: int | None = None


# ---- the rule set -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Ask:
    """A value that each call must bring. `start` is what the call page suggests, never a silent default."""

    key: str
    type: str  # day | choice | list | text | number | yesno
    label: Text
    clause: str
    layer: Layer
    required: bool = True
    start: Any = None
    of: tuple[Choice, ...] = ()
    help: Text = Text()


@dataclass(frozen=True, slots=True)
class IndustryGroup:
    """A named group of industries: codes of GB/T 4754 of any length, as prefixes."""

    key: str
    label: Text
    codes: tuple[str, ...]
    clause: str


@dataclass(frozen=True, slots=True)
class LayerRule:
    """A rule of the cover notice that a call keeps, edits (through its asks) or drops (QHD-N0)."""

    id: str  # "N3c"
    clause: str  # "QHD-N3c"
    text: Text
    asks: tuple[str, ...] = ()  # values whose change is the edit


@dataclass(frozen=True, slots=True)
class Declaration:
    text: Text
    clause: str  # "" once the call dropped the rule: the declaration stays as the portal's own
    layer: Layer


@dataclass(frozen=True, slots=True)
class Column:
    key: str
    label: Text
    source: str  # what fills it: see docs/policy.md
    width: int = 0  # millimetres on paper; 0 = what is left
    align: str = "left"


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table printed with a document (推荐汇总表)."""

    key: str
    title: Text
    columns: tuple[Column, ...]
    clause: str
    layer: Layer
    foot: Text = Text()
    unverified: str = ""
    section: Text = Text()  # heading above the rows of the call's category (HEB-A1)


@dataclass(frozen=True, slots=True)
class TextSpec:
    """A text of a document; `{name}` places are filled by the app that prints it."""

    key: str
    title: Text
    body: Text
    places: frozenset[str]
    clause: str


@dataclass(frozen=True, slots=True)
class CriteriaRule:
    category: str
    part: str  # basic: the basic requirements, answered by officials | all: the report has the indicators too
    set: str  # slug of the criteria set; with `by` the one where an industry has none of its own
    clause: str
    by: str = ""  # "industry": an industry's own set goes first


@dataclass(frozen=True, slots=True)
class Header:
    """What is shown with the rules (QHD-20, SJZ-20)."""

    slug: str
    title: Text
    owner: str  # area code
    tier: str  # city | province | nation
    status: str  # in_force | draft
    issued_on: date | None  # None only for a draft that leaves it open (JY-28)
    in_force_from: date | None
    ends_on: date | None
    document: str  # 文号; "" where the document has none
    issued_by: Text
    explained_by: Text
    explained_clause: str
    clause: str
    term_years: int | None = None  # how long it holds; the end stays open until the start is set (JY-28)


@dataclass(frozen=True, slots=True)
class ScoreRule:
    key: str
    aggregate: str  # mean | median | trimmed_mean
    max: Decimal
    passing: Decimal | None
    spread: Decimal | None  # sheets further apart than this ask for a third opinion
    clause: str
    drop: int = 0  # of a trimmed mean: how many are left out at each end
    marking: Decimal | None = None  # from here on a unit is marked for the next tier (HLJ-18b: `key = 90`)
    strict: bool = False  # who lies below the pass line cannot be proposed, whatever the reason (JY-15b)


# ---- third-party bodies -------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class ProofRule:
    """A kind of proof a body files (HEB-2.4a: a free diagnosis within three years; HLJ-23: experience within five)."""

    key: str
    proof: str  # free_diagnosis | experience
    years: int | None  # how far back its day may lie
    confirm: bool  # counts only once an official has confirmed it
    within: str  # slug of the area the served firm lies in; "" = anywhere
    otherwise: Outcome
    at: frozenset[str]  # register | project
    label: Text
    clause: str
    layer: Layer


@dataclass(frozen=True, slots=True)
class Approval:
    """Work only after the authority of this tier has approved (HLJ-24a)."""

    key: str
    by: str
    label: Text
    clause: str


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many projects (HEB-2.4c: of a batch and legal person; HLJ-24b: of a year and legal representative)."""

    key: str
    limit: int
    per: str  # batch | calendar_year
    group: str  # legal_person | legal_representative
    tiers: frozenset[str]  # only projects for lists of these tiers count; empty = all
    label: Text
    clause: str


@dataclass(frozen=True, slots=True)
class Ban:
    """What proven wrongdoing costs: nothing of the body is accepted for some years (HEB-2.4b, HLJ-26)."""

    key: str
    grounds: frozenset[str]  # fraud | concealment | poor_quality
    years: int
    withdraws: bool  # the approval goes too and must be asked for anew
    label: Text
    clause: str


@dataclass(frozen=True, slots=True)
class Statement:
    """Words somebody signs, and what they are about (JY-11c, HEB-1b, HEB-2.4d, HLJ-24a)."""

    key: str
    by: str  # body | applicant
    on: str  # register | project | report
    text: Text
    clause: str


@dataclass(frozen=True, slots=True)
class WorkReport:
    """The yearly report of a body that worked in the area (HLJ-25)."""

    key: str
    month: int
    day: int
    remind: tuple[int, ...]
    label: Text
    clause: str

    def due(self, year: int) -> date:
        return date(year, self.month, self.day)


@dataclass(frozen=True, slots=True)
class Cited:
    """Something a rule set has or has not: publishing (HLJ-25), supervision (HLJ-26b), a reference text (HLJ-13)."""

    key: str
    text: Text
    clause: str


@dataclass(frozen=True, slots=True)
class BodyRules:
    """All `[[body]]` tables of a rule set; empty where it says nothing of third-party bodies."""

    conditions: tuple[Rule, ...] = ()
    proofs: tuple[ProofRule, ...] = ()
    approval: Approval | None = None
    caps: tuple[Cap, ...] = ()
    ban: Ban | None = None
    statements: tuple[Statement, ...] = ()
    report: WorkReport | None = None
    publication: Cited | None = None
    supervision: Cited | None = None
    references: tuple[Cited, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.conditions or self.proofs or self.approval or self.caps or self.ban or self.statements)

    def signed(self, on: str, by: str = "body") -> tuple[Statement, ...]:
        """What has to be signed at one place by one party."""
        return tuple(one for one in self.statements if (one.on, one.by) == (on, by))


@dataclass(frozen=True, slots=True)
class ShownProof:
    """A proof as the engine is told of it."""

    proof: str
    on: date
    path: str = ""  # area path of the firm that was served
    confirmed: bool = False
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Quota:
    """How many units may be recommended at a step: a share of a stock (HEB-3a) or a number that the call brings (HLJ-21a)."""

    key: str
    step: str
    per: str  # sender: of each authority that recommends | call: of all of them together
    limit: int | None  # None: it is a share of the stock
    share: Decimal | None  # per cent
    stock_tier: str  # titles of this tier, in force in the area, are the stock
    stock_category: str
    allotted: bool  # who opened the call may give each area its own number
    otherwise: Outcome  # warn: going over takes a reason | block
    label: Text
    clause: str
    layer: Layer


@dataclass(frozen=True, slots=True)
class OrderRule:
    """What decides the places of a recommendation, the first key first; equal units stand as they were submitted."""

    key: str
    step: str  # "" where the rule set says nothing of it: the portal's own order
    by: tuple[str, ...]  # priority | score
    otherwise: Outcome  # clear: the hand may place as it sees fit | warn: departing from it takes a reason
    label: Text
    clause: str
    layer: Layer


USUAL_ORDER = OrderRule("usual", "", ("priority", "score"), Outcome.CLEAR, Text(), "", Layer.PORTAL)


# ---- changes, reports from the public, supervision ------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class ChangeRule:
    """What a listed unit reports when something about it changes, and who verifies and publishes it (JY-21, QHD-15, HLJ-31)."""

    key: str
    lists: frozenset[str]  # tiers of the lists whose units it is about; empty: the rule set's own list
    kinds: tuple[str, ...]  # name, legal_representative, scope, address, boundary, merger, split
    told_in: str  # the duty whose table may tell it too
    verify: str  # tier
    publishes: bool  # the list's owner publishes it; otherwise it takes note and its list follows
    bundle: frozenset[str]  # tiers whose owners get it once a year, with the recommendation
    ground: str  # of the removal that is proposed for a unit which does not meet the standard any more; "": not asked
    label: Text
    clause: str


@dataclass(frozen=True, slots=True)
class ReportOutcome:
    """What a report from the public may lead to, and the clause it then cites, which may not be the one that is printed."""

    key: str  # unfounded | rectification | removal | body
    ground: str  # of the removal or of the ban
    clause: str
    note: Text  # said with the clause, e.g. that the draft prints another article and means this one


@dataclass(frozen=True, slots=True)
class ReportRule:
    """实名举报: about whom, to which tiers, what it leads to, how long personal data is kept (JY-23, HLJ-32)."""

    key: str
    lists: frozenset[str]
    about: frozenset[str]  # listed | body
    to: tuple[str, ...]  # tiers
    outcomes: tuple[ReportOutcome, ...]
    keep_days: int
    label: Text
    clause: str

    def outcome(self, key: str) -> ReportOutcome | None:
        return next((one for one in self.outcomes if one.key == key), None)


@dataclass(frozen=True, slots=True)
class InspectionItem:
    key: str
    text: Text
    clause: str


@dataclass(frozen=True, slots=True)
class SupervisionRule:
    """Who inspects listed units on site, and what is looked at (QHD-13a, JY-20, HLJ-29)."""

    key: str
    by: tuple[str, ...]  # tiers that inspect
    lists: frozenset[str]
    unannounced: bool  # spot checks may come without a word before
    items: tuple[InspectionItem, ...]
    label: Text
    clause: str


@dataclass(frozen=True, slots=True)
class Policy:
    header: Header
    prefix: str
    categories: tuple[str, ...]
    modes: tuple[str, ...]
    modes_clause: str
    calls_per_year: int | None
    calls_clause: str
    clauses: Mapping[str, Clause]
    industry_groups: tuple[IndustryGroup, ...]
    asks: Mapping[str, Ask]
    layer: tuple[LayerRule, ...]
    forms: Mapping[str, Form]
    facts: FactTable
    digest: str
    raw: Mapping[str, Json]  # canonical form of all files; what the version stores
    bodies: BodyRules = field(default_factory=BodyRules)
    again: str = (
        "block"  # a unit on the list already that applies again: refused, or (re-evaluated regularly) only told
    )

    def clause(self, clause_id: str) -> Clause:
        """Raises KeyError."""
        return self.clauses[clause_id]


@dataclass(frozen=True, slots=True)
class CallValues:
    """What one call adds. `layer`: N-rule (id or clause) → keep | edit | drop, plain or as {"use": …, "text": …}.

    What is not named is kept. An edit changes the values the rule asks for, and may bring the call's own wording.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    layer: Mapping[str, Any] = field(default_factory=dict)
    category: str = ""  # of the call: what holds for other categories only is left out
    year: int | None = None  # of the call: a day of each year becomes a day of it

    @classmethod
    def from_json(cls, data: Mapping[str, Json] | None) -> CallValues:
        data = data or {}
        return cls(values=dict(data.get("values", {})), layer=dict(data.get("layer", {})))

    def as_json(self) -> dict[str, Json]:
        values = {k: v.isoformat() if isinstance(v, date) else v for k, v in self.values.items()}
        return {"values": values, "layer": dict(self.layer)}


@dataclass(frozen=True, slots=True)
class BoundPolicy:
    """A rule set with a call's values filled in and its dropped N-rules gone. The engine works on this."""

    policy: Policy
    call: CallValues
    digest: str  # of rule set and call values together: an application stores it with the policy's own
    steps: tuple[Step, ...]
    rules: tuple[Rule, ...]
    vetoes: tuple[Veto, ...]
    checklists: Mapping[str, Checklist]
    forms: Mapping[str, Form]  # without sections and fields that belong to dropped or absent N-rules
    declaration: Declaration
    tables: Mapping[str, TableSpec]
    texts: Mapping[str, TextSpec]
    criteria: tuple[CriteriaRule, ...]
    scores: Mapping[str, ScoreRule]
    other: Mapping[str, Json]  # duty, removal, change, incident: data for later stages
    values: Mapping[str, Json]  # the call's values as given, days as dates
    clauses: Mapping[str, Clause]  # without those dropped; an edited one in the call's wording
    quotas: tuple[Quota, ...] = ()
    orders: tuple[OrderRule, ...] = ()
    changes: tuple[ChangeRule, ...] = ()
    reports: tuple[ReportRule, ...] = ()
    supervision: tuple[SupervisionRule, ...] = ()
    duties: tuple[Duty, ...] = ()

    @property
    def header(self) -> Header:
        return self.policy.header

    def clause(self, clause_id: str) -> Clause | None:
        """The clause as this call has it, or None (dropped by the call, or no clause at all)."""
        return self.clauses.get(clause_id)

    def step(self, key: str) -> Step:
        """Raises KeyError."""
        for item in self.steps:
            if item.key == key:
                return item
        raise KeyError(key)

    def first(self, kind: StepKind) -> Step:
        """The first step of a kind. Raises KeyError."""
        for item in self.steps:
            if item.kind is kind:
                return item
        raise KeyError(kind)


# ---- after listing: what is owed every year -----------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class NotNeeded:
    """Why a duty does not hold for a unit: the fact, and the clause that says so (QHD-12b, JY-19)."""

    on: str  # higher_title | applied
    clause: str


@dataclass(frozen=True, slots=True)
class Duty:
    """A table or paper that somebody owes each year."""

    key: str
    label: Text
    who: str  # listed | aspiring | body | authority
    by: str  # tier of the authority that owes it; "" for units and bodies
    tiers: tuple[str, ...]  # titles of which tiers bring it; the list's own where the table names none
    levels: tuple[str, ...]  # cultivation objects of which levels owe it (JY-19)
    forms: Mapping[str, str]  # category → key of the form
    opens: tuple[int, int] | None  # month and day on which the scheduler opens the year's cycle
    due: tuple[int, int] | None  # month and day, that day included; None: the cycle names its own (QHD-12a)
    review_due: tuple[int, int] | None  # by which the reviewers are done (JY-19)
    review: tuple[str, ...]  # tiers that check it, in this order
    opinion: str  # text | document (HLJ-28)
    opinion_clause: str
    points: tuple[tuple[str, Text], ...]  # what the opinion says something about, one by one
    highest_tier_only: NotNeeded | None
    not_needed: tuple[NotNeeded, ...]
    remind: tuple[int, ...]  # days before (positive) and after (negative) the last day
    answer_days: int  # days to answer a return
    clause: str
    layer: Layer
    unverified: str = ""

    @property
    def is_asked(self) -> bool:
        """Whether whoever opens the cycle has to say the last day."""
        return self.due is None


# ---- ordering and scores --------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit to be ordered: `ref` is the caller's key (an application's reference)."""

    ref: str
    facts: Facts
    score: Decimal | None = None
    badges: tuple[Badge, ...] | None = None  # None: to be found from the facts


@dataclass(frozen=True, slots=True)
class Badge:
    rule: str
    label: Text
    clause: str
    sorts: bool = True


@dataclass(frozen=True, slots=True)
class Ranked:
    ref: str
    position: int  # from 1
    badges: tuple[Badge, ...]
    rank: int = 0  # from 1; the same for units that no key tells apart


@dataclass(frozen=True, slots=True)
class Sheet:
    """One reviewer's locked total."""

    reviewer: str
    total: Decimal
    recommends: bool | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """`passed` is None where the rule set names no pass score."""

    total: Decimal | None
    spread: Decimal
    sheets: int
    passed: bool | None
    findings: tuple[Finding, ...]


# ---- time -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Calendar:
    """Weekdays are worked, weekends not, but for `exceptions` (day → is it worked). `confirmed`: years with a plan."""

    exceptions: Mapping[date, bool] = field(default_factory=dict)
    confirmed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Period:
    """`starts` and `ends` both included; `counted` are the days that make up its length."""

    starts: date
    ends: date
    counted: tuple[date, ...]
    estimated: bool = False  # some year had no confirmed plan: for planning only, marked 预估


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a check needs to be given, so that queries fetch no more."""

    facts: frozenset[str]
    events: frozenset[str]


@dataclass(frozen=True, slots=True)
class EventWindow:
    """What one veto may look at, in words SQL knows: a superset, for `check` also knows the day a unit was founded."""

    kinds: frozenset[str]
    on: date  # nothing later
    since: date | None  # of the event, or of the end where it is the end that counts; None: of any date
    at_least: int = 0  # rank; an event without a grade always passes
    state: str = ""  # "open": only what has not ended; "ended": only what has
    subjects: frozenset[str] = frozenset({"unit"})


@dataclass(frozen=True, slots=True)
class EventFilter:
    """A superset filter for SQL; `check` decides on what it returns. `since` None: of any date."""

    kinds: frozenset[str]
    since: date | None
    windows: tuple[EventWindow, ...] = ()  # one for each veto: an event must lie in one of them

    @property
    def members(self) -> bool:
        """Whether what befell firms inside a park is looked at."""
        return any("members" in window.subjects for window in self.windows)
