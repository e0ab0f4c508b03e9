"""What is installed: pinned by hash, from nowhere in particular, and agreeing with pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.source import ROOT

LOCKS = ("requirements.txt", "requirements-dev.txt")
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {canonicalize_name(match[1]): match[2] for line in lines if (match := PIN.match(line))}


def declared(*groups: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = list(project["project"]["dependencies"])
    for group in groups:
        lines += project["dependency-groups"][group]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("name", LOCKS)
def test_locks_name_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-i|--index-url|--extra-index-url|--find-links|--trusted-host)\b", text, re.MULTILINE)


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_a_hash(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    assert len(entries) > 40
    assert not [entry.splitlines()[0] for entry in entries if PIN.match(entry) and "--hash=sha256:" not in entry]


@pytest.mark.parametrize(("name", "groups"), [("requirements.txt", ()), ("requirements-dev.txt", ("dev", "e2e"))])
def test_locks_agree_with_pyproject(name: str, groups: tuple[str, ...]) -> None:
    pinned = pins(name)
    wrong = []
    for requirement in declared(*groups):
        version = pinned.get(canonicalize_name(requirement.name))
        if version is None or version not in requirement.specifier:
            wrong.append(f"{requirement} is pinned to {version}")
    assert not wrong


def test_the_development_lock_contains_the_other_unchanged() -> None:
    assert pins("requirements.txt").items() <= pins("requirements-dev.txt").items()


def test_the_old_state_machine_is_not_installed() -> None:
    """django-fsm and django-fsm-2 write the same folder (docs/adr/0001)."""
    names = {canonicalize_name(found.metadata["Name"]) for found in metadata.distributions()}
    assert "django-fsm-2" in names
    assert "django-fsm" not in names
    assert "django-fsm" not in {name for lock in LOCKS for name in pins(lock)}
