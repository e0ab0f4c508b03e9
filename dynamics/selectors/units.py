"""Listed units as those who follow them see them: an office those of its area, a firm its own. Where subjects meet."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from dynamics import rules
from greenlist.accounts.models import Area
from greenlist.core.actors import Actor, Tier
from greenlist.core.errors import NotAllowed, NotVisible
from greenlist.organisations.models import Title
from registry import selectors as registry
from registry.models import Certificate, Listing
from registry.states import ListingState

QUESTIONED = (ListingState.RECTIFYING, ListingState.SUSPENDED, ListingState.REMOVAL_PROPOSED)


def visible(actor: Actor) -> QuerySet[Listing]:
    """Listings this actor follows. The list itself is public; this is whose work it is."""
    rows = Listing.objects.select_related("listbook__owner__area", "organisation", "site__area")
    if not rules.may_follow(actor):
        return rows.none()
    if not actor.is_official:
        return rows.filter(organisation_id=actor.organisation_id)
    rows = rows.filter(area_path__startswith=actor.area_path)
    return rows.filter(listbook__category=actor.list_kind) if actor.list_kind else rows


def found(actor: Actor, given: Mapping[str, Any], *, size: int = registry.PAGE) -> registry.Page:
    """By name, former name or code, place, tier, category and state; newest first, in pages by key. Raises NotAllowed."""
    if not rules.may_follow(actor):
        raise NotAllowed(rules.FOLLOWERS_ONLY)
    category = given.get("category", "")
    if actor.list_kind and category not in ("", actor.list_kind):
        return registry.Page(())
    state = given.get("state", "")
    wanted = registry.Search(
        words=given.get("q", ""),
        area_path=_area(actor, given.get("place", "")),
        category=actor.list_kind or category,
        states=QUESTIONED if state == "questioned" else (state,) if state else (),
        tier=given.get("tier", ""),
        organisation=None if actor.is_official else actor.organisation_id,
    )
    return registry.search(None, wanted, after=given.get("after", ""), size=size)


def _area(actor: Actor, place: str) -> str:
    """The chosen place where it lies in the office's area; a firm is not bound to one."""
    path = Area.objects.filter(slug=place).values_list("path", flat=True).first() if place else actor.area_path
    return path if path is not None and path.startswith(actor.area_path) else "/nowhere/"


def places(actor: Actor) -> list[tuple[str, str]]:
    """The areas right below the actor's own, to narrow by."""
    if not actor.is_official or not actor.area_path:
        return []
    own = Area.objects.filter(path=actor.area_path).values_list("pk", flat=True)
    return list(Area.objects.filter(parent__in=own).order_by("path").values_list("slug", "name"))


def unit(actor: Actor, pk: int) -> Listing:
    """Raises NotVisible: not of this area, not of this firm."""
    row = visible(actor).prefetch_related("entries__announcement", "entries__imported").filter(pk=pk).first()
    if row is None:
        raise NotVisible
    return row


def beside(actor: Actor, listing: Listing) -> list[Listing]:
    """The same unit's places on other lists, highest tier first."""
    others = visible(actor).filter(organisation=listing.organisation_id).exclude(pk=listing.pk)
    return sorted(others, key=lambda row: (-_rank(row), row.pk))


def _rank(row: Listing) -> int:
    return Tier(row.listbook.owner.tier).rank


def certificates(listing: Listing) -> QuerySet[Certificate]:
    return Certificate.objects.filter(listing=listing).order_by("-issued_on", "-pk")


def titles(listing: Listing) -> QuerySet[Title]:
    """What the site holds or held, on lists of every tier and category."""
    return Title.objects.filter(site=listing.site_id).order_by("valid_until", "-valid_from", "pk")
