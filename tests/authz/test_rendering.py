"""No request of anybody renders a PDF: every page that gives one answers with the waiting page first (G17)."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from greenlist.core import documents
from greenlist.core.models import RenderJob
from tests.authz import matrix, stage
from tests.authz.matrix import PERSONAS
from tests.world import World

pytestmark = [pytest.mark.authz, pytest.mark.django_db, pytest.mark.timeout(600)]
DOCUMENTS = {
    "applications:annex",
    "applications:report-pdf",
    "applications:report-docx",
    "applications:checks-pdf",
    "applications:dossier-pdf",
    "applications:dossier-zip",  # waits for the report in it
    "applications:batch_document",
    "reviews:panel-document",
    "reviews:decision-document",
    "reviews:consultation-document",
    "reviews:opinion-letter",
    "dynamics:filing-package",
    "dynamics:yearly-opinion-pdf",
    "dynamics:yearly-pdf",
    "dynamics:inspection-pdf",
    "dynamics:request-letter",
    "registry:bulletin_pdf",
    "registry:notice_pdf",
    "registry:announcement_pdf",
    "registry:certificate_pdf",
}


def test_no_request_renders(world: World, _now: None, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = stage.objects(world)
    clients: dict[str, Any] = {}

    def render(_html: str) -> bytes:
        raise AssertionError("a web request renders a PDF")

    monkeypatch.setattr(documents._child, "render", render)
    waiting = set()
    for row in matrix.ROWS:
        if "GET" not in row.methods:
            continue
        persona = next((one for one in PERSONAS if one in row.ok and one != "anonymous"), None)
        if persona is None:
            continue
        client = clients.setdefault(persona, None) or world.client(persona)
        clients[persona] = client
        answer = client.get(reverse(row.name, args=objects[row.key]))
        if answer.streaming:
            b"".join(answer.streaming_content)
        if answer.status_code == 202:
            waiting.add(row.name)
            assert 'id="rendering"' in answer.content.decode()
    assert waiting == DOCUMENTS
    assert RenderJob.objects.count() == len(DOCUMENTS) - 1
