"""The nightly sweep over listed units: `./dev bench --checks [--postgres|--both] [UNITS]`; two adverse records for each unit.

Beside it three things SQL does alone: the bare join of units and records with every row fetched and nothing decided; for the
first pass the same join with what the vetoes look at, writing as many rows into the same table (rolled back); for a later one
that join and an UPDATE of the units it hits (rolled back). Each later pass is a night on, with news about one unit in a
thousand. They take turns; medians. All must count the same findings. MiB: what the first pass adds to the process.
"""

from __future__ import annotations

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HEAD = ["pass", "units", "records", "seconds", "to the join", "to SQL alone", "findings", "MiB", "goal"]
RATIO = 3.0
ROUNDS = 5
BATCH = 5000
TODAY = date(2026, 6, 1)
YEARS = 8  # how far back the records reach
ENDED = 0.4  # of the records
NEWS = 1000  # of so many units one is in the news each night
JOIN = """
    SELECT t.id, r.id FROM organisations_title t
    JOIN organisations_site s ON s.id = t.site_id
    JOIN organisations_organisation o ON o.id = s.organisation_id
    JOIN organisations_adverserecord r ON r.organisation_id = o.id
    WHERE t.valid_until IS NULL
"""


# ---- the process with the database ----------------------------------------------------------------------------------
def seed(units: int) -> None:
    """Firms of one city with a title each, and twice as many records of every kind, grade and age."""
    from django.core.management import call_command

    from greenlist.accounts.models import Area, Authority
    from greenlist.organisations.models import AdverseRecord, Organisation, Site, Title

    for name in ("migrate", "load_reference", "load_policies", "load_calendar"):
        call_command(name, verbosity=0, stdout=sys.stderr, **({"interactive": False} if name == "migrate" else {}))
    city = Area.objects.get(slug="130300")
    counties = list(Area.objects.filter(parent=city).order_by("slug"))
    Authority.objects.create(area=city, tier="city", name="示例市工业和信息化局")
    chance = random.Random(7)
    for start in range(0, units, BATCH):
        numbers = range(start, min(start + BATCH, units))
        firms = Organisation.objects.bulk_create(
            Organisation(
                name=f"示例第{number:06d}制造有限公司",
                area=counties[number % len(counties)],
                founded_on=date(2005, 1, 1),
            )
            for number in numbers
        )
        sites = Site.objects.bulk_create(
            Site(organisation=firm, name=firm.name, area_id=firm.area_id, is_default=True) for firm in firms
        )
        Title.objects.bulk_create(
            Title(site=site, category="factory", tier="city", listing="示例名单", valid_from=date(2024, 1, 1))
            for site in sites
        )
        AdverseRecord.objects.bulk_create(_record(chance, firms) for _number in range(2 * len(firms)))
    _analyse()


def _record(chance: random.Random, firms: list[Any]) -> Any:
    from greenlist.organisations.models import AdverseRecord
    from greenlist.organisations.services.adverse import GRADED

    kind, firm = chance.choice(AdverseRecord.Kind.values), chance.choice(firms)
    day = TODAY - timedelta(days=chance.randrange(YEARS * 365))
    ended = day + timedelta(days=chance.randrange(1, 900)) if chance.random() < ENDED else None
    return AdverseRecord(
        organisation=firm,
        name=firm.name,
        kind=kind,
        severity=chance.choices((1, 2, 3, 4), (60, 25, 10, 5))[0] if kind in GRADED else 0,
        event_on=day,
        ended_on=ended,
        source="示例来源",
        reference=f"{chance.randrange(10**9)}",
    )


def _analyse() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def join() -> int:
    """Rows of the bare join, fetched and dropped."""
    from django.db import connection

    count = 0
    with connection.cursor() as cursor:
        cursor.execute(JOIN)
        while rows := cursor.fetchmany(BATCH):
            count += len(rows)
    return count


def _picked(on: date) -> list[tuple[Any, Any, Any]]:
    """(veto, version of the rules, units × records it looks at) for every veto of the city's rules."""
    from greenlist.organisations import selectors as organisations
    from greenlist.organisations.models import Title
    from greenlist.policy import engine
    from greenlist.policy import selectors as policy

    version = next(one for one in policy.all_current() if one.rule_set.slug == "qinhuangdao")
    bound = policy.standing(version, "factory")
    to = "site__organisation__adverse_records__"
    units = Title.objects.filter(valid_until=None, tier="city", category="factory")
    windows = engine.candidates(bound, on).windows
    return [
        (veto, version, units.filter(organisations.in_windows([window], to)))
        for veto, window in zip(bound.vetoes, windows, strict=True)
    ]


def written(on: date) -> int:
    """As many rows as a first pass writes, by SQL alone, into the same table with the same indexes; rolled back."""
    from django.db import connection, transaction
    from django.db.models import CharField, F, Value
    from django.db.models.functions import Cast

    from applications.services.sweep import Line
    from greenlist.accounts.models import Authority

    record = F("site__organisation__adverse_records__pk")
    office = Authority.objects.get(tier="city").pk
    count = 0
    with transaction.atomic(), connection.cursor() as cursor:
        for veto, version, rows in _picked(on):
            ref = Line(Value("r"), Cast(record, CharField()))
            values = {
                "key": Line(Value("t"), Cast(F("pk"), CharField()), Value(f"|{veto.clause}{veto.key}|"), ref),
                "title_id": F("pk"),
                "rules_id": Value(version.pk),
                "rule": Value(f"veto.{veto.key}"),
                "clause": Value(veto.clause),
                "outcome": Value("block"),
                "ref": ref,
                "event": Value('{"kind": "safety", "on": "2026-01-01", "severity": "larger", "subject": "unit"}'),
                "shape": Value("safety|2026-01-01|larger||unit||0"),
                "rests_on": Line(Value("r|safety|2026-01-01|2|||2005-01-01|"), ref),
                "basis": Value("0123456789abcdef"),
                "holds_until": Value(on),
                "evidence": F("site__organisation__adverse_records__source"),
                "name": F("site__organisation__name"),
                "category": F("category"),
                "area_path": F("site__area__path"),
                "authority_id": Value(office),
                "state": Value("open"),
                "word": Value(""),
                "found_at": F("site__organisation__adverse_records__created_at"),
            }
            named = {f"v{number}": value for number, value in enumerate(values.values())}
            sql, given = rows.annotate(**named).values_list(*named).query.sql_with_params()
            if connection.vendor == "postgresql":  # a typed place for a JSON text and a day
                sql = sql.replace(
                    f'%s AS "v{list(values).index("event")}"', f'%s::jsonb AS "v{list(values).index("event")}"'
                )
                sql = sql.replace(
                    f'%s AS "v{list(values).index("holds_until")}"',
                    f'%s::date AS "v{list(values).index("holds_until")}"',
                )
            cursor.execute(f"INSERT INTO applications_hit ({', '.join(values)}) {sql}", given)
            count += cursor.rowcount
        transaction.set_rollback(True)
    return count


def updated(on: date) -> int:
    """The join as the vetoes look and an UPDATE of the units it hits; rolled back. Returns the findings."""
    from django.db import transaction
    from django.db.models import F

    from greenlist.organisations.models import Title

    count = 0
    with transaction.atomic():
        for _veto, _version, rows in _picked(on):
            found = list(rows.values_list("pk", "site__organisation__adverse_records__pk"))
            count += len(found)
            Title.objects.filter(pk__in=rows.values("pk")).update(listing=F("listing"))
        transaction.set_rollback(True)
    return count


def news(units: int, on: date) -> None:
    """What one day brings: a record about one unit in `NEWS`."""
    from greenlist.organisations.models import AdverseRecord, Organisation

    chance = random.Random(on.toordinal())
    firms = list(Organisation.objects.order_by("pk")[: units // NEWS])
    rows = [_record(chance, firms) for _firm in firms]
    for row in rows:
        row.event_on = on
        row.ended_on = None
    AdverseRecord.objects.bulk_create(rows)


def timed(work: Callable[[], int]) -> tuple[float, int]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def serve(units: int) -> None:
    """Child: seed, measure, tell."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import django

    django.setup()
    seed(units)
    from datetime import UTC, datetime

    from applications.models import Hit
    from applications.services import sweep
    from applications.states import HitState

    at = datetime.combine(TODAY, datetime.min.time(), tzinfo=UTC)
    join()
    alone, rows = timed(lambda: written(TODAY))
    before = _peak()
    first, found = timed(lambda: sweep.sweep(at=at))
    grown = _peak() - before
    _analyse()
    joins, floors, passes = [], [], []
    for day in (TODAY + timedelta(days=number) for number in range(1, ROUNDS + 1)):
        news(units, day)
        joins.append(timed(join)[0])
        floor, counted = timed(partial(updated, day))
        floors.append(floor)
        passes.append(timed(partial(sweep.sweep, at=at + (day - TODAY)))[0])
        _same(counted, Hit.objects.exclude(state=HitState.CLEARED).count())
    _same(rows, found)
    told = {
        "units": units,
        "records": 2 * units,
        "found": found,
        "kept": counted,
        "join": statistics.median(joins),
        "written": alone,
        "updated": statistics.median(floors),
        "first": first,
        "pass": statistics.median(passes),
        "grown": grown,
    }
    print(json.dumps(told), file=out, flush=True)


def _same(by_sql: int, by_sweep: int) -> None:
    if by_sql != by_sweep:
        raise SystemExit(f"SQL counts {by_sql:,} findings, the sweep {by_sweep:,}")


def _peak() -> float:
    """MiB the process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ---- the parent -----------------------------------------------------------------------------------------------------
def measure(units: int, *, on_postgres: bool) -> list[list[str]]:
    """Rows of the table."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="greenlist-checks-"))
        env = {
            **os.environ,
            "VAR_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "greenlist.settings.dev",
            "LOG_LEVEL": "ERROR",
        }
        for name in ("DATABASE_URL", "REDIS_URL"):
            env.pop(name, None)
        if on_postgres:
            from tests.tools import servers

            env["DATABASE_URL"] = stack.enter_context(servers.postgres())
        command = [sys.executable, "-m", "tests.tools.bench_checks", str(units)]
        done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True)
    told = json.loads(done.stdout)
    return [
        _row("bare join", told, "join"),
        _row("first: SQL alone writes as many rows", told, "written", floor="written", found="found"),
        _row("first pass", told, "first", floor="written", found="found", grown=f"{told['grown']:.0f}"),
        _row("a night: SQL alone, join and UPDATE", told, "updated", floor="updated", found="kept"),
        _row("a night", told, "pass", floor="updated", found="kept", goal=RATIO),
    ]


def _row(
    name: str, told: dict[str, Any], key: str, *, floor: str = "", found: str = "", grown: str = "", goal: float = 0
) -> list[str]:
    seconds = told[key]
    ratio = seconds / told["join"]
    verdict = "" if not goal else "✓" if ratio < goal else "missed"
    against = f"{seconds / told[floor]:.2f}" if floor else ""
    counted = f"{told[found]:,}" if found else ""
    size = [f"{told['units']:,}", f"{told['records']:,}"]
    return [name, *size, f"{seconds:.2f}", f"{ratio:.2f}", against, counted, grown, verdict]


if __name__ == "__main__":
    serve(int(sys.argv[1]))
