"""Titles a site holds: granted in the transaction that publishes a list, never by hand."""

from datetime import date, datetime

from greenlist.core import audit
from greenlist.core.actors import Actor
from greenlist.organisations.models import Site, Title


def grant_title(
    *, site: Site, category: str, tier: str, listing: str, on: date, source: str, actor: Actor, at: datetime
) -> Title:
    """Writes the title, inside the caller's transaction; a live title of the same tier is replaced from that day."""
    Title.objects.filter(site=site, category=category, tier=tier, valid_until=None).update(valid_until=on)
    title = Title.objects.create(site=site, category=category, tier=tier, listing=listing, valid_from=on, source=source)
    audit.record(
        actor=actor,
        subject=("organisation", site.organisation_id),
        action="organisation.title_granted",
        at=at,
        data={"site": site.pk, "category": category, "tier": tier, "listing": listing},
    )
    return title
