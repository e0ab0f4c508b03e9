"""`./dev bench --deadline`: the last minutes of a call, with a ledger (promises L1 on PostgreSQL, L2 on SQLite).

N applicants each save a section every ten seconds, as many pages are read, three in a hundred saves come with a file of
5 MB; all N submit in the last sixty seconds, two thirds of them in the last ten. The load is open: requests leave at
their hour whether earlier ones were answered or not, and time counts from that hour. Every acknowledged save and
submission is written down, and afterwards looked for in the database: nothing lost, nothing doubled.

Web and worker are the real processes (gunicorn, Celery); beside them a bare page of one query is asked in the same run,
because times alone say as much about the machine as about us.
"""

from __future__ import annotations

import http.client
import json
import os
import queue
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SECTION, FIELD = "basic", "profile"  # what is typed again and again
EVERY = 10.0  # seconds between two saves of one applicant
FILES = 0.03  # of the saves bring a file
FILE = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n" + b"% padding\n" * 500_000 + b"trailer\n<< >>\n%%EOF\n"
LAST, RUSH, IN_RUSH = 60.0, 10.0, 2 / 3  # submissions: seconds before the end, the rush, its share
CLIENTS = 96
TOKEN = "t" * 32  # CSRF: the double submit of one cookie and one header
GOALS = {"save": (400, 1000), "submit": (1000, None)}  # p95, p99 in ms
QUIET = 50  # ms of the bare page, above which the machine was busy with other things
OVERLOAD = 1000  # ms of the bare page's p95, above which more is asked than the machine can answer
RATIO = 4.0  # on a disturbed machine: p95 against the bare page's


# ---- the seeding process ------------------------------------------------------------------------------------------------
def seed(count: int) -> list[dict[str, Any]]:
    """One open call and N complete drafts of N firms; who may do what, by session."""
    import django

    django.setup()
    from django.core.management import call_command

    for name in ("migrate", "load_reference", "load_policies", "load_calendar", "collectstatic"):
        given = {"interactive": False} if name in ("migrate", "collectstatic") else {}
        call_command(name, verbosity=0, stdout=sys.stderr, **given)
    from datetime import date, timedelta

    from applications.models import Call
    from greenlist.accounts.models import User
    from greenlist.core import clock
    from greenlist.organisations.models import Membership
    from tests.tools.bench_seed import CITY, TODAY, Seeder

    rows = Seeder(count)
    rows.counties = [one for one in rows.counties if f"/{CITY}/" in one.path]
    for step in (rows.offices, rows.persons, rows.calls, rows.firms):
        step()
    call = rows.by_city[(CITY, TODAY.year)]
    until = clock.china_date(clock.now()) + timedelta(days=30)
    Call.objects.filter(pk=call.pk).update(values={**call.values, "county_by": until.isoformat()})
    people = User.objects.bulk_create(
        User(username=f"applicant{number}", name="测试人员", email=f"a{number}@example.com", password="!")
        for number in range(count)
    )
    Membership.objects.bulk_create(
        Membership(user=person, organisation=firm, role="owner", valid_from=date(2020, 1, 1))
        for person, firm in zip(people, rows.organisations, strict=True)
    )
    return _drafts(call.pk, people)


def _drafts(call: int, people: list[Any]) -> list[dict[str, Any]]:
    """The first report is filled through the services, the others get its rows."""
    from applications.models import Application, Evidence, Section
    from applications.selectors import drafts as reads
    from applications.services import drafts
    from greenlist.core import clock, tasks
    from greenlist.organisations import selectors as organisations
    from greenlist.policy.engine.types import FieldType
    from tests.applications.filled import answers, picture

    at, started = clock.now(), []
    for person in people:
        (actor,) = organisations.capacities(person, clock.china_date(at))
        site = organisations.Site.objects.get(organisation_id=actor.organisation_id)
        started.append((actor, drafts.start(actor=actor, at=at, call_id=call, site_id=site.pk)))
    actor, first = started[0]
    form = reads.form_of(first)
    given: dict[str, Any] = {"actor": actor, "at": at, "reference": first.reference}
    filled: dict[str, dict[str, Any]] = {}
    for part in form.sections:
        before = reads.draft_of(first, form).rows[part.key]
        known = {spec.key for spec in part.fields if spec.prefill and before.data.get(spec.key)}
        typed = {key: value for key, value in answers(form, part.key).items() if key not in known}
        filled[part.key] = typed
        drafts.save_section(section=part.key, answers=typed, version=before.version, **given)
        for spec in part.fields:
            if spec.type is FieldType.FILE:
                drafts.add_evidence(section=part.key, field=spec.key, upload=picture(), **given)
    tasks.scan_files()
    reports = [case.report_id for _, case in started[1:]]
    saved = {row.key: row.data for row in Section.objects.filter(report_id=first.report_id)}
    others = list(Section.objects.filter(report_id__in=reports))
    for row in others:
        row.data = {**row.data, **{key: saved[row.key][key] for key in filled[row.key]}}
    Section.objects.bulk_update(others, ["data"], batch_size=200)
    files = list(Evidence.objects.filter(report_id=first.report_id))
    Evidence.objects.bulk_create(
        Evidence(
            report_id=report,
            section=one.section,
            field=one.field,
            blob=one.blob,
            added_by_id=actor.user_id,
            added_at=at,
        )
        for report in reports
        for one in files
    )
    versions = dict(Section.objects.filter(key=SECTION).values_list("report_id", "version"))
    cases = Application.objects.in_bulk([case.pk for _, case in started])
    return [
        {
            "session": _session(actor),
            "case": cases[case.pk].reference,
            "version": versions[case.report_id],
            "upload": f"{files[0].section}/{files[0].field}",
        }
        for actor, case in started
    ]


def _session(actor: Any) -> str:
    from django.test import Client

    from greenlist.accounts.models import User

    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(User.objects.get(pk=actor.user_id), backend="django.contrib.auth.backends.ModelBackend")
    return str(client.session.session_key)


def look() -> dict[str, Any]:
    """What the database holds afterwards, by case reference."""
    import django

    django.setup()
    from applications.models import Application, Evidence, ReportVersion, Section, TimelineEntry

    cases = {case.report_id: case for case in Application.objects.all()}
    typed = {
        cases[row.report_id].reference: (row.version, row.data.get(FIELD, ""))
        for row in Section.objects.filter(key=SECTION, report_id__in=cases)
    }
    versions = Counter(ReportVersion.objects.filter(report_id__in=cases).values_list("report_id", flat=True))
    entries = Counter(TimelineEntry.objects.filter(verb="submit").values_list("application_id", flat=True))
    files = Counter(Evidence.objects.filter(blob__size=len(FILE)).values_list("report_id", flat=True))
    return {
        case.reference: {
            "state": case.state,
            "number": case.number,
            "typed": typed[case.reference],
            "versions": versions[case.report_id],
            "entries": entries[case.pk],
            "files": files[case.report_id],
        }
        for case in cases.values()
    }


# ---- the load -----------------------------------------------------------------------------------------------------------
@dataclass
class Applicant:
    """One person at the keyboard, and what the portal has acknowledged to them."""

    session: str
    case: str
    version: int
    upload: str
    typed: str = ""  # the last text acknowledged
    number: str = ""
    files: int = 0
    sent: list[str] = field(default_factory=list)  # texts that were sent and not answered
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, order=True)
class Event:
    at: float
    kind: str
    who: int


def plan(count: int, seconds: float) -> list[Event]:
    """When everything happens: the same every time."""
    chance = random.Random(7)
    events = []
    for who in range(count):
        rush = chance.random() < IN_RUSH
        last = seconds - (chance.uniform(0, RUSH) if rush else chance.uniform(RUSH, LAST))
        at = chance.uniform(0, EVERY)
        while at < last - 1:
            events += [Event(at, "file" if chance.random() < FILES else "save", who)]
            if at + EVERY / 2 < last:
                events += [Event(at + EVERY / 2, chance.choice(("read", "work", "lists")), who)]
            at += EVERY
        events.append(Event(last, "submit", who))
    events += [Event(second / 2, "bare", 0) for second in range(int(seconds * 2))]
    return sorted(events)


class Crowd:
    """Sends the events at their hour and keeps the ledger."""

    def __init__(self, port: int, people: list[dict[str, Any]]) -> None:
        self.port = port
        self.people = [Applicant(**one) for one in people]
        self.results: list[tuple[str, int, float]] = []  # kind, status, ms since its hour
        self.strange: Counter[str] = Counter()
        self.waiting: queue.Queue[Event | None] = queue.Queue()
        self.local = threading.local()

    def run(self, events: list[Event]) -> None:
        threads = [threading.Thread(target=self.serve, daemon=True) for _ in range(CLIENTS)]
        self.start = time.perf_counter() + 1
        for thread in threads:
            thread.start()
        for event in events:
            pause = self.start + event.at - time.perf_counter()
            if pause > 0:
                time.sleep(pause)
            self.waiting.put(event)
        for _ in threads:
            self.waiting.put(None)
        for thread in threads:
            thread.join()

    def serve(self) -> None:
        while (event := self.waiting.get()) is not None:
            person = self.people[event.who]
            try:
                status = getattr(self, event.kind)(person)
            except (OSError, http.client.HTTPException) as error:
                status = 0
                self.strange[f"{event.kind}: {type(error).__name__}"] += 1
            self.results.append((event.kind, status, (time.perf_counter() - self.start - event.at) * 1000))

    def ask(
        self, person: Applicant, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, str]:
        """One request on this thread's connection, its body read whole; a connection that went stale is made anew."""
        sent = {
            "Cookie": f"sessionid={person.session}; csrftoken={TOKEN}",
            "X-CSRFToken": TOKEN,
            "Accept-Language": "zh-CN",
            **headers,
        }
        for fresh in (False, True):
            link = getattr(self.local, "link", None)
            if link is None or fresh:
                link = self.local.link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
            try:
                link.request(method, path, body=body, headers=sent)
                answer = link.getresponse()
                text = answer.read().decode("utf-8", "replace")
                return answer.status, text if answer.status != 302 else answer.headers["Location"]
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                link.close()
                if fresh:
                    raise
        raise AssertionError

    def form(self, person: Applicant, path: str, values: dict[str, str], **headers: str) -> tuple[int, str]:
        body = urllib.parse.urlencode(values).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return self.ask(person, "POST", path, body, **headers)

    def bare(self, person: Applicant) -> int:
        return self.ask(person, "GET", "/bench/bare/")[0]

    def read(self, person: Applicant) -> int:
        return self.ask(person, "GET", f"/cases/{person.case}/fill/{SECTION}/")[0]

    def work(self, person: Applicant) -> int:
        return self.ask(person, "GET", "/work/")[0]

    def lists(self, person: Applicant) -> int:
        return self.ask(person, "GET", "/lists/")[0]

    def save(self, person: Applicant) -> int:
        """An autosave as the page sends it. One applicant's saves follow each other."""
        with person.lock:
            if person.number:
                return 204  # already submitted: the page would not save any more
            text = f"第{person.version}次保存 {person.case} " + "企业简介。" * 80
            values = {"version": str(person.version), "changed": FIELD, FIELD: text}
            person.sent.append(text)
            status, said = self.form(
                person, f"/cases/{person.case}/fill/{SECTION}/", values, **{"X-Requested-With": "autosave"}
            )
            if status == 200:
                person.version, person.typed, person.sent = json.loads(said)["version"], text, []
            return self.told("save", status, said)

    def file(self, person: Applicant) -> int:
        with person.lock:
            if person.number:
                return 204
            edge = "boundary7"
            name = f"evidence-{person.files}-{person.case}.pdf"
            head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            body = head.encode() + b"Content-Type: application/pdf\r\n\r\n" + FILE + f"\r\n--{edge}--\r\n".encode()
            status, said = self.ask(
                person,
                "POST",
                f"/cases/{person.case}/fill/{person.upload}/files/",
                body,
                **{"Content-Type": f"multipart/form-data; boundary={edge}", "X-Requested-With": "upload"},
            )
            person.files += status == 200
            return self.told("file", status, said)

    def submit(self, person: Applicant) -> int:
        """The check page, then its form; the receipt's number goes into the ledger."""
        with person.lock:
            page = f"/cases/{person.case}/check/"
            status, said = self.ask(person, "GET", page)
            found = re.search(r'name="digest" value="(\w+)"', said)
            if status != 200 or not found:
                return self.told("submit", status if status >= 400 else 409, said)
            values = {"digest": found.group(1), "declared_name": "测试人员", "agreed": "on"}
            status, said = self.form(person, page, values)
            if status == 302:
                status, said = self.ask(person, "GET", said)
                numbers = re.search(r"\b(\d{6}-\d{4}-\d{4,})\b", said)
                person.number = numbers.group(1) if numbers else "?"
            return self.told("submit", status, said)

    def told(self, kind: str, status: int, said: str) -> int:
        if status >= 400:
            main = said.partition("<main")[2] or said
            plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))
            self.strange[f"{kind} {status}: {plain[:200]}"] += 1
        return status


# ---- the parent ---------------------------------------------------------------------------------------------------------
def verdict(crowd: Crowd, held: dict[str, Any]) -> dict[str, int]:
    """The ledger against the database."""
    lost = doubled = 0
    for person in crowd.people:
        now = held[person.case]
        # An answer that never came may have been written: the last text is the acknowledged one or one sent after it.
        lost += bool(person.typed) and now["typed"][1] not in {person.typed, *person.sent}
        lost += bool(person.number) and (now["state"] == "draft" or now["number"] != person.number)
        lost += max(0, person.files - now["files"])
        doubled += max(0, now["versions"] - 1) + max(0, now["entries"] - 1)
    numbers = Counter(now["number"] for now in held.values() if now["number"])
    return {
        "submitted": sum(bool(person.number) for person in crowd.people),
        "in the database": sum(now["state"] != "draft" for now in held.values()),
        "lost": lost,
        "doubled": doubled + sum(count - 1 for count in numbers.values()),
        "5xx": sum(status >= 500 or status == 0 for _, status, _ in crowd.results),
        "refused": sum(400 <= status < 500 for _, status, _ in crowd.results),
    }


def times(crowd: Crowd) -> dict[str, tuple[int, list[float]]]:
    """Kind → how many, and p50, p95, p99 in ms."""
    kinds: dict[str, list[float]] = {}
    for kind, status, took in crowd.results:
        if status != 204:
            kinds.setdefault(kind, []).append(took)
    found = {}
    for kind, all_ in kinds.items():
        row = sorted(all_)
        found[kind] = (len(row), [row[min(len(row) - 1, int(len(row) * share))] for share in (0.5, 0.95, 0.99)])
    return found


@contextmanager
def portal(folder: Path, env: dict[str, str]) -> Iterator[int]:
    """Web and worker as the demo starts them, with the bare page beside the portal's."""
    from tests.tools import servers

    port = servers.free_port()
    crowd = ["--workers", "2", "--threads", "4"] if env.get("DATABASE_URL") else ["--workers", "1", "--threads", "8"]
    web = ["gunicorn", "tests.tools.deadline_wsgi", "--worker-class", "gthread", *crowd, "--bind", f"127.0.0.1:{port}"]
    worker = ["celery", "-A", "greenlist", "worker", "-B", "-P", "threads", "-c", "2", "--loglevel", "WARNING"]
    processes = []
    try:
        for name, words in (("web", [*web, "--no-control-socket"]), ("worker", worker)):
            with (folder / f"{name}.log").open("wb") as log:
                processes.append(
                    subprocess.Popen([sys.executable, "-m", *words], cwd=ROOT, env=env, stdout=log, stderr=log)
                )
        _await(port, processes[0], folder)
        yield port
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()


def _await(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            link.request("GET", "/livez")
            if link.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
    sys.exit("the web process does not answer:\n" + (folder / "web.log").read_text()[-3000:])


def measure(count: int, seconds: float, *, on_postgres: bool) -> tuple[list[list[str]], dict[str, int]]:
    """One run; rows of the table and the ledger's verdict."""
    from tests.tools import servers

    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="greenlist-deadline-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        env = {
            **os.environ,
            "VAR_DIR": str(folder),
            "DJANGO_SETTINGS_MODULE": "greenlist.settings.dev",
            "LOG_LEVEL": "ERROR",
        }
        env = {name: value for name, value in env.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        if on_postgres:
            env |= {"DATABASE_URL": stack.enter_context(servers.postgres(durable=True))}
            env |= {"REDIS_URL": stack.enter_context(servers.redis())}
        people = _child(["--seed", str(count)], env)
        with portal(folder, env) as port:
            crowd = Crowd(port, people)
            crowd.run(plan(count, seconds))
        held = _child(["--look"], env)
        for said, number in crowd.strange.most_common(8):
            print(f"  {number} × {said}")
    found = times(crowd)
    bare50, bare95, _ = found["bare"][1]
    rows = []
    for kind in ("bare", "read", "work", "lists", "save", "file", "submit"):
        if kind in found:
            number, (p50, p95, p99) = found[kind]
            rows.append([kind, str(number), *(f"{one:.0f}" for one in (p50, p95, p99)), f"{p95 / bare95:.1f}"])
            rows[-1].append(goal(kind, p95, p99, bare95, quiet=bare50 < QUIET))
    return rows, verdict(crowd, held)


def goal(kind: str, p95: float, p99: float, bare: float, *, quiet: bool) -> str:
    """✓, or missed; on a disturbed machine the ratio to the bare page counts, once queues grow without end nothing does."""
    if kind not in GOALS:
        return ""
    within95, within99 = GOALS[kind]
    if bare > OVERLOAD:
        return "missed (overload)"
    if p95 <= within95 and (within99 is None or p99 <= within99):
        return "✓"
    return "✓ (ratio)" if not quiet and p95 / bare <= RATIO else "missed"


def _child(words: list[str], env: dict[str, str]) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "tests.tools.deadline", *words], cwd=ROOT, env=env, stdout=subprocess.PIPE, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


HEAD = ["request", "count", "p50 ms", "p95 ms", "p99 ms", "p95 to bare", "goal"]


def main(words: list[str]) -> None:
    """The two inner steps, each in a process with the run's settings."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints goes to stderr
    found = seed(int(words[1])) if words[0] == "--seed" else look()
    print(json.dumps(found), file=out, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
