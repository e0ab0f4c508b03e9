"""`./dev test`: the suite on SQLite, then what touches the database again on PostgreSQL and Redis.

Given DATABASE_URL (postgresql) and REDIS_URL are used for the second half, else private servers are started. Where their
programs are missing this says so and goes on; under CI=true it fails. The last line is pytest's own kind of summary over
both halves. --fast: SQLite only, quick tests. --long: everything. Other words go to pytest.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.tools import servers

ROOT = Path(__file__).resolve().parents[2]
COUNT = re.compile(r"(\d+) (failed|passed|skipped|deselected|xfailed|xpassed|errors?|warnings?)")
SUMMARY = re.compile(r"^=* ?(no tests ran|.*\b\d+ (passed|failed|errors?|skipped|deselected)\b.*) in [\d.]+s.*$")
WORKERS = str(min(max(os.cpu_count() or 2, 2), 4))  # each takes up to 1 GB at the end of a whole run
NO_TESTS = 5  # pytest's exit code when nothing was selected


def half(title: str, words: list[str], env: dict[str, str]) -> tuple[int, str]:
    """Run pytest once, passing its output through; the exit code and its last summary line."""
    print(f"\n### {title}", flush=True)
    last = ""
    command = [sys.executable, "-m", "pytest", *words]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                sys.stdout.write(line)
                sys.stdout.flush()
                if SUMMARY.match(line.strip()):
                    last = line.strip()
        except BaseException:  # the terminal has told pytest too; let it stop its workers before the servers go
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            raise
    return process.returncode, last


def counts(summary: str) -> dict[str, int]:
    return {word.removesuffix("s") if word != "passed" else word: int(n) for n, word in COUNT.findall(summary)}


def closing(summaries: list[str], seconds: float) -> str:
    """One summary line in pytest's form for all halves together."""
    total: dict[str, int] = {}
    for summary in summaries:
        for word, number in counts(summary).items():
            if word != "deselected":  # the second half leaves out on purpose what the first has run
                total[word] = total.get(word, 0) + number
    order = ["failed", "passed", "skipped", "xfailed", "xpassed", "warning", "error"]
    plural = {"warning", "error"}
    said = [f"{total[w]} {w}{'s' if w in plural and total[w] != 1 else ''}" for w in order if total.get(w)]
    text = f" {', '.join(said) or 'no tests ran'} in {seconds:.2f}s ({int(seconds) // 60}:{int(seconds) % 60:02d}) "
    return text.center(100, "=")


def second_half(words: list[str]) -> tuple[int, str] | None:
    """The database tests on PostgreSQL and Redis; None when their programs are missing and nobody gave servers."""
    given = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
    if given[0].startswith("postgres"):
        os.environ["TEST_DATABASE_URL"] = given[0]
    if given[1]:
        os.environ["TEST_REDIS_URL"] = given[1]
    needed = [
        name for name, have in (("postgresql", given[0].startswith("postgres")), ("redis-server", given[1])) if not have
    ]
    absent = [name for name in servers.missing() if name in needed]
    if absent:
        print(f"\n### PostgreSQL and Redis: NOT RUN, missing here: {', '.join(absent)}. To install:")
        print(f"    sudo apt-get install -y {' '.join(absent)}", flush=True)
        return None
    with servers.both() as env:
        return half("PostgreSQL and Redis: the tests that touch the database", ["--database-only", *words], env)


def main(words: list[str]) -> int:
    started = time.monotonic()
    tier = "full"
    for name in ("fast", "long"):
        if f"--{name}" in words:
            words.remove(f"--{name}")
            tier = name
    workers = [] if any(word.startswith(("-n", "--numprocesses")) for word in words) else ["-n", WORKERS]
    words = [*workers, "--dist", "worksteal", "--tier", tier, *words]
    record = ["--record", str(ROOT / "var" / "clauses.json")]
    embedded = {"DATABASE_URL": "", "REDIS_URL": ""}
    results = [half("SQLite, embedded broker", [*words, *record], embedded)]
    incomplete = False
    if tier != "fast":
        second = second_half(words)
        if second is None:
            incomplete = os.environ.get("CI") == "true"
        elif second[0] != NO_TESTS:
            results.append(second)
    print()
    for name, (_, summary) in zip(("SQLite", "PostgreSQL + Redis"), results, strict=False):
        print(f"{name}: {summary.strip('= ')}")
    print(closing([summary for _, summary in results], time.monotonic() - started), flush=True)
    failed = [code for code, _ in results if code != 0]
    return failed[0] if failed else int(incomplete)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the private servers are stopped
    sys.exit(main(sys.argv[1:]))
