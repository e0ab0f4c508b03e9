"""docs/workflow.md, drawn from the code: every state machine, and who may do what from where."""

from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

from django.db.models import Model
from django.utils import translation

from applications.models import Application, Batch, Call
from applications.rules import applicant, batches, calls, screening
from greenlist.core.actors import Actor, Capacity, Tier
from greenlist.core.verbs import Verb
from registry import rules as registry
from registry.models import Announcement, Listing, Notice, NoticeItem, Objection
from reviews import rules as reviews
from reviews.models import Decision, Panel

MACHINES: tuple[type[Model], ...] = (
    Call,
    Application,
    Batch,
    Panel,
    Decision,
    Notice,
    NoticeItem,
    Objection,
    Announcement,
    Listing,
)
HEAD = """# Workflow

Written by `./dev docs` from the code; a test fails when the two differ. States name the kind of station; which county or
city a case is at, and at which step of its route, is on the row (`desk`, `step`). `docs/policy.md` draws each place's route.
"""


def document() -> str:
    """The whole file."""
    with translation.override("en"):
        parts = [HEAD, *(_machine(model) for model in MACHINES), _who()]
    return "\n".join(parts)


def _machine(model: type[Model]) -> str:
    rows = list(_arrows(model))
    if not rows:
        return f"## {model.__name__}\n\nStates without verbs yet: {', '.join(_states(model))}.\n"
    lines = [f"## {model.__name__}", "", "```mermaid", "stateDiagram-v2"]
    lines += [f"    {source} --> {target}: {verb}" for source, verb, target in rows]
    lines += ["```", "", "| from | verb | to |", "|---|---|---|"]
    lines += [f"| {source} | `{verb}` | {target} |" for source, verb, target in rows]
    return "\n".join(lines) + "\n"


def _states(model: type[Model]) -> list[str]:
    return [str(value) for value, _label in model._meta.get_field("state").choices or ()]


def _arrows(model: type[Model]) -> Iterator[tuple[str, str, str]]:
    """(from, verb, to) in the order of the states; a verb whose target the engine chooses has one row per target."""
    field: Any = model._meta.get_field("state")
    order = _states(model)
    found = {
        (str(transition.source), transition.name, str(target))
        for transition in field.get_all_transitions(model)
        for target in (getattr(transition.target, "allowed_states", None) or [transition.target])
    }
    yield from sorted(found, key=lambda row: (order.index(row[0]), row[1], order.index(row[2])))


class _Anything:
    """A subject that belongs to the actors below: every key of an authority, an organisation or a person is 1."""

    state = ""
    category = "factory"
    four_eyes = False
    tier = Tier.CITY
    path = "/1/"

    def __getattr__(self, name: str) -> Any:
        return 1 if name.endswith("_id") else _Anything()


def _actors() -> dict[str, Actor]:
    office = {"user_id": 2, "authority_id": 1, "tier": Tier.CITY, "area_path": "/1/"}
    return {
        "applicant": Actor(capacity=Capacity.APPLICANT, user_id=2, organisation_id=1),
        "handler": Actor(capacity=Capacity.HANDLER, **office),
        "approver": Actor(capacity=Capacity.APPROVER, **office),
        "approver of the tier below": Actor(
            capacity=Capacity.APPROVER, user_id=2, authority_id=3, tier=Tier.COUNTY, area_path="/1/2/"
        ),
        "expert": Actor(capacity=Capacity.EXPERT, **office),
        "supervisor": Actor(capacity=Capacity.SUPERVISOR, **office),
        "administrator": Actor(capacity=Capacity.ADMINISTRATOR, user_id=2),
        "public": Actor(capacity=Capacity.PUBLIC),
    }


def _who() -> str:
    lines = ["## Who may do what, from where", ""]
    lines += ["Of their own authority's or organisation's rows; everybody else sees nothing.", ""]
    lines += ["| on | action | offered in | who |", "|---|---|---|---|"]
    for subject, verbs in (
        ("call", _verbs(calls)),
        ("case", [*_verbs(applicant), *_verbs(screening)]),
        ("batch", _verbs(batches)),
        ("panel, decision", _verbs(reviews)),
    ):
        for verb in verbs:
            states = ", ".join(str(state) for state in verb.states) or "any"
            lines.append(f"| {subject} | {verb.label} (`{verb.name}`) | {states} | {_allowed(verb.may)} |")
    for subject, action, may in (
        ("notice", "Draft", lambda thing, actor: registry.may_prepare(actor, 1)),
        ("notice", "Publish", lambda thing, actor: registry.may_publish_notice(actor, thing)),
        ("objection", "Read", lambda thing, actor: registry.may_read_objection(actor, thing)),
        ("objection", "Decide", lambda thing, actor: registry.may_decide_objection(actor, thing)),
        ("announcement", "Draft, hand over", lambda thing, actor: registry.may_prepare(actor, 1)),
        ("announcement", "Publish, hand back", lambda thing, actor: registry.may_approve(actor, thing)),
    ):
        lines.append(f"| {subject} | {action} | see above | {_allowed(may)} |")
    return "\n".join(lines) + "\n"


def _verbs(module: ModuleType) -> Iterable[Verb]:
    """The verbs a rules module declares, in the order of the file."""
    found = [value for value in vars(module).values() if isinstance(value, Verb)]
    return list(dict.fromkeys(found))


def _allowed(may: Callable[[Any, Actor], bool]) -> str:
    return ", ".join(name for name, actor in _actors().items() if may(_Anything(), actor)) or "by the system"
