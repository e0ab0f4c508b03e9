"""What long documents cost in the renderer: `./dev bench --documents`. Beside them WeasyPrint alone with the same rows (G17).

Each document is made in a forked child with the limits of the real one, which tells its own processor time and peak memory. They
take turns, so that whatever else the machine does meets all; the least disturbed round counts. Ours: template, style sheet,
tagged for readers (PDF/UA). WeasyPrint alone: the same page, by nothing but `HTML(…).write_pdf()`, untagged. The least style: the
same rows in a table with fixed layout and a border, nothing of our style sheet; it tells what our style costs.
"""

from __future__ import annotations

import html
import json
import logging
import os
import resource
import struct
import time
from collections.abc import Callable
from datetime import date
from types import SimpleNamespace

HEAD = ["document", "rows", "CPU s", "wall s", "peak MiB", "KiB", "against alone", ""]
ROWS, LONG = 1000, 3000
IN_PARTS = (4000, 10_000)  # rows of lists that are cut (core.long_tables)
RATIO = 1.2  # goal G17
ABOUT = "Peak: of the child that made the document; it shares what the renderer at rest holds (fonts, WeasyPrint)."
WARM_ROWS = 20
PLAIN = (
    "@page { size: A4; margin: 34mm 26mm 32mm 28mm } html { font-family: 'Noto Serif SC'; font-size: 12pt }"
    "table { table-layout: fixed; width: 100%; border-collapse: separate; border-spacing: 0 }"
    "th, td { border: 0.75pt solid #000; padding: 4pt }"
)


def units(count: int) -> list[dict[str, str | int]]:
    """Rows as an announcement freezes them."""
    return [
        {
            "position": number,
            "name": f"示例第{number:04d}精密制造有限公司",
            "code": f"9113030{number:011d}",
            "area": "河北省秦皇岛市海港区",
        }
        for number in range(1, count + 1)
    ]


def ours(count: int) -> str:
    """The announcement of a list as the registry prints it."""
    from django.template.loader import render_to_string

    from greenlist.core.documents import qr_data, styles

    owner = SimpleNamespace(name="示例市工业和信息化局")
    announcement = SimpleNamespace(
        title="关于公布2026年度市级绿色工厂名单的通知",
        number="示工信〔2026〕9号",
        text="现予公布。",
        listbook=SimpleNamespace(owner=owner, title="绿色工厂名单"),
        issued_on=date(2026, 6, 16),
        ordinal=1,
        supplement_of=None,
    )
    version = SimpleNamespace(number=1, frozen={"units": units(count), "changes": []}, digest="0" * 64)
    link = "https://green.example.gov.cn/p/130300/"
    context = {"announcement": announcement, "version": version, "link": link, "qr": qr_data(link), "styles": styles()}
    return render_to_string("registry/print_announcement.html", context)


def least(count: int) -> str:
    """The same rows and columns with the least style."""
    cells = "".join(
        f"<tr>{''.join(f'<td>{html.escape(str(cell))}</td>' for cell in unit.values())}</tr>" for unit in units(count)
    )
    head = "<thead><tr><th>序号</th><th>单位名称</th><th>统一社会信用代码</th><th>所在县（市、区）</th></tr></thead>"
    return f"<html lang=zh-CN><title>名单</title><style>{PLAIN}</style><table>{head}<tbody>{cells}</tbody></table>"


def told(make: Callable[[], bytes]) -> Callable[[], bytes]:
    """Makes the document and says what it took instead of handing it over."""

    def work() -> bytes:
        body = make()
        used = resource.getrusage(resource.RUSAGE_SELF)
        said = {"cpu": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss / 1024, "size": len(body) / 1024}
        return json.dumps(said).encode()

    return work


def once(make: Callable[[], bytes]) -> dict[str, float] | None:
    """One document in a child; None when a limit ended it, as it may on a busy machine. Raises SystemExit on a failure."""
    from greenlist.core import pdf_worker

    started = time.perf_counter()
    answer = pdf_worker.in_child(told(make))
    if answer == b"L":
        return None
    if answer[:1] != b"P":
        raise SystemExit(f"a document of the bench was not made: {answer[:200]!r}")
    said: dict[str, float] = json.loads(answer[1:])
    return said | {"wall": time.perf_counter() - started}


def in_parts(render: Callable[..., bytes], count: int) -> dict[str, float]:
    """A list that is cut: time of all its parts and of joining them; the peak is the largest of one child."""
    from greenlist.core import long_tables, pdf_worker

    document = long_tables.long(ours(count))
    assert document is not None
    before, peaks = resource.getrusage(resource.RUSAGE_CHILDREN), [0.0]

    def part(page: str, carry: bool) -> tuple[bytes, int]:
        bodies: list[bytes] = []

        def work() -> bytes:
            said = told(lambda: _kept(bodies, render(page, carry)))()
            return struct.pack(">I", len(said)) + said + bodies[0]

        answer = pdf_worker.in_child(work)
        if answer[:1] != b"P":
            raise SystemExit(f"a part of the bench was not made: {answer[:200]!r}")
        end = 5 + struct.unpack(">I", answer[1:5])[0]
        said = json.loads(answer[5:end])
        peaks.append(said["peak"])
        body = answer[end:]
        return (body[4:], struct.unpack(">I", body[:4])[0]) if carry else (body, 0)

    started = time.perf_counter()
    joined = long_tables.render(document, part, lambda _done, _total: None)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime  # of the joining too
    return {"cpu": cpu, "wall": wall, "peak": max(*peaks, after.ru_maxrss / 1024), "size": len(joined) / 1024}


def _kept(bodies: list[bytes], body: bytes) -> bytes:
    bodies.append(body)
    return body


def measure(rounds: int) -> list[list[str]]:
    """The table of the section; the pair first, then a long one and the renderer at rest."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "greenlist.settings.test")
    import django

    django.setup()
    from weasyprint import CSS, HTML
    from weasyprint.text.fonts import FontConfiguration

    from greenlist.core import pdf_worker

    for name in ("weasyprint", "weasyprint.progress", "fontTools"):
        logging.getLogger(name).setLevel(logging.ERROR)
    render = pdf_worker.renderer()
    fonts = FontConfiguration()
    named = {"Noto Serif SC": "serif", "Noto Sans SC": "sans"}
    files = {family: pdf_worker.assets()[name].as_uri() for family, name in named.items()}
    rules = "".join(f'@font-face {{ font-family: "{name}"; src: url("{file}") }}' for name, file in files.items())
    face = CSS(string=rules, font_config=fonts)

    def by_itself(page: str) -> bytes:
        body: bytes = HTML(string=page).write_pdf(stylesheets=[face], font_config=fonts)
        return body

    by_itself(least(WARM_ROWS))
    page, plain = ours(ROWS), least(ROWS)
    makers: dict[str, Callable[[], bytes]] = {
        "announcement of a list": lambda: render(page),
        "the same page, WeasyPrint alone": lambda: by_itself(page),
        "the same rows, the least style": lambda: by_itself(plain),
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in makers}
    for _round in range(rounds):
        for name, make in makers.items():
            found[name] += filter(None, [once(make)])
    if not all(found.values()):
        raise SystemExit("the limits ended every try: the machine is too busy to tell anything")
    best = {name: min(said, key=lambda one: one["cpu"]) for name, said in found.items()}
    base = best["the same page, WeasyPrint alone"]["cpu"]
    ratio = best["announcement of a list"]["cpu"] / base
    verdicts = {"announcement of a list": "✓" if ratio <= RATIO else "missed"}
    table = [
        _row(name, ROWS, said, f"{said['cpu'] / base:.2f}", verdicts.get(name, "✓")) for name, said in best.items()
    ]
    long = once(lambda: render(ours(LONG)))
    name = "announcement of a list"
    table.append(_row(name, LONG, long, "", "✓") if long else [name, str(LONG), *[""] * 5, "stopped by the limit"])
    table += [_row("the same in parts", count, in_parts(render, count), "", "✓") for count in IN_PARTS]
    rest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table.append(["the renderer at rest", "", "", "", f"{rest:.0f}", "", "", "✓"])
    return table


def _row(name: str, count: int, said: dict[str, float], ratio: str, verdict: str) -> list[str]:
    figures = [f"{said['cpu']:.1f}", f"{said['wall']:.1f}", f"{said['peak']:.0f}", f"{said['size']:.0f}"]
    return [name, str(count), *figures, ratio, verdict]
