"""Documents with thousands of rows: laid out in parts, so that time and memory of each stay what a short one takes (G17).

A part ends where a page ends: its last page is dropped and the next part begins with the first row of it, so that no joint is
seen on paper. The numbers of the pages are printed by a document of their own and laid over the joined parts, because how many
pages there are is known last. A document below the limit is none of this module's business (docs/adr/0006).
"""

import html as entities
import re
from collections.abc import Callable
from dataclasses import dataclass

from greenlist.core.binding import Part, bundle

WHOLE = 1500  # rows that are laid out at once; more than that is cut
ROWS = 750  # of one part
TABLE = re.compile(r"<tbody[^>]*>(?P<blocks>(?:\s*<tr\b(?:(?!</tbody>).)*?</tr>){2,}\s*)</tbody>", re.DOTALL)
SECTIONS = re.compile(r"(?P<blocks>(?:\s*<section>(?:(?!</section>).)*</section>){2,})", re.DOTALL)
BLOCK = {
    "tr": re.compile(r"\s*<tr\b.*?</tr>", re.DOTALL),
    "section": re.compile(r"\s*<section>.*?</section>", re.DOTALL),
}
EACH_PAGE = re.compile(r'<div class="watermark">.*?</div>', re.DOTALL)
UNNUMBERED = "<style>@page { @bottom-center { content: none } } table { margin-top: 0 }</style>"
TRANSPARENT = "<style>html { background: none }</style>"  # what lies over must not hide what it lies on

# HTML → PDF and, with `carry`, without its last page and with the number of the first row of that page.
RenderPart = Callable[[str, bool], tuple[bytes, int]]
Tick = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Long:
    """A document cut before and after its many rows (`tr`) or sections."""

    before: str
    blocks: tuple[str, ...]
    after: str
    kind: str

    @property
    def head(self) -> str:
        """Up to the first thing that is printed."""
        return self.before[: self.before.index(">", self.before.index("<body")) + 1]

    @property
    def opening(self) -> str:
        """What stands on each page of it: the watermark of a draft, and the table with columns and heading."""
        table = self.before[self.before.rindex("<table") :] if self.kind == "tr" else ""
        return "".join(EACH_PAGE.findall(self.before)) + table

    @property
    def rows(self) -> int:
        return sum(max(block.count("</tr>"), 1) for block in self.blocks)

    @property
    def title(self) -> str:
        found = re.search(r"<title>(.*?)</title>", self.before, re.DOTALL)
        return entities.unescape(found[1]) if found else ""

    def cut(self, start: int) -> int:
        """The first block that is too much for a part that begins with this one."""
        rows = 0
        for number in range(start, len(self.blocks)):
            rows += max(self.blocks[number].count("</tr>"), 1)
            if rows >= ROWS:
                return number + 1
        return len(self.blocks)

    def part(self, start: int, end: int) -> str:
        """The page of these blocks: the first with what stands before them, the last with what follows."""
        rows = (_named(self.blocks[number], self.kind, number) for number in range(start, end))
        opened = self.before if start == 0 else self.head + self.opening
        closed = self.after if end == len(self.blocks) else "</body></html>"
        # After the last style of the document: the others set the numbers of the pages.
        return (opened + "".join(rows) + closed).replace("</head>", _style(start) + "</head>", 1)

    def numbers(self, pages: int) -> str:
        """As many empty pages with nothing but their numbers."""
        head = self.head.replace("</head>", TRANSPARENT + "</head>", 1)
        return head + '<p style="break-after: page"></p>' * (pages - 1) + "<p></p></body></html>"


def _style(start: int) -> str:
    return UNNUMBERED if start else UNNUMBERED.replace(" table { margin-top: 0 }", "")


def _named(block: str, kind: str, number: int) -> str:
    return block.replace(f"<{kind}", f'<{kind} id="row-{number}"', 1)


def long(html: str) -> Long | None:
    """The document cut up, if it has more rows than are laid out at once."""
    if html.count("</tr>") <= WHOLE:
        return None
    for kind, pattern in (("tr", TABLE), ("section", SECTIONS)):
        found = max(pattern.finditer(html), key=lambda one: one["blocks"].count("</tr>"), default=None)
        if found is not None and found["blocks"].count("</tr>") > WHOLE:
            start, end = found.span("blocks")
            return Long(html[:start], tuple(BLOCK[kind].findall(found["blocks"])), html[end:], kind)
    return None


def render(document: Long, render_part: RenderPart, tick: Tick) -> bytes:
    """The whole document. Raises PdfFailed and whatever `render_part` raises."""
    count, start = len(document.blocks), 0
    steps = -(-document.rows // ROWS) + 1  # and the joining
    with bundle() as folder:
        files: list[str] = []
        while start < count:
            tick(len(files), steps)
            end = document.cut(start)
            # A section may go on over a page: only rows of a table are carried over, other parts begin on a page of their own.
            carry = end < count and document.kind == "tr"
            body, first = render_part(document.part(start, end), carry)
            files.append(folder.add(body))
            start = first if carry and first > start else end
        pages = [one.pages for one in folder.count([(name, "application/pdf") for name in files])]
        over, _none = render_part(document.numbers(sum(pages)), False)
        parts = [Part(name, number) for name, number in zip(files, pages, strict=True)]
        tick(steps - 1, steps)
        return folder.join(parts, title=document.title, over=folder.add(over))
