"""Keep the catalogue: `add FILE.json` merges {msgid: msgstr}; `compile` writes .mo; `missing` lists untranslated msgids."""

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

PO = Path(__file__).resolve().parents[2] / "greenlist" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
HEADER = "# Simplified Chinese: what users read. Add by tests/tools/messages.py, never by hand."


def load() -> Catalog:
    """The catalogue with its own fixed header: not fuzzy, no dates that change with every run."""
    catalog = Catalog(locale="zh_Hans", domain="django", header_comment=HEADER, project="greenlist", fuzzy=False)
    if PO.exists():
        with PO.open("rb") as source:
            for message in read_po(source, locale="zh_Hans", domain="django"):
                if message.id:
                    catalog[message.id] = message
    return catalog


def save(catalog: Catalog) -> None:
    text = BytesIO()
    write_po(text, catalog, no_location=True, sort_output=True, omit_header=True, width=120)
    header = f'{HEADER}\nmsgid ""\nmsgstr ""\n'
    for name, value in (
        ("Language", "zh_Hans"),
        ("MIME-Version", "1.0"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", "8bit"),
        ("Plural-Forms", "nplurals=1; plural=0;"),
    ):
        header += f'"{name}: {value}\\n"\n'
    replace(PO, header.encode() + b"\n" + text.getvalue().strip() + b"\n")
    compile_catalogue(catalog)


def compile_catalogue(catalog: Catalog) -> None:
    binary = BytesIO()
    write_mo(binary, catalog)
    replace(PO.with_suffix(".mo"), binary.getvalue())


def replace(path: Path, content: bytes) -> None:
    """Whole or not at all: another process may be reading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f"{path.suffix}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(path)


def add(path: str) -> None:
    catalog = load()
    for msgid, msgstr in json.loads(Path(path).read_text(encoding="utf-8")).items():
        catalog.add(msgid, msgstr)
        catalog[msgid].string = msgstr
    save(catalog)


def drop(msgids: list[str]) -> None:
    """Remove messages that nothing uses any more (python -m tests.tools.msgids finds them)."""
    with locked():
        catalog = load()
        for msgid in msgids:
            catalog.delete(msgid)
        save(catalog)


@contextmanager
def locked() -> Iterator[None]:
    """One writer at a time, whoever calls."""
    PO.parent.mkdir(parents=True, exist_ok=True)
    with (PO.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: list[str]) -> int:
    with locked():
        match arguments:
            case ["add", path]:
                add(path)
            case ["compile"]:
                compile_catalogue(load())
            case ["missing"]:
                empty = [m.id for m in load() if m.id and not m.string]
                print(*empty, sep="\n")
                return bool(empty)
            case _:
                print(__doc__)
                return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
