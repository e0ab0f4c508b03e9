"""The industry table: GB/T 4754 section C, loaded from the reference file."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from greenlist.core import audit
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.organisations import rules
from greenlist.organisations.models import Industry


@transaction.atomic
def load_industries(*, rows: Sequence[Mapping[str, str]], actor: Actor, at: datetime) -> tuple[int, int]:
    """Makes the table equal to the rows (code, level, parent, name_zh, name_en); (created, changed).

    Raises Invalid when a row names a parent the file does not have. Codes the file lacks stay: old cases name them.
    """
    codes = {row["code"] for row in rows}
    known = {one.code: one for one in Industry.objects.select_for_update()}
    created, changed = 0, 0
    for level in (2, 3, 4):
        new, other = [], []
        for row in (row for row in rows if int(row["level"]) == level):
            parent = None if level == 2 else row["parent"]
            if parent is not None and parent not in codes:
                raise Invalid(_("Industry %(code)s names the parent %(parent)s, which is not in the file.") % row)
            industry = known.get(row["code"])
            values = {"level": level, "parent_id": parent, "name": row["name_zh"], "name_en": row["name_en"]}
            if industry is None:
                new.append(Industry(code=row["code"], **values))
            elif any(getattr(industry, field) != value for field, value in values.items()):
                for field, value in values.items():
                    setattr(industry, field, value)
                other.append(industry)
        Industry.objects.bulk_create(new)
        Industry.objects.bulk_update(other, ["level", "parent", "name", "name_en"])
        created, changed = created + len(new), changed + len(other)
    if created or changed:
        data = {"created": created, "changed": changed}
        audit.record(actor=actor, subject=("system", "industries"), action="industries.loaded", at=at, data=data)
    return created, changed


@transaction.atomic
def save_industry(*, industry: Industry, actor: Actor, at: datetime) -> Industry:
    """An administrator mends a name or adds a code. Raises NotAllowed."""
    if not rules.may_import(actor):
        raise NotAllowed(_("Only an administrator keeps the industry table."))
    industry.save()
    data = {"code": industry.code, "name": industry.name}
    audit.record(actor=actor, subject=("system", "industries"), action="industry.saved", at=at, data=data)
    return industry
