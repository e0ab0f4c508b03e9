"""Domain errors: what services raise. Exactly two translators turn them into answers: `middleware` (pages) and `api`."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class DomainError(Exception):
    """A refusal with its reason; `findings` carry rule and clause where policy made it."""

    status = 409
    code = "refused"

    def __init__(self, message: Text, *, code: str = "", findings: Sequence[Any] = (), clause: str = "") -> None:
        super().__init__(str(code or self.code))
        self.message = message
        self.code = code or self.code
        self.findings = tuple(findings)
        self.clause = clause


class NotVisible(DomainError):
    """It does not exist for this actor; never says whether it exists for another."""

    status = 404
    code = "not_found"

    def __init__(self) -> None:
        super().__init__(_("This page does not exist, or not for you."))


class NotThisWay(DomainError):
    """An address that only takes what a form sends was opened like a page (reloaded, or kept as a bookmark)."""

    status = 405
    code = "not_this_way"

    def __init__(self) -> None:
        super().__init__(_("This address only takes what a form sends; there is nothing to see at it."))


class NotAllowed(DomainError):
    """Visible, but this actor may not do it."""

    status = 403
    code = "not_allowed"


class WrongState(DomainError):
    """The verb does not fit the state any more; usually somebody else was faster."""

    status = 409
    code = "wrong_state"


class Conflict(DomainError):
    """Somebody else changed the same thing; `theirs` holds what stands now."""

    status = 409
    code = "conflict"

    def __init__(self, message: Text, *, theirs: Mapping[str, Any] | None = None, version: int = 0) -> None:
        super().__init__(message)
        self.theirs = dict(theirs or {})
        self.version = version


class Refused(DomainError):
    """Policy says no; the findings say which rule, which clause, and the way out."""

    status = 409
    code = "refused"


class Invalid(DomainError):
    """Bad input; `problems` maps a field path to what is wrong there."""

    status = 422
    code = "invalid"

    def __init__(self, message: Text, *, problems: Mapping[str, Sequence[Text]] | None = None) -> None:
        super().__init__(message)
        self.problems = {path: list(texts) for path, texts in (problems or {}).items()}


class TooLarge(DomainError):
    """The body is larger than anything a page of ours sends."""

    status = 413
    code = "too_large"


class NoLength(DomainError):
    """A body whose length is not announced: it could not be refused before it is read."""

    status = 411
    code = "no_length"

    def __init__(self) -> None:
        super().__init__(_("What is sent must say its length beforehand (Content-Length)."))


class TooMany(DomainError):
    """Done too often; `retry_after` seconds from now there is room again (core.limits)."""

    status = 429
    code = "too_many"

    def __init__(self, message: Text, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NoRoom(DomainError):
    """A file cannot be kept: the storage is full or does not answer. Nothing was changed."""

    status = 503
    code = "no_room"

    def __init__(self) -> None:
        super().__init__(
            _(
                "The file could not be stored just now: the server's storage is full or does not answer. Nothing was changed. "
                "What you have typed and uploaded before is kept; please try again in a few minutes."
            )
        )


class Unavailable(DomainError):
    """Nothing can be saved just now: the database takes nothing, or this process must be restarted. Nothing was changed."""

    status = 503
    code = "unavailable"
