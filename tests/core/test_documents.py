"""Documents: right Chinese, right tags, the same bytes again; nothing outside is reached and nothing brings the renderer down."""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.template import engines
from PIL import Image
from pypdf import PdfReader

from greenlist.core import documents, pdf_worker
from greenlist.core.contents import examine
from greenlist.core.documents import PdfFailed, PdfUnavailable, render_pdf

RARE = "䶮㛃𬭎㙓𠮷曌"
LETTER = (
    "{% extends 'layouts/print.html' %}{% block title %}{{ title }}{% endblock %}"
    "{% block body %}<h1>{{ title }}</h1>{{ body }}{% endblock %}"
)
# Python 3.12 warns of forks beside threads; here the parent waits for the child and holds no lock it needs.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`draw(body)`: the PDF of a letter with this body (text: escaped; SafeString: markup)."""

    def fake(name: str, context: dict[str, Any]) -> str:
        return engines["django"].from_string(LETTER).render(context)

    monkeypatch.setattr(documents, "render_to_string", fake)
    return lambda body="", title="关于公布绿色工厂名单的通知": render_pdf("letter", {"title": title, "body": body})


def safe(markup: str) -> Any:
    from django.utils.safestring import mark_safe

    return mark_safe(markup)


def picture_of(pdf: bytes, tmp_path: Path) -> Image.Image:
    source = tmp_path / "page.pdf"
    source.write_bytes(pdf)
    tool = shutil.which("pdftoppm")
    assert tool, "poppler-utils is missing: ./dev doctor"
    subprocess.run([tool, "-r", "100", "-png", "-singlefile", source, tmp_path / "page"], check=True)
    with Image.open(tmp_path / "page.png") as image:
        return image.convert("L")


# ---- what it looks like ---------------------------------------------------------------------------------------------
@pytest.mark.case("DO-07")
def test_a_document_is_tagged_titled_chinese_and_copied_as_it_reads(draw: Any) -> None:
    reader = PdfReader(io.BytesIO(draw(f"姓名：{RARE}")))
    root = reader.trailer["/Root"]
    assert root["/Lang"] == "zh-CN"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert b"pdfuaid" in root["/Metadata"].get_data()
    assert reader.metadata is not None
    assert reader.metadata.title == "关于公布绿色工厂名单的通知"
    text = reader.pages[0].extract_text()
    assert "关于公布绿色工厂名单的通知" in text.replace("\n", "")
    assert RARE in text
    fonts = reader.pages[0]["/Resources"]["/Font"]
    for font in fonts.values():
        about = font["/DescendantFonts"][0]["/FontDescriptor"]
        assert "/FontFile3" in about or "/FontFile2" in about


@pytest.mark.case("DO-07")
def test_rare_signs_are_drawn_and_not_as_boxes(draw: Any, tmp_path: Path) -> None:
    """Each sign's picture differs from that of a sign no font has, and from every other."""
    drawn = []
    for number, sign in enumerate([*RARE, "\U0010fffd"]):
        folder = tmp_path / str(number)
        folder.mkdir()
        page = picture_of(draw(safe(f"<p style='font-size: 60pt; text-indent: 0'>{sign}</p>"), "一"), folder)
        drawn.append(page.crop((0, 230, page.width, 400)).tobytes())
    assert len(set(drawn)) == len(drawn)


def test_the_same_content_gives_the_same_bytes_also_from_another_process(draw: Any) -> None:
    first = draw("甲")
    assert draw("甲") == first
    documents._child.stop()
    assert draw("甲") == first
    assert draw("乙") != first


def test_what_somebody_typed_is_text(draw: Any) -> None:
    text = PdfReader(io.BytesIO(draw("<script>alert(1)</script>{{ 7|add:7 }}{% load x %}"))).pages[0].extract_text()
    assert "<script>alert(1)</script>{{ 7|add:7 }}{% load x %}" in text.replace("\n", "")


def test_our_own_documents_pass_our_own_check(draw: Any) -> None:
    assert examine(io.BytesIO(draw("甲")), extension="pdf").content_type == "application/pdf"


def test_a_qr_code_is_an_own_picture(draw: Any) -> None:
    address = "https://green.example.gov.cn/v/abc"
    assert documents.qr_svg(address).startswith("<svg")
    data = documents.qr_data(address)
    with_code = draw(safe(f'<img alt="二维码" src="{data}">'))
    assert len(PdfReader(io.BytesIO(with_code)).pages[0].get_contents().get_data()) > 500  # type: ignore[union-attr]


# ---- what it cannot reach -------------------------------------------------------------------------------------------
@pytest.fixture
def listener() -> Iterator[tuple[int, list[Any]]]:
    """A port on loopback, and everybody who came."""
    came: list[Any] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                wire, peer = server.accept()
            except OSError:
                return
            came.append(peer)
            wire.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield server.getsockname()[1], came
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(5)


@pytest.mark.case("DO-02")
def test_no_reference_leads_out_and_the_renderer_lives_on(
    draw: Any, listener: tuple[int, list[Any]], tmp_path: Path
) -> None:
    port, came = listener
    socket.create_connection(("127.0.0.1", port)).close()  # the listener does see who comes
    secret = tmp_path / "secret.txt"
    secret.write_text("GEHEIM-4711")
    svg = tmp_path / "secret.svg"
    svg.write_text('<svg xmlns="http://www.w3.org/2000/svg"><text y="20">GEHEIM-4711</text></svg>')
    out = f"http://127.0.0.1:{port}"
    markup = f"""
      <link rel="stylesheet" href="{out}/a.css"><link rel="attachment" href="file://{secret}">
      <style>@import url({out}/b.css); @font-face {{ font-family: x; src: url({out}/f.ttf) }}
        p {{ background: url({out}/c.png); font-family: x; content: url(file://{svg}) }}
        li {{ list-style-image: url("{out}/d.png") }}</style>
      <img src="{out}/e.png"><img src="file://{svg}"><img src="{svg}"><img src="../../etc/hostname">
      <object data="{out}/g.svg"></object><embed src="file://{secret}"><ul><li>x</ul>
      <svg><image href="{out}/h.png" width="9" height="9"/><use href="{out}/i.svg#a"/></svg>
      <img src="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'%3E%3Cimage href='{out}/j.png'/%3E%3C/svg%3E">
      <img src="asset:../../../etc/passwd"><img src="asset:secret"><img src="ftp://127.0.0.1:{port}/k"><p>正文
    """
    pdf = draw(safe(markup))
    assert len(came) == 1  # rendering took far longer than a thread needs to accept
    reader = PdfReader(io.BytesIO(pdf))
    assert "GEHEIM" not in "".join(page.extract_text() for page in reader.pages)
    assert not reader.attachments
    assert "正文" in reader.pages[0].extract_text()
    child = documents._child.process
    assert draw("后一份")
    assert documents._child.process is child


@pytest.mark.case("DO-02")
def test_inside_the_limits_no_connection_and_no_program_is_possible() -> None:
    def connect() -> bytes:
        socket.create_connection(("127.0.0.1", 9), timeout=1)
        return b"connected"

    def start() -> bytes:
        return subprocess.check_output(["true"])

    for work in (connect, start):
        assert pdf_worker.in_child(work).startswith(b"EPermissionError")
    assert pdf_worker.in_child(lambda: b"fine") == b"Pfine"


# ---- limits ---------------------------------------------------------------------------------------------------------
@pytest.mark.case("DO-03")
def test_a_document_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_worker, "SECONDS", 1)
    started = time.monotonic()

    def endless() -> bytes:
        while True:
            pass

    assert pdf_worker.in_child(endless) == b"L"
    assert time.monotonic() - started < 5


@pytest.mark.case("DO-03")
def test_a_document_that_needs_too_much_memory_is_stopped() -> None:
    assert pdf_worker.in_child(lambda: bytes(pdf_worker.MEMORY + 1)) == b"L"
    assert len(pdf_worker.in_child(lambda: bytes(100 * 1024 * 1024))) > 100 * 1024 * 1024


def test_whatever_ends_a_document_is_told() -> None:
    def leave() -> bytes:
        raise SystemExit(3)  # FatalURLFetchingError is no Exception either

    def die() -> bytes:
        os.kill(os.getpid(), 9)
        return b""

    assert pdf_worker.in_child(leave) == b"ESystemExit: 3"
    assert pdf_worker.in_child(die) == b"L"


@pytest.mark.case("DO-03")
@pytest.mark.parametrize(
    ("answer", "error"), [(b"L", PdfFailed), (b"Eoops", PdfFailed), (b"Mno pango", PdfUnavailable)]
)
def test_people_are_told_in_words(answer: bytes, error: type[Exception]) -> None:
    with pytest.raises(error) as refused:
        documents._Child._result(answer)
    message = str(refused.value.message)  # type: ignore[attr-defined]
    assert "oops" not in message
    assert ("libpango-1.0-0" in message) is (error is PdfUnavailable)


def test_a_killed_renderer_is_replaced(draw: Any) -> None:
    assert draw("甲")
    assert documents._child.process is not None
    documents._child.process.kill()
    documents._child.process.wait()
    assert draw("乙")


def test_threads_take_turns(draw: Any) -> None:
    results: dict[int, bytes] = {}
    threads = [threading.Thread(target=lambda n=n: results.update({n: draw(f"第{n}份")})) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for number, pdf in results.items():
        assert f"第{number}份" in PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    assert len(results) == 4


# ---- fonts ----------------------------------------------------------------------------------------------------------
def test_an_administrator_may_name_a_licensed_font(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    import pylopdf_fonts_zh_cn as free

    from greenlist.core.checks import fonts

    there = f"FangSong={free.sans_path()}; XiaoBiaoSong=/nonexistent.ttf"
    monkeypatch.setenv("DOCUMENT_FONTS", there)
    named = pdf_worker.assets()
    assert set(named) == {"serif", "sans", "FangSong", "XiaoBiaoSong"}
    assert 'font-family: "FangSong"' in pdf_worker.faces(named)
    settings.DOCUMENT_FONTS = there
    assert [found.id for found in fonts()] == ["core.W001"]


@pytest.mark.full
def test_a_licensed_font_is_used(draw: Any, settings: Any) -> None:
    import pylopdf_fonts_zh_cn as free

    def names() -> str:
        fonts = PdfReader(io.BytesIO(draw("甲乙丙"))).pages[0]["/Resources"]["/Font"]
        return " ".join(str(font["/BaseFont"]) for font in fonts.values())

    documents._child.stop()
    before = names()
    settings.DOCUMENT_FONTS = f"FangSong={free.sans_path()}"
    documents._child.stop()
    try:
        assert "FangSong" in names()
        assert "FangSong" not in before
    finally:
        documents._child.stop()


def test_the_web_process_never_loads_weasyprint() -> None:
    code = (
        "import django, sys; django.setup(); import greenlist.urls, greenlist.core.documents;"
        "sys.exit('weasyprint' in sys.modules or 'fontTools' in sys.modules)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "greenlist.settings.test"}
    environment.pop("VAR_DIR", None)
    done = subprocess.run([sys.executable, "-c", code], cwd=configured.ROOT, env=environment, timeout=120)
    assert done.returncode == 0
