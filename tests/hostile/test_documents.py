"""Documents that want too much are stopped at the limits and told; the next one finds the renderer well (DO-03)."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from greenlist.core import pdf_worker

pytestmark = [
    pytest.mark.case("DO-03"),
    pytest.mark.full,
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
HEAD = "<html lang='zh-CN'><head><title>文件</title>"
GREEDY = {
    "a table without end": HEAD + "<table>" + "<tr><td>长" * 150_000,
    "a text without end": HEAD + "<p>" + "长" * 3_000_000,
    "styles without end": f"{HEAD}<style>{''.join(f'p:nth-child({n}n+1) > b:not(.a{n}) {{ color: red }}' for n in range(60_000))}"
    f"</style>{'<p><b>x</b></p>' * 2000}",
    "tables in tables": HEAD + "<table><tr><td>" * 400,
    "a page of a million pixels": HEAD + "<style>@page { size: 1000000px 1000000px }</style>"
    "<div style='width:1000000px;height:1000000px;background:repeating-linear-gradient(red 0 1px,blue 1px 2px)'>",
    "counters": HEAD
    + "<style>p::before { content: counter(a, decimal) target-counter('#a', page) }</style>"
    + "<p id=a>x" * 60_000,
}


@pytest.fixture(scope="module")
def render() -> Any:
    return pdf_worker.renderer()


@pytest.mark.parametrize("kind", GREEDY)
def test_whoever_wants_too_much_is_stopped(render: Any, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_worker, "SECONDS", 2)
    answer = pdf_worker.in_child(partial(render, GREEDY[kind]))
    assert answer[:1] in (b"L", b"E", b"P"), answer[:200]
    monkeypatch.undo()
    assert pdf_worker.in_child(partial(render, f"{HEAD}<p>后一份")).startswith(b"P%PDF")


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_table_of_five_hundred_rows_and_three_hundred_pages_fit(render: Any) -> None:
    rows = "".join(f"<tr><td>{n}<td>示例制造{n}有限公司<td>秦皇岛市海港区<td>{n * 7}" for n in range(500))
    pages = "<p style='break-after: page'>正文" * 300
    for body in (f"<table>{rows}</table>", pages):
        assert pdf_worker.in_child(partial(render, HEAD + body)).startswith(b"P%PDF")
