from collections.abc import Iterable
from datetime import date
from functools import reduce
from operator import or_
from typing import Protocol

from django.apps import apps
from django.db import models
from django.db.models import OuterRef, Q, Subquery

from greenlist.accounts.models import places_above
from greenlist.core.actors import Actor


class Window(Protocol):
    """What one rule may look at; the rule engine, which this app does not know, makes them (`EventWindow`)."""

    @property
    def kinds(self) -> frozenset[str]: ...
    @property
    def on(self) -> date: ...
    @property
    def since(self) -> date | None: ...
    @property
    def at_least(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def subjects(self) -> frozenset[str]: ...


def in_windows(windows: Iterable[Window], prefix: str = "") -> Q:
    """Adverse records that lie in one of these windows; none for no window. `prefix`: the way to the record."""
    return reduce(or_, (_in_window(window, prefix) for window in windows), Q(pk__in=[]))


def _in_window(window: Window, prefix: str) -> Q:
    kept = Q(**{f"{prefix}kind__in": sorted(window.kinds), f"{prefix}event_on__lte": window.on})
    if window.at_least > 1:
        kept &= Q(**{f"{prefix}severity": 0}) | Q(**{f"{prefix}severity__gte": window.at_least})
    if window.state == "open":
        return kept & (Q(**{f"{prefix}ended_on": None}) | Q(**{f"{prefix}ended_on__gt": window.on}))
    if window.state == "ended":
        kept &= Q(**{f"{prefix}ended_on__lte": window.on})
        return kept & Q(**{f"{prefix}ended_on__gte": window.since}) if window.since else kept
    return kept & Q(**{f"{prefix}event_on__gte": window.since}) if window.since else kept


class OrganisationQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "OrganisationQuerySet":
        """Members see their own; officials what is registered or produces in their area; nobody else any."""
        if actor.organisation_id:
            return self.filter(pk=actor.organisation_id)
        if actor.is_official and actor.area_path:
            # One site of each firm that is asked about: an IN or EXISTS would first collect every site of the province.
            sites = apps.get_model("organisations", "Site")._default_manager  # models know querysets, not the other way
            here = sites.filter(organisation=OuterRef("pk"), area__path__startswith=actor.area_path)
            firms = self.alias(site_here=Subquery(here.values("pk")[:1]))
            return firms.filter(Q(area__path__startswith=actor.area_path) | Q(site_here__isnull=False))
        return self.none()

    def registered_under(self, path: str) -> "OrganisationQuerySet":
        return self.filter(area__path__startswith=path)

    def awaiting_confirmation(self) -> "OrganisationQuerySet":
        """Claimed and not yet confirmed, the oldest first."""
        return self.filter(claim="claimed").order_by("claimed_at", "pk")

    def named(self, words: str) -> "OrganisationQuerySet":
        """Present or former name, or credit code."""
        return self.filter(Q(name__holds=words) | Q(former__holds=words) | Q(code=words.upper()))


class SiteQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "SiteQuerySet":
        """Sites of one's own organisation; for officials the sites in their area and those of firms registered there."""
        if actor.organisation_id:
            return self.filter(organisation_id=actor.organisation_id)
        if actor.is_official and actor.area_path:
            path = actor.area_path
            return self.filter(Q(area__path__startswith=path) | Q(organisation__area__path__startswith=path))
        return self.none()


class MembershipQuerySet(models.QuerySet):
    def open(self) -> "MembershipQuerySet":
        return self.filter(valid_until=None)

    def on(self, day: date) -> "MembershipQuerySet":
        """Those that let somebody in that day: an agent's up to its last day, that day included."""
        return self.open().filter(Q(ends_on=None) | Q(ends_on__gte=day))


class AdverseRecordQuerySet(models.QuerySet):
    def of(self, organisation_id: int, code: str) -> "AdverseRecordQuerySet":
        """Records of this organisation, and those that carry its code but no link yet."""
        known = Q(organisation_id=organisation_id)
        return self.filter(known | Q(code=code, organisation=None) if code else known)

    def visible_to(self, actor: Actor) -> "AdverseRecordQuerySet":
        """Officials: what their own authority entered, and records of organisations in their area. Nobody else any."""
        if not (actor.is_official and actor.area_path):
            return self.none()
        path = actor.area_path
        producing = self.model._default_manager.filter(organisation__sites__area__path__startswith=path)
        asked = self.model._default_manager.filter(
            matches__state="open", matches__organisation__sites__area__path__startswith=path
        )
        return self.filter(
            Q(pk__in=asked.values("pk"))
            | Q(entered_by_id=actor.authority_id)
            | Q(organisation__area__path__startswith=path)
            | Q(pk__in=producing.values("pk"))
        )

    def nobodys(self) -> "AdverseRecordQuerySet":
        """Without a code and not linked yet: only a name says whom they are about."""
        return self.filter(organisation=None, code="")


class AdverseMatchQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "AdverseMatchQuerySet":
        """Officials: about organisations registered or producing in their area."""
        if not (actor.is_official and actor.area_path):
            return self.none()
        path = actor.area_path
        producing = self.model._default_manager.filter(organisation__sites__area__path__startswith=path)
        return self.filter(Q(organisation__area__path__startswith=path) | Q(pk__in=producing.values("pk")))

    def open(self) -> "AdverseMatchQuerySet":
        return self.filter(state="open")


class BodyProofQuerySet(models.QuerySet):
    def standing(self) -> "BodyProofQuerySet":
        return self.filter(removed_at=None)

    def visible_to(self, actor: Actor) -> "BodyProofQuerySet":
        """The body's own people; officials of where the body is registered and of where the firm lies."""
        if actor.organisation_id:
            return self.filter(organisation_id=actor.organisation_id)
        if actor.is_official and actor.area_path:
            path = actor.area_path
            return self.filter(Q(area__path__startswith=path) | Q(organisation__area__path__startswith=path))
        return self.none()


class BanQuerySet(models.QuerySet):
    def running(self, on: date) -> "BanQuerySet":
        """In force on that day."""
        return self.filter(since__lte=on, until__gte=on, lifted_at=None)

    def over(self, path: str) -> "BanQuerySet":
        """Those that hold in a place: decided by an authority whose area the place lies in."""
        return self.filter(authority__area__path__in=places_above(path))


class SupervisionQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "SupervisionQuerySet":
        """The authority that wrote it, and the one it was sent to."""
        if not actor.is_official:
            return self.none()
        return self.filter(Q(authority_id=actor.authority_id) | Q(sent_to_id=actor.authority_id))
