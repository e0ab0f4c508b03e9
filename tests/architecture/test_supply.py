"""What is installed: pinned by hash, from nowhere in particular, and agreeing with pyproject.toml."""

from __future__ import annotations

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.architecture.source import ROOT
from tests.tools import check, supply

LOCKS = ("requirements.txt", "requirements-signing.txt", "requirements-dev.txt")
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


def test_signing_adds_packages_and_changes_none() -> None:
    """An optional extra: who does not sign installs nothing of it, who does gets the tested versions of all others."""
    base, more = pins("requirements.txt"), pins("requirements-signing.txt")
    assert base.items() <= more.items() <= pins("requirements-dev.txt").items()
    assert "pyhanko" in more and "pyhanko" not in base


def test_the_old_state_machine_is_not_installed() -> None:
    """django-fsm and django-fsm-2 write the same folder (docs/adr/0001)."""
    names = {canonicalize_name(found.metadata["Name"]) for found in metadata.distributions()}
    assert "django-fsm-2" in names
    assert "django-fsm" not in names
    assert "django-fsm" not in {name for lock in LOCKS for name in pins(lock)}


# ---- known holes, risky code, secrets, the parts list (./dev check runs them over everything) -----------------------
@pytest.mark.case("OP-08")
def test_the_renderer_is_one_whose_fetcher_cannot_be_led_astray() -> None:
    """CVE-2025-68616: a redirect went round one's own fetcher before 68.0."""
    assert Version(pins("requirements.txt")["weasyprint"]) >= Version("68")


@pytest.fixture
def day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(supply, "_last", lambda: tmp_path / "audited")
    return tmp_path / "audited"


@pytest.mark.case("OP-08")
def test_a_known_hole_fails_and_an_audit_that_could_not_ask_says_so(day: Path) -> None:
    hole = {"id": "CVE-2099-1", "fix_versions": ["2.0"]}
    rows: list[dict[str, Any]] = [{"name": "one", "version": "1.0", "vulns": [hole]}]
    assert supply.judged(json.dumps({"dependencies": rows})) == "one 1.0: CVE-2099-1 (mended in 2.0)"
    assert not day.exists()

    unknown = [{"name": "one", "skip_reason": "Dependency not found"}]
    for report, said in ((json.dumps({"dependencies": unknown}), ""), ("", "ERROR: no route to host")):
        told = supply.judged(report, said)
        assert isinstance(told, supply.Note)
        assert "DID NOT RUN" in told
        assert "never on this machine" in told

    rows[0]["vulns"] = []
    assert supply.judged(json.dumps({"dependencies": rows})) is None
    assert day.exists()
    partly = supply.judged(json.dumps({"dependencies": [*rows, {"name": "two", "skip_reason": "?"}]}))
    assert isinstance(partly, supply.Note)
    assert partly == "could not be audited: two"


@pytest.mark.case("OP-08")
def test_risky_code_is_found_unless_it_says_why(tmp_path: Path) -> None:
    code = tmp_path / "risky.py"
    code.write_text("import yaml\nyaml.load('x')\n")
    assert "B506" in (supply.risks(str(code)) or "")
    code.write_text("import yaml\nyaml.load('x')  # nosec B506: a constant\n")
    assert supply.risks(str(code)) is None


@pytest.mark.case("OP-08")
def test_a_secret_in_a_file_is_found_and_every_exception_has_its_reason(tmp_path: Path) -> None:
    planted = "AKIA" + "IOSFODNN7" + "EXAMPLE"
    (tmp_path / "deploy.sh").write_text(f"export KEY={planted}\n")
    (tmp_path / "clean.sh").write_text("export KEY_FILE=/run/secrets/key\n")
    found = supply.found_in(["deploy.sh", "clean.sh"], tmp_path)
    assert {(name, kind) for name, kind, _digest, _line in found} == {("deploy.sh", "AWS Access Key")}
    known = json.loads(supply.KNOWN.read_text(encoding="utf-8"))
    assert all(len(row["why"]) > 10 for row in known)
    assert {row["file"] for row in known} <= set(supply.tracked())


@pytest.mark.case("OP-08")
def test_the_parts_list_names_every_package_with_its_hashes() -> None:
    assert isinstance(supply.parts(), supply.Note)
    bill = json.loads((ROOT / "var" / "sbom.json").read_text(encoding="utf-8"))
    assert {canonicalize_name(part["name"]): part["version"] for part in bill["components"]} == pins("requirements.txt")
    assert all(part["externalReferences"][0]["hashes"] for part in bill["components"])


def test_every_step_of_the_supply_chain_is_in_the_check() -> None:
    assert {"known holes", "risky code", "secrets", "parts list"} <= set(check.STEPS)
