"""Leaving a list, by the pages: an alarm, the hearing, two people, the bulletin; lower and higher lists; the bar afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

import pytest
import time_machine

from applications.services import checks
from applications.states import State
from dynamics.models import Incident, Removal, UpwardRequest
from dynamics.services import watch
from dynamics.states import RemovalState, UpwardState
from greenlist.organisations.models import Title
from greenlist.policy.engine.types import Outcome
from registry.models import Bulletin, Listing
from registry.states import EntryKind, ListingState
from tests import factories
from tests.applications import county, filled
from tests.dynamics.listed import AT, jieyang, listed, ministry
from tests.journeys.browsing import Person
from tests.registry import upper
from tests.world import World

pytestmark = [pytest.mark.journey, pytest.mark.once, pytest.mark.timeout(300), pytest.mark.django_db]
REASONS = "经核实，情况属实。"


@contextmanager
def on(at: datetime) -> Iterator[None]:
    with time_machine.travel(at, tick=False):
        yield


def person(world: World, character: str) -> Person:
    return Person(character, world.client(character))


def case_of(listing: Listing) -> str:
    return f"/after/removals/{Removal.objects.get(listing=listing).reference}/"


def certificate(listing: Listing) -> str:
    return f"/v/{listing.certificates.get().token}/"


class Leaving:
    """The way of one removal by the pages; `office`: prefix of the characters of the list's owner."""

    def __init__(self, world: World, listing: Listing, office: str, applicant: str) -> None:
        self.listing = listing
        self.handler, self.approver = person(world, f"{office}_handler"), person(world, f"{office}_approver")
        self.unit, self.visitor = person(world, applicant), person(world, "anonymous")
        self.page = case_of(listing)

    def heard(self, at: datetime) -> datetime:
        """Asked with the nearest day the page offers; answered with a file a day later."""
        with on(at):
            self.handler.press(self.handler.get(self.page), "ask/")
        later = at + timedelta(days=1)
        with on(later):
            asked = self.unit.get(self.page)
            self.unit.press(asked, "answer/", statement="情况说明。", file1=filled.picture("说明.png"))
        return later

    def concluded(self, at: datetime, conclusion: str = "remove") -> None:
        with on(at):
            page = self.handler.get(self.page)
            self.handler.press(page, "conclude/", conclusion=conclusion, opinion="证据充分，申辩不成立。")

    def decided(self, at: datetime, outcome: str = "remove") -> None:
        with on(at):
            assert not self.handler.get(self.page).offers("/decide/")
            page = self.approver.get(self.page)
            self.approver.press(page, "decide/", outcome=outcome, decision=REASONS)

    def announced(self, at: datetime) -> Bulletin:
        with on(at):
            fresh = self.handler.get(f"/after/bulletins/new/{self.listing.listbook_id}/")
            self.handler.press(fresh, number="示公告〔2026〕3号")
            made = Bulletin.objects.get(listbook=self.listing.listbook)
            page = f"/after/bulletins/{made.reference}/"
            handed = self.handler.press(self.handler.get(page), "hand/")
            assert not handed.offers("/publish/")
            self.approver.press(self.approver.get(page), "publish/")
        made.refresh_from_db()
        return made

    def state(self) -> str:
        return Listing.objects.get(pk=self.listing.pk).state


@pytest.mark.clause("QHD-13b", "QHD-14.4")
def test_from_an_alarm_to_the_public_bulletin(world: World) -> None:
    county.load_rules()
    listing = listed(world)
    place = listing.listbook.owner.area.slug
    visitor, reporter, city = (person(world, who) for who in ("anonymous", "county_handler", "city_handler"))
    with on(AT):
        units = reporter.get("/after/incidents/new/", q=listing.name)
        page = reporter.get(units.link(f"/after/listings/{listing.pk}/alarm/"))
        said = {"kind": "safety", "severity": "2", "event_at": "2026-09-01T03:30", "place": "一号车间"}
        said |= {"what": "示例事故", "source": "应急管理部门通报"}
        refused = reporter.press(page, status=409, **said)  # 较大: an adverse record and no alarm
        assert "不良记录" in refused and "QHD-13b" in refused.html
        assert not Incident.objects.exists()
        page = reporter.get(f"/after/listings/{listing.pk}/alarm/")
        reporter.press(page, **{**said, "severity": "3"})
        alarm = Incident.objects.get()
        work_list = city.get("/work/")
        assert work_list.offers(alarm.reference)
        seen = city.get(f"/after/incidents/{alarm.reference}/")
        assert "5 小时" in seen and "24" in seen and "本平台默认值" in seen
        city.press(seen, "seen/")
        assert not city.get("/work/").offers(f"/after/incidents/{alarm.reference}/")
    way = Leaving(world, listing, "city", "applicant")
    with on(AT):
        assert way.state() == ListingState.ACTIVE and "证书真实有效" in visitor.get(certificate(listing)).text
    later = way.heard(AT)
    with on(later):
        shown = visitor.get(certificate(listing))
        assert "尚未作出决定" in shown and "真实有效" in shown.text
        assert way.unit.get("/after/removals/").offers(way.page)
    way.concluded(later)
    way.decided(later)
    made = way.announced(later + timedelta(days=1))
    assert way.state() == ListingState.REMOVED
    with on(later + timedelta(days=2)):
        ended = visitor.get(certificate(listing))
        assert "已移出" in ended and "2026年9月3日" in ended
        public = visitor.get(f"/p/{place}/bulletins/{made.reference}/")
        assert listing.name in public and "示公告〔2026〕3号" in public and "移出" in public
        changed = visitor.get(f"/p/{place}/lists/factory/changes/", since="2026-09-01", until="2026-09-04")
        assert listing.name in changed and made.title in changed
        assert listing.name not in visitor.get(f"/p/{place}/lists/factory/", on="2026-09-04").text
        assert made.title in visitor.get(f"/p/{place}/listed/{listing.pk}/")
        pdf = visitor.get(f"/p/{place}/bulletins/{made.reference}/bulletin.pdf")
        assert pdf.body.startswith(b"%PDF")


def test_a_dismissal_restores_everything(world: World) -> None:
    county.load_rules()
    listing = listed(world)
    officer = person(world, "city_handler")
    with on(AT):
        page = officer.get(f"/after/listings/{listing.pk}/remove/")
        officer.press(page, ground="false_data", reason="核查发现数据不符", upload=filled.picture("证据.png"))
    way = Leaving(world, listing, "city", "applicant")
    later = way.heard(AT)
    assert way.state() == ListingState.REMOVAL_PROPOSED
    way.concluded(later, "dismiss")
    way.decided(later, "dismiss")
    assert way.state() == ListingState.ACTIVE
    with on(later):
        told = way.unit.get(way.page)
        assert REASONS in told and "证据.png" not in told.html  # evidence may name a third person
        assert "真实有效" in way.visitor.get(certificate(listing)).text
    assert not Title.objects.get(site=listing.site).removed


@pytest.mark.clause("HLJ-30b", "HLJ-15.3")
def test_suspended_the_same_day_then_gone_from_every_list_and_barred(world: World) -> None:
    county.load_rules()
    ministry(world)
    own, lower, nation = (listed(world, "hlj", office) for office in ("230000", "230100", "cn"))
    factories.adverse(world.orgs["hlj"], "safety", date(2026, 8, 30), 3)
    visitor = person(world, "anonymous")
    with on(AT):
        watch.round_(at=AT)
        assert "已暂停" in visitor.get(certificate(own))
        assert "暂停" in person(world, "hlj_applicant").get(case_of(own))
    way = Leaving(world, own, "hlj_province", "hlj_applicant")
    later = way.heard(AT)
    way.concluded(later)
    way.decided(later)
    assert Listing.objects.get(pk=lower.pk).state == ListingState.SUSPENDED  # the same day, by the same ground
    way.announced(later + timedelta(days=1))
    with on(later + timedelta(days=2)):
        assert "已移出" in visitor.get(certificate(own))
    letter = UpwardRequest.objects.get(listing=nation)
    page, handler, approver = f"/after/requests/{letter.reference}/", way.handler, way.approver
    with on(later + timedelta(days=2)):
        handler.press(handler.get(page), "hand/")
        approver.press(approver.get(page), "send/", number="黑工信函〔2026〕1号")
        pdf = approver.get(f"{page}letter.pdf")
        assert pdf.body.startswith(b"%PDF")
        handler.press(handler.get(page), "receive/")
    firm = world.orgs["hlj"]
    line = (firm.name, firm.code or "", "", EntryKind.REMOVED)
    upper.approved(world, line, who="hlj_province", tier="nation", category="factory")
    watch.round_(at=upper.AT)
    letter.refresh_from_db()
    assert letter.state == UpwardState.SETTLED
    call = county.open_call(world, "heilongjiang")
    case = county.case(world, call, organisation=firm, state=State.SCREENING)
    bars = [one for one in checks.look(case=case, point="apply", at=upper.AT) if one.clause == "HLJ-15.3"]
    assert [one.outcome for one in bars] == [Outcome.BLOCK]
    after = upper.AT + timedelta(days=3 * 366)
    bars = [one for one in checks.look(case=case, point="apply", at=after) if one.clause == "HLJ-15.3"]
    assert [one.outcome for one in bars] == [Outcome.CLEAR]


@pytest.mark.clause("JY-22b")
def test_jieyang_removes_at_once_and_asks_the_province(world: World) -> None:
    county.load_rules()
    jieyang(world)
    listing, above = listed(world, "jy", "445200"), listed(world, "jy", "440000")
    factories.adverse(world.orgs["jy"], "quality", date(2026, 8, 30), 4)
    watch.round_(at=AT)
    way = Leaving(world, listing, "jy", "jy_applicant")
    assert way.state() == ListingState.SUSPENDED
    later = way.heard(AT)
    way.concluded(later)
    way.decided(later)
    way.announced(later + timedelta(days=1))
    assert way.state() == ListingState.REMOVED
    assert Removal.objects.get().state == RemovalState.EFFECTIVE
    assert (UpwardRequest.objects.get().listing, UpwardRequest.objects.get().clause) == (above, "JY-22b")
    title = Title.objects.get(site=listing.site, tier="city")
    assert title.removed and title.valid_until == (later + timedelta(days=1)).date()
