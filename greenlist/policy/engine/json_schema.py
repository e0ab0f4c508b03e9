"""A form as JSON Schema (draft 2020-12): what another system fills in, before it sends it.

One definition a section. Files and computed values are not part of the answers; both are described as extensions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from greenlist.policy.engine.types import Field, FieldType, Form, Section, Text

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ELSEWHERE = frozenset({FieldType.FILE, FieldType.COMPUTED})
Say = Callable[[Text], str]


def of_form(form: Form, address: str, say: Say) -> dict[str, Any]:
    """The schema of a whole report's answers, {section: {field: value}}; `say` chooses the language."""
    return {
        "$schema": DIALECT,
        "$id": address,
        "title": say(form.title),
        "type": "object",
        "properties": {section.key: {"$ref": f"#/$defs/{section.key}"} for section in form.sections},
        "required": [section.key for section in form.sections],
        "additionalProperties": False,
        "$defs": {section.key: of_section(section, say) for section in form.sections},
    }


def of_section(section: Section, say: Say) -> dict[str, Any]:
    """A complete section; a change that is sent may carry any part of it."""
    asked = [field for field in section.fields if field.type not in ELSEWHERE]
    found: dict[str, Any] = {
        "title": say(section.title),
        "type": "object",
        "properties": {field.key: of_field(field, say) for field in asked},
        "required": [field.key for field in asked if field.required],
        "additionalProperties": False,
    }
    kinds = {field.key: field.type for field in section.fields}
    if conditions := [_condition(field, kinds) for field in asked if field.required_if]:
        found["allOf"] = conditions
    if together := {key: [f.key for f in asked if key in f.required_with] for f in asked for key in f.required_with}:
        found["dependentRequired"] = together
    if files := [field for field in section.fields if field.type is FieldType.FILE]:
        found["x-files"] = {field.key: _told(field, say) | _limits(field) for field in files}
    if worked_out := [field for field in section.fields if field.type is FieldType.COMPUTED]:
        found["x-computed"] = {field.key: _told(field, say) for field in worked_out}
    return found


def _condition(field: Field, kinds: Mapping[str, FieldType]) -> dict[str, Any]:
    """Required when the sibling has one of the values."""
    sibling, *wanted = field.required_if
    values = [one == "yes" for one in wanted] if kinds.get(sibling) is FieldType.YESNO else wanted
    met = {"properties": {sibling: {"enum": values}}, "required": [sibling]}
    return {"if": met, "then": {"required": [field.key]}}


def of_field(field: Field, say: Say) -> dict[str, Any]:
    return _told(field, say) | _SHAPES[field.type](field, say)


def _told(field: Field, say: Say) -> dict[str, Any]:
    """What it is called, and what it rests on."""
    found: dict[str, Any] = {"title": say(field.label)}
    if help_text := say(field.help):
        found["description"] = help_text
    if field.clause:
        found["x-clause"] = field.clause
    if field.unit:
        found["x-unit"] = say(field.unit.label)
    if field.only_with:
        found["x-only-with"] = field.only_with
    if field.unverified:
        found["x-unverified"] = field.unverified
    return found


def _limits(field: Field) -> dict[str, Any]:
    found: dict[str, Any] = {"x-max-files": field.max_files, "x-required": field.required}
    if field.required_with:
        found["x-required-with"] = list(field.required_with)
    return found


def _text(field: Field, say: Say) -> dict[str, Any]:
    limits = {"minLength": field.min_chars, "maxLength": field.max_chars}
    return {"type": "string"} | {name: limit for name, limit in limits.items() if limit is not None}


def _number(field: Field, say: Say) -> dict[str, Any]:
    """A JSON number, or its decimal digits as text, which lose nothing on the way."""
    bounds = {"minimum": field.min, "maximum": field.max}
    found: dict[str, Any] = {"type": ["number", "string"], "pattern": "^-?[0-9]+(\\.[0-9]+)?$"}
    if field.decimals is not None:
        found["x-decimals"] = field.decimals
    return found | {key: _plain(value) for key, value in bounds.items() if value is not None}


def _plain(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _date(field: Field, say: Say) -> dict[str, Any]:
    return {"type": "string", "format": "date"}


def _choice(field: Field, say: Say) -> dict[str, Any]:
    if not field.choices:  # offered by the factor table that a report is bound to
        return {"type": "string"}
    return {"enum": [choice.key for choice in field.choices], "x-labels": {c.key: say(c.label) for c in field.choices}}


def _yesno(field: Field, say: Say) -> dict[str, Any]:
    return {"type": "boolean"}


def _table(field: Field, say: Say) -> dict[str, Any]:
    columns = [column for column in field.columns if column.type not in ELSEWHERE]
    row = {
        "type": "object",
        "properties": {column.key: of_field(column, say) for column in columns},
        "additionalProperties": False,
    }
    found: dict[str, Any] = {"type": "array", "items": row}
    least, most = (len(field.rows),) * 2 if field.rows else (field.min_rows, field.max_rows)
    found |= {"minItems": least} if least else {}
    found |= {"maxItems": most} if most is not None else {}
    if field.rows:
        found["x-rows"] = [{"key": one.key, "title": say(one.label), "preset": dict(one.preset)} for one in field.rows]
    return found


def _calculator(field: Field, say: Say) -> dict[str, Any]:
    """Rows; the items, units and factors to choose from are those of the named tables, in the report's version."""
    found = _table(field, say) | {"x-calculator": field.calculator, "x-factors": list(field.factors)}
    if field.rows_from:
        found |= {"maxItems": 0, "x-rows-from": field.rows_from}
    return found | {"x-results": [one.key for one in field.results]}


_SHAPES: dict[FieldType, Callable[[Field, Say], dict[str, Any]]] = {
    FieldType.TEXT: _text,
    FieldType.LONGTEXT: _text,
    FieldType.NUMBER: _number,
    FieldType.DATE: _date,
    FieldType.CHOICE: _choice,
    FieldType.YESNO: _yesno,
    FieldType.TABLE: _table,
    FieldType.CALCULATOR: _calculator,
}
