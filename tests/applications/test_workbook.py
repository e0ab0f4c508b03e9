"""Excel both ways: what goes out comes back the same, mistakes are named by place, hostile files change nothing."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils.translation import gettext as _
from openpyxl import load_workbook

from applications.documents import workbook as papers
from applications.forms import workbook as sheets
from applications.models import Application, Section
from applications.selectors import drafts as reads
from applications.services import drafts, screening
from greenlist.core.models import AuditEntry
from greenlist.core.sheets import is_crowded
from tests.applications import filled
from tests.world import World

NOON = datetime.fromisoformat("2026-03-03T12:00:00+08:00")
Edit = Callable[[Any], None]


@pytest.fixture
def case(world: World) -> Application:
    filled.load_rules()
    return filled.start(world, filled.open_call(world))


def draft(case: Application) -> reads.Draft:
    return reads.draft_of(case, reads.form_of(case))


def made(case: Application, edit: Edit | None = None) -> bytes:
    """The workbook of the draft, changed as a person would in a spreadsheet."""
    body = papers.workbook(case, draft(case), reads.opened(case))
    if edit is None:
        return body
    book = load_workbook(io.BytesIO(body))
    edit(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def at(book: Any, name: str) -> Any:
    """The cell of "section.field" or "section.table.0.column"; sheets are in the order of the sections."""
    section, _dot, rest = name.partition(".")
    for page in book.worksheets:
        if page.title.endswith(" " + TITLES[section]):
            key, _dot, column = rest.rpartition(".") if "." in rest else (rest, "", "")
            row = next(cell.row for cell in page["A"] if cell.value == key)
            return page.cell(row=row, column=3 if not column else 3 + COLUMNS[rest.split(".")[0]].index(column))
    raise AssertionError(name)


TITLES: dict[str, str] = {}
COLUMNS: dict[str, list[str]] = {}


@pytest.fixture(autouse=True)
def _names(case: Application) -> None:
    form = reads.form_of(case)
    TITLES.update({one.key: one.title.zh for one in form.sections})
    for section in form.sections:
        COLUMNS.update({one.key: [c.key for c in papers.columns(one)] for one in section.fields if one.columns})


def put(**values: Any) -> Edit:
    def edit(book: Any) -> None:
        for name, value in values.items():
            at(book, name.replace("__", ".")).value = value

    return edit


def look(world: World, case: Application, body: bytes, who: str = "applicant") -> Any:
    upload = SimpleUploadedFile("填报.xlsx", body)
    return world.client(who).post(reverse("applications:workbook", args=[case.reference]), {"file": upload})


def take(world: World, case: Application, page: Any, who: str = "applicant") -> Any:
    packed = page.context["preview"].packed
    return world.client(who).post(reverse("applications:workbook-take", args=[case.reference]), {"packed": packed})


def refused(case: Application, body: bytes) -> sheets.WorkbookRefused:
    with pytest.raises(sheets.WorkbookRefused) as caught:
        sheets.Reader(case, draft(case), reads.opened(case)).read(body)
    return caught.value


# ---- there and back -------------------------------------------------------------------------------------------------
def test_an_untouched_workbook_changes_nothing(world: World, case: Application) -> None:
    filled.fill(world, case)
    assert sheets.Reader(case, draft(case), reads.opened(case)).read(made(case)) == ()


def test_figures_are_previewed_then_stored_all_at_once(world: World, case: Application) -> None:
    edit = put(
        production__cod=1234.5,
        basic__founded_on=date(2011, 6, 7),
        basic__ownership="民营",
        conditions__registered="已登记",
        economy__annual__0__year=2024,
        economy__annual__0__output_value="1,200.50",
        basic__profile="不是公式，是文字",
    )
    page = look(world, case, made(case, edit))
    assert page.status_code == 200
    assert "1234.5" in page.content.decode()
    assert not Section.objects.filter(report=case.report, version__gt=0).exists()
    assert take(world, case, page).status_code == 302
    data = draft(case).data
    assert data["production"]["cod"] == "1234.5"
    assert (data["basic"]["founded_on"], data["basic"]["ownership"]) == ("2011-06-07", "private")
    assert data["conditions"]["registered"] == "已登记"
    assert data["economy"]["annual"][0] == {"year": "2024", "output_value": "1200.5"}
    entry = AuditEntry.objects.get(subject_kind="case", subject_id=str(case.pk), action="case.workbook_taken")
    assert entry.user_id == world.user("applicant").pk


def test_a_text_that_begins_like_a_formula_comes_back_as_it_was(world: World, case: Application) -> None:
    drafts.save_section(
        actor=world.actor("applicant"),
        at=NOON,
        reference=case.reference,
        section="basic",
        answers={"profile": "=1+1 的文字"},
        version=0,
    )
    cell = at(load_workbook(io.BytesIO(made(case))), "basic.profile")
    assert cell.data_type == "s"
    assert sheets.Reader(case, draft(case), reads.opened(case)).read(made(case)) == ()


def test_heads_are_locked_and_answers_are_not(case: Application) -> None:
    book = load_workbook(io.BytesIO(made(case)))
    cell = at(book, "basic.employees")
    assert cell.parent.protection.sheet
    assert not cell.protection.locked
    assert cell.parent.cell(row=cell.row, column=2).protection.locked
    assert book[papers.HIDDEN].sheet_state == "veryHidden"
    ownership = at(book, "basic.ownership")
    rules = [one for one in ownership.parent.data_validations.dataValidation if ownership.coordinate in one.sqref]
    assert [one.type for one in rules] == ["list"]


def test_after_a_return_only_what_was_opened_is_taken(world: World, case: Application) -> None:
    case = filled.submitted(world, case.call, "rival", "rival")
    screening.return_for_correction(
        actor=world.actor("other_county_handler"),
        at=NOON,
        reference=case.reference,
        fields=["basic.profile"],
        reason="简介与产品不符",
    )
    case.refresh_from_db()
    wrong = refused(case, made(case, put(basic__employees=77, basic__profile="新的简介")))
    assert [(one.row > 0, one.column, one.value) for one in wrong.rows] == [(True, "C", "77")]
    right = sheets.Reader(case, draft(case), reads.opened(case)).read(made(case, put(basic__profile="新的简介")))
    assert [one.answers for one in right] == [{"profile": "新的简介"}]


def test_calculators_go_out_and_come_back_with_three_years_side_by_side(world: World, case: Application) -> None:
    rows = [
        {"item": "electricity", "amount": "1200", "amount_1": "1100.5", "product": "p1"},
        {"item": "diesel", "unit": "kg", "amount": "30000", "amount_2": "0"},
    ]
    drafts.save_section(
        actor=world.actor("applicant"), at=NOON, reference=case.reference,
        section="energy", answers={"use": rows}, version=0,
    )  # fmt: skip
    body = made(case)
    book = load_workbook(io.BytesIO(body))
    assert [at(book, f"energy.use.0.{key}").value for key in ("amount", "amount_1", "amount_2")] == [1200, 1100.5, None]
    assert at(book, "energy.use.1.unit").value == "kg（千克）"
    sheet = at(book, "energy.use.0.amount").parent
    told = {row[0].value: row[2].value for row in sheet.iter_rows(max_col=3) if row[0].value}
    assert [told[f"use.tce{year}"] for year in ("", "_1", "_2")] == [1518.51, 1352.51, 0]  # 30 t × 1.4571
    assert "carbon_table.tco2_2" in told
    assert sheets.Reader(case, draft(case), reads.opened(case)).read(body) == ()
    page = look(
        world, case,
        made(case, put(energy__use__2__item="natural_gas", energy__use__2__amount=80, energy__use__2__amount_2=70)),
    )  # fmt: skip
    assert take(world, case, page).status_code == 302
    assert draft(case).data["energy"]["use"] == [*rows, {"item": "natural_gas", "amount": "80", "amount_2": "70"}]


def test_a_unit_of_another_dimension_is_named_by_its_cell(world: World, case: Application) -> None:
    edit = put(energy__use__0__item="外购电力（万kWh）", energy__use__0__unit="t（吨）", energy__use__0__amount=1)
    wrong = refused(case, made(case, edit)).rows
    assert [(one.value, one.sheet.endswith("能源低碳化")) for one in wrong] == [("t（吨）", True)]


# ---- mistakes -------------------------------------------------------------------------------------------------------
def test_every_mistake_is_named_by_place_value_and_rule_and_nothing_is_stored(world: World, case: Application) -> None:
    edit = put(
        production__cod="很大",
        basic__ownership="不存在",
        basic__employees=100,
        economy__annual__1__revenue=-5,
        economy__annual__1__year=2024,
    )
    page = look(world, case, made(case, edit))
    assert page.status_code == 422
    told = {(one.value, one.column) for one in page.context["refused"].rows}
    assert told == {("很大", "C"), ("不存在", "C"), ("-5", "E")}
    assert all(one.sheet and one.row > 4 and str(one.rule) for one in page.context["refused"].rows)
    assert not Section.objects.filter(report=case.report, version__gt=0).exists()


def test_formulas_errors_and_rounded_numbers_are_refused(case: Application) -> None:
    edit = put(production__cod="=1+1", basic__employees="#DIV/0!", basic__contact_phone=12345678901234567)
    rules = {str(one.rule) for one in refused(case, made(case, edit)).rows}
    assert len(rules) == 3, rules


def test_moved_rows_and_columns_are_refused(case: Application) -> None:
    def edit(book: Any) -> None:
        book.worksheets[0].insert_cols(3)
        book.worksheets[1].cell(row=400, column=4).value = "夹带"
        book.worksheets[2].delete_rows(6)
        book.remove(book.worksheets[3])

    rows = refused(case, made(case, edit)).rows
    assert len({one.sheet for one in rows}) == 4


def test_a_workbook_of_another_form_or_report_is_old(world: World, case: Application) -> None:
    body = made(case)
    case.report.form_digest = "0" * 64
    case.report.save()
    page = look(world, case, body)
    assert page.status_code == 422
    assert page.context["refused"].is_old
    assert reverse("applications:workbook-download", args=[case.reference]) in page.content.decode()
    other = filled.start(world, filled.open_call(world, year=2027))
    assert refused(other, body).is_old
    assert refused(case, made(case, lambda book: book.remove(book[papers.HIDDEN]))).is_old


def test_a_section_changed_since_the_download_is_a_conflict_by_name(world: World, case: Application) -> None:
    body = made(case, put(basic__employees=5, conditions__registered="已登记"))
    page = look(world, case, body)
    drafts.save_section(
        actor=world.actor("colleague"),
        at=NOON,
        reference=case.reference,
        section="conditions",
        answers={"registered": "同事写的"},
        version=0,
    )
    answer = take(world, case, page)
    assert answer.status_code == 409
    assert TITLES["conditions"] in answer.content.decode()
    assert "employees" not in draft(case).data["basic"], "nothing of the other section either"
    again = look(world, case, body)
    assert again.status_code == 409
    assert [one.key for one in again.context["preview"].stale] == ["conditions"]


def test_only_the_previewer_may_take_and_only_what_was_previewed(world: World, case: Application) -> None:
    page = look(world, case, made(case, put(basic__employees=5)))
    assert take(world, case, page, "colleague").status_code == 422
    url = reverse("applications:workbook-take", args=[case.reference])
    assert world.client("applicant").post(url, {"packed": "x:y:z"}).status_code == 422
    assert take(world, case, page).status_code == 302


# ---- hostile files --------------------------------------------------------------------------------------------------
def rewritten(
    body: bytes,
    change: Callable[[str, bytes], bytes],
    more: dict[str, bytes] | None = None,
    method: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(out, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
        for name, content in (more or {}).items():
            new.writestr(name, content)
    return out.getvalue()


def first_sheet(pattern: bytes, by: bytes) -> Callable[[str, bytes], bytes]:
    return lambda name, content: (
        re.sub(pattern, by, content, count=1) if name == "xl/worksheets/sheet1.xml" else content
    )


def test_a_lying_dimension_loses_no_row(case: Application) -> None:
    body = made(case, put(basic__employees=4321))
    lying = rewritten(body, first_sheet(rb'<dimension ref="[^"]*" ?/>', b'<dimension ref="A1:B2"/>'))
    assert lying != body
    found = sheets.Reader(case, draft(case), reads.opened(case)).read(lying)
    assert [one.answers for one in found] == [{"employees": "4321"}]


def test_a_sheet_of_a_million_rows_is_refused(case: Application) -> None:
    far = b'<row r="1048576"><c r="B1048576"><v>1</v></c></row></sheetData>'
    assert refused(case, rewritten(made(case), first_sheet(b"</sheetData>", far))).rows[0].row == sheets.MAX_ROWS + 1


def test_more_tags_than_any_template_are_refused_before_a_parser_meets_them(case: Application) -> None:
    """One row of empty cells, or strings nobody points to: small in bytes, a hundred times that in memory."""
    body = made(case)
    assert not is_crowded(body, sheets.MAX_MARKS // 8), "our own template is far below"
    cells = b'<row r="9000">' + b"<c/>" * sheets.MAX_MARKS + b"</row></sheetData>"
    hostile = rewritten(body, first_sheet(b"</sheetData>", cells), method=zipfile.ZIP_STORED)
    assert len(hostile) < sheets.MAX_BYTES
    assert str(refused(case, hostile).message) == _("The file is too large when unpacked.")


def test_macros_bombs_document_types_and_other_files_are_refused(case: Application) -> None:
    body = made(case)
    bomb = {"xl/media/x.xml": b"<a>" + b" " * (sheets.MAX_INFLATED + 1) + b"</a>"}
    for hostile in (
        rewritten(body, lambda name, content: content, {"xl/vbaProject.bin": b"x"}),
        rewritten(body, lambda name, content: content, bomb),
        rewritten(body, first_sheet(rb"<sheetData>", b'<!DOCTYPE a [<!ENTITY b "c">]><sheetData>')),
        rewritten(body, first_sheet(rb"</sheetData>", b"")),
        b"PK\x03\x04 nothing of the kind",
        b"%PDF-1.4",
        b"x" * (sheets.MAX_BYTES + 1),
    ):
        assert str(refused(case, hostile).message)
