"""`./dev bench [--round] [--postgres|--both] [--rounds R] [N…]`: what pages cost at growing numbers of cases, beside a bare page.

For each N a process of its own seeds N cases by bulk rows in a temporary folder and answers through Django's test client:
the whole stack without a socket. The processes take turns round by round, every page once a round, so that whatever else
the machine does meets them all alike. The bare page is one indexed query of 25 rows × 8 columns by a template, behind the
same middleware and session. Signing in is measured beside bare hashing. `--deadline`: tests.tools.deadline;
`--round`: pages of a province's round and a national list (tests.tools.bench_round); `--after`: lists of life after listing
(tests.tools.bench_after); `--documents`: tests.tools.papers;
`--exports`: tests.tools.bench_exports; `--checks`: tests.tools.bench_checks.
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

from tests.tools import bench_after, bench_round
from tests.tools.bench_seed import CITY, COUNTY, Place, seed

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "docs" / "benchmarks.md"
ROUNDS = 80
DOCUMENT_ROUNDS = 3  # each takes seconds
WARM = 5
BARE = "bare page"
HASHING, SIGNING_IN = "bare hashing", "signing in"
RARE, EVERY = (HASHING, SIGNING_IN), 5  # slow on purpose: asked in every fifth round
PASSWORD = "bench-password-7"
GROWTH, QUERIES, CPU, TAIL = 1.3, 10, 4.0, 1.6  # the goals: over N, statements, against the bare page, p95 against p50
SEARCH = 2.0  # goal for what looks for a part of a name: no index serves two characters
SEARCHES = (
    "desk, search",
    "desk, 2",
    "search",
    "public list, 2",
    "public list, rare",
    "imported list, 2",
    "imported list, rare",
    "units, 2",
    "due board, 2",
)
DEEP, FOUND, SIGN_IN = (
    1.1,
    3.0,
    1.15,
)  # goals: a deep page against the first, a search against its list, login against hashing


SEEDS: dict[str, Callable[[int], Any]] = {"": seed, "round": bench_round.seed, "after": bench_after.seed}


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
        "ranking page": ("city", f"/reviews/decisions/{place.decision}/ranking/?quota=400"),
        "decision page": ("city", f"/reviews/decisions/{place.decision}/"),
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
    "imported list",
    "platform",
    "pool",
    "units",
    "due board",
    "cycles",
    "own tables",
    "removals",
    "changes",
    "tips",
    "inspections",
    "cultivation library",
)


class Bench:
    """One seeded database and a signed-in client for each role."""

    def __init__(self, count: int, *, kind: str = "") -> None:
        import django
        from django.test import Client

        django.setup()
        started = time.monotonic()
        place: Any = SEEDS[kind](count)
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
        self.rare = () if kind else RARE
        if not kind:
            self.newcomers()
        asked = {BARE: ("province", "/bench/bare/")} | place.pages if kind else pages(place)
        self.pages = {name: (who, self.address(who, url)) for name, (who, url) in asked.items()}

    def newcomers(self) -> None:
        """Somebody who signs in anew each time."""
        from django.test import Client

        from greenlist.accounts.models import User

        newcomer = User.objects.get(username="other0")
        newcomer.set_password(PASSWORD)
        newcomer.save()
        self.password = newcomer.password
        self.newcomer = Client(SERVER_NAME="localhost")  # one for all: a new one builds the middleware anew

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
        return found | {name: {"queries": 0, "bytes": 0, "slow": [], "url": ""} for name in self.rare}

    def ask(self, name: str) -> Any:
        if name in RARE:
            return self.hash() if name == HASHING else self.sign_in()
        who, url = self.pages[name]
        return self.clients[who].get(url)

    def hash(self) -> bool:
        from django.contrib.auth.hashers import check_password

        return check_password(PASSWORD, self.password)

    def sign_in(self) -> Any:
        self.newcomer.cookies.clear()
        answer = self.newcomer.post("/account/login/", {"username": "other0", "password": PASSWORD})
        assert answer.status_code == 302, answer.status_code
        return answer

    def sample(self, name: str) -> tuple[float, float]:
        """CPU and wall milliseconds of one request."""
        cpu, wall = time.process_time(), time.perf_counter()
        self.ask(name)
        return (time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000


def database_size() -> int:
    """Bytes of the seeded database, indexes included."""
    from django.db import connection

    if connection.vendor == "sqlite":
        return Path(connection.settings_dict["NAME"]).stat().st_size
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def _after(html: str) -> str:
    import re

    found = re.search(r'[?&;](?:after|older)=([^"&]+)', html)
    return found.group(1) if found else ""


def serve(count: int, *, kind: str = "") -> None:
    """Child: seed, then answer each line on stdin with one round of samples on stdout."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints goes to stderr: stdout is the line to the parent
    bench = Bench(count, kind=kind)
    print(json.dumps({"seconds": bench.seconds, "size": database_size(), "facts": bench.facts()}), file=out, flush=True)
    for number, _line in enumerate(sys.stdin):
        names = [*bench.pages, *(bench.rare if number % EVERY == 0 else ())]
        print(json.dumps({name: bench.sample(name) for name in names}), file=out, flush=True)


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

    def __init__(self, count: int, folder: Path, url: str, *, kind: str = "") -> None:
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
            [sys.executable, "-m", "tests.tools.bench", "--serve", str(count), *([f"--{kind}"] if kind else [])],
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
def children(counts: Iterable[int], *, on_postgres: bool, kind: str = "") -> Iterator[list[Child]]:
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
            made.append(Child(count, folder / str(count), url, kind=kind))
            stack.callback(made[-1].stop)
        yield made


def measure(counts: list[int], *, rounds: int, on_postgres: bool, kind: str = "") -> list[Result]:
    with children(counts, on_postgres=on_postgres, kind=kind) as made:
        facts = {}
        for child in made:
            told = child.read()
            facts[child.count] = told["facts"]
            size = f"{told['size'] / 1e6:.0f} MB, {told['size'] / child.count / 1e3:.0f} kB a case"
            print(f"N = {child.count:,}: seeded in {told['seconds']:.0f} s, {size}", flush=True)
            for name, fact in told["facts"].items():
                for sql in fact["slow"]:
                    print(f"  slow statement on “{name}”: {sql[:400]}")
        for number in range(WARM + rounds):
            for child in made:
                child.round(kept=number >= WARM)
        return [result for child in made for result in child.results(facts[child.count])]


def growth(result: Result, smallest: Result) -> float:
    """By the time taken, the database's share included: the N take turns, so other work on the machine meets all alike."""
    return result.p50 / smallest.p50


AFTER = ("units", "due board", "removals", "changes", "tips", "inspections", "cultivation library")
AGAINST = {  # page → the page it is measured by, and how many times that it may cost
    "desk, deep page": ("desk, first page", DEEP),
    "cases, deep page": ("cases, city", DEEP),
    "public list, deep page": ("public list, first page", DEEP),
    "desk, search 2 characters": ("desk, first page", FOUND),
    "public list, 2 characters": ("public list, first page", FOUND),
    "public list, rare old name": ("public list, first page", FOUND),
    "imported list, deep page": ("imported list", DEEP),
    "imported list, 2 characters": ("imported list", FOUND),
    "imported list, rare word": ("imported list", FOUND),
    "ranking, deep page": ("ranking", GROWTH),
    "units, 2 characters": ("units", FOUND),
    "due board, 2 characters": ("due board", FOUND),
    **{f"{name}, deep page": (name, DEEP) for name in AFTER},
    SIGNING_IN: (HASHING, SIGN_IN),
}


def misses(result: Result, smallest: Result, every: dict[str, Result]) -> list[str]:
    """Which goals this page misses at this N; `every` page of the same N by name."""
    found = []
    bare = every[BARE]
    if result.page in AGAINST:
        name, most = AGAINST[result.page]
        if name in every and result.p50 / every[name].p50 > most:
            found.append(f"× {name}")
    if growth(result, smallest) > (SEARCH if result.page.startswith(SEARCHES) else GROWTH):
        found.append("growth")
    if result.page.startswith(LISTS) and (
        result.queries > QUERIES or (result.queries != smallest.queries and not result.page.startswith(SEARCHES))
    ):
        found.append("queries")
    if result.page.startswith(LISTS) and result.cpu / bare.cpu > CPU:
        found.append("CPU")
    if result.page not in RARE and bare.tail() <= TAIL < result.tail():
        found.append("tail")
    return found


def rows(results: list[Result]) -> list[list[str]]:
    smallest = min(result.count for result in results)
    first = {result.page: result for result in results if result.count == smallest}
    by_count: dict[int, dict[str, Result]] = {}
    for result in results:
        by_count.setdefault(result.count, {})[result.page] = result
    bare = {count: every[BARE] for count, every in by_count.items()}
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
                f"{growth(result, first[result.page]):.2f}",
                f"{result.cpu / bare[result.count].cpu:.2f}",
                ", ".join(misses(result, first[result.page], by_count[result.count])) or "✓",
            ]
        )
    return made


ABOUT_ROUND = (
    "N cases at each station of the round (desk, batch, panel, decision, consultation, notice), those on the desk with "
    f"{bench_round.FILES} files each; {bench_round.EXPERTS} experts with {bench_round.PER_CASE} sheets a unit; a national list "
    "of 77 times N lines (100,000 at 1,300) as lines of the imported document and on the public list."
)
ABOUT_AFTER = (
    "N units of one city, each with a yearly table, a change, a removal, a report from the public, an inspection and a place in "
    "the library; half of what can be open is open. A third lies in the measured county."
)
TITLES = {"": "Pages", "round": "A province’s round", "after": "After listing"}
ABOUT = {"round": ABOUT_ROUND, "after": ABOUT_AFTER}
HEAD = ["page", "N", "queries", "kB", "CPU ms", "p50", "p95", "p95/p50", "to N₁", "CPU to bare", "goals"]


def show(table: list[list[str]], head: list[str]) -> str:
    """Plain columns for a terminal."""
    every = [head, *table]
    widths = [max(len(row[column]) for row in every) for column in range(len(head))]
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


def preface() -> list[str]:
    return [
        "# Benchmarks",
        "",
        "Written by `./dev bench`, a section a run; do not edit. Ratios are what counts: absolute times depend on the machine",
        "and on what else it did.",
        "",
        "- The test client in the server's process: whole middleware, session and rendering, no socket. CPU is the process's",
        "  own. The N take turns, every page once a round.",
        f"- “{BARE}”: one indexed query of 25 rows × 8 columns by a template behind the same middleware and session.",
        f"- Goals: p50 grows at most {GROWTH} times with N (searches: {SEARCH:g}); lists: at most {QUERIES} statements, the same",
        f"  for every N, and CPU at most {CPU:g} times the bare page; p95 at most {TAIL} times p50; a deep page at most {DEEP}",
        f"  times the first one; a search at most {FOUND:g} times the list; signing in at most {SIGN_IN} times bare hashing. The",
        "  last column says ✓ or which goal is missed.",
        "- The tail is judged where the bare page itself keeps to it.",
        "- A third of the cases lie on one county's desk; as many listings as cases.",
        "- Deadline hour: `tests/tools/deadline.py` says what is sent and how the ledger is checked.",
    ]


def section(said: str, head: list[str], table: list[list[str]], after: str = "") -> str:
    """The body of one section: when and where, the table, what follows."""
    day = datetime.now(tz=UTC).date().isoformat()
    lines = ["", f"{day}; {machine()}; {said}.", "", "| " + " | ".join(head) + " |"]
    lines += ["|---" + "|---:" * (len(head) - 2) + "|---|", *("| " + " | ".join(row) + " |" for row in table)]
    return "\n".join([*lines, "", after]).rstrip() + "\n"


def write(sections: dict[str, str]) -> None:
    """Puts these sections into docs/benchmarks.md and leaves the others as they were."""
    kept: dict[str, str] = {}
    if REPORT.exists():
        for block in REPORT.read_text(encoding="utf-8").split("\n## ")[1:]:
            title, _, body = block.partition("\n")
            kept[title] = body
    parts = [f"\n## {title}\n{body.rstrip()}\n" for title, body in sorted({**kept, **sections}.items())]
    REPORT.write_text("\n".join(preface()) + "\n" + "".join(parts), encoding="utf-8")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description="Pages at growing numbers of cases.")
    parser.add_argument("counts", metavar="N", nargs="*", type=int, default=[1000, 10000])
    parser.add_argument("--postgres", action="store_true", help="on a private PostgreSQL, not on SQLite")
    parser.add_argument("--both", action="store_true", help="on both")
    parser.add_argument(
        "--round", action="store_true", help="a province's round and a national list; N is of its cases"
    )
    parser.add_argument("--after", action="store_true", help="lists of life after listing; N is the number of units")
    parser.add_argument("--deadline", action="store_true", help="the deadline hour; N is the number of applicants")
    parser.add_argument("--documents", action="store_true", help="long lists as PDF beside WeasyPrint alone")
    parser.add_argument("--exports", action="store_true", help="workbooks of the list; N is the number of lines")
    parser.add_argument("--checks", action="store_true", help="the nightly sweep; N is the number of listed units")
    parser.add_argument("--seconds", type=int, default=120, help="of the deadline hour")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--keep", action="store_true", help="leave docs/benchmarks.md as it is")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def kind_of(given: argparse.Namespace) -> str:
    """Whose pages are measured."""
    return "round" if given.round else "after" if given.after else ""


def bench_pages(given: argparse.Namespace, engine: str) -> tuple[str, str, int]:
    """Title and body of the section, and how many goals are missed."""
    on_postgres = engine == "PostgreSQL"
    kind = kind_of(given)
    counts = [100, 1300] if kind == "round" and given.counts == [1000, 10000] else sorted(given.counts)
    table = rows(measure(counts, rounds=given.rounds, on_postgres=on_postgres, kind=kind))
    print(show(table, HEAD), flush=True)
    return (
        f"{TITLES[kind]}, {engine}",
        section(f"{given.rounds} samples a page", HEAD, table, ABOUT.get(kind, "")),
        sum(row[-1] != "✓" for row in table),
    )


def bench_deadline(given: argparse.Namespace, engine: str) -> tuple[str, str, int]:
    """The same for the deadline hour: 300 applicants on PostgreSQL, 100 on SQLite."""
    from tests.tools import deadline

    count = given.counts[0] if given.counts != [1000, 10000] else {"PostgreSQL": 300, "SQLite": 100}[engine]
    table, ledger = deadline.measure(count, given.seconds, on_postgres=engine == "PostgreSQL")
    print(show(table, deadline.HEAD), flush=True)
    told = ", ".join(f"{name}: {number}" for name, number in ledger.items())
    print(told, flush=True)
    wrong = sum(ledger[name] for name in ("lost", "doubled", "5xx")) + sum(
        row[-1].startswith("missed") for row in table
    )
    said = f"{count} applicants, {given.seconds} s"
    return f"Deadline hour, {engine}", section(said, deadline.HEAD, table, f"Ledger: {told}."), wrong


def bench_checks(given: argparse.Namespace, engine: str) -> tuple[str, str, int]:
    """The same for the nightly sweep: 100,000 units on PostgreSQL, 20,000 on SQLite."""
    from tests.tools import bench_checks as checks

    count = given.counts[0] if given.counts != [1000, 10000] else {"PostgreSQL": 100_000, "SQLite": 20_000}[engine]
    table = checks.measure(count, on_postgres=engine == "PostgreSQL")
    print(show(table, checks.HEAD), flush=True)
    after = (
        f"Goal: a night under {checks.RATIO:g} times the bare join of units and records, every row fetched. What was decided "
        "stands while all it rests on is the same, so a night decides what is new, what changed, what a day has turned, "
        "and a thirtieth of the rest; the first pass decides everything and writes every row, once."
    )
    return (
        f"Nightly checks, {engine}",
        section(f"{checks.ROUNDS} rounds in turns", checks.HEAD, table, after),
        sum(row[-1] == "missed" for row in table),
    )


def bench_exports(given: argparse.Namespace, engine: str) -> tuple[str, str, int]:
    """The same for the workbook of the list: 20,000 lines."""
    from tests.tools import bench_exports as exports

    count = given.counts[0] if given.counts != [1000, 10000] else exports.LINES
    table = exports.measure(count, on_postgres=engine == "PostgreSQL")
    print(show(table, exports.HEAD), flush=True)
    after = (
        f"Goal: CPU at most {exports.RATIO:g} times that of openpyxl writing the same cells from memory, and at most "
        f"{exports.ROOM:g} MiB on top of what the process holds. Beyond 2,000 lines the worker makes it."
    )
    said = f"in turns, the best of {exports.ROUNDS} rounds"
    return f"Workbook, {engine}", section(said, exports.HEAD, table, after), sum(row[-1] == "missed" for row in table)


def bench_documents(rounds: int) -> tuple[str, str, int]:
    """The same for long documents: 1,000 rows beside WeasyPrint alone (G17)."""
    from tests.tools import papers

    table = papers.measure(rounds)
    print(show(table, papers.HEAD), flush=True)
    after = f"Goal: the announcement's CPU at most {papers.RATIO} times that of WeasyPrint alone. {papers.ABOUT}"
    said = f"the pair in turns, {rounds} rounds"
    return "Documents", section(said, papers.HEAD, table, after), sum(row[-1] == "missed" for row in table)


def _chosen(given: argparse.Namespace) -> Callable[[argparse.Namespace, str], tuple[str, str, int]]:
    if given.exports:
        return bench_exports
    return bench_checks if given.checks else bench_deadline if given.deadline else bench_pages


def main() -> None:
    given = parsed()
    if given.serve:
        serve(given.serve, kind=kind_of(given))
        return
    if given.documents:
        title, body, missed = bench_documents(min(given.rounds, DOCUMENT_ROUNDS))
        if not given.keep:
            write({title: body})
        sys.exit(f"{missed} goals missed." if missed else 0)
    engines = ["SQLite", "PostgreSQL"] if given.both else ["PostgreSQL" if given.postgres else "SQLite"]
    sections, missed = {}, 0
    for engine in engines:
        print(f"\n{engine}", flush=True)
        bench = _chosen(given)
        title, body, wrong = bench(given, engine)
        sections[title] = body
        missed += wrong
    if not given.keep:
        write(sections)
    print(f"\n{missed} goals missed." if missed else "\nEvery goal is met.")


if __name__ == "__main__":
    main()
