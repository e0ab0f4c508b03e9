"""The rows behind `./dev bench --round`: a province's round of N cases with 46 files each, 30 experts, and a national list.

Heilongjiang's rules. N cases lie on the province's desk with their files; N are before each next station: a city's batch, a
panel at work with its draw, a meeting's decision, a letter to the departments, a notice and an announcement. The national
list has as many lines as 100,000 to 1,300. Files are rows without content.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.tools.bench_seed import MARKS, START, TODAY, TRADES, analyse, prepare

FILES, EXPERTS, PER_CASE, POOL = 46, 30, 3, 300
LINES = 100_000 / 1300  # of the national list for each case of the round
CITY, PROVINCE = "230100", "230000"
PAGES = "round"


@dataclass
class Round:
    """Who and what the pages are asked for."""

    people: dict[str, int]
    capacities: dict[str, str]
    pages: dict[str, tuple[str, str]] = field(default_factory=dict)


def seed(count: int) -> Round:
    """N cases at each station; every row by bulk."""
    from django.db import transaction

    prepare()
    with transaction.atomic():
        made = Seeder(count).run()
    analyse()
    return made


def seed_list(lines: int) -> None:
    """Nothing but the national list."""
    from django.db import transaction

    prepare()
    with transaction.atomic():
        made = Seeder(0)
        made.offices()
        made.persons()
        made.national(lines)
    analyse()


class Seeder:
    """Rows of one province."""

    def __init__(self, count: int) -> None:
        from greenlist.accounts.models import Area
        from greenlist.organisations.models import Industry

        self.count = count
        self.areas = {area.slug: area for area in Area.objects.filter(path__startswith=f"/{PROVINCE}/")}
        self.counties = sorted(
            (one for one in self.areas.values() if one.path.count("/") == 4), key=lambda one: one.path
        )
        self.industries = list(Industry.objects.filter(level=4).order_by("code"))
        self.pages: dict[str, tuple[str, str]] = {}
        self.made = 0  # firms so far

    def run(self) -> Round:
        self.offices()
        self.persons()
        self.call = self.opened()
        desk = self.cases("screening", "recheck", files=FILES)
        self.pages |= {
            "desk, first page": ("province", "/desk/"),
            "desk, deep page": ("province", "deep:/desk/"),
            "desk, 2 characters": ("province", "/desk/?q=青松"),
            "case page, 46 files": ("province", f"/cases/{desk[0].reference}/"),
            "review page, 46 files": ("province", f"/cases/{desk[0].reference}/review/"),
            "pool of experts": ("province", "/reviews/pool/"),
            "call page": ("province", f"/calls/{self.call.pk}/"),
            "cases": ("province", "/cases/"),
            "platform, filings of the call": ("province", f"/platform/calls/{self.call.pk}/"),
        }
        self.batch(self.cases("passed", "send", desk=self.authorities[CITY]))
        self.panel(self.cases("under_review", "panel"))
        self.decision(self.cases("deciding", "meeting"))
        self.consultation(self.cases("consulting", "ecology"))
        self.notice(self.cases("on_notice", "notice"))
        self.national(round(self.count * LINES / 1000) * 1000 or 1000)
        return Round({who: self.users[who].pk for who in self.keys}, self.keys, self.pages)

    # ---- who ------------------------------------------------------------------------------------------------------
    def offices(self) -> None:
        from greenlist.accounts.models import Area, Authority

        nation = Area.objects.filter(slug="cn").first() or Area.objects.create(name="全国", slug="cn", path="/cn/")
        tiers = {PROVINCE: "province"} | {one.slug: "city" for one in self.areas.values() if one.path.count("/") == 3}
        rows = [
            Authority(area=self.areas[slug], tier=tier, name=f"{self.areas[slug].name}示例工信部门")
            for slug, tier in tiers.items()
        ]
        rows.append(Authority(area=nation, tier="nation", name="示例部委"))
        rows.append(
            Authority(
                area=self.areas[PROVINCE], tier="province", name="示例生态环境部门", kind=Authority.Kind.DEPARTMENT
            )
        )
        made = Authority.objects.bulk_create(rows)
        self.authorities = {row.area.slug: row for row in made[:-1]}
        self.department = made[-1]

    def persons(self) -> None:
        from greenlist.accounts.models import Mandate, User
        from reviews.models import Employment, Expert

        seats = {"province": (PROVINCE, "handler"), "approver": (PROVINCE, "approver"), "city": (CITY, "handler")}
        names = [*seats, "department", *(f"expert{number}" for number in range(POOL))]
        made = User.objects.bulk_create(
            User(
                username=name,
                name=f"示例专家{number}" if "expert" in name else "测试人员",
                email=f"{name}@example.com",
                password="!",
            )
            for number, name in enumerate(names)
        )
        self.users = {user.username: user for user in made}
        self.experts = [self.users[f"expert{number}"] for number in range(POOL)]
        since = date(2020, 1, 1)
        held = [
            Mandate(user=self.users[who], role=role, authority=self.authorities[slug], valid_from=since)
            for who, (slug, role) in seats.items()
        ]
        held.append(
            Mandate(user=self.users["department"], role="department", authority=self.department, valid_from=since)
        )
        held += [
            Mandate(
                user=user,
                role="expert",
                authority=self.authorities[PROVINCE],
                employer=f"示例研究院{number % 40}",
                field=TRADES[number % 10],
                valid_from=since,
            )
            for number, user in enumerate(self.experts)
        ]
        keys = {one.user.username: f"m{one.pk}" for one in Mandate.objects.bulk_create(held)}
        self.keys = {who: keys[who] for who in (*seats, "department", "expert0")}
        known = Expert.objects.bulk_create(
            Expert(user=user, fields=[TRADES[number % 10]], area=self.counties[number % len(self.counties)])
            for number, user in enumerate(self.experts)
        )
        by = self.users["province"]
        Employment.objects.bulk_create(
            Employment(expert=one, employer=f"示例研究院{number % 40}", added_by=by, added_at=START)
            for number, one in enumerate(known)
        )

    def opened(self) -> Any:
        from applications.models import Call
        from greenlist.policy import selectors as policy

        return Call.objects.create(
            owner=self.authorities[PROVINCE],
            rules=policy.current("heilongjiang"),
            category="factory",
            year=TODAY.year,
            title="关于组织开展2026年度绿色工厂推荐工作的通知",
            values={
                "apply_by": "2026-05-31",
                "city_by": "2026-06-30",
                "edition": "factory-2018",
                "notice_first_day": "next",
            },
            created_by=self.users["province"],
            created_at=START,
            opened_at=START,
            state="open",
        )

    # ---- cases ------------------------------------------------------------------------------------------------------
    def firms(self) -> list[Any]:
        from greenlist.organisations.models import Name, Organisation, Site

        rows = []
        for number in range(self.made, self.made + self.count):
            area, industry = (
                self.counties[number % len(self.counties)],
                self.industries[number * 7 % len(self.industries)],
            )
            name = f"{area.name}{MARKS[number % len(MARKS)]}{TRADES[number % 10]}{number}有限公司"
            rows.append(
                Organisation(name=name, code=f"91230000{number:010d}", area=area, industry=industry, claim="confirmed")
            )
        self.made += self.count
        Organisation.objects.bulk_create(rows, 500)
        Name.objects.bulk_create([Name(organisation=row, text=row.name) for row in rows], 500)
        sites = [Site(organisation=row, name=row.name, area=row.area, is_default=True) for row in rows]
        return Site.objects.bulk_create(sites, 500)

    def cases(self, state: str, step: str, *, desk: Any = None, files: int = 0) -> list[Any]:
        """N cases at one station, each with a declared report."""
        from applications.models import Application, Report, ReportVersion, Screening, TimelineEntry

        sites = self.firms()
        reports = Report.objects.bulk_create(
            [
                Report(site=site, category="factory", year=TODAY.year, form=self.form().key, form_digest="x")
                for site in sites
            ],
            500,
        )
        data = self.answers(files)
        ReportVersion.objects.bulk_create(
            [
                ReportVersion(
                    report=report,
                    number=1,
                    data=data,
                    digest="x",
                    declaration="声明",
                    declared_by=self.users["city"],
                    declared_name="申报人",
                    declared_at=START,
                )
                for report in reports
            ],
            100,
        )
        rows = Application.objects.bulk_create(
            [
                Application(
                    number=f"HLJ-{step}-{number:06d}",
                    call=self.call,
                    category="factory",
                    organisation=site.organisation,
                    site=site,
                    report=reports[number],
                    name=site.name,
                    code=site.organisation.code,
                    industry_code=site.organisation.industry_id,
                    desk=desk or self.authorities[PROVINCE],
                    area_path=site.area.path,
                    reached=2 if desk else 3,
                    due_on=TODAY + timedelta(days=number % 40) if number % 4 else None,
                    priority=1 if number % 3 else 9,
                    panel_score=Decimal(6000 + number * 37 % 4000) / 100 if step != "recheck" else None,
                    started_by=self.users["city"],
                    started_at=START,
                    submitted_at=START,
                    entered_at=START + timedelta(minutes=number % 5000),
                    step=step,
                    state=state,
                )
                for number, site in enumerate(sites)
            ],
            500,
        )
        lines = (("submit", "screening", "city"), ("forward", state, step))
        TimelineEntry.objects.bulk_create(
            [
                TimelineEntry(
                    application=case,
                    at=case.entered_at,
                    verb=verb,
                    to_state=to,
                    step=at,
                    user=self.users["city"],
                    person="示例人员",
                    capacity="handler",
                )
                for case in rows
                for verb, to, at in lines
            ],
            500,
        )
        Screening.objects.bulk_create(
            [
                Screening(
                    application=case,
                    step="city",
                    outcome="pass",
                    opinion="材料齐全，同意推荐。",
                    proposed_by=self.users["city"],
                    proposed_at=START,
                    signed_by=self.users["province"],
                    signed_at=START,
                )
                for case in rows
            ],
            500,
        )
        if files:
            self.evidence(reports, files)
        return rows

    def form(self) -> Any:
        from applications import selectors

        bound = selectors.rules_of(self.call)
        return bound.forms[bound.steps[0].form] if bound.steps[0].form else next(iter(bound.forms.values()))

    def answers(self, files: int) -> dict[str, Any]:
        sections = {
            part.key: {
                one.key: f"{one.label.zh}：符合要求，详见所附材料。"
                for one in part.fields
                if one.type.value in ("text", "longtext")
            }
            for part in self.form().sections
        }
        return {"sections": sections, "computed": {}, "evidence": [], "form": "x"}

    def evidence(self, reports: list[Any], files: int) -> None:
        from applications.models import Evidence
        from greenlist.core.models import Blob

        places = [(part.key, one.key) for part in self.form().sections for one in part.fields]
        for start in range(0, len(reports), 100):
            some = reports[start : start + 100]
            blobs = Blob.objects.bulk_create(
                Blob(
                    key=f"bench/{report.pk}/{number}",
                    sha256=f"{report.pk:032d}{number:032d}",
                    size=200_000,
                    content_type="application/pdf",
                    name=f"证明材料{number:02d}.pdf",
                    scan="clean",
                    created_at=START,
                )
                for report in some
                for number in range(files)
            )
            Evidence.objects.bulk_create(
                Evidence(
                    report=report,
                    section=places[number % len(places)][0],
                    field=places[number % len(places)][1],
                    blob=blobs[place * files + number],
                    added_by=self.users["city"],
                    added_at=START - timedelta(days=1),
                )
                for place, report in enumerate(some)
                for number in range(files)
            )

    # ---- stations ---------------------------------------------------------------------------------------------------
    def by(self) -> dict[str, Any]:
        return {"created_by": self.users["province"], "created_at": START}

    def batch(self, cases: list[Any]) -> None:
        from applications.models import Batch, BatchItem

        row = Batch.objects.create(
            call=self.call,
            step="send",
            sender=self.authorities[CITY],
            receiver=self.authorities[PROVINCE],
            title="推荐",
            created_by=self.users["city"],
            created_at=START,
        )
        items = [
            BatchItem(batch=row, application=case, step="send", position=place) for place, case in enumerate(cases, 1)
        ]
        BatchItem.objects.bulk_create(items, 500)
        self.pages["batch, being put together"] = ("city", f"/batches/{row.reference}/")

    def panel(self, cases: list[Any]) -> None:
        """At work: 30 seats, three sheets a unit, half of them locked; drawn, with the record of the draw."""
        from reviews.models import Panel, PanelItem, Seat, Sheet

        common = {"call": self.call, "authority": self.authorities[PROVINCE], "step": "panel", **self.by()}
        drawn = {"drawn": True, "per_case": PER_CASE, "opened_at": START, "pledge": "承诺", "talk_on": TODAY}
        panel = Panel.objects.create(title="专家评审", state="open", **drawn, **common)
        items = PanelItem.objects.bulk_create([PanelItem(panel=panel, application=case) for case in cases], 500)
        seats = Seat.objects.bulk_create(
            Seat(
                panel=panel,
                user=user,
                employer="示例研究院",
                field="节能",
                is_chair=not number,
                invited_at=START,
                pledged_at=START,
                declared_at=START,
                locked_at=START if number % 2 else None,
            )
            for number, user in enumerate(self.experts[:EXPERTS])
        )
        sheets = [
            Sheet(
                seat=(seat := seats[(number * PER_CASE + place) % EXPERTS]),
                item=item,
                score=Decimal(60 + (number + place * 3) % 40),
                suggests=True,
                comment="材料齐全。",
                locked_at=seat.locked_at,
                saved_at=START,
            )
            for number, item in enumerate(items)
            for place in range(PER_CASE)
        ]
        Sheet.objects.bulk_create(sheets, 500)
        here = f"/reviews/panels/{panel.reference}/"
        self.pages |= {
            "panel page": ("province", here),
            "panel, conclusion": ("province", f"{here}conclude/"),
            "panel, an expert's seat": ("expert0", f"/reviews/seats/{panel.reference}/"),
        }
        waits = self.cases("recommended", "panel")
        laid = Panel.objects.create(title="第二组", state="preparing", blind=True, drawn=True, **common)
        PanelItem.objects.bulk_create([PanelItem(panel=laid, application=case) for case in waits], 500)
        there = f"/reviews/panels/{laid.reference}/"
        self.pages |= {
            "panel, draw": ("province", f"{there}draw/"),
            "panel, files to show": ("province", f"{there}files/"),
            "panel, plan": ("province", f"{there}edit/"),
        }

    def decision(self, cases: list[Any]) -> None:
        from reviews.models import Decision, DecisionItem

        row = Decision.objects.create(
            call=self.call, authority=self.authorities[PROVINCE], step="meeting", title="专题会议", **self.by()
        )
        items = [DecisionItem(decision=row, application=case, step="meeting", outcome="propose") for case in cases]
        DecisionItem.objects.bulk_create(items, 500)
        here = f"/reviews/decisions/{row.reference}/"
        self.pages |= {
            "decision": ("province", here),
            "ranking": ("province", f"{here}ranking/"),
            "ranking, deep page": ("province", f"{here}ranking/?page=99"),
            "ranking, by city and quota": ("province", f"{here}ranking/?order=city&quota={self.count // 3}"),
        }

    def consultation(self, cases: list[Any]) -> None:
        """Sent; the department has answered half of it."""
        from reviews.models import Consultation, ConsultedOffice, ConsultedUnit, Reply

        row = Consultation.objects.create(
            call=self.call,
            authority=self.authorities[PROVINCE],
            step="ecology",
            title="征求意见",
            state="asked",
            sent_at=START,
            letter={},
            **self.by(),
        )
        office = ConsultedOffice.objects.create(
            consultation=row,
            department="ecology",
            authority=self.department,
            name=self.department.name,
            asked_at=START,
            due_on=TODAY,
        )
        units = ConsultedUnit.objects.bulk_create(
            [ConsultedUnit(consultation=row, application=case, position=place) for place, case in enumerate(cases, 1)],
            500,
        )
        replies = [Reply(office=office, unit=unit, verdict="none", saved_at=START) for unit in units[::2]]
        Reply.objects.bulk_create(replies, 500)
        self.pages |= {
            "consultation": ("province", f"/reviews/consultations/{row.reference}/"),
            "consultation, a department": ("department", f"/reviews/opinions/{office.reference}/"),
        }

    def notice(self, cases: list[Any]) -> None:
        """A notice that runs, and an announcement with as many units."""
        from registry.models import Announcement, Entry, ListBook, Listing, Notice, NoticeItem
        from reviews.models import Decision

        common = {"call": self.call, "authority": self.authorities[PROVINCE], **self.by()}
        decision = Decision.objects.create(
            step="meeting", state="approved", title="名单", frozen={"units": []}, **common
        )
        row = Notice.objects.create(
            decision=decision,
            step="notice",
            state="running",
            title="公示",
            starts_on=TODAY,
            ends_on=TODAY + timedelta(days=400),
            **common,
        )
        NoticeItem.objects.bulk_create(
            [
                NoticeItem(notice=row, application=case, position=place, name=case.name, area_name=case.site.area.name)
                for place, case in enumerate(cases, 1)
            ],
            500,
        )
        book = ListBook.objects.create(owner=self.authorities[PROVINCE], category="factory", title="省级绿色工厂名单")
        lines = [
            {"position": place, "name": case.name, "code": case.code, "area": case.site.area.name, "kind": "added"}
            for place, case in enumerate(cases, 1)
        ]
        act = Announcement.objects.create(
            listbook=book,
            notice=row,
            ordinal=1,
            title="公布名单",
            issued_on=TODAY,
            published_at=START,
            state="published",
            frozen={"units": lines},
            **self.by(),
        )
        listings = Listing.objects.bulk_create([self.listing(book, case.site, TODAY) for case in cases], 500)
        Entry.objects.bulk_create(
            [
                Entry(
                    announcement=act,
                    listing=listing,
                    kind="added",
                    position=place,
                    name=listing.name,
                    area_name=listing.area_name,
                    on=TODAY,
                )
                for place, listing in enumerate(listings, 1)
            ],
            500,
        )
        self.pages |= {
            "public notice": ("", f"/p/{PROVINCE}/notices/{row.reference}/"),
            "public announcement": ("", f"/p/{PROVINCE}/announcements/{act.reference}/"),
        }

    @staticmethod
    def listing(book: Any, site: Any, on: date) -> Any:
        from registry.models import Listing

        firm = site.organisation
        return Listing(
            listbook=book,
            site=site,
            organisation=firm,
            name=site.name,
            code=firm.code or "",
            area_path=site.area.path,
            area_name=site.area.name,
            industry_code=firm.industry_id or "",
            industry_name=firm.industry.name if firm.industry else "",
            year=on.year,
            ordinal=1,
            listed_on=on,
        )

    def national(self, count: int) -> None:
        """A list of the ministry, taken over: one line in ten thousand bears a rare word."""
        from greenlist.organisations.models import Organisation, Site
        from registry.models import Entry, ImportedList, ImportedRow, ListBook, Listing

        nation = self.authorities["cn"]
        book = ListBook.objects.create(owner=nation, category="factory", title="全国绿色工厂名单")
        row = ImportedList.objects.create(
            listbook=book,
            authority=self.authorities[PROVINCE],
            title="绿色工厂名单",
            issued_on=TODAY,
            source="示例来源",
            digest="x",
            count=count,
            state="in_force",
            **self.by(),
        )
        for start in range(0, count, 5000):
            numbers = range(start, min(start + 5000, count))
            names = [
                f"{'琥珀' if n % 10_000 == 77 else MARKS[n % len(MARKS)]}{TRADES[n % 10]}{n}股份公司" for n in numbers
            ]
            firms = Organisation.objects.bulk_create(
                [
                    Organisation(
                        name=name,
                        code=f"9199{n:014d}",
                        area=self.counties[n % len(self.counties)],
                        industry=self.industries[n * 7 % len(self.industries)],
                    )
                    for n, name in zip(numbers, names, strict=True)
                ],
                1000,
            )
            sites = Site.objects.bulk_create(
                [Site(organisation=firm, name=firm.name, area=firm.area, is_default=True) for firm in firms], 1000
            )
            on = [date(2018 + n % 8, 1 + n % 12, 1) for n in numbers]
            listings = Listing.objects.bulk_create(
                [self.listing(book, site, day) for site, day in zip(sites, on, strict=True)], 1000
            )
            Entry.objects.bulk_create(
                [
                    Entry(
                        imported=row,
                        listing=listing,
                        kind="added",
                        position=n + 1,
                        name=listing.name,
                        area_name=listing.area_name,
                        on=listing.listed_on,
                    )
                    for n, listing in zip(numbers, listings, strict=True)
                ],
                1000,
            )
            ImportedRow.objects.bulk_create(
                [
                    ImportedRow(
                        imported=row,
                        position=n + 1,
                        name=firm.name,
                        code=firm.code or "",
                        area_text=firm.area.name,
                        state="code" if n % 3 else "nobody",
                        organisation=firm if n % 3 else None,
                    )
                    for n, firm in zip(numbers, firms, strict=True)
                ],
                1000,
            )
        here = f"/registry/lists/{row.reference}/"
        self.pages |= {
            "imported list": ("province", here),
            "imported list, deep page": ("province", f"{here}?after={count - 60}"),
            "imported list, 2 characters": ("province", f"{here}?q=青松"),
            "imported list, rare word": ("province", f"{here}?q=琥珀"),
            "public list": ("", "/lists/"),
            "public list, deep page": ("", "deep:/lists/"),
            "public list, 2 characters": ("", "/lists/?q=青松"),
            "public list, rare word": ("", "/lists/?q=琥珀"),
            "public list, every firm": ("", "/lists/?q=公司"),
            "public list, one trade": ("", "/lists/?industry=13"),
            "public list, one year": ("", "/lists/?year=2019"),
            "list as of a day": ("", f"/p/cn/lists/factory/?on={TODAY}"),
            "changes of a list": ("", f"/p/cn/lists/factory/changes/?since=2018-01-01&until={TODAY}"),
        }
