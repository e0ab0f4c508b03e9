"""动态管理表: who owes which, filling in with last year's answers, doubts, handing in, review by county and city, missed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from applications.models import Figure, Section
from applications.services import drafts
from dynamics.models import Cycle, OpinionReport, Removal, YearlyReport
from dynamics.selectors import boards
from dynamics.selectors import cycles as lists
from dynamics.selectors import yearly as selectors
from dynamics.services import cultivation, cycles, yearly
from dynamics.services import deadlines as sources
from dynamics.states import CycleState, YearlyState
from greenlist.accounts.models import Authority
from greenlist.core import deadlines
from greenlist.core.actors import SYSTEM
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import Notification
from greenlist.organisations import services as organisations
from greenlist.organisations.models import Organisation, Site
from greenlist.policy import selectors as policy
from registry.models import Listing
from tests import factories
from tests.applications import county
from tests.dynamics import tables
from tests.dynamics.listed import jieyang as guangdong
from tests.dynamics.listed import listed
from tests.dynamics.tables import DUE, SPRING, begun, file, filed, fill, jieyang, of, opened, titled
from tests.reviews import rounds
from tests.world import World

AFTER = datetime.fromisoformat("2027-05-02T09:00:00+08:00")


@pytest.fixture
def listing(world: World) -> Listing:
    county.load_rules()
    return listed(world)


@pytest.fixture
def cycle(world: World, listing: Listing) -> Cycle:
    return opened(world)


@pytest.fixture
def table(world: World, cycle: Cycle) -> YearlyReport:
    return of(cycle, world)


def state(table: YearlyReport) -> str:
    return YearlyReport.objects.get(pk=table.pk).state


def approve(world: World, table: YearlyReport, who: str, at: datetime = SPRING, **given: Any) -> YearlyReport:
    table.refresh_from_db()
    return yearly.approve(
        actor=world.actor(who), at=at, reference=table.reference, revision=table.revision,
        **{"text": "数据与统计报表一致，同意。", **given},
    )  # fmt: skip


def give_back(world: World, table: YearlyReport, who: str, at: datetime = SPRING, **given: Any) -> YearlyReport:
    table.refresh_from_db()
    words: dict[str, Any] = {"text": "产值与报表不符", "fields": {"economy.output": "请核对工业总产值"}, **given}
    return yearly.give_back(actor=world.actor(who), at=at, reference=table.reference, revision=table.revision, **words)


# ---- the cycle --------------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-12a")
@pytest.mark.clause("SJZ-12")
@pytest.mark.parametrize(("slug", "unit"), [("qinhuangdao", ("org", "130300")), ("shijiazhuang", ("sjz", "130100"))])
def test_a_cycle_without_a_last_day_cannot_be_opened(world: World, slug: str, unit: tuple[str, str]) -> None:
    county.load_rules()
    listed(world, *unit)
    with pytest.raises(Invalid) as wrong:
        opened(world, slug, due_on=None)
    assert "due_on" in wrong.value.problems
    assert not Cycle.objects.exists()
    made = opened(world, slug)
    assert (made.due_on, made.owner.area.slug, made.state) == (DUE, unit[1], CycleState.OPEN)
    assert of(made, world, unit[0]).state == YearlyState.DUE
    assert made.rules == policy.current(slug)


def test_opened_twice_it_is_one(world: World, cycle: Cycle) -> None:
    assert opened(world, due_on=DUE + timedelta(days=9)).pk == cycle.pk
    assert Cycle.objects.get().due_on == DUE


@pytest.mark.parametrize("who", ["city_handler", "county_approver", "other_city_approver", "applicant", "expert"])
def test_only_an_approver_of_the_owner_opens(world: World, listing: Listing, who: str) -> None:
    with pytest.raises(NotAllowed):
        opened(world, who=who)
    assert opened(world).pk


@pytest.mark.clause("HLJ-27")
def test_the_scheduler_opens_on_its_day_and_once(world: World) -> None:
    """Two ticks, or two at once, have one effect; the day is the rules' own, 30 March."""
    county.load_rules()
    listed(world, "hlj", "230000")
    eve = datetime.fromisoformat("2027-01-31T20:00:00+08:00")
    assert cycles.open_due(at=eve) == 0
    day = datetime.fromisoformat("2027-02-01T00:30:00+08:00")
    assert cycles.open_due(at=day) == 1
    assert cycles.open_due(at=day) == 0
    made = Cycle.objects.get()
    assert (made.due_on, made.opened_by, made.duty) == (date(2027, 3, 30), None, "dynamic")
    told = Notification.objects.filter(kind="yearly.opened", channel="portal")
    assert [row.recipient_id for row in told] == [world.user("hlj_applicant").pk]


def test_nothing_is_opened_after_its_last_day(world: World) -> None:
    county.load_rules()
    assert cycles.open_due(at=datetime.fromisoformat("2027-06-01T09:00:00+08:00")) == 0


@pytest.mark.clause("JY-18")
def test_in_jieyang_a_unit_on_several_lists_is_followed_once_for_every_tier(world: World) -> None:
    county.load_rules()
    jieyang(world)
    for tier in ("city", "province", "nation"):
        titled(world.site, tier)
    titled(world.sites["rival"], "nation")
    cycles.open_due(at=datetime.fromisoformat("2027-04-15T09:00:00+08:00"))  # that day included
    made = Cycle.objects.get(duty="dynamic", rule_set__slug="jieyang")
    rows = {row.site_id: row for row in YearlyReport.objects.filter(cycle=made)}
    assert made.due_on == date(2027, 4, 15)
    assert rows[world.site.pk].tiers == ["city", "province", "nation"]
    assert rows[world.sites["rival"].pk].tiers == ["nation"]
    assert {row.state for row in rows.values()} == {YearlyState.DUE}


@pytest.mark.clause("QHD-12b")
@pytest.mark.parametrize(
    ("also", "instead"), [(["province"], "province"), (["nation"], "nation"), (["province", "nation"], "nation")]
)
def test_on_a_higher_list_only_that_tiers_table_is_filed(
    world: World, listing: Listing, also: list[str], instead: str
) -> None:
    """The city lets it off with the clause, sees the higher table, chases nobody and proposes nothing."""
    for tier in also:
        titled(world.site, tier)
    made = opened(world)
    row = of(made, world)
    assert (row.state, row.exempt_clause, row.exempt_tier) == (YearlyState.EXEMPT, "QHD-12b", instead)
    slug = "hebei-provincial" if instead == "province" else "hebei-national"
    higher = of(opened(world, slug, due_on=None), world)
    page = selectors.table_page(world.actor("city_handler"), row.reference, SPRING.date())
    assert page.instead == higher
    assert selectors.table_page(world.actor("city_handler"), higher.reference, SPRING.date()).table == higher
    assert (
        yearly.chase(actor=world.actor("city_handler"), at=SPRING, cycle=made.reference, references=[row.reference])
        == 0
    )
    assert cycles.propose_missed(at=AFTER) == 0
    assert not Removal.objects.exists()
    with pytest.raises(WrongState):
        begun(world, row)
    assert begun(world, higher).state == YearlyState.DRAFT


def test_who_rises_is_let_off_at_night_and_who_falls_back_owes_again(
    world: World, cycle: Cycle, table: YearlyReport
) -> None:
    titled(world.site, "province", on=date(2027, 3, 10))
    assert cycles.refresh(at=SPRING) == 0  # from the tenth on only
    later = SPRING + timedelta(days=12)
    assert cycles.refresh(at=later) == 1
    assert cycles.refresh(at=later) == 0
    assert state(table) == YearlyState.EXEMPT
    organisations.end_title(
        site=world.site, category="factory", tier="province", on=later.date(), actor=SYSTEM, at=later
    )
    cycles.refresh(at=later + timedelta(days=2))
    assert state(table) == YearlyState.DUE


def test_a_site_that_went_to_a_successor_takes_its_table_along(world: World, table: YearlyReport) -> None:
    before, after = world.actor("applicant"), world.actor("rival")
    assert lists.table_of(before, table.reference)
    Site.objects.filter(pk=table.site_id).update(organisation=after.organisation_id, is_default=False)
    cycles.refresh(at=SPRING)
    assert lists.table_of(after, table.reference).name == after.organisation_name
    with pytest.raises(NotVisible):
        lists.table_of(before, table.reference)


def test_who_is_newly_listed_gets_a_table_and_who_left_owes_none(
    world: World, cycle: Cycle, table: YearlyReport
) -> None:
    listed(world, "rival")
    organisations.end_title(site=world.site, category="factory", tier="city", on=SPRING.date(), actor=SYSTEM, at=SPRING)
    cycles.refresh(at=SPRING + timedelta(days=1))
    assert of(cycle, world, "rival").state == YearlyState.DUE
    table.refresh_from_db()
    assert (table.state, table.exempt_reason) == (YearlyState.EXEMPT, "not_listed")


# ---- filling in -------------------------------------------------------------------------------------------------------
def test_the_table_begins_with_what_is_known(world: World, table: YearlyReport) -> None:
    row = begun(world, table)
    data = dict(Section.objects.filter(report=row.report).values_list("key", "data"))
    assert data["basic"]["name"] == world.org.name
    assert data["basic"]["year"] == "2026"
    assert "市" in data["basic"]["tiers"]
    assert row.report is not None
    assert row.report.origins["basic.year"]["kind"] == "list"


def test_last_years_answers_and_figures_stand_there(world: World, listing: Listing) -> None:
    before = datetime.fromisoformat("2026-10-01T09:00:00+08:00")
    first = of(opened(world, year=2026, due_on=date(2026, 12, 1), at=before), world)
    filed(world, first, at=before, basic__department="节能办", economy__output="1000")
    second = begun(world, of(opened(world), world))
    assert second.report is not None
    origin = second.report.origins["basic.department"]
    assert (origin["value"], origin["kind"], origin["year"]) == ("节能办", "yearly", 2025)
    paper = selectors.paper_of(second)
    figures = paper.figures_before(SPRING)
    assert figures["economy.output"].value == 10_000_000  # 1,000 万元 in the base unit
    assert len(figures) + len(second.report.origins) >= 20


def test_a_jump_wants_text_before_anything_is_handed_in(world: World, listing: Listing) -> None:
    before = datetime.fromisoformat("2026-10-01T09:00:00+08:00")
    filed(
        world,
        of(opened(world, year=2026, due_on=date(2026, 12, 1), at=before), world),
        at=before,
        economy__output="1000",
    )
    row = fill(world, of(opened(world), world), economy__output="10000")
    actor = world.actor("applicant")
    given: dict[str, Any] = {"actor": actor, "at": SPRING, "reference": row.reference, "declared_name": "申报人"}
    with pytest.raises(Invalid) as wrong:
        yearly.file(**given, digest=tables.digest_of(row), agreed=True)
    assert "economy.output" in wrong.value.problems
    reasons = dict.fromkeys(wrong.value.problems, "新建二期投产")
    yearly.explain(actor=actor, at=SPRING, reference=row.reference, reasons=reasons)
    version = yearly.file(**given, digest=tables.digest_of(row), agreed=True)
    assert version.data["reasons"]["economy.output"] == "新建二期投产"
    assert Figure.objects.filter(version=version, key="economy.output", year=2026, unit="CNY").exists() or (
        Figure.objects.filter(version=version, key="economy.output").exists()
    )


@pytest.mark.clause("HLJ-27")
def test_nothing_is_handed_in_without_vouching_for_its_truth(world: World) -> None:
    county.load_rules()
    listed(world, "hlj", "230000")
    row = fill(world, of(opened(world, "heilongjiang", due_on=None), world, "hlj"), "hlj_applicant")
    with pytest.raises(Invalid) as wrong:
        file(world, row, "hlj_applicant", agreed=False)
    assert "agreed" in wrong.value.problems
    last = datetime.fromisoformat("2027-03-30T23:59:00+08:00")  # that day included
    done = file(world, row, "hlj_applicant", at=last)
    assert (done.state, done.tier) == (YearlyState.FILED, "city")
    page = selectors.table_page(world.actor("hlj_applicant"), row.reference, last.date())
    assert not page.is_late
    assert page.version is not None
    assert page.version.declaration


def test_sent_twice_it_is_one_declaration(world: World, table: YearlyReport) -> None:
    row = filed(world, table)
    first = selectors.last_version(row)
    assert first is not None
    again = yearly.file(
        actor=world.actor("applicant"),
        at=SPRING,
        reference=row.reference,
        digest=first.digest,
        declared_name="x",
        agreed=True,
    )
    assert again == first


def test_what_was_changed_since_it_was_read_is_not_declared(world: World, table: YearlyReport) -> None:
    row = fill(world, table)
    with pytest.raises(Conflict):
        file(world, row, digest="0" * 64)


@pytest.mark.parametrize("who", ["rival", "city_handler", "county_handler", "expert", "evaluator"])
def test_nobody_else_fills_in_or_hands_in(world: World, table: YearlyReport, who: str) -> None:
    row = fill(world, table)
    actor = world.actor(who)
    with pytest.raises((NotVisible, NotAllowed)):
        drafts.save_section(
            actor=actor, at=SPRING, reference=row.reference, section="economy", answers={"output": "1"}, version=1,
            kind="yearly",
        )  # fmt: skip
    with pytest.raises((NotVisible, NotAllowed)):
        yearly.file(actor=actor, at=SPRING, reference=row.reference, digest="", declared_name="x", agreed=True)
    assert file(world, row).state == YearlyState.FILED


# ---- review -----------------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-12a")
def test_county_passes_on_city_accepts(world: World, table: YearlyReport) -> None:
    row = filed(world, table)
    assert (row.tier, row.desk) == ("county", world.county)
    with pytest.raises(NotAllowed):
        approve(world, row, "city_handler")
    row = approve(world, row, "county_handler")
    assert (row.state, row.tier, row.desk) == (YearlyState.FILED, "city", world.city)
    row = approve(world, row, "city_handler")
    assert (row.state, row.desk) == (YearlyState.ACCEPTED, None)
    assert [one.word for one in row.opinions.order_by("pk")] == ["passed", "accepted"]


def test_a_return_opens_the_named_fields_and_nothing_else(world: World, table: YearlyReport) -> None:
    row = filed(world, table)
    row = give_back(world, row, "county_handler")
    assert (row.state, row.answer_by) == (YearlyState.RETURNED, SPRING.date() + timedelta(days=10))
    version = Section.objects.get(report=row.report, key="economy").version
    given: dict[str, Any] = {
        "actor": world.actor("applicant"),
        "at": SPRING,
        "reference": row.reference,
        "kind": "yearly",
    }
    with pytest.raises(NotAllowed):
        drafts.save_section(**given, section="economy", answers={"added": "7"}, version=version)
    drafts.save_section(**given, section="economy", answers={"output": "123"}, version=version)
    row = file(world, row)
    assert (row.state, row.tier) == (YearlyState.FILED, "county")
    assert row.report is not None
    assert row.report.versions.count() == 2


def test_a_return_names_fields_with_reasons(world: World, table: YearlyReport) -> None:
    row = filed(world, table)
    with pytest.raises(Invalid):
        give_back(world, row, "county_handler", fields={"economy.output": " ", "nowhere.x": "?"})
    with pytest.raises(Invalid):
        give_back(world, row, "county_handler", answer_by=date(2027, 2, 1))
    assert state(row) == YearlyState.FILED


def test_a_page_that_saw_an_older_table_decides_nothing(world: World, table: YearlyReport) -> None:
    row = filed(world, table)
    with pytest.raises(Conflict):
        yearly.approve(
            actor=world.actor("county_handler"),
            at=SPRING,
            reference=row.reference,
            revision=row.revision - 1,
            text="好",
        )


def test_a_change_told_wants_a_word_on_the_standard(world: World, table: YearlyReport) -> None:
    row = filed(world, table, changes__scope=True, changes__scope_text="并购了一条生产线")
    with pytest.raises(Invalid) as wrong:
        approve(world, row, "county_handler")
    assert "meets" in wrong.value.problems
    approve(world, row, "county_handler", meets=True)
    version = selectors.last_version(row)
    assert version is not None
    assert selectors.changed_of(version) == {"scope": "并购了一条生产线"}


@pytest.mark.clause("HLJ-28")
def test_no_table_is_accepted_without_the_opinion_report(world: World) -> None:
    """The city reviews each table against article 30 and uploads its report; the clause is named in the refusal."""
    county.load_rules()
    listed(world, "hlj", "230000")
    row = filed(world, of(opened(world, "heilongjiang", due_on=None), world, "hlj"), "hlj_applicant")
    with pytest.raises(Refused) as refused:
        approve(world, row, "hlj_city_handler")
    assert (refused.value.code, refused.value.clause) == ("no_opinion_report", "HLJ-28")
    duty = lists.duty_of(lists.cycle_of(world.actor("hlj_province_handler"), row.cycle.reference))
    points: dict[str, tuple[bool | None, str]] = {key: (True, "") for key, _label in duty.points}
    given: dict[str, Any] = {"actor": world.actor("hlj_city_handler"), "at": SPRING, "reference": row.reference}
    with pytest.raises(Invalid) as wrong:
        yearly.write_opinion(**given, text="同意", points={**points, "truth": (False, "")}, meets=None)
    assert "note_truth" in wrong.value.problems
    report = yearly.write_opinion(**given, text="符合要求，同意。", points=points, meets=None)
    assert [one["key"] for one in report.points] == ["vetoes", "in_time", "truth", "accident", "changes"]
    assert OpinionReport.objects.get().version.number == 1
    assert approve(world, row, "hlj_city_handler").state == YearlyState.ACCEPTED


@pytest.mark.clause("HLJ-31")
@pytest.mark.parametrize(("meets", "proposed"), [(True, 0), (False, 1)])
def test_who_no_longer_meets_the_standard_by_its_table_is_proposed_for_removal(
    world: World, meets: bool, proposed: int
) -> None:
    county.load_rules()
    listing = listed(world, "hlj", "230000")
    row = of(opened(world, "heilongjiang", due_on=None), world, "hlj")
    row = filed(world, row, "hlj_applicant", changes__scope=True, changes__scope_text="改为仓储")
    keys = ("vetoes", "in_time", "truth", "accident", "changes")
    points: dict[str, tuple[bool | None, str]] = dict.fromkeys(keys, (True, "")) | {"changes": (meets, "已无生产")}
    yearly.write_opinion(
        actor=world.actor("hlj_city_handler"),
        at=SPRING,
        reference=row.reference,
        text="核实",
        points=points,
        meets=meets,
    )
    approve(world, row, "hlj_city_handler", meets=meets, text="已无生产活动。")
    made = list(Removal.objects.values_list("clause", "listing", "reason", "when"))
    assert made == [("HLJ-31", listing.pk, "已无生产活动。", "with_list")] * proposed
    assert Listing.objects.get(pk=listing.pk).state == "active"  # heard first


def test_after_a_return_the_opinion_report_is_written_anew(world: World) -> None:
    county.load_rules()
    listed(world, "hlj", "230000")
    row = filed(world, of(opened(world, "heilongjiang", due_on=None), world, "hlj"), "hlj_applicant")
    given: dict[str, Any] = {"actor": world.actor("hlj_city_handler"), "at": SPRING, "reference": row.reference}
    keys = ("vetoes", "in_time", "truth", "accident", "changes")
    yearly.write_opinion(**given, text="同意", points=dict.fromkeys(keys, (True, "")), meets=None)
    give_back(world, row, "hlj_city_handler")
    file(world, row, "hlj_applicant")
    with pytest.raises(Refused):
        approve(world, row, "hlj_city_handler")


# ---- missed -----------------------------------------------------------------------------------------------------------
@pytest.mark.clause("QHD-14.1")
@pytest.mark.parametrize("begin", [False, True])
def test_a_missed_table_is_proposed_for_removal_and_only_proposed(
    world: World, listing: Listing, table: YearlyReport, begin: bool
) -> None:
    if begin:
        begun(world, table)
    last = datetime.fromisoformat("2027-04-30T23:59:00+08:00")
    assert cycles.propose_missed(at=last) == 0  # that day included
    assert cycles.propose_missed(at=AFTER) == 1
    assert cycles.propose_missed(at=AFTER) == 0
    row = Removal.objects.get()
    assert (row.clause, row.listing, row.subject_kind, row.subject_id) == ("QHD-14.1", listing, "yearly", table.pk)
    assert Listing.objects.get(pk=listing.pk).state != "removed"  # only proposed


def test_who_handed_in_late_but_before_the_round_is_not_proposed(world: World, table: YearlyReport) -> None:
    row = filed(world, table, at=AFTER)
    assert cycles.propose_missed(at=AFTER) == 0
    assert selectors.table_page(world.actor("county_handler"), row.reference, AFTER.date()).is_late


def test_an_open_return_has_its_own_day(world: World, table: YearlyReport) -> None:
    """Handed in in time and returned: nothing is missed before the day to answer, and it is after it."""
    row = filed(world, table)
    give_back(world, row, "county_handler", at=AFTER, answer_by=date(2027, 5, 20))
    assert cycles.propose_missed(at=AFTER + timedelta(days=10)) == 0
    assert cycles.propose_missed(at=datetime.fromisoformat("2027-05-21T09:00:00+08:00")) == 1


@pytest.mark.clause("JY-22a")
def test_in_jieyang_a_missed_table_waits_for_the_yearly_list(world: World) -> None:
    county.load_rules()
    world.authorities["445200"] = jieyang(world)
    listed(world, owner="445200")
    cycles.open_due(at=SPRING)
    assert cycles.propose_missed(at=datetime.fromisoformat("2027-04-15T23:50:00+08:00")) == 0  # that day included
    assert cycles.propose_missed(at=datetime.fromisoformat("2027-04-16T00:10:00+08:00")) == 1
    row = Removal.objects.get()
    assert (row.clause, row.when) == ("JY-22a", "with_list")


@pytest.mark.clause("SJZ-12")
def test_shijiazhuang_has_the_same_articles(world: World) -> None:
    """Highest tier only, and a missed table is proposed, by its own clauses."""
    county.load_rules()
    listed(world, "sjz", "130100")
    other = Site.objects.create(organisation=world.orgs["sjz"], name="二厂", area=world.sites["sjz"].area)
    listed(world, owner="130100", site=other)
    titled(other, "province")
    made = opened(world, "shijiazhuang")
    rows = {row.site_id: row for row in YearlyReport.objects.filter(cycle=made)}
    assert (rows[other.pk].state, rows[other.pk].exempt_clause) == (YearlyState.EXEMPT, "SJZ-12b")
    assert cycles.propose_missed(at=AFTER) == 1
    row = Removal.objects.get()
    assert (row.clause, row.listing.site_id) == ("SJZ-14.1", world.sites["sjz"].pk)


@pytest.mark.clause("HLJ-30a")
def test_a_missed_table_waits_for_the_yearly_list_where_the_rules_say_so(world: World) -> None:
    county.load_rules()
    listed(world, "hlj", "230000")
    opened(world, "heilongjiang", due_on=None)
    assert cycles.propose_missed(at=datetime.fromisoformat("2027-03-31T00:10:00+08:00")) == 1
    row = Removal.objects.get()
    assert (row.clause, row.when) == ("HLJ-30a", "with_list")


def test_a_later_last_day_is_for_one_or_for_all(world: World, cycle: Cycle, table: YearlyReport) -> None:
    listed(world, "rival")
    cycles.refresh(at=SPRING)
    given: dict[str, Any] = {"actor": world.actor("city_approver"), "at": SPRING, "reference": cycle.reference}
    cycles.move_last_day(**given, due_on=date(2027, 6, 1), reason="企业搬迁", table=table.reference)
    assert cycles.propose_missed(at=AFTER) == 1  # the other one
    cycles.move_last_day(**given, due_on=date(2027, 6, 30), reason="平台维护")
    table.refresh_from_db()
    assert table.due_on == date(2027, 6, 30)
    with pytest.raises(Invalid):
        cycles.move_last_day(**given, due_on=date(2027, 6, 1), reason="早")
    with pytest.raises(NotAllowed):
        cycles.move_last_day(**{**given, "actor": world.actor("county_approver")}, due_on=date(2027, 7, 9), reason="x")


def test_a_closed_cycle_takes_nothing(world: World, cycle: Cycle, table: YearlyReport) -> None:
    row = fill(world, table)
    given: dict[str, Any] = {"actor": world.actor("city_approver"), "reference": cycle.reference}
    with pytest.raises(Refused):
        cycles.close(**given, at=SPRING)
    cycles.close(**given, at=AFTER)
    with pytest.raises(Refused):
        file(world, row, at=AFTER)
    with pytest.raises(WrongState):
        cycles.close(**given, at=AFTER)


@pytest.mark.authz
def test_a_mandate_for_one_list_does_nothing_to_a_cycle_of_several(world: World) -> None:
    """It opens, moves and closes none of them as a whole; the one unit that it covers gets its own day."""
    county.load_rules()
    guangdong(world)
    unit = listed(world, "jy", "445200")
    cycle = opened(world, "jieyang", due_on=None, who="jy_approver")
    table = of(cycle, world, "jy")
    later = cycle.due_on + timedelta(days=3)
    after = datetime.combine(later + timedelta(days=1), SPRING.timetz())
    whole, part = world.actor("jy_approver"), replace(world.actor("jy_approver"), list_kind="factory")
    other = replace(part, list_kind="park")
    assert unit.listbook.category == "factory" and len(lists.lists_of(cycle)) == 3
    moved: dict[str, Any] = {"at": SPRING, "reference": cycle.reference, "due_on": later, "reason": "雪灾"}
    with pytest.raises(NotAllowed):
        cycles.move_last_day(actor=part, **moved)
    with pytest.raises(NotVisible):
        cycles.move_last_day(actor=other, table=table.reference, **moved)
    cycles.move_last_day(actor=part, table=table.reference, **moved)
    with pytest.raises(NotAllowed):
        cycles.open_cycle(actor=part, at=SPRING, version=cycle.rules_id, duty=cycle.duty, year=2028)
    assert not boards.cycles_page(part, {}, SPRING.date()).may_open
    assert boards.cycles_page(whole, {}, SPRING.date()).may_open
    assert not boards.board(part, cycle, boards.Filters(), {}, SPRING.date()).may_close
    with pytest.raises(NotAllowed):
        cycles.close(actor=part, at=after, reference=cycle.reference)
    assert cycles.close(actor=whole, at=after, reference=cycle.reference).state == CycleState.CLOSED


def test_a_cycle_is_not_closed_over_a_unit_that_has_time_left(world: World, cycle: Cycle, table: YearlyReport) -> None:
    given: dict[str, Any] = {"actor": world.actor("city_approver"), "reference": cycle.reference}
    cycles.move_last_day(**given, at=SPRING, due_on=date(2027, 6, 1), reason="企业搬迁", table=table.reference)
    with pytest.raises(Refused) as refused:
        cycles.close(**given, at=AFTER)
    assert refused.value.code == "too_early"
    assert cycles.close(**given, at=datetime.fromisoformat("2027-06-02T09:00:00+08:00")).state == "closed"


def test_nor_over_a_return_that_may_still_be_answered(world: World, cycle: Cycle, table: YearlyReport) -> None:
    give_back(world, filed(world, table), "county_handler", at=AFTER, answer_by=date(2027, 5, 20))
    with pytest.raises(Refused) as refused:
        cycles.close(actor=world.actor("city_approver"), at=AFTER, reference=cycle.reference)
    assert refused.value.code == "too_early"


def test_who_closes_before_the_round_came_by_spares_nobody(world: World, cycle: Cycle, table: YearlyReport) -> None:
    cycles.close(actor=world.actor("city_approver"), at=AFTER, reference=cycle.reference)
    assert cycles.propose_missed(at=AFTER + timedelta(hours=1)) == 1
    assert Removal.objects.get().subject_id == table.pk
    assert cycles.propose_missed(at=AFTER + timedelta(hours=2)) == 0


def test_what_no_rule_removes_is_not_looked_at_each_hour(
    world: World, listing: Listing, table: YearlyReport, django_assert_max_num_queries: Any
) -> None:
    Listing.objects.filter(pk=listing.pk).update(state="suspended")
    with django_assert_max_num_queries(8):
        assert cycles.propose_missed(at=AFTER) == 0


def test_the_deadlines_of_many_cost_as_much_as_those_of_few(
    world: World, table: YearlyReport, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(2):
        assert [one.people for one in sources.yearly_tables(DUE)]
    listed(world, "rival")
    cycles.refresh(at=SPRING)
    with django_assert_num_queries(2):
        assert len(list(sources.yearly_tables(DUE))) == 2


def test_a_cycle_with_unreviewed_tables_is_not_closed(world: World, cycle: Cycle, table: YearlyReport) -> None:
    filed(world, table)
    with pytest.raises(Refused) as refused:
        cycles.close(actor=world.actor("city_approver"), at=AFTER, reference=cycle.reference)
    assert refused.value.code == "unreviewed"


# ---- the board --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("joined", "next_", "kind"),
    [
        (DUE - timedelta(days=15), DUE - timedelta(days=7), "deadline.near"),  # on the day of a rung
        (DUE - timedelta(days=10), DUE - timedelta(days=7), "deadline.near"),  # between two
        (DUE, DUE + timedelta(days=1), "deadline.passed"),
    ],
)
def test_who_joins_a_running_cycle_gets_one_message_that_night(
    world: World, cycle: Cycle, joined: date, next_: date, kind: str
) -> None:
    """The message that opens the table names the last day; reminders go on from the day after."""

    def told() -> list[str]:
        rows = Notification.objects.filter(recipient=world.user("other_county_applicant"), channel="portal")
        return list(rows.order_by("pk").values_list("kind", flat=True))

    late = listed(world, "rival", on=joined)
    person = world.users["other_county_applicant"] = factories.person("后来者")
    factories.member(person, late.organisation, role="owner")
    Organisation.objects.filter(pk=late.organisation_id).update(claim="confirmed")
    day = joined
    while day <= next_:
        at = datetime.combine(day, SPRING.timetz())
        cycles.refresh(at=at)
        deadlines.remind(at=at)
        assert told() == ["yearly.opened"] + [kind] * (day == next_), day
        day += timedelta(days=1)


def test_counts_filter_and_reminder_say_the_same(world: World, cycle: Cycle, table: YearlyReport) -> None:
    listed(world, "rival")
    cycles.refresh(at=SPRING)
    filed(world, table)
    actor = world.actor("city_handler")
    today = AFTER.date()
    page = boards.board(actor, cycle, boards.filters_of(actor, {}), {}, today)
    counts = {key: number for key, _label, number in page.counts}
    assert counts == {"due": 0, "draft": 0, "filed": 1, "returned": 0, "overdue": 1, "accepted": 0, "exempt": 0}
    for key, number in counts.items():
        found = boards.filtered(actor, cycle, boards.Filters(state=key), today)
        assert found.count() == number
    assert {one.path: dict(one.counts)["overdue"] for one in page.areas} == {
        "/130000/130300/130302/": 0,
        "/130000/130300/130322/": 1,
    }
    late = boards.filtered(actor, cycle, boards.Filters(state="overdue"), today).get()
    assert late.site == world.sites["rival"]
    chased = {"actor": actor, "cycle": cycle.reference, "references": [late.reference, table.reference]}
    assert yearly.chase(**chased, at=AFTER) == 1
    yearly.chase(**chased, at=AFTER)
    sent = Notification.objects.filter(kind="yearly.chased", channel="portal")
    assert [row.recipient_id for row in sent] == [world.user("rival").pk]


def test_a_county_sees_its_own_place_only(world: World, cycle: Cycle, table: YearlyReport) -> None:
    listed(world, "rival")
    cycles.refresh(at=SPRING)
    actor = world.actor("county_handler")
    page = boards.board(actor, cycle, boards.filters_of(actor, {}), {}, SPRING.date())
    assert page.total == 1
    assert [row.table for row in page.rows] == [table]


def test_the_units_people_have_a_deadline_until_they_handed_in(world: World, table: YearlyReport) -> None:
    actor = world.actor("applicant")
    found = [one for one in deadlines.of(actor, SPRING.date()) if one.key.startswith("yearly:")]
    assert [(one.last_day, one.clause, one.ladder) for one in found] == [(DUE, "QHD-12a", (30, 15, 7, 3, 1, -1, -7))]
    filed(world, table)
    assert not [one for one in deadlines.of(actor, SPRING.date()) if one.key.startswith("yearly:")]


# ---- handed in again (JY-19) --------------------------------------------------------------------------------------------
@pytest.mark.clause("JY-19")
def test_who_means_to_apply_higher_hands_in_an_evaluation_again(world: World) -> None:
    county.load_rules()
    jieyang(world)
    titled(world.site, "city")
    cycles.open_due(at=datetime.fromisoformat("2027-03-02T09:00:00+08:00"))
    made = Cycle.objects.get(duty="again")
    assert (made.review_due_on, YearlyReport.objects.filter(cycle=made).count()) == (date(2027, 5, 20), 0)
    given: dict[str, Any] = {"actor": world.actor("applicant"), "at": SPRING, "cycle": made.reference}
    row = yearly.aspire(**given, site_id=world.site.pk, category="factory")
    assert yearly.aspire(**given, site_id=world.site.pk, category="factory") == row
    row = begun(world, row)
    assert row.report is not None
    assert row.report.form == "factory-national-1"
    cycles.refresh(at=SPRING)
    assert state(row) == YearlyState.DRAFT


@pytest.mark.clause("JY-19")
@pytest.mark.clause("JY-7a")
@pytest.mark.parametrize(
    ("who", "level", "owes"),
    [("gd_handler", "province", 1), ("jy_handler", "city", 0), ("jy_county_handler", "county", 0)],
)
def test_provincial_cultivation_objects_hand_in_an_evaluation_too(
    world: World, who: str, level: str, owes: int
) -> None:
    """Of the three libraries of 揭阳 only the province's makes a unit hand in again."""
    county.load_rules()
    guangdong(world)
    given: dict[str, Any] = {"actor": world.actor(who), "at": SPRING}
    noted = cultivation.add(site_id=world.sites["jy"].pk, category="factory", **given)
    cultivation.take_up(reference=noted.reference, **given)
    assert noted.level == level
    cycles.open_due(at=SPRING)
    rows = YearlyReport.objects.filter(cycle__duty="again")
    assert rows.count() == owes
    if owes:
        row = begun(world, rows.get(), "jy_applicant")
        assert (row.state, row.report.form if row.report else "") == (YearlyState.DRAFT, "factory-national-1")


@pytest.mark.clause("JY-19")
def test_the_city_notes_whom_the_province_made_its_cultivation_object(world: World) -> None:
    """The province keeps no library here: the city writes down its document, and the duty follows the level both ways."""
    county.load_rules()
    guangdong(world)
    city: dict[str, Any] = {"actor": world.actor("jy_handler"), "at": SPRING}
    row = cultivation.add(site_id=world.sites["jy"].pk, category="factory", **city)
    cultivation.take_up(reference=row.reference, **city)
    cycles.open_due(at=SPRING)
    owing = YearlyReport.objects.filter(cycle__duty="again").owed()
    assert not owing.exists()
    said = {"reference": row.reference, "level": "province", "basis": "粤工信〔2026〕示例号"}
    with pytest.raises(NotAllowed):  # another's library
        cultivation.note_level(actor=world.actor("jy_county_handler"), at=SPRING, **said)
    with pytest.raises(Invalid):
        cultivation.note_level(**{**said, "basis": " "}, **city)
    with pytest.raises(Invalid):  # the county keeps its own
        cultivation.note_level(**{**said, "level": "county"}, **city)
    page = world.client("jy_handler")
    address = reverse("dynamics:cultivation-level", args=[row.reference])
    assert page.post(address, {"level": "province", "basis": ""}).status_code == 422
    assert page.post(address, {"level": "province", "basis": said["basis"]}).status_code == 302
    row.refresh_from_db()
    assert (row.level, row.basis, row.authority.tier) == ("province", said["basis"], "city")
    for who in ("jy_handler", "jy_county_handler", "gd_handler"):  # all of them read it
        shown = world.client(who).get(reverse("dynamics:cultivation-object", args=[row.reference])).content.decode()
        assert said["basis"] in shown, who
    cycles.refresh(at=SPRING)
    assert owing.get().site == row.site
    cultivation.note_level(reference=row.reference, level="city", basis="粤工信〔2027〕示例号", **city)
    cycles.refresh(at=SPRING)
    assert not owing.exists()


@pytest.mark.clause("JY-19")
def test_no_level_is_noted_where_the_rules_name_none(world: World) -> None:
    county.load_rules()
    given: dict[str, Any] = {"actor": world.actor("county_handler"), "at": SPRING}
    row = cultivation.add(site_id=world.site.pk, category="factory", **given)
    with pytest.raises(Invalid):
        cultivation.note_level(reference=row.reference, level="province", basis="文件", **given)
    page = world.client("county_handler").get(reverse("dynamics:cultivation-object", args=[row.reference]))
    assert reverse("dynamics:cultivation-level", args=[row.reference]) not in page.content.decode()


@pytest.mark.clause("JY-19")
def test_it_is_not_needed_in_a_year_in_which_one_applied(world: World) -> None:
    county.load_rules()
    city = jieyang(world)
    titled(world.site, "city")
    call = rounds.call_of(world, "jieyang", city, year=2027)
    county.case(world, call, organisation=world.org, county="130302")
    cycles.open_due(at=SPRING)
    made = Cycle.objects.get(duty="again")
    with pytest.raises(Refused) as refused:
        yearly.aspire(
            actor=world.actor("applicant"), at=SPRING, cycle=made.reference, site_id=world.site.pk, category="factory"
        )
    assert refused.value.clause == "JY-19"


@pytest.mark.clause("JY-19")
def test_the_county_has_its_own_last_day(world: World) -> None:
    county.load_rules()
    jieyang(world)
    desk = Authority.objects.get(area__slug="445202")
    factories.mandate(world.user("other_county_handler"), "handler", desk)
    titled(world.site, "city")
    cycles.open_due(at=SPRING)
    made = Cycle.objects.get(duty="again")
    row = yearly.aspire(
        actor=world.actor("applicant"), at=SPRING, cycle=made.reference, site_id=world.site.pk, category="factory"
    )
    assert not [one for one in deadlines.owed(SPRING.date()) if "review" in one.key]
    YearlyReport.objects.filter(pk=row.pk).update(state=YearlyState.FILED, desk=desk, tier="county")
    (found,) = [one for one in deadlines.owed(SPRING.date()) if "review" in one.key]
    assert (found.last_day, found.clause, found.people) == (
        date(2027, 5, 20),
        "JY-19",
        (world.user("other_county_handler").pk,),
    )


@pytest.mark.clause("JY-19")
def test_the_evaluation_is_handed_in_and_the_county_reviews_and_recommends(world: World) -> None:
    """From the wish to rise to the county's word, on the last day that the article leaves it."""
    county.load_rules()
    city = jieyang(world)
    desk = Authority.objects.get(area__slug="445202")
    for who, office in (("desk", desk), ("office", city)):
        world.users[who] = factories.person(f"揭阳经办{who}", username=who)
        world.mandates[who] = factories.mandate(world.users[who], "handler", office)
    titled(world.site, "city")
    cycles.open_due(at=SPRING)
    made = Cycle.objects.get(duty="again")
    row = yearly.aspire(
        actor=world.actor("applicant"), at=SPRING, cycle=made.reference, site_id=world.site.pk, category="factory"
    )
    row = filed(world, row)  # every figure and every file of the evaluation, declared true
    assert (row.state, row.tier, row.desk) == (YearlyState.FILED, "county", desk)
    with pytest.raises(NotAllowed):
        approve(world, row, "office", text="同意")
    last = datetime.fromisoformat("2027-05-20T23:50:00+08:00")  # that day included
    row = approve(world, row, "desk", at=last, text="评价报告属实，审核通过，同意推荐。")
    assert (row.state, row.desk) == (YearlyState.ACCEPTED, None)
    told = Notification.objects.filter(kind="yearly.recommended", channel="portal")
    assert [one.recipient_id for one in told] == [world.user("office").pk]
    page = selectors.table_page(world.actor("office"), row.reference, last.date())
    assert [(one.authority, one.text) for one in page.table.opinions.all()] == [
        (desk, "评价报告属实，审核通过，同意推荐。")
    ]
    assert selectors.last_version(row) is not None
    assert not [one for one in deadlines.owed(last.date()) if "review" in one.key]
