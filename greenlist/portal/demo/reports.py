"""Whole evaluation reports of the three categories, from `fixtures/demo/reports.toml`, written through the services."""

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from applications.models import Application
from applications.selectors import drafts as reads
from applications.services import drafts
from greenlist.core.actors import Actor
from greenlist.policy.engine import forms as engine_forms
from greenlist.policy.engine.types import Field, FieldType, Section
from greenlist.portal.demo.answers import PAPER

YEARS = ("y1", "y2", "y3")
SENTENCE = "{label}：制度健全、责任到人，台账和现场记录齐全，数据与统计报表一致（演示内容）。"
LONG = (
    "{label}。企业成立由总经理牵头的专班，先摸清各工序的用能、用水和排放底数，再逐项制定措施、落实资金和责任人，按月考核、按季公开。"
    "三年累计投入三百二十万元，更换高效电机四十六台，改造管网六公里，加装计量器具一百二十块，主要数据实现自动采集。"
    "改造后吨产品电耗下降百分之七点二，取水量下降百分之十一，年节约成本约一百九十万元，员工提出的合理化建议被采纳三十二条。"
    "做法已在集团内三家企业推广，并接待同行参观学习十余批次（演示内容）。"
)
BODY = {"name": "name", "code": "code", "address": "address", "legal_representative": "legal_representative"}


@lru_cache(maxsize=1)
def written() -> dict[str, Any]:
    """The file as it stands."""
    return tomllib.loads((Path(settings.ROOT) / "fixtures" / "demo" / "reports.toml").read_text(encoding="utf-8"))


def points(category: str) -> dict[str, str]:
    """What a reviewer gives by hand, by row."""
    found: dict[str, str] = written()["points"].get(category, {})
    return found


def fill(*, actor: Actor, case: Application, at: datetime, sections: int = 99, body: Any = None) -> None:
    """Fills the first sections, with evidence wherever it is asked for; in a section one file serves every second row.

    `body`: the organisation whose name stands in the report of a third party.
    """
    form = reads.form_of(case)
    for section in form.sections[:sections]:
        known = reads.draft_of(case, form)
        given = _answers(section, case, known.data.get(section.key, {}), body)
        drafts.save_section(
            actor=actor,
            at=at,
            reference=case.reference,
            section=section.key,
            answers=given,
            version=known.rows[section.key].version,
        )
    _prove(actor, case, at, {one.key for one in form.sections[:sections]})


def _prove(actor: Actor, case: Application, at: datetime, filled: set[str]) -> None:
    form = reads.form_of(case)
    first: dict[str, str] = {}
    for number, one in enumerate(reads.missing(reads.draft_of(case, form).problems)):
        if one.section not in filled or "." in one.anchor:
            continue
        spec = form.section(one.section).field(one.anchor)
        if spec.type is not FieldType.FILE:
            continue
        place: dict[str, Any] = {"actor": actor, "at": at, "reference": case.reference}
        place |= {"section": one.section, "field": one.anchor}
        if one.section in first and number % 2:
            drafts.use_evidence(evidence=first[one.section], **place)
            continue
        paper = PAPER + f"%{case.reference}{one.path}".encode()
        name = f"{spec.label.zh[:40]}（示例）.pdf".replace("/", "、")
        row = drafts.add_evidence(upload=SimpleUploadedFile(name, paper, "application/pdf"), **place)
        first.setdefault(one.section, row.reference)


# ---- answers --------------------------------------------------------------------------------------------------------
def _answers(section: Section, case: Application, standing: Mapping[str, Any], body: Any) -> dict[str, Any]:
    """What the file says, for its category first; a required answer it leaves open is written by its label."""
    said = written()["shared"].get(section.key, {}) | written()[case.category].get(section.key, {})
    if section.key == "body" and body is not None:
        said = said | {key: getattr(body, name) for key, name in BODY.items()}
        said |= {"contact_name": body.contact_name, "contact_phone": body.contact_phone}
    found: dict[str, Any] = {}
    for spec in section.fields:
        if (
            not spec.is_answered
            or spec.rows_from
            or (spec.prefill and not engine_forms.is_empty(standing.get(spec.key)))
        ):
            continue
        given = said.get(spec.key, said.get(_without_year(spec.key)))
        if given is not None:
            found[spec.key] = _written(spec, given, case)
        elif engine_forms.is_asked(spec, said):
            found[spec.key] = _any(spec, case)
    return found


def _without_year(key: str) -> str:
    head, _under, tail = key.rpartition("_")
    return head if tail in YEARS else key


def _written(spec: Field, given: Any, case: Application) -> Any:
    if isinstance(given, list):
        columns = {one.key: one for one in spec.columns}
        return [{key: _written(columns[key], value, case) for key, value in row.items()} for row in given]
    if given == "@long":
        return LONG.format(label=spec.label.zh)[: spec.max_chars]
    if given == "@last":
        return spec.choices[-1].key
    if isinstance(given, bool):
        return given
    text = re.sub(r"\{year([+-]\d+)?\}", lambda match: str(case.call.year + int(match.group(1) or 0)), str(given))
    return text.replace("{name}", case.name)


def _any(spec: Field, case: Application) -> Any:
    """A right answer by the kind of field."""
    if spec.is_table:
        columns = [one for one in spec.columns if one.is_answered and one.required]
        return [{one.key: _any(one, case) for one in columns} for _row in range(max(spec.min_rows, 1))]
    if spec.type is FieldType.CHOICE:
        return spec.choices[0].key
    if spec.type is FieldType.YESNO:
        return True
    if spec.type is FieldType.DATE:
        return f"{case.call.year - 1}-12-31"
    if spec.type is FieldType.NUMBER:
        return str(int(spec.min or 0) + 1)
    if spec.type is FieldType.TEXT:
        return "示例"
    return SENTENCE.format(label=spec.label.zh)[: spec.max_chars]
