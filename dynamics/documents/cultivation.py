"""The library as a workbook."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dynamics.documents.exports import Table
from dynamics.models import CultivationObject
from dynamics.selectors import cultivation as reads
from greenlist.core.actors import Actor
from greenlist.policy import words


def _title() -> str:
    return _("Cultivation library")


def _head() -> list[str]:
    return [
        _("Name"),
        _("Unified social credit code"),
        _("Place"),
        _("List"),
        _("Level of the library"),
        _("State"),
        _("Source"),
        _("Honours that put it forward"),
        _("Working towards grade A"),
        _("Cultivation plan"),
        _("Official in charge"),
    ]


def _rows(actor: Actor, subject: str, given: Mapping[str, str], on: date) -> QuerySet[CultivationObject]:
    return reads.found(actor, given).prefetch_related("tags")


def _lines(rows: Iterable[CultivationObject], actor: Actor, on: date) -> Iterator[list[str]]:
    """One line an object."""
    levels = dict(reads.levels())
    names = {key: words.text(one.label) for key, one in reads.honours(actor.area_path).items()}
    for row in rows:
        yield [
            row.organisation.name,
            row.organisation.code or "",
            row.site.area.full_name,
            str(row.get_category_display()),
            levels.get(row.level, row.level),
            str(row.get_state_display()),
            str(row.get_source_display()),
            "、".join(names.get(tag.key, tag.key) for tag in row.tags.all()),
            _("yes") if row.organisation.striving_grade_a else "",
            row.plan,
            row.responsible,
        ]


TABLE = Table("cultivation-table", _title, (36, 22, 24, 20, 14, 14, 16, 30, 16, 40, 14), _head, _rows, _lines)
