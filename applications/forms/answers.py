"""Answers of one section as another system sends them: the JSON types of its fields, nothing else. What the values mean the
engine says, as for pages.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from greenlist.core.errors import Invalid
from greenlist.policy.engine.types import Field, FieldType, Section

MOST_ROWS = 50  # of a table whose rule sets none


class Unfit(Exception):
    """One value is of another type, or longer than any page could send it."""


def read(section: Section, sent: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent in the form in which drafts are kept. Raises Invalid with every value of a wrong type.

    A field that the section does not have is left in: the service refuses it.
    """
    known = {spec.key: spec for spec in section.fields if spec.is_answered}
    answers: dict[str, Any] = {}
    problems: dict[str, list[Any]] = {}
    for key, value in sent.items():
        spec = known.get(key)
        try:
            answers[key] = value if spec is None else _table(spec, value) if spec.columns else _value(spec, value)
        except Unfit as unfit:
            problems[key] = [str(unfit)]
    if problems:
        raise Invalid(_("Please correct what is named."), problems=problems)
    return answers


def _value(spec: Field, value: Any) -> Any:
    if value is None:
        return ""
    if spec.type is FieldType.YESNO:
        if isinstance(value, bool):
            return value
        raise Unfit(_("true or false is expected."))
    if spec.type is FieldType.NUMBER and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        return value.replace("\r\n", "\n").strip()
    raise Unfit(_("A text is expected, or a number where the form has one."))


def _table(spec: Field, value: Any) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
        raise Unfit(_("A list of objects is expected, one for each row."))
    most = len(spec.rows) or spec.max_rows or MOST_ROWS
    if len(value) > most:
        raise Unfit(_("At most %(most)s rows can be sent.") % {"most": most})
    columns = {column.key: column for column in spec.columns if column.is_answered}
    return [_row(columns, row) for row in value]


def _row(columns: Mapping[str, Field], row: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := sorted(set(row) - set(columns)):
        raise Unfit(_("The table has no such column: %(names)s.") % {"names": ", ".join(unknown)[:200]})
    cells = {key: _value(columns[key], value) for key, value in row.items()}
    return {key: value for key, value in cells.items() if value != ""}
