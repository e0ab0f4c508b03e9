"""How fast addresses and tokens may ask: settings.API_RATES, counted in the cache. A cache that is away opens the gates.

What protects data is the token and the visibility of rows; a rate only keeps one program from taking everybody's time.
"""

import logging
from typing import Any

from django.conf import settings
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from greenlist.core.limits import network

log = logging.getLogger(__name__)


class Throttle(SimpleRateThrottle):
    """A rate by name; empty means none. The key names nobody: a token's row or an address."""

    def get_rate(self) -> str | None:
        return settings.API_RATES[str(self.scope)] or None

    def who(self, request: Request) -> str:
        return network(
            request.META.get("REMOTE_ADDR", "")
        )  # never X-Forwarded-For: core.proxies counts our own proxies

    def get_cache_key(self, request: Request, view: Any) -> str:
        return f"api:{self.scope}:{self.who(request)}"

    def allow_request(self, request: Request, view: Any) -> bool:
        try:
            return super().allow_request(request, view)
        except Exception as failure:  # each cache raises its own; without it the API goes on
            log.warning("the cache does not count requests: %s", failure)
            return True

    def check(self, request: Request) -> None:
        """Raises Throttled."""
        if not self.allow_request(request, None):
            raise Throttled(self.wait())


class AddressThrottle(Throttle):
    """Every request, by address."""

    scope = "address"


class RefusalThrottle(Throttle):
    """Tokens that were refused, by address: nobody tries them by the thousand."""

    scope = "refusal"


class TokenThrottle(Throttle):
    """What one token asks."""

    scope = "token"

    def who(self, request: Request) -> str:
        return str(getattr(request.auth, "token_id", "")) or super().who(request)

    def allow_request(self, request: Request, view: Any) -> bool:
        return request.auth is None or super().allow_request(request, view)
