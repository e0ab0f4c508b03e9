"""`./dev check`: everything that can be told without running the product. All steps run; the exit code is 1 if one failed."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from tests.tools import supply

ROOT = Path(__file__).resolve().parents[2]

# A production environment as `.env.example` asks for it, with values of no use to anybody.
SAMPLE = {
    "DJANGO_SETTINGS_MODULE": "greenlist.settings.prod",
    "SECRET_KEY": "sample-for-the-deployment-check-only-0123456789-abcdefghijklmnopqrstuvwxyz",
    "FIELD_KEYS": "c2FtcGxlLWZpZWxkLWtleS1mb3ItY2hlY2tzLTAwMDE=",
    "AUDIT_KEY": "sample-audit-key-for-the-deployment-check-only",
    "ALLOWED_HOSTS": "green.example.gov.cn",
    "PUBLIC_URL": "https://green.example.gov.cn",
    "DATABASE_URL": "postgresql://greenlist:sample@db.example.internal:5432/greenlist",
    "REDIS_URL": "redis://redis.example.internal:6379/0",
    "EMAIL_HOST": "smtp.example.internal",
    "DEFAULT_FROM_EMAIL": "green@example.gov.cn",
    "ATTACHMENT_SCANNER": "clamd://127.0.0.1:3310",
}


@cache
def scratch() -> str:
    """A folder of this process for what the checked commands write."""
    folder = tempfile.mkdtemp(prefix="greenlist-check-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def production(**changes: str) -> dict[str, str]:
    """The environment of a sample production process; an empty value unsets."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "VAR_DIR": scratch(), **SAMPLE, **changes}


def run(*words: str, env: dict[str, str] | None = None) -> str | None:
    """None when the command succeeds, else what it said."""
    done = subprocess.run(words, cwd=ROOT, text=True, capture_output=True, env=env, check=False)
    return None if done.returncode == 0 else (done.stdout + done.stderr).strip() or f"exit code {done.returncode}"


def tool(name: str, *words: str) -> str | None:
    return run(str(Path(sys.executable).parent / name), *words)


def manage(*words: str, env: dict[str, str] | None = None) -> str | None:
    return run(sys.executable, "manage.py", *words, env=env)


def embedded() -> dict[str, str]:
    """The demo's settings on a database of no consequence."""
    changes = {"DJANGO_SETTINGS_MODULE": "greenlist.settings.dev", "VAR_DIR": scratch(), "LOG_LEVEL": "ERROR"}
    return {**os.environ, **changes, "DATABASE_URL": "", "REDIS_URL": ""}


def migrations() -> str | None:
    return manage("makemigrations", "--check", "--dry-run", env=embedded())


def deployment() -> str | None:
    return manage("check", "--deploy", "--fail-level", "WARNING", env=production(LOG_LEVEL="ERROR"))


def translations() -> str | None:
    from tests.tools import msgids

    wrong, unused = msgids.problems()
    wrong += [f"in the catalogue, used nowhere: {msgid!r}" for msgid in unused]
    return "\n".join(wrong) or None


def documents() -> str | None:
    return run(sys.executable, "-m", "tests.tools.workflow", "--check", env=embedded())


def policies() -> str | None:
    """Validated against an empty database: what is stored somewhere else must not matter."""
    said = manage("migrate", "--no-input", "--verbosity", "0", env=embedded())
    return said or manage("load_policies", "--check", env=embedded())


STEPS: dict[str, Callable[[], str | None]] = {
    "ruff check": lambda: tool("ruff", "check", "."),
    "ruff format": lambda: tool("ruff", "format", "--check", "."),
    "types": lambda: tool("mypy"),
    "import contracts": lambda: tool("lint-imports", "--no-logo"),
    "migrations": migrations,
    "check --deploy": deployment,
    "rule sets": policies,
    "translations": translations,
    "docs/workflow.md": documents,
    "known holes": supply.holes,
    "risky code": supply.risks,
    "secrets": supply.secrets,
    "parts list": supply.parts,
}


def main(words: list[str]) -> int:
    unknown = [word for word in words if word not in STEPS]
    if unknown:
        sys.exit(f"unknown step: {', '.join(unknown)}; there are: {', '.join(STEPS)}")
    failed = []
    for name in words or STEPS:
        started = time.monotonic()
        said = STEPS[name]()
        passed = said is None or isinstance(said, supply.Note)
        print(f"{'ok    ' if passed else 'FAILED'} {name} ({time.monotonic() - started:.1f} s)", flush=True)
        if not passed:
            failed.append(name)
        if said is not None:
            print("\n".join(f"       {line}" for line in said.splitlines()), flush=True)
    print(f"\n{len(failed)} of {len(words or STEPS)} failed: {', '.join(failed)}" if failed else "\nAll checks passed.")
    return int(bool(failed))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "greenlist.settings.dev")
    sys.exit(main(sys.argv[1:]))
