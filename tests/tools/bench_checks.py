"""The nightly sweep over listed units: `./dev bench --checks [--postgres|--both] [UNITS]`; two adverse records for each unit.

Beside it the bare join of units and records in SQL, every row fetched and nothing decided. A first pass writes a row for each
finding; from the second on the sweep only looks. Pass and join take turns; medians. MiB: what the
first pass adds to the process.
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
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HEAD = ["pass", "units", "records", "seconds", "to the join", "rows kept", "MiB", "goal"]
RATIO = 3.0
ROUNDS = 5
BATCH = 5000
TODAY = date(2026, 6, 1)
YEARS = 8  # how far back the records reach
ENDED = 0.4  # of the records
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

    at = datetime.combine(TODAY, datetime.min.time(), tzinfo=UTC)
    join()
    before = _peak()
    first, found = timed(lambda: sweep.sweep(at=at))
    grown = _peak() - before
    joins, passes = [], []
    for _round in range(ROUNDS):
        joins.append(timed(join)[0])
        passes.append(timed(lambda: sweep.sweep(at=at))[0])
    told = {
        "units": units,
        "records": 2 * units,
        "found": found,
        "kept": Hit.objects.count(),
        "join": statistics.median(joins),
        "first": first,
        "pass": statistics.median(passes),
        "grown": grown,
    }
    print(json.dumps(told), file=out, flush=True)


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
        _row("bare join", told, told["join"], ""),
        _row("first pass", told, told["first"], f"{told['found']:,}", f"{told['grown']:.0f}"),
        _row("every later pass", told, told["pass"], f"{told['kept']:,}", goal=RATIO),
    ]


def _row(name: str, told: dict[str, Any], seconds: float, kept: str, grown: str = "", goal: float = 0) -> list[str]:
    ratio = seconds / told["join"]
    verdict = "" if not goal else "✓" if ratio < goal else "missed"
    return [name, f"{told['units']:,}", f"{told['records']:,}", f"{seconds:.2f}", f"{ratio:.2f}", kept, grown, verdict]


if __name__ == "__main__":
    serve(int(sys.argv[1]))
