"""Blind review: what experts read carries no name, code, number, place or person of the unit (feature 17).

Names the portal knows are taken out of every text; files are shown only where an official found that they name nobody.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from applications.models import Application, Evidence
from applications.selectors.shown import ShownSection
from greenlist.accounts import selectors as accounts
from greenlist.accounts.models import Area
from greenlist.organisations.models import Name
from reviews.models import Panel, PanelItem, ShownFile

HIDDEN = "▇▇▇"
FORMS_OF_FIRMS = ("集团股份有限公司", "集团有限公司", "股份有限公司", "有限责任公司", "有限公司")
SHORTEST = 3  # characters: shorter words would hide half the text


def numbers(panel: Panel) -> dict[int, int]:
    """Item → the number by which the experts of a blind panel know it: the order of the aliases, which says nothing."""
    aliases = sorted(panel.items.values_list("alias", "pk"))
    return {item: number for number, (_alias, item) in enumerate(aliases, start=1)}


def words_of(case: Application) -> tuple[str, ...]:
    """Everything by which a unit could be known, the longest first."""
    firm, site = case.organisation, case.site
    paths = {*accounts.lineage(site.area.path), *accounts.lineage(firm.area.path)}
    areas = Area.objects.filter(path__in=paths).values_list("name", "full_name")
    places = {name for both in areas for name in both if name}
    known = {
        case.name,
        case.code,
        case.number,
        case.reference,
        firm.name,
        firm.code or "",
        firm.address,
        firm.legal_representative,
        firm.contact_name,
        firm.contact_phone,
        firm.contact_email,
        site.name,
        site.address,
        *Name.objects.filter(organisation=firm).values_list("text", flat=True),
    }
    known |= {core for name in list(known) for core in _cores(name, places)} | places
    return tuple(sorted((word for word in known if word and len(word) >= SHORTEST), key=len, reverse=True))


def _cores(name: str, places: Collection[str]) -> Iterable[str]:
    """A firm's name without its legal form, and without the places before it: 秦皇岛海港示例有限公司 is known as 示例 too."""
    starts = sorted({*places, *(place.rstrip("省市区县") for place in places)} - {""}, key=len, reverse=True)
    for tail in FORMS_OF_FIRMS:
        if name.endswith(tail):
            core = name.removesuffix(tail)
            yield core
            while start := next((one for one in starts if core.startswith(one)), ""):
                core = core.removeprefix(start)
                yield core
            return


def hide(value: Any, words: Iterable[str]) -> Any:
    """The same value with the words taken out of every text in it."""
    if isinstance(value, str):
        for word in words:
            value = value.replace(word, HIDDEN)
        return value
    if isinstance(value, tuple | list):
        return type(value)(hide(one, words) for one in value)
    if isinstance(value, Mapping):
        return {key: hide(one, words) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: hide(getattr(value, one.name), words) for one in fields(value)})
    return value


def sections(panel: Panel, case: Application, found: tuple[ShownSection, ...]) -> tuple[ShownSection, ...]:
    """The report without names, and without files: those that may be seen are listed apart."""
    words = words_of(case)
    bare = (
        replace(part, fields=tuple(replace(one, files=(), before=None) for one in part.fields if not one.files))
        for part in found
    )
    return tuple(hide(part, words) for part in bare)


def files(panel: Panel, case: Application) -> list[ShownFile]:
    """The files of a case that the panel may see."""
    rows = ShownFile.objects.filter(panel=panel, evidence__report=case.report, evidence__removed_at=None)
    return list(rows.select_related("evidence__blob", "bare").order_by("pk"))


def to_show(
    panel: Panel, part: slice = slice(None), *, cases: Collection[str] | None = None
) -> list[tuple[PanelItem, list[tuple[Evidence, bool]]]]:
    """For officials: every file of the units of a page, or of the units named, and whether the panel sees it."""
    shown = set(panel.shown_files.values_list("evidence_id", flat=True))
    rows = panel.items.select_related("application").order_by("application__priority", "application_id")
    items = list((rows if cases is None else rows.filter(application__reference__in=cases))[part])
    held: dict[int, list[Evidence]] = {}
    reports = [item.application.report_id for item in items]
    for row in Evidence.objects.filter(report_id__in=reports, removed_at=None).select_related("blob").order_by("pk"):
        held.setdefault(row.report_id, []).append(row)
    return [(item, [(row, row.pk in shown) for row in held.get(item.application.report_id, [])]) for item in items]


def matching(ties: str, cases: Iterable[Application]) -> dict[int, str]:
    """Case → the tie that names it, among names an expert gave, one a line. Experts of a blind panel know no units."""
    found: dict[int, str] = {}
    lines = [line.strip() for line in ties.splitlines() if len(_plain(line)) >= SHORTEST]
    for case in cases:
        names = {_plain(case.name), _plain(case.code), _plain(case.organisation.name)} - {""}
        for line in lines:
            given = _plain(line)
            if any(given in name or name in given for name in names):
                found[case.pk] = line
    return found


def _plain(text: str) -> str:
    return "".join(text.split()).replace("（", "(").replace("）", ")").casefold()
