"""Request ids, and the translator of domain errors for pages (the other one is `core.api`)."""

import re
import uuid
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _

from greenlist.core.errors import Conflict, DomainError, Invalid, NoLength, NotThisWay, NotVisible, TooLarge, TooMany
from greenlist.core.requests import request_id

Handler = Callable[[HttpRequest], HttpResponse]
KINDS = ("text/html", "application/json")
API, PROBLEM = "/api/", "application/problem+json"
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # all but tab and line ends


class RequestIdMiddleware:
    """Gives each request an id that logs, tasks, mails and error pages name; private pages are never cached."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = request_id.set(uuid.uuid4().hex[:16])
        request.id = request_id.get()  # type: ignore[attr-defined]
        try:
            response = self.get_response(request)
            response["X-Request-Id"] = request_id.get()
            # Asked by the cookie, not by the user: /livez must not touch the database.
            if settings.SESSION_COOKIE_NAME in request.COOKIES or settings.SESSION_COOKIE_NAME in response.cookies:
                response.headers.setdefault("Cache-Control", "no-store")
            return response
        finally:
            request_id.reset(token)


class DomainErrorMiddleware:
    """Turns a DomainError into an error page, or into JSON for a script of ours.

    Refuses bodies that are too large, and takes control characters out of what was typed: pasted from elsewhere they are
    seen by nobody, and fail far away: NUL in PostgreSQL, the others in every workbook that names the firm (UP-10).
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _length(request) > settings.REQUEST_MAX_BYTES:  # before anything reads the body
            limit = settings.REQUEST_MAX_BYTES // 1024 // 1024
            return answer(request, TooLarge(_("At most %(limit)s MB can be sent at once.") % {"limit": limit}))
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            return answer(request, NoLength())  # Django would take its body for empty
        if CONTROLS.search(request.path_info):
            return answer(request, NotVisible())
        response = self.get_response(request)
        if response.status_code == 405 and not request.path_info.startswith(API):  # Django's own has no content
            return answer(request, NotThisWay(), Allow=response.headers.get("Allow", ""))
        return response

    def process_view(self, request: HttpRequest, *_view: object) -> None:
        """After the CSRF check, which has read the form already."""
        request.GET, request.POST = _printable(request.GET), _printable(request.POST)  # type: ignore[assignment]

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return answer(request, error) if isinstance(error, DomainError) else None


def _printable(given: QueryDict) -> QueryDict:
    if not any(CONTROLS.search(text) for name, values in given.lists() for text in (name, *values)):
        return given
    clean = QueryDict(mutable=True)
    for name, values in given.lists():
        clean.setlist(CONTROLS.sub(" ", name), [CONTROLS.sub(" ", value) for value in values])
    clean._mutable = False
    return clean


def _length(request: HttpRequest) -> int:
    """Of the body as announced."""
    announced = request.META.get("CONTENT_LENGTH") or "0"
    return int(announced) if announced.isdecimal() else 0


def answer(request: HttpRequest, error: DomainError, **headers: str) -> HttpResponse:
    """The page, or the JSON where a script asks for it (autosave, Accept: application/json)."""
    if isinstance(error, TooMany):  # when to come back, for programs; people read it in the message
        headers["Retry-After"] = str(error.retry_after)
    if request.path_info.startswith(API):
        return JsonResponse(as_problem(error), status=error.status, headers=headers, content_type=PROBLEM)
    if request.headers.get("X-Requested-With") == "autosave" or request.get_preferred_type(KINDS) == KINDS[1]:
        return JsonResponse(as_json(error), status=error.status, headers=headers)
    template = "404.html" if error.status == 404 else "error.html"
    shown = render(request, template, {"error": error}, status=error.status)
    for name, value in headers.items():
        shown[name] = value
    return shown


def as_json(error: DomainError) -> dict:
    """The one shape of an error outside pages."""
    body: dict = {"code": error.code, "message": str(error.message), "clause": error.clause}
    # Whatever states a reason: a finding of the engine, or a point of a checklist.
    words = ("rule", "clause", "outcome", "code")
    body["findings"] = [{word: str(getattr(one, word, "")) for word in words} for one in error.findings]
    if isinstance(error, Conflict):
        body |= {"theirs": error.theirs, "version": error.version}
    if isinstance(error, Invalid):
        body["problems"] = {path: [str(text) for text in texts] for path, texts in error.problems.items()}
    return body


def as_problem(error: DomainError) -> dict:
    """The same as a problem document (RFC 9457): what the API answers, whoever refuses."""
    body = as_json(error)
    detail = body.pop("message")
    title = HTTPStatus(error.status).phrase
    return {
        "type": "about:blank",
        "title": title,
        "status": error.status,
        "detail": detail,
        **body,
        "request_id": request_id.get(),
    }
