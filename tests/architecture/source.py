"""The source files of the product, parsed once, for the tests of this folder."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = ("greenlist", "applications", "reviews", "registry", "dynamics")
APPS = (
    "greenlist/accounts",
    "greenlist/organisations",
    "greenlist/policy",
    "greenlist/portal",
    "applications",
    "reviews",
    "registry",
    "dynamics",
)


@dataclass(frozen=True)
class Module:
    path: str
    tree: ast.Module

    @property
    def rooms(self) -> set[str]:
        """The names of the file and its folders: {"applications", "services", "cases"}."""
        return set(Path(self.path).with_suffix("").parts)


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the product but migrations."""
    paths = [
        path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts
    ]
    return tuple(Module(str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))) for path in paths)


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of what a module imports, `from a import b` as a.b."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def templates() -> list[Path]:
    return sorted(path for path in (ROOT / "templates").rglob("*") if path.suffix in {".html", ".txt", ".svg"})
