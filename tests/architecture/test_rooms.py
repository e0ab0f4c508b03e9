"""The habits of docs/architecture.md that import-linter cannot see."""

from __future__ import annotations

import ast
import sys

import pytest

from tests.architecture.source import APPS, ROOT, Module, imports, modules

INTERFACES = {"views", "forms", "api"}
READS_CLOCK = {
    "views",
    "api",
    "admin",
    "tasks",
    "commands",
    "middleware",
    "context",
    "context_processors",
    "clock",
    "logs",
}


def offences(found: list[str]) -> None:
    assert not found, "\n" + "\n".join(found)


def test_there_is_something_to_judge() -> None:
    assert len(modules()) > 40
    assert {app for app in APPS if (ROOT / app / "__init__.py").exists()} == set(APPS)


def _reads(module: Module) -> list[str]:
    """Uses of a manager, but for the empty `objects.none()` that a form field begins with."""
    nodes = [node for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)]
    empty = {id(node.value) for node in nodes if node.attr == "none"}
    managers = {"objects", "_default_manager", "_base_manager"}
    return [f"{module.path}:{n.lineno} uses .{n.attr}" for n in nodes if n.attr in managers and id(n) not in empty]


def test_views_forms_and_api_reach_rows_through_selectors_and_services() -> None:
    offences([line for module in modules() if module.rooms & INTERFACES for line in _reads(module)])


def _names_place(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in {"place", "slug", "city", "province", "rule_set", "ruleset", "rule_set_slug", "policy_slug"}


def _is_sample(module: Module) -> bool:
    """The demonstration data and the gallery of components tell of places; the product does not depend on them."""
    return bool(module.rooms & {"demo", "gallery", "demo_data", "demo_logins"})


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(node.value)


def test_no_place_is_compared_with_a_literal() -> None:
    """A second city must come by data alone."""
    found = []
    for module in modules():
        if _is_sample(module):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
                literal = any(_is_text(leaf) for side in sides for leaf in [side, *getattr(side, "elts", [])])
                if literal and any(_names_place(side) for side in sides):
                    found.append(f"{module.path}:{node.lineno} compares a place with a literal")
    offences(found)


@pytest.mark.parametrize(
    "word",
    ["qinhuangdao", "shijiazhuang", "hebei", "jieyang", "heilongjiang", "QHD-", "SJZ-", "HEB-", "JY-", "HLJ-",
     "秦皇岛", "石家庄", "河北", "揭阳", "黑龙江"],
)  # fmt: skip
def test_no_place_is_named_in_code(word: str) -> None:
    """Comments and docstrings may cite a clause; names, texts and conditions may not."""
    found = []
    for module in modules():
        if _is_sample(module):
            continue
        documented = {
            id(node.body[0].value)
            for node in ast.walk(module.tree)
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(module.tree):
            text = node.value if isinstance(node, ast.Constant) and id(node) not in documented else None
            if isinstance(text, str) and word in text:
                found.append(f"{module.path}:{node.lineno} names {word}")
    offences(found)


def test_services_and_selectors_know_no_request() -> None:
    banned = ("django.http", "django.shortcuts", "django.template", "django.views", "weasyprint")
    found = []
    for module in modules():
        if not module.rooms & {"services", "selectors"}:
            continue
        found += [f"{module.path}:{line} imports {name}" for line, name in imports(module) if name.startswith(banned)]
        found += [
            f"{module.path}:{node.lineno} takes a request"
            for node in ast.walk(module.tree)
            if isinstance(node, ast.arg) and node.arg == "request"
        ]
    offences(found)


def test_who_and_when_are_given_to_services_by_name() -> None:
    """A service that acts for somebody or at a moment takes `actor` and `at` as keywords: no call can swap them."""
    found = [
        f"{module.path}:{node.lineno} {node.name} takes {argument.arg} by position"
        for module in modules()
        if "services" in module.rooms
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        for argument in [*node.args.posonlyargs, *node.args.args]
        if argument.arg in {"actor", "at"}
    ]
    offences(found)


def test_only_interfaces_read_the_clock() -> None:
    """Everything below takes `at` as an argument."""
    clocks = {("clock", "now"), ("timezone", "now"), ("datetime", "now"), ("datetime", "utcnow"), ("date", "today")}
    clocks |= {("timezone", "localdate"), ("clock", "today"), ("time", "time")}
    found = []
    for module in modules():
        if module.rooms & READS_CLOCK:
            continue
        for node in ast.walk(module.tree):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and (node.value.id, node.attr) in clocks
            ):
                found.append(f"{module.path}:{node.lineno} reads {node.value.id}.{node.attr}")
    offences(found)


def test_no_signals_and_no_save_overrides() -> None:
    found = []
    for module in modules():
        found += [
            f"{module.path}:{line} imports {name}"
            for line, name in imports(module)
            if name.startswith(("django.dispatch", "django.db.models.signals"))
        ]
        if module.rooms & {"models", "transitions"}:
            found += [
                f"{module.path}:{node.lineno} overrides {node.name}()"
                for node in ast.walk(module.tree)
                if isinstance(node, ast.FunctionDef) and node.name in {"save", "delete"}
            ]
    offences(found)


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "misc", "common", "part2"}
    offences([module.path for module in modules() if module.rooms & drawers])


ENGINE_MAY = {("greenlist/policy/engine/units.py", "pint")}  # units and their dimensions: a library does that better


def test_the_policy_engine_needs_only_the_standard_library() -> None:
    """And pint, for units alone: it knows dimensions better than we would."""
    engine = [module for module in modules() if module.path.startswith("greenlist/policy/engine/")]
    assert engine
    found = [
        f"{module.path}:{line} imports {name}"
        for module in engine
        for line, name in imports(module)
        if not name.startswith("greenlist.policy.engine")
        and name.split(".")[0] not in sys.stdlib_module_names
        and (module.path, name.split(".")[0]) not in ENGINE_MAY
    ]
    offences(found)


def _evaluates(module: Module) -> list[str]:
    return [
        f"{module.path}:{node.lineno} calls {node.func.id}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"eval", "exec", "compile"}
    ]


def test_nothing_evaluates_text() -> None:
    offences([line for module in modules() for line in _evaluates(module)])


def test_every_module_says_what_belongs_in_it() -> None:
    quiet = {"apps.py", "__init__.py", "urls.py", "wsgi.py", "celery.py", "tasks.py", "admin.py", "querysets.py"}
    offences(
        [
            module.path
            for module in modules()
            if not ast.get_docstring(module.tree)
            and module.path.rsplit("/", 1)[-1] not in quiet
            and "commands" not in module.rooms
        ]
    )
