"""Lists of thousands of rows: cut into parts that nobody sees on paper (G17)."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from pypdf import PdfReader

from greenlist.core import documents, long_tables
from greenlist.core.binding import Part
from tests.tools import papers

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty rows are many."""
    monkeypatch.setattr(long_tables, "WHOLE", 60)
    monkeypatch.setattr(long_tables, "ROWS", 40)


def pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def positions(text: str) -> list[int]:
    return [int(found) for found in re.findall(r"示例第(\d{4})", text)]


def whole(html: str) -> bytes:
    return documents._child.render(html)


def in_parts(html: str) -> tuple[bytes, list[tuple[int, int]]]:
    document, told = long_tables.long(html), []
    assert document is not None
    body = long_tables.render(document, documents._part, lambda done, total: told.append((done, total)))
    return body, told


def test_a_list_in_parts_is_the_list_in_one_page_by_page(small: None) -> None:
    """The same rows on the same pages, each page with its heading and its number; no joint is seen."""
    html = papers.ours(130)
    body, told = in_parts(html)
    assert told[0][0] == 0
    assert told[-1] == (told[-1][1] - 1, told[-1][1])
    expected = pages(whole(html))
    found = pages(body)
    assert [positions(text) for text in found] == [positions(text) for text in expected]
    assert positions("\n".join(found)) == list(range(1, 131))
    count = len(found)
    for number, text in enumerate(found, 1):
        assert f"第{number}页/共{count}页" in re.sub(r"\s", "", text)
        assert number == 1 or "统一社会信用代码" in text
    reader = PdfReader(io.BytesIO(body))
    assert reader.metadata is not None
    assert reader.metadata.title == "关于公布2026年度市级绿色工厂名单的通知"
    assert reader.root_object["/Lang"] == "zh-CN"


def test_a_short_list_is_laid_out_whole() -> None:
    assert long_tables.long(papers.ours(long_tables.WHOLE - 1)) is None
    assert long_tables.long(papers.ours(long_tables.WHOLE + 1)) is not None


def test_sections_begin_on_a_page_of_their_own_and_drafts_say_so_on_each(
    small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = "<table><tbody><tr><td>1</td></tr><tr><td>2</td></tr></tbody></table>"
    units = "".join(f"<section><h2>示例第{number:04d}</h2>{table}</section>" for number in range(45))
    html = (
        '<html lang="zh-CN"><head><title>甲 &amp; 乙</title></head><body class="form"><div class="watermark">草稿</div>'
        f"{units}<p>末尾</p></body></html>"
    )
    document = long_tables.long(html)
    assert document is not None
    assert (document.kind, len(document.blocks), document.title) == ("section", 45, "甲 & 乙")
    given: list[tuple[str, bool]] = []

    def render(part: str, carry: bool) -> tuple[bytes, int]:
        given.append((part, carry))
        return documents._part(part, carry)

    found = pages(long_tables.render(document, render, lambda _done, _total: None))
    assert positions("\n".join(found)) == list(range(45))
    parts = [part for part, _carry in given[:-1]]
    assert len(parts) == 3
    assert all("草稿" in part for part in parts)
    assert [("末尾" in part) for part in parts] == [False, False, True]
    assert not any(carry for _part, carry in given)


def test_what_people_write_does_not_cut_a_document(small: None) -> None:
    """Their text is escaped; a bracket in it is no row."""
    html = papers.ours(70).replace("示例第0001", "&lt;/tr&gt;&lt;tr&gt;示例第0001")
    document = long_tables.long(html)
    assert document is not None
    assert len(document.blocks) == 70


def test_the_pages_laid_over_must_be_as_many(small: None) -> None:
    document = long_tables.long(papers.ours(70))
    assert document is not None
    with long_tables.bundle() as folder:
        one, three = (folder.add(whole(document.numbers(count))) for count in (1, 3))
        with pytest.raises(documents.PdfFailed):
            folder.join([Part(one, 1)], title="x", over=three)


def test_a_maker_hears_how_far_a_long_list_is(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(documents, "render_to_string", lambda _name, _context: papers.ours(100))
    body = documents.render_pdf("x", {}, tick=lambda done, total: told.append((done, total)))
    assert told[:2] == [(0, 4), (1, 4)]
    assert len(pages(body)) > 5


def test_the_templates_of_lists_can_be_cut(small: None, settings: Any) -> None:
    """Each prints its units in one table body, or each in a section of its own."""
    for name in (
        "registry/print_announcement.html",
        "registry/print_notice.html",
        "applications/print_batch_summary.html",
        "reviews/documents/list.html",
        "reviews/documents/table.html",
        "reviews/documents/opinion.html",
        "reviews/documents/sheet.html",
    ):
        source = (settings.ROOT / "templates" / name).read_text(encoding="utf-8")
        assert re.search(r"<tbody>\{% for [^%]+ %\}<tr>", source), name
    check = (settings.ROOT / "templates" / "applications/print_batch_check.html").read_text(encoding="utf-8")
    assert re.search(r"\{% for [^%]+ %\}<section>", check)
