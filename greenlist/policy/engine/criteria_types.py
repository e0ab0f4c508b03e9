"""The shapes of a criteria set: frozen values only, as `types` has those of a rule set.

A set is its basic requirements (each must be met) and groups of indicator rows. How a row is measured may depend on a
case (`alternatives`), on the size of the unit (`classes`), and be weighted over several products.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from greenlist.policy.engine.types import Choice, Json, Text, Unit

NO_TEXT = Text()
PREFIX = "c_"  # of the sections a set generates, so that none is called like a section of the form
BASIC = "basic"  # the group of the basic requirements
INPUTS = "inputs"  # the group of the quantities that rows share


class Kind(StrEnum):
    VETO = "veto"  # yes or the unit is out; no points
    MUST = "must"  # 必选: has to be met; its points with it
    OPTIONAL = "optional"  # 可选: its points when met
    FORWARD = "forward"  # the more the better
    REVERSE = "reverse"  # the less the better
    QUALITATIVE = "qualitative"  # levels to choose from, or points by a reviewer's hand
    YESNO = "yesno"
    COUNT = "count"  # how many of a list hold: the more the better


YESNO_KINDS = frozenset({Kind.VETO, Kind.MUST, Kind.OPTIONAL, Kind.YESNO})
MEASURED = frozenset({Kind.FORWARD, Kind.REVERSE, Kind.COUNT})
BINDING = frozenset({Kind.VETO, Kind.MUST})


@dataclass(frozen=True, slots=True)
class Reference:
    """Base (基准值: no points up to it) and lead (引领值, 标杆值: full points from it on). None: not published."""

    base: Decimal | None = None
    lead: Decimal | None = None
    base_unverified: str = ""
    lead_unverified: str = ""

    @property
    def is_whole(self) -> bool:
        return self.base is not None and self.lead is not None


NO_REFERENCE = Reference()


@dataclass(frozen=True, slots=True)
class SizeClass:
    """Other reference values for units of some size; the first class that fits counts, one without `sign` always fits."""

    of: str
    sign: str
    limit: Decimal | None
    reference: Reference
    label: Text = NO_TEXT


@dataclass(frozen=True, slots=True)
class Input:
    """A raw quantity that several rows share, or the column of a product. `calculator`: worked out by one."""

    key: str
    label: Text
    unit: Unit | None = None
    help: Text = NO_TEXT
    min: Decimal | None = None
    max: Decimal | None = None
    decimals: int = 4
    required: bool = True
    calculator: str = ""  # kind of a calculator (factors.KINDS): rows take its results as `key.result`
    factors: tuple[str, ...] = ()  # slugs of the factor tables it counts with
    years: int = 1  # of a calculator: the year evaluated and those before, side by side
    products: int = 0  # of a calculator: up to how many an amount may be put down to
    of_product: str = ""  # of a product's column: what a calculator puts down to it, where nothing is typed
    rows_from: str = ""  # key of the calculator whose rows this one counts again
    national: bool = False  # electricity by the factor of the whole country
    formula: str = ""  # worked out of other inputs and calculators; "" = typed
    formula_text: Text = NO_TEXT


@dataclass(frozen=True, slots=True)
class Products:
    """A measure taken per product and weighted by each product's energy.

    `energy` names what a calculator puts down to each product (`energy_use.tce`): the weight where none is typed.
    """

    most: int
    energy: str = ""
    formula: str = ""  # over `energy` and `columns`; "" = the value is typed
    formula_text: Text = NO_TEXT
    columns: tuple[Input, ...] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """One way to take a row's value. A row without alternatives has one, with an empty key."""

    key: str = ""
    when: Text = NO_TEXT
    unit: Unit | None = None
    points: Decimal | None = None  # None: the row's
    reference: Reference = NO_REFERENCE
    typed: bool = False  # base and lead stand in a norm and are typed beside the value
    formula: str = ""
    formula_text: Text = NO_TEXT
    formula_ref: str = ""
    products: Products | None = None
    classes: tuple[SizeClass, ...] = ()
    min: Decimal | None = None
    max: Decimal | None = None
    decimals: int = 4


@dataclass(frozen=True, slots=True)
class Level:
    """A level of a qualitative row."""

    key: str
    label: Text
    points: Decimal


@dataclass(frozen=True, slots=True)
class Wants:
    """The evidence a row asks for."""

    label: Text
    help: Text
    required: bool
    max_files: int


@dataclass(frozen=True, slots=True)
class Row:
    key: str
    group: str
    no: str
    second: Text  # the second-level indicator that the row belongs to
    label: Text
    kind: Kind
    points: Decimal
    help: Text = NO_TEXT
    rule: Text = NO_TEXT  # how it is scored, in words
    measures: tuple[Measure, ...] = (Measure(),)
    levels: tuple[Level, ...] = ()
    items: tuple[Choice, ...] = ()  # what a count counts
    bonus: bool = False
    may_be_not_applicable: bool = False
    required: bool = True
    evidence: Wants | None = None
    source: Text = NO_TEXT
    unverified: str = ""
    points_unverified: str = ""

    @property
    def path(self) -> str:
        return f"{self.group}.{self.key}"

    @property
    def section(self) -> str:
        return f"{PREFIX}{self.group}"

    @property
    def has_alternatives(self) -> bool:
        return bool(self.measures[0].key)

    def full(self, measure: Measure | None = None) -> Decimal:
        """The most points the row can bring."""
        return self.points if measure is None or measure.points is None else measure.points


@dataclass(frozen=True, slots=True)
class Group:
    key: str
    title: Text
    rows: tuple[Row, ...]
    weight: Decimal | None = None
    intro: Text = NO_TEXT
    unverified: str = ""


@dataclass(frozen=True, slots=True)
class Requirement:
    key: str
    text: Text
    place: str  # where in the standard
    unverified: str = ""
    evidence: Wants | None = None
    help: Text = NO_TEXT


@dataclass(frozen=True, slots=True)
class Criteria:
    slug: str
    category: str
    standard: str
    edition: str
    title: Text
    source: Text
    verified: bool
    unverified: str
    requirements: tuple[Requirement, ...]
    digest: str
    raw: Mapping[str, Json]
    valid_from: date | None = None
    valid_until: date | None = None
    industries: tuple[str, ...] = ()  # GB/T 4754 prefixes; empty = general
    not_applicable: str = "drop"  # drop | full
    hidden: frozenset[str] = frozenset()
    scoring: str = "points"
    total: Decimal = Decimal(100)
    bonus_most: Decimal | None = None
    years: int = 1
    cap: bool = True
    units: Mapping[str, Unit] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    groups: tuple[Group, ...] = ()
    note: str = ""

    @property
    def rows(self) -> tuple[Row, ...]:
        return tuple(row for group in self.groups for row in group.rows)

    @property
    def shows_score(self) -> bool:
        """Whether applicants see their provisional score: it would give away hidden points and reference values."""
        return not self.hidden & {"points", "reference", "score"}

    def row(self, path: str) -> Row:
        """The row at `group.row`. Raises KeyError."""
        for row in self.rows:
            if row.path == path:
                return row
        raise KeyError(path)

    def group(self, key: str) -> Group:
        """Raises KeyError."""
        for group in self.groups:
            if group.key == key:
                return group
        raise KeyError(key)

    def covers(self, industry: str) -> str:
        """The longest of its industry prefixes that fits a GB/T 4754 code; "" = none (or a general set)."""
        return max((code for code in self.industries if industry.startswith(code)), key=len, default="")

    def is_valid_in(self, year: int) -> bool:
        since, until = self.valid_from, self.valid_until
        return (since is None or since.year <= year) and (until is None or year <= until.year)
