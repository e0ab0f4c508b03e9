"""The inspections of a plan as a workbook, in the order in which they were drawn."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dynamics.documents.exports import Table
from dynamics.models import Inspection
from dynamics.selectors import inspections as reads
from greenlist.core.actors import Actor


def _title() -> str:
    return _("Inspections")


def _head() -> list[str]:
    heads = (_("Unit"), _("List"), _("Kind of the visit"), _("State"), _("Planned for"), _("Visited"))
    return [*heads, _("Who came"), _("Result"), _("Findings")]


def _rows(actor: Actor, subject: str, given: Mapping[str, str], on: date) -> QuerySet[Inspection]:
    return reads.of_plan(actor, reads.plan(actor, subject))


def _day(value: date | None) -> str:
    return value.isoformat() if value else ""


def _lines(rows: Iterable[Inspection], actor: Actor, on: date) -> Iterator[list[str]]:
    for row in rows:
        yield [
            row.listing.name,
            row.listing.listbook.title,
            str(row.get_kind_display()),
            str(row.get_state_display()),
            _day(row.planned_on),
            _day(row.visited_on),
            row.persons,
            str(row.get_result_display()),
            row.findings,
        ]


TABLE = Table("inspections-table", _title, (36, 30, 16, 14, 14, 14, 24, 16, 60), _head, _rows, _lines)
