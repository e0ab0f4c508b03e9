"""Request ids, and the translator of domain errors for pages (the other one is `core.api`)."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from greenlist.core.errors import Conflict, DomainError, Invalid
from greenlist.core.requests import request_id

Handler = Callable[[HttpRequest], HttpResponse]


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
            if getattr(request, "user", None) is not None and request.user.is_authenticated:
                response.headers.setdefault("Cache-Control", "no-store")
            return response
        finally:
            request_id.reset(token)


class DomainErrorMiddleware:
    """Turns a DomainError into an error page, or into JSON for a script of ours."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        if request.headers.get("X-Requested-With") == "autosave":
            return JsonResponse(as_json(error), status=error.status)
        template = "404.html" if error.status == 404 else "error.html"
        return render(request, template, {"error": error}, status=error.status)


def as_json(error: DomainError) -> dict:
    """The one shape of an error outside pages."""
    body: dict = {"code": error.code, "message": str(error.message), "clause": error.clause}
    body["findings"] = [
        {"rule": f.rule, "clause": f.clause, "outcome": f.outcome, "code": f.code} for f in error.findings
    ]
    if isinstance(error, Conflict):
        body |= {"theirs": error.theirs, "version": error.version}
    if isinstance(error, Invalid):
        body["problems"] = {path: [str(text) for text in texts] for path, texts in error.problems.items()}
    return body
