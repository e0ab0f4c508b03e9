"""The report as a Word file: the same paper as the PDF, safe against whatever was typed, the same words a year later."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from docx import Document as WordFile
from docx.oxml.ns import qn
from docx.table import Table
from lxml import etree
from pypdf import PdfReader

from applications.documents import report
from applications.models import Application, Call, Document, Evidence, ReportVersion
from greenlist.core import word
from greenlist.core.actors import SYSTEM
from greenlist.organisations.models import Organisation
from greenlist.policy import services as policies
from greenlist.policy.models import RuleSetVersion
from tests.applications import filled
from tests.rendering import content, fetched
from tests.world import World

HOSTILE = (
    "{{ 7*7 }}{% include 'x' %}{%tr for a in b %}${x}<w:p/><w:br w:type='page'/></w:t></w:r>]]>&lt;&amp;"
    '<?xml version="1.0"?><!ENTITY a SYSTEM "file:///etc/passwd">&a; MERGEFIELD "\u202eabc'
)
# The order that ISO 29500 asks for, of the children we or python-docx write: Word repairs a file that breaks it.
ORDER = {
    "pPr": "pStyle keepNext keepLines pageBreakBefore widowControl numPr pBdr tabs spacing ind contextualSpacing jc "
    "outlineLvl rPr sectPr",
    "rPr": "rStyle rFonts b bCs i iCs caps color spacing kern sz szCs u vertAlign lang",
    "tblPr": "tblStyle tblpPr tblW jc tblInd tblBorders tblLayout tblCellMar tblLook",
    "tcPr": "tcW gridSpan vMerge tcBorders shd vAlign",
    "sectPr": "footnotePr type pgSz pgMar cols titlePg docGrid",
    "tbl": "tblPr tblGrid tr",
    "tr": "trPr tc",
    "tc": "tcPr p",
    "p": "pPr r",
    "style": "name aliases basedOn next link uiPriority semiHidden unhideWhenUsed qFormat rsid pPr rPr tblPr trPr tcPr "
    "tblStylePr",
}


@pytest.fixture
def call(world: World) -> Call:
    filled.load_rules()
    return filled.open_call(world)


@pytest.fixture
def case(world: World, call: Call) -> Application:
    return filled.submitted(world, call)


def declared(case: Application) -> tuple[ReportVersion, Any]:
    version = case.report.versions.order_by("-number").first()
    assert version is not None
    return version, WordFile(io.BytesIO(report.declared_content(case, version, "docx")))


def said(document: Any) -> Iterator[str]:
    """Every text from top to bottom, cell by cell."""
    for part in document.iter_inner_content():
        if isinstance(part, Table):
            for row in part.rows:
                yield from (cell.text for cell in row.cells)
        else:
            yield part.text


def flat(text: str) -> str:
    return "".join(text.split())


def pdf_text(body: bytes) -> str:
    pages = [flat(page.extract_text()) for page in PdfReader(io.BytesIO(body)).pages]
    return "".join(re.sub(r"第\d+页/共\d+页", "", page) for page in pages)


# ---- the same paper ---------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-N3a")
def test_the_word_file_says_in_the_same_order_what_the_pdf_says(world: World, case: Application) -> None:
    from django.urls import reverse

    client = world.client("county_handler")
    bodies = {}
    for name in ("pdf", "docx"):
        answer = fetched(client, reverse(f"applications:report-{name}", args=[case.reference]))
        assert answer["Content-Type"] == report.TYPES[name]
        assert answer["Content-Disposition"].endswith(f".{name}")
        bodies[name] = content(answer)
    pdf, document = pdf_text(bodies["pdf"]), WordFile(io.BytesIO(bodies["docx"]))
    version = case.report.versions.get()
    assert {row.data_digest for row in Document.objects.all()} == {version.digest}
    texts = [flat(text) for text in said(document) if flat(text)]
    assert len(texts) > 100
    # Line ends of the PDF may part a text from its neighbour, never change it.
    missing = [text for text in texts if text not in pdf]
    assert missing == []
    headings = [flat(one.text) for one in document.paragraphs if one.style.name == "Heading 1"]
    places = [pdf.index(heading) for heading in headings]
    assert places == sorted(places)
    assert headings[-3:] == ["附一指标计算结果", "附二证明材料目录", "真实性承诺"]
    everything = "".join(texts)
    for wanted in (case.name, case.number, version.digest, "声明人：申报人", "GB/T36132-2018"):
        assert flat(wanted) in everything
    left = pdf
    for text in sorted(texts, key=len, reverse=True):
        left = left.replace(text, "", 1)
    assert len(left) < len(pdf) * 0.1  # heads of tables that are repeated on each page


@pytest.mark.clause("QHD-N3a")
def test_it_is_an_official_paper_a4_with_headings_fonts_numbers_and_language(case: Application) -> None:
    version, document = declared(case)
    page = document.sections[0]
    assert (round(page.page_width.mm), round(page.page_height.mm)) == (210, 297)
    assert document.core_properties.title == f"{case.name} 绿色工厂自评价报告"
    assert document.core_properties.language == "zh-CN"
    assert document.core_properties.created.replace(tzinfo=None) == version.declared_at.replace(
        tzinfo=None, microsecond=0
    )
    language = document.styles.element.find(qn("w:docDefaults")).find(f".//{qn('w:lang')}")
    assert {language.get(qn("w:val")), language.get(qn("w:eastAsia"))} == {"zh-CN"}
    for name, font in (("Normal", "仿宋"), ("Heading 1", "黑体"), ("Title", "方正小标宋简体"), ("Table Text", "仿宋")):
        fonts = document.styles[name].element.rPr.rFonts
        assert fonts.get(qn("w:eastAsia")) == font
        assert not [key for key in fonts.attrib if key.endswith("Theme")], name  # they would win over the name
    foot = page.footer.paragraphs[0]
    fields = [one.text.strip() for one in foot._p.iter(qn("w:instrText"))]
    assert fields == ["PAGE", "NUMPAGES"]
    assert page.header.paragraphs[0].text == ""
    grids = [table for table in document.tables if table._tbl.tblPr.find(qn("w:tblLook")).get(qn("w:firstRow")) == "1"]
    assert len(grids) >= 3
    for table in grids:
        assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")).get(qn("w:val")) == "true"
        assert all(row._tr.trPr.find(qn("w:tblHeader")) is None for row in list(table.rows)[1:])


@pytest.mark.clause("QHD-N3a", "QHD-N4d")
def test_the_template_and_the_draft_as_word_files(world: World, call: Call) -> None:
    from django.urls import reverse

    case = filled.start(world, call)
    address = reverse("applications:report-docx", args=[case.reference]) + "?draft=1"
    draft = WordFile(io.BytesIO(content(fetched(world.client("applicant"), address))))
    assert draft.sections[0].header.paragraphs[0].text == "草稿"
    assert world.client("county_handler").get(address).status_code == 404
    assert world.client("expert").get(address).status_code == 404
    annex = reverse("applications:annex", args=["130300", call.pk, "report", "docx"])
    blank = WordFile(io.BytesIO(content(fetched(world.client("anonymous"), annex))))
    text = flat("".join(said(blank)))
    assert "真实性承诺" in text and "综合能源消费量" in text and "申报单位（盖章）" in text
    assert case.name not in text
    assert blank.sections[0].header.paragraphs[0].text == ""


# ---- whatever was typed -------------------------------------------------------------------------------------------------
@pytest.mark.case("DO-13")
def test_what_somebody_typed_is_shown_and_never_run(world: World, case: Application) -> None:
    version, harmless = declared(case)
    texts = 0
    for section in version.data["sections"].values():
        for key, value in section.items():
            if isinstance(value, str) and "示例" in value:
                section[key] = HOSTILE
                texts += 1
    assert texts > 5
    Application.objects.filter(pk=case.pk).update(name=HOSTILE[:100])
    case.refresh_from_db()
    body = report.declared_content(case, version, "docx")
    document = WordFile(io.BytesIO(body))
    assert "".join(said(document)).count(HOSTILE) == texts
    assert document.core_properties.title.startswith(HOSTILE[:100])
    shape = [(len(table.rows), len(table.columns)) for table in document.tables]
    assert shape == [(len(table.rows), len(table.columns)) for table in harmless.tables]
    assert len(document.paragraphs) == len(harmless.paragraphs)
    sound(body)


@pytest.mark.case("DO-13")
def test_signs_that_no_xml_can_hold_are_left_out_and_line_ends_stay() -> None:
    controls = "".join(map(chr, range(32))) + "\x7f\ud800\udfff\ufffe\uffff"
    paper = word.Paper(title=f"题{controls}目", mark="草稿")
    paper.text(f"甲{controls}乙\r\n丙\r丁𠮷㙓")
    paper.table(("头\x00",), [(f"格\x0b{HOSTILE}",)], widths=(100,))
    body = paper.bytes()
    document = WordFile(io.BytesIO(body))
    assert document.core_properties.title == "题\t\n\n目"
    assert document.paragraphs[0].text == "甲\t\n\n乙\n丙\n丁𠮷㙓"
    assert document.tables[0].rows[1].cells[0].text == f"格{HOSTILE}"
    sound(body)


def sound(body: bytes) -> None:
    """Every part is well formed, has its type and holds its elements in the order of the standard; no part leads out."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == len(set(names))
        types = archive.read("[Content_Types].xml").decode()
        for name in names:
            text = archive.read(name)
            if not name.endswith((".xml", ".rels")):
                continue
            assert b"<!DOCTYPE" not in text and b"<!ENTITY" not in text, name
            tree = etree.fromstring(text)
            assert (
                name == "[Content_Types].xml"
                or f'"/{name}"' in types
                or name.endswith(".rels")
                or 'Extension="xml"' in types
            )
            if name.endswith(".rels"):
                assert not [one for one in tree if one.get("TargetMode") == "External"], name
            for kind, words in ORDER.items():
                order = words.split()
                for element in tree.iter(qn(f"w:{kind}")):
                    given = [etree.QName(child).localname for child in element if isinstance(child.tag, str)]
                    known = [order.index(child) for child in given if child in order]
                    assert known == sorted(known), (name, kind, given)
            for cell in tree.iter(qn("w:tc")):
                assert etree.QName(cell[-1]).localname == "p", "a cell must end with a paragraph"


@pytest.mark.case("DO-13")
def test_the_whole_report_is_a_sound_file(case: Application) -> None:
    version, _document = declared(case)
    sound(report.declared_content(case, version, "docx"))


# ---- a year later -------------------------------------------------------------------------------------------------------
@pytest.mark.case("WF-17")
def test_a_year_later_the_same_words_are_printed(world: World, case: Application, tmp_path: Path) -> None:
    """New rules with another form, a renamed firm, evidence taken away and added: the declared paper stays word for word."""
    version, document = declared(case)
    before = {"docx": list(said(document)), "pdf": pdf_text(report.declared_content(case, version, "pdf"))}
    later = version.declared_at + timedelta(days=365)

    folder = tmp_path / "fixtures"
    shutil.copytree(settings.POLICIES_DIR.parent, folder)
    for file in folder.rglob("*.toml"):
        text = file.read_text(encoding="utf-8")
        if "sections" in text or "[[section" in text:
            file.write_text(re.sub(r'(zh = "|title = ")', r"\1新版·", text), encoding="utf-8")
    policies.load_policies(actor=SYSTEM, at=later, folder=folder)
    newest = RuleSetVersion.objects.filter(rule_set=case.call.rules.rule_set).order_by("-number")[0]
    assert newest.number > case.call.rules.number
    assert "新版·" in str(newest.canonical)
    Organisation.objects.filter(pk=case.organisation_id).update(name="后来改名的示例公司")
    row = Evidence.objects.filter(report=case.report).first()
    assert row is not None
    Evidence.objects.create(
        report=case.report, section=row.section, field=row.field, blob=row.blob, added_by=row.added_by, added_at=later
    )
    Evidence.objects.filter(pk=row.pk).update(removed_at=later)
    Document.objects.all().delete()

    again = Application.objects.select_related("call__rules", "report").get(pk=case.pk)
    version, document = declared(again)
    assert list(said(document)) == before["docx"]
    assert pdf_text(report.declared_content(again, version, "pdf")) == before["pdf"]
    assert "新版" not in before["pdf"]
