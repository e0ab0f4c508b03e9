"""Calendar files that every program opens: RFC 5545, octet by octet."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from greenlist.core import ics

AT = datetime.fromisoformat("2026-06-01T07:30:05+08:00")
EVENT = ics.Event(
    uid="deadline:4:send:7@example.gov.cn",
    day=date(2026, 12, 31),
    title="截止：2026 年度绿色工厂；县（区）推荐, 汇总\\上报",
    text="第一行\r\n第二行\x07",
    url="https://example.gov.cn/desk/",
)


def unfolded(content: bytes) -> list[str]:
    return content.replace(b"\r\n ", b"").decode().split("\r\n")


def test_the_whole_file() -> None:
    assert unfolded(ics.calendar("截止日期", [EVENT], at=AT)) == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//greenlist//deadlines//ZH",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "X-WR-CALNAME:截止日期",
        "NAME:截止日期",
        "REFRESH-INTERVAL;VALUE=DURATION:PT6H",
        "X-PUBLISHED-TTL:PT6H",
        "BEGIN:VEVENT",
        "UID:deadline:4:send:7@example.gov.cn",
        "DTSTAMP:20260531T233005Z",  # UTC
        "DTSTART;VALUE=DATE:20261231",
        "DTEND;VALUE=DATE:20270101",  # not in the event any more
        "SUMMARY:截止：2026 年度绿色工厂；县（区）推荐\\, 汇总\\\\上报",
        "DESCRIPTION:第一行\\n第二行",
        "URL:https://example.gov.cn/desk/",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]


@pytest.mark.parametrize("text", ["绿" * 200, "a" * 75, "a" * 76, "é绿a" * 60, "🏭" * 60, ""])
def test_lines_are_75_octets_and_no_character_is_cut(text: str) -> None:
    lines = ics.folded(text).split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert all(line.startswith(b" ") for line in lines[1:])
    for line in lines:
        line.decode()
    assert (lines[0] + b"".join(line[1:] for line in lines[1:])).decode() == text


def test_every_line_ends_with_both_and_nothing_stands_alone() -> None:
    content = ics.calendar("x\ny", [EVENT] * 3, at=AT)
    assert content.endswith(b"END:VCALENDAR\r\n")
    assert content.count(b"\n") == content.count(b"\r") == content.count(b"\r\n")


def test_text_cannot_begin_a_line_of_its_own() -> None:
    """A title of somebody else's making stays a title."""
    wicked = ics.Event(
        uid="u", day=date(2026, 1, 1), title="x\r\nEND:VEVENT\nATTACH:http://evil.example/", url="http://a\r\nX:1"
    )
    lines = unfolded(ics.calendar("n", [wicked], at=AT))
    assert "SUMMARY:x\\nEND:VEVENT\\nATTACH:http://evil.example/" in lines
    assert "URL:http://aX:1" in lines
    assert lines.count("END:VEVENT") == 1
    assert ics.escaped("a;b\rc") == "a\\;b\\nc"
