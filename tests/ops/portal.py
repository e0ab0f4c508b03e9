"""The portal as processes of their own: what an operator types, with data of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from django.db import connection

from tests.architecture.source import ROOT


def environment(var: Path, database: str = "", **more: str) -> dict[str, str]:
    """The demo's settings over data in `var`; without `database` the embedded one there."""
    named = {"DJANGO_SETTINGS_MODULE": "greenlist.settings.dev", "VAR_DIR": str(var), "LOG_LEVEL": "ERROR"}
    named["QUIET_HOURS"] = "none"  # the tests run at any hour
    return {**os.environ, **named, "DATABASE_URL": database, "REDIS_URL": "", **more}


def manage(*words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "manage.py", *words]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def url(name: str = "") -> str:
    """The address of the test database, or of another one on its server."""
    row = connection.settings_dict
    return f"postgresql://{row['USER']}:{row['PASSWORD']}@{row['HOST']}:{row['PORT']}/{name or row['NAME']}"
