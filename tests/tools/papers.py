"""What long documents cost in the renderer: `./dev bench --documents`. Beside them WeasyPrint alone with the same rows (G17).

Each document is made in a forked child with the limits of the real one, which tells its own processor time and peak memory. The
two of a pair take turns, so that whatever else the machine does meets both. WeasyPrint alone: the same table with fixed layout
and the same font, nothing of our style sheet, untagged. Ours: template, style sheet, tagged for readers (PDF/UA).
"""

from __future__ import annotations

import html
import json
import logging
import os
import resource
import statistics
import time
from collections.abc import Callable
from datetime import date
from types import SimpleNamespace

HEAD = ["document", "rows", "CPU s", "wall s", "peak MiB", "KiB", "against alone", ""]
ROWS, LONG = 1000, 3000
RATIO = 1.2  # goal G17
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
        frozen={"units": units(count)},
        digest="0" * 64,
    )
    link = "https://green.example.gov.cn/p/130300/"
    context = {"announcement": announcement, "link": link, "qr": qr_data(link), "styles": styles()}
    return render_to_string("registry/print_announcement.html", context)


def alone(count: int) -> str:
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


def once(make: Callable[[], bytes]) -> dict[str, float]:
    """One document in a child. Raises SystemExit when a limit or a failure ended it."""
    from greenlist.core import pdf_worker

    started = time.perf_counter()
    answer = pdf_worker.in_child(told(make))
    if answer[:1] != b"P":
        raise SystemExit(f"a document of the bench was not made: {answer[:200]!r}")
    said: dict[str, float] = json.loads(answer[1:])
    return said | {"wall": time.perf_counter() - started}


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
    serif = pdf_worker.assets()["serif"].as_uri()
    fonts = FontConfiguration()
    face = CSS(string=f'@font-face {{ font-family: "Noto Serif SC"; src: url("{serif}") }}', font_config=fonts)

    def by_itself(page: str) -> bytes:
        body: bytes = HTML(string=page).write_pdf(stylesheets=[face], font_config=fonts)
        return body

    by_itself(alone(WARM_ROWS))
    pages = ours(ROWS), alone(ROWS)
    pair: dict[str, list[dict[str, float]]] = {"ours": [], "alone": []}
    for _round in range(rounds):
        pair["ours"].append(once(lambda: render(pages[0])))
        pair["alone"].append(once(lambda: by_itself(pages[1])))
    middle = {
        name: {key: statistics.median(one[key] for one in found) for key in found[0]} for name, found in pair.items()
    }
    ratio = middle["ours"]["cpu"] / middle["alone"]["cpu"]
    table = [
        _row("announcement of a list", ROWS, middle["ours"], f"{ratio:.2f}", "✓" if ratio <= RATIO else "missed"),
        _row("WeasyPrint alone, fixed layout", ROWS, middle["alone"], "1", "✓"),
        _row("announcement of a list", LONG, once(lambda: render(ours(LONG))), "", "✓"),
    ]
    rest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table.append(["the renderer at rest", "", "", "", f"{rest:.0f}", "", "", "✓"])
    return table


def _row(name: str, count: int, said: dict[str, float], ratio: str, verdict: str) -> list[str]:
    figures = [f"{said['cpu']:.1f}", f"{said['wall']:.1f}", f"{said['peak']:.0f}", f"{said['size']:.0f}"]
    return [name, str(count), *figures, ratio, verdict]
