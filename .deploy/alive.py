"""Exits 0 while the web process of this container answers /livez."""

import os
import sys
import urllib.request

_, _, port = os.environ.get("WEB_BIND", "127.0.0.1:8000").rpartition(":")
host = os.environ["ALLOWED_HOSTS"].split(",")[0].strip().removeprefix(".")
request = urllib.request.Request(f"http://127.0.0.1:{port}/livez", headers={"Host": host})
with urllib.request.urlopen(request, timeout=4) as answer:  # noqa: S310  # nosec B310: http, written above
    sys.exit(0 if answer.read() == b"ok" else 1)
