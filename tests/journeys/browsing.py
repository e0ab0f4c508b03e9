"""A person before a browser, without one: pages are read, forms are filled with what they offer, buttons are pressed.

What a form does not offer cannot be sent: a story that passes shows that its pages can be used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.rendering import work

CHROME = ("/account/logout/", "/account/switch/", "/i18n/setlang/")  # forms that stand on every page


@dataclass
class Control:
    """One named control: what it says now, what it may say."""

    name: str
    kind: str
    value: str = ""
    chosen: bool = False
    offered: list[str] = field(default_factory=list)


@dataclass
class Form:
    action: str
    method: str
    id: str = ""
    controls: list[Control] = field(default_factory=list)
    buttons: list[Control] = field(default_factory=list)

    def names(self) -> set[str]:
        return {one.name for one in self.controls}

    def start(self) -> dict[str, list[str]]:
        """What a browser sends when nothing is touched."""
        sent: dict[str, list[str]] = {}
        for one in self.controls:
            if one.kind in ("checkbox", "radio"):
                if one.chosen:
                    sent.setdefault(one.name, []).append(one.value)
            elif one.kind != "file":
                sent.setdefault(one.name, []).append(one.value)
        return sent

    def filled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """With these values; fails for a control or a choice that is not there."""
        sent: dict[str, Any] = dict(self.start())
        for name, given in values.items():
            here = [one for one in self.controls if one.name == name]
            assert here, f"{self.action}: no control {name!r} among {sorted(self.names())}"
            if here[0].kind == "file":
                sent[name] = given
                continue
            texts = [str(one) for one in (given if isinstance(given, list | tuple) else [given])]
            offered = {one.value for one in here} if here[0].kind in ("checkbox", "radio") else set(here[0].offered)
            if here[0].kind in ("checkbox", "radio", "select"):
                assert set(texts) <= offered, f"{self.action}: {name} offers {sorted(offered)}, not {texts}"
            sent[name] = texts
        return sent


class _Reader(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.open: Form | None = None
        self.by_id: dict[str, Form] = {}
        self.loose: list[tuple[str, Control]] = []
        self.area: Control | None = None
        self.select: Control | None = None
        self.words: list[str] = []
        self.silent = 0
        self.feed(html)
        for owner, control in self.loose:
            _add(self.by_id[owner], control)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        match tag:
            case "a":
                self.links.append(given.get("href", ""))
            case "form":
                self.open = Form(given.get("action", ""), given.get("method", "get").lower(), given.get("id", ""))
                self.forms.append(self.open)
                if self.open.id:
                    self.by_id[self.open.id] = self.open
            case "input" | "button" | "textarea" | "select":
                self._control(tag, given)
            case "option" if self.select is not None:
                value = given.get("value", "")
                self.select.offered.append(value)
                if "selected" in given or len(self.select.offered) == 1:
                    self.select.value = value
            case "script" | "style":
                self.silent += 1

    def _control(self, tag: str, given: dict[str, str]) -> None:
        kind = tag if tag != "input" else given.get("type", "text")
        one = Control(given.get("name", ""), kind, given.get("value", "on" if kind == "checkbox" else ""))
        one.chosen = "checked" in given
        if tag == "textarea":
            self.area = one
        if tag == "select":
            self.select = one
        if "disabled" in given or (not one.name and tag != "button"):
            return
        if given.get("form"):
            self.loose.append((given["form"], one))
        elif self.open is not None:
            _add(self.open, one)

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "form":
                self.open = None
            case "textarea":
                if self.area is not None:
                    self.area.value = self.area.value.removeprefix("\n")
                self.area = None
            case "select":
                self.select = None
            case "script" | "style":
                self.silent -= 1

    def handle_data(self, data: str) -> None:
        if self.area is not None:
            self.area.value += data
        if not self.silent:
            self.words.append(data)


def _add(form: Form, control: Control) -> None:
    (form.buttons if control.kind in ("button", "submit") else form.controls).append(control)


@dataclass
class Page:
    """What came back."""

    status: int
    url: str
    response: Any

    def __post_init__(self) -> None:
        self.is_html = self.response.get("Content-Type", "").startswith("text/html")
        self.html = self.response.content.decode() if self.is_html else ""
        read = _Reader(self.html)
        self.forms = [one for one in read.forms if one.action not in CHROME]
        self.links = read.links
        self.text = " ".join(" ".join(read.words).split())

    def __contains__(self, words: str) -> bool:
        return words in self.text

    @property
    def body(self) -> bytes:
        answer = self.response
        return b"".join(answer.streaming_content) if answer.streaming else bytes(answer.content)

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    def form(self, action: str = "", having: Iterable[str] = ()) -> Form:
        """The one POST form that goes to this address (default: the page itself) and has these controls."""
        target = action or self.path
        found = [
            one
            for one in self.forms
            if one.method == "post"
            and urlsplit(urljoin(self.url, one.action)).path.endswith(target)
            and set(having) <= one.names()
        ]
        assert len(found) == 1, (
            f"{self.url}: {len(found)} forms to {target}; there are {[f.action for f in self.forms]}"
        )
        return found[0]

    def link(self, part: str) -> str:
        """The first link whose address holds this."""
        found = [one for one in self.links if part in one]
        assert found, f"{self.url}: no link with {part!r}"
        return found[0]

    def offers(self, part: str) -> bool:
        return any(part in one.action for one in self.forms) or any(part in one for one in self.links)


@dataclass(frozen=True)
class Sent:
    """One request as it was made, to make it again as somebody else."""

    character: str
    method: str
    path: str
    data: dict[str, Any]
    files: tuple[tuple[str, str, bytes, str], ...] = ()

    def again(self, client: Client, headers: dict[str, str] | None = None) -> Any:
        if self.method == "GET":
            return client.get(self.path, self.data, headers=headers)
        files = {name: SimpleUploadedFile(title, body, kind) for name, title, body, kind in self.files}
        return client.post(self.path, {**self.data, **files}, headers=headers)


class Person:
    """One signed-in person. `before` sees each request just before it is made."""

    def __init__(
        self, character: str, client: Client | None = None, before: Callable[[Sent], None] | None = None
    ) -> None:
        self.character = character
        self.client = client or Client()
        self.before = before

    def sign_in(self, username: str, password: str) -> Person:
        """By the form; never recorded."""
        page = Page(200, "/account/login/", self.client.get("/account/login/"))
        sent = page.form(having=["password"]).filled({"username": username, "password": password})
        answer = self.client.post("/account/login/", sent)
        assert answer.status_code == 302, f"{username} cannot sign in"
        return self

    def request(self, method: str, path: str, data: Mapping[str, Any] | None = None, status: int = 200) -> Page:
        """One request, redirects of a POST followed."""
        given = dict(data or {})
        uploads = {name: value for name, value in given.items() if hasattr(value, "read")}
        files = tuple((name, one.name, one.read(), one.content_type) for name, one in uploads.items())
        sent = Sent(self.character, method, path, {k: v for k, v in given.items() if k not in uploads}, files)
        if self.before is not None:
            self.before(sent)
        answer = sent.again(self.client)
        page = Page(answer.status_code, path, answer)
        if answer.status_code == 302 and method == "POST":
            assert status == 302, f"{self.character} {path}: led on to {answer['Location']}, not {status}"
            return self.get(answer["Location"])
        assert answer.status_code == status, (
            f"{self.character} {method} {path}: {answer.status_code}, not {status}: {page.text[-1500:]}"
        )
        return page

    def get(self, path: str, status: int = 200, **query: Any) -> Page:
        """A page; redirects are followed as a browser does."""
        page = self.request_get(path, query)
        if page.status == 302 and status == 200:
            return self.get(urljoin(path, page.response["Location"]))
        assert page.status == status, f"{self.character} GET {path}: {page.status}, not {status}: {page.text[-1500:]}"
        return page

    def request_get(self, path: str, query: Mapping[str, Any]) -> Page:
        sent = Sent(self.character, "GET", path.partition("#")[0], dict(query))
        if self.before is not None:
            self.before(sent)
        answer = sent.again(self.client)
        if answer.status_code == 202:  # a document that is being made; its page asks again by itself
            work()
            answer = sent.again(self.client)
        return Page(answer.status_code, path, answer)

    def open(self, name: str, *parts: Any, status: int = 200, **query: Any) -> Page:
        return self.get(reverse(name, args=parts), status, **query)

    def press(
        self,
        page: Page,
        action: str = "",
        *,
        button: str = "",
        having: Iterable[str] = (),
        status: int = 302,
        **values: Any,
    ) -> Page:
        """Fills a form of the page and sends it; `button` is "name" or "name=value" of the button pressed."""
        return self.send(page, values, action, button=button, having=having, status=status)

    def send(
        self,
        page: Page,
        values: Mapping[str, Any],
        action: str = "",
        *,
        button: str = "",
        having: Iterable[str] = (),
        status: int = 302,
    ) -> Page:
        """As `press`, for names that are no Python names."""
        form = page.form(action, having)
        sent = form.filled(values)
        name, _, value = button.partition("=")
        if button:
            pressed = next((one for one in form.buttons if one.name == name and value in ("", one.value)), None)
            assert pressed is not None, f"{page.url}: no button {button}; there are {form.buttons}"
        else:
            pressed = form.buttons[0] if len(form.buttons) == 1 else None
        if pressed is not None and pressed.name:
            sent[pressed.name] = [pressed.value]
        return self.request("POST", urlsplit(urljoin(page.url, form.action)).path, sent, status)
