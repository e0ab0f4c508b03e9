"""Image and compose file as far as they can be judged without an engine."""

from __future__ import annotations

import re

import yaml

from tests.architecture.source import ROOT

SERVICES = {"web", "worker", "beat", "postgres", "redis"}


def compose() -> dict:
    found: dict = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return found


def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_compose_has_the_services_and_one_beat() -> None:
    services = compose()["services"]
    assert set(services) >= SERVICES
    beats = [
        name for name, service in services.items() if re.search(r"\bbeat\b| -B\b", str(service.get("command", "")))
    ]
    assert beats == ["beat"]
    assert services["beat"].get("deploy", {}).get("replicas", 1) == 1


def test_compose_volumes_and_dependencies_exist() -> None:
    whole = compose()
    for name, service in whole["services"].items():
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in whole["volumes"], name
        for other in service.get("depends_on", {}):
            assert other in whole["services"], name


def test_compose_has_no_default_secret() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    for name in re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|KEY)\w*)([^}]*)\}", text):
        assert name[1].startswith(":?"), f"{name[0]} must be refused when it is not set"
    assert not re.search(r"(?i)(password|secret|key):\s*[\"']?[a-z0-9]{4,}", text)


def test_only_the_web_listens_and_only_on_this_machine() -> None:
    listening = {name: service["ports"] for name, service in compose()["services"].items() if service.get("ports")}
    assert listening == {"web": ["127.0.0.1:8000:8000"]}


def test_portal_processes_cannot_write_but_where_they_must() -> None:
    for name, service in compose()["services"].items():
        if service.get("image") == "greenlist":
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name


def test_the_image_runs_as_nobody_special_and_holds_no_secret() -> None:
    lines = dockerfile().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users
    assert users[-1] not in {"root", "0"}
    assert max(i for i, line in enumerate(lines) if line.startswith("USER ")) < max(
        i for i, line in enumerate(lines) if line.startswith("CMD ")
    )
    assert not re.search(r"(SECRET_KEY|FIELD_KEYS|AUDIT_KEY|PASSWORD)\s*=", dockerfile())
    assert lines[1].startswith("FROM python:3.11-slim-bookworm") or "FROM python:3.11-slim-bookworm" in dockerfile()


def test_the_image_has_what_documents_need_and_checks_hashes() -> None:
    for word in ("libpango-1.0-0", "libpangoft2-1.0-0", "fonts-noto-cjk", "--require-hashes"):
        assert word in dockerfile()


def test_secrets_do_not_travel_into_the_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".env", "var", ".git", ".venv"} <= set(ignored)
