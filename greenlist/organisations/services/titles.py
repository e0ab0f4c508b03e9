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


def end_title(*, site: Site, category: str, tier: str, on: date, actor: Actor, at: datetime) -> bool:
    """Ends a live title that rested on another one, inside the caller's transaction: nobody has removed the site itself."""
    if not Title.objects.filter(site=site, category=category, tier=tier, valid_until=None).update(valid_until=on):
        return False
    audit.record(
        actor=actor,
        subject=("organisation", site.organisation_id),
        action="organisation.title_ended",
        at=at,
        data={"site": site.pk, "category": category, "tier": tier},
    )
    return True


def remove_title(*, site: Site, category: str, tier: str, on: date, reason: str, actor: Actor, at: datetime) -> bool:
    """Ends a live title because the site was taken off that list, inside the caller's transaction; False where none lives.

    The checks find it from that day on, as they find an adverse record (JY-17.3, HLJ-15.3, HEB-1d.3).
    """
    live = Title.objects.filter(site=site, category=category, tier=tier, valid_until=None)
    if not live.update(valid_until=on, removed=True):
        return False
    audit.record(
        actor=actor,
        subject=("organisation", site.organisation_id),
        action="organisation.title_removed",
        at=at,
        data={"site": site.pk, "category": category, "tier": tier, "reason": reason},
    )
    return True
