"""What units, verifying authorities and list owners read of changes."""

from dataclasses import dataclass

from django.db.models import QuerySet

from applications.models import ReportVersion
from dynamics import rules
from dynamics.models import Change, ChangeFile
from dynamics.selectors import standing, yearly
from dynamics.states import OPEN_CHANGES, ChangeState
from greenlist.core.actors import Actor, Tier
from greenlist.core.errors import NotVisible
from registry.models import Listing
from registry.states import ListingState

PAGE = 50


@dataclass(frozen=True)
class Page:
    rows: tuple[Change, ...]
    after: int | None


def found(actor: Actor, state: str) -> QuerySet[Change]:
    """Of a state, of all that are open, or all; newest first."""
    rows = Change.objects.visible_to(actor).select_related("listing__listbook", "verifier").order_by("-pk")
    if state == "open":
        return rows.filter(state__in=OPEN_CHANGES)
    return rows.filter(state=state) if state else rows


def of(actor: Actor, *, state: str = "", after: int | None = None) -> Page:
    """A bounded page, by position."""
    rows = found(actor, state)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    part = list(rows[: PAGE + 1])
    return Page(tuple(part[:PAGE]), part[PAGE - 1].pk if len(part) > PAGE else None)


def one(actor: Actor, reference: str) -> Change:
    """Raises NotVisible."""
    related = (
        "listing__listbook__owner__area",
        "listing__site",
        "verifier",
        "successor",
        "verified_by",
        "confirmed_by",
    )
    rows = Change.objects.visible_to(actor).select_related(*related).prefetch_related("files__blob")
    row = rows.filter(reference=reference).first()
    if row is None:
        raise NotVisible
    return row


def file(actor: Actor, reference: str, pk: int) -> ChangeFile:
    """Raises NotVisible."""
    found = next((one_ for one_ in one(actor, reference).files.all() if one_.pk == pk), None)
    if found is None:
        raise NotVisible
    return found


def reportable(actor: Actor) -> list[Listing]:
    """Places of the actor's own unit that a change may be reported of, one for each site."""
    mine = Listing.objects.filter(organisation_id=actor.organisation_id, organisation__claim="confirmed")
    rows = mine.exclude(state=ListingState.REMOVED)
    found: dict[int, Listing] = {}
    for row in rows.select_related("listbook__owner__area", "site__area").order_by("pk")[:100]:
        if row.site_id not in found and standing.change_rule(row) is not None:
            found[row.site_id] = row
    return list(found.values())


def own_listing(actor: Actor, pk: int) -> Listing:
    """Raises NotVisible."""
    rows = Listing.objects.select_related("listbook__owner__area", "site__area", "organisation")
    row = rows.filter(pk=pk).first()
    if row is None or not rules.is_unit(actor, row):
        raise NotVisible
    return row


def kinds_of(listing: Listing) -> tuple[str, ...]:
    """What the rules let the unit report; nothing where they say nothing."""
    found = standing.change_rule(listing)
    return found[1].kinds if found else ()


def told_in_table(listing: Listing) -> dict[str, str]:
    """What the site's newest declared yearly table says of changes: kind → what was said (QHD-15, JY-21, HLJ-31).

    The table the rules name: an evaluation handed in later (JY-19) tells of no changes and hides none.
    """
    found = standing.change_rule(listing)
    version = _newest_table(listing, found[1].told_in) if found else None
    return yearly.changed_of(version) if version else {}


def _newest_table(listing: Listing, duty: str) -> ReportVersion | None:
    rows = ReportVersion.objects.filter(report__yearly__site=listing.site_id, report__yearly__cycle__duty=duty)
    return rows.filter(report__yearly__category=listing.listbook.category).order_by("-pk").first()


def to_bundle(actor: Actor, category: str) -> list[Change]:
    """Confirmed changes that the actor's authority sends upward: it stands next below the owner of their list."""
    if not actor.is_official or actor.tier is None:
        return []
    rows = Change.objects.filter(bundles=True, state=ChangeState.CONFIRMED, area_path__startswith=actor.area_path)
    rows = rows.filter(listing__listbook__category=category).select_related("listing__listbook__owner", "verifier")
    below = actor.tier.rank
    return [row for row in rows.order_by("pk") if Tier(row.listing.listbook.owner.tier).rank == below + 1]
