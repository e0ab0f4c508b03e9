"""Tables that people send: what a file may smuggle in, and that every mistake is an answer, never an error of ours."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable

import pytest
from openpyxl import Workbook

from greenlist.core import sheets
from greenlist.core.sheets import ImportRefused

LAYOUT = sheets.Layout(
    columns={"name": "名称", "on": "日期"},
    needed=("name",),
    longest={"name": 20},
    readers={"on": sheets.day_of},
)
SHEET = "xl/worksheets/sheet1.xml"


def rows(text: str) -> list[str]:
    return [values["name"] for _sheet, _number, values in sheets.read("a.csv", text.encode(), LAYOUT)]


def test_characters_nobody_sees_do_not_come_in(db: None) -> None:
    """Control characters fail in every workbook that names the firm; marks of direction show another name."""
    assert rows("名称\n甲示例有限公司\n") == ["甲示例有限公司"]
    assert rows("名称\n甲\x01示\u202e例\u200b有限\ufeff公司\n") == ["甲 示 例 有限 公司"]


@pytest.mark.parametrize(
    "day", ["99999999999999999999-1-1", "0-1-1", "2026-13-1", "-", "²-1-1", "9" * 400 + "-1-1", "2026-1-1-1"]
)
def test_a_day_that_is_none_is_a_mistake_of_its_row(day: str, db: None) -> None:
    assert sheets.day_of("2026年3月9日") is not None
    with pytest.raises(ImportRefused) as refused:
        rows(f"名称,日期\n甲,{day}\n")
    assert [one.row for one in refused.value.rows] == [2]


def _book() -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["名称", "日期"])
    sheet.append(["甲", 45000])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def changed(change: Callable[[bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_book())) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == SHEET else old.read(name))
    return out.getvalue()


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "a row far below": lambda body: body.replace(b'<row r="2"', b'<row r="99999999999999999999"'),
    "a row above": lambda body: body.replace(b'<row r="2"', b'<row r="-5"'),
    "a column far away": lambda body: body.replace(b'r="A2"', b'r="ZZZZZZZ2"'),
    "an unknown string": lambda body: re.sub(rb't="\w+"', b't="s"', re.sub(rb"<v>[^<]*</v>", b"<v>999999</v>", body)),
    "no number": lambda body: body.replace(b"<v>45000</v>", b"<v>1e999</v>"),
    "no number at all": lambda body: body.replace(b"<v>45000</v>", b"<v>NaN</v>"),
    "an entity": lambda body: b'<!DOCTYPE a [<!ENTITY b "c">]>' + body,
    "cut off": lambda body: body[: len(body) // 2],
    "nothing": lambda body: b"",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_broken_workbook_is_refused_and_never_an_error(kind: str, db: None) -> None:
    with pytest.raises(ImportRefused):
        sheets.read("a.xlsx", changed(HOSTILE[kind]), LAYOUT)


def test_the_workbook_they_were_made_of_is_fine(db: None) -> None:
    with pytest.raises(ImportRefused) as refused:  # a number is no day: a mistake of its cell, found by the reader
        sheets.read("a.xlsx", changed(lambda body: body), LAYOUT)
    assert [one.column for one in refused.value.rows] == ["日期"]
