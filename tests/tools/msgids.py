"""The msgids that code and templates use, compared with the catalogue. Needs no gettext program.

Templates go through Django's own `templatize`, Python files straight into Babel's reader.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.extract import DEFAULT_KEYWORDS, extract_python
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
PO = ROOT / "greenlist" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
CODE = ("greenlist", "applications", "reviews", "registry", "dynamics")
KEYWORDS = {**DEFAULT_KEYWORDS, **dict.fromkeys(["gettext_lazy", "ngettext_lazy", "pgettext_lazy", "gettext_noop"])}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|(?<!%)%[sd]|\{(\w*)\}")


def _python(source: bytes) -> Iterator[str]:
    for _, function, messages, _ in extract_python(BytesIO(source), KEYWORDS, [], {}):
        words = messages if isinstance(messages, (tuple, list)) else (messages,)
        if str(function).startswith("pgettext"):
            words = words[1:2]
        yield from (word for word in words if isinstance(word, str) and word)


def _template(path: Path) -> Iterator[str]:
    """Django turns a template into lines of gettext calls among X-es; the reader must not trip over their indentation."""
    from django.utils.translation.template import templatize

    text = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    calls = re.findall(
        r"(?:n|np|p)?gettext\((?:[^()'\"]|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")*\)|\b_\((?:'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")\)",
        text,
    )
    yield from _python("\n".join(calls).encode())


def used() -> dict[str, str]:
    """Each msgid and one place that uses it."""
    found: dict[str, str] = {}
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                for msgid in _python(path.read_bytes()):
                    found.setdefault(msgid, str(path.relative_to(ROOT)))
    for path in sorted((ROOT / "templates").rglob("*")):
        if path.suffix in {".html", ".txt"}:
            for msgid in _template(path):
                found.setdefault(msgid, str(path.relative_to(ROOT)))
    return found


def texts() -> set[str]:
    """Every string written in the product's Python: the pure engine names its messages plainly and others translate them."""
    found: set[str] = set()
    for folder in CODE:
        for path in (ROOT / folder).rglob("*.py"):
            nodes = ast.walk(ast.parse(path.read_bytes()))
            found |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return found


def frameworks() -> set[str]:
    """Msgids of Django itself, which the catalogue may say better."""
    import django

    found: set[str] = set()
    for path in Path(django.__file__).parent.rglob("locale/en/LC_MESSAGES/django.po"):
        with path.open("rb") as source:
            found |= {str(message.id) for message in read_po(source) if message.id}
    return found


def problems() -> tuple[list[str], list[str]]:
    """(what must be mended, msgids of the catalogue that no file seems to use)."""
    with PO.open("rb") as source:
        catalogue = {str(message.id): message for message in read_po(source, locale="zh_Hans") if message.id}
    wrong, places = [], used()
    for msgid, place in sorted(places.items(), key=lambda row: (row[1], row[0])):
        if msgid not in catalogue or not catalogue[msgid].string:
            wrong.append(f"not translated: {msgid!r} ({place})")
    for msgid, message in catalogue.items():
        if message.fuzzy:
            wrong.append(f"fuzzy: {msgid!r}")
        if message.string and _placeholders(msgid) != _placeholders(str(message.string)):
            wrong.append(f"placeholders differ: {msgid!r} → {message.string!r}")
    return wrong, sorted(set(catalogue) - set(places) - texts() - frameworks())


def _placeholders(text: str) -> list[str]:
    return sorted(match.group(0) for match in PLACEHOLDER.finditer(text))


if __name__ == "__main__":  # python -m tests.tools.msgids: drop what nothing uses from the catalogue
    from tests.tools import messages

    gone = problems()[1]
    messages.drop(gone)
    print(f"{len(gone)} dropped", *gone, sep="\n")
