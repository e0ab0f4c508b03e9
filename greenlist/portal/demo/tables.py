"""Yearly dynamic tables of the demonstration: filled from `fixtures/demo/dynamic.toml`, handed in, reviewed."""

import tomllib
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from applications.models import Section
from applications.selectors import drafts as reads
from applications.services import drafts
from dynamics.models import Cycle, YearlyReport
from dynamics.selectors import cycles as reads_cycles
from dynamics.selectors import yearly as selectors
from dynamics.services import cycles, yearly
from dynamics.states import YearlyState
from greenlist.core.actors import Actor
from greenlist.core.clock import china_date
from greenlist.organisations.models import Organisation
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import Field, FieldType
from greenlist.portal.demo.places import Cast

GROWING = ("output", "added", "amount", "electricity", "own_power", "green_power")  # with the factor of the year


@lru_cache(maxsize=1)
def written() -> dict[str, dict[str, Any]]:
    """The answers as written in the file."""
    return tomllib.loads((Path(settings.ROOT) / "fixtures" / "demo" / "dynamic.toml").read_text(encoding="utf-8"))


def opened(cast: Cast, place: str, slug: str, due_on: date, at: datetime) -> Cycle:
    """The year's cycle of a place, opened by its approver."""
    version = policy.current(place).pk
    return cycles.open_cycle(
        actor=cast.official(slug, "approver"), at=at, version=version, duty="dynamic", year=due_on.year, due_on=due_on
    )


def of(cycle: Cycle, firm: Organisation) -> YearlyReport:
    return YearlyReport.objects.get(cycle=cycle, organisation=firm)


def fill(table: YearlyReport, actor: Actor, at: datetime, factor: str = "1", sections: int = 99) -> YearlyReport:
    """The first sections; what the table knows already stays."""
    table = yearly.begin(actor=actor, at=at, reference=table.reference)
    form = selectors.paper_of(table).form
    for section in form.sections[:sections]:
        row = Section.objects.get(report=table.report, key=section.key)
        given = {spec.key: _answer(section.key, spec, table, Decimal(factor)) for spec in section.fields}
        drafts.save_section(
            actor=actor,
            at=at,
            reference=table.reference,
            section=section.key,
            answers={key: value for key, value in given.items() if value is not None and not _known(row, key, value)},
            version=row.version,
            kind="yearly",
        )
    table.refresh_from_db()
    return table


def _known(row: Section, key: str, value: Any) -> bool:
    return bool(row.data.get(key)) and row.key == "basic"


def _answer(section: str, spec: Field, table: YearlyReport, factor: Decimal) -> Any:
    if section in ("changes", "compliance") and spec.type is FieldType.YESNO:
        return spec.key == "still_meets"
    if section == "basic":
        return {"year": str(table.cycle.year - 1), "department": "安全环保部"}.get(spec.key)
    given = written().get(section, {}).get(spec.key)
    if isinstance(given, list):
        return [{key: _scaled(key, value, factor) for key, value in row.items()} for row in given]
    return given if given is None or isinstance(given, bool) else _scaled(spec.key, given, factor)


def _scaled(key: str, value: str, factor: Decimal) -> str:
    return f"{Decimal(value) * factor:.2f}" if key in GROWING else value


def hand_in(table: YearlyReport, actor: Actor, at: datetime) -> None:
    """Explains what is doubtful and declares."""
    doubts = selectors.check_page(table, china_date(at)).doubts
    if doubts:
        reasons = {one.path: "扩建产线投产，产量和用能同步增加，已与统计报表核对（演示数据）。" for one in doubts}
        yearly.explain(actor=actor, at=at, reference=table.reference, reasons=reasons)
    fresh = reads_cycles.table_of(actor, table.reference)
    paper = selectors.paper_of(fresh)
    content = selectors.content_of(fresh, reads.draft_of_report(paper.report, paper.form))
    yearly.file(
        actor=actor,
        at=at,
        reference=table.reference,
        digest=reads.digest(content, paper.report),
        declared_name=actor.name,
        agreed=True,
    )


def pass_on(cast: Cast, table: YearlyReport, at: datetime) -> None:
    """Every desk it comes to agrees, until it is accepted."""
    for _tier in range(3):
        table.refresh_from_db()
        if table.state != YearlyState.FILED or table.desk is None:
            return
        actor, at = cast.official(table.desk.area.slug, "handler"), at + timedelta(days=2)
        write_opinion(actor, table, at)
        yearly.approve(
            actor=actor,
            at=at,
            reference=table.reference,
            revision=table.revision,
            text="数据与统计报表、用能台账一致，同意。",
        )


def write_opinion(actor: Actor, table: YearlyReport, at: datetime) -> None:
    """The report that some rules want on every table (HLJ-28)."""
    duty = reads_cycles.duty_of(table.cycle, table.category)
    if duty.opinion == "document":
        yearly.write_opinion(
            actor=actor,
            at=at,
            reference=table.reference,
            text="经核对企业上报数据和有关部门信息，未发现异常（演示数据）。",
            points={key: (True, "") for key, _label in duty.points},
            meets=True,
        )


def finished(cast: Cast, table: YearlyReport, at: datetime, factor: str = "1") -> None:
    """Filled in, handed in, accepted."""
    actor = cast.owners[table.organisation_id]
    hand_in(fill(table, actor, at, factor), actor, at + timedelta(days=2))
    pass_on(cast, table, at + timedelta(days=3))
