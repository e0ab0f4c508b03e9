"""A criteria set as an Excel workbook, out and in: one sheet a kind of table, every mistake named by sheet, row and column.

What is read becomes the text of a criteria file and goes the way of every criteria file; nothing is stored on a mistake.
A sheet's own word about its size is never believed.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from xml.etree.ElementTree import ParseError  # only the exception; defusedxml does the parsing

from defusedxml.common import DefusedXmlException
from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from greenlist.core.actors import Actor
from greenlist.policy import services
from greenlist.policy.engine.types import Json, PolicyError

MAX_INFLATED, MAX_PARTS, MAX_ROWS, MAX_COLUMNS, MAX_CELL = 30 * 1024 * 1024, 300, 2000, 60, 2000
TWO = ("zh", "en")


def _words(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}.{language}" for name in names for language in TWO)


MEASURE = (
    *("unit", "decimals", "min", "max", "base", "lead", "base_unverified", "lead_unverified", "typed", "formula"),
    *(
        *_words("formula_text"),
        "formula_ref",
        "products.most",
        "products.energy",
        "products.formula",
        *_words("products.formula_text"),
    ),
)
ROW = (
    *("group", "key", "no", *_words("second", "label"), "kind", "points", "points_unverified"),
    *("required", "may_be_not_applicable", "bonus", "no_evidence", *_words("evidence.label"), "evidence.help.zh"),
    *("evidence.required", "evidence.max_files", "help.zh", "rule.zh", "source.zh", "unverified", *MEASURE),
)
INPUT = (
    *("key", *_words("label"), "unit", "min", "max", "decimals", "help.zh", "required", "calculator", "factors"),
    *("years", "products", "rows_from", "national", "formula", *_words("formula_text")),
)
COLUMN = ("key", *_words("label"), "unit", "min", "max", "decimals", "help.zh", "required", "of_product")
SHEETS: Mapping[str, tuple[str, ...]] = {
    "criteria": ("key", "value"),
    "requirement": ("key", *_words("text"), "place", "help.zh", "unverified"),
    "unit": ("key", *_words("label"), "base", "factor"),
    "input": INPUT,
    "group": ("key", *_words("title", "intro"), "weight", "unverified"),
    "row": ROW,
    "alternatives": ("group", "row", "key", *_words("when"), "points", *MEASURE),
    "classes": (
        *("group", "row", "alternative", "sign", "limit", "of", "base", "lead", "base_unverified", "lead_unverified"),
        *_words("label"),
    ),
    "options": ("group", "row", "key", *_words("label"), "points"),
    "of": ("group", "row", "key", *_words("label")),
    "columns": ("group", "row", "alternative", *COLUMN),
}
HEAD = (
    *("slug", "category", "standard", "edition", *_words("title", "source"), "verified", "unverified", "valid_from"),
    *("valid_until", "industries", "scoring", "total", "not_applicable", "hidden", "years", "cap", "bonus_most"),
    "defaults",
)
WHOLE = frozenset({"decimals", "years", "products", "products.most", "evidence.max_files"})
FLAGS = frozenset(
    {
        "verified",
        "cap",
        "required",
        "may_be_not_applicable",
        "bonus",
        "typed",
        "no_evidence",
        "evidence.required",
        "national",
    }
)
LISTS = frozenset({"industries", "hidden", "defaults", "factors"})
OWNERS = frozenset({"group", "row", "alternative", "no_evidence"})
YES, NO = frozenset({"yes", "true", "1", "是"}), frozenset({"no", "false", "0", "否"})
Place = tuple[str, int, str]  # sheet, row, column; "" = the whole row


# ---- out ------------------------------------------------------------------------------------------------------------
def workbook(raw: Mapping[str, Json] | None = None) -> bytes:
    """A set as a workbook; without one an empty template with the headings."""
    book = Workbook(write_only=True)
    for name, columns in SHEETS.items():
        sheet = book.create_sheet(name)
        heads = [WriteOnlyCell(sheet, value=column) for column in columns]
        for cell in heads:
            cell.font = Font(bold=True)
        sheet.append(heads)
        for cells in _lines(name, columns, raw or {}):
            sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _lines(name: str, columns: Sequence[str], raw: Mapping[str, Json]) -> Iterator[list[str]]:
    if name == "criteria":
        yield from ([key, _told(_at(raw.get("criteria", {}), key))] for key in HEAD)
        return
    for owners, table in _tables(name, raw):
        known = {**owners, "no_evidence": "yes" if table.get("evidence") is False else ""}
        if name == "classes" and "if" in table:
            known |= {"sign": str(table["if"][0]), "limit": str(table["if"][1])}
        yield [known.get(column) or _told(_at(table, column)) for column in columns]


def _tables(name: str, raw: Mapping[str, Json]) -> Iterator[tuple[dict[str, str], Mapping[str, Json]]]:
    """Every table that has a line on a sheet, with the keys of what it belongs to."""
    if name == "unit":
        yield from (({"key": key}, table) for key, table in raw.get("unit", {}).items())
    elif name in ("requirement", "input", "group"):
        yield from (({}, table) for table in raw.get(name, ()))
    for group in raw.get("group", ()):
        for row in group.get("row", ()):
            owner = {"group": group["key"], "row": row["key"]}
            if name == "row":
                yield {"group": group["key"]}, row
            if name in ("alternatives", "options", "of"):
                yield from ((owner, table) for table in row.get(name, ()))
            if name in ("classes", "columns"):
                for measure, key in ((row, ""), *((one, one["key"]) for one in row.get("alternatives", ()))):
                    found = measure.get("classes", ()) if name == "classes" else _columns(measure)
                    yield from (({**owner, "alternative": key}, table) for table in found)


def _columns(measure: Mapping[str, Json]) -> Sequence[Mapping[str, Json]]:
    products = measure.get("products")
    return products.get("columns", ()) if isinstance(products, dict) else ()


def _at(table: Mapping[str, Json], column: str) -> Json:
    value: Json = table
    for part in column.split("."):
        if part == "most" and isinstance(value, int):
            return value
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _told(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return "" if value is None or isinstance(value, dict) else str(value)


# ---- in -------------------------------------------------------------------------------------------------------------
def store(*, name: str, content: bytes, actor: Actor, at: datetime) -> services.Loaded:
    """A new version of a criteria set from a workbook. Raises BrokenFiles with sheet, row and column; NotAllowed."""
    reader = _Reader(name)
    reader.read(content)
    if reader.errors:
        raise services.BrokenFiles(reader.errors)
    try:
        return services.store_criteria(name=name, content=reader.text().encode(), actor=actor, at=at)
    except services.BrokenFiles as wrong:
        raise services.BrokenFiles([reader.placed(error) for error in wrong.errors]) from wrong


class _Reader:
    """Lines → tables, remembering where each key was written."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.raw: dict[str, Any] = {"criteria": {}}
        self.places: dict[str, Place] = {}  # path of a key, as the loader calls it → where it stands
        self.errors: list[PolicyError] = []

    def wrong(self, place: Place, template: str, /, **params: Any) -> None:
        self.errors.append(self._error(place, template, params))

    def _error(self, place: Place, template: str, params: Mapping[str, Any]) -> PolicyError:
        sheet, row, column = place
        return PolicyError(f"{self.name} · {sheet}", f"{row} · {column}" if column else str(row), template, params)

    def placed(self, error: PolicyError) -> PolicyError:
        """A mistake the loader found, at the cell it stands in; of what is missing, at its line."""
        parts = error.key.split(".")
        for length in range(len(parts), 0, -1):
            place = self.places.get(".".join(parts[:length]))
            if place:
                column = place[2] or ".".join(parts[length:])
                return self._error((place[0], place[1], column), error.template, error.params)
        return PolicyError(self.name, error.key, error.template, error.params)

    def read(self, content: bytes) -> None:
        for sheet, lines in _sheets(content, self):
            columns = SHEETS.get(sheet)
            if columns is None:
                self.wrong((sheet, 1, ""), "there is no such sheet; there are %(options)s", options=", ".join(SHEETS))
                continue
            heads: list[str] = []
            for number, cells in lines:
                texts = [_text(cell) for cell in cells]
                if not heads:
                    heads = texts
                    for head in heads:
                        if head and head not in columns:
                            self.wrong((sheet, number, head), "there is no such column")
                elif any(texts):
                    self.line(sheet, number, {head: text for head, text in zip(heads, texts, strict=False) if head})

    def line(self, sheet: str, number: int, cells: Mapping[str, str]) -> None:
        if sheet == "criteria":
            key = cells.get("key", "")
            if key not in HEAD:
                self.wrong((sheet, number, "key"), "there is no such column")
                return
            self.put(self.raw["criteria"], key, cells.get("value", ""), f"criteria.{key}", (sheet, number, "value"))
            return
        home = self.home(sheet, number, cells)
        if home is None:
            return
        table, path = home
        self.places[path] = (sheet, number, "")
        for column, text in cells.items():
            if column not in OWNERS and column not in ("sign", "limit") and not (sheet == "unit" and column == "key"):
                self.put(table, column, text, f"{path}.{column}", (sheet, number, column))
        if cells.get("no_evidence", "").lower() in YES:
            table["evidence"] = False
        if cells.get("sign"):
            table["if"] = [cells["sign"], cells.get("limit", "")]
            self.places[f"{path}.if"] = (sheet, number, "sign")

    def home(self, sheet: str, number: int, cells: Mapping[str, str]) -> tuple[dict[str, Any], str] | None:
        """The new table of a line, hung where it belongs, and its path."""
        key = cells.get("key", "")
        if sheet == "unit":
            return self.raw.setdefault("unit", {}).setdefault(key, {}), f"unit.{key}"
        owner, path = self.owner(sheet, cells)
        if owner is None:
            self.wrong((sheet, number, path), "belongs to nothing that stands on an earlier sheet")
            return None
        table: dict[str, Any] = {}
        if sheet == "columns":
            if not isinstance(owner.get("products"), dict):
                self.wrong((sheet, number, "row"), "belongs to nothing that stands on an earlier sheet")
                return None
            owner, path = owner["products"], f"{path}.products"
        siblings = owner.setdefault(sheet, [])
        siblings.append(table)
        return table, f"{path}.{sheet}.{key or len(siblings)}".lstrip(".")

    def owner(self, sheet: str, cells: Mapping[str, str]) -> tuple[dict[str, Any] | None, str]:
        """What a line hangs on; None with the name of the column that names nothing."""
        if sheet in ("requirement", "input", "group"):
            return self.raw, ""
        group = _keyed(self.raw.get("group", ()), cells.get("group", ""))
        if group is None:
            return None, "group"
        path = f"group.{group['key']}"
        if sheet == "row":
            return group, path
        row = _keyed(group.get("row", ()), cells.get("row", ""))
        if row is None:
            return None, "row"
        path += f".row.{row['key']}"
        if not cells.get("alternative"):
            return row, path
        measure = _keyed(row.get("alternatives", ()), cells["alternative"])
        return (measure, f"{path}.alternatives.{cells['alternative']}") if measure else (None, "alternative")

    def put(self, table: dict[str, Any], column: str, text: str, path: str, place: Place) -> None:
        if text == "":
            return
        *above, last = column.split(".")
        for part in above:
            table = table.setdefault(part, {})
        table[last] = self.value(column, text, place)
        self.places[path] = place

    def value(self, column: str, text: str, place: Place) -> Any:
        if column in LISTS:
            return [part.strip() for part in text.replace("，", ",").replace("、", ",").split(",") if part.strip()]
        if column in FLAGS:
            if text.lower() not in YES | NO:
                self.wrong(place, "must be yes or no")
            return text.lower() in YES
        if column in WHOLE:
            if text.isdecimal():
                return int(text)
            self.wrong(place, "must be a number")
        return text

    def text(self) -> str:
        """The criteria file that says the same."""
        parts = ["[criteria]", *_pairs(self.raw["criteria"])]
        for key, unit in self.raw.get("unit", {}).items():
            parts += [f"\n[unit.{json.dumps(key)}]", *_pairs(unit)]
        for name in ("requirement", "input"):
            for table in self.raw.get(name, ()):
                parts += [f"\n[[{name}]]", *_pairs(table)]
        for group in self.raw.get("group", ()):
            parts += ["\n[[group]]", *_pairs({key: value for key, value in group.items() if key != "row"})]
            for row in group.get("row", ()):
                parts += ["\n[[group.row]]", *_pairs(row)]
        return "\n".join(parts) + "\n"


def _keyed(tables: Iterable[dict[str, Any]], key: str) -> dict[str, Any] | None:
    return next((table for table in tables if table.get("key") == key), None)


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_written(value)}" for key, value in table.items()]


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_written(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_written(inner) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime | date):
        return (cell.date() if isinstance(cell, datetime) else cell).isoformat()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    return "" if cell is None else str(cell).strip()


def _sheets(content: bytes, reader: _Reader) -> Iterator[tuple[str, Iterable[tuple[int, Sequence[Any]]]]]:
    """The sheets in the order of `SHEETS`, so that what others belong to is read first."""
    try:
        parts = zipfile.ZipFile(io.BytesIO(content)).infolist()
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_INFLATED:
            reader.wrong(("-", 0, ""), "the file is too large when unpacked")
            return
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        order = list(SHEETS)
        sheets = sorted(book.worksheets, key=lambda one: order.index(one.title) if one.title in order else len(order))
        for sheet in sheets:
            sheet.reset_dimensions()  # otherwise rows beyond the declared size are left out in silence
            yield sheet.title, list(_bounded(sheet.title, sheet.iter_rows(values_only=True), reader))
        book.close()
    except (zipfile.BadZipFile, KeyError, ValueError, ParseError, DefusedXmlException, OSError):
        reader.wrong(("-", 0, ""), "the file cannot be read as XLSX")


def _bounded(sheet: str, rows: Iterable[Sequence[Any]], reader: _Reader) -> Iterator[tuple[int, Sequence[Any]]]:
    for number, cells in enumerate(rows, start=1):
        if number > MAX_ROWS or len(cells) > MAX_COLUMNS:
            reader.wrong((sheet, number, ""), "the sheet has too many rows or columns")
            return
        if any(isinstance(cell, str) and len(cell) > MAX_CELL for cell in cells):
            reader.wrong((sheet, number, ""), "a cell is too long")
            return
        yield number, cells
