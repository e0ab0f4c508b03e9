"""`./dev bench [--postgres] [--rounds R] [N…]`: what pages cost at growing numbers of cases, beside a bare page.

For each N a process of its own seeds N cases by bulk rows in a temporary folder and answers through Django's test client:
the whole stack without a socket. The processes take turns round by round, every page once a round, so that whatever else
the machine does meets them all alike. The bare page is one indexed query of 25 rows × 8 columns by a template, behind the
same middleware and session. Signing in is not measured: hashing is slow on purpose.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from tests.tools.bench_seed import CITY, COUNTY, Place, seed

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "docs" / "benchmarks.md"
ROUNDS = 80
WARM = 5
BARE = "bare page"
GROWTH, QUERIES, CPU, TAIL = 1.3, 10, 4.0, 1.6  # the goals: over N, statements, against the bare page, p95 against p50
SEARCH = 2.0  # goal for what looks for a part of a name: no index serves two characters
SEARCHES = ("desk, search", "search", "public list, 2", "public list, rare")
DISTURBED = 1.4  # time over CPU of the bare page, above which times say more about the machine than about us


# ---- the process of one N -----------------------------------------------------------------------------------------------
def bare_view() -> Callable[..., Any]:
    """One indexed query of 25 rows × 8 columns, rendered by a template behind the whole middleware."""
    from django.http import HttpResponse
    from django.template import engines

    from applications.models import Application

    columns = ("number", "name", "code", "industry_code", "state", "step", "due_on", "entered_at")
    cells = "".join(f"<td>{{{{ row.{column} }}}}</td>" for column in columns)
    template = engines["django"].from_string(f"<table>{{% for row in rows %}}<tr>{cells}</tr>{{% endfor %}}</table>")

    def view(request: Any) -> HttpResponse:
        rows = list(Application.objects.order_by("-pk").only(*columns)[:25])
        return HttpResponse(template.render({"rows": rows}, request))

    return view


def pages(place: Place) -> dict[str, tuple[str, str]]:
    """Name of the page → who asks, address. Deep pages are found by following the list's own links."""
    return {
        BARE: ("county", "/bench/bare/"),
        "work list, county": ("county", "/work/"),
        "work list, city": ("city", "/work/"),
        "desk, first page": ("county", "/desk/"),
        "desk, deep page": ("county", "deep:/desk/"),
        "desk, search 2 characters": ("county", "/desk/?q=青松"),
        "cases, applicant": ("firm", "/cases/"),
        "cases, city": ("city", "/cases/"),
        "cases, deep page": ("city", "deep:/cases/"),
        "cases, province": ("province", "/cases/"),
        "case file": ("city", f"/cases/{place.case}/"),
        "case file, progress": ("city", f"/cases/{place.case}/history/"),
        "review page": ("county", f"/cases/{place.desk_case}/review/"),
        "call page": ("city", f"/calls/{place.call}/"),
        "inbox": ("county", "/inbox/"),
        "search": ("city", "/search/?q=青松"),
        "public call page": ("", f"/p/{CITY}/calls/{place.call}/"),
        "public list, first page": ("", "/lists/"),
        "public list, deep page": ("", "deep:/lists/"),
        "public list, one county": ("", f"/lists/?place={COUNTY}"),
        "public list, 2 characters": ("", "/lists/?q=青松"),
        "public list, rare old name": ("", "/lists/?q=琥珀"),
    }


LISTS = (
    "desk",
    "cases",
    "public list, first",
    "public list, deep",
    "public list, one",
    "inbox",
    "work list",
)


class Bench:
    """One seeded database and a signed-in client for each role."""

    def __init__(self, count: int) -> None:
        import django
        from django.test import Client

        django.setup()
        started = time.monotonic()
        place = seed(count)
        self.seconds = time.monotonic() - started

        from django.urls import path

        from greenlist import urls
        from greenlist.accounts.models import User

        urls.urlpatterns.append(path("bench/bare/", bare_view()))
        self.clients = {"": Client(SERVER_NAME="localhost", headers={"Accept-Language": "zh-CN"})}
        for who, pk in place.people.items():
            client = Client(SERVER_NAME="localhost", headers={"Accept-Language": "zh-CN"})
            client.force_login(User.objects.get(pk=pk), backend="django.contrib.auth.backends.ModelBackend")
            session = client.session
            session["capacity"] = place.capacities[who]
            session.save()
            self.clients[who] = client
        self.pages = {name: (who, self.address(who, url)) for name, (who, url) in pages(place).items()}

    def address(self, who: str, url: str) -> str:
        """`deep:` follows "after" links until twenty pages are behind, or the list ends."""
        if not url.startswith("deep:"):
            return url
        here = url.removeprefix("deep:")
        base = here
        for _ in range(20):
            html = self.clients[who].get(here).content.decode()
            following = _after(html)
            if not following:
                break
            here = f"{base}?after={following}"
        return here

    def facts(self) -> dict[str, Any]:
        """Statements and bytes of each page, asked once warm."""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        found: dict[str, Any] = {}
        for name in self.pages:
            self.sample(name)
            with CaptureQueriesContext(connection) as seen:
                answer = self.ask(name)
            assert answer.status_code == 200, f"{name}: {answer.status_code}"
            slow = [one["sql"] for one in seen.captured_queries if float(one["time"]) > 0.02]
            found[name] = {"queries": len(seen), "bytes": len(answer.content), "slow": slow, "url": self.pages[name][1]}
            if os.environ.get("BENCH_SQL") == name:
                print("\n".join(f"{one['time']} {one['sql'][:1500]}" for one in seen.captured_queries), file=sys.stderr)
        return found

    def ask(self, name: str) -> Any:
        who, url = self.pages[name]
        return self.clients[who].get(url)

    def sample(self, name: str) -> tuple[float, float]:
        """CPU and wall milliseconds of one request."""
        cpu, wall = time.process_time(), time.perf_counter()
        self.ask(name)
        return (time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000


def _after(html: str) -> str:
    import re

    found = re.search(r'[?&;](?:after|older)=([^"&]+)', html)
    return found.group(1) if found else ""


def serve(count: int) -> None:
    """Child: seed, then answer each line on stdin with one round of samples on stdout."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints goes to stderr: stdout is the line to the parent
    bench = Bench(count)
    print(json.dumps({"seconds": bench.seconds, "facts": bench.facts()}), file=out, flush=True)
    for _line in sys.stdin:
        print(json.dumps({name: bench.sample(name) for name in bench.pages}), file=out, flush=True)


# ---- the parent -----------------------------------------------------------------------------------------------------------
@dataclass
class Result:
    """What one page cost at one N; milliseconds."""

    page: str
    count: int
    queries: int
    size: int
    cpu: float
    p50: float
    p95: float

    def tail(self) -> float:
        return self.p95 / self.p50


class Child:
    """A process with one seeded database."""

    def __init__(self, count: int, folder: Path, url: str) -> None:
        env = {
            **os.environ,
            "VAR_DIR": str(folder),
            "DJANGO_SETTINGS_MODULE": "greenlist.settings.dev",
            "LOG_LEVEL": "ERROR",
        }
        env.pop("DATABASE_URL", None)
        env.pop("REDIS_URL", None)
        if url:
            env["DATABASE_URL"] = url
        self.count = count
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.tools.bench", "--serve", str(count)],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.samples: dict[str, list[tuple[float, float]]] = {}

    def read(self) -> Any:
        stream: IO[str] | None = self.process.stdout
        assert stream is not None
        line = stream.readline()
        if not line:
            sys.exit(f"the process of N = {self.count} ended with {self.process.wait()}")
        return json.loads(line)

    def round(self, *, kept: bool) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        for name, sample in self.read().items():
            if kept:
                self.samples.setdefault(name, []).append(tuple(sample))

    def results(self, facts: dict[str, Any]) -> list[Result]:
        made = []
        for name, samples in self.samples.items():
            walls = sorted(wall for _, wall in samples)
            made.append(
                Result(
                    page=name,
                    count=self.count,
                    queries=facts[name]["queries"],
                    size=facts[name]["bytes"],
                    cpu=statistics.median(cpu for cpu, _ in samples),
                    p50=statistics.median(walls),
                    p95=walls[int(len(walls) * 0.95)],
                )
            )
        return made

    def stop(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:  # another one failed while this one was seeding
            self.process.terminate()
            self.process.wait(30)


@contextmanager
def children(counts: Iterable[int], *, on_postgres: bool) -> Iterator[list[Child]]:
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="greenlist-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        made = []
        for count in counts:
            url = ""
            if on_postgres:
                from tests.tools import servers

                url = stack.enter_context(servers.postgres())
            (folder / str(count)).mkdir()
            made.append(Child(count, folder / str(count), url))
            stack.callback(made[-1].stop)
        yield made


def measure(counts: list[int], *, rounds: int, on_postgres: bool) -> list[Result]:
    with children(counts, on_postgres=on_postgres) as made:
        facts = {}
        for child in made:
            told = child.read()
            facts[child.count] = told["facts"]
            print(f"N = {child.count:,}: seeded in {told['seconds']:.0f} s", flush=True)
            for name, fact in told["facts"].items():
                for sql in fact["slow"]:
                    print(f"  slow statement on “{name}”: {sql[:400]}")
        for number in range(WARM + rounds):
            for child in made:
                child.round(kept=number >= WARM)
        return [result for child in made for result in child.results(facts[child.count])]


def disturbed(bare: Iterable[Result]) -> bool:
    """Other work on the machine makes the bare page wait: its time is then much more than its CPU."""
    return any(one.p50 > DISTURBED * one.cpu for one in bare)


def growth(result: Result, smallest: Result, *, quiet: bool) -> float:
    """By the time taken; on a disturbed machine by CPU."""
    return result.p50 / smallest.p50 if quiet else result.cpu / smallest.cpu


def misses(result: Result, smallest: Result, bare: Result, *, quiet: bool) -> list[str]:
    """Which goals this page misses at this N."""
    found = []
    if growth(result, smallest, quiet=quiet) > (SEARCH if result.page.startswith(SEARCHES) else GROWTH):
        found.append("growth")
    if result.page.startswith(LISTS) and (
        result.queries > QUERIES or (result.queries != smallest.queries and not result.page.startswith(SEARCHES))
    ):
        found.append("queries")
    if result.page.startswith(LISTS) and result.cpu / bare.cpu > CPU:
        found.append("CPU")
    if bare.tail() <= TAIL < result.tail():
        found.append("tail")
    return found


def rows(results: list[Result]) -> list[list[str]]:
    smallest = min(result.count for result in results)
    first = {result.page: result for result in results if result.count == smallest}
    bare = {result.count: result for result in results if result.page == BARE}
    quiet = not disturbed(bare.values())
    made = []
    for result in sorted(results, key=lambda one: (list(first).index(one.page), one.count)):
        made.append(
            [
                result.page,
                f"{result.count:,}",
                str(result.queries),
                f"{result.size / 1024:.0f}",
                f"{result.cpu:.1f}",
                f"{result.p50:.1f}",
                f"{result.p95:.1f}",
                f"{result.tail():.2f}",
                f"{growth(result, first[result.page], quiet=quiet):.2f}",
                f"{result.cpu / bare[result.count].cpu:.2f}",
                ", ".join(misses(result, first[result.page], bare[result.count], quiet=quiet)) or "✓",
            ]
        )
    return made


HEAD = ["page", "N", "queries", "kB", "CPU ms", "p50", "p95", "p95/p50", "to N₁", "CPU to bare", "goals"]


def show(table: list[list[str]]) -> str:
    """Plain columns for a terminal."""
    every = [HEAD, *table]
    widths = [max(len(row[column]) for row in every) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in every
    )


def machine() -> str:
    """Cores, Python, system: what the absolute figures mean."""
    load = os.getloadavg()[0]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, {platform.machine()}, Python {platform.python_version()}, load {load:.1f} at the end of the run"


def document(tables: dict[str, list[list[str]]], rounds: int) -> str:
    """docs/benchmarks.md of this run."""
    said = [
        "# Benchmarks",
        "",
        "Written by `./dev bench`; do not edit. Ratios are what counts: absolute times depend on the machine and on what else",
        "it did.",
        "",
        f"- Day: {datetime.now(tz=UTC).date().isoformat()}; machine: {machine()}; {rounds} samples a page, the N in turns.",
        "- The test client in the server's process: whole middleware, session and rendering, no socket. CPU is the process's",
        "  own.",
        f"- “{BARE}”: one indexed query of 25 rows × 8 columns by a template behind the same middleware and session.",
        f"- Goals: p50 grows at most {GROWTH} times with N (searches: {SEARCH:g}); lists: at most {QUERIES} statements, the same",
        f"  for every N, and CPU at most {CPU:g} times the bare page; p95 at most {TAIL} times p50. The last column says ✓ or",
        "  which goal is missed.",
        f"- Where the bare page takes more than {DISTURBED} times its CPU, the machine was busy with other things: growth is",
        "  then judged by CPU. The tail is judged where the bare page itself keeps to it.",
        "- A third of the cases lie on one county's desk; as many listings as cases; signing in is not measured.",
    ]
    for engine, table in tables.items():
        said += ["", f"## {engine}", "", "| " + " | ".join(HEAD) + " |", "|---" + "|---:" * (len(HEAD) - 2) + "|---|"]
        said += ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join(said) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench", description="Pages at growing numbers of cases.")
    parser.add_argument("counts", metavar="N", nargs="*", type=int, default=[1000, 10000])
    parser.add_argument("--postgres", action="store_true", help="on a private PostgreSQL too")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--keep", action="store_true", help="leave docs/benchmarks.md as it is")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return
    tables = {}
    for engine in ["SQLite", *(["PostgreSQL"] if given.postgres else [])]:
        print(f"\n{engine}", flush=True)
        tables[engine] = rows(measure(sorted(given.counts), rounds=given.rounds, on_postgres=engine == "PostgreSQL"))
        print(show(tables[engine]), flush=True)
    if not given.keep:
        REPORT.write_text(document(tables, given.rounds), encoding="utf-8")
    missed = sum(row[-1] != "✓" for table in tables.values() for row in table)
    print(
        f"\n{missed} of {sum(len(table) for table in tables.values())} rows miss a goal."
        if missed
        else "\nEvery goal is met."
    )


if __name__ == "__main__":
    main()
