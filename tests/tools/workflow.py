"""`./dev docs [--check]`: docs/workflow.md from the code: per workflow the states, the moves, and who may do what where.

Who: each verb's predicate is asked about a row that concerns the actor in every way (own organisation, own desk, own seat,
nobody's earlier part), once for each capacity. What a predicate further demands (another person, inside the area) is in its
docstring and its tests.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "workflow.md"
RULES = ("applications.rules", "reviews.rules", "registry.rules")
HEAD = """# Workflows

Written by `./dev docs` from `transitions.py` and `rules.py`; `./dev check` fails when this file and the code differ.

States name the *kind* of station; which station follows is read from the pinned rule set's route, therefore several moves have
several possible ends. **Who** says which capacities may do it for a row that concerns them (their own firm, their own desk);
further conditions, such as a second person, are told by the refusal itself.
"""


class Concerned:
    """A row that concerns whoever asks: every id is theirs, everything nested is the same row."""

    four_eyes = False
    tier = "province"
    path = "/"
    list_kind = category = ""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return 1 if name.endswith("_id") else self


def actor(capacity: Any) -> Any:
    from greenlist.core.actors import Actor, Tier

    return Actor(capacity, user_id=2, authority_id=1, organisation_id=1, tier=Tier.CITY, area_path="/1/", is_owner=True)


def who(predicate: Callable[..., bool]) -> str:
    """The capacities for which a predicate holds, as `handler, approver`."""
    from greenlist.core.actors import Capacity

    names = list(inspect.signature(predicate).parameters)
    row = Concerned()
    holding = []
    for capacity in Capacity:
        given = [actor(capacity) if name == "actor" else 1 if name.endswith("_id") else row for name in names]
        if predicate(*given):
            holding.append(str(capacity.value))
    return ", ".join(holding) or "nobody"


def rule_modules() -> Iterator[ModuleType]:
    for name in RULES:
        module = importlib.import_module(name)
        yield module
        for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
            yield importlib.import_module(f"{name}.{found.name}")


def verbs() -> dict[Any, list[Any]]:
    """Every Verb of the rules, by the class of the states it is offered in."""
    from greenlist.core.verbs import Verb

    found: dict[Any, list[Any]] = {}
    for module in rule_modules():
        for value in vars(module).values():
            known = isinstance(value, Verb) and value.states
            if known and value not in found.setdefault(type(value.states[0]), []):
                found[type(value.states[0])].append(value)
    return found


def predicates() -> list[tuple[str, str]]:
    """(name, who) of the `may_…` functions in modules that declare no Verb."""
    from greenlist.core.verbs import Verb

    rows = []
    for module in rule_modules():
        values = vars(module)
        if not any(isinstance(value, Verb) for value in values.values()):
            rows += [
                (f"{module.__name__}.{name}", who(value))
                for name, value in values.items()
                if name.startswith("may_") and value.__module__ == module.__name__
            ]
    return rows


def moves(model: Any, field: Any) -> list[tuple[str, str, str]]:
    """(from, verb, to), in the order of the states; a verb with several ends gives several rows."""
    rows = []
    for one in field.get_all_transitions(model):
        ends = getattr(one.target, "allowed_states", None) or [one.target]
        rows += [(str(one.source), one.name, str(end)) for end in ends]
    order = [str(value) for value, _ in field.choices]
    place = {value: number for number, value in enumerate(["*", *order])}
    return sorted(rows, key=lambda row: (place.get(row[0], 99), row[1], place.get(row[2], 99)))


def drawn(rows: list[tuple[str, str, str]]) -> list[str]:
    """The arrows; a verb with several ends goes to one node, `route`, from which all those ends leave once."""
    ends: dict[tuple[str, str], list[str]] = {}
    for source, verb, end in rows:
        if source != "*":
            ends.setdefault((source, verb), []).append(end)
    routed = list(dict.fromkeys(end for many in ends.values() if len(many) > 1 for end in many))
    lines = ['    state "next step of the route" as route'] if routed else []
    for (source, verb), many in ends.items():
        lines.append(f"    {source} --> {many[0] if len(many) == 1 else 'route'}: {verb}")
    return [*lines, *(f"    route --> {end}" for end in routed)]


def section(model: Any, field: Any, offered: list[Any]) -> str:
    chosen = [(str(value), str(label)) for value, label in field.choices]
    rows = moves(model, field)
    lines = [f"## {model.__name__}", "", f"`{model._meta.label}` · {model._meta.verbose_name}", "", "```mermaid"]
    lines += ["stateDiagram-v2", f"    [*] --> {field.default}"]
    lines += drawn(rows)
    lines += ["```", "", "| state | 中文 | verbs and where they lead |", "|---|---|---|"]
    for value, label in chosen:
        steps: dict[str, list[str]] = {}
        for source, verb, end in rows:
            if source in {value, "*"}:
                steps.setdefault(verb, []).append(end)
        said = "; ".join(f"`{verb}` → {', '.join(ends)}" for verb, ends in steps.items())
        lines.append(f"| {value} | {label} | {said or 'end'} |")
    if offered:
        lines += ["", "| state | action | who |", "|---|---|---|"]
        lines += [
            f"| {value} | `{verb.name}` {verb.label} | {who(verb.may)} |"
            for value, _ in chosen
            for verb in offered
            if value in {str(state) for state in verb.states}
        ]
    return "\n".join(lines) + "\n"


def document() -> str:
    from django.apps import apps
    from django.utils import translation
    from django_fsm import FSMField

    parts = [HEAD]
    with translation.override("zh-hans"):
        offered = verbs()
        for model in apps.get_models():
            for field in model._meta.get_fields():
                if isinstance(field, FSMField):
                    values = {str(value) for value, _ in field.choices or ()}
                    own = [v for kind, found in offered.items() if {str(s) for s in kind} == values for v in found]
                    parts.append(section(model, field, own))
        lines = ["## Predicates without a state", "", "| predicate | who |", "|---|---|"]
        lines += [f"| `{name}` | {holding} |" for name, holding in predicates()]
    return "\n".join([*parts, "\n".join(lines) + "\n" if len(lines) > 4 else ""]).rstrip() + "\n"


def main(words: list[str]) -> int:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "greenlist.settings.dev")
    django.setup()
    text = document()
    if "--check" in words:
        same = TARGET.exists() and TARGET.read_text(encoding="utf-8") == text
        print("" if same else "docs/workflow.md differs from the code; run ./dev docs")
        return int(not same)
    TARGET.write_text(text, encoding="utf-8")
    print(f"{TARGET.relative_to(ROOT)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
