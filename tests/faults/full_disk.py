"""`python -m tests.faults.full_disk REFERENCE SESSION`: what a firm is answered while nothing can be written any more."""

from __future__ import annotations

import json
import resource
import signal
import sys

import django

django.setup()

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from tests.applications import filled  # noqa: E402


def main(reference: str, session: str) -> None:
    client = Client(raise_request_exception=False, SERVER_NAME="localhost")
    client.cookies["sessionid"] = session
    connection.ensure_connection()
    client.get(f"/cases/{reference}/")  # templates and catalogues are loaded
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a full disk is an error, not the end of the process
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    typed = {"profile": "磁盘已满时填写的简介", "version": "1", "stay": "1"}
    address = f"/cases/{reference}/fill/conditions/lawful_evidence/files/"
    saved = client.post(f"/cases/{reference}/fill/basic/", typed)
    found = {
        "read": client.get(f"/cases/{reference}/").status_code,
        "public": Client(raise_request_exception=False, SERVER_NAME="localhost").get("/lists/").status_code,
        "save": saved.status_code,
        "kept": typed["profile"] in saved.content.decode(),
        "upload": client.post(
            address, {"file": filled.picture("满.png")}, headers={"X-Requested-With": "upload"}
        ).status_code,
    }
    print(json.dumps(found))


main(*sys.argv[1:])
