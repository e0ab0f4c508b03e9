"""Blind review: no name, code, number or reference of a unit reaches an expert, nor an expert's an applicant (feature 17)."""

from __future__ import annotations

import hashlib
import html
import logging
import zipfile
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl import Workbook
from openpyxl.comments import Comment
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)

from applications.models import Application, Evidence, Grant
from greenlist.core import attachments, contents
from greenlist.core.contents import ALLOWED
from greenlist.core.errors import NotVisible, WrongState
from greenlist.core.models import Blob
from greenlist.organisations.models import Name
from reviews.models import Panel, PanelItem, Sheet, ShownFile
from reviews.selectors import blind
from reviews.selectors import seats as reads
from reviews.services import panels, seats
from reviews.states import ConflictKind
from tests.applications import county
from tests.reviews import stage
from tests.world import World

START = stage.START


@pytest.fixture
def units(world: World, three: list[Application]) -> list[Application]:
    """Reports that name their firm in an answer, one also by a former name; one has a file."""
    for row in three:
        data = row.report.versions.get().data["sections"]
        section = next(key for key, fields in data.items() if fields)
        field = next(iter(data[section]))
        said = f"{row.name}（{row.code}）成立于2010年，{row.site.address}，法定代表人{row.organisation.legal_representative}。"
        county.declare(row, row.call, county.START, **{f"{section}__{field}": said + f"旧称老{row.name}厂。"})
        Name.objects.create(organisation=row.organisation, text=f"老{row.name}厂")
    stage.evidence(world, three[0])
    return three


@pytest.fixture
def panel(world: World, units: list[Application]) -> Panel:
    return stage.opened(world, units, ("expert", "expert2"), blind=True)


def secrets(case: Application) -> set[str]:
    firm = case.organisation
    found = {
        case.name,
        case.code,
        case.number,
        case.reference,
        firm.address,
        firm.legal_representative,
        firm.contact_name,
    }
    return {word for word in found if word}


def tells(text: str, cases: list[Application]) -> list[str]:
    return [word for case in cases for word in secrets(case) if word in text]


def alias(case: Application) -> str:
    return PanelItem.objects.get(application=case).alias


def test_no_page_file_header_or_log_names_a_unit(
    world: World, panel: Panel, units: list[Application], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = world.client("expert")
    seat = reverse("reviews:seat", args=[panel.reference])
    seen = [client.get(seat).content.decode()]
    seats.pledge(actor=world.actor("expert"), reference=panel.reference, at=START)
    seen.append(client.get(seat).content.decode())
    client.post(reverse("reviews:seat-declare", args=[panel.reference]), {"ties": ""})
    seen += [client.get(reverse(name)).content.decode() for name in ("portal:work", "reviews:seats", "portal:inbox")]
    seen.append(client.get(seat).content.decode())
    assert "01" in seen[-1]
    file = Evidence.objects.get()
    panels.show_files(actor=world.actor("city_handler"), reference=panel.reference, shown=[file.reference], at=START)
    for case in units:
        page = client.get(reverse("reviews:sheet", args=[panel.reference, alias(case)]))
        assert page.status_code == 200
        seen.append(page.content.decode())
        for name in ("sheet-away", "seat-lock"):
            args = [panel.reference] if name == "seat-lock" else [panel.reference, alias(case)]
            seen.append(client.get(reverse(f"reviews:{name}", args=args)).content.decode())
        address = reverse("reviews:sheet-save", args=[panel.reference, alias(case)])
        saved = client.post(address, {"version": 0, "score": "80"}, headers={"X-Requested-With": "autosave"})
        seen.append(saved.content.decode())
        seen.append(client.get("/search/", {"q": case.name[:4]}).content.decode().replace(case.name[:4], ""))
    shown = ShownFile.objects.get()
    answer = client.get(reverse("reviews:sheet-file", args=[panel.reference, alias(units[0]), shown.alias]))
    assert answer.status_code == 200
    b"".join(answer.streaming_content)
    seen.append(str(dict(answer.headers)))
    assert "证明" not in seen[-1]
    seen.append(caplog.text)
    assert not [tells(text, units) for text in seen if tells(text, units)]
    assert "▇▇▇" in "".join(seen)  # there was something to take out


# ---- what a file's program wrote about people ----------------------------------------------------------------------------
CANARY = "海港金丝雀"


def told_photo() -> bytes:
    """As a telephone makes it, with the owner's name in its properties."""
    out = BytesIO()
    picture = Image.new("RGB", (8, 8), "white")
    about = picture.getexif()
    about[0x013B] = CANARY  # Artist
    picture.save(out, "JPEG", exif=about, comment=CANARY.encode())
    return out.getvalue()


def told_pdf() -> bytes:
    """A drawing with author, title and producer, XMP, a comment's author, a private note of a program, and a bookmark."""
    writer = PdfWriter()
    page = writer.add_blank_page(200, 200)
    photo = StreamObject()
    photo._data = told_photo()
    names = {"/Type": "/XObject", "/Subtype": "/Image", "/Filter": "/DCTDecode", "/ColorSpace": "/DeviceRGB"}
    photo.update({NameObject(key): NameObject(value) for key, value in names.items()})
    photo.update({NameObject(key): NumberObject(8) for key in ("/Width", "/Height", "/BitsPerComponent")})
    held = DictionaryObject({NameObject("/P"): writer._add_object(photo)})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/XObject"): held})
    writer.add_metadata(
        {"/Author": CANARY, "/Title": f"{CANARY}报告", "/Producer": f"Word of {CANARY}", "/Company": CANARY}
    )
    writer.add_outline_item(title=CANARY, page_number=0)
    xmp = StreamObject()
    xmp.set_data(f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><dc>{CANARY}</dc></x:xmpmeta>".encode())
    xmp.update({NameObject("/Type"): NameObject("/Metadata"), NameObject("/Subtype"): NameObject("/XML")})
    writer.root_object[NameObject("/Metadata")] = page[NameObject("/Metadata")] = writer._add_object(xmp)
    page[NameObject("/PieceInfo")] = DictionaryObject({NameObject("/Draw"): TextStringObject(CANARY)})
    for kind in ("/Text", "/FreeText"):
        words = {NameObject(key): TextStringObject(CANARY) for key in ("/T", "/Contents", "/NM")}
        box = ArrayObject([FloatObject(n) for n in (1, 1, 9, 9)])
        note = {NameObject("/Subtype"): NameObject(kind), NameObject("/Rect"): box, **words}
        writer.add_annotation(0, DictionaryObject(note))
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def told_xlsx() -> bytes:
    book = Workbook()
    book.active["A1"] = "能耗"
    book.active["A1"].comment = Comment("请核", CANARY)
    book.properties.creator = book.properties.lastModifiedBy = book.properties.title = CANARY
    book.properties.company = CANARY
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def told_docx() -> bytes:
    """As Word writes it: properties, a reviewer's name beside a change, and a comment."""
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    change = f'<w:ins w:id="1" w:author="{CANARY}" w:date="2026-01-01T00:00:00Z"><w:r><w:t>能耗</w:t></w:r></w:ins>'
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override '
        f'PartName="/word/document.xml" ContentType="{ALLOWED["docx"]}.main+xml"/></Types>',
        "word/document.xml": f'<w:document xmlns:w="{word}"><w:body><w:p>{change}</w:p></w:body></w:document>',
        "word/comments.xml": f'<w:comments xmlns:w="{word}"><w:comment w:id="1" w:author="{CANARY}"/></w:comments>',
        "docProps/core.xml": f"<cp><dc:creator>{CANARY}</dc:creator></cp>".replace("dc:", ""),
        "docProps/app.xml": f"<Properties><Company>{CANARY}</Company></Properties>",
        "docProps/custom.xml": f"<Properties><p>{CANARY}</p></Properties>",
    }
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, text in parts.items():
            package.writestr(name, text)
        package.writestr("word/media/image1.jpeg", told_photo())
    return out.getvalue()


def everything(body: bytes) -> str:
    """All bytes of a file, packed parts and streams unpacked, in every way a text may be written."""
    found = body
    if body.startswith(b"PK"):
        with zipfile.ZipFile(BytesIO(body)) as package:
            found = b"\n".join(package.read(name) + name.encode() for name in package.namelist())
    elif body.startswith(b"%PDF"):
        reader = PdfReader(BytesIO(body))
        kept = [reader.get_object(number) for number in range(1, int(str(reader.trailer["/Size"])))]
        found += "\n".join(repr(one) for one in kept).encode()
        found += b"\n".join(one.get_data() for one in kept if isinstance(one, StreamObject))
    ways = ("utf-8", "utf-16-be", "utf-16-le", "gb18030")
    return html.unescape("\n".join(found.decode(coding, errors="ignore") for coding in ways))


@pytest.mark.authz
@pytest.mark.parametrize("kind", ["pdf", "xlsx", "docx"])
def test_no_property_of_a_file_says_whose_it_is(
    world: World, panel: Panel, units: list[Application], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    body = {"pdf": told_pdf, "xlsx": told_xlsx, "docx": told_docx}[kind]()
    assert CANARY in everything(body)
    blob = attachments.store(upload=SimpleUploadedFile(f"{CANARY}能耗.{kind}", body, ALLOWED[kind]), at=START)
    Blob.objects.filter(pk=blob.pk).update(scan=Blob.Scan.CLEAN)
    file = Evidence.objects.get()
    Evidence.objects.filter(pk=file.pk).update(blob=blob)
    open_copy = reverse("applications:evidence", args=[units[0].reference, file.reference])
    official = world.client("city_handler").get(open_copy)
    assert CANARY in everything(b"".join(official.streaming_content))  # who may know gets the file as it came
    stage.admitted(world, panel, "expert")
    panels.show_files(actor=world.actor("city_handler"), reference=panel.reference, shown=[file.reference], at=START)
    shown, client = ShownFile.objects.get(), world.client("expert")
    caplog.clear()
    page = client.get(reverse("reviews:sheet", args=[panel.reference, alias(units[0])]))
    address = reverse("reviews:sheet-file", args=[panel.reference, alias(units[0]), shown.alias])
    for _again in range(2):  # made, then kept
        answer = client.get(address)
        assert answer.status_code == 200
        given = b"".join(answer.streaming_content)
        assert contents.examine(BytesIO(given), extension=kind).content_type == ALLOWED[kind]  # still a whole file
        assert CANARY not in everything(given)
        assert CANARY not in f"{dict(answer.headers)}{page.content.decode()}{caplog.text}"
        assert f"{shown.alias}.{kind}" in answer["Content-Disposition"]
    shown.refresh_from_db()
    assert shown.bare is not None and shown.bare.sha256 == hashlib.sha256(given).hexdigest()
    if kind != "pdf":
        assert "能耗" in everything(given)
    with pytest.raises(NotVisible):  # nor by another expert without a seat
        seats.bare_file(
            actor=world.actor("expert3"), reference=panel.reference, case=alias(units[0]), alias=shown.alias, at=START
        )


def test_a_file_that_cannot_be_had_without_names_is_not_shown(
    world: World, panel: Panel, units: list[Application]
) -> None:
    stage.admitted(world, panel, "expert")
    file = Evidence.objects.get()
    panels.show_files(actor=world.actor("city_handler"), reference=panel.reference, shown=[file.reference], at=START)
    other = attachments.store_bytes(name="证明.zip", content=b"PK", content_type="application/zip", at=START)
    Evidence.objects.filter(pk=file.pk).update(blob=other)
    address = reverse("reviews:sheet-file", args=[panel.reference, alias(units[0]), ShownFile.objects.get().alias])
    answer = world.client("expert").get(address)
    assert answer.status_code == 409 and "证明" not in answer.content.decode()


def test_the_place_and_what_a_firm_is_called_for_short_are_taken_out(units: list[Application]) -> None:
    case = Application.objects.select_related("organisation__area", "site__area").get(pk=units[0].pk)
    case.name = case.organisation.name = "秦皇岛海港示例晶圆有限公司"
    said = "示例晶圆公司位于河北省秦皇岛市海港区，即秦皇岛市的海港区；海港示例晶圆为其简称。产量3000片。"
    told = blind.hide(said, blind.words_of(case))
    assert not [word for word in ("示例晶圆", "秦皇岛市", "海港区", "河北省") if word in told]
    assert told.endswith("产量3000片。")


def test_what_others_read_by_a_grant_is_closed(world: World, panel: Panel, units: list[Application]) -> None:
    stage.admitted(world, panel, "expert")
    actor, client = world.actor("expert"), world.client("expert")
    assert not Grant.objects.exists()
    assert not Application.objects.visible_to(actor).exists()
    assert client.get(reverse("applications:case", args=[units[0].reference])).status_code in (403, 404)
    evidence = Evidence.objects.get()
    own = reverse("applications:evidence", args=[units[0].reference, evidence.reference])
    assert client.get(own).status_code == 404
    with pytest.raises(NotVisible):  # nor by the reference, should somebody know it
        reads.scoring(actor, panel.reference, units[0].reference)
    with pytest.raises(NotVisible):
        reads.file_of(actor, panel.reference, alias(units[0]), evidence.reference)
    assert reads.scoring(actor, panel.reference, alias(units[0])).case is None


def test_files_are_shown_only_where_an_official_says_so(world: World, panel: Panel, units: list[Application]) -> None:
    stage.admitted(world, panel, "expert")
    actor, official = world.actor("expert"), world.actor("city_handler")
    file = Evidence.objects.get()
    assert reads.scoring(actor, panel.reference, alias(units[0])).files == ()
    given: dict[str, Any] = {"reference": panel.reference, "at": START}
    with pytest.raises(NotVisible):
        panels.show_files(actor=official, shown=["nothing"], **given)
    with pytest.raises(NotVisible):
        panels.show_files(actor=world.actor("other_city_handler"), shown=[file.reference], **given)
    panels.show_files(actor=official, shown=[file.reference], **given)
    (shown,) = reads.scoring(actor, panel.reference, alias(units[0])).files
    with pytest.raises(NotVisible):  # of another unit
        reads.file_of(actor, panel.reference, alias(units[1]), shown.alias)
    page = world.client("city_handler").get(reverse("reviews:panel-files", args=[panel.reference]))
    assert f'value="{file.reference}" checked' in page.content.decode()
    world.client("city_handler").post(reverse("reviews:panel-files", args=[panel.reference]))
    assert reads.scoring(actor, panel.reference, alias(units[0])).files == ()
    named = stage.opened(world, stage.several(world, units[0].call, 1, start=6950))
    with pytest.raises(WrongState):
        panels.show_files(actor=official, reference=named.reference, shown=[], at=START)


def test_an_expert_names_ties_and_never_learns_which_unit_it_was(
    world: World, panel: Panel, units: list[Application]
) -> None:
    actor = world.actor("expert")
    seats.pledge(actor=actor, reference=panel.reference, at=START)
    ties = f"某某有限公司\n{units[1].name.replace('有限公司', ' 有限公司')}"
    seats.declare(actor=actor, reference=panel.reference, conflicts={}, ties=ties, at=START)
    mine = Sheet.objects.filter(seat__user=world.user("expert"))
    assert mine.get(item__application=units[1]).conflict == ConflictKind.DECLARED
    page = reads.get(actor, panel.reference)
    assert [unit.reference for unit in page.units].count(alias(units[1])) == 0
    assert len(page.units) == 2
    with pytest.raises(NotVisible):
        reads.scoring(actor, panel.reference, alias(units[1]))


def test_scoring_and_locking_work_by_alias(world: World, panel: Panel, units: list[Application]) -> None:
    stage.admitted(world, panel, "expert", "expert2")
    for character in ("expert", "expert2"):
        actor = world.actor(character)
        for case in units:
            seats.save_sheet(
                actor=actor,
                reference=panel.reference,
                case=alias(case),
                version=0,
                score=Decimal(88),
                suggests=True,
                comment="指标先进",
                at=START,
            )
        versions = {alias(case): 1 for case in units}
        seats.lock(actor=actor, reference=panel.reference, versions=versions, at=START)
    panel.refresh_from_db()
    panels.conclude(
        actor=world.actor("city_handler"),
        reference=panel.reference,
        version=panel.version,
        result=stage.result(units),
        at=START,
    )
    assert {item.score for item in panel.items.all()} == {Decimal(88)}


def test_no_expert_is_named_to_the_applicant(world: World, call: Any, case: Application) -> None:
    panel = stage.opened(world, [case], ("expert", "expert2"))
    stage.admitted(world, panel, "expert", "expert2")
    stage.locked(world, panel, "expert", "80")
    stage.locked(world, panel, "expert2", "90")
    client = world.client("applicant")
    pages = [client.get(reverse("applications:case", args=[case.reference])), client.get(reverse("portal:inbox"))]
    panel.refresh_from_db()
    panels.conclude(
        actor=world.actor("city_handler"),
        reference=panel.reference,
        version=panel.version,
        result=stage.result([case]),
        at=START,
    )
    pages += [client.get(reverse("applications:case", args=[case.reference])), client.get(reverse("portal:work"))]
    assert all(page.status_code == 200 for page in pages)
    for page in pages:
        assert not [name for name in ("专家甲", "专家乙", "示例大学") if name in page.content.decode()]
