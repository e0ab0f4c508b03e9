"""The translator of domain errors for the API (the other one is `core.middleware`)."""

from typing import Any

from rest_framework.response import Response
from rest_framework.views import exception_handler as rest_handler

from greenlist.core.errors import DomainError
from greenlist.core.middleware import as_json


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DomainError → its status and {"code", "message", "findings"}; anything else is left to REST framework."""
    if isinstance(error, DomainError):
        return Response(as_json(error), status=error.status)
    return rest_handler(error, context)
