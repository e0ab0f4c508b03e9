"""Changes as a workbook: what is bundled upward with the yearly recommendation (JY-21, HLJ-31)."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dynamics.documents.exports import Table
from dynamics.models import Change
from dynamics.selectors import changes as reads
from greenlist.core.actors import Actor


def _title() -> str:
    return _("Changes")


def _head() -> list[str]:
    heads = (_("Unit"), _("Credit code"), _("List"), _("What"), _("Before"), _("From now on"))
    return [*heads, _("Day of the formalities"), _("Opinion"), _("Verified by"), _("State")]


def _rows(actor: Actor, subject: str, given: Mapping[str, str], on: date) -> QuerySet[Change]:
    return reads.found(actor, given.get("state", ""))


def _lines(rows: Iterable[Change], actor: Actor, on: date) -> Iterator[list[str]]:
    """One line for each thing that changed."""
    for row in rows:
        place = row.listing
        for what, before, after in row.lines:
            yield [
                *(place.name, place.code, place.listbook.title, what, before, after),
                *(row.happened_on.isoformat(), row.opinion, row.verifier.name, str(row.get_state_display())),
            ]


WIDTHS = (36, 22, 30, 16, 36, 36, 14, 40, 30, 14)
TABLE = Table("changes-table", _title, WIDTHS, _head, _rows, _lines)
