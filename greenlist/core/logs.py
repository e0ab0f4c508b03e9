"""One JSON object a line, with request id and person; a line break in a value cannot start a second line."""

import json
import logging
from datetime import UTC, datetime

from greenlist.core.requests import request_id, user_id


class RequestFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        record.user_id = user_id.get()
        return True


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request": getattr(record, "request_id", ""),
            "user": getattr(record, "user_id", None),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        # ASCII only: U+2028, NEL and lone surrogates are line ends or errors to some readers of logs.
        return json.dumps(line)
