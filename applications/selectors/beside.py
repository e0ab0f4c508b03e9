"""A case's answers and its evidence side by side: one part of the report, one row of it, one file in view."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from applications.models import Evidence
from applications.selectors import review, shown
from applications.selectors.review import Question, ReviewPage
from applications.selectors.scores import RowShown
from greenlist.core.actors import Actor
from greenlist.core.attachments import PREVIEWED


@dataclass(frozen=True, slots=True)
class Row:
    """One answer with the files that belong to it."""

    section: shown.ShownSection
    one: shown.ShownField
    proof: shown.ShownField | None
    files: tuple[Evidence, ...]
    url: str
    is_current: bool

    @property
    def anchor(self) -> str:
        return anchor(self.one.path)


@dataclass(frozen=True, slots=True)
class File:
    """One file of the chosen row."""

    row: Evidence
    url: str
    is_current: bool

    @property
    def kind(self) -> str:
        """How a page can show it: pdf, picture, or other (to be downloaded)."""
        if self.row.blob.content_type not in PREVIEWED:
            return "other"
        return "pdf" if self.row.blob.content_type == "application/pdf" else "picture"


@dataclass(frozen=True, slots=True)
class Part:
    """One section of the report in the list of them."""

    title: str
    url: str
    files: int
    is_current: bool


@dataclass(frozen=True, slots=True)
class Beside:
    """What the page shows; `page` is the review page of the same case, which brings remarks, questions and rights."""

    page: ReviewPage
    parts: tuple[Part, ...]
    rows: tuple[Row, ...]  # of the chosen part
    row: Row | None
    files: tuple[File, ...]
    previous: Row | None
    following: Row | None
    questions: tuple[Question, ...]  # that are about the chosen part
    indicators: tuple[RowShown, ...]

    @property
    def file(self) -> File | None:
        return next((one for one in self.files if one.is_current), None)

    @property
    def next_file(self) -> File | None:
        return self._file_beside(1)

    @property
    def previous_file(self) -> File | None:
        return self._file_beside(-1)

    def _file_beside(self, by: int) -> File | None:
        here = next((place for place, one in enumerate(self.files) if one.is_current), 0) + by
        return self.files[here] if 0 <= here < len(self.files) else None


def beside(actor: Actor, reference: str, *, path: str = "", file: str = "") -> Beside:
    """The chosen row (else the first with a file) and the chosen file of it. Raises NotVisible, NotAllowed."""
    page = review.page(actor, reference)
    every = list(_rows(page, path))
    place = next((n for n, row in enumerate(every) if row.is_current), None)
    row = every[place] if place is not None else None
    section = row.section.key if row else ""
    return Beside(
        page=page,
        parts=tuple(_parts(page, every, section)),
        rows=tuple(one for one in every if one.section.key == section),
        row=row,
        files=_files(reference, row, file) if row else (),
        previous=every[place - 1] if place else None,
        following=every[place + 1] if place is not None and place + 1 < len(every) else None,
        questions=tuple(one for one in page.questions if section and one.point.section == section),
        indicators=tuple(
            one for group in (page.scores.groups if page.scores else ()) for one in group.rows if one.section == section
        ),
    )


def anchor(path: str) -> str:
    """The id of a row on the page."""
    return f"f-{path}"


def address(reference: str, path: str, file: str = "") -> str:
    """The page with a row, and a file of it, in view."""
    query = urlencode({"row": path, **({"file": file} if file else {})})
    return f"{reverse('applications:beside', args=[reference])}?{query}#{anchor(path)}"


def _rows(page: ReviewPage, path: str) -> Iterator[Row]:
    found = [
        (section, one, proof, (*one.files, *(proof.files if proof else ())))
        for section in page.sections
        for one, proof in section.rows
    ]
    known = {one.path for _section, one, _proof, _files in found}
    if path not in known:
        path = next((one.path for _section, one, _proof, files in found if files), "") or next(iter(known), "")
        path = path if path in known else ""
    for section, one, proof, files in found:
        url = address(page.case.reference, one.path)
        yield Row(section, one, proof, files, url, one.path == path)


def _files(reference: str, row: Row, chosen: str) -> tuple[File, ...]:
    known = [one.reference for one in row.files]
    current = chosen if chosen in known else next(iter(known), "")
    return tuple(
        File(one, address(reference, row.one.path, one.reference), one.reference == current) for one in row.files
    )


def _parts(page: ReviewPage, rows: list[Row], current: str) -> Iterator[Part]:
    for section in page.sections:
        own = [row for row in rows if row.section.key == section.key]
        if own:
            first = next((row for row in own if row.files), own[0])
            yield Part(section.title, first.url, sum(len(row.files) for row in own), section.key == current)
