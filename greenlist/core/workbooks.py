"""Cells of the workbooks and tables we hand out: text that no program takes for a formula."""

from typing import Any

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
