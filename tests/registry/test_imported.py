"""Lists of other tiers, taken over: the outcome of what was forwarded, names to confirm, results typed by hand."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from applications.models import Application, Call
from applications.services import submission
from applications.states import State
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, WrongState
from greenlist.core.models import Notification
from greenlist.core.sheets import ImportRefused
from greenlist.organisations import selectors as organisations
from greenlist.organisations import services as registering
from greenlist.organisations.models import Organisation, Title
from registry import imports, selectors
from registry.models import Entry, ImportedList, ImportedRow, Listing, RowMatch
from registry.services import imported
from registry.states import ImportState, ListingState, MatchState, Origin, RowState
from tests import factories
from tests.applications import county
from tests.registry import upper
from tests.world import World


@pytest.fixture
def call(world: World) -> Call:
    upper.ministry(world)
    return upper.open_call(world)


def line(firm: Organisation, **changes: str) -> tuple[str, ...]:
    return (changes.get("name", firm.name), changes.get("code", firm.code or ""), changes.get("area", ""))


@pytest.mark.clause("HEB-3d")
@pytest.mark.clause("HLJ-21d")
def test_who_is_on_the_published_list_is_listed_and_who_is_not_ends_with_the_document_named(
    world: World, call: Call
) -> None:
    case = upper.forwarded(world, call)
    missed = upper.forwarded(world, call, world.orgs["sjz"])
    made = upper.taken(world, line(world.org), call=call.pk, said={"complete": True})
    assert made.state == ImportState.TO_APPROVE and not Listing.objects.exists()
    imported.approve(actor=world.actor("province_approver"), reference=made.reference, at=upper.AT)
    case.refresh_from_db(), missed.refresh_from_db()
    assert (case.state, missed.state) == (State.LISTED, State.NOT_LISTED)
    listing = Listing.objects.get()
    assert (listing.origin, listing.application, listing.name) == (Origin.IMPORTED, case, world.org.name)
    assert listing.listbook.owner.tier == "nation" and listing.listbook.title == "全国绿色工厂名单"
    said = missed.timeline.latest("pk")
    assert "2026年度绿色工厂名单（示例公告〔2026〕1号）" in said.opinion and said.verb == "miss_outcome"
    title = Title.objects.get(site=world.site, valid_until=None)
    assert (title.tier, title.category) == ("nation", "factory")
    facts = organisations.facts_of(world.site, "factory", upper.AT.date())
    assert [held.tier for held in facts["site.titles.same_category"]] == ["nation"]
    told = set(
        Notification.objects.filter(kind__in=["case.listed", "case.not_listed"]).values_list(
            "kind", "recipient__username"
        )
    )
    assert ("case.listed", "applicant") in told and ("case.not_listed", "other_applicant") in told


def test_a_list_not_said_to_be_complete_leaves_the_others_waiting_until_it_is(world: World, call: Call) -> None:
    missed = upper.forwarded(world, call, world.orgs["sjz"])
    made = upper.approved(world, line(world.org), call=call.pk)
    missed.refresh_from_db()
    assert missed.state == State.FORWARDED
    given = {"reference": made.reference, "at": upper.AT}
    with pytest.raises(NotVisible):
        imported.declare_complete(actor=world.actor("city_approver"), **given)
    imported.declare_complete(actor=world.actor("province_handler"), **given)  # one person proposes
    with pytest.raises(NotAllowed):
        imported.declare_complete(actor=world.actor("province_handler"), **given)
    missed.refresh_from_db()
    assert missed.state == State.FORWARDED
    page = world.client("province_approver").get(reverse("registry:imported", args=[made.reference])).content.decode()
    assert reverse("registry:imported-complete", args=[made.reference]) in page
    imported.declare_complete(actor=world.actor("province_approver"), **given)
    missed.refresh_from_db()
    assert missed.state == State.NOT_LISTED
    with pytest.raises(WrongState):
        imported.declare_complete(actor=world.actor("province_approver"), reference=made.reference, at=upper.AT)


def test_two_people_take_a_list_over(world: World, call: Call) -> None:
    made = upper.taken(world, line(world.org), call=call.pk)
    with pytest.raises(NotAllowed):
        imported.approve(actor=world.actor("province_handler"), reference=made.reference, at=upper.AT)
    with pytest.raises(NotVisible):  # of another authority
        imported.approve(actor=world.actor("city_approver"), reference=made.reference, at=upper.AT)
    imported.approve(actor=world.actor("province_approver"), reference=made.reference, at=upper.AT)
    with pytest.raises(WrongState):
        imported.approve(actor=world.actor("province_approver"), reference=made.reference, at=upper.AT)


def test_the_same_list_is_taken_over_once_unless_given_up(world: World, call: Call) -> None:
    made = upper.taken(world, line(world.org), call=call.pk)
    with pytest.raises(WrongState):
        upper.taken(world, line(world.org), call=call.pk)
    imported.drop(actor=world.actor("province_handler"), reference=made.reference, at=upper.AT)
    upper.approved(world, line(world.org), call=call.pk)
    assert Listing.objects.count() == 1
    with pytest.raises(WrongState):
        imported.drop(actor=world.actor("province_handler"), reference=made.reference, at=upper.AT)


def test_a_name_alone_waits_for_an_official_and_so_does_its_case(world: World, call: Call) -> None:
    case = upper.forwarded(world, call)
    factories.organisation(world.areas["130322"], world.org.name)  # of the same name, in another county
    made = upper.approved(world, line(world.org, code=""), call=call.pk, said={"complete": True})
    case.refresh_from_db()
    assert case.state == State.FORWARDED and not Listing.objects.exists()
    right = RowMatch.objects.get(organisation=world.org)
    wanted = {"actor": world.actor("province_approver"), "at": upper.AT, "match_id": right.pk}
    first = imported.decide_match(**wanted | {"actor": world.actor("province_handler")}, same=True, note="地址相符")
    assert first.state == MatchState.OPEN and not Listing.objects.exists()
    with pytest.raises(Invalid):
        imported.decide_match(**wanted, same=True, note=" ")
    with pytest.raises(NotVisible):
        imported.decide_match(**wanted | {"actor": world.actor("city_handler")}, same=True, note="看过")
    imported.decide_match(**wanted, same=True, note="地址相符")
    case.refresh_from_db()
    assert case.state == State.LISTED
    assert set(made.rows.get().matches.values_list("state", flat=True)) == {MatchState.CONFIRMED, MatchState.DENIED}
    with pytest.raises(WrongState):
        imported.decide_match(**wanted, same=False, note="再看")


@pytest.mark.authz
def test_a_name_is_decided_by_two_people_who_say_the_same(world: World, call: Call) -> None:
    """A yes gives a title and ends a case well, a no may end it badly: neither hangs on one person."""
    case = upper.forwarded(world, call)
    upper.approved(world, line(world.org, code=""), call=call.pk, said={"complete": True})
    given = {"match_id": RowMatch.objects.get().pk, "at": upper.AT, "note": "地址相符"}
    handler, approver = world.actor("province_handler"), world.actor("province_approver")
    page = reverse("registry:imported-match", args=[given["match_id"]])
    task = str(reverse("registry:imported-match", args=[given["match_id"]]))
    assert task in world.client("province_handler").get("/work/").content.decode()
    world.client("province_handler").post(page, {"note": "地址相符", "action": "same"})
    with pytest.raises(NotAllowed):  # the same person again
        imported.decide_match(**given, actor=handler, same=True)
    assert imported.decide_match(**given, actor=approver, same=False).proposed is False  # they differ: a new proposal
    with pytest.raises(NotAllowed):
        imported.decide_match(**given, actor=approver, same=False)
    assert imported.decide_match(**given, actor=handler, same=False).state == MatchState.OPEN  # no approver
    imported.decide_match(**given, actor=handler, same=True)
    case.refresh_from_db()
    assert case.state == State.FORWARDED and not Listing.objects.exists() and not Title.objects.exists()
    assert task not in world.client("province_handler").get("/work/").content.decode()
    assert task in world.client("province_approver").get("/work/").content.decode()
    shown = world.client("province_approver").get(page).content.decode()
    assert "地址相符" in shown and world.user("province_handler").name in shown
    assert imported.decide_match(**given, actor=approver, same=True).state == MatchState.CONFIRMED
    case.refresh_from_db()
    assert case.state == State.LISTED


def test_a_denied_name_of_a_complete_list_ends_the_case_as_not_listed(world: World, call: Call) -> None:
    case = upper.forwarded(world, call)
    upper.approved(world, line(world.org, code=""), call=call.pk, said={"complete": True})
    match = RowMatch.objects.get()
    upper.decided(world, match, same=False, note="同名的另一家")
    case.refresh_from_db()
    assert case.state == State.NOT_LISTED and ImportedRow.objects.get().state == RowState.NOBODY


def test_a_former_name_and_brackets_of_either_width_are_found(world: World, call: Call) -> None:
    world.org.names.create(text="海港旧名（示例）有限公司", valid_until=upper.AT.date())
    upper.taken(world, ("海港旧名(示例)有限公司", "", ""), call=call.pk)
    assert RowMatch.objects.get().organisation == world.org


def test_only_units_of_the_own_area_are_taken_on(world: World, call: Call) -> None:
    """Another place's firms are taken over by their own authority; unknown ones of the area are noted, unclaimed."""
    unknown = factories.credit_code(8801)
    made = upper.approved(
        world,
        line(world.orgs["hlj"]),
        ("卢龙示例新材料有限公司", unknown, "卢龙县"),
        ("无名示例有限公司", "", ""),
        call=call.pk,
    )
    assert list(made.rows.values_list("state", flat=True)) == [RowState.OUTSIDE, RowState.CODE, RowState.NOBODY]
    listing = Listing.objects.get()
    assert (listing.code, listing.organisation.claim, listing.area_name) == (unknown, "unclaimed", "卢龙县")


@pytest.mark.clause("HEB-3d")
def test_one_result_typed_from_the_document(world: World, call: Call) -> None:
    case, other = upper.forwarded(world, call), upper.forwarded(world, call, world.orgs["sjz"])
    handler = {"actor": world.actor("province_handler"), "at": upper.AT}
    with pytest.raises(Invalid):
        imported.enter_result(**handler, case=other.reference, listed=False, heading=upper.heading())
    yes = imported.enter_result(**handler, case=case.reference, listed=True, heading=upper.heading())
    no = imported.enter_result(
        **handler, case=other.reference, listed=False, heading=upper.heading(), reason="不符合年度要求"
    )
    for made in (yes, no):
        imported.approve(actor=world.actor("province_approver"), reference=made.reference, at=upper.AT)
    case.refresh_from_db(), other.refresh_from_db()
    assert (case.state, other.state) == (State.LISTED, State.NOT_LISTED)
    assert "不符合年度要求" in other.timeline.latest("pk").opinion
    with pytest.raises(WrongState):
        imported.enter_result(**handler, case=case.reference, listed=True, heading=upper.heading())


def test_a_withdrawn_case_keeps_its_end_and_the_unit_is_on_the_list_all_the_same(world: World, call: Call) -> None:
    case = upper.forwarded(world, call)
    made = upper.taken(world, line(world.org), call=call.pk)
    submission.withdraw(actor=world.actor("applicant"), at=upper.AT, reference=case.reference, reason="另行安排")
    imported.approve(actor=world.actor("province_approver"), reference=made.reference, at=upper.AT)
    case.refresh_from_db()
    assert case.state == State.WITHDRAWN and Listing.objects.get().application is None


def test_a_removal_takes_the_unit_off_and_ends_its_title(world: World, call: Call) -> None:
    upper.approved(world, line(world.org), call=call.pk)
    upper.approved(
        world,
        (world.org.name, world.org.code or "", "", "removed"),
        call=call.pk,
        said={"title": "关于移出名单的公告", "number": "示例公告〔2026〕2号"},
    )
    listing = Listing.objects.get()
    assert listing.state == ListingState.REMOVED
    assert Title.objects.get(site=world.site).removed
    assert [one.kind for one in Entry.objects.order_by("pk")] == ["added", "removed"]
    assert selectors.as_of(listing.listbook, upper.AT.date()) == []


def test_a_list_its_owner_publishes_here_is_not_taken_over(world: World, call: Call) -> None:
    city = {"tier": "city", "category": "factory"}
    with pytest.raises(NotAllowed):  # not a tier above
        imported.book_for(actor=world.actor("city_handler"), call=None, **city)
    assert imported.book_for(actor=world.actor("city_handler"), call=None, tier="province", category="factory")
    with pytest.raises(NotAllowed):  # a county recommends: it puts nobody onto the province's list
        imported.book_for(actor=world.actor("county_handler"), call=None, tier="province", category="factory")


def test_rows_that_are_wrong_refuse_the_whole_file(world: World, call: Call) -> None:
    with pytest.raises(ImportRefused) as refused:
        upper.taken(world, line(world.org), line(world.org), ("某示例有限公司", "91000000", ""), call=call.pk)
    assert len(refused.value.rows) == 2 and not ImportedList.objects.exists()
    for content in (b"PK\x03\x04broken", upper.book(("甲",), head=("无此栏",)), b""):
        with pytest.raises(ImportRefused):
            imports.read("a.xlsx", content)
    rows = imports.read(
        "a.xlsx", upper.book(("甲示例", "", "卢龙县", "移出"), head=("名称", "统一社会信用代码", "地区", "kind"))
    )
    assert (rows[0][2].name, rows[0][2].kind) == ("甲示例", "removed")


def test_a_firm_that_registers_later_is_found_at_night(world: World, call: Call) -> None:
    code = factories.credit_code(8850)
    made = upper.approved(world, ("卢龙后来示例有限公司", code, ""), ("卢龙无码示例有限公司", "", ""), call=call.pk)
    assert not Listing.objects.exists()
    factories.organisation(world.areas["130324"], "卢龙后来示例有限公司", code=code)
    factories.organisation(world.areas["130324"], "卢龙无码示例有限公司")
    assert imported.find_again(at=upper.AT) == 1
    assert Listing.objects.get().code == code
    assert list(made.rows.values_list("state", flat=True)) == [RowState.CODE, RowState.OPEN]
    assert imported.find_again(at=upper.AT) == 0


@pytest.mark.authz
def test_who_types_a_code_of_the_list_is_on_it_only_once_the_claim_is_confirmed(world: World, call: Call) -> None:
    """Otherwise a stranger would say where a listed firm lies, in a public list."""
    code, name = factories.credit_code(8851), "海港被冒示例有限公司"
    upper.approved(world, (name, code, ""), call=call.pk)
    area = world.areas["130302"]
    given = {"name": name, "kind": "firm", "area": area, "production_area": area, "production_address": "示例路1号"}
    made = registering.register(code=code, actor=world.actor("stranger"), at=upper.AT, **given)
    imported.find_again(at=upper.AT)
    assert not Listing.objects.exists()
    registering.confirm_claim(organisation_id=made.pk, actor=world.actor("county_approver"), at=upper.AT)
    imported.find_again(at=upper.AT)
    assert Listing.objects.get().code == code


def test_an_older_list_brings_nobody_back_who_was_taken_off_since(world: World, call: Call) -> None:
    upper.approved(world, line(world.org), call=call.pk)
    away = (world.org.name, world.org.code or "", "", "removed")
    upper.approved(world, away, call=call.pk, said={"number": "2号", "issued_on": date(2026, 10, 10)})
    upper.approved(world, line(world.org), call=call.pk, digest="anew", said={"number": "3号"})  # of 9 October
    assert Listing.objects.get().state == ListingState.REMOVED
    assert not Title.objects.filter(site=world.site, valid_until=None).exists()
    upper.approved(
        world, line(world.org), call=call.pk, digest="later", said={"number": "4号", "issued_on": date(2026, 10, 11)}
    )
    assert Listing.objects.get().state == ListingState.ACTIVE


# ---- pages ----------------------------------------------------------------------------------------------------------
def test_from_the_file_to_the_outcome_by_pages(world: World, call: Call) -> None:
    case = upper.forwarded(world, call)
    handler, approver = world.client("province_handler"), world.client("province_approver")
    assert call.title in handler.get(reverse("registry:imported-lists")).content.decode()
    assert case.name in handler.get(reverse("registry:imported-waiting", args=[call.pk])).content.decode()
    page = f"{reverse('registry:imported-take')}?call={call.pk}"
    said = {"title": "名单", "number": "1号", "issued_on": "2026-01-09", "source": "网站", "complete": "on"}
    file = SimpleUploadedFile("名单.xlsx", upper.book(line(world.org)))
    looked = handler.post(page, {**said, "file": file})
    assert looked.status_code == 200 and not ImportedList.objects.exists()
    ticket = looked.context["ticket"]
    assert approver.post(page, {"ticket": ticket}).status_code == 422  # somebody else's check
    done = handler.post(page, {"ticket": ticket}, follow=True)
    assert done.status_code == 200 and case.name in done.content.decode()
    made = ImportedList.objects.get()
    assert handler.post(page, {"ticket": ticket}).status_code == 422  # used
    approver.post(reverse("registry:imported-approve", args=[made.reference]))
    case.refresh_from_db()
    assert case.state == State.LISTED
    listing = Listing.objects.get()
    shown = world.client("anonymous").get(reverse("dynamics:listing", args=["cn", listing.pk])).content.decode()
    assert "导入名单" in shown and "名单（1号）" in shown
    assert world.client("anonymous").get(reverse("registry:lists")).status_code == 200


def test_a_wrong_file_is_shown_by_place(world: World, call: Call) -> None:
    page = f"{reverse('registry:imported-take')}?call={call.pk}"
    said = {"title": "名单", "issued_on": "2026-01-09", "source": "网站"}
    file = SimpleUploadedFile("名单.xlsx", upper.book(("甲示例有限公司", "123", "")))
    answer = world.client("province_handler").post(page, {**said, "file": file})
    assert answer.status_code == 422 and "甲示例有限公司" not in answer.content.decode()[:200]
    assert [one.row for one in answer.context["problems"]] == [2]


@pytest.mark.parametrize("count", [3, 30])
def test_lists_cost_the_same_however_long(
    world: World, call: Call, count: int, django_assert_max_num_queries: object
) -> None:
    lines = []
    for number in range(count):
        firm = county.firm(world, "130302", 8000 + number)
        upper.forwarded(world, call, firm)
        lines.append(line(firm, code="" if number % 2 else firm.code or ""))
    made = upper.approved(world, *lines, call=call.pk)
    client = world.client("province_handler")
    pages = {
        reverse("registry:imported-lists"): 22,
        reverse("registry:imported-waiting", args=[call.pk]): 20,
        reverse("registry:imported", args=[made.reference]): 22,
        reverse("registry:imported-matches"): 18,
    }
    for page, most in pages.items():
        with django_assert_max_num_queries(most):  # type: ignore[operator]
            assert client.get(page).status_code == 200
    assert Application.objects.filter(state=State.LISTED).count() == (count + 1) // 2


def test_lines_are_found_by_part_of_a_name_by_code_and_by_state(world: World, call: Call) -> None:
    """A national list has tens of thousands of lines: nobody leafs through them."""
    outside = ("示例琥珀精密制造有限公司", "", "广东省")
    made = upper.taken(world, line(world.org), outside, call=call.pk)
    page = reverse("registry:imported", args=[made.reference])
    client = world.client("province_handler")

    def shown(**asked: str) -> set[str]:
        body = client.get(page, asked).content.decode()
        return {name for name in (world.org.name, outside[0]) if f">{name}" in body.partition("<tbody>")[2]}

    assert shown() == {world.org.name, outside[0]}
    assert shown(q="琥珀") == {outside[0]}
    assert shown(q="琥珀精密") == {outside[0]}
    assert shown(q=world.org.code or "") == {world.org.name}
    assert shown(state="nobody") == {outside[0]}
    assert shown(q="没有这个") == set()


def test_a_line_may_stand_beyond_the_32767th_place(world: World) -> None:
    """Lists of the nation are long: PostgreSQL's small integers end before."""
    assert Entry._meta.get_field("position").get_internal_type() == "PositiveIntegerField"
