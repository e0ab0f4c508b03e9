"""What a workbook of the list costs: `./dev bench --exports [--postgres|--both] [LINES]`, beside openpyxl writing the same cells.

Each workbook is made in a forked child that tells its own processor time and how much memory it took on top of what it found.
They take turns; the least disturbed round counts. Ours reads the lines through a cursor; the bare one has them in memory.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HEAD = ["workbook", "lines", "CPU s", "wall s", "peak MiB added", "KiB", "CPU to bare", "goal"]
LINES, PART, ROUNDS = 20_000, 2_000, 3
RATIO, ROOM = 1.5, 60.0  # goal G13: CPU against bare openpyxl, MiB on top


def in_child(make: Callable[[], int]) -> dict[str, float]:
    """Processor seconds, wall seconds, MiB on top, and the size the maker tells."""
    read, write = os.pipe()
    started = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        before = resource.getrusage(resource.RUSAGE_SELF)
        resident = _resident()
        size = make()
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        said = {"cpu": cpu, "added": max(after.ru_maxrss / 1024 - resident, 0), "size": size / 1024}
        os.write(write, json.dumps(said).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        said = json.loads(told.read())
    os.waitpid(pid, 0)
    return said | {"wall": time.perf_counter() - started}


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


def serve(lines: int) -> None:
    """Child: seed, measure, tell."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import django

    django.setup()
    from tests.tools import bench_round

    bench_round.seed_list(lines)
    print(json.dumps(compared(lines)), file=out, flush=True)


def compared(lines: int) -> dict[str, Any]:
    """The figures of the three, over the lines that the database holds."""
    from django.db import connection
    from openpyxl import Workbook

    from registry import documents, selectors

    def rows(count: int) -> Iterator[Any]:
        return selectors.all_found({}, count).values_list(*documents.FIELDS).iterator(chunk_size=2000)

    def ours(count: int) -> int:
        connection.close()  # the parent's
        with documents._xlsx(rows(count)) as file:
            return file.seek(0, 2)

    cells = list(documents._as_text(rows(lines)))

    def bare() -> int:
        book = Workbook(write_only=True)
        sheet = book.create_sheet("x")
        for line in cells:
            sheet.append(line)
        with tempfile.TemporaryFile() as file:
            book.save(file)
            return file.seek(0, 2)

    connection.close()
    makers: dict[str, Callable[[], int]] = {
        "bare": bare,
        "part": lambda: ours(min(PART, lines)),
        "list": lambda: ours(lines),
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in makers}
    for _round in range(ROUNDS):
        for name, make in makers.items():
            found[name].append(in_child(make))
    best = {name: min(said, key=lambda one: one["cpu"]) for name, said in found.items()}
    return {"lines": lines, **best}


def measure(lines: int, *, on_postgres: bool) -> list[list[str]]:
    """Rows of the table."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="greenlist-exports-"))
        settings = {"VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "greenlist.settings.dev", "LOG_LEVEL": "ERROR"}
        env = {**os.environ, **settings}
        for name in ("DATABASE_URL", "REDIS_URL"):
            env.pop(name, None)
        if on_postgres:
            from tests.tools import servers

            env["DATABASE_URL"] = stack.enter_context(servers.postgres())
        command = [sys.executable, "-m", "tests.tools.bench_exports", str(lines)]
        done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return table(json.loads(done.stdout))


def table(told: dict[str, Any]) -> list[list[str]]:
    lines: int = told["lines"]
    base = told["bare"]["cpu"]
    named = (("openpyxl alone, cells in memory", "bare", lines), ("the list", "part", min(PART, lines)))
    made = [_row(name, told[key], count, base if key == "bare" else None, "") for name, key, count in named]
    found = told["list"]
    missed = found["cpu"] / base > RATIO or found["added"] > ROOM
    return [*made, _row("the list", found, lines, base, "missed" if missed else "✓")]


def _row(name: str, said: dict[str, float], count: int, base: float | None, goal: str) -> list[str]:
    figures = [f"{said['cpu']:.2f}", f"{said['wall']:.2f}", f"{said['added']:.0f}", f"{said['size']:.0f}"]
    return [name, f"{count:,}", *figures, f"{said['cpu'] / base:.2f}" if base else "", goal or "✓"]


if __name__ == "__main__":
    serve(int(sys.argv[1]))
