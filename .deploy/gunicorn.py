"""How gunicorn serves the portal: `gunicorn -c .deploy/gunicorn.py`; its own command line wins over this."""

import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from greenlist.settings import env

bind = env.text("WEB_BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = env.number("WEB_WORKERS", 2)
threads = env.number("WEB_THREADS", 4)
timeout = 60  # a request that takes longer ends its process; nothing of ours does, documents are made by the worker
graceful_timeout = 30  # on SIGTERM: what has begun is finished
keepalive = 75  # longer than the proxy keeps its connections: it never writes into one that closes
max_requests, max_requests_jitter = 20_000, 2_000  # a leak somewhere does not grow for ever
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # nosec B108: a disk must not hold its heartbeat up
wsgi_app = "greenlist.wsgi"
METRICS_DIR = env.text("METRICS_DIR", "")

logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request": {"()": "greenlist.core.logs.RequestFilter"}},
    "formatters": {"json": {"()": "greenlist.core.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["request"]}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {"gunicorn.error": {"handlers": [], "propagate": True}, "gunicorn.access": {"handlers": []}},
}


def on_starting(server: Any) -> None:
    """The figures of processes that are no more would be added for ever."""
    if METRICS_DIR:
        shutil.rmtree(METRICS_DIR, ignore_errors=True)
        Path(METRICS_DIR).mkdir(parents=True)


def child_exit(server: Any, worker: Any) -> None:
    if METRICS_DIR:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid, METRICS_DIR)
