"""List books and the places on them, as every way onto a list writes them."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _now

from greenlist.accounts.models import Authority
from greenlist.organisations.models import Category, Site
from registry.models import Entry, ImportedList, ListBook, Listing
from registry.states import EntryKind, ListingState


def of(owner: Authority, category: str) -> ListBook:
    """The list of an authority, begun where there is none yet."""
    found, _created = ListBook.objects.get_or_create(owner=owner, category=category, defaults=_titles(owner, category))
    return found


def _titles(owner: Authority, category: str) -> dict[str, str]:
    def words(language: str) -> str:
        with translation.override(language):
            name = owner.area.name if language != "en" else owner.area.name_en or owner.area.name
            return _now("%(place)s: list of the category “%(category)s”") % {
                "place": name,
                "category": Category(category).label,
            }

    return {"title": words("zh-hans")[:120], "title_en": words("en")[:160]}


def enter(book: ListBook, site: Site, there: Listing | None, printed: Mapping[str, Any]) -> Listing:
    """The site's place on the list: a new one, or the locked one it has or had, under what is printed now."""
    if there is None:
        return Listing.objects.create(listbook=book, site=site, **printed)
    if there.name != printed["name"] and there.name not in there.former.splitlines():
        there.former = "\n".join([*there.former.splitlines(), there.name])
    for name, value in printed.items():
        setattr(there, name, value)
    there.enter_again()
    there.save()
    return there


def ended_after(there: Listing, on: date) -> bool:
    """Whether the place was taken off by a document newer than this day: an old list brings nobody back."""
    return there.state == ListingState.REMOVED and there.entries.filter(kind=EntryKind.REMOVED, on__gt=on).exists()


def print_line(listing: Listing, imported: ImportedList, kind: str, position: int, on: date) -> Entry:
    """One line of a list taken over; the same line twice is one."""
    printed = {"position": position, "name": listing.name, "area_name": listing.area_name, "on": on}
    found, _created = Entry.objects.get_or_create(imported=imported, listing=listing, kind=kind, defaults=printed)
    return found
