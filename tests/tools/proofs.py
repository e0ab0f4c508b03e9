"""`./dev clauses|cases [PREFIX…]`: run the marked tests, then one line per clause or case: `QHD-10b covered` or `… missing`.

Covered means: a test carrying the mark ran and passed, and none carrying it failed. Exits 1 while one is missing.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLES = {"clauses": ("clause", ROOT / "tests" / "clauses.csv"), "cases": ("case", ROOT / "tests" / "cases.csv")}


def listed(table: Path, prefixes: tuple[str, ...]) -> list[str]:
    with table.open(encoding="utf-8", newline="") as source:
        names = [row["id"] for row in csv.DictReader(source)]
    return [name for name in names if not prefixes or name.startswith(prefixes)]


def prove(kind: str, prefixes: tuple[str, ...]) -> dict[str, dict[str, list[str]]]:
    """Run the marked tests on SQLite; what each id got. Raises SystemExit when pytest itself went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.json"
        chosen = [word for prefix in prefixes for word in ("--prove-prefix", prefix)]
        words = ["-q", "-n", "2", "--dist", "worksteal", "--prove", kind, *chosen, "--record", str(record)]
        env = {**os.environ, "DATABASE_URL": "", "REDIS_URL": ""}
        code = subprocess.call([sys.executable, "-m", "pytest", *words], cwd=ROOT, env=env)
        if code not in {0, 1, 5} or not record.exists():  # passed, some failed, none found
            sys.exit(f"pytest ended with {code}; nothing can be said about the {kind}s")
        found: dict[str, dict[str, list[str]]] = json.loads(record.read_text(encoding="utf-8"))[kind]
    return found


def main(words: list[str]) -> int:
    kind, table = TABLES[words[0]]
    prefixes = tuple(words[1:])
    names = listed(table, prefixes)
    if not names:
        sys.exit(f"no {kind} in {table.name} begins with {' or '.join(prefixes)}")
    found = prove(kind, prefixes)
    covered = {name for name, row in found.items() if row["passed"] and not row["failed"]}
    print()
    for name in names:
        print(name, "covered" if name in covered else "missing")
    for name in sorted(set(found) - set(listed(table, ()))):
        print(
            f"{name} is marked in tests but not in {table.name}: {(found[name]['passed'] + found[name]['failed'])[0]}"
        )
    missing = [name for name in names if name not in covered]
    print(f"\n{len(names) - len(missing)} of {len(names)} covered, {len(missing)} missing")
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
