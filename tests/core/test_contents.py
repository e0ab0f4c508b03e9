"""What an upload is, is decided by its content; what acts, hides or bursts is refused with a reason."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any

import pytest
from django.utils.translation import override
from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from greenlist.core.contents import ALLOWED, Content, Unfit, examine
from tests.core import files

MACRO = "a macro, a program"
ACTION = "a script or an action"


def look(body: bytes, extension: str, declared: str = "") -> Content:
    with override("en"):
        return examine(io.BytesIO(body), extension=extension, declared=declared)


def picture(kind: str, size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB" if "mode" not in options else options.pop("mode"), size, "green").save(out, kind, **options)
    return out.getvalue()


def written(change: Any = None, **options: Any) -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    if change:
        change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def workbook() -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["企业名称", "海港示例精密制造有限公司"])
    book.active["A1"].hyperlink = "https://example.com/"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


GOOD = {
    "pdf": written(),
    "png": picture("PNG"),
    "jpg": picture("JPEG"),
    "jpeg": picture("JPEG", mode="CMYK"),
    "xlsx": workbook(),
    "docx": files.docx({"word/_rels/document.xml.rels": files.relation("hyperlink", "mailto:a@example.com")}),
}


@pytest.mark.case("UP-01")
@pytest.mark.parametrize("extension", GOOD)
def test_honest_files_are_taken(extension: str) -> None:
    assert look(GOOD[extension], extension).content_type == ALLOWED[extension]
    assert look(GOOD[extension], extension.upper(), ALLOWED[extension]).content_type == ALLOWED[extension]


@pytest.mark.case("UP-01")
@pytest.mark.parametrize("claimed", ALLOWED)
@pytest.mark.parametrize("real", GOOD)
def test_name_and_content_must_agree(claimed: str, real: str) -> None:
    if ALLOWED[claimed] != ALLOWED[real]:
        with pytest.raises(Unfit, match="another type"):
            look(GOOD[real], claimed)


@pytest.mark.case("UP-01")
@pytest.mark.parametrize("declared", ["text/html", "image/svg+xml; charset=utf-8", ALLOWED["png"]])
def test_a_declared_type_may_only_refuse(declared: str) -> None:
    assert look(GOOD["pdf"], "pdf", "application/octet-stream")
    with pytest.raises(Unfit, match="another type"):
        look(GOOD["pdf"], "pdf", declared)


OTHERS = {
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "rtf": rb"{\rtf1\ansi}",
    "exe": b"MZ\x90\0",
    "lnk": b"L\0\0\0\x01\x14\x02\0",
    "gif": b"GIF89a",
    "zip": files.package("text/plain", {"a.txt": "a"}),
    "empty zip": b"PK\x05\x06" + bytes(18),
    "text": "绿色工厂".encode(),
}


@pytest.mark.case("UP-01")
@pytest.mark.parametrize("extension", ["pdf", "docx", "png"])
@pytest.mark.parametrize("kind", OTHERS)
def test_other_formats_are_refused_under_any_name(kind: str, extension: str) -> None:
    with pytest.raises(Unfit):
        look(OTHERS[kind], extension)


@pytest.mark.case("UP-01")
def test_old_and_encrypted_office_files_are_refused_with_a_way_out() -> None:
    with pytest.raises(Unfit, match=r"password or in an old Office format; save it as"):
        look(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "docx")


# ---- PDF ------------------------------------------------------------------------------------------------------------
def javascript(writer: PdfWriter) -> None:
    action = DictionaryObject({NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("x")})
    writer.root_object[NameObject("/OpenAction")] = action


def attachment(writer: PdfWriter) -> None:
    writer.add_attachment("a.exe", b"MZ")


def launch(writer: PdfWriter) -> None:
    action = DictionaryObject({NameObject("/S"): NameObject("/Launch"), NameObject("/F"): TextStringObject("cmd.exe")})
    writer.root_object[NameObject("/OpenAction")] = action


def encrypted(writer: PdfWriter) -> None:
    writer.encrypt("", "owner", algorithm="RC4-128")


@pytest.mark.case("UP-08")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (javascript, ACTION),
        (attachment, "another file inside"),
        (launch, ACTION),
        (encrypted, "protected by a password"),
    ],
)
def test_pdfs_that_act_carry_or_hide_are_refused(change: Any, reason: str) -> None:
    with pytest.raises(Unfit, match=reason):
        look(written(change), "pdf")


SCRIPT = b"<< /S /JavaScript /JS (app.alert) >>"
TRICKS = {
    "escaped name": (files.pdf(b"<< /S /J#61vaScript >>"), ACTION),
    "in an object stream": (files.pdf(files.object_stream(b"1 0 " + SCRIPT)), ACTION),
    "in a stream called otherwise": (
        files.pdf(files.object_stream(SCRIPT, about=b"/Type 7 0 R /N 1 /First 4 /Filter /FlateDecode")),
        ACTION,
    ),
    "escaped /ObjStm": (
        files.pdf(files.object_stream(SCRIPT, about=b"/Type /Obj#53tm /Filter [/FlateDecode]")),
        ACTION,
    ),
    "two filters": (
        files.pdf(files.object_stream(SCRIPT, about=b"/Type /ObjStm /Filter [/ASCIIHexDecode /FlateDecode]")),
        "looked into",
    ),
    "filter elsewhere": (files.pdf(files.object_stream(SCRIPT, about=b"/Type /ObjStm /Filter 8 0 R")), "looked into"),
    "predictor": (
        files.pdf(
            files.object_stream(SCRIPT, about=b"/Type /ObjStm /Filter /FlateDecode /DecodeParms <</Predictor 12>>")
        ),
        "looked into",
    ),
    "damaged object stream": (
        files.pdf(b"<< /Type /ObjStm /Filter /FlateDecode >>\nstream\nxxxx\nendstream"),
        "damaged",
    ),
    "web page": (files.pdf(head=b"%PDF-1.7\n<html><script>alert(1)</script>\n"), "another type"),
    "archive behind it": (files.pdf() + files.docx(), "hides another file"),
    "form that sends": (files.pdf(b"<< /S /SubmitForm /F (http://x) >>"), ACTION),
    "old forms": (files.pdf(b"<< /AcroForm << /XFA [] >> >>"), ACTION),
    "20,000 pages": (files.pdf(*[b"<< /Type /Page >>"] * 20_000), "more than 5000 pages"),
}


@pytest.mark.case("UP-08")
@pytest.mark.parametrize("trick", TRICKS)
def test_tricks_in_pdfs_are_seen(trick: str) -> None:
    body, reason = TRICKS[trick]
    with pytest.raises(Unfit, match=reason):
        look(body, "pdf")


@pytest.mark.case("UP-08")
def test_an_object_stream_cannot_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenlist.core.contents.pdf.INFLATED", 1_000_000)
    with pytest.raises(Unfit, match="far larger unpacked"):
        look(files.pdf(files.object_stream(bytes(2_000_000))), "pdf")


def object_streams(number: int) -> bytes:
    one = b"1 0 obj<</Type/ObjStm/First 1/Filter/FlateDecode>>stream\n" + zlib.compress(b"x") + b"\nendstream endobj\n"
    return b"%PDF-1.7\n" + one * number


@pytest.mark.case("UP-08")
def test_a_file_of_tiny_streams_is_no_endless_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each was once handed the whole rest of the file: four megabytes took ten seconds, fifty half an hour."""
    fed: list[int] = []

    class Counting:
        def __init__(self) -> None:
            self.machine = zlib.decompressobj()

        def decompress(self, data: bytes, limit: int) -> bytes:
            fed.append(len(data))
            return self.machine.decompress(data, limit)

        @property
        def eof(self) -> bool:
            return self.machine.eof

    body = object_streams(2000)
    with monkeypatch.context() as counted:
        counted.setattr("greenlist.core.contents.pdf.decompressor", Counting)
        assert look(body, "pdf").content_type == ALLOWED["pdf"]
    assert len(fed) == 2000
    assert sum(fed) <= 2000 * 1024
    for name, most in (("OBJECT_STREAMS", 1999), ("STREAMS", 1999)):
        with monkeypatch.context() as few:
            few.setattr(f"greenlist.core.contents.pdf.{name}", most)
            with pytest.raises(Unfit, match="cannot be looked into"):
                look(body if name == "OBJECT_STREAMS" else body + b"stream\n" * 2001, "pdf")
    escaped = b"%PDF-1.7\n1 0 obj<<" + b"/#41" * 201 + b">>stream\nendstream"
    with pytest.raises(Unfit, match="cannot be looked into"):
        look(escaped, "pdf")


@pytest.mark.case("UP-03")
@pytest.mark.parametrize("lie", ["", "zip64"])
def test_a_directory_of_a_million_entries_is_not_read(monkeypatch: pytest.MonkeyPatch, lie: str) -> None:
    directory = b"PK\x01\x02" + b"\0" * 3_000_000
    locator = b"PK\x06\x07" + b"\0" * 16 if lie else b""
    size = 10 if lie else len(directory)
    end = b"PK\x05\x06" + b"\0" * 8 + size.to_bytes(4, "little") + b"\0" * 6
    monkeypatch.setattr("greenlist.core.contents.office.zipfile.ZipFile", None)  # whoever opens it fails
    with pytest.raises(Unfit, match="damaged" if lie else "larger unpacked"):
        look(b"PK\x03\x04" + b"\0" * 26 + directory + locator + end, "xlsx")


def test_words_about_scripts_in_a_compressed_page_are_no_script() -> None:
    page = zlib.compress(b"BT (/JavaScript /Launch) Tj ET")
    body = b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(page), page)
    assert look(files.pdf(b"<< /Type /Page >>", body), "pdf")


# ---- Office ---------------------------------------------------------------------------------------------------------
def bomb(size: int) -> bytes:
    return files.xlsx({"xl/worksheets/sheet1.xml": bytes(size)})


DTD = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
OFFICE = {
    "macro": (files.docx({"word/vbaProject.bin": b"x"}), MACRO),
    "docm": (
        files.package(
            "",
            {"word/document.xml": "<w/>"},
            types=files.TYPES.format(
                '<Override ContentType="application/vnd.ms-word.document.macroEnabled.main+xml"/>'
            ),
        ),
        MACRO,
    ),
    "ActiveX": (files.docx({"word/activeX/activeX1.xml": "<x/>"}), MACRO),
    "OLE object": (files.docx({"word/embeddings/oleObject1.bin": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}), MACRO),
    "program": (files.docx({"word/media/image1.png": b"MZ\x90\0"}), MACRO),
    "web page inside": (files.docx({"word/afchunk.htm": "<script>"}), MACRO),
    "billion laughs": (files.docx({"word/styles.xml": DTD}), "document type"),
    "billion laughs in UTF-16": (files.docx({"word/styles.xml": DTD.encode("utf-16")}), "document type"),
    "entities across a chunk": (
        files.docx({"word/styles.xml": b"<?xml version='1.0'?>" + b" " * (1024 * 1024 - 25) + b"<!DOCTYPE x>"}),
        "document type|far larger",
    ),
    "unreadable encoding": (files.docx({"word/styles.xml": '<?xml version="1.0" encoding="IBM037"?><x/>'}), "damaged"),
    "DTD in references": (files.docx({"word/_rels/document.xml.rels": DTD}), "document type"),
    "remote template": (
        files.docx({"word/_rels/settings.xml.rels": files.relation("attachedTemplate", "https://example.com/t.dotm")}),
        MACRO,
    ),
    "picture from a server": (
        files.docx({"word/_rels/document.xml.rels": files.relation("image", "http://127.0.0.1:9/x.png")}),
        MACRO,
    ),
    "UNC path": (files.docx({"word/_rels/document.xml.rels": files.relation("hyperlink", "\\\\server\\share")}), MACRO),
    "file link": (
        files.docx({"word/_rels/document.xml.rels": files.relation("hyperlink", "file:///etc/passwd")}),
        MACRO,
    ),
    "UNC without mode": (
        files.docx({"word/_rels/document.xml.rels": files.relation("image", "\\\\server\\x", external=False)}),
        MACRO,
    ),
    "other workbook": (files.xlsx({"xl/externalLinks/externalLink1.xml": "<x/>"}), MACRO),
    "Excel 4 macro": (files.xlsx({"xl/macrosheets/sheet1.xml": "<x/>"}), MACRO),
    "archive inside": (files.docx({"word/media/a.zip": files.docx()}), "hides another file"),
    "package in a package's package": (
        files.docx({"word/embeddings/a.xlsx": files.xlsx({"xl/embeddings/b.xlsx": files.xlsx()})}),
        "hides another file",
    ),
    "macro in an embedded workbook": (
        files.docx({"word/embeddings/a.xlsx": files.xlsx({"xl/vbaProject.bin": b"x"})}),
        MACRO,
    ),
    "bomb": (bomb(20 * 1024 * 1024), "far larger unpacked"),
    "3,000 entries": (files.docx({f"word/x{number}.xml": "<x/>" for number in range(3000)}), "far larger unpacked"),
    "path out": (files.docx({"../../x.xml": "<x/>"}), "damaged"),
    "twice the same": (files.docx({"word/A.xml": "<x/>", "word/a.xml": "<x/>"}), "damaged"),
    "something behind": (files.docx(tail=b"<script>alert(1)</script>"), "hides another file"),
    "cut short": (files.docx()[:-30], "damaged"),
    "neither": (files.package("application/x", {"a.xml": "<x/>"}), "none of the allowed"),
    "no types": (files.package("", {}, types="<x"), "damaged"),
}


@pytest.mark.case("UP-01", "UP-03")
@pytest.mark.parametrize("trick", OFFICE)
def test_tricks_in_office_files_are_seen(trick: str) -> None:
    body, reason = OFFICE[trick]
    with pytest.raises(Unfit, match=reason):
        look(body, "xlsx" if b"xl/workbook.xml" in body and b"word/document.xml" not in body else "docx")


@pytest.mark.case("UP-03")
def test_a_directory_that_lies_about_sizes_does_not_help() -> None:
    """The bytes are counted while reading; the directory says one."""
    body = bytearray(bomb(20 * 1024 * 1024))
    size = (20 * 1024 * 1024).to_bytes(4, "little")
    lying = bytes(body).replace(size, (1).to_bytes(4, "little"))
    assert lying != bytes(body)
    with pytest.raises(Unfit):
        look(lying, "xlsx")


def test_encrypted_entries_are_refused() -> None:
    body = bytearray(files.docx())
    with zipfile.ZipFile(io.BytesIO(body)) as made:
        place = made.start_dir
    body[place + 8] |= 1
    with pytest.raises(Unfit, match="protected by a password"):
        look(bytes(body), "docx")


def test_a_chart_may_bring_its_workbook() -> None:
    assert look(files.docx({"word/embeddings/Microsoft_Excel_Sheet1.xlsx": files.xlsx()}), "docx")


@pytest.mark.case("UP-03")
def test_nothing_is_fetched_while_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: Any) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr("socket.socket.connect", connect)
    for body, _reason in OFFICE.values():
        with pytest.raises(Unfit):
            look(body, "docx")


# ---- pictures -------------------------------------------------------------------------------------------------------
def photograph(orientation: int = 6) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "CAMERA-OF-SOMEBODY"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (39.0, 56.0, 7.0)
    return picture("JPEG", exif=exif, comment=b"taken at home", progressive=True)


@pytest.mark.case("UP-14")
def test_a_photograph_loses_place_device_and_comment_but_stays_upright() -> None:
    came = photograph()
    assert b"CAMERA-OF-SOMEBODY" in came
    kept = look(came + b"<script>behind the end</script>", "jpg").body
    assert kept is not None
    for told in (b"CAMERA", b"taken at home", b"script"):
        assert told not in kept
    with Image.open(io.BytesIO(kept)) as shown, Image.open(io.BytesIO(came)) as original:
        assert dict(shown.getexif()) == {0x0112: 6}
        assert shown.tobytes() == original.tobytes()


@pytest.mark.case("UP-14")
def test_a_png_loses_its_texts() -> None:
    text = files.png_chunk(b"tEXt", b"Author\0Somebody") + files.png_chunk(b"eXIf", b"MM\0*")
    kept = look(files.png(2, 2, text) + b"PK\x03\x04 behind the end", "png").body
    assert kept == files.png(2, 2)


@pytest.mark.case("UP-14")
@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "1", "I;16"])
def test_every_kind_of_png_is_kept_bit_by_bit(mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (9, 7)).save(out, "PNG")
    kept = look(out.getvalue(), "png").body
    assert kept is not None
    with Image.open(io.BytesIO(kept)) as shown:
        assert (shown.mode, shown.size) == (mode, (9, 7))


@pytest.mark.case("UP-14")
def test_forty_thousand_pixels_square_are_refused(settings: Any) -> None:
    with pytest.raises(Unfit, match="more than 120 million pixels"):
        look(files.png(40_000, 40_000), "png")
    settings.ATTACHMENT_MAX_PIXELS = 1000
    with pytest.raises(Unfit, match="million pixels"):
        look(picture("JPEG"), "jpg")


@pytest.mark.parametrize(
    "body",
    [
        files.png()[:20],
        files.png()[:-12],
        b"\x89PNG\r\n\x1a\n" + files.png_chunk(b"IDAT", b"x"),
        files.png(0, 5),
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0\x00\x01",
        b"\xff\xd8\xff\xd9",
        picture("JPEG")[:60],
        b"\xff\xd8" + b"\xff" * 50,
    ],
)
def test_damaged_pictures_are_refused(body: bytes) -> None:
    with pytest.raises(Unfit, match="damaged"):
        look(body, "png" if body.startswith(b"\x89") else "jpg")


def test_a_picture_the_camera_cut_short_is_shown_as_far_as_it_goes() -> None:
    kept = look(picture("JPEG", (400, 300))[:-2], "jpg").body
    assert kept is not None
    assert kept.endswith(b"\xff\xd9")


def test_a_broken_exif_is_simply_left_out() -> None:
    came = picture("JPEG")
    for exif in (
        b"Exif\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(30),
        b"http://ns.adobe.com/xap",
    ):
        segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
        assert look(came[:2] + segment + came[2:], "jpg").body == look(came, "jpg").body
