"""What a browser gets for a document: the file, or a page that waits for it (`core.rendering`).

The address of the document is also that of its waiting page, so a bookmark, a plain reload and the poll of the script all
ask the same view, which checks the rights each time.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext_lazy as _
from django_htmx.http import HttpResponseStopPolling

from greenlist.core import attachments, rendering
from greenlist.core.errors import Text
from greenlist.core.models import Blob, RenderJob

SEEN = "seen"  # what the asking page shows already; only polls carry it
SLOW = 60  # seconds without a beginning after which we say that it takes longer than usual
State = RenderJob.State
REASONS: dict[str, tuple[Text, Text]] = {  # failure → what happened, what to do
    "pdf_limit": (
        _("The document is too large to be made: it took too long or needed too much memory."),
        _("Read and print the page itself. If the text is yours, shorten very long texts and tables."),
    ),
    "pdf_unavailable": (
        _("PDFs cannot be made on this machine at present."),
        _("The administrator of this portal has to install what is missing. Read and print the page itself meanwhile."),
    ),
    "refused": (
        _("The document was not made: what it shows has changed, or you no longer have the right to it."),
        _("Go back, reload the page and ask for the document again."),
    ),
}
OTHER: tuple[Text, Text] = (
    _("The document could not be made. The failure has been recorded."),
    _("The content itself is not affected: read and print the page itself, and report the number below."),
)


def answer(
    request: HttpRequest, found: Blob | RenderJob, *, at: datetime, title: Text, back: str, inline: bool = False
) -> HttpResponseBase:
    """The file if there is one; otherwise 202 with the waiting page, or 503 with the reason why there will be none.

    The caller has checked who asks. `back`: where the reader came from.
    """
    polled = polls(request)
    if isinstance(found, Blob):
        return opened(request) if polled else attachments.response(found, inline=inline)
    if polled and request.GET[SEEN] == _stand(found):
        return HttpResponse(status=204)
    rendering.waited_for(found, title=str(title), address=_address(request.path, request.GET))
    failed = found.state in (State.FAILED, State.REFUSED)
    context: dict[str, Any] = {"title": title, "back": back, "job": found, **_told(request, found, at)}
    if polled:
        shown = render(request, "_rendering.html", context)
        answered: HttpResponse = HttpResponseStopPolling(shown.content) if failed else shown
    else:
        answered = render(request, "rendering.html", context, status=503 if failed else 202)
        answered["Retry-After"] = "60" if failed else "2"
    add_never_cache_headers(answered)
    return answered


def polls(request: HttpRequest) -> bool:
    """Whether it is the waiting page that asks, and not a person who wants the file."""
    return SEEN in request.GET and "HX-Request" in request.headers


def opened(request: HttpRequest) -> HttpResponse:
    """Tells the waiting page that the document is there; its script opens it."""
    context = {"ready": _address(request.path, request.GET)}
    return HttpResponseStopPolling(render(request, "_rendering.html", context).content)


def streamed(request: HttpRequest, name: str, chunks: Iterator[bytes], *, content_type: str) -> HttpResponseBase:
    """A file that is handed on while it is made. A waiting page that asks is told that it is there."""
    if polls(request):
        return opened(request)
    answer = StreamingHttpResponse(chunks, content_type=content_type)
    answer["Content-Disposition"] = attachments.disposition(name)
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _told(request: HttpRequest, job: RenderJob, at: datetime) -> dict[str, Any]:
    reason, remedy = REASONS.get("refused" if job.state == State.REFUSED else job.failure, OTHER)
    return {
        "address": _address(request.path, request.GET),
        "poll": _address(request.path, request.GET, seen=_stand(job)),
        "reason": reason,
        "remedy": remedy,
        "again_at": rendering.again_at(job),
        "slow": job.state == State.WAITING and (at - job.asked_at).total_seconds() > SLOW,
    }


def _stand(job: RenderJob) -> str:
    return f"{job.state}-{job.done}"


def _address(path: str, query: QueryDict, **more: str) -> str:
    kept = [(name, value) for name, values in query.lists() for value in values if name != SEEN]
    words = urlencode([*kept, *more.items()])
    return f"{path}?{words}" if words else path
