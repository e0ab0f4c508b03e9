"""Criteria sets from Excel: what goes out comes back the same; a mistake is named by sheet, row and column."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from greenlist.core.actors import SYSTEM
from greenlist.policy import services, workbooks
from greenlist.policy.engine.criteria import load_criteria
from greenlist.policy.models import CriteriaSetVersion
from tests.policy.test_criteria import SMALL, small

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "criteria"
AT = datetime(2026, 3, 1, tzinfo=UTC)


def changed(sheet="", row=0, column="", value="", raw=None):
    """The small set's workbook with one cell changed."""
    book = load_workbook(io.BytesIO(workbooks.workbook(raw or small().raw)))
    if sheet:
        heads = [cell.value for cell in book[sheet][1]]
        book[sheet].cell(row, heads.index(column) + 1).value = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def store(content):
    return workbooks.store(name="标准.xlsx", content=content, actor=SYSTEM, at=AT)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_what_goes_out_comes_back_the_same(path):
    before = load_criteria(path.name, path.read_bytes())
    reader = workbooks._Reader("x.xlsx")
    reader.read(workbooks.workbook(before.raw))
    assert not reader.errors
    after = load_criteria("x.toml", reader.text().encode())
    assert replace(after, raw={}, digest="") == replace(before, raw={}, digest="")


@pytest.mark.django_db
def test_a_changed_workbook_is_a_new_version_and_the_old_one_stays():
    services.store_criteria(name="small.toml", content=SMALL.encode(), actor=SYSTEM, at=AT)
    loaded = store(changed("row", 2, "label.en", "Another name"))
    assert (loaded.slug, loaded.number, loaded.new) == ("small", 2, True)
    first, second = CriteriaSetVersion.objects.order_by("number")
    assert "Another name" not in first.source
    assert "Another name" in second.source


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sheet", "row", "column", "value", "place", "key"),
    [
        ("row", 2, "base", 0, "标准.xlsx · row", "2 · base"),
        ("row", 2, "formula", "energy / nothing", "标准.xlsx · row", "2 · formula"),
        ("row", 3, "kind", "sideways", "标准.xlsx · row", "3 · kind"),
        ("row", 3, "label.zh", None, "标准.xlsx · row", "3 · label.zh"),
        ("row", 3, "may_be_not_applicable", "maybe", "标准.xlsx · row", "3 · may_be_not_applicable"),
        ("row", 3, "group", "nowhere", "标准.xlsx · row", "3 · group"),
        ("classes", 2, "lead", "-1", "标准.xlsx · classes", "2 · base"),
        ("classes", 2, "row", "nothing", "标准.xlsx · classes", "2 · row"),
        ("options", 3, "points", "many", "标准.xlsx · options", "3 · points"),
        ("input", 2, "unit", "kg", "标准.xlsx · input", "2 · unit"),
        ("input", 2, "decimals", "two", "标准.xlsx · input", "2 · decimals"),
        ("criteria", 3, "value", "farm", "标准.xlsx · criteria", "3 · value"),
    ],
)  # fmt: skip
def test_every_mistake_names_its_cell_and_nothing_is_stored(sheet, row, column, value, place, key):
    with pytest.raises(services.BrokenFiles) as wrong:
        store(changed(sheet, row, column, value))
    assert (place, key) in {(error.file, error.key) for error in wrong.value.errors}, wrong.value.errors
    assert not CriteriaSetVersion.objects.exists()


@pytest.mark.django_db
def test_files_that_are_no_such_workbook():
    strange = Workbook()
    strange.active.title = "其他"
    strange.active.append(["x"])
    out = io.BytesIO()
    strange.save(out)
    long = changed("row", 2, "label.zh", "长" * 3000)
    for content in (b"", b"PK\x03\x04", b"not a workbook", out.getvalue(), long):
        with pytest.raises(services.BrokenFiles):
            store(content)
    assert not CriteriaSetVersion.objects.exists()


def test_the_empty_template_has_every_sheet():
    book = load_workbook(io.BytesIO(workbooks.workbook()))
    assert book.sheetnames == list(workbooks.SHEETS)
    assert [cell.value for cell in book["row"][1]][:2] == ["group", "key"]
