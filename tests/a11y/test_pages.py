"""Axe finds nothing on any page of any role, filled, empty and after a wrong answer, wide and narrow (AC-01).

The pages and who sees them are those of the permission matrix, so that a new route is covered once it has its row there.
A real browser draws them; its requests are answered by Django's test client in this process, so that all of it happens in
one transaction and what a wrong answer might change is undone.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from contextlib import suppress
from contextvars import copy_context
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.db import transaction
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, Route, TimeoutError

from greenlist.core import attachments, clock
from greenlist.core.models import RenderJob
from registry.models import Certificate
from tests.authz import matrix, stage
from tests.authz.conftest import _now
from tests.authz.matrix import Row
from tests.core.test_ui import Lint
from tests.world import World

__all__ = ["_now"]
pytestmark = [pytest.mark.a11y, pytest.mark.browser, pytest.mark.django_db, pytest.mark.timeout(600)]

ROOT = "http://localhost"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDTHS = (1280, 320)
# One of each role; of the two who share a role the one who may do more.
ROLES = (
    "anonymous",
    "applicant",
    "evaluator",
    "county_handler",
    "county_approver",
    "city_handler",
    "city_approver",
    "expert",
)
EMPTY_HANDED = ("stranger", "rival", "hlj_city_handler", "conflicted_expert")  # lists without a row
NOTHING = "?q=zzzz&number=zzzz"  # a search that finds nothing
SEARCHES = {
    "applications:cases": "county_handler",
    "applications:desk": "county_handler",
    "organisations:search": "county_handler",
    "portal:search": "county_handler",
    "registry:lists": "anonymous",
    "registry:verify": "anonymous",
}
WRONG = "with errors"
ELSEWHERE = {"portal:gallery"}  # tests/core/test_ui.py
# Whose error pages stand at the addresses of their own and need no row of the matrix.
REFUSALS = (("anonymous", "/no/such/page/"), ("applicant", "/desk/"), ("county_handler", "/cases/unknown/"))
DOCUMENT_STATES: dict[str, dict[str, Any]] = {
    "waiting": {"state": "waiting"},
    "half done": {"state": "running", "done": 3, "total": 7},
    "failed": {"state": "failed", "failure": "pdf_limit"},
}
AXE = """async (rules) => {
  const found = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
  return found.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
}"""
# AC-05: text of 200 % and lines of 1.5; 320 px is the width of 1280 px at 400 %. Set as a reader's own settings would be.
LARGE = """() => {
  const root = document.documentElement;
  root.style.fontSize = "200%"; document.body.style.lineHeight = "1.5";
  const over = root.scrollWidth - root.clientWidth;
  root.style.fontSize = ""; document.body.style.lineHeight = "";
  return over;
}"""
WIPE = """() => {
  const button = document.querySelector("main form[method=post] button:not([type=button])");
  const form = button.form;
  for (const one of form.elements) {
    if (one.type === "hidden" || one.tagName === "BUTTON") continue;
    if (one.type === "checkbox" || one.type === "radio") one.checked = false; else one.value = "";
  }
  setTimeout(() => form.requestSubmit(button));
}"""


class Reader:
    """A browser of one persona whose requests this process answers."""

    def __init__(self, browser: Browser, client: Client, context_args: dict[str, Any]) -> None:
        self.client = client
        self.ours = (
            copy_context()
        )  # Playwright calls from a context of its own, where Django would open another connection
        self.context = browser.new_context(**context_args)
        self.context.add_init_script(path=str(files("axe_playwright_python") / "axe.min.js"))
        self.page: Page = self.context.new_page()
        self.page.route("**/*", self.answer)
        self.page.on("console", self.hear)
        self.status = 0
        self.complaints: list[str] = []

    def hear(self, said: Any) -> None:
        if said.type == "error" and "status of 4" not in said.text:
            self.complaints.append(said.text)

    def answer(self, route: Route) -> None:
        request = route.request
        if not request.url.startswith(ROOT + "/"):
            self.complaints.append(f"asks {request.url}")
        path = urlsplit(request.url).path
        if path.startswith("/static/"):
            route.fulfill(**static(path.removeprefix("/static/")))
            return
        found = self.ours.run(self.ask, request)
        if request.is_navigation_request():
            self.status = found.status_code
            if self.client.cookies.get("sessionid") and "no-store" not in found.get("Cache-Control", ""):
                self.complaints.append("may be kept by a cache")
        if found.status_code == 302:  # nothing was wrong; a redirect would leave for the network
            route.fulfill(status=200, content_type="text/html", body="<!doctype html><title>went on</title>")
            return
        body = b"".join(found.streaming_content) if found.streaming else found.content
        route.fulfill(status=found.status_code, headers={key: str(value) for key, value in found.items()}, body=body)

    def ask(self, request: Any) -> Any:
        """The client's answer; what a POST did is undone."""
        parts = urlsplit(request.url)
        path = f"{parts.path}?{parts.query}"
        headers = {"Accept-Language": "zh-CN"}
        if request.method == "GET":
            return self.client.get(path, headers=headers, follow=True)
        kind = request.headers.get("content-type", "application/x-www-form-urlencoded")
        with transaction.atomic():
            answer = self.client.generic("POST", path, request.post_data_buffer or b"", kind, headers=headers)
            transaction.set_rollback(True)
        return answer

    def open(self, path: str) -> None:
        self.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        self.page.goto(ROOT + path, wait_until="load")

    def faults(self) -> Iterator[str]:
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            for one in self.page.evaluate(AXE, RULES):
                yield f"{width}: {one}"
            over = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if over > 0:
                yield f"{width}: scrolls sideways by {over} px"
        self.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        over = self.page.evaluate(LARGE)
        if over > 0:
            yield f"letters of twice the size: scrolls sideways by {over} px"
        yield from self.complaints
        self.complaints.clear()

    def get_wrong(self) -> bool:
        """Whether the page has a form that answers to emptiness with its complaints."""
        if not self.page.locator("main form[method=post] button:not([type=button])").count():
            return False
        self.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        self.status = 0
        with suppress(TimeoutError), self.page.expect_navigation(wait_until="load", timeout=8_000):
            self.page.evaluate(WIPE)
        return self.status in (409, 422)

    def close(self) -> None:
        self.context.close()


_static: dict[str, dict[str, Any]] = {}


def static(name: str) -> dict[str, Any]:
    """A static file as it lies in the source."""
    if name not in _static:
        path = finders.find(name)
        assert path, name
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        _static[name] = {"status": 200, "body": Path(path).read_bytes(), "content_type": kind}
    return _static[name]


class Skeleton(HTMLParser):
    """What a page is made of: each kind of element with its attributes, and those values that say how it works."""

    TELLING = frozenset(
        "class type role scope lang tabindex aria-current aria-hidden aria-invalid aria-expanded".split()
    )

    def __init__(self, html: str) -> None:
        super().__init__()
        self.parts: set[tuple[Any, ...]] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parts.add((tag, *sorted((key, value if key in self.TELLING else "") for key, value in attrs)))


def page_at(client: Client, path: str) -> str:
    """Its HTML; empty for a file and for what only leads on."""
    answer = client.get(path, headers={"Accept-Language": "zh-CN"})
    if answer.streaming:
        b"".join(answer.streaming_content)
        return ""
    is_page = answer.status_code == 200 and answer["Content-Type"].startswith("text/html")
    return answer.content.decode() if is_page else ""


def lint(html: str) -> list[str]:
    """What the markup lacks: names of controls, scopes of heads, a language, a way past the navigation."""
    read = Lint(html)
    found = read.close_reading()
    if read.language not in ("zh-CN", "zh-Hans"):
        found.append(f"its language is {read.language}")
    if not (read.first_link or "").startswith("#"):
        found.append(f"its first link leads to {read.first_link}, not past the navigation")
    return found


def rows(part: str) -> list[Row]:
    return [row for row in matrix.PARTS[part] if "GET" in row.methods and row.name not in ELSEWHERE]


@pytest.mark.case("AC-01", "AC-04", "AC-05", "PR-08")
@pytest.mark.parametrize("part", matrix.PARTS)
def test_axe_finds_nothing(
    part: str, world: World, _now: None, browser: Browser, browser_context_args: dict[str, Any]
) -> None:
    objects = stage.objects(world)
    wrong = {row.name for row in matrix.PARTS[part] if "POST" in row.methods}
    faults: list[str] = []
    seen: dict[str, set[tuple[Any, ...]]] = {}
    erred: set[str] = set()
    for persona in (*ROLES, *EMPTY_HANDED):
        reader = Reader(browser, world.client(persona), browser_context_args)
        for row in rows(part):
            if persona not in row.ok or (persona in EMPTY_HANDED and row.key):
                continue
            path = reverse(row.name, args=objects[row.key])
            html = page_at(reader.client, path)
            parts = Skeleton(html).parts
            if parts <= seen.get(row.name, set()):
                continue  # a file, or made of nothing that another role's page has not shown already
            faults += [f"{persona} {row.name}: {fault}" for fault in lint(html)]
            for state in states(reader, path, error=row.name in wrong and row.name not in seen):
                faults += [f"{persona} {row.name} ({state}) {fault}" for fault in reader.faults()]
                erred |= {row.name} if state == WRONG else set()
            seen.setdefault(row.name, set()).update(parts)
        for name in (
            name for name, who in SEARCHES.items() if who == persona and name in {row.name for row in rows(part)}
        ):
            reader.open(reverse(name) + NOTHING)
            faults += [f"{persona} {name} (nothing found) {fault}" for fault in reader.faults()]
        reader.close()
    assert faults == [], "\n".join(faults)
    assert seen
    assert erred, f"no form of {part} answered to emptiness"
    print(f"{part}: {len(seen)} pages; with errors: {sorted(erred)}")


def states(reader: Reader, path: str, *, error: bool) -> Iterator[str]:
    """The page as it comes, and as it answers to an empty form."""
    reader.open(path)
    yield "as it comes"
    if error and reader.get_wrong():
        yield WRONG


@pytest.mark.case("AC-01")
def test_axe_finds_nothing_on_refusals(
    world: World, _now: None, browser: Browser, browser_context_args: dict[str, Any]
) -> None:
    stage.objects(world)
    faults = []
    for persona, path in REFUSALS:
        reader = Reader(browser, world.client(persona), browser_context_args)
        reader.open(path)
        assert reader.status in (403, 404)
        faults += [f"{persona} {path} {fault}" for fault in reader.faults()]
        reader.close()
    assert faults == [], "\n".join(faults)


@pytest.mark.case("AC-01")
def test_axe_finds_nothing_while_a_document_is_made(
    world: World, _now: None, browser: Browser, browser_context_args: dict[str, Any]
) -> None:
    """Waiting, half done, failed; the first two tell their change to a live region."""
    objects = stage.objects(world)
    faults = []
    for persona, name, key in (
        ("anonymous", "registry:certificate_pdf", "certificate"),
        ("county_handler", "applications:report-pdf", "case"),
    ):
        reader = Reader(browser, world.client(persona), browser_context_args)
        for state, changes in DOCUMENT_STATES.items():
            reader.client.get(reverse(name, args=objects[key]))
            RenderJob.objects.update(**changes, finished_at=clock.now())
            reader.open(reverse(name, args=objects[key]))
            assert reader.status == (503 if state == "failed" else 202)
            assert reader.page.locator("[role=status] [data-rendering]").count() == 1
            faults += [f"{persona} {name} ({state}) {fault}" for fault in reader.faults() if "503" not in fault]
        reader.close()
    assert faults == [], "\n".join(faults)


@pytest.mark.case("AC-01")
def test_axe_finds_nothing_on_the_verdict_about_a_file(
    world: World, _now: None, browser: Browser, browser_context_args: dict[str, Any]
) -> None:
    stage.objects(world)
    certificate = Certificate.objects.earliest("pk")
    certificate.blob = attachments.store_bytes(
        name="a.pdf", content=b"%PDF-genuine", content_type="application/pdf", at=clock.now()
    )
    certificate.save()
    reader = Reader(browser, world.client("anonymous"), browser_context_args)
    faults = []
    for body, word in ((b"%PDF-genuine", "文件真实有效"), (b"%PDF-changed", "非本平台签发")):
        reader.open(reverse("registry:verify"))
        given = {"name": "证书.pdf", "mimeType": "application/pdf", "buffer": body}
        reader.page.set_input_files("input[type=file]", given)
        reader.page.get_by_role("button", name="核验文件").click()
        reader.page.get_by_role("heading", name=word).wait_for()
        faults += [f"{word}: {fault}" for fault in reader.faults()]
    reader.close()
    assert faults == [], "\n".join(faults)
