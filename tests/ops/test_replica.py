"""A real PostgreSQL and its streaming copy: public pages come from the copy, and stay when either of them is gone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.ops import portal
from tests.tools import servers

pytestmark = [pytest.mark.ops, pytest.mark.long]

ASK = """
import json, sys, django
django.setup()
from contextlib import ExitStack
from django.db import connections
from django.test import Client
from greenlist.core import replica

def asked():
    seen = set()
    def note(execute, sql, params, many, context):
        if "core_heartbeat" not in sql and sql.startswith("SELECT"):
            seen.add(context["connection"].alias)
        return execute(sql, params, many, context)
    with ExitStack() as stack:
        for alias in ("default", "replica"):
            stack.enter_context(connections[alias].execute_wrapper(note))
        status = Client(SERVER_NAME="localhost", raise_request_exception=False).get("/api/v1/listings/").status_code
    return [status, sorted(seen)]

refused = ""
if "write" in sys.argv:
    from greenlist.core.models import Heartbeat
    try:
        Heartbeat.objects.using("replica").create(name="x")
    except Exception as failure:
        refused = str(failure)
print(json.dumps({"asked": asked(), "refused": refused}))
"""


@contextmanager
def standby(address: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A copy of the server at this address, kept up by streaming; its address and process."""
    programs, owner, port = servers.find_postgres(), servers._owner(), servers.free_port()
    with servers._folder("greenlist-copy-", owner) as folder:
        data = str(folder / "data")
        copy = [str(programs / "pg_basebackup"), "-d", address, "-D", data, "-R", "-X", "stream", "-c", "fast"]
        servers._run([*copy, "--no-sync"], folder, owner)
        options = ["-c", f"unix_socket_directories={folder}", "-c", "max_connections=200"]
        words = [str(programs / "postgres"), "-D", data, "-p", str(port), *options]
        server = servers._start(words, folder, owner)
        try:
            servers._await(port, server, folder)
            servers._ready(programs, port, folder, owner)
            yield f"postgresql://greenlist@127.0.0.1:{port}/postgres", server
        finally:
            if server.poll() is None:
                server.kill()
                server.wait(20)


@pytest.mark.timeout(300)
def test_public_pages_come_from_the_copy_and_stay_without_it(tmp_path: Path) -> None:
    with servers.postgres() as address, standby(address) as (copy, process):
        env = portal.environment(tmp_path, address) | {"DATABASE_REPLICA_URL": copy}
        run = [sys.executable, "-W", "ignore"]
        subprocess.run([*run, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=env, check=True)

        def ask(*words: str, **changes: str) -> dict[str, object]:
            done = subprocess.run(
                [*run, "-c", ASK, *words], cwd=ROOT, env=env | changes, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
            return found

        first = ask("write")
        assert first["asked"] == [200, ["replica"]], "what was migrated a moment ago has arrived there"
        assert "read-only" in str(first["refused"])
        gone = address.replace("127.0.0.1", "127.0.0.2")  # nobody listens there
        assert ask(DATABASE_URL=gone)["asked"] == [200, ["replica"]], "the database itself is away"
        process.kill()
        process.wait(20)
        assert ask()["asked"] == [200, ["default"]], "the copy is away"
