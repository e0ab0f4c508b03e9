"""Production refuses an insecure configuration; every variable it reads is explained."""

from __future__ import annotations

import ast
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.tools.check import production


def start(code: str = "import greenlist.settings.prod", **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=production(**changes), capture_output=True, text=True, check=False
    )


# Each configuration in a child of one warm process: importing Django two dozen times would cost half a minute.
TRY_ALL = """
import json, os, sys, traceback
import greenlist.celery, django.conf.global_settings, csp.constants
answers = []
for changes in json.load(sys.stdin):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.environ.update(changes)
        try:
            import greenlist.settings.prod
            said = ""
        except Exception:
            said = traceback.format_exc()
        os.write(writing, said.encode()[:60000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answers.append(pipe.read().decode())
    os.wait()
json.dump(answers, sys.stdout)
"""

REFUSED: list[tuple[dict[str, str], str]] = [
    ({"DEBUG": "true"}, "DEBUG"),
    ({"SECRET_KEY": ""}, "SECRET_KEY"),
    ({"SECRET_KEY": "short"}, "SECRET_KEY"),
    ({"SECRET_KEY": "demo-only-" + "0" * 50}, "SECRET_KEY"),
    ({"FIELD_KEYS": ""}, "FIELD_KEYS"),
    ({"FIELD_KEYS": "not-a-key"}, "FIELD_KEYS"),
    ({"FIELD_KEYS": "ZGVtby1vbmx5LWRlbW8tb25seS1kZW1vLW9ubHktMDA="}, "FIELD_KEYS"),
    ({"AUDIT_KEY": ""}, "AUDIT_KEY"),
    ({"AUDIT_KEY": "demo-only-audit-key"}, "AUDIT_KEY"),
    ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS"),
    ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
    ({"PUBLIC_URL": "http://green.example.gov.cn"}, "PUBLIC_URL"),
    ({"PUBLIC_URL": "https://elsewhere.example"}, "PUBLIC_URL"),
    ({"DATABASE_URL": ""}, "DATABASE_URL"),
    ({"DATABASE_URL": "postgresql://greenlist@db.example.internal/greenlist"}, "DATABASE_URL"),
    ({"REDIS_URL": ""}, "REDIS_URL"),
    ({"ATTACHMENT_SCANNER": ""}, "ATTACHMENT_SCANNER"),
    ({"ATTACHMENT_SCANNER": "none"}, "ATTACHMENT_SCANNER"),
    ({"EMAIL_HOST_PASSWORD": "in-clear"}, "EMAIL_USE_TLS"),
    ({"DEFAULT_FROM_EMAIL": ""}, "DEFAULT_FROM_EMAIL"),
    ({"SECURE_SSL_REDIRECT": "false"}, "SECURE_SSL_REDIRECT"),
    ({"HSTS_SECONDS": "0"}, "HSTS_SECONDS"),
    ({"METRICS_TOKEN": "guessable"}, "METRICS_TOKEN"),
]


@pytest.fixture(scope="module")
def refusals() -> list[str]:
    """What production says to each row of REFUSED, in order."""
    done = subprocess.run(
        [sys.executable, "-c", TRY_ALL],
        cwd=ROOT,
        env=production(),
        input=json.dumps([changes for changes, _ in REFUSED]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.case("OP-01")
def test_the_sample_configuration_starts() -> None:
    done = start()
    assert done.returncode == 0, done.stderr


@pytest.mark.case("OP-01")
@pytest.mark.parametrize("number", range(len(REFUSED)), ids=lambda number: f"{REFUSED[number][1]}-{number}")
def test_an_insecure_configuration_is_refused(refusals: list[str], number: int) -> None:
    refusal = refusals[number].split("ImproperlyConfigured", 1)[-1]
    assert REFUSED[number][1] in refusal
    assert "sample-for-the-deployment-check" not in refusals[number]  # a refusal quotes no secret


@pytest.mark.case("OP-01")
def test_all_problems_are_told_at_once() -> None:
    done = start(SECRET_KEY="", AUDIT_KEY="", FIELD_KEYS="", ALLOWED_HOSTS="*")
    told = re.findall(r"^- (\w+)", done.stderr, re.MULTILINE)
    assert {"SECRET_KEY", "AUDIT_KEY", "FIELD_KEYS", "ALLOWED_HOSTS"} <= set(told)


def test_sqlite_in_production_needs_the_explicit_word() -> None:
    assert start(DATABASE_URL="", REDIS_URL="").returncode != 0
    assert start(DATABASE_URL="", REDIS_URL="", ALLOW_EMBEDDED="true").returncode == 0


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEF\n")
    code = "import greenlist.settings.prod as p; print(p.SECRET_KEY)"
    done = start(code, SECRET_KEY="", SECRET_KEY_FILE=str(tmp_path / "key"))
    assert done.stdout.strip() == "from-a-file-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEF", done.stderr


@pytest.mark.case("OP-01")
def test_check_deploy_has_nothing_to_say() -> None:
    words = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(
        words, cwd=ROOT, env=production(LOG_LEVEL="ERROR"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def read_names() -> set[str]:
    """Variables that the settings read: the literal first argument of env.text, flag, number, words, one_of."""
    found = set()
    for path in [*(ROOT / "greenlist" / "settings").glob("*.py"), ROOT / ".deploy" / "gunicorn.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and ast.unparse(node.func).removeprefix("env.")
            if (
                isinstance(node, ast.Call)
                and called in {"text", "flag", "number", "words", "options", "one_of"}
                and node.args
            ):
                name = node.args[0]
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    found.add(name.value)
    return found


def compose_names() -> set[str]:
    """Variables that compose itself puts into docker-compose.yml."""
    return set(re.findall(r"(?<!\$)\$\{(\w+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))


def test_env_example_explains_exactly_what_is_read() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    named = [match[1] for line in lines if (match := re.match(r"^#?([A-Z][A-Z0-9_]+)=", line))]
    assert len(named) == len(set(named))
    assert set(named) - {"DJANGO_SETTINGS_MODULE"} == read_names() | compose_names()


def test_the_example_gives_no_secret_and_every_setting_its_reason() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    for above, line in itertools.pairwise(lines):
        match = re.match(r"^#?([A-Z][A-Z0-9_]+)=(.*)", line)
        if match and not re.match(r"^#?[A-Z][A-Z0-9_]+=", above):
            assert above.startswith("# "), f"{match[1]} has no explanation"
        if match and re.search(r"^SECRET|KEYS?$|PASSWORD$|^METRICS_TOKEN$", match[1]):
            assert match[2] == "", f"{match[1]} must have no value in the example"


def test_the_documents_name_only_settings_that_exist() -> None:
    """docs/operations.md speaks of settings as `NAME`; each must be one that is read."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([A-Z][A-Z0-9_]{3,})(?:=[^`]*)?`", text))
    known = read_names() | compose_names() | {f"{name}_FILE" for name in read_names()} | {"DJANGO_SETTINGS_MODULE"}
    assert named - known == set()
    important = {
        "SECRET_KEY",
        "SECRET_KEY_FALLBACKS",
        "FIELD_KEYS",
        "AUDIT_KEY",
        "DATABASE_URL",
        "REDIS_URL",
        "VAR_DIR",
    }
    assert important <= named


WEB = """
import django, sys
django.setup()
from django.urls import get_resolver
from django.test import Client
get_resolver().url_patterns
import greenlist.wsgi
def names(patterns):
    for one in patterns:
        yield from names(one.url_patterns) if hasattr(one, "url_patterns") else [one]
assert len(list(names(get_resolver().url_patterns))) > 10
heavy = [m for m in ("weasyprint", "pyhanko", "playwright", "pytest") if m in sys.modules]
sys.exit(f"the web process loads {heavy}" if heavy else 0)
"""


def test_the_web_process_never_loads_the_renderer() -> None:
    """WeasyPrint costs a second and 100 MB; documents are made in a child process."""
    done = start(WEB, LOG_LEVEL="ERROR")
    assert done.returncode == 0, done.stderr


@pytest.mark.case("OP-01")
def test_the_known_accounts_of_the_demo_cannot_exist_in_production() -> None:
    env = production(LOG_LEVEL="ERROR", DATABASE_URL="", REDIS_URL="", ALLOW_EMBEDDED="true")
    words = [sys.executable, "manage.py", "demo_data", "--skip-checks"]
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "DEMO" in done.stderr
