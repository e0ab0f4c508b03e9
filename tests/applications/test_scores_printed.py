"""Score and verdict of each indicator row on paper and through the API: to those who may see them, hidden from the rest."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse
from docx import Document as WordFile

from applications.documents import dossier, report
from applications.models import Application, Calculation, Document, ReportVersion
from applications.services import judging
from tests.api import keys
from tests.applications import filled, standards
from tests.applications.test_report_word import flat, pdf_text, said
from tests.rendering import content, fetched
from tests.world import World

ROW = "energy.renewable"
SECRET = ("33.03", "92.22", "86.1")  # reference values of factory-2025, hidden from applicants


@pytest.fixture
def case(world: World) -> Application:
    """Declared by the set of 2025, which hides points, reference values and rules; one row corrected by the county."""
    standards.load()
    found = filled.start(world, filled.open_call(world, values={"edition": "factory-2025"}))
    filled.submit(world, filled.fill(world, found))
    judging.judge(
        actor=world.actor("county_handler"), at=filled.SPRING, reference=found.reference, row=ROW,
        values={"value": "2.155"}, note="按绿证核减",
    )  # fmt: skip
    return Application.objects.select_related("report", "call__rules").get(pk=found.pk)


def word_of(world: World, case: Application, who: str) -> str:
    answer = fetched(world.client(who), reverse("applications:report-docx", args=[case.reference]))
    return flat("".join(said(WordFile(io.BytesIO(content(answer))))))


def open_to_all(world: World) -> Application:
    """The same by the set of 2018, which hides nothing."""
    standards.load()
    found = filled.start(world, filled.open_call(world, values={"edition": "factory-2018"}))
    filled.submit(world, filled.fill(world, found))
    return Application.objects.select_related("report", "call__rules").get(pk=found.pk)


def test_the_official_reads_points_references_verdicts_and_the_reason(world: World, case: Application) -> None:
    text = word_of(world, case, "county_handler")
    for wanted in (
        *("附三评价指标表及得分", "绿色工厂评价通则（GB/T36132-2025）", "未核实：未取得标准原文", "满分100"),
        *("2.155%申报值", "评审意见：按绿证核减", "＊未核实：", "不符合" if "不符合" in text else "全部符合", *SECRET),
    ):
        assert wanted in text, wanted


def test_the_applicant_reads_values_and_verdicts_without_what_is_hidden(world: World, case: Application) -> None:
    text = word_of(world, case, "applicant")
    assert "附三评价指标表" in text and "评价标准：绿色工厂评价通则" in text
    assert "6可再生能源利用率" in text
    assert "附三评价指标表及得分" not in text and "按绿证核减" not in text
    assert not [figure for figure in SECRET if figure in text]
    assert "分值、基准值与引领值由评审部门掌握" in text


def test_otherwise_both_read_the_same_text(world: World, case: Application) -> None:
    theirs, own = (word_of(world, case, who).split("附三评价指标表")[0] for who in ("county_handler", "applicant"))
    assert theirs == own
    assert {row.kind for row in Document.objects.filter(application=case)} == {report.KIND, report.FULL}


@pytest.mark.parametrize("who", ["applicant", "county_handler"])
def test_where_nothing_is_hidden_both_read_the_points(world: World, who: str) -> None:
    case = open_to_all(world)
    text = word_of(world, case, who)
    assert "附三评价指标表及得分" in text and "权重30%" in text and "本组得分（百分制）" in text


def test_the_pdf_prints_what_the_word_file_prints(world: World, case: Application) -> None:
    answer = fetched(world.client("county_handler"), reverse("applications:report-pdf", args=[case.reference]))
    text = pdf_text(content(answer))
    for wanted in ("附三评价指标表及得分", "评审意见：按绿证核减", "92.22", "未核实：未取得标准原文"):
        assert wanted in text, wanted


def test_a_new_judgement_makes_a_new_file_for_officials_and_none_for_the_applicant(
    world: World, case: Application
) -> None:
    version = ReportVersion.objects.get()
    before = report.full_digest(case, version)
    judging.judge(
        actor=world.actor("county_handler"), at=filled.SPRING, reference=case.reference, row=ROW,
        values={"value": "1"}, note="再次核减",
    )  # fmt: skip
    assert report.full_digest(case, version) != before
    assert "再次核减" in word_of(world, case, "county_handler")
    assert not report.has_full(case, world.actor("applicant"))


def test_the_case_file_of_an_official_has_the_full_edition(world: World, case: Application) -> None:
    official, own = (dossier.dossier(case, world.actor(who)) for who in ("county_handler", "applicant"))
    assert (official.is_full, own.is_full) == (True, False)
    assert official.report_digest != own.report_digest == ReportVersion.objects.get().digest


def asked(world: World, case: Application, who: str) -> Any:
    answer = keys.program(world, who).get(f"cases/{case.reference}/report/")
    assert answer.status_code == 200
    return answer.json()


def test_the_api_tells_each_reader_what_it_may(world: World, case: Application) -> None:
    theirs, own = asked(world, case, "county_handler"), asked(world, case, "applicant")
    assert (theirs["standard"]["edition"], theirs["standard"]["unverified"]) == ("GB/T 36132-2025", "未取得标准原文")
    rows = {row["path"]: row for group in theirs["score"]["groups"] for row in group["rows"]}
    assert (rows[ROW]["value"], rows[ROW]["note"]) == ("2.155", "按绿证核减")
    assert rows["resources.water_reuse"]["lead"] == "92.22"
    assert theirs["score"]["total"]
    assert (own["score"]["shows_points"], own["score"]["total"]) == (False, "")
    hidden = [row[name] for group in own["score"]["groups"] for row in group["rows"]
              for name in ("points", "full", "base", "lead", "note", "unverified")]  # fmt: skip
    assert set(hidden) == {""}


def test_a_report_without_indicators_has_no_score(world: World) -> None:
    filled.load_rules()
    case = filled.submitted(world, filled.open_call(world))
    body = asked(world, case, "county_handler")
    assert body["score"] is None
    assert body["standard"]["is_whole"] is False
    assert "附三" not in word_of(world, case, "county_handler")


def test_the_calculators_of_the_indicators_are_kept_and_worked_out_again(world: World, case: Application) -> None:
    kept = set(Calculation.objects.filter(version__report=case.report).values_list("path", flat=True))
    tables = ("energy", "carbon", "water", "solid", "land", "pollutant", "material")
    assert kept >= {f"c_inputs.{one}_table" for one in tables}
    out = io.StringIO()
    call_command("recompute", "--check", stdout=out)
    assert "differing: 0" in out.getvalue()
