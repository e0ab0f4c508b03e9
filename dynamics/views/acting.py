"""A page with several things to do: which of them an actor is offered, and the one form that was sent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, NotVisible
from greenlist.core.forms import ServiceForm
from greenlist.core.http import Request


@dataclass(frozen=True)
class Offer:
    """One form of the page. `form`: None for a plain button."""

    verb: str
    title: Any
    submit: Any
    form: ServiceForm | None = None
    grave: bool = False
    lead: Any = ""
    multipart: bool = False


@dataclass(frozen=True)
class Verb:
    """What a form sends: its class, the service that takes it, what the page says afterwards."""

    form: type[ServiceForm] | None
    service: Callable[..., Any]
    done: Any
    may: Callable[[Actor, Any], bool]  # asked before the form is looked at; the service asks again
    why: Any  # what is said to who may not


def send(
    request: Request, verbs: Mapping[str, Verb], verb: str, row: Any, common: Mapping[str, Any]
) -> tuple[Any, ServiceForm | None]:
    """Calls the service of a verb: (what is said, the form that was refused). Raises NotVisible, NotAllowed."""
    found = verbs.get(verb)
    if found is None:
        raise NotVisible
    if not found.may(request.actor, row):
        raise NotAllowed(found.why)
    if found.form is None:
        found.service(**common)
        return found.done, None
    form = found.form(request.POST, request.FILES)
    if not form.is_valid():
        return None, form
    given = getattr(form, "given", None)
    try:
        found.service(**common, **(given() if given else form.cleaned_data))
    except Invalid as wrong:
        form.take(wrong)
        return None, form
    return found.done, None


def offered(offers: Sequence[Offer], verb: str, refused: ServiceForm | None) -> list[Offer]:
    """The offers of a page, each form with ids of its own; the one that was refused shows what was typed."""
    found = _with(offers, verb, refused) if refused is not None else list(offers)
    for one in found:
        if one.form is not None:
            one.form.auto_id = f"{one.verb}-%s"
    return found


def _with(offers: Sequence[Offer], verb: str, refused: ServiceForm) -> list[Offer]:
    return [
        one if one.verb != verb else Offer(one.verb, one.title, one.submit, refused, one.grave, one.lead, one.multipart)
        for one in offers
    ]
