"""A whole self-evaluation report for a firm, from `fixtures/demo/answers.toml`, filled in through the services."""

import re
import tomllib
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from applications.models import Application
from applications.selectors import drafts as reads
from applications.services import drafts, submission
from greenlist.core.actors import Actor
from greenlist.policy.engine.types import Field, FieldType

PAPER = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 4 0 R>>>>/Contents 5 0 R>>endobj
4 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
5 0 obj<</Length 53>>stream
BT /F 24 Tf 72 720 Td (Demonstration evidence) Tj ET
endstream endobj
trailer<</Root 1 0 R>>
%%EOF
"""


@lru_cache(maxsize=1)
def written() -> dict[str, dict[str, Any]]:
    """The answers as written in the file."""
    return tomllib.loads((Path(settings.ROOT) / "fixtures" / "demo" / "answers.toml").read_text(encoding="utf-8"))


def fill(*, actor: Actor, case: Application, at: datetime, scale: str = "1", sections: int = 99) -> None:
    """Fills the first sections of a draft, evidence included; numbers grow with `scale`."""
    form = reads.form_of(case)
    for section in form.sections[:sections]:
        given = written().get(section.key, {})
        answers = {
            field.key: _answer(field, given[field.key], case.call.year, Decimal(scale))
            for field in section.fields
            if field.key in given and field.is_answered
        }
        row = case.report.sections.get(key=section.key)
        drafts.save_section(
            actor=actor, at=at, reference=case.reference, section=section.key, answers=answers, version=row.version
        )
        for field in section.fields:
            if field.type is FieldType.FILE and field.required:
                upload = SimpleUploadedFile(f"{field.label.zh}（示例）.pdf", PAPER, "application/pdf")
                drafts.add_evidence(
                    actor=actor, at=at, reference=case.reference, section=section.key, field=field.key, upload=upload
                )


def submit(*, actor: Actor, case: Application, at: datetime) -> None:
    """Declares what stands there and submits it."""
    fresh = reads.own_case(actor, case.reference)
    draft = reads.draft_of(fresh, reads.form_of(fresh))
    digest = reads.digest(draft.content(), fresh.report)
    submission.submit(
        actor=actor, at=at, reference=case.reference, digest=digest, declared_name=actor.name, agreed=True
    )


def _answer(field: Field, given: Any, year: int, scale: Decimal) -> Any:
    if isinstance(given, list):
        return [{key: _cell(value, year, scale) for key, value in row.items()} for row in given]
    if given == "@first":
        return field.choices[0].key
    if field.type is FieldType.YESNO:
        return bool(given)
    return _text(given, year)


def _cell(given: Any, year: int, scale: Decimal) -> Any:
    return f"{Decimal(160) * scale:.4f}" if given == "@renewable" else _text(given, year)


def _text(given: Any, year: int) -> Any:
    """`{year}`, `{year-1}`, `{year+1}` → the year; whole numbers stay what they are."""
    if not isinstance(given, str):
        return str(given)
    return re.sub(r"\{year([+-]\d+)?\}", lambda match: str(year + int(match.group(1) or 0)), given)
