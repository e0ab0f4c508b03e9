"""Reads for the office of bulletins."""

from collections.abc import Iterable

from django.db.models import QuerySet

from greenlist.core.actors import Actor
from greenlist.core.errors import NotVisible
from greenlist.policy import selectors as policy
from registry.models import ListBook, Listing
from registry.services.bulletins import Line


def own_books(actor: Actor) -> QuerySet[ListBook]:
    """Lists of the actor's authority that the mandate covers."""
    rows = ListBook.objects.filter(owner_id=actor.authority_id if actor.is_official else None)
    rows = rows.filter(category=actor.list_kind) if actor.list_kind else rows
    return rows.select_related("owner__area").order_by("pk")


def book(pk: int) -> ListBook:
    """Raises NotVisible."""
    found = ListBook.objects.select_related("owner__area").filter(pk=pk).first()
    if found is None:
        raise NotVisible
    return found


def names_of(lines: Iterable[Line]) -> dict[int, str]:
    """Present names by listing."""
    return dict(Listing.objects.filter(pk__in=[line.listing for line in lines]).values_list("pk", "name"))


def words(listbook: ListBook, count: int) -> dict[str, str]:
    """Title and text of a new bulletin, from the texts of the owner's rules; printed, so it is Chinese."""
    for version in policy.of_owner(listbook.owner.area.slug, listbook.category):
        bound = policy.standing(version, listbook.category)
        spec = bound.texts.get("removal")
        if bound.header.tier != listbook.owner.tier or spec is None:
            continue
        given = {"count": str(count), "rules_title": bound.header.title.zh, "list_title": listbook.title}
        filled = {place: given.get(place, "") for place in spec.places}
        return {"title": spec.title.zh.format(**filled), "text": spec.body.zh.strip().format(**filled)}
    return {"title": listbook.title, "text": ""}
