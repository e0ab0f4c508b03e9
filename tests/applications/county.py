"""A case on the county's desk, made straight from rows: what review and recommendation start from."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from applications import selectors
from applications.models import Application, Call, Report, ReportVersion
from applications.selectors import screening as reads
from applications.services import batches, screening
from applications.services.screening import Given
from applications.states import CallState, State
from greenlist.core.actors import SYSTEM
from greenlist.core.audit import digest_of
from greenlist.organisations.models import Organisation, Site
from greenlist.policy import selectors as policy
from greenlist.policy import services as policies
from tests import factories
from tests.world import World

START = datetime.fromisoformat("2026-04-01T09:00:00+08:00")
OWNERS = {"qinhuangdao": "130300", "shijiazhuang": "130100", "heilongjiang": "230000"}
LEVELS = {"city": "市级", "province": "省级"}
VALUES: dict[str, dict[str, Any]] = {
    "qinhuangdao": {
        "county_by": "2026-05-31",
        "notice_first_day": "next",
        "edition": "factory-2018",
        "priority_industries": ["electronics", "biomedicine", "equipment", "food"],
    },
    "shijiazhuang": {"notice_first_day": "next", "edition": "factory-2018"},
    "heilongjiang": {
        "apply_by": "2026-04-30",
        "city_by": "2026-05-31",
        "notice_first_day": "next",
        "edition": "factory-2018",
    },
}


def load_rules() -> None:
    policies.load_policies(actor=SYSTEM, at=START)
    policies.load_calendar(actor=SYSTEM, at=START, years=range(2022, 2030))


def open_call(world: World, place: str = "qinhuangdao", **fields: Any) -> Call:
    """An open call of the place's city; `values` and `layer` change what the call brings."""
    owner = world.authorities[OWNERS[place]]
    values = {**VALUES[place], **fields.pop("values", {})}
    return Call.objects.create(
        owner=owner,
        rules=policy.current(place),
        category="factory",
        year=2026,
        title=f"关于组织开展2026年{owner.area.name}{LEVELS[owner.tier]}绿色工厂推荐工作的通知",
        values={key: value for key, value in values.items() if value is not None},
        created_by=world.user("city_handler"),
        created_at=START,
        opened_at=START,
        state=CallState.OPEN,
        **fields,
    )


def answers(call: Call) -> dict[str, dict[str, Any]]:
    """One text in each text field of the form: enough to read, not enough to submit."""
    form = selectors.rules_of(call).forms[_form(call)]
    return {
        part.key: {
            one.key: f"{one.label.zh}：示例内容" for one in part.fields if one.type.value in ("text", "longtext")
        }
        for part in form.sections
    }


def _form(call: Call) -> str:
    return selectors.rules_of(call).steps[0].form


def declare(case: Application, call: Call, at: datetime = START, **changes: str) -> ReportVersion:
    """Another version of the report; `changes` by "section__field"."""
    number = case.report.versions.count() + 1
    sections = answers(call) if number == 1 else dict(reads.version_of(case).data["sections"])
    for name, value in changes.items():
        section, field = name.split("__")
        sections = {**sections, section: {**sections[section], field: value}}
    data = {"sections": sections, "computed": {}, "evidence": [], "form": "x"}
    return ReportVersion.objects.create(
        report=case.report,
        number=number,
        data=data,
        digest=digest_of(data),
        declaration="声明",
        declared_by=case.started_by,
        declared_name="申报人",
        declared_at=at,
    )


def case(
    world: World,
    call: Call,
    *,
    organisation: Organisation | None = None,
    site: Site | None = None,
    county: str = "",
    industry: str = "3911",
    state: str = State.SCREENING,
    number: str = "",
    at: datetime = START,
) -> Application:
    """A submitted case at the desk of the county where the site is."""
    organisation = organisation or world.org
    site = site or organisation.sites.first()
    assert site is not None
    if organisation.industry_id != industry:
        organisation.industry = factories.industry(industry, f"示例行业{industry}")
        organisation.save(update_fields=["industry"])
    desk = world.authorities[county or site.area.slug]
    report = Report.objects.create(site=site, category="factory", year=2026, form=_form(call), form_digest="x")
    priority = 1 if industry.startswith(("39", "27", "34", "35", "36", "37", "38", "40", "13", "14", "15")) else 9
    row = Application.objects.create(
        call=call,
        category="factory",
        organisation=organisation,
        site=site,
        report=report,
        name=organisation.name,
        code=organisation.code or "",
        industry_code=industry,
        number=number or f"T-2026-{report.pk:04d}",
        desk=desk,
        area_path=site.area.path,
        reached=1,
        priority=priority,
        badges=[{"rule": "industry", "clause": "QHD-N2b", "zh": "新一代电子信息", "en": "Electronics"}]
        if priority == 1
        else [],
        started_by=world.user("applicant"),
        started_at=at,
        submitted_at=at,
        entered_at=at,
        step=_county_step(call) if state == State.SCREENING else _send_step(call),
        state=state,
    )
    declare(row, call, at)
    return row


def _county_step(call: Call) -> str:
    return next(step.key for step in selectors.rules_of(call).steps if step.kind.value == "screening")


def _send_step(call: Call) -> str:
    return next(step.key for step in selectors.rules_of(call).steps if step.kind.value == "batch")


def firm(world: World, area: str, serial: int) -> Organisation:
    """One more confirmed firm in a county, with its site."""
    return factories.organisation(world.areas[area], f"示例制造{serial}有限公司", serial=serial)


def all_yes(row: Application) -> dict[str, Given]:
    bound = selectors.rules_of(row.call)
    asked = reads.points(bound, bound.step(row.step), reads.latest_findings(row), row.verdicts.all())
    return {point.key: Given("yes") for point in asked}


def answer_all(
    world: World, row: Application, at: datetime, *, handler: str = "county_handler", **other: Given
) -> None:
    screening.save_findings(
        actor=world.actor(handler), at=at, reference=row.reference, verdicts={**all_yes(row), **other}
    )


def passed(
    world: World,
    row: Application,
    at: datetime,
    *,
    handler: str = "county_handler",
    approver: str = "county_approver",
) -> Application:
    """Through the review by services: answered, proposed, signed."""
    answer_all(world, row, at, handler=handler)
    screening.propose(actor=world.actor(handler), at=at, reference=row.reference, outcome="pass")
    screening.sign(actor=world.actor(approver), at=at, reference=row.reference)
    row.refresh_from_db()
    return row


def signed_batch(
    world: World,
    rows: list[Application],
    at: datetime,
    *,
    handler: str = "county_handler",
    approver: str = "county_approver",
) -> Any:
    """A batch of these passed cases, lettered, handed over and signed."""
    batch = batches.start(actor=world.actor(handler), at=at, call=rows[0].call)
    batches.add(actor=world.actor(handler), at=at, reference=batch.reference, cases_=[row.reference for row in rows])
    write(world, batch, at, handler=handler)
    batches.hand_over(actor=world.actor(handler), at=at, reference=batch.reference)
    sign(world, batch, at, approver=approver)
    batch.refresh_from_db()
    return batch


def write(world: World, batch: Any, at: datetime, *, handler: str = "county_handler") -> None:
    batches.write_letter(
        actor=world.actor(handler),
        at=at,
        reference=batch.reference,
        title=batch.title,
        number="示工信〔2026〕5号",
        text="",
    )


def sign(world: World, batch: Any, at: datetime, *, approver: str = "county_approver") -> None:
    from applications.selectors import batches as batch_reads

    view = batch_reads.view(world.actor(approver), batch.reference, on=date(2026, 5, 1))
    batches.sign(actor=world.actor(approver), at=at, reference=batch.reference, digest=view.digest)
