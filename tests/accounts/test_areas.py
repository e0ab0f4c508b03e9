"""The reporting tree: seeded, repeated, moved; who is in charge of a place."""

from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from greenlist.accounts import selectors, services
from greenlist.accounts.models import Area, Authority
from greenlist.core.actors import SYSTEM
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.core.models import AuditEntry
from tests import factories
from tests.world import World

REFERENCE = Path(settings.ROOT) / "fixtures" / "reference"


def seeds() -> list[services.SeedArea]:
    return services.seed_areas(REFERENCE / "areas-overrides.csv", REFERENCE / "area-names-en.csv")


@pytest.mark.clause("HEB-0")
def test_places_that_report_to_the_province_hang_under_it(db, now) -> None:
    call_command("load_areas", verbosity=0)
    paths = dict(Area.objects.values_list("name", "path"))
    province = "/130000/"
    assert paths["定州市"] == f"{province}130682/"
    assert paths["辛集市"] == f"{province}130181/"
    assert paths["雄安新区"].startswith(province)
    assert paths["雄安新区"].count("/") == 3
    assert not Area.objects.filter(path__startswith="/130000/130600/", code="130682").exists()
    assert Area.objects.get(name="雄安新区").code == ""


def test_counts_are_those_of_the_package(db, now) -> None:
    services.load_areas(seeds=seeds(), actor=SYSTEM, at=now)
    qinhuangdao = Area.objects.get(code="130300")
    assert qinhuangdao.children.count() == 7
    assert Area.objects.get(code="130302").full_name == "河北省秦皇岛市海港区"
    assert Area.objects.filter(parent=None).count() == 33
    assert Area.objects.filter(code__in=["330113", "330114", "540581", "659012"]).count() == 4


def test_loading_twice_changes_nothing_and_is_recorded_once(db, now) -> None:
    first = services.load_areas(seeds=seeds(), actor=SYSTEM, at=now)
    assert first[0] > 3000
    assert services.load_areas(seeds=seeds(), actor=SYSTEM, at=now) == (0, 0)
    assert AuditEntry.objects.filter(action="areas.loaded").count() == 1


def test_an_area_of_our_own_stays_and_a_moved_parent_takes_it_along(db, now) -> None:
    rows = [services.SeedArea("1", "甲省"), services.SeedArea("2", "乙市", "1"), services.SeedArea("3", "丙省")]
    services.load_areas(seeds=rows, actor=SYSTEM, at=now)
    zone = factories.area("开发区", "zone", Area.objects.get(slug="2"), coded=False)
    assert zone.path == "/1/2/zone/"
    moved = [rows[0], services.SeedArea("2", "乙市", "3"), rows[2]]
    assert services.load_areas(seeds=moved, actor=SYSTEM, at=now) == (0, 1)
    zone.refresh_from_db()
    assert (zone.path, zone.full_name) == ("/3/2/zone/", "丙省乙市开发区")


def test_a_seed_without_its_parent_is_refused_whole(db, now) -> None:
    with pytest.raises(Invalid):
        services.load_areas(seeds=[services.SeedArea("2", "乙市", "nowhere")], actor=SYSTEM, at=now)
    assert not Area.objects.exists()


def test_an_administrator_moves_an_area_and_all_below_follows(world: World, now) -> None:
    city = world.areas["130300"]
    city.parent = world.areas["230000"]
    services.save_area(area=city, actor=world.actor("administrator"), at=now)
    county = Area.objects.get(slug="130302")
    assert (county.path, county.full_name) == ("/230000/130300/130302/", "黑龙江省秦皇岛市海港区")
    entry = AuditEntry.objects.get(action="area.changed")
    assert (entry.subject_kind, entry.subject_id) == ("area", str(city.pk))


def test_an_area_cannot_lie_under_itself(world: World, now) -> None:
    province = world.areas["130000"]
    province.parent = world.areas["130302"]
    with pytest.raises(Invalid) as refused:
        services.save_area(area=province, actor=world.actor("administrator"), at=now)
    assert "parent" in refused.value.problems


@pytest.mark.authz
def test_only_an_administrator_keeps_areas_and_authorities(world: World, now) -> None:
    area = world.areas["130324"]
    services.save_area(area=area, actor=world.actor("administrator"), at=now)
    for character in ("county_approver", "province_approver", "applicant", "expert", "anonymous"):
        with pytest.raises(NotAllowed):
            services.save_area(area=area, actor=world.actor(character), at=now)
        with pytest.raises(NotAllowed):
            services.save_authority(authority=world.county, actor=world.actor(character), at=now)


def test_one_industry_authority_for_an_area_and_tier(world: World, now) -> None:
    second = Authority(name="第二局", area=world.areas["130302"], tier="county")
    with pytest.raises(Invalid):
        services.save_authority(authority=second, actor=world.actor("administrator"), at=now)
    second.kind, second.department = Authority.Kind.DEPARTMENT, "emergency"
    assert services.save_authority(authority=second, actor=world.actor("administrator"), at=now).pk


class TestWhoIsInCharge:
    @pytest.mark.clause("QHD-7")
    def test_the_county_is_found_from_the_place(self, world: World) -> None:
        found = selectors.industry_authority(world.areas["130302"], "county")
        assert found == world.county
        assert selectors.industry_authority(world.areas["130302"], "city") == world.city
        assert selectors.industry_authority(world.areas["130302"], "province") == world.province

    def test_the_nearest_at_or_above_wins(self, world: World) -> None:
        zone = factories.area("海港经济开发区", "haigang-zone", world.areas["130302"], coded=False)
        assert selectors.industry_authority(zone, "county") == world.county
        own = factories.authority(zone, "county")
        assert selectors.industry_authority(zone, "county") == own

    @pytest.mark.clause("HEB-0")
    @pytest.mark.parametrize("slug", ["130682", "xiongan"])
    def test_no_county_step_where_a_place_acts_as_a_city(self, world: World, slug: str) -> None:
        place = world.areas[slug]
        assert selectors.industry_authority(place, "county") is None
        assert selectors.industry_authority(place, "city") == world.authorities[slug]
        assert selectors.superior(world.authorities[slug]) == world.province

    @pytest.mark.clause("SJZ-4")
    def test_shijiazhuang_neither_holds_nor_sees_xinji(self, db, now) -> None:
        services.load_areas(seeds=seeds(), actor=SYSTEM, at=now)
        xinji, jinzhou = Area.objects.get(code="130181"), Area.objects.get(code="130183")
        city = factories.authority(Area.objects.get(code="130100"), "city")
        county = factories.authority(jinzhou, "county")  # a county-level city is a lower tier like any other
        assert selectors.industry_authority(jinzhou, "city") == city
        assert selectors.industry_authority(jinzhou, "county") == county
        assert selectors.industry_authority(xinji, "city") is None
        assert xinji not in Area.objects.under(city.area.path)

    def test_superiors_climb_to_the_top(self, world: World) -> None:
        assert selectors.superior(world.county) == world.city
        assert selectors.superior(world.city) == world.province
        assert selectors.superior(world.province) is None

    def test_authorities_under_a_path(self, world: World) -> None:
        names = {one.name for one in selectors.authorities(path=world.city.area.path, tier="county")}
        assert names == {"秦皇岛市海港区工业和信息化局", "昌黎县工业和信息化局", "卢龙县工业和信息化局"}


class TestFinding:
    def test_by_code_full_name_and_own_name(self, world: World) -> None:
        place = world.areas["130302"]
        for words in ("130302", "河北省秦皇岛市海港区", "河北省 秦皇岛市 海港区", "海港区"):
            assert selectors.exact_areas(words) == [place]
        assert selectors.find_areas("海港") == [place]
        assert selectors.exact_areas("") == selectors.find_areas(" ") == []

    def test_a_name_that_several_places_share(self, world: World) -> None:
        factories.area("桥西区", "130203", world.areas["130300"])
        assert len(selectors.exact_areas("桥西区")) == 2
        assert len(selectors.exact_areas("河北省石家庄市桥西区")) == 1
