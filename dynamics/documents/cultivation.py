"""The library as a workbook."""

import io
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from dynamics.models import CultivationObject
from dynamics.selectors import cultivation as reads
from greenlist.core import workbooks
from greenlist.core.actors import Actor
from greenlist.core.errors import Refused
from greenlist.policy import words

WIDTHS = (36, 22, 24, 20, 14, 14, 16, 30, 16, 40, 14)


def head() -> list[str]:
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


def lines(rows: Iterable[CultivationObject], names: Mapping[str, str]) -> Iterable[list[str]]:
    """One line an object; expects organisation, site.area and tags loaded."""
    levels = dict(reads.levels())
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


def export(actor: Actor, given: Mapping[str, Any]) -> bytes:
    """What the filters find. Raises Refused where they find more than a workbook holds."""
    rows = reads.found(actor, given)
    if rows.order_by()[: reads.COUNTED + 1].count() > reads.COUNTED:
        text = _("More than %(most)s objects are found: please filter them first.") % {"most": reads.COUNTED}
        raise Refused(text, code="too_many")
    names = {key: words.text(one.label) for key, one in reads.honours(actor.area_path).items()}
    return workbook(_("Cultivation library"), head(), lines(rows.prefetch_related("tags"), names))


def workbook(title: str, heading: list[str], rows: Iterable[list[str]]) -> bytes:
    """One sheet of plain text."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    for width, letter in zip(WIDTHS, "ABCDEFGHIJK", strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A2"
    sheet.append(heading)
    for line in rows:
        sheet.append([_cell(sheet, text) for text in line])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet)
    workbooks.put(cell, text)
    return cell
