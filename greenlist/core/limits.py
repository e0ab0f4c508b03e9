"""How often one account and one address may do what costs others work or room: settings.LIMITS, counted in the database.

Not in the cache: a flushed Redis must not open the gates. Tries are counted, not successes: each in a transaction of its own
before the service's, so that what is refused later has still been counted.
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from greenlist.core import dates
from greenlist.core.actors import Actor
from greenlist.core.audit import seal
from greenlist.core.clock import CHINA
from greenlist.core.errors import Text, TooMany
from greenlist.core.models import Use

SPANS = {"hour": 3600, "day": 86400}
KEPT = timedelta(days=2)
REASONS: dict[str, Text] = {
    "objection.address": _(
        "Too many objections came from your network address: at most %(most)s within %(span)s. Nothing was received. "
        "Try again after %(after)s, or turn to the office that the notice names."
    ),
    "objection.account": _(
        "You have filed too many objections: at most %(most)s within %(span)s. Nothing was received. "
        "Try again after %(after)s, or turn to the office that the notice names."
    ),
    "report.address": _(
        "Too many reports came from your network address: at most %(most)s within %(span)s. Nothing was received. "
        "Try again after %(after)s, or turn to the authority itself."
    ),
    "report.account": _(
        "You have sent too many reports: at most %(most)s within %(span)s. Nothing was received. "
        "Try again after %(after)s, or turn to the authority itself."
    ),
    "verify.address": _(
        "Too many files were checked from your network address: at most %(most)s within %(span)s. "
        "Try again after %(after)s, or check by the number or the code printed on the document."
    ),
    "upload.account": _(
        "You have uploaded too many files: at most %(most)s within %(span)s. This file was not taken. "
        "Try again after %(after)s; what is there already stays."
    ),
    "password.account": _(
        "The current password was asked too often: at most %(most)s times within %(span)s. Nothing was changed. "
        "Try again after %(after)s; if you do not know it any more, set a new one by “Forgotten password”."
    ),
    "download.address": _(
        "The list was fetched too often from your network address: at most %(most)s times within %(span)s. "
        "Try again after %(after)s, or read it by the API page by page."
    ),
    "claim.account": _(
        "You have registered too many organisations: at most %(most)s within %(span)s. Try again after %(after)s, "
        "or turn to your county authority."
    ),
    "invite.account": _(
        "You have sent too many invitations: at most %(most)s within %(span)s. Try again after %(after)s; "
        "those that are on their way stay valid."
    ),
    "register.address": _(
        "Too many accounts were made from your network address: at most %(most)s within %(span)s. "
        "Try again after %(after)s, or turn to your county authority."
    ),
}
SPAN_WORDS: dict[str, Text] = {"hour": _("one hour"), "day": _("one day")}


@dataclass(frozen=True)
class Limit:
    """At most so many within a span."""

    most: int
    span: str

    @property
    def seconds(self) -> int:
        return SPANS[self.span]


def limits(kind: str, by: str) -> list[Limit]:
    """ "10/hour 30/day" of settings.LIMITS, read. Raises ImproperlyConfigured."""
    found = []
    for word in settings.LIMITS[kind].get(by, "").split():
        most, _slash, span = word.partition("/")
        if not most.isdecimal() or span not in SPANS:
            raise ImproperlyConfigured(f"LIMITS: {word!r} is not like 10/hour or 30/day")
        found.append(Limit(int(most), span))
    return found


def take(kind: str, *, actor: Actor, at: datetime) -> None:
    """Counts one try of this account and this address. Raises TooMany, which says when there is room again."""
    takers = {"account": str(actor.user_id or ""), "address": network(actor.remote)}
    for by, taker in takers.items():
        if taker or by == "address":
            for limit in limits(kind, by):
                _take(kind, by, seal("use", kind, by, taker), limit, at)


def network(remote: str) -> str:
    """The address; of IPv6 the network of 64 bits, which is what one customer is given."""
    try:
        address = ipaddress.ip_address(remote)
    except ValueError:
        return remote[:64]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _begins(limit: Limit, at: datetime) -> datetime:
    local = at.astimezone(CHINA)
    hour = local.hour if limit.span == "hour" else 0
    return local.replace(hour=hour, minute=0, second=0, microsecond=0).astimezone(UTC)


@transaction.atomic
def _take(kind: str, by: str, taker: str, limit: Limit, at: datetime) -> None:
    begins = _begins(limit, at)
    window = {"kind": kind, "taker": taker, "begins": begins, "seconds": limit.seconds}
    Use.objects.bulk_create([Use(**window)], ignore_conflicts=True)
    # A conditional update: of two at once at the last place only one gets it.
    if Use.objects.filter(**window, taken__lt=limit.most).update(taken=F("taken") + 1):
        return
    again = begins + timedelta(seconds=limit.seconds)
    words = {
        "most": limit.most,
        "span": SPAN_WORDS[limit.span],
        "after": dates.moment(again),
    }
    raise TooMany(REASONS[f"{kind}.{by}"] % words, retry_after=max(1, int((again - at).total_seconds())))


def forget(*, at: datetime) -> int:
    """Drops the counts of windows long past; returns how many."""
    return Use.objects.filter(begins__lt=at - KEPT).delete()[0]
