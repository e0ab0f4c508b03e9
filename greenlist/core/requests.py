"""The request id and the person of the work at hand, carried through logs, tasks and mails."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
user_id: ContextVar[int | None] = ContextVar("user_id", default=None)  # set where the actor is chosen
