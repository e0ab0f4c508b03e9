"""`./dev screenshots [--role ROLE…] [--page WORD…] [--each N] [--address URL]`: every page as seen, into var/screenshots.

Starts the portal on a demonstration of its own (var/screenshots/data, kept for the next run), signs in as each role and
follows every link; of each kind of page (one route) it keeps the first N that differ. Each is taken at 1280 and 360 CSS
pixels as `<role>-<page>-<width>.png`; PDFs become images of their first pages. At the end it says what a glance may miss:
pages that scroll sideways, English words on a Chinese page, answers other than 200, complaints in the browser's console.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "var" / "screenshots"
DATA = OUT / "data"
WIDTHS = (1280, 360)
# Role → user name of the demonstration; empty: not signed in.
ROLES = {
    "public": "",
    "drafting": "firm19",
    "correcting": "firm18",
    "listed": "firm01",
    "county-handler": "130322-handler",
    "county-approver": "130322-approver",
    "city-handler": "130300-handler",
    "city-approver": "130300-approver",
    "expert": "130300-expert1",
    "expert-locked": "130300-expert2",
    "province": "130000-handler",
    "sjz-handler": "130100-handler",
    "park": "park",
    "cement": "cement",
    "chain": "firm45",
    "chain-with-body": "firm47",
    "body": "body",
    "body-waiting": "body2",
    "national-handler": "130600-handler",
    "national-approver": "130600-approver",
    "approving": "230000-approver",
    "admin": "admin",
    "security": "security",
    "auditor": "auditor",
}
ALSO = {  # pages no link of a role leads to
    "public": [
        "/account/login/",
        "/account/register/",
        "/account/password/forgotten/",
        "/account/password/forgotten/sent/",
        "/v/",
        "/v/?number=NONE-1",
        "/v/unknown/",
        "/lists/?q=zzzz",
        "/no/such/page/",
        "/cases/",
    ],
    "drafting": ["/search/?q=示例", "/inbox/"],
    "county-handler": ["/search/?q=示例", "/search/?q=zzzz", "/calls/", "/organisation/adverse/", "/calls/new/"],
    "city-handler": ["/search/?q=示例", "/calls/new/"],
}
LEAVE = re.compile(r"^/(admin/|i18n/|static/|account/logout|lists/download)|\.(xlsx|zip|csv|json|txt)$")
LOOKS = 90  # seconds a document may take
FILE = re.compile(r"\.pdf$|\.docx$|/files/|/documents/\w|/opinion/$|/evidence/$|annex")
ENGLISH = re.compile(r"[A-Za-z][A-Za-z'’-]{3,}")
KNOWN = re.compile(  # names, formats, and what people typed
    r"https?://\S+|\S+@\S+|[\w./-]+\.(?:pdf|xlsx|docx|zip|txt|csv|png|jpe?g)|\b(?:PDF|XLSX|ZIP|CSV|JSON|DOCX|JPEG|HTML|English|Excel|Word|zzzz)\b|"
    r"\b[0-9A-Za-z]*\d[0-9A-Za-z]*\b|GB/T|SHA-256|\b[A-Z]{3}-\d+|\b(?:QHD|SJZ|HEB|HLJ)-\S+|\b(?:qinhuangdao|shijiazhuang|hebei|factory|park|supply|cement|firm|body)-\S+|130\d{3}\S*"
)


@dataclass
class Seen:
    """What was noticed beside the pictures."""

    shots: int = 0
    notes: list[str] = field(default_factory=list)


def route(path: str) -> str:
    """The name of the route a path leads to, fit for a file name."""
    from django.urls import Resolver404, resolve

    try:
        match = resolve(path)
    except Resolver404:
        return "nothing-there"
    name = (match.view_name or "page").replace(":", "-").replace("_", "-")
    tab = match.kwargs.get("key") or match.kwargs.get("kind") or ""
    return f"{name}-{tab}" if tab else name


class Walk:
    """One role's way through the portal: breadth first, every kind of page once or as often as asked."""

    def __init__(self, browser: Any, address: str, role: str, given: argparse.Namespace, seen: Seen) -> None:
        self.address, self.role, self.given, self.seen = address, role, given, seen
        self.context = browser.new_context(
            locale="zh-CN", timezone_id="Asia/Shanghai", viewport={"width": 1280, "height": 900}
        )
        self.page = self.context.new_page()
        self.page.on(
            "console",
            lambda said: self.note(said.text) if said.type == "error" and "status of 4" not in said.text else None,
        )
        self.taken: dict[str, int] = defaultdict(int)
        self.known: set[str] = set()
        self.queue: deque[str] = deque()

    def note(self, text: str) -> None:
        self.seen.notes.append(f"{self.role} {urlsplit(self.page.url).path}: {text}")

    def sign_in(self, password: str) -> None:
        self.page.goto(f"{self.address}/account/login/")
        self.page.fill("input[name=username]", ROLES[self.role])
        self.page.fill("input[name=password]", password)
        self.page.locator("main form button[type=submit], main form button:not([type])").first.click()
        self.page.wait_for_url(lambda url: "/login" not in url)

    def run(self) -> None:
        start = ["/"] if self.role == "public" else ["/work/", "/account/", "/inbox/"]
        for path in [*start, *ALSO.get(self.role, [])]:
            self.add(path)
        while self.queue:
            self.visit(self.queue.popleft())
        self.context.close()

    def add(self, href: str) -> None:
        url = urldefrag(urljoin(self.address, href)).url
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        if not url.startswith(self.address) or LEAVE.search(parts.path) or path in self.known:
            return
        if self.role != "public" and not parts.query and self.public(parts.path):
            return
        self.known.add(path)
        self.queue.append(path)

    def public(self, path: str) -> bool:
        """Pages that look the same for everybody are taken once, by nobody."""
        return path == "/" or path.startswith(("/p/", "/v/", "/lists/", "/notices/", "/objections/"))

    def visit(self, path: str) -> None:
        name = route(urlsplit(path).path)
        if self.taken[name] >= self.given.each and path not in ALSO.get(self.role, ()):
            return
        self.taken[name] += 1
        number = f"-{self.taken[name]}" if self.taken[name] > 1 else ""
        label = f"{self.role}-{name}{number}"
        if FILE.search(urlsplit(path).path) and self.as_file(path, label):
            return
        self.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        answer = self.page.goto(self.address + path, wait_until="load")
        if answer and answer.status not in (200, 404) and not (self.role == "public" and "/login" in self.page.url):
            self.note(f"answered {answer.status}")
        for href in self.page.eval_on_selector_all("a[href]", "all => all.map(one => one.getAttribute('href'))"):
            self.add(href)
        if not self.given.page or any(word in label for word in self.given.page):
            self.take(label)

    def take(self, label: str) -> None:
        from playwright.sync_api import TimeoutError as TooSlow

        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900 if width > 600 else 740})
            over = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if over > 0:
                self.note(f"scrolls sideways by {over} px at {width}")
            try:
                self.page.screenshot(path=OUT / f"{label}-{width}.png", full_page=True, animations="disabled")
            except TooSlow:
                self.note(f"no picture within 30 s at {width}")
                continue
            self.seen.shots += 1
        words = set(ENGLISH.findall(KNOWN.sub(" ", self.page.inner_text("body"))))
        if words:
            self.note(f"English: {', '.join(sorted(words)[:12])}")

    def as_file(self, path: str, label: str) -> bool:
        """A PDF becomes images; False when it is a page after all."""
        answer = self.context.request.get(self.address + path)
        for _look in range(LOOKS):
            if answer.status != 202:  # the worker is making it
                break
            self.page.wait_for_timeout(1000)
            answer = self.context.request.get(self.address + path)
        kind = answer.headers.get("content-type", "")
        if "html" in kind and answer.status == 200:
            return False
        if answer.status != 200:
            self.seen.notes.append(f"{self.role} {path}: answered {answer.status}")
        elif "pdf" in kind:
            target = OUT / f"{label}.pdf"
            target.write_bytes(answer.body())
            subprocess.run(
                ["pdftoppm", "-r", "60", "-l", "3", "-png", str(target), str(target.with_suffix(""))], check=True
            )
            self.seen.shots += 1
        return True


@contextmanager
def portal() -> Iterator[str]:
    """The portal on its own demonstration, on a free port."""
    os.environ.setdefault("VAR_DIR", str(DATA))
    Path(os.environ["VAR_DIR"]).mkdir(parents=True, exist_ok=True)
    from tests.tools import demo, servers

    demo.prepare(seed=True)
    address = f"http://127.0.0.1:{servers.free_port()}"
    os.environ["PUBLIC_URL"] = address
    processes = {"web": demo.child("web", *demo.web(int(address.rpartition(":")[2]), develop=False))}
    processes["worker"] = demo.child("worker", *demo.WORKER)
    try:
        demo.wait_for(address, processes)
        yield address
    finally:
        demo.stop(processes)


def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        sys.exit("no Chromium found: run ./dev doctor for the line that installs it")
    return found


def take_all(address: str, given: argparse.Namespace) -> Seen:
    import django
    from playwright.sync_api import sync_playwright

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "greenlist.settings.dev")
    django.setup()
    from greenlist.portal.demo.places import PASSWORD

    seen = Seen()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu", "--lang=zh-CN"]
        )
        for role in given.role or ROLES:
            walk = Walk(browser, address, role, given, seen)
            if ROLES[role]:
                walk.sign_in(PASSWORD)
            walk.run()
            print(f"{role}: {sum(walk.taken.values())} pages", flush=True)
        browser.close()
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev screenshots", description="Every page, desktop and phone.")
    parser.add_argument("--role", nargs="*", choices=list(ROLES))
    parser.add_argument("--page", nargs="*", default=[], help="only pages whose name contains one of these words")
    parser.add_argument("--each", type=int, default=2, help="how many of each kind of page (2)")
    parser.add_argument("--address", help="of a demonstration that runs already")
    given = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    if given.address:
        seen = take_all(given.address.rstrip("/"), given)
    else:
        with portal() as address:
            seen = take_all(address, given)
    (OUT / "notes.txt").write_text("\n".join(seen.notes) + "\n", encoding="utf-8")
    print(f"{seen.shots} pictures in {OUT}; noticed {len(seen.notes)} things:")
    print("\n".join(f"  {note}" for note in seen.notes))


if __name__ == "__main__":
    main()
