"""The embedded broker: Celery's file transport, made fit for a writer and a reader at once and for a kill in between.

The original opens a message's file and fills it then; a worker that looks in that moment reads nothing and ends for good
("Unrecoverable error: JSONDecodeError"; found by tests/faults). Here a message appears whole, and what is broken is left
out: the sweepers find whatever a lost message was about. Installed by `greenlist.celery`.
"""

import fcntl
import logging
import uuid
from pathlib import Path
from time import monotonic
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps

log = logging.getLogger(__name__)


class Channel(filesystem.Channel):
    def _put(  # type: ignore[override]  # its two parents disagree about the names
        self, queue: Any, message: Any, **kwargs: Any
    ) -> None:
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        folder = Path(self.data_folder_out)
        part = folder / f"{name}.part"  # no queue's name ends so: nobody takes it yet
        try:
            part.write_text(dumps(message), encoding="utf-8")
            part.replace(folder / name)
        except OSError as full:
            raise ChannelError(f"Cannot add file {name!r} to directory") from full

    def _get(self, queue: Any, timeout: Any = None) -> Any:
        while True:
            try:
                return super()._get(queue)
            except ValueError:  # its file is gone already
                log.warning("a message on queue %s was broken and is left out", queue)

    def get_table(self, exchange: str) -> list[Any]:
        try:
            return super().get_table(exchange)
        except ValueError:  # left by an older version of this portal; the next to bind writes it anew
            return []

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        file = self._exchange_file(exchange)
        bound = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        with (self.control_folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            table = self.get_table(exchange)
            if bound not in table:
                part = file.with_suffix(".part")
                part.write_text(dumps([bound, *table]), encoding="utf-8")
                part.replace(file)


class Transport(filesystem.Transport):
    Channel = Channel
