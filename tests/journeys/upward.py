"""The way up, by pages: a unit of the city's list applies to the province from what is known, the city recommends it and a
second one in spite of a warning, the province publishes elsewhere, and the city takes that list over.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import time_machine
from django.contrib.auth.hashers import make_password
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from applications.models import Application, Batch, Call
from applications.services import calls
from applications.states import State
from greenlist.accounts.models import User
from greenlist.organisations.models import Title
from greenlist.policy import selectors as policy
from registry.models import ImportedList, Listing
from registry.states import Origin
from tests import factories
from tests.applications import filled
from tests.conftest import CHINA
from tests.journeys.browsing import Person
from tests.journeys.evaluation import issue
from tests.registry import upper
from tests.world import World

REASON = "正在申报市级名单，基础扎实"
DAYS = {
    "call": "2026-06-01T09:00",
    "start": "2026-06-03T09:00",
    "submit": "2026-06-20T09:00",
    "review": "2026-06-25T09:00",
    "sign": "2026-06-26T09:00",
    "batch": "2026-06-28T09:00",
    "send": "2026-06-30T23:30",
    "published": "2026-10-12T09:00",
    "approve": "2026-10-13T09:00",
}


class WayUp:
    """The stations in order; `told()` runs them all."""

    def __init__(self, world: World) -> None:
        self.world = world
        User.objects.update(password=make_password(factories.PASSWORD))
        self.call: Call
        self.cases: list[Application] = []
        self.batch: Batch

    @contextmanager
    def on(self, station: str) -> Iterator[datetime]:
        at = datetime.fromisoformat(DAYS[station]).replace(tzinfo=CHINA)
        with time_machine.travel(at, tick=False):
            yield at

    def person(self, character: str) -> Person:
        return Person(character).sign_in(character, factories.PASSWORD)

    def states(self) -> list[str]:
        return [str(Application.objects.get(pk=case.pk).state) for case in self.cases]

    def told(self) -> None:
        self.the_lists_there_are()
        self.open_the_call()
        self.start_from_what_is_known()
        self.review_with_a_reason()
        self.recommend()
        self.take_the_list_over()
        self.look_it_up()

    def the_lists_there_are(self) -> None:
        """The first unit is on the city's list by a case of its own; the second is on none."""
        lower = filled.submitted(self.world, filled.open_call(self.world, values={"city_first": "warn"}))
        Application.objects.filter(pk=lower.pk).update(state=State.LISTED, desk=None)
        factories.title(self.world.site, "city", valid_from=date(2026, 3, 31))

    def open_the_call(self) -> None:
        issue("hebei-provincial")
        with self.on("call") as at:
            draft = calls.Draft(
                version_id=policy.current("hebei-provincial").pk,
                category="factory",
                year=2026,
                title="关于组织推荐2026年省级绿色工厂的通知",
                contact_name="方示例",
                contact_phone="0311-0000000",
                values={"city_by": "2026-06-30"},
            )
            made = calls.create(actor=self.world.actor("province_handler"), at=at, draft=draft)
            self.person("province_approver").request(
                "POST", reverse("applications:call-open", args=[made.pk]), {"warned": "on"}, 302
            )
            self.call = Call.objects.get(pk=made.pk)
            assert self.call.opened_at is not None

    def start_from_what_is_known(self) -> None:
        with self.on("start") as at:
            applicant = self.person("applicant")
            page = applicant.open("applications:cases")
            assert self.call.title in page and "申报上一级名单" in page
            applicant.press(page, "/upward/")
            first = Application.objects.get(call=self.call, site=self.world.site)
            assert first.grown_from is not None and first.report.origins
            second = filled.start(self.world, self.call, "rival", "rival", at)
            self.cases = [first, second]
        with self.on("submit") as at:
            for case, who in zip(self.cases, ("applicant", "rival"), strict=True):
                filled.submit(self.world, filled.fill(self.world, case, who, at), who, at=at)
        assert self.states() == [State.SCREENING, State.SCREENING]

    def review_with_a_reason(self) -> None:
        """The second is not on the city's list: a warning, and the reason of who recommends it (QHD-11)."""
        with self.on("review"):
            handler = self.person("city_handler")
            for case in self.cases:
                page = handler.open("applications:review", case.reference)
                if case == self.cases[1]:
                    page = handler.send(page, {}, "/review/save/", button="next=recheck")
                    assert "已列入市级名单" in page
                    assert "第十一条" in page and "通知正文第三条" in page, "the check cites both (QHD-N3d)"
                    for one in [form for form in page.forms if form.action.endswith("/override/")]:
                        page = handler.request("POST", one.action, one.filled({"reason": REASON}), 302)
                    assert REASON in page
                form = page.form("/review/save/")
                asked = {one.name for one in form.controls if one.name.startswith("verdict-")}
                page = handler.send(page, dict.fromkeys(asked, "yes"), "/review/save/", button="next=propose")
                handler.press(page, outcome="pass", opinion="同意推荐。")
        with self.on("sign"):
            approver = self.person("city_approver")
            for case in self.cases:
                approver.press(approver.open("applications:review", case.reference), "/review/sign/", opinion="同意。")
        assert self.states() == [State.PASSED, State.PASSED]

    def recommend(self) -> None:
        with self.on("batch"):
            handler = self.person("city_handler")
            page = handler.press(handler.open("applications:batches"), "/batches/start/")
            self.batch = Batch.objects.get(call=self.call)
            root = f"/batches/{self.batch.reference}"
            page = handler.press(page, f"{root}/add/", case=[case.reference for case in self.cases])
            page = handler.press(page, f"{root}/letter/", number="示工信〔2026〕17号")
            handler.press(page, f"{root}/hand-over/")
        with self.on("send"):
            approver = self.person("city_approver")
            page = approver.press(approver.open("applications:batch", self.batch.reference), f"{root}/sign/")
            approver.press(page, f"{root}/send/")
        assert self.states() == [State.FORWARDED, State.FORWARDED]
        self.batch.refresh_from_db()
        reasons = [unit.get("overrides", []) for unit in self.batch.frozen["units"]]
        assert [one["reason"] for rows in reasons for one in rows] == [REASON, REASON]

    def take_the_list_over(self) -> None:
        """A file without codes for one unit: its name is confirmed; the other is not on the complete list."""
        with self.on("published"):
            handler = self.person("city_handler")
            index = handler.open("registry:imported-lists")
            assert self.call.title in index
            page = handler.get(handler.open("registry:imported-waiting", self.call.pk).link("/registry/lists/take/"))
            book = upper.book((self.world.org.name, "", ""), ("别处示例有限公司", "", "石家庄市"))
            said: dict[str, Any] = {
                "title": "2026年省级绿色工厂名单",
                "number": "示例公告〔2026〕9号",
                "issued_on": "2026-10-09",
                "source": "示例省厅网站",
                "complete": "on",
                "file": SimpleUploadedFile("名单.xlsx", book),
            }
            looked = handler.request("POST", page.url, said)
            handler.press(looked, having=["ticket"])
        made = ImportedList.objects.get()
        with self.on("approve"):
            approver = self.person("city_approver")
            page = approver.open("registry:imported", made.reference)
            page = approver.press(page, "/approve/")
            assert self.states() == [State.FORWARDED, State.NOT_LISTED]
            handler = self.person("city_handler")
            page = handler.get(handler.open("registry:imported", made.reference).link("/registry/lists/matches/"))
            handler.press(page, button="action=same", note="地址、法定代表人相符")
            assert self.states() == [State.FORWARDED, State.NOT_LISTED]  # a name takes two who say the same
            page = approver.get(approver.open("registry:imported", made.reference).link("/registry/lists/matches/"))
            approver.press(page, button="action=same", note="同意")
        assert self.states() == [State.LISTED, State.NOT_LISTED]

    def look_it_up(self) -> None:
        listing = Listing.objects.get()
        assert (listing.origin, listing.application) == (Origin.IMPORTED, self.cases[0])
        assert set(Title.objects.filter(site=self.world.site).values_list("tier", flat=True)) == {"city", "province"}
        with self.on("approve"):
            visitor = Person("visitor")
            page = visitor.open("registry:lists", q=self.world.org.name[:4])
            assert "河北省绿色工厂名单" in page and "导入名单" in page
            page = self.person("rival").open("applications:case-history", self.cases[1].reference)
            assert "2026年省级绿色工厂名单（示例公告〔2026〕9号）" in page
            with zipfile.ZipFile(io.BytesIO(self.package())) as package:
                assert package.testzip() is None

    def package(self) -> bytes:
        """Everything that was sent, reasons for going on included."""
        page = self.person("city_approver").get(f"/batches/{self.batch.reference}/package.zip")
        return page.body
