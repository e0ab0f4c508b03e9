"""The rows behind `./dev bench --after`: N listed units of one city, each with a yearly table, a change, a removal …

Qinhuangdao's rules. Half of what can be open is open, so that work lists have as much to count as the lists have to show. The
measured county holds a third of the units; one firm has a page of sites.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from tests.tools.bench_round import Round
from tests.tools.bench_seed import MARKS, TRADES, analyse, prepare

CITY, COUNTY = "130300", "130302"
OWN = 60  # sites of the measured firm: more than one page
PART = 500


def seed(count: int) -> Round:
    """N rows of each kind; every row by bulk."""
    from django.db import transaction

    prepare()
    with transaction.atomic():
        made = Seeder(count).run()
    analyse()
    return made


def several(model: Any, rows: Any) -> list[Any]:
    return list(model.objects.bulk_create(rows, PART))


class Seeder:
    """Rows of one city."""

    def __init__(self, count: int) -> None:
        from greenlist.accounts.models import Area
        from greenlist.core import clock

        self.count = count
        self.now: datetime = clock.now()
        self.today: date = clock.china_date(self.now)
        self.city = Area.objects.get(slug=CITY)
        self.county = Area.objects.get(slug=COUNTY)
        self.counties = list(Area.objects.filter(parent=self.city).order_by("path"))

    def run(self) -> Round:
        self.people()
        self.units()
        cycle = self.tables()
        self.removals()
        self.changes()
        self.inspections()
        self.tips()
        self.cultivation()
        pages = {
            "units": ("city", "/units/"),
            "units, deep page": ("city", "deep:/units/"),
            "units, 2 characters": ("city", "/units/?q=青松"),
            "unit page": ("city", f"/units/{self.listings[0].pk}/"),
            "due board": ("city", f"/cycles/{cycle.reference}/"),
            "due board, deep page": ("city", f"deep:/cycles/{cycle.reference}/"),
            "due board, 2 characters": ("city", f"/cycles/{cycle.reference}/?q=青松"),
            "cycles": ("city", "/cycles/"),
            "own tables": ("firm", "/yearly/"),
            "removals": ("city", "/after/removals/"),
            "removals, deep page": ("city", "deep:/after/removals/"),
            "changes": ("county", "/after/changes/"),
            "changes, deep page": ("county", "deep:/after/changes/"),
            "tips": ("approver", "/after/reports/"),
            "tips, deep page": ("approver", "deep:/after/reports/"),
            "inspections": ("city", "/after/inspections/"),
            "inspections, deep page": ("city", "deep:/after/inspections/"),
            "cultivation library": ("city", "/cultivation/"),
            "cultivation library, deep page": ("city", "deep:/cultivation/"),
            "work list, county": ("county", "/work/"),
            "work list, city": ("city", "/work/"),
            "work list, firm": ("firm", "/work/"),
        }
        return Round({who: user.pk for who, user in self.users.items()}, self.keys, pages)

    # ---- who --------------------------------------------------------------------------------------------------------
    def people(self) -> None:
        from greenlist.accounts.models import Authority, Mandate, User

        offices = [
            Authority(area=area, tier="city" if area == self.city else "county", name=f"{area.name}工信局")
            for area in (self.city, *self.counties)
        ]
        self.authorities = {row.area.slug: row for row in several(Authority, offices)}
        seats = {"city": (CITY, "handler"), "approver": (CITY, "approver"), "county": (COUNTY, "handler")}
        names = [*seats, "firm"]
        users = several(
            User, (User(username=one, name="测试人员", email=f"{one}@example.com", password="!") for one in names)
        )
        self.users = {user.username: user for user in users}
        held = (
            Mandate(user=self.users[who], role=role, authority=self.authorities[slug], valid_from=date(2020, 1, 1))
            for who, (slug, role) in seats.items()
        )
        self.keys = {one.user.username: f"m{one.pk}" for one in several(Mandate, held)}
        self.keys["province"] = self.keys["city"]  # the bare page is asked by somebody of the office
        self.users["province"] = self.users["city"]

    def units(self) -> None:
        """Firms with a site each, the first with a page of them, all on the city's list."""
        from greenlist.organisations.models import Industry, Membership, Organisation, Site
        from registry.models import Listing
        from registry.services import listbooks

        industries = list(Industry.objects.filter(level=4).order_by("code"))
        firms = several(
            Organisation,
            (
                Organisation(
                    name=f"示例{MARKS[number % len(MARKS)]}{TRADES[number % 10]}{number}有限公司",
                    code=f"91000000{number:010d}",
                    area=self.place(number),
                    industry=industries[number * 7 % len(industries)],
                    claim="confirmed",
                )
                for number in range(self.count)
            ),
        )
        owners = [firms[0] if number < OWN else firm for number, firm in enumerate(firms)]
        self.sites = several(
            Site,
            (
                Site(
                    organisation=firm,
                    name=f"示例厂区{number}",
                    area=self.place(number),
                    is_default=number >= OWN or not number,
                )
                for number, firm in enumerate(owners)
            ),
        )
        several(
            Membership,
            [Membership(user=self.users["firm"], organisation=firms[0], role="owner", valid_from=date(2020, 1, 1))],
        )
        self.keys["firm"] = f"o{firms[0].pk}"
        book = listbooks.of(self.authorities[CITY], "factory")
        self.listings = several(
            Listing,
            (
                Listing(
                    listbook=book,
                    site=site,
                    organisation=site.organisation,
                    basis="示例公告",
                    name=site.organisation.name,
                    code=site.organisation.code or "",
                    area_path=site.area.path,
                    area_name=site.area.name,
                    year=self.today.year - 2 - number % 5,
                    listed_on=date(self.today.year - 2 - number % 5, 6, 20),
                )
                for number, site in enumerate(self.sites)
            ),
        )

    def place(self, number: int) -> Any:
        return self.county if number % 3 == 0 else self.counties[number % len(self.counties)]

    # ---- what happened since ----------------------------------------------------------------------------------------
    def tables(self) -> Any:
        from dynamics.models import Cycle, YearlyReport
        from greenlist.policy import selectors as policy

        rules = policy.current("qinhuangdao")
        cycle = Cycle.objects.create(
            owner=self.authorities[CITY],
            rule_set=rules.rule_set,
            rules=rules,
            duty="dynamic",
            year=self.today.year,
            opens_on=self.today - timedelta(days=60),
            due_on=self.today + timedelta(days=30),
            opened_at=self.now,
        )
        states = ("due", "draft", "filed", "accepted", "due", "exempt")
        several(
            YearlyReport,
            (
                YearlyReport(
                    cycle=cycle,
                    category="factory",
                    site=row.site,
                    organisation=row.organisation,
                    name=row.name,
                    code=row.code,
                    area_path=row.area_path,
                    tiers=["city"],
                    form="dynamic-factory-1",
                    due_on=cycle.due_on if number % 7 else self.today - timedelta(days=10),
                    state=states[number % len(states)],
                    desk=self.authorities[COUNTY] if states[number % len(states)] == "filed" else None,
                    tier="county" if states[number % len(states)] == "filed" else "",
                )
                for number, row in enumerate(self.listings)
            ),
        )
        return cycle

    def removals(self) -> None:
        from dynamics.models import Removal
        from greenlist.policy import selectors as policy

        rules = policy.current("qinhuangdao")
        several(
            Removal,
            (
                Removal(
                    listing=row,
                    owner=self.authorities[CITY],
                    rules=rules,
                    ground="false_data",
                    label={"zh": "数据造假", "en": "false data"},
                    clause="QHD-14.1",
                    when="any_time",
                    source="person",
                    reason="核查发现数据不符",
                    name=row.name,
                    category="factory",
                    area_path=row.area_path,
                    was="active",
                    proposed_by=self.users["city"],
                    proposed_at=self.now,
                    state=("proposed", "heard", "dismissed", "hearing")[number % 4],
                )
                for number, row in enumerate(self.listings)
            ),
        )

    def changes(self) -> None:
        from dynamics.models import Change

        several(
            Change,
            (
                Change(
                    listing=row,
                    organisation=row.organisation,
                    area_path=row.area_path,
                    verifier=self.authorities[COUNTY],
                    rules="qinhuangdao",
                    clause="QHD-15",
                    kinds=["scope"],
                    before={"scope": "原经营范围"},
                    after={"scope": "现经营范围"},
                    happened_on=self.today - timedelta(days=number % 300),
                    explanation="示例说明",
                    reported_by=self.users["firm"],
                    reported_at=self.now,
                    state="reported" if number % 2 else "closed",
                )
                for number, row in enumerate(self.listings)
            ),
        )

    def inspections(self) -> None:
        from dynamics.models import Inspection

        several(
            Inspection,
            (
                Inspection(
                    listing=row,
                    authority=self.authorities[COUNTY],
                    planned_on=self.today + timedelta(days=number % 60),
                    rules="qinhuangdao",
                    clause="QHD-13a",
                    created_by=self.users["county"],
                    created_at=self.now,
                    state="planned" if number % 2 else "done",
                    visited_on=None if number % 2 else self.today,
                )
                for number, row in enumerate(self.listings)
            ),
        )

    def tips(self) -> None:
        from dynamics.models import Tip

        several(
            Tip,
            (
                Tip(
                    receipt=f"J{self.today.year}-{number:06d}",
                    listing=row,
                    about=row.name,
                    category="factory",
                    area_path=row.area_path,
                    authority=self.authorities[CITY],
                    rules="qinhuangdao",
                    clause="QHD-13a",
                    keep_days=365,
                    received_at=self.now,
                    state="received" if number % 2 else "closed",
                )
                for number, row in enumerate(self.listings)
            ),
        )

    def cultivation(self) -> None:
        from dynamics.models import CultivationObject

        several(
            CultivationObject,
            (
                CultivationObject(
                    organisation=site.organisation,
                    site=site,
                    category="park",
                    level="city",
                    authority=self.authorities[CITY],
                    area_path=site.area.path,
                    source="survey",
                    created_by=self.users["city"],
                    created_at=self.now,
                    state="candidate",
                )
                for site in self.sites
            ),
        )
