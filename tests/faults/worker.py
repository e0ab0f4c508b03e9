"""`python -m tests.faults.worker`: worker and beat in one process, with a lease of LEASE seconds on mails."""

from __future__ import annotations

import os
from datetime import timedelta

import django

django.setup()

from greenlist.celery import app  # noqa: E402
from greenlist.core import outbox  # noqa: E402

outbox.LEASE = timedelta(seconds=float(os.environ["LEASE"]))
app.worker_main(["worker", "-B", "-P", "threads", "-c", "2", "-l", "WARNING"])
