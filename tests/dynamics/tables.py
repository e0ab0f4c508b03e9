"""Yearly tables in a state: opened, begun, filled in, handed in."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from applications.models import Section
from applications.selectors import drafts as reads
from applications.services import drafts
from dynamics.models import Cycle, YearlyReport
from dynamics.selectors import yearly as selectors
from dynamics.services import cycles, yearly
from greenlist.accounts.models import Area, Authority
from greenlist.core.actors import SYSTEM
from greenlist.organisations import services as organisations
from greenlist.organisations.models import Site
from greenlist.policy import selectors as policy
from greenlist.policy.engine.types import FieldType
from tests.applications import filled
from tests.world import World

SPRING = datetime.fromisoformat("2027-03-01T09:00:00+08:00")
DUE = date(2027, 4, 30)
APPROVERS = {"qinhuangdao": "city_approver", "shijiazhuang": "other_city_approver", "heilongjiang": "hlj_province_approver",
             "hebei-provincial": "province_approver", "hebei-national": "province_approver"}  # fmt: skip


def titled(site: Site, tier: str, category: str = "factory", on: date = date(2026, 6, 20)) -> None:
    """A title on a list that nobody keeps here."""
    organisations.grant_title(
        site=site, category=category, tier=tier, listing=f"{tier}名单", on=on, source="test", actor=SYSTEM, at=SPRING
    )


def opened(
    world: World, slug: str = "qinhuangdao", *, year: int = 2027, due_on: date | None = DUE, at: datetime = SPRING,
    duty: str = "dynamic", who: str = "",
) -> Cycle:  # fmt: skip
    return cycles.open_cycle(
        actor=world.actor(who or APPROVERS[slug]),
        at=at,
        version=policy.current(slug).pk,
        duty=duty,
        year=year,
        due_on=due_on,
    )


def of(cycle: Cycle, world: World, who: str = "org", category: str = "factory") -> YearlyReport:
    return YearlyReport.objects.get(cycle=cycle, site=world.sites[who], category=category)


def begun(world: World, table: YearlyReport, who: str = "applicant", at: datetime = SPRING) -> YearlyReport:
    return yearly.begin(actor=world.actor(who), at=at, reference=table.reference)


def fill(
    world: World, table: YearlyReport, who: str = "applicant", at: datetime = SPRING, **changes: Any
) -> YearlyReport:
    """Every field, nothing wrong and nothing changed; `changes` by "section__field"."""
    table = begun(world, table, who, at)
    paper = selectors.paper_of(table)
    assert table.report is not None
    for section in paper.form.sections:
        given = filled.answers(paper.form, section.key)
        row = Section.objects.get(report=table.report, key=section.key)
        if section.key in ("changes", "compliance"):
            given = {key: key == "still_meets" if isinstance(value, bool) else value for key, value in given.items()}
            given = {key: value for key, value in given.items() if not key.endswith("_text")}
        given = {key: value for key, value in given.items() if not row.data.get(key)}
        given |= {name.split("__")[1]: value for name, value in changes.items() if name.split("__")[0] == section.key}
        drafts.save_section(
            actor=world.actor(who),
            at=at,
            reference=table.reference,
            section=section.key,
            answers=given,
            version=row.version,
            kind="yearly",
        )
        for spec in section.fields:
            if spec.type is FieldType.FILE:
                drafts.add_evidence(
                    actor=world.actor(who),
                    at=at,
                    reference=table.reference,
                    section=section.key,
                    field=spec.key,
                    upload=filled.picture(f"{spec.key}.png"),
                    kind="yearly",
                )
    table.refresh_from_db()
    return table


def digest_of(table: YearlyReport) -> str:
    table = YearlyReport.objects.select_related(
        "cycle__rules__rule_set", "cycle__owner__area", "report", "site__area"
    ).get(pk=table.pk)
    paper = selectors.paper_of(table)
    content = selectors.content_of(table, reads.draft_of_report(paper.report, paper.form))
    return reads.digest(content, paper.report)


def explained(world: World, table: YearlyReport, who: str = "applicant", at: datetime = SPRING) -> YearlyReport:
    """A reason for every doubtful figure."""
    actor = world.actor(who)
    doubts = selectors.check_page(cycles.reads.table_of(actor, table.reference), at.date()).doubts
    reasons = {one.path: "产量增加，已核对" for one in doubts}
    return yearly.explain(actor=actor, at=at, reference=table.reference, reasons=reasons)


def file(
    world: World, table: YearlyReport, who: str = "applicant", at: datetime = SPRING, **given: Any
) -> YearlyReport:
    """Explains what is doubtful and hands in."""
    actor = world.actor(who)
    table.refresh_from_db()
    explained(world, table, who, at)
    named: dict[str, Any] = {"digest": digest_of(table), "declared_name": actor.name, "agreed": True, **given}
    yearly.file(actor=actor, at=at, reference=table.reference, **named)
    table.refresh_from_db()
    return table


def filed(
    world: World, table: YearlyReport, who: str = "applicant", at: datetime = SPRING, **changes: Any
) -> YearlyReport:
    return file(world, fill(world, table, who, at, **changes), who, at)


def jieyang(world: World) -> Authority:
    """The city of draft rules with its county, where the firms produce now."""
    place = Area.objects.create(name="广东省", slug="440000", code="440000", path="/440000/", full_name="广东省")
    city = Area.objects.create(
        name="揭阳市", slug="445200", code="445200", parent=place, path="/440000/445200/", full_name="广东省揭阳市"
    )
    below = Area.objects.create(
        name="榕城区",
        slug="445202",
        code="445202",
        parent=city,
        path="/440000/445200/445202/",
        full_name="揭阳市榕城区",
    )
    for key in ("org", "rival"):
        world.sites[key].area = below
        world.sites[key].save()
    Authority.objects.create(name="榕城区工业和信息化局", area=below, tier="county")
    return Authority.objects.create(name="揭阳市工业和信息化局", area=city, tier="city")
