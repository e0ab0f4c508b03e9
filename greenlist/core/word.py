"""Word files (DOCX) in the layout of Chinese official documents: A4, page numbers, real headings, Chinese fonts by name.

Built by python-docx, never from a template with places to fill: whatever somebody typed is text, not markup (DO-13).
"""

import io
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SERIF, SANS, TITLE = (
    "仿宋",
    "黑体",
    "方正小标宋简体",
)  # what Chinese offices have; Word takes its nearest where it has none
LATIN = "Times New Roman"
LANGUAGE = "zh-CN"
RED, GREY = RGBColor(0xC8, 0x16, 0x1D), RGBColor(0x44, 0x44, 0x44)
# What XML 1.0 cannot hold: controls but tab and line ends, halves of surrogate pairs, the two non-characters.
UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def clean(text: str) -> str:
    """The text without the signs that no XML file can hold; line ends as one kind."""
    return UNFIT.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


class Paper:
    """One Word file in the making; parts are added from top to bottom."""

    def __init__(self, *, title: str, author: str = "", mark: str = "", written: datetime | None = None) -> None:
        """`mark`: a word on every page, e.g. 草稿. `written`: when its content was settled, if it was."""
        self.document: Any = Document()
        _styles(self.document)
        self._page(mark)
        about = self.document.core_properties
        about.title, about.author, about.language = clean(title)[:255], clean(author)[:255], LANGUAGE
        about.comments, about.last_modified_by = "", clean(author)[:255]
        _forget_template(self.document, written)

    def _page(self, mark: str) -> None:
        page = self.document.sections[0]
        page.page_width, page.page_height = Mm(210), Mm(297)
        page.left_margin = page.right_margin = Mm(20)
        page.top_margin, page.bottom_margin = Mm(24), Mm(22)
        page.different_first_page_header_footer = False
        foot = page.footer.paragraphs[0]
        foot.alignment = WD_ALIGN_PARAGRAPH.CENTER
        for text, field in (("第 ", "PAGE"), (" 页 / 共 ", "NUMPAGES")):
            foot.add_run(text)
            _field(foot, field)
        foot.add_run(" 页")
        if mark:
            head = page.header.paragraphs[0]
            head.alignment = WD_ALIGN_PARAGRAPH.CENTER
            run = head.add_run(mark)
            run.bold, run.font.size, run.font.color.rgb = True, Pt(16), RED

    # ---- parts --------------------------------------------------------------------------------------------------------
    def title(self, text: str) -> None:
        self._text(text, "Title")

    def heading(self, text: str, level: int = 1) -> None:
        self._text(text, f"Heading {level}")

    def text(self, text: str, *, style: str = "Normal", indent: bool = False, align: str = "") -> None:
        added = self._text(text, style)
        if indent:
            added.paragraph_format.first_line_indent = Pt(24)
        if align:
            added.alignment = getattr(WD_ALIGN_PARAGRAPH, align.upper())

    def picture(self, content: bytes, *, width: float, caption: str = "") -> None:
        """A picture in the middle of the page, `width` millimetres wide, no taller than wide, with what it shows below."""
        paragraph = self.document.add_paragraph()
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        shape = paragraph.add_run().add_picture(io.BytesIO(content), width=Mm(width))
        if shape.height > shape.width:
            shape.height, shape.width = Mm(width), int(shape.width * Mm(width) / shape.height)
        shape._inline.docPr.set("descr", clean(caption))  # read aloud in place of the picture
        if caption:
            self.text(caption, style="Small", align="center")

    def space(self, millimetres: float) -> None:
        self.document.add_paragraph().paragraph_format.space_before = Mm(millimetres)

    def page_break(self) -> None:
        self.document.add_page_break()

    def facts(self, rows: Iterable[tuple[str, str]], *, widths: tuple[float, float], lines: bool = True) -> None:
        """Label and value, row by row; the labels are the row headers."""
        rows = list(rows)
        if not rows:
            return
        table = self._table(len(rows), widths, "Table Grid" if lines else "Normal Table")
        _mark_first(table, row=False)
        for row, (label, value) in zip(table.rows, rows, strict=True):
            self._cell(row.cells[0], label, "Table Head", "" if lines else "right")
            self._cell(row.cells[1], value, "Table Text")

    def table(
        self,
        head: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        widths: Sequence[float],
        aligns: Sequence[str] = (),
    ) -> None:
        """A grid whose head is repeated on every page. Short rows are filled up, so that no cell is missing."""
        rows = list(rows)
        table = self._table(len(rows) + 1, widths, "Table Grid")
        _mark_first(table, row=True)
        _repeat(table.rows[0])
        for cell, text in zip(_cells(table.rows[0]), head, strict=True):
            self._cell(cell, text, "Table Head", "center")
        aligned = [*aligns, *[""] * (len(head) - len(aligns))]
        # Asked for once: python-docx counts all cells anew each time.
        for row, texts in zip(list(table.rows)[1:], rows, strict=True):
            filled = [*texts, *[""] * (len(head) - len(texts))]
            _whole(row)
            for cell, text, align in zip(_cells(row), filled, aligned, strict=False):
                self._cell(cell, text, "Table Text", align)

    def bytes(self) -> bytes:
        out = io.BytesIO()
        self.document.save(out)
        return out.getvalue()

    # ---- pieces -------------------------------------------------------------------------------------------------------
    def _text(self, text: str, style: str) -> Any:
        return self.document.add_paragraph(clean(text), style=style)

    def _table(self, rows: int, widths: Sequence[float], style: str) -> Any:
        table = self.document.add_table(rows=rows, cols=len(widths), style=style)
        table.alignment, table.autofit = WD_TABLE_ALIGNMENT.CENTER, False
        for column, width in zip(table.columns, widths, strict=True):
            column.width = Mm(width)
        for row in table.rows:
            for cell, width in zip(_cells(row), widths, strict=True):
                cell.width = Mm(width)
        after = self.document.add_paragraph()
        after.paragraph_format.space_after = Pt(0)
        after.paragraph_format.line_spacing = Pt(6)
        return table

    @staticmethod
    def _cell(cell: Any, text: str, style: str, align: str = "") -> None:
        paragraph = cell.paragraphs[0]
        paragraph.style = style
        paragraph.add_run(clean(text))
        if align in ("right", "center"):
            paragraph.alignment = getattr(WD_ALIGN_PARAGRAPH, align.upper())


def _forget_template(document: Any, written: datetime | None) -> None:
    """The picture and the days of python-docx's own empty file are not those of ours."""
    about = document.core_properties._element
    for name in ("created", "modified"):
        for found in about.findall(qn(f"dcterms:{name}")):
            about.remove(found)
    if written is not None:
        moment = written.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        document.core_properties.created = document.core_properties.modified = moment
    links = document.part.package.rels
    for key in [key for key, link in links.items() if link.reltype.endswith("/thumbnail")]:
        del links[key]


def _styles(document: Any) -> None:
    base = document.styles["Normal"]
    _font(base, SERIF, 12)
    base.paragraph_format.line_spacing = 1.4
    base.paragraph_format.space_after = Pt(0)
    for name, font, size in (("Title", TITLE, 26.0), ("Heading 1", SANS, 14.0), ("Heading 2", SANS, 12.0)):
        style = document.styles[name]
        _font(style, font, size)
        style.font.color.rgb = RGBColor(0, 0, 0)
        style.font.bold = False
        style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(12), Pt(6)
        style.paragraph_format.keep_with_next = True
    title = document.styles["Title"]
    title.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
    borders = title.element.pPr.find(qn("w:pBdr"))
    if borders is not None:  # the line that python-docx's own template puts under a title
        title.element.pPr.remove(borders)
    for name, font, size in (("Table Text", SERIF, 10.5), ("Table Head", SANS, 10.5), ("Small", SERIF, 9.0)):
        style = document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = base
        _font(style, font, size)
        style.paragraph_format.line_spacing = 1.2
    document.styles["Small"].font.color.rgb = GREY
    # The language of every run that says nothing else: spelling and reading aloud go by it.
    default = document.styles.element.find(qn("w:docDefaults")).find(qn("w:rPrDefault")).find(qn("w:rPr"))
    language = default.find(qn("w:lang"))
    if language is None:
        language = OxmlElement("w:lang")
        default.append(language)
    for name in ("w:val", "w:eastAsia"):
        language.set(qn(name), LANGUAGE)


def _font(style: Any, chinese: str, size: float) -> None:
    """Chinese signs go by the East Asian font alone: Word would otherwise take its own for them."""
    style.font.name, style.font.size = LATIN, Pt(size)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for name in list(fonts.attrib):
        if name.endswith("Theme"):  # a theme font wins over a named one
            del fonts.attrib[name]
    for name in ("w:ascii", "w:hAnsi", "w:cs"):
        fonts.set(qn(name), LATIN)
    fonts.set(qn("w:eastAsia"), chinese)


def _field(paragraph: Any, instruction: str) -> None:
    """A number that Word counts itself."""
    for kind in ("begin", "instruction", "separate", "value", "end"):
        run = paragraph.add_run("1" if kind == "value" else "")
        if kind == "instruction":
            text = OxmlElement("w:instrText")
            text.set(qn("xml:space"), "preserve")
            text.text = f" {instruction} "
            run._r.append(text)
        elif kind != "value":
            sign = OxmlElement("w:fldChar")
            sign.set(qn("w:fldCharType"), kind)
            run._r.append(sign)


def _cells(row: Any) -> list[Any]:
    return list(row.cells)


def _repeat(row: Any) -> None:
    about = row._tr.get_or_add_trPr()
    again = OxmlElement("w:tblHeader")
    again.set(qn("w:val"), "true")
    about.append(again)


def _whole(row: Any) -> None:
    """A row is not broken over two pages unless it is longer than one."""
    about = row._tr.get_or_add_trPr()
    whole = OxmlElement("w:cantSplit")
    whole.set(qn("w:val"), "true")
    about.append(whole)


def _mark_first(table: Any, *, row: bool) -> None:
    """Tells readers of the file which cells are headers: the first row, or the first column."""
    look = table._tbl.tblPr.find(qn("w:tblLook"))
    if look is None:
        look = OxmlElement("w:tblLook")
        table._tbl.tblPr.append(look)
    for name in list(look.attrib):
        del look.attrib[name]
    look.set(qn("w:val"), "0020" if row else "0080")
    for name, on in (("firstRow", row), ("lastRow", False), ("firstColumn", not row), ("lastColumn", False)):
        look.set(qn(f"w:{name}"), "1" if on else "0")
    for name in ("noHBand", "noVBand"):
        look.set(qn(f"w:{name}"), "1")
