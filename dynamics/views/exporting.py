"""A workbook of what a page finds: the file, or the page that waits for it."""

from collections.abc import Mapping
from typing import Any

from django.http import FileResponse
from django.http.response import HttpResponseBase

from dynamics.documents import exports
from dynamics.documents.exports import Table
from greenlist.core import attachments, clock, waiting, workbooks
from greenlist.core.http import Request
from greenlist.core.models import Blob, RenderJob


def send(request: Request, table: Table, given: Mapping[str, Any], *, back: str, subject: str = "") -> HttpResponseBase:
    """`back`: the page whose rows these are. Raises what the rows of the table raise."""
    at = clock.now()
    found = exports.export(table, given, actor=request.actor, at=at, subject=subject)
    if isinstance(found, Blob | RenderJob):
        return waiting.answer(request, found, at=at, title=table.title(), back=back)
    if waiting.polls(request):
        return waiting.opened(request)
    answer = FileResponse(found, content_type=workbooks.XLSX)
    answer["Content-Disposition"] = attachments.disposition(table.name)
    return answer
