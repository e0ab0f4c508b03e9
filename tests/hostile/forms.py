"""Every form that any page shows, found by reading the pages; and what nobody should type into them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import quote_plus, urljoin

MARK = "4711"
TEXTS = {
    "short": f"<script>alert({MARK})</script>{{{{7*7}}}}",  # fits into almost every field
    "hidden": f"\u202e示\x00例\x0b\x1b[31m\x7f\x85\u2028\u2066\u200bjavascript:alert({MARK})",
    "mixed": "=1+1\t@SUM(1)\r\n{% load x %}{{ request }}${7*7}%(x)s {0}"
    f"<img src=x onerror=alert({MARK})>\"' onfocus=alert({MARK}) ",
    "long": "长" * 350_000,  # a line of a megabyte
}
SURROGATE = "%ED%A0%80%FF"  # what no text of ours can hold, as bytes of the request
TYPED = {"text", "search", "email", "tel", "url", "password", "number", "date", "", "textarea"}


@dataclass
class Form:
    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)  # name, value as the page has it
    typed: list[str] = field(default_factory=list)  # names that somebody types into
    multipart: bool = False

    def body(self, text: str, *, raw: bool = False) -> str:
        """Everything as the page has it, the text in every field that is typed into."""
        sent = [f"{quote_plus(name)}={quote_plus(value)}" for name, value in self.fields if name not in self.typed]
        written = text if raw else quote_plus(text)
        # A megabyte goes into one field: a request of many would be refused as a whole, which proves less.
        typed = self.typed if len(text) < 10_000 else self.typed[-1:]
        return "&".join([*sent, *(f"{quote_plus(name)}={written}" for name in typed)])


class Page(HTMLParser):
    """Forms of a page, and whatever on it would act."""

    def __init__(self, address: str, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.address, self.forms, self.active = address, [], []
        self._form: Form | None = None
        self._radios: set[str] = set()
        self._select = ""
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._script = tag == "script"
        for name, value in given.items():
            acts = name.startswith("on") or (
                name in ("href", "src", "action") and "javascript:" in value.lower().strip()
            )
            if acts or (tag == "img" and value == "x"):
                self.active.append(f"<{tag} {name}={value[:60]!r}>")
        if tag == "form":
            posts = given.get("method", "get").lower() == "post"
            action = urljoin(self.address, given.get("action") or self.address)
            self._form = Form(action, multipart="multipart" in given.get("enctype", "")) if posts else None
            if self._form:
                self.forms.append(self._form)
        elif self._form is not None:
            self._field(self._form, tag, given)

    def _field(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name, kind = given.get("name", ""), "textarea" if tag == "textarea" else given.get("type", "").lower()
        if tag == "select":
            self._select = name
        if tag == "option" and self._select and ("selected" in given or given.get("value")):
            form.fields.append((self._select, given.get("value", "")))
            self._select = self._select if "selected" not in given else ""
        if not name or "disabled" in given or tag not in ("input", "textarea", "button"):
            return
        if kind in TYPED and tag != "button":
            form.typed.append(name)
            form.fields.append((name, given.get("value", "")))
        elif kind == "radio":
            if name not in self._radios:  # one of them
                form.fields.append((name, given.get("value", "")))
            self._radios.add(name)
        elif kind in ("hidden", "checkbox"):
            form.fields.append((name, given.get("value", "on")))

    def handle_endtag(self, tag: str) -> None:
        self._script = False if tag == "script" else self._script
        if tag == "form":
            self._form = None
        if tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._script and MARK in data:
            self.active.append(f"<script>{data[:60]}")


def forms_of(pages: Iterator[tuple[str, str]]) -> dict[tuple[str, tuple[str, ...]], Form]:
    """Every form once: by address and names of its fields."""
    found = {}
    for address, text in pages:
        for form in Page(address, text).forms:
            if form.typed:
                found.setdefault((form.action, tuple(sorted(form.typed))), form)
    return found
