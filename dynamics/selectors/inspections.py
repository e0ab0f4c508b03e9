"""What officials and units read of plans and inspections; a recorded draw worked out again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet

from dynamics.models import Inspection, InspectionFile, InspectionPlan
from dynamics.states import InspectionState
from greenlist.core.actors import Actor
from greenlist.core.audit import digest_of as digest
from greenlist.core.errors import NotVisible
from greenlist.policy.engine import changes as engine
from registry.models import Listing
from registry.states import IN_FORCE

PAGE = 50


def population(actor: Actor, category: str, tier: str) -> QuerySet[Listing]:
    """Units on lists of the actor's area, one row for each list; the mandate's list only where it is limited to one."""
    rows = Listing.objects.filter(area_path__startswith=actor.area_path, state__in=IN_FORCE)
    category = actor.list_kind or category
    if category:
        rows = rows.filter(listbook__category=category)
    if tier:
        rows = rows.filter(listbook__owner__tier=tier)
    return rows.select_related("listbook__owner__area", "site__area").order_by("pk")


def digest_of(seed: str, keys: Sequence[str], share: Decimal | None, number: int | None, drawn: Sequence[str]) -> str:
    return digest([seed, list(keys), str(share.normalize()) if share is not None else "", number, list(drawn)])


def again(plan: InspectionPlan) -> str:
    """Works a recorded draw out once more: "" when the same units come out, else what differs."""
    if digest_of(plan.seed, plan.population, plan.share, plan.number, plan.drawn) != plan.digest:
        return "digest"
    size = engine.size_of(len(plan.population), share=plan.share, number=plan.number)
    return "" if list(engine.sample(plan.seed, plan.population, size)) == plan.drawn else "names"


def all_plans(reference: str = "") -> Iterator[InspectionPlan]:
    rows = InspectionPlan.objects.order_by("pk")
    yield from (rows.filter(reference=reference) if reference else rows).iterator(chunk_size=200)


@dataclass(frozen=True)
class Page:
    rows: tuple[Any, ...]
    after: int | None


def _page(rows: QuerySet[Any], after: int | None, size: int) -> Page:
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows.order_by("-pk")[: size + 1])
    return Page(tuple(found[:size]), found[size - 1].pk if len(found) > size else None)


def plans(actor: Actor, *, after: int | None = None, size: int = PAGE) -> Page:
    done = Count("inspections", filter=Q(inspections__state=InspectionState.DONE))
    rows = InspectionPlan.objects.visible_to(actor).select_related("authority").defer("population")
    return _page(rows.annotate(all_of=Count("inspections"), done_of=done), after, size)


def plan(actor: Actor, reference: str) -> InspectionPlan:
    """Raises NotVisible."""
    row = InspectionPlan.objects.visible_to(actor).select_related("authority").filter(reference=reference).first()
    if row is None:
        raise NotVisible
    return row


def of_plan(actor: Actor, row: InspectionPlan) -> QuerySet[Inspection]:
    """Its inspections, in the order in which they were drawn; a plan of all lists shows each reader those of theirs."""
    rows = Inspection.objects.visible_to(actor).filter(plan=row)
    return rows.select_related("listing__listbook", "authority").order_by("pk")


def page_of_plan(actor: Actor, row: InspectionPlan, *, after: int | None = None) -> Page:
    """A bounded part of them, by position."""
    part = list(of_plan(actor, row).filter(pk__gt=after or 0)[: PAGE + 1])
    return Page(tuple(part[:PAGE]), part[PAGE - 1].pk if len(part) > PAGE else None)


def inspections(actor: Actor, *, state: str = "", after: int | None = None, size: int = PAGE) -> Page:
    rows = Inspection.objects.visible_to(actor).select_related("listing__listbook", "authority")
    return _page(rows.filter(state=state) if state else rows, after, size)


def inspection(actor: Actor, reference: str) -> Inspection:
    """Raises NotVisible."""
    related = ("listing__listbook__owner__area", "authority", "rectification", "plan__authority", "recorded_by")
    rows = Inspection.objects.visible_to(actor).select_related(*related).prefetch_related("files__blob")
    row = rows.filter(reference=reference).first()
    if row is None:
        raise NotVisible
    return row


def shows_draw(actor: Actor, row: Inspection) -> bool:
    """How units were drawn is for who sees the plan: with the seed the other units could be worked out before the visit."""
    return InspectionPlan.objects.visible_to(actor).filter(pk=row.plan_id).exists()


def file(actor: Actor, reference: str, pk: int) -> InspectionFile:
    """Raises NotVisible."""
    found = next((one for one in inspection(actor, reference).files.all() if one.pk == pk), None)
    if found is None:
        raise NotVisible
    return found
