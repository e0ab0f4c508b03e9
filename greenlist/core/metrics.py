"""Figures for Prometheus: each request by route name, and the state of outbox, files, jobs, queues at the moment asked.

Labels come from lists that the code closes (route names, states, jobs, queues), never from what somebody typed.
Not public: see `may_read`.
"""

import hmac
import ipaddress
import logging
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import django
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from greenlist.core import condition
from greenlist.core.requests import user_id

log = logging.getLogger("greenlist.requests")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS = (0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 10)
REFUSALS = frozenset({400, 401, 403, 404, 405, 409, 413, 422, 429})
SILENT = frozenset({"livez", "readyz", "metrics", "static"})  # asked all day by machines: counted, not logged

own = CollectorRegistry()
seconds = Histogram(
    "greenlist_request_seconds", "Time to answer", ["route", "method", "status"], registry=own, buckets=BUCKETS
)
refusals = Counter("greenlist_refusals", "Answers that refuse, by status", ["status"], registry=own)
faults = Counter("greenlist_faults", "Answers that tell of a fault of ours", ["route"], registry=own)


class MetricsMiddleware:
    """Measures and logs each request by the name of its route: addresses may hold tokens and names of people."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.monotonic()
        response = self.get_response(request)
        taken = time.monotonic() - started
        route, method = route_of(request), request.method if request.method in METHODS else "other"
        seconds.labels(route, method, f"{response.status_code // 100}xx").observe(taken)
        if response.status_code in REFUSALS:
            refusals.labels(str(response.status_code)).inc()
        if response.status_code >= 500 and route != "readyz":
            faults.labels(route).inc()
        if route not in SILENT:
            actor = None if hasattr(request, "unnamed") else getattr(request, "actor", None)
            token = user_id.set(getattr(actor, "user_id", None))
            log.info("%s %s %s %.0f ms", method, route, response.status_code, taken * 1000)
            user_id.reset(token)
        return response


def route_of(request: HttpRequest) -> str:
    """The name of the matched route; one word for everything else."""
    if request.resolver_match is not None:
        return request.resolver_match.view_name or "unnamed"
    return "static" if request.path_info.startswith(settings.STATIC_URL) else "none"


class StateCollector(Collector):
    """What the database and the broker say now."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def collect(self) -> Iterator[Metric]:
        yield _gauge("info", "Versions", 1, {"django": django.get_version(), "database": connection.vendor})
        try:
            yield from self._database()
        except DatabaseError:
            log.warning("figures without the database", exc_info=True)
            yield _gauge("database_up", "Whether the database answers", 0)
            return
        yield _gauge("database_up", "Whether the database answers", 1)

    def _database(self) -> Iterator[Metric]:
        state = condition.state(at=self.at)
        mails = GaugeMetricFamily("greenlist_mails", "Mails in the outbox", labels=["state"])
        for name, number in state.mails.items():
            mails.add_metric([name], number)
        yield mails
        yield _gauge("outbox_seconds", "Age of the oldest mail that is due", state.oldest_mail)
        yield _gauge("files_unscanned", "Files that wait for the scanner", state.unscanned)
        yield _gauge("file_unscanned_seconds", "Age of the oldest file not scanned", state.oldest_unscanned)
        yield _gauge("documents_waiting", "Documents that wait to be made", state.documents)
        yield _gauge("document_waiting_seconds", "Age of the oldest document that waits", state.oldest_document)
        backup = state.backup_at.timestamp() if state.backup_at else 0
        yield _gauge("backup_timestamp_seconds", "When the last backup was finished; 0: never", backup)
        yield from self._jobs(state)
        yield from self._queues(state)

    def _jobs(self, state: condition.State) -> Iterator[Metric]:
        succeeded = GaugeMetricFamily(
            "greenlist_job_success_timestamp_seconds", "Last success; 0: never", labels=["job"]
        )
        period = GaugeMetricFamily("greenlist_job_period_seconds", "How often it should run", labels=["job"])
        overdue = GaugeMetricFamily("greenlist_job_overdue", "1: silent for more than two periods", labels=["job"])
        for beat in state.beats:
            succeeded.add_metric([beat.name], beat.succeeded_at.timestamp() if beat.succeeded_at else 0)
            period.add_metric([beat.name], beat.period.total_seconds())
            overdue.add_metric([beat.name], int(beat.is_overdue))
        yield from (succeeded, period, overdue)

    def _queues(self, state: condition.State) -> Iterator[Metric]:
        up = _gauge("broker_up", "Whether the broker answers", int(state.queues is not None))
        length = GaugeMetricFamily("greenlist_queue_messages", "Messages that wait", labels=["queue"])
        age = GaugeMetricFamily("greenlist_queue_seconds", "Age of the oldest message", labels=["queue"])
        for queue in state.queues or ():
            length.add_metric([queue.name], queue.messages)
            age.add_metric([queue.name], queue.oldest)
        yield from (up, length, age)


def _gauge(name: str, text: str, value: float, labels: dict[str, str] | None = None) -> Metric:
    labels = labels or {}
    metric = GaugeMetricFamily(f"greenlist_{name}", text, labels=list(labels))
    metric.add_metric(list(labels.values()), value)
    return metric


def exposition(*, at: datetime) -> bytes:
    """Everything, in Prometheus' text form; with METRICS_DIR the sum over the web processes of this machine."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)
    else:
        registry.register(own)
    registry.register(StateCollector(at))
    return generate_latest(registry)


def may_read(request: HttpRequest) -> bool:
    """The monitoring with METRICS_TOKEN; without one this machine itself, not through a proxy (13.4.5)."""
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode())
    # Behind a proxy on this machine everybody comes from it.
    return not request.headers.get("X-Forwarded-For") and _is_here(request.META.get("REMOTE_ADDR", ""))


def _is_here(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
