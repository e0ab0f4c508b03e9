"""What every page's frame needs: `shell.actor`, `shell.capacities`, `shell.nav`, `shell.unread`."""

from typing import Any

from django.http import HttpRequest


def shell(request: HttpRequest) -> dict[str, Any]:
    return {"shell": {"actor": getattr(request, "actor", None), "capacities": (), "nav": (), "unread": 0}}
