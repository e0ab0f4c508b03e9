"""The rows behind `./dev bench`: N cases with reports, verdicts, listings, entries and messages of one province, by bulk."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

CITIES = ("130300", "130100", "130200", "130400", "130500", "130600")
COUNTY, CITY, PROVINCE = "130302", "130300", "130000"  # where the measured officials sit
SHARE = 0.3  # of all cases lie in the measured county
ROUND = 1300  # units of one decision, as a whole province's round has
OWN = 60  # cases of the measured firm: more than one page
STATES = (  # for every twenty cases outside the measured county
    *("listed",) * 7,
    *("not_listed", "rejected", "withdrawn"),
    *("screening", "returned", "passed"),
    *("recommended", "recommended", "under_review", "deciding", "proposed", "on_notice", "approving"),
)
DESK = (*("screening",) * 8, "returned", "passed")  # for every ten of the measured county
STEPS = {
    "screening": ("county", 1),
    "returned": ("county", 1),
    "rejected": ("county", 1),
    "withdrawn": ("county", 1),
    "passed": ("send", 1),
    "recommended": ("panel", 2),
    "under_review": ("panel", 2),
    "deciding": ("decide", 2),
    "proposed": ("notice", 2),
    "on_notice": ("notice", 2),
}
TRADES = (
    "精密制造",
    "生物医药",
    "新型材料",
    "食品加工",
    "玻璃制品",
    "电子信息",
    "装备制造",
    "节能环保",
    "包装印刷",
    "纺织服装",
)
MARKS = (
    "海澜",
    "青松",
    "碧云",
    "恒远",
    "瑞丰",
    "华岳",
    "金石",
    "安泰",
    "宏图",
    "明川",
    "晨光",
    "东篱",
    "云帆",
    "北辰",
    "松溪",
)
TODAY = date(2026, 6, 1)
START = datetime(2026, 4, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Place:
    """Who and what the pages are asked for."""

    people: dict[str, int]
    capacities: dict[str, str]
    case: str
    desk_case: str
    call: int
    decision: str


def seed(count: int) -> Place:
    """N cases with reports, verdicts, listings, entries and messages; every row by bulk."""
    from django.db import transaction

    prepare()
    with transaction.atomic():
        place = Seeder(count).run()
    analyse()
    return place


def prepare() -> None:
    """An empty database with its reference data and rule sets."""
    from django.core.management import call_command

    for name in ("migrate", "load_reference", "load_policies", "load_calendar", "collectstatic"):
        given = {"interactive": False} if name in ("migrate", "collectstatic") else {}
        call_command(name, verbosity=0, stdout=sys.stderr, **given)


def analyse() -> None:
    """The planner's figures, as a database at work has them."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


class Seeder:
    """Rows of a province: one county with a long desk, the rest spread over six cities and all their counties."""

    def __init__(self, count: int) -> None:
        from greenlist.accounts.models import Area
        from greenlist.organisations.models import Industry

        self.count = count
        self.areas = {area.slug: area for area in Area.objects.filter(path__startswith="/130000/")}
        counties = [one for one in self.areas.values() if any(f"/{city}/" in one.path for city in CITIES)]
        self.counties = sorted((one for one in counties if one.slug not in CITIES), key=lambda one: one.path)
        self.industries = list(Industry.objects.filter(level=4).order_by("code"))

    def run(self) -> Place:
        self.offices()
        self.persons()
        self.calls()
        self.firms()
        self.reports()
        self.cases()
        self.reviews()
        self.decision()
        self.lists()
        self.messages()
        return self.place()

    def offices(self) -> None:
        from greenlist.accounts.models import Authority

        tiers = {PROVINCE: "province"} | dict.fromkeys(CITIES, "city") | {one.slug: "county" for one in self.counties}
        rows = [
            Authority(area=self.areas[slug], tier=tier, name=f"{self.areas[slug].name}工信局")
            for slug, tier in tiers.items()
        ]
        self.authorities = {row.area.slug: row for row in Authority.objects.bulk_create(rows)}

    def persons(self) -> None:
        from greenlist.accounts.models import Mandate, User

        seats = {"county": (COUNTY, "handler"), "signer": (COUNTY, "approver"), "city": (CITY, "handler")}
        seats["province"] = (PROVINCE, "handler")
        names = [*seats, "firm", *(f"other{number}" for number in range(self.count // 10))]
        made = User.objects.bulk_create(
            User(username=name, name="测试人员", email=f"{name}@example.com", password="!") for name in names
        )
        self.users = {user.username: user for user in made}
        long_ago = date(2020, 1, 1)
        held = [
            Mandate(user=self.users[who], role=role, authority=self.authorities[slug], valid_from=long_ago)
            for who, (slug, role) in seats.items()
        ]
        self.keys = {one.user.username: f"m{one.pk}" for one in Mandate.objects.bulk_create(held)}

    def calls(self) -> None:
        from applications.models import Call
        from greenlist.policy import selectors as policy

        rules = policy.current("qinhuangdao")
        values = {
            "county_by": "2026-07-31",
            "notice_first_day": "next",
            "edition": "factory-2018",
            "priority_industries": ["electronics", "equipment"],
        }
        rows = [
            Call(
                owner=self.authorities[city],
                rules=rules,
                category="factory",
                year=year,
                title=f"关于组织开展{year}年{self.areas[city].name}市级绿色工厂推荐工作的通知",
                values=values,
                created_by=self.users["city"],
                created_at=START,
                opened_at=START,
                state="open" if year == TODAY.year else "closed",
            )
            for city in CITIES
            for year in range(2020, TODAY.year + 1)
        ]
        self.by_city = {(row.owner.area.slug, row.year): row for row in Call.objects.bulk_create(rows)}

    def firms(self) -> None:
        from greenlist.organisations.models import Membership, Name, Organisation, Site

        here = next(one for one in self.counties if one.slug == COUNTY)
        rows = []
        for number in range(self.count):
            area = here if number % 100 < SHARE * 100 else self.counties[number % len(self.counties)]
            industry = self.industries[number * 7 % len(self.industries)]
            rows.append(
                Organisation(
                    name=f"{area.name}{MARKS[number % len(MARKS)]}{TRADES[number % 10]}{number}有限公司",
                    code=f"91000000{number:010d}",
                    area=area,
                    industry=industry,
                    claim="confirmed",
                    size="medium",
                    address=f"{area.full_name}示例路{number}号",
                )
            )
        self.organisations = Organisation.objects.bulk_create(rows, 500)
        sites = [
            Site(organisation=row, name=row.name, area=row.area, address=row.address, is_default=True) for row in rows
        ]
        self.sites = Site.objects.bulk_create(sites, 500)
        Name.objects.bulk_create([Name(organisation=row, text=row.name) for row in rows], 500)
        firm = rows[0]
        joined = Membership(user=self.users["firm"], organisation=firm, role="owner", valid_from=date(2020, 1, 1))
        Membership.objects.bulk_create([joined])
        self.keys["firm"] = f"o{firm.pk}"

    def decision(self) -> None:
        """A draft over a whole province's round: at most 1,300 cases, with the scores of their panels, many of them equal."""
        from applications.models import Application
        from reviews.models import Decision, DecisionItem

        rows = list(Application.objects.order_by("pk")[:ROUND])
        for number, row in enumerate(rows):
            row.panel_score = Decimal(6000 + number * 37 % 4000) / 100
        Application.objects.bulk_update(rows, ["panel_score"], 500)
        self.decided = Decision.objects.create(
            call=self.by_city[(CITY, TODAY.year)],
            authority=self.authorities[CITY],
            step="decide",
            title="综合审查",
            created_by=self.users["city"],
            created_at=START,
        )
        items = [DecisionItem(decision=self.decided, application=row, step="decide", outcome="propose") for row in rows]
        DecisionItem.objects.bulk_create(items, 500)

    def reports(self) -> None:
        """A report and its declared version for each case; the first firm declares more often than others."""
        from applications import selectors
        from applications.models import Report, ReportVersion

        call = self.by_city[(CITY, TODAY.year)]
        form = selectors.rules_of(call).forms[selectors.rules_of(call).steps[0].form]
        sections = {
            part.key: {
                one.key: f"{one.label.zh}：符合要求，详见所附材料。"
                for one in part.fields
                if one.type.value in ("text", "longtext")
            }
            for part in form.sections
        }
        data = {"sections": sections, "computed": {}, "evidence": [], "form": "x"}
        self.owners = [*range(self.count), *(0,) * (OWN - 1)]
        rows = [
            Report(site=self.sites[owner], category="factory", year=self.year(number), form=form.key, form_digest="x")
            for number, owner in enumerate(self.owners)
        ]
        self.report_rows = Report.objects.bulk_create(rows, 500)
        made = [
            ReportVersion(
                report=report,
                number=1,
                data=data,
                digest="x",
                declaration="声明",
                declared_by=self.users["firm"],
                declared_name="申报人",
                declared_at=START,
            )
            for report in self.report_rows
        ]
        ReportVersion.objects.bulk_create(made, 200)

    def year(self, number: int) -> int:
        """Cases that are not over belong to this year's calls; the others to the years before."""
        return (
            TODAY.year
            if self.state(number) not in ("listed", "not_listed", "rejected", "withdrawn")
            else 2020 + number % 6
        )

    def state(self, number: int) -> str:
        if number >= self.count:
            return "not_listed"
        return DESK[number % 10] if number % 100 < SHARE * 100 else STATES[number // 3 % len(STATES)]

    def cases(self) -> None:
        from applications.models import Application

        rows = []
        for number, owner in enumerate(self.owners):
            state, firm = self.state(number), self.organisations[owner]
            step, reached = STEPS.get(state, ("publish", 2))
            city = next(slug for slug in CITIES if f"/{slug}/" in firm.area.path)
            desk = self.authorities[city if reached == 2 else firm.area.slug]
            rows.append(
                Application(
                    number=f"QHD-{self.year(number)}-{number:06d}",
                    call=self.by_city[(city, self.year(number))],
                    category="factory",
                    organisation=firm,
                    site=self.sites[owner],
                    report=self.report_rows[number],
                    name=firm.name,
                    code=firm.code,
                    industry_code=firm.industry_id,
                    desk=desk,
                    area_path=firm.area.path,
                    reached=reached,
                    due_on=TODAY + timedelta(days=number % 40) if number % 4 else None,
                    priority=1 if number % 3 else 9,
                    badges=[{"rule": "industry", "clause": "QHD-N2b", "zh": "先进装备制造", "en": "Equipment"}]
                    if number % 3
                    else [],
                    started_by=self.users["firm"],
                    started_at=START,
                    submitted_at=START,
                    entered_at=START + timedelta(minutes=number % 5000),
                    step=step,
                    state=state,
                )
            )
        self.case_rows = Application.objects.bulk_create(rows, 500)

    def reviews(self) -> None:
        """A timeline everywhere; answers and an open proposal on some of the cases under review."""
        from applications.models import Screening, TimelineEntry

        lines = [
            TimelineEntry(
                application=case,
                at=case.submitted_at,
                verb="submit",
                to_state="screening",
                step="county",
                user=self.users["firm"],
                person="申报人",
                capacity="applicant",
            )
            for case in self.case_rows
        ]
        TimelineEntry.objects.bulk_create(lines, 500)
        waiting = [case for case in self.case_rows if case.state == "screening" and case.pk % 3 == 0]
        proposals = [
            Screening(
                application=case,
                step="county",
                outcome="pass",
                opinion="材料齐全，同意推荐。",
                proposed_by=self.users["county"],
                proposed_at=START,
            )
            for case in waiting
        ]
        Screening.objects.bulk_create(proposals, 500)

    def lists(self) -> None:
        """N listings on six list books with their printed lines; three in a thousand have an old name."""
        from registry.models import Announcement, Entry, ListBook, Listing, Notice
        from reviews.models import Decision

        books = {
            city: ListBook(
                owner=self.authorities[city], category="factory", title=f"{self.areas[city].name}市级绿色工厂名单"
            )
            for city in CITIES
        }
        ListBook.objects.bulk_create(books.values())
        who = {"created_by": self.users["city"], "created_at": START}
        decisions, notices, announced = [], [], []
        for (_city, year), call in self.by_city.items():
            if year < TODAY.year:
                common = {"call": call, "authority": call.owner, "title": call.title, **who}
                decisions.append(Decision(step="decide", state="approved", **common))
                notices.append(Notice(decision=decisions[-1], step="notice", state="closed", **common))
        Decision.objects.bulk_create(decisions)
        Notice.objects.bulk_create(notices)
        for notice in notices:
            announced.append(
                Announcement(
                    listbook=books[notice.authority.area.slug],
                    notice=notice,
                    ordinal=notice.call.year - 2019,
                    title=notice.title,
                    issued_on=date(notice.call.year, 11, 1),
                    published_at=START,
                    state="published",
                    **who,
                )
            )
        Announcement.objects.bulk_create(announced)
        by_book = {(row.listbook.owner.area.slug, row.notice.call.year): row for row in announced}
        rows, entries = [], []
        for number, firm in enumerate(self.organisations):
            city = next(slug for slug in CITIES if f"/{slug}/" in firm.area.path)
            act = by_book[(city, 2020 + number % 6)]
            printed = f"{firm.area.name}旧名琥珀{number}有限公司" if number % 333 == 7 else firm.name
            listing = Listing(
                listbook=books[city],
                site=self.sites[number],
                organisation=firm,
                name=firm.name,
                former=printed if printed != firm.name else "",
                code=firm.code,
                area_path=firm.area.path,
                area_name=firm.area.name,
                industry_code=firm.industry_id,
                industry_name=firm.industry.name if firm.industry else "",
                year=act.notice.call.year,
                ordinal=act.ordinal,
                listed_on=act.issued_on,
            )
            rows.append(listing)
            entries.append(
                Entry(
                    announcement=act,
                    listing=listing,
                    kind="added",
                    position=number % 30000,
                    name=printed,
                    area_name=firm.area.name,
                    on=act.issued_on,
                )
            )
        Listing.objects.bulk_create(rows, 500)
        Entry.objects.bulk_create(entries, 500)

    def messages(self) -> None:
        """Each case told somebody something; the measured people have a few hundred messages each."""
        from greenlist.core.models import Notification

        known = [user for name, user in self.users.items() if not name.startswith("other")]
        people = [user for name, user in self.users.items() if name.startswith("other")]
        rows = [
            Notification(
                event=f"bench:{number}",
                recipient=known[number % len(known)] if number < 1000 else people[number % len(people)],
                channel=channel,
                kind="case.submitted",
                params={
                    "name": "示例有限公司",
                    "number": f"QHD-2026-{number:06d}",
                    "call": "推荐工作",
                    "due": "2026-06-30",
                },
                created_at=START,
                not_before=START,
                sent_at=START,
                state="sent",
                read_at=None if number % 10 == 0 else START,
            )
            for number in range(max(self.count, 1000))
            for channel in ("portal", "email")
        ]
        Notification.objects.bulk_create(rows, 500)

    def place(self) -> Place:
        listed = next(case for case in self.case_rows if case.state == "listed" and "/130300/" in case.area_path)
        at_desk = next(
            case
            for case in self.case_rows
            if case.state == "screening" and case.desk == self.authorities[COUNTY] and case.pk % 3
        )
        return Place(
            people={who: self.users[who].pk for who in self.keys},
            capacities=self.keys,
            case=listed.reference,
            desk_case=at_desk.reference,
            call=self.by_city[(CITY, TODAY.year)].pk,
            decision=self.decided.reference,
        )
