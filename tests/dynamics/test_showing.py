"""The public page of a listed unit: only what was marked public; the green code as issued; local standing; experiences."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dynamics.models import Experience, PublicPart
from dynamics.selectors import showing as reads
from dynamics.services import experiences, showing
from dynamics.services.showing import Words
from greenlist.core.errors import Conflict, Invalid, NotAllowed, NotVisible, WrongState
from greenlist.core.models import Notification
from registry.models import Listing
from registry.states import ListingState
from tests import factories
from tests.applications import county, filled
from tests.dynamics.listed import listed
from tests.rendering import content
from tests.world import World

AT = datetime.fromisoformat("2026-09-01T09:00:00+08:00")


@pytest.fixture(autouse=True)
def _rules(db: None) -> None:
    county.load_rules()


@pytest.fixture
def unit(world: World) -> Listing:
    row = listed(world)
    Listing.objects.filter(pk=row.pk).update(industry_code="3911")
    row.refresh_from_db()
    return row


def address(unit: Listing) -> str:
    return reverse("dynamics:listing", args=["130300", unit.pk])


def anybody(world: World, unit: Listing) -> str:
    return world.client("anonymous").get(address(unit)).content.decode()


def write(world: World, unit: Listing, kind: str, who: str = "applicant", version: int = 0, **words: Any) -> PublicPart:
    upload = words.pop("upload", None)
    given = {"listing_id": unit.pk, "kind": kind, "version": version, "given": Words(**words), "upload": upload}
    return showing.write(**given, actor=world.actor(who), at=AT)


def mark(world: World, unit: Listing, kind: str, public: bool = True, who: str = "applicant") -> PublicPart:
    return showing.mark(listing_id=unit.pk, kind=kind, public=public, actor=world.actor(who), at=AT)


@pytest.mark.clause("HEB-4b", "JY-26", "HLJ-36")
def test_only_what_was_marked_public_is_shown(world: World, unit: Listing) -> None:
    texts = {
        "technology": "余热回收改造",
        "disclosure": "按规定披露",
        "report": "低碳发展报告正文",
        "pledge": "承诺逐年减碳",
    }
    for kind, text in texts.items():
        write(world, unit, kind, text=text, link="https://example.com/green")
    page = anybody(world, unit)
    assert not any(text in page for text in texts.values())
    preview = world.client("applicant").get(reverse("dynamics:showing-preview", args=[unit.pk])).content.decode()
    assert all(text in preview for text in texts.values())
    mark(world, unit, "pledge")
    page = anybody(world, unit)
    assert texts["pledge"] in page
    assert texts["technology"] not in page
    for kind in ("technology", "disclosure", "report"):
        mark(world, unit, kind)
    page = anybody(world, unit)
    assert all(text in page for text in texts.values())
    mark(world, unit, "report", public=False)
    assert texts["report"] not in anybody(world, unit)
    api = world.client("anonymous").get(f"/api/v1/listings/130300/{unit.pk}/page/").content.decode()
    assert texts["pledge"] in api
    assert texts["report"] not in api
    Listing.objects.filter(pk=unit.pk).update(state=ListingState.SUSPENDED)
    page = anybody(world, unit)  # the certificate's live state, and nothing of its own while it is not in force
    assert not any(text in page for text in texts.values())
    assert "T-" in page


@pytest.mark.clause("JY-26", "HLJ-36", "HLJ-34")
@pytest.mark.parametrize(
    ("slug", "area", "clause"), [("jieyang", "445200", "JY-26"), ("heilongjiang", "230000", "HLJ-36")]
)
def test_parts_by_list_as_the_clauses_have_them(world: World, slug: str, area: str, clause: str) -> None:
    owner = world.areas["130300"] if slug == "jieyang" else world.areas["230000"]
    path = owner.path
    if slug == "jieyang":
        owner.slug, path = area, "/130000/445200/"
        owner.path = path
        owner.save()
    authority = world.city if slug == "jieyang" else world.authorities["230000"]
    site = world.sites["org"] if slug == "jieyang" else world.sites["hlj"]
    from registry.services import listbooks

    def kinds(category: str, clause: str = clause) -> set[str]:
        row = Listing(listbook=listbooks.of(authority, category), site=site, area_path=path)
        return {one.kind for one in reads.offered(row) if clause in one.clauses}

    shared = {"technology", "disclosure"}
    code = {"green_code"} if clause == "JY-26" else set()  # of 黑龙江 by article 34
    assert kinds("factory") == shared | {"report"} | code
    if slug == "heilongjiang":
        assert "green_code" in kinds("factory", "HLJ-34")
        assert "green_code" not in kinds("park", "HLJ-34")
    assert kinds("park") == shared | {"support"}
    assert kinds("supply_chain") == shared | {"purchases"}


@pytest.mark.clause("JY-26", "HLJ-34")
def test_the_green_code_is_kept_as_issued_with_its_evidence(world: World, unit: Listing) -> None:
    picture = filled.picture()
    with pytest.raises(Invalid):  # no evidence
        write(world, unit, "green_code", grade="A+", issued_on=date(2026, 5, 1))
    with pytest.raises(Invalid):  # no grade of the ministry
        write(world, unit, "green_code", grade="Z", issued_on=date(2026, 5, 1), upload=picture)
    part = write(world, unit, "green_code", grade="A+", issued_on=date(2026, 5, 1), upload=filled.picture())
    assert "A+" not in anybody(world, unit)
    mark(world, unit, "green_code")
    page = anybody(world, unit)
    assert "A+" in page
    token = reverse("dynamics:standing", args=[part.token])
    assert "A+" in world.client("anonymous").get(token).content.decode()
    evidence = reverse("dynamics:listing-file", args=["130300", unit.pk, "green_code"])
    assert world.client("anonymous").get(evidence).status_code == 404
    own = reverse("dynamics:showing-file", args=[unit.pk, "green_code"])
    assert content(world.client("county_handler").get(own))
    assert world.client("rival").get(own).status_code == 404
    mark(world, unit, "green_code", public=False)
    assert world.client("anonymous").get(token).status_code == 404


@pytest.mark.clause("HLJ-34")
def test_a_unit_of_heilongjiang_shows_its_code_by_its_own_pages(world: World) -> None:
    """Entered with its evidence, marked, seen on the list and under the scanned code; live, and of factories alone."""
    unit = listed(world, "hlj", "230000")
    firm, public = world.client("hlj_applicant"), reverse("dynamics:listing", args=["230000", unit.pk])
    given = {"version": 0, "grade": "B", "issued_on": "2026-05-01"}
    address = reverse("dynamics:showing-write", args=[unit.pk, "green_code"])
    assert firm.post(address, given).status_code == 422  # without what shows it
    assert firm.post(address, {**given, "file": filled.picture()}).status_code == 302
    part = PublicPart.objects.get(listing=unit, kind="green_code")
    assert (part.grade, part.by_unit, part.is_public) == ("B", True, False)
    scanned, anybody_ = reverse("dynamics:standing", args=[part.token]), world.client("anonymous")
    assert anybody_.get(scanned).status_code == 404
    marking = reverse("dynamics:showing-mark", args=[unit.pk, "green_code"])
    assert world.client("applicant").post(marking, {"public": "yes"}).status_code == 404  # another firm
    assert firm.post(marking, {"public": "yes"}).status_code == 302
    issued = "2026年5月1日"
    for page in (public, scanned):
        text = anybody_.get(page).content.decode()
        assert "企业绿码" in text and issued in text, page
    assert "data:image/svg+xml" in anybody_.get(public).content.decode()
    Listing.objects.filter(pk=unit.pk).update(state=ListingState.SUSPENDED)
    for page in (public, scanned):
        text = anybody_.get(page).content.decode()
        assert unit.name in text and issued not in text, page
    park = listed(world, "hlj", "230000", category="park")
    other = reverse("dynamics:showing-write", args=[park.pk, "green_code"])
    assert firm.post(other, {**given, "file": filled.picture()}).status_code == 404


@pytest.mark.clause("HEB-4b")
def test_an_official_takes_down_with_a_reason(world: World, unit: Listing) -> None:
    write(world, unit, "technology", text="夸大其词")
    mark(world, unit, "technology")
    given = {"listing_id": unit.pk, "kind": "technology", "at": AT}
    with pytest.raises(NotAllowed):
        showing.take_down(**given, reason="不实", actor=world.actor("applicant"))
    with pytest.raises(Invalid):
        showing.take_down(**given, reason=" ", actor=world.actor("county_handler"))
    showing.take_down(**given, reason="内容不实", actor=world.actor("county_handler"))
    assert "夸大其词" not in anybody(world, unit)
    assert Notification.objects.filter(kind="showing.taken_down", recipient=world.user("applicant")).exists()
    with pytest.raises(WrongState):  # not before it was changed
        mark(world, unit, "technology")
    write(world, unit, "technology", version=1, text="据实改写")
    mark(world, unit, "technology")
    assert "据实改写" in anybody(world, unit)
    with pytest.raises(Conflict):
        write(world, unit, "technology", version=1, text="另一人")


@pytest.mark.case("PR-07")
@pytest.mark.parametrize("text", ["联系13812345678", "写信到 a.b@example.com", "证件11010519491231002X"])
def test_no_person_gets_onto_a_public_page(world: World, unit: Listing, text: str) -> None:
    with pytest.raises(Invalid):
        write(world, unit, "technology", text=text)
    row = experiences.pick(listing_id=unit.pk, actor=world.actor("city_handler"), at=AT)
    with pytest.raises(Invalid):
        experiences.write(
            reference=row.reference,
            version=0,
            title="经验",
            summary="",
            text=text,
            actor=world.actor("city_handler"),
            at=AT,
        )


def test_a_public_file_is_bare_of_its_author(world: World, unit: Listing) -> None:
    write(world, unit, "report", text="报告", upload=filled.picture())
    url = reverse("dynamics:listing-file", args=["130300", unit.pk, "report"])
    assert world.client("anonymous").get(url).status_code == 404
    mark(world, unit, "report")
    assert content(world.client("anonymous").get(url))
    part = PublicPart.objects.get(kind="report")
    assert part.bare_id is not None
    assert part.bare_id != part.file_id


@pytest.mark.authz
def test_who_writes_a_page(world: World, unit: Listing) -> None:
    write(world, unit, "technology", text="本单位")
    write(world, unit, "disclosure", who="county_handler", text="主管部门代填")
    for who in ("rival", "other_county_handler", "hlj_city_handler", "anonymous", "evaluator"):
        with pytest.raises(NotVisible):
            write(world, unit, "pledge", who=who, text="别人")
        assert world.client(who).get(reverse("dynamics:showing", args=[unit.pk])).status_code in (302, 404)
    with pytest.raises(NotVisible):  # a part no rule offers
        write(world, unit, "support", text="园区政策")


def _peers(world: World, unit: Listing, scores: list[str]) -> None:
    from dynamics.models import YearlyScore

    cycle = _cycle(world)
    for number, score in enumerate(scores):
        firm = factories.organisation(world.areas["130302"], f"同行示例{number}有限公司", serial=7700 + number)
        row = listed(world, site=firm.sites.get())
        Listing.objects.filter(pk=row.pk).update(industry_code="3911")
        _score(YearlyScore, cycle, row, score)


def _cycle(world: World) -> Any:
    from dynamics.models import Cycle
    from greenlist.policy import selectors as policy

    version = policy.current("qinhuangdao")
    days = {"opens_on": date(2026, 3, 1), "due_on": date(2026, 4, 30)}
    return Cycle.objects.create(
        owner=world.city, rules=version, rule_set=version.rule_set, duty="dynamic", year=2025, opened_at=AT, **days
    )


def _score(model: Any, cycle: Any, row: Listing, score: str) -> None:
    model.objects.create(
        cycle=cycle,
        site=row.site,
        category="factory",
        year=2025,
        name=row.name,
        area_path=row.area_path,
        score=Decimal(score),
        source="entered",
        at=AT,
    )


@pytest.mark.clause("HLJ-34")
@pytest.mark.parametrize(
    ("own", "others", "quarter"),
    [
        ("95", ["90", "85", "80", "75", "70"], 1),
        ("60", ["90", "85", "80", "75", "70"], 4),
        ("90", ["90", "90", "80", "75", "70"], 1),  # equals share the better quarter
        ("95", ["90", "85", "80", "75"], None),  # never among fewer than five others
    ],
)
def test_the_local_standing_is_a_quarter_among_five_others(
    world: World, unit: Listing, own: str, others: list[str], quarter: int | None
) -> None:
    from dynamics.models import Cycle, YearlyScore

    _peers(world, unit, others)
    _score(YearlyScore, Cycle.objects.get(), unit, own)
    found = reads.standing(unit)
    assert (found.quarter if found else None) == quarter
    assert "本地相对位置" not in anybody(world, unit)
    part = mark(world, unit, "standing")
    shown = anybody(world, unit)
    if quarter is None:
        assert "本地相对位置" not in shown
        return
    assert "本地相对位置" in shown
    assert "不是工业和信息化部的企业绿码" in shown
    assert "data:image/svg+xml" in shown  # the QR code
    page = world.client("anonymous").get(reverse("dynamics:standing", args=[part.token]))
    assert unit.name in page.content.decode()
    assert not any(f"同行示例{number}" in shown for number in range(5))


@pytest.mark.clause("HEB-4c")
def test_a_city_recommends_and_the_province_marks_publishes_and_puts_forward(world: World, unit: Listing) -> None:
    city, province = (
        {"actor": world.actor("city_handler"), "at": AT},
        {"actor": world.actor("province_handler"), "at": AT},
    )
    with pytest.raises(NotAllowed):  # counties pick none
        experiences.pick(listing_id=unit.pk, actor=world.actor("county_handler"), at=AT)
    row = experiences.pick(listing_id=unit.pk, **city)
    words = {"title": "余热回收经验", "summary": "节能三成", "text": "先摸底，再改造。"}
    given = {"reference": row.reference}
    experiences.write(**given, version=0, **words, **city)
    with pytest.raises(NotVisible):  # not before it is recommended
        experiences.mark_outstanding(**given, **province)
    experiences.recommend(**given, **city)
    assert Notification.objects.filter(kind="experience.recommended", recipient=world.user("province_handler")).exists()
    with pytest.raises(NotAllowed):
        experiences.mark_outstanding(**given, **city)
    experiences.mark_outstanding(**given, **province)
    with pytest.raises(WrongState):
        experiences.mark_outstanding(**given, **province)
    public = reverse("dynamics:place-experiences", args=["130300"])
    assert words["title"] not in world.client("anonymous").get(public).content.decode()
    experiences.publish(**given, **province)
    experiences.put_forward(**given, on=date(2026, 8, 30), note="冀工信〔2026〕示例号", **province)
    with pytest.raises(WrongState):
        experiences.put_forward(**given, on=date(2026, 8, 30), note="", **province)
    row.refresh_from_db()
    assert (row.published_by, row.forwarded_on) == (world.province, date(2026, 8, 30))
    for page in (public, reverse("dynamics:place-experiences", args=["130000"]), address(unit)):
        assert words["title"] in world.client("anonymous").get(page).content.decode()
    one = world.client("anonymous").get(reverse("dynamics:place-experience", args=["130300", row.reference]))
    assert words["text"] in one.content.decode()
    assert "冀工信" not in one.content.decode()  # a record of the office
    experiences.withdraw(**given, reason="更正", **province)
    assert words["title"] not in world.client("anonymous").get(public).content.decode()


@pytest.mark.clause("HLJ-34")
def test_a_city_publishes_experiences_of_its_own_units(world: World) -> None:
    row = listed(world, "hlj", "230100")
    given = {"actor": world.actor("hlj_city_handler"), "at": AT}
    made = experiences.pick(listing_id=row.pk, **given)
    experiences.write(reference=made.reference, version=0, title="分布式光伏", summary="", text="做法", **given)
    experiences.publish(reference=made.reference, **given)
    page = world.client("anonymous").get(reverse("dynamics:place-experiences", args=["230100"]))
    assert "分布式光伏" in page.content.decode()


@pytest.mark.parametrize("count", [3, 30])
def test_pages_ask_as_few_queries_for_many(
    world: World, unit: Listing, count: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(count):
        Experience.objects.create(
            site=unit.site,
            organisation=unit.organisation,
            category="factory",
            area_path=unit.area_path,
            area_name=unit.area_name,
            authority=world.city,
            title=f"经验{number}",
            text="做法",
            created_by=world.user("city_handler"),
            created_at=AT,
        )
    client, page = world.client("city_handler"), reverse("dynamics:experiences")
    client.get(page)
    with django_assert_max_num_queries(20):
        assert client.get(page).status_code == 200
    write(world, unit, "technology", text="做法")
    mark(world, unit, "technology")
    with django_assert_max_num_queries(24):
        world.client("anonymous").get(address(unit))


def test_parts_are_written_on_the_page_itself(world: World, unit: Listing) -> None:
    client, page = world.client("applicant"), reverse("dynamics:showing", args=[unit.pk])
    assert client.get(page).status_code == 200
    write_to = reverse("dynamics:showing-write", args=[unit.pk, "technology"])
    assert client.post(write_to, {"version": "0", "text": "电话13812345678"}).status_code == 422
    sent = {"version": "0", "text": "余热回收", "file": SimpleUploadedFile("a.exe", b"MZ")}
    assert client.post(write_to, sent).status_code == 422
    assert client.post(write_to, {"version": "0", "text": "余热回收"}).status_code == 302
    mark_to = reverse("dynamics:showing-mark", args=[unit.pk, "technology"])
    assert client.post(mark_to, {"public": "yes"}).status_code == 302
    assert "余热回收" in anybody(world, unit)
    down = reverse("dynamics:showing-take-down", args=[unit.pk, "technology"])
    assert world.client("county_handler").post(down, {"reason": ""}).status_code == 302
    assert "余热回收" in anybody(world, unit)  # not without a reason
    assert world.client("county_handler").post(down, {"reason": "不实"}).status_code == 302
    assert "余热回收" not in anybody(world, unit)
