"""变更: reported with documents, verified by one, confirmed by another; the list follows and the old name is found."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from dynamics.models import Change, Cycle, Removal, UpwardRequest, YearlyReport
from dynamics.selectors import changes as reads
from dynamics.services import bulletins, changes, cycles, upward, yearly
from dynamics.services.changes import Report, Verification
from dynamics.states import ChangeState
from greenlist.accounts.models import Mandate
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, Refused, WrongState
from greenlist.core.models import Notification
from greenlist.organisations.models import Organisation, Title
from registry.models import Certificate, Listing
from registry.services import bulletins as printed
from tests import places
from tests.applications import county
from tests.applications.filled import picture
from tests.dynamics import tables
from tests.dynamics.listed import listed
from tests.rendering import content
from tests.world import World

pytestmark = pytest.mark.django_db
AT = datetime.fromisoformat("2026-09-07T10:00:00+08:00")
ON = date(2026, 8, 20)
NEW = "榕城新示例金属制品有限公司"


@pytest.fixture
def jieyang(world: World) -> Listing:
    places.jieyang(world)
    county.load_rules()
    return listed(world, "jy_applicant", "445200")


def report(world: World, row: Listing, who: str = "jy_applicant", **given: Any) -> Change:
    said = {
        "after": {"name": NEW},
        "happened_on": ON,
        "explanation": "经登记机关核准更名。",
        "files": [picture()],
        **given,
    }
    return changes.report(actor=world.actor(who), listing=row.pk, given=Report(**said), at=AT)[0]


def verify(world: World, change: Change, who: str = "jy_county_handler", **given: Any) -> Change:
    said = {"opinion": "经核对登记通知书，情况属实。", "agreed": True, **given}
    return changes.verify(actor=world.actor(who), reference=change.reference, given=Verification(**said), at=AT)


def confirm(world: World, change: Change, who: str = "jy_county_approver") -> Change:
    return changes.confirm(actor=world.actor(who), reference=change.reference, at=AT + timedelta(days=1))


def published(world: World, change: Change, city: str = "jy_city") -> None:
    """The owner's bulletin, by two people."""
    at = AT + timedelta(days=3)
    draft = bulletins.draft(
        actor=world.actor(f"{city}_handler"),
        listbook=change.listing.listbook_id,
        chosen=[("change", change.pk)],
        title="关于名单单位变更情况的公告",
        number="示工信〔2026〕12号",
        text="现予公布。",
        at=at,
    )
    printed.hand_to_approver(actor=world.actor(f"{city}_handler"), reference=draft.reference, at=at)
    bulletins.publish(actor=world.actor(f"{city}_approver"), reference=draft.reference, at=at)


@pytest.mark.clause("JY-21")
def test_a_renamed_unit_is_verified_by_the_county_and_published_by_the_city(world: World, jieyang: Listing) -> None:
    old = jieyang.name
    certificate = Certificate.objects.get(listing=jieyang)
    change = report(world, jieyang)
    assert (change.verifier, change.clause) == (world.authorities["445202"], "JY-21")
    assert Notification.objects.filter(kind="change.reported", recipient=world.user("jy_county_handler")).exists()
    verify(world, change)
    confirm(world, change)
    firm = Organisation.objects.get(pk=jieyang.organisation_id)
    assert firm.name == NEW
    assert list(firm.names.filter(valid_until=ON).values_list("text", flat=True)) == [old]
    jieyang.refresh_from_db()
    assert jieyang.name == old, "the list waits for what is published"
    with pytest.raises(Refused):
        changes.take_note(actor=world.actor("jy_city_handler"), reference=change.reference, at=AT)
    published(world, change)
    jieyang.refresh_from_db()
    change.refresh_from_db()
    assert (jieyang.name, change.state) == (NEW, ChangeState.SETTLED)
    certificate.refresh_from_db()
    assert certificate.name == old, "what was printed keeps the name of its day"
    found = world.client("anonymous").get(reverse("registry:lists"), {"q": old}).content.decode()
    assert NEW in found
    page = world.client("anonymous").get(reverse("dynamics:listing", args=["445200", jieyang.pk])).content.decode()
    assert old in page
    assert "更名" in page


@pytest.mark.clause("JY-21")
def test_units_on_the_provincial_list_are_bundled_upward(world: World, jieyang: Listing) -> None:
    upper = listed(world, "jy_applicant", "440000")
    report(world, jieyang)
    both = list(Change.objects.order_by("listing__listbook__owner__tier"))
    assert {one.listing_id for one in both} == {jieyang.pk, upper.pk}
    for one in both:
        verify(world, one)
        confirm(world, one)
    actor = world.actor("jy_city_handler")
    with pytest.raises(Refused):
        changes.bundle(actor=world.actor("jy_county_handler"), category="factory", year=2026, at=AT)
    (letter,) = changes.bundle(actor=actor, category="factory", year=2026, at=AT)
    assert (letter.kind, letter.to_authority) == ("change", world.authorities["440000"])
    assert NEW in letter.text
    states = dict(Change.objects.values_list("listing_id", "state"))
    assert states == {jieyang.pk: ChangeState.CONFIRMED, upper.pk: ChangeState.BUNDLED}
    assert UpwardRequest.objects.get().changes.get().listing == upper
    with pytest.raises(Refused):
        changes.bundle(actor=actor, category="factory", year=2026, at=AT)


@pytest.mark.clause("QHD-15")
@pytest.mark.clause("SJZ-12")
@pytest.mark.parametrize(
    ("who", "owner", "county_", "city", "clause"),
    [("org", "130300", "county", "city", "QHD-15"), ("sjz", "130100", "sjz_county", "other_city", "SJZ-15")],
)
def test_the_county_verifies_and_confirms_and_the_city_lets_the_list_follow(
    world: World, who: str, owner: str, county_: str, city: str, clause: str
) -> None:
    county.load_rules()
    unit = listed(world, who, owner)
    person = {"org": "applicant", "sjz": "other_applicant"}[who]
    after = {"name": "更名后示例有限公司", "scope": "高效电机", "address": "示例路9号", "boundary": "并入二号厂房"}
    change = report(world, unit, person, after=after)
    assert change.clause == clause
    verify(world, change, f"{county_}_handler")
    confirm(world, change, f"{county_}_approver")
    told = Notification.objects.filter(kind="change.to_settle").values_list("recipient_id", flat=True)
    assert world.user(f"{city}_handler").pk in told, "reported upward"
    changes.take_note(actor=world.actor(f"{city}_handler"), reference=change.reference, at=AT)
    unit.refresh_from_db()
    unit.site.refresh_from_db()
    assert (unit.name, unit.site.address) == ("更名后示例有限公司", "示例路9号")
    assert Organisation.objects.get(pk=unit.organisation_id).products == "高效电机"


@pytest.mark.clause("HLJ-31")
def test_heilongjiang_the_city_verifies_and_who_does_not_meet_the_standard_is_proposed_for_removal(
    world: World,
) -> None:
    county.load_rules()
    unit = listed(world, "hlj", "230000")
    change = report(world, unit, "hlj_applicant", after={"scope": "改为仓储"})
    assert change.verifier == world.authorities["230100"]
    with pytest.raises(Invalid) as missing:
        verify(world, change, "hlj_city_handler")
    assert "meets" in missing.value.problems
    with pytest.raises(Invalid):
        verify(world, change, "hlj_city_handler", meets=False)
    verify(world, change, "hlj_city_handler", meets=False, meets_reason="已无生产活动，不再符合标准。")
    confirm(world, change, "hlj_city_approver")
    made = Removal.objects.get()
    assert (made.ground, made.clause, made.source, made.reason) == (
        "change",
        "HLJ-31",
        "change",
        "已无生产活动，不再符合标准。",
    )
    (letter,) = changes.bundle(actor=world.actor("hlj_city_handler"), category="factory", year=2026, at=AT)
    assert letter.to_authority == world.authorities["230000"]


def test_a_merged_unit_hands_its_place_to_the_successor(world: World, jieyang: Listing) -> None:
    successor = "惠来示例控股有限公司"
    change = report(
        world,
        jieyang,
        after={"merger": "并入惠来示例控股有限公司"},
        successor_name=successor,
        successor_code="",
    )
    with pytest.raises(Invalid) as missing:
        verify(world, change)
    assert "disposition" in missing.value.problems
    verify(world, change, disposition="moves")
    with pytest.raises(NotAllowed):
        confirm(world, change, "jy_county_handler")
    confirm(world, change)
    published(world, change)
    jieyang.refresh_from_db()
    assert (jieyang.name, jieyang.organisation.name) == (successor, successor)
    assert Title.objects.get(site=jieyang.site, valid_until=None).site.organisation.name == successor


def test_a_place_that_ends_with_a_merger_leaves_the_list_by_a_bulletin(world: World, jieyang: Listing) -> None:
    change = report(world, jieyang, after={"merger": "被吸收合并"}, successor_name="惠来示例控股有限公司")
    verify(world, change, disposition="ends")
    confirm(world, change)
    published(world, change)
    jieyang.refresh_from_db()
    assert jieyang.state == "removed"
    assert not Title.objects.filter(site=jieyang.site, valid_until=None).exists()


def test_what_is_lacking_goes_back_to_the_unit_and_comes_again(world: World, jieyang: Listing) -> None:
    change = report(world, jieyang)
    handler = world.actor("jy_county_handler")
    changes.return_to_unit(actor=handler, reference=change.reference, reason="请附登记通知书。", at=AT)
    with pytest.raises(WrongState):
        verify(world, change)
    changes.complete(
        actor=world.actor("jy_applicant"),
        reference=change.reference,
        explanation="已补。",
        files=[picture("新.png")],
        at=AT,
    )
    assert change.files.count() == 2
    verify(world, change)
    approver = world.actor("jy_county_approver")
    changes.hand_back(actor=approver, reference=change.reference, note="请写明日期。", at=AT)
    verify(world, change, agreed=False)
    confirm(world, change)
    change.refresh_from_db()
    assert change.state == ChangeState.REFUSED
    assert Organisation.objects.get(pk=change.organisation_id).name != NEW


def test_what_is_refused(world: World, jieyang: Listing) -> None:
    with pytest.raises(Invalid) as wrong:
        report(world, jieyang, after={"merger": "x"}, happened_on=date(2027, 1, 1), explanation="", files=[])
    assert set(wrong.value.problems) == {"happened_on", "explanation", "file1", "successor_name"}
    with pytest.raises(NotVisible):
        report(world, jieyang, "applicant")
    change = report(world, jieyang)
    with pytest.raises(WrongState):
        report(world, jieyang)
    with pytest.raises(NotVisible):
        verify(world, change, "jy_other_handler")
    with pytest.raises(NotAllowed):
        verify(world, change, "jy_city_handler")
    changes.withdraw(actor=world.actor("jy_applicant"), reference=change.reference, at=AT)
    report(world, jieyang)


def test_the_pages_do_what_the_services_do(world: World) -> None:
    from greenlist.core import clock

    county.load_rules()
    unit = listed(world)
    firm, handler, approver = (world.client(one) for one in ("applicant", "county_handler", "county_approver"))
    address = reverse("dynamics:change-report", args=[unit.pk])
    assert address in firm.get(reverse("dynamics:changes")).content.decode()
    assert firm.get(address).status_code == 200
    day = clock.china_date(clock.now()).isoformat()
    given = {"name": "海港新示例精密制造有限公司", "happened_on": day, "explanation": "更名。"}
    assert firm.post(address, given).status_code == 422
    assert firm.post(address, {**given, "file1": picture()}).status_code == 302
    change = Change.objects.get()
    page = reverse("dynamics:change", args=[change.reference])
    assert handler.get(page).status_code == 200
    verifying = reverse("dynamics:change-verify", args=[change.reference])
    assert handler.post(verifying, {"agreed": "yes", "opinion": ""}).status_code == 422
    assert handler.post(verifying, {"agreed": "yes", "opinion": "属实。"}).status_code == 302
    assert approver.get(page).status_code == 200
    assert approver.post(reverse("dynamics:change-confirm", args=[change.reference])).status_code == 302
    city = world.client("city_handler")
    assert "change-note" not in city.get(page).content.decode()
    assert city.post(reverse("dynamics:change-note", args=[change.reference])).status_code == 302
    unit.refresh_from_db()
    assert unit.name == "海港新示例精密制造有限公司"
    stored = change.files.get()
    answer = handler.get(reverse("dynamics:change-file", args=[change.reference, stored.pk]))
    assert b"".join(answer.streaming_content)[:4] == b"\x89PNG"  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [3, 30])
def test_the_list_costs_the_same_with_many(world: World, django_assert_max_num_queries: Any, count: int) -> None:
    county.load_rules()
    unit = listed(world)
    for _ in range(count):
        change = report(world, unit, "applicant")
        changes.withdraw(actor=world.actor("applicant"), reference=change.reference, at=AT)
    client = world.client("county_handler")
    client.get(reverse("dynamics:changes"))
    with django_assert_max_num_queries(14):
        client.get(reverse("dynamics:changes"))


@pytest.mark.clause("HLJ-31")
def test_the_bundle_goes_up_by_its_page_with_a_workbook(world: World) -> None:
    county.load_rules()
    unit = listed(world, "hlj", "230000")
    change = report(world, unit, "hlj_applicant")
    verify(world, change, "hlj_city_handler", meets=True)
    confirm(world, change, "hlj_city_approver")
    city = world.client("hlj_city_handler")
    assert reverse("dynamics:changes-bundle") in city.get(reverse("dynamics:changes")).content.decode()
    assert city.post(reverse("dynamics:changes-bundle"), {"category": "factory"}).status_code == 302
    letter = UpwardRequest.objects.get()
    assert letter.changes.get() == change
    answer = city.get(reverse("dynamics:changes-workbook"))
    sheet = load_workbook(io.BytesIO(content(answer))).active
    assert sheet is not None
    assert [sheet.cell(2, column).value for column in (1, 4, 6)] == [unit.name, "名称", NEW]


@pytest.mark.parametrize(
    ("firm", "owner"),
    [
        pytest.param("applicant", "130300", marks=pytest.mark.clause("QHD-15")),
        pytest.param("other_applicant", "130100", marks=pytest.mark.clause("SJZ-12")),
        pytest.param("jy_applicant", "445200", marks=pytest.mark.clause("JY-21")),
        pytest.param("hlj_applicant", "230000", marks=pytest.mark.clause("HLJ-31")),
    ],
)
def test_what_the_yearly_table_tells_of_changes_is_offered(world: World, firm: str, owner: str) -> None:
    """The declared table explains the change; from it the unit reports it, and who verifies sees where it was told."""
    from greenlist.core import clock

    if owner == "445200":
        places.jieyang(world)
    county.load_rules()
    unit = listed(world, {"applicant": "org", "other_applicant": "sjz", "hlj_applicant": "hlj"}.get(firm, firm), owner)
    cycles.open_due(at=tables.SPRING)
    slug = {"130300": "qinhuangdao", "130100": "shijiazhuang"}.get(owner)
    if slug:  # the day is the city's to name
        tables.opened(world, slug)
    table = YearlyReport.objects.get(site=unit.site, cycle__duty="dynamic")
    told = {"changes__scope": True, "changes__scope_text": "改产高效电机"}
    tables.filed(world, table, firm, **told)
    client, address = world.client(firm), reverse("dynamics:change-report", args=[unit.pk])
    assert "改产高效电机" in client.get(address).content.decode()
    day = clock.china_date(clock.now()).isoformat()
    given = {"scope": "高效电机", "happened_on": day, "explanation": "改产高效电机", "file1": picture()}
    assert client.post(address, given).status_code == 302
    assert Change.objects.get().told_by == "table"


@pytest.mark.clause("JY-21")
def test_an_evaluation_handed_in_later_hides_no_change(world: World, jieyang: Listing) -> None:
    cycles.open_due(at=tables.SPRING)
    table = YearlyReport.objects.get(site=jieyang.site, cycle__duty="dynamic")
    tables.filed(world, table, "jy_applicant", changes__scope=True, changes__scope_text="改产高效电机")
    again = yearly.aspire(
        actor=world.actor("jy_applicant"),
        at=tables.SPRING,
        cycle=Cycle.objects.get(duty="again").reference,
        site_id=jieyang.site_id,
        category="factory",
    )
    tables.filed(world, again, "jy_applicant")
    assert reads.told_in_table(jieyang) == {"scope": "改产高效电机"}


@pytest.mark.clause("JY-21")
def test_what_went_up_is_settled_by_the_answer_to_the_letter(world: World, jieyang: Listing) -> None:
    listed(world, "jy_applicant", "440000")
    report(world, jieyang)
    upper = Change.objects.get(bundles=True)
    verify(world, upper)
    confirm(world, upper)
    given = {"actor": world.actor("jy_city_handler"), "category": "factory", "year": 2026, "at": AT}
    (letter,) = changes.bundle(**given)
    assert changes.follow_requests(at=AT) == 0
    UpwardRequest.objects.filter(pk=letter.pk).update(state="refused")
    assert changes.follow_requests(at=AT) == 1
    upper.refresh_from_db()
    assert (upper.state, upper.request) == (ChangeState.CONFIRMED, None)
    (second,) = changes.bundle(**given)
    UpwardRequest.objects.filter(pk=second.pk).update(state="settled")
    assert changes.follow_requests(at=AT) == 1
    assert changes.follow_requests(at=AT) == 0
    upper.refresh_from_db()
    upper.listing.refresh_from_db()
    assert (upper.state, upper.listing.name) == (ChangeState.SETTLED, NEW)


def test_the_lower_authority_does_not_say_done_for_an_upper_one_that_works_here(world: World, jieyang: Listing) -> None:
    listed(world, "jy_applicant", "440000")
    report(world, jieyang)
    upper = Change.objects.get(bundles=True)
    verify(world, upper)
    confirm(world, upper)
    lower = world.actor("jy_city_handler")
    (letter,) = changes.bundle(actor=lower, category="factory", year=2026, at=AT)
    UpwardRequest.objects.filter(pk=letter.pk).update(state="sent", sent_at=AT)
    given: dict[str, Any] = {"reference": letter.reference, "document": "粤工信〔2026〕9号", "at": AT}
    above = Mandate.objects.filter(user=world.user("province_handler"))
    above.update(authority=letter.to_authority)
    with pytest.raises(NotAllowed):
        upward.settle(actor=lower, **given)
    own = replace(lower, authority_id=letter.to_authority_id, user_id=world.user("province_handler").pk)
    assert upward.settle(actor=own, **given).state == "settled"
    UpwardRequest.objects.filter(pk=letter.pk).update(state="sent")
    Mandate.objects.filter(
        authority=letter.to_authority
    ).delete()  # nobody works here for it: what it wrote is recorded
    assert upward.settle(actor=lower, **given).state == "settled"
