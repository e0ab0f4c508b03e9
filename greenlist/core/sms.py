"""Text messages: a sender is a class named by its dotted path (settings.SMS_SENDER), so that each place plugs in its own gateway.

A sender has `send(number=…, text=…, key=…)`. It raises Refused when the gateway will never take this number or text, and
Away (or any OSError) when it cannot be reached now. `key` is always the same for the same message: a gateway that knows keys
drops what comes twice.
"""

import sys
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

LONGEST = 300  # characters; gateways cut or refuse what is longer


class Refused(Exception):
    """The gateway's last word about this message."""


class Away(Exception):
    """The gateway does not answer, or asks to come back later."""


class Sender(Protocol):
    """What a place writes for its gateway."""

    def send(self, *, number: str, text: str, key: str) -> None: ...


class Console:
    """Writes the text to the standard output and keeps the number to itself: for the demo and for trying things out."""

    def send(self, *, number: str, text: str, key: str) -> None:
        sys.stdout.write(f"SMS {key} …{number[-4:]}: {text}\n")


def sender() -> Sender | None:
    """None where no gateway is configured: then nobody is offered text messages."""
    if not settings.SMS_SENDER:
        return None
    found: Sender = import_string(settings.SMS_SENDER)()
    return found
