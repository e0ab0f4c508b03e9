"""The top level, the templates, and what must never be written anywhere."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.architecture.source import CODE, ROOT, templates

TOP = {
    *(
        "manage.py",
        "greenlist",
        "applications",
        "reviews",
        "registry",
        "dynamics",
        "templates",
        "static",
        "fixtures",
        "tests",
    ),
    *("pyproject.toml", "docker-compose.yml", "README.md", "dev", "docs", "Dockerfile", "CHANGELOG.md", "LICENSE"),
    *("requirements.txt", "requirements-signing.txt", "requirements-dev.txt"),
}


def tracked() -> list[str]:
    """Files of the repository; outside a checkout (an unpacked archive) those of the folder that are not ignored."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout.splitlines()
    ignored = {".venv", "var", "__pycache__"}
    files = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return [str(path) for path in files if not ignored & set(path.parts)]


def test_the_top_level_is_exactly_what_was_agreed() -> None:
    names = {path.split("/")[0] for path in tracked()}
    assert {name for name in names if not name.startswith(".")} == TOP


def test_generated_files_are_not_kept() -> None:
    kept = [
        path
        for path in tracked()
        if re.search(r"(^var/|\.mo$|\.pyc$|(^|/)(uv\.lock|pylock\.toml|\.env)$|\.sqlite3)", path)
    ]
    assert not kept


def test_templates_carry_no_inline_script_style_or_handler() -> None:
    """The content security policy would refuse them; better to know here."""
    inline = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son(?!e=)[a-z]+=|javascript:|hx-on", re.IGNORECASE)
    found = []
    for path in templates():
        if {"documents", "pdf"} & set(path.parts) or path.name.startswith("print") or path.suffix == ".txt":
            continue  # rendered to paper, never sent to a browser
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if inline.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number} {line.strip()[:80]}")
    assert not found, "\n" + "\n".join(found)


def test_pages_fetch_nothing_from_elsewhere() -> None:
    foreign = re.compile(r"""(?:src|href|action)=["']?(?:https?:)?//|url\(["']?(?:https?:)?//|@import""", re.IGNORECASE)
    files = [*templates(), *(ROOT / "static").rglob("*.css"), *(ROOT / "static").rglob("*.js")]
    found = [
        f"{path.relative_to(ROOT)}:{number} {line.strip()[:80]}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if foreign.search(line) and not re.search(r"""href=["']https?://""", line)  # a link a person may follow
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("pattern", [r"\bTO" r"DO\b", r"\bFIX" r"ME\b", r"\bX" r"XX\b"])
def test_nothing_is_left_for_later(pattern: str) -> None:
    text = (".py", ".html", ".css", ".js", ".toml", ".md", ".yml", ".txt", ".csv")
    found = []
    for path in tracked():
        if path.endswith(text) and (ROOT / path).exists() and not path.startswith("requirements"):
            for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), start=1):
                if re.search(pattern, line):
                    found.append(f"{path}:{number} {line.strip()[:80]}")
    assert not found, "\n" + "\n".join(found)


def test_no_path_of_a_machine_is_written_down() -> None:
    machine = re.compile(r"/root/|/home/[a-z]|/work/(main|shared)")
    kinds = {".py", ".html", ".toml", ".md", ".yml", ".csv", ".txt"}
    files = [ROOT / path for path in tracked() if path != "tests/architecture/test_house.py"]
    files = [path for path in files if path.suffix in kinds and path.exists()]
    assert not [str(path) for path in files if machine.search(path.read_text(encoding="utf-8"))]


def test_apps_are_all_installed() -> None:
    from django.apps import apps

    homes = {config.name.split(".")[0] for config in apps.get_app_configs()}
    assert set(CODE) <= homes


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 120
