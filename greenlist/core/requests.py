"""The request id of the work at hand, carried through logs, tasks and mails."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
