"""System checks of core (`manage.py check`)."""

from datetime import time
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string


@register()
def fonts(**_: Any) -> list[CheckMessage]:
    """A licensed font that an administrator named must be there: without it documents silently look otherwise."""
    entries = [entry.partition("=") for entry in settings.DOCUMENT_FONTS.split(";") if entry.strip()]
    return [
        Warning(f"DOCUMENT_FONTS: there is no file {path.strip()!r} for {name.strip()!r}", id="core.W001")
        for name, _sign, path in entries
        if not Path(path.strip()).is_file()
    ]


@register()
def scanner(**_: Any) -> list[CheckMessage]:
    """The scanner must be one that exists; "none" is for the demo."""
    named = settings.ATTACHMENT_SCANNER
    if named == "none":
        return (
            []
            if getattr(settings, "DEMO", False)
            else [Error("ATTACHMENT_SCANNER=none is for the demo", id="core.E001")]
        )
    if named.startswith("clamd://"):
        return []
    try:
        found = callable(import_string(named))
    except (ImportError, ValueError):
        found = False
    return (
        [] if found else [Warning(f"ATTACHMENT_SCANNER {named!r}: no such function, no file is clean", id="core.W002")]
    )


@register()
def limited(**_: Any) -> list[CheckMessage]:
    """A limit that cannot be read would fail at the first upload instead of at the start."""
    from greenlist.core.limits import limits

    found: list[CheckMessage] = []
    for kind, sides in settings.LIMITS.items():
        for by in sides:
            try:
                limits(kind, by)
            except ImproperlyConfigured as wrong:
                found.append(Error(str(wrong), id="core.E002"))
    return found


@register()
def messages(**_: Any) -> list[CheckMessage]:
    """Hours and the sender of text messages are read when a message leaves; what is wrong with them is told at the start."""
    found: list[CheckMessage] = []
    for name, value in (("QUIET_HOURS", settings.QUIET_HOURS), ("DIGEST_AT", settings.DIGEST_AT)):
        try:
            hours = [time.fromisoformat(part) for part in value.split("-")] if value else []
        except ValueError:
            hours = []
        if value and len(hours) != (2 if name == "QUIET_HOURS" else 1):
            found.append(Error(f"{name} cannot be read: {value!r}", id="core.E011"))
    try:
        if settings.SMS_SENDER and not callable(import_string(settings.SMS_SENDER)):
            raise ImportError
    except ImportError:
        found.append(Error(f"SMS_SENDER {settings.SMS_SENDER!r}: there is no such class", id="core.E012"))
    return found


@register(Tags.security, deploy=True)
def second_factor(**_: Any) -> list[CheckMessage]:
    """Officials, experts and administrators sign in with two factors (MLPS 8.1.4.1.d)."""
    return [] if settings.SECOND_FACTOR else [Warning("SECOND_FACTOR=false is for demonstrations", id="core.W010")]


@register()
def admin_addresses(**_: Any) -> list[CheckMessage]:
    """A mistyped network would close the administration for everybody, or fail at the first request."""
    found: list[CheckMessage] = []
    for one in settings.ADMIN_ADDRESSES:
        try:
            ip_network(one, strict=False)
        except ValueError:
            found.append(Error(f"ADMIN_ADDRESSES: {one!r} is no address and no network", id="core.E010"))
    return found
