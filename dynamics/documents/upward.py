"""The letter of a request upward, from what was signed; made once and kept."""

from datetime import datetime

from dynamics.models import UpwardRequest
from greenlist.core import attachments, rendering
from greenlist.core.actors import Actor
from greenlist.core.documents import render_pdf
from greenlist.core.errors import NotVisible
from greenlist.core.models import Blob, RenderJob

KIND = "upward-letter"


def letter_pdf(row: UpwardRequest, *, actor: Actor, at: datetime) -> Blob | RenderJob:
    """The caller has checked who asks."""
    if row.letter is not None:
        return row.letter
    return rendering.ask(kind=KIND, subject=row.reference, digest=row.digest, actor=actor, at=at)


@rendering.maker(KIND)
def _make_letter(job: RenderJob, *, at: datetime, tick: rendering.Tick) -> Blob:
    row = UpwardRequest.objects.exclude(frozen=None).select_related("letter").filter(reference=job.subject).first()
    if row is None:
        raise NotVisible
    if row.letter is not None:
        return row.letter
    body = render_pdf("dynamics/print_request.html", {"letter": row.frozen, "digest": row.digest}, tick=tick)
    blob = attachments.store_bytes(name=f"{row.title}.pdf", content=body, content_type="application/pdf", at=at)
    UpwardRequest.objects.filter(pk=row.pk, letter=None).update(letter=blob)
    return Blob.objects.get(pk=UpwardRequest.objects.values_list("letter", flat=True).get(pk=row.pk))
