"""`./dev doctor "PDF…" "TEST…" "CI…"`: what this machine lacks for which purpose, and the one line that installs it."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys

from tests.tools import servers

PURPOSES = ("PDF documents", "browser tests, translation check", "second half of the tests (PostgreSQL, Redis)")


def installed(package: str) -> bool:
    if not shutil.which("dpkg-query"):
        return False
    done = subprocess.run(["dpkg-query", "-W", "-f=${Status}", package], capture_output=True, text=True, check=False)
    return "ok installed" in done.stdout


def weasyprint() -> str:
    """Empty when PDFs can be made, else the reason."""
    done = subprocess.run([sys.executable, "-c", "import weasyprint"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["failed"])[-1]


def main(groups: list[str]) -> int:
    print(f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}, in {sys.prefix}")
    lacking: list[str] = []
    for purpose, group in zip(PURPOSES, groups, strict=True):
        absent = [name for name in group.split() if not installed(name)]
        print(f"{purpose}: {'complete' if not absent else 'missing ' + ', '.join(absent)}")
        lacking += absent
    reason = weasyprint()
    print(f"WeasyPrint: {reason or 'works'}")
    print(f"Chromium: {shutil.which('chromium') or 'not found'}; server programs: {servers.missing() or 'found'}")
    if lacking:
        print(f"\n    sudo apt-get install -y --no-install-recommends {' '.join(lacking)}")
    return int(bool(reason))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
