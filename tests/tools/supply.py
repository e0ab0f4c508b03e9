"""What comes from elsewhere and what must not go out: known holes, risky code, secrets, the parts list.

`python -m tests.tools.supply accept "REASON"` adds the findings of the secret scan to tests/tools/not_secrets.json.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
KNOWN = ROOT / "tests" / "tools" / "not_secrets.json"
CODE = ("greenlist", "applications", "reviews", "registry", "dynamics", ".deploy", "manage.py")
UNREAD = (".png", ".svg", ".csv", ".po", ".jpg", ".pdf")  # pictures, and tables of other people's words
# Passwords of invented people and digests fill the tests; keys of real services have forms of their own.
GUESSES = frozenset({"Secret Keyword", "Base64 High Entropy String", "Hex High Entropy String"})


class Note(str):
    """What a check has to say although nothing is wrong."""


def run(program: str, *words: str, patience: int = 300) -> subprocess.CompletedProcess[str]:
    command = [str(PROGRAMS / program), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=patience)


# ---- known holes ----------------------------------------------------------------------------------------------------
def holes() -> str | None:
    """Packages with a published hole (pip-audit). Never fails only because nobody could be asked."""
    words = ["-r", "requirements.txt", "--require-hashes", "--disable-pip", "--progress-spinner", "off", "-f", "json"]
    try:
        done = run("pip-audit", *words, "--timeout", "10", patience=120)
    except subprocess.TimeoutExpired:
        return _not_asked("no answer within 120 s")
    return judged(done.stdout, done.stderr)


def judged(report: str, said: str = "") -> str | None:
    """None, the holes, or a Note where the audit could not ask."""
    try:
        rows: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return _not_asked((said.strip().splitlines() or ["no report"])[-1])
    found = [
        f"{row['name']} {row['version']}: {hole['id']} (mended in {', '.join(hole['fix_versions']) or 'no version yet'})"
        for row in rows
        for hole in row.get("vulns", ())
    ]
    if found:
        return "\n".join(found)
    asked = [row for row in rows if "skip_reason" not in row]
    if not asked:
        return _not_asked("every package is unknown to whom it asked")
    _last().write_text(datetime.now(tz=UTC).date().isoformat(), encoding="utf-8")
    skipped = [row["name"] for row in rows if "skip_reason" in row]
    return Note(f"could not be audited: {', '.join(skipped)}") if skipped else None


def _not_asked(why: str) -> Note:
    last = _last().read_text(encoding="utf-8") if _last().exists() else "never on this machine"
    return Note(f"THE AUDIT OF KNOWN HOLES DID NOT RUN: {why}. Last audited: {last}. Run it where the network allows.")


def _last() -> Path:
    return ROOT / "var" / "audited"


# ---- risky code -----------------------------------------------------------------------------------------------------
def risks(*paths: str) -> str | None:
    """Findings of bandit from medium severity up; those that are meant carry `# nosec BNNN: why`."""
    done = run("bandit", "-q", "-r", "-ll", "-f", "json", *(paths or CODE))
    try:
        found = json.loads(done.stdout)["results"]
    except (ValueError, KeyError):
        return done.stderr or done.stdout or "bandit said nothing"
    lines = [f"{row['filename']}:{row['line_number']}: {row['test_id']} {row['issue_text']}" for row in found]
    return "\n".join(lines) or None


# ---- secrets --------------------------------------------------------------------------------------------------------
def tracked() -> list[str]:
    """Every file of the repository that a person could have put a secret into."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = done.stdout.split("\0")
    if done.returncode != 0:  # a copy without history
        unread = {".venv", "var", "node_modules", "__pycache__"}
        names = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_file() and not unread & set(p.parts)]
    return [name for name in names if name and not name.endswith(UNREAD) and not name.startswith("requirements")]


def found_in(names: list[str], root: Path = ROOT) -> list[tuple[str, str, str, int]]:
    """(file, kind, digest, line) of whatever looks like a secret."""
    done = subprocess.run(
        [str(PROGRAMS / "detect-secrets"), "-c", "2", "scan", *names],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [row for of_file in json.loads(done.stdout)["results"].values() for row in of_file]
    return [
        (row["filename"], row["type"], row["hashed_secret"], row["line_number"])
        for row in rows
        if not (row["filename"].startswith("tests/") and row["type"] in GUESSES)
    ]


def secrets() -> str | None:
    """What looks like a secret and is not in the list of those that are none."""
    known = {(row["file"], row["digest"]) for row in json.loads(KNOWN.read_text(encoding="utf-8"))}
    new = [f"{name}:{line}: {kind}" for name, kind, digest, line in found_in(tracked()) if (name, digest) not in known]
    return "\n".join(new) or None


def accept(reason: str) -> None:
    """Adds what is found now to the list, each with its reason; forgets what is there no more."""
    before = {(row["file"], row["digest"]): row["why"] for row in json.loads(KNOWN.read_text(encoding="utf-8"))}
    rows = {}
    for name, kind, digest, _line in found_in(tracked()):
        rows[name, digest] = {"file": name, "kind": kind, "digest": digest, "why": before.get((name, digest), reason)}
    text = json.dumps([rows[key] for key in sorted(rows)], indent=1, ensure_ascii=False)
    KNOWN.write_text(text + "\n", encoding="utf-8")


# ---- the parts list -------------------------------------------------------------------------------------------------
def parts() -> str | None:
    """Writes var/sbom.json (CycloneDX): every package with version and hashes, and no address of where it came from."""
    target = ROOT / "var" / "sbom.json"
    target.parent.mkdir(exist_ok=True)
    done = run(
        "cyclonedx-py",
        "requirements",
        "requirements.txt",
        "--pyproject",
        "pyproject.toml",
        "--of",
        "JSON",
        "-o",
        str(target),
    )
    if done.returncode != 0:
        return done.stderr.strip() or "cyclonedx-py failed"
    bill = json.loads(target.read_text(encoding="utf-8"))
    for part in bill["components"]:
        part.pop("description", None)  # repeats the line of the requirements
    target.write_text(json.dumps(bill, indent=1), encoding="utf-8")
    return Note(f"{len(bill['components'])} packages in {target.relative_to(ROOT)}")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "accept":
        sys.exit(__doc__)
    accept(sys.argv[2])
