"""Cells of the workbooks and tables we hand out: text that no program takes for a formula."""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils import get_column_letter

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that starts so would run on the reader's computer


def safe(text: str) -> str:
    """The text, quoted where a spreadsheet would run it, without signs that no workbook can hold."""
    clean = "".join(sign for sign in text if sign in "\n\t" or ord(sign) >= 32)
    return f"'{clean}" if clean.startswith(FORMULA) else clean


def put(cell: Any, text: str) -> None:
    """Text and nothing else, whatever it looks like."""
    cell.value = safe(text)
    cell.data_type = "s"
    cell.number_format = "@"


def of_lines(
    title: str,
    widths: Sequence[int],
    head: Sequence[str],
    lines: Iterable[Sequence[str]],
    tick: Callable[[int], None] | None = None,
) -> IO[bytes]:
    """A temporary file, at its start; openpyxl writes line by line, so the memory does not grow with the list."""
    book = Workbook(write_only=True)
    add_sheet(book, title, widths, head, lines, tick)
    return written(book)


def add_sheet(
    book: Workbook,
    title: str,
    widths: Sequence[int],
    head: Sequence[str],
    lines: Iterable[Sequence[str]],
    tick: Callable[[int], None] | None = None,
) -> None:
    """A sheet of plain text in a book that is written only; `tick` is told each thousand lines."""
    sheet = book.create_sheet(title[:31])
    for number, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    if head:
        sheet.freeze_panes = "A2"
        sheet.append(list(head))
    for number, line in enumerate(lines, start=1):
        sheet.append([_plain(sheet, text) for text in line])
        if tick is not None and number % 1000 == 0:
            tick(number // 1000)


def written(book: Workbook) -> IO[bytes]:
    out = tempfile.TemporaryFile()  # noqa: SIM115  whoever reads it closes it
    book.save(out)
    out.seek(0)
    return out


def _plain(sheet: Any, text: str) -> Any:
    """A plain text is written as one; only what openpyxl would take for an error gets a cell of its own, which costs time."""
    clean = safe(text)
    if not clean.startswith("#"):
        return clean
    cell = WriteOnlyCell(sheet, value=clean)
    cell.data_type = "s"
    return cell
