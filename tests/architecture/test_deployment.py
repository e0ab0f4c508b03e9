"""Image and compose file as far as they can be judged without an engine."""

from __future__ import annotations

import re

import yaml
from django.conf import settings
from django.core.management import get_commands

from tests.architecture.source import ROOT

SERVICES = {"proxy", "web", "worker", "beat", "postgres", "redis"}
REPLACED = {"SERVER_NAME": "green.example.gov.cn"}


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
            source = volume.split(":")[0]
            known = source in whole["volumes"] or (source.startswith("./") and (ROOT / source).exists())
            assert known or source.startswith("${TLS_DIR"), name
        for other in service.get("depends_on", {}):
            assert other in whole["services"], name
        for network in service["networks"]:
            assert network in whole["networks"], name


def test_compose_has_no_default_secret() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    for name in re.findall(r"\$\{(\w+)([^}]*)\}", text):
        assert name[1].startswith(":?"), f"{name[0]} must be refused when it is not set"
    assert not re.search(r"(?i)(password|secret|key):\s*[\"']?[a-z0-9]{4,}", text)


def test_only_the_proxy_listens_and_database_and_queue_reach_nothing() -> None:
    whole = compose()
    listening = {name: service["ports"] for name, service in whole["services"].items() if service.get("ports")}
    assert listening == {"proxy": ["80:8080", "443:8443"]}
    assert whole["networks"]["inside"]["internal"] is True
    for name in ("postgres", "redis"):
        assert whole["services"][name]["networks"] == ["inside"]
    assert "inside" not in whole["services"]["proxy"]["networks"]


def test_everything_that_runs_is_watched_and_comes_back() -> None:
    for name, service in compose()["services"].items():
        if service.get("restart") == "no":
            continue
        assert service["restart"] == "unless-stopped", name
        watched = service.get("healthcheck", {})
        assert watched.get("test") or (name == "web" and "HEALTHCHECK" in dockerfile()), name


def test_data_outlive_their_containers() -> None:
    services = compose()["services"]
    assert services["postgres"]["volumes"] == ["database:/var/lib/postgresql/data"]
    assert services["redis"]["volumes"] == ["queue:/data"]
    assert "--appendonly yes" in services["redis"]["command"]
    assert "--maxmemory-policy noeviction" in services["redis"]["command"]
    for name in ("web", "worker", "beat", "migrate", "backup"):
        assert "files:/srv/greenlist/var" in services[name]["volumes"], name
    assert "backups:/srv/greenlist/backups" in services["backup"]["volumes"]
    # Daily jobs are counted from the last run: a beat that forgets it at every restart would never come to them.
    assert "--schedule" not in services["beat"]["command"]


def test_commands_of_the_services_exist() -> None:
    """Each `manage.py NAME` of the compose file is a command we have."""
    for service in compose()["services"].values():
        for name in re.findall(r"manage\.py (\w+)", str(service.get("command", ""))):
            assert name in get_commands()


def test_the_proxy_hides_the_figures_and_writes_addresses_anew() -> None:
    text = (ROOT / ".deploy" / "proxy.conf.template").read_text(encoding="utf-8")
    assert re.search(r"location = /metrics \{ return 404; \}", text)
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in text
    assert "proxy_set_header X-Forwarded-Proto https;" in text
    assert "TLSv1.2 TLSv1.3" in text
    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(REPLACED)
    assert compose()["x-portal"]["environment"]["TRUSTED_PROXIES"] == "1"
    body = int(re.search(r"client_max_body_size (\d+)m", text)[1])  # type: ignore[index]
    assert body * 1024 * 1024 > settings.REQUEST_MAX_BYTES


def test_portal_processes_cannot_write_but_where_they_must() -> None:
    for name, service in compose()["services"].items():
        if service.get("image") == "greenlist":
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name


def stages() -> list[list[str]]:
    """The lines of the Dockerfile, by stage."""
    found: list[list[str]] = []
    for line in dockerfile().splitlines():
        if line.startswith("FROM "):
            found.append([])
        if found:
            found[-1].append(line)
    return found


def test_the_image_runs_as_nobody_special_and_holds_no_secret() -> None:
    last = stages()[-1]
    (user,) = [line.split()[1] for line in last if line.startswith("USER ")]
    assert user not in {"root", "0"}
    assert f"useradd --system --uid 10001 --home-dir /srv/greenlist --shell /usr/sbin/nologin {user}" in dockerfile()
    after = last[last.index(f"USER {user}") :]
    assert not [line for line in after if line.startswith(("RUN", "COPY", "ADD"))]
    assert not re.search(r"(SECRET_KEY|FIELD_KEYS|AUDIT_KEY|PASSWORD|TOKEN)\s*=", dockerfile())
    assert stages()[0][0].startswith("FROM python:3.11-slim-bookworm")


def test_the_image_leaves_behind_what_only_building_needs() -> None:
    last = "\n".join(stages()[-1])
    assert len(stages()) >= 3
    assert "pip install" not in last
    assert "rm -rf /var/lib/apt/lists/*" in last
    assert last.count("--no-install-recommends") == last.count("apt-get install")
    assert "requirements-dev" not in dockerfile()


def test_what_the_image_copies_and_starts_is_there() -> None:
    assert (ROOT / ".deploy" / "alive.py").exists()
    assert (ROOT / ".deploy" / "gunicorn.py").exists()
    for path in re.findall(r"python (\S+\.py)", dockerfile()):
        assert (ROOT / path).exists()


def test_the_image_has_what_documents_need_and_checks_hashes() -> None:
    assert "--require-hashes" in "\n".join(stages()[1])
    for word in (
        "pg_dump",
        "pg_restore",
        "libpq5",
        "libpango-1.0-0",
        "libpangoft2-1.0-0",
        "fonts-noto-cjk",
        "--require-hashes",
    ):
        assert word in dockerfile()


def test_secrets_do_not_travel_into_the_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".env", "var", ".git", ".venv"} <= set(ignored)
