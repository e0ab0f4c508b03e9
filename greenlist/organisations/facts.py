"""Rows → facts for the rule engine, under the names of `policy/facts_table.py`. Pure: rows are loaded by the caller.

Policy lies above this app, so events and titles leave here as plain values with the engine's field names.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from greenlist.organisations.models import (
    AdverseRecord,
    BodyProfile,
    BodyStaff,
    Category,
    Organisation,
    Site,
    Title,
)


@dataclass(frozen=True, slots=True)
class HeldTitle:
    """A title as the engine's `Held` has it."""

    tier: str
    listing: str
    since: date

    def __str__(self) -> str:
        return self.listing


@dataclass(frozen=True, slots=True)
class AdverseEvent:
    """An adverse record as the engine's `Event` has it; `grade` is the stored rank, 0 when not graded."""

    ref: str  # "r12": an adverse record; "t5": a title that was taken away
    kind: str
    on: date
    grade: int
    ended_on: date | None
    evidence: str
    subject: str = "unit"
    tier: str = ""
    who: str = ""  # the firm inside the park
    doubtful: bool = False  # found by its name; nobody has confirmed it yet


def of_organisation(organisation: Organisation) -> dict[str, Any]:
    """Facts of the firm; expects `area` loaded. An empty text or date is not known and left out."""
    known = {
        "org.name": organisation.name,
        "org.code": organisation.code,
        "org.registered_area": organisation.area.path,
        "org.registered_address": organisation.address,
        "org.legal_representative": organisation.legal_representative,
        "org.independent_accounting": organisation.independent_accounting,
        "org.manufacturing": organisation.manufacturing,
        "org.industry": organisation.industry_id,
        "org.founded_on": organisation.founded_on,
        "org.size": organisation.size,
        "org.products": organisation.products,
        "org.contact_name": organisation.contact_name,
        "org.contact_phone": organisation.contact_phone,
        "org.contact_email": organisation.contact_email,
        "org.striving_grade_a": organisation.striving_grade_a,
    }
    return {name: value for name, value in known.items() if value is not None and value != ""}


def of_site(site: Site, titles: Iterable[Title], category: str) -> dict[str, Any]:
    """Facts of a site; expects `area` loaded, and the titles it holds in the category asked for and as a factory."""
    held = [(one.category, HeldTitle(one.tier, one.listing, one.valid_from)) for one in titles]
    facts: dict[str, Any] = {
        "site.area": site.area.path,
        "site.titles.same_category": tuple(title for kind, title in held if kind == category),
        "site.titles.factory": tuple(title for kind, title in held if kind == Category.FACTORY),
    }
    if site.address:
        facts["site.address"] = site.address
    return facts


TOLD = ("source", "reference", "ended_source")


def evidence(record: AdverseRecord) -> str:
    """What shows a record, for people."""
    return "；".join(part for name in TOLD if (part := getattr(record, name)))


def event_of(record: AdverseRecord, *, who: str = "", doubtful: bool = False) -> AdverseEvent:
    """`who`: the firm inside the park that it befell."""
    return AdverseEvent(
        ref=f"r{record.pk}",
        kind=record.kind,
        on=record.event_on,
        grade=record.severity,
        ended_on=record.ended_on,
        evidence="；".join(part for part in (who, evidence(record)) if part),
        subject="members" if who else "unit",
        tier=record.tier,
        who=who,
        doubtful=doubtful,
    )


def event_of_title(title: Title, *, who: str = "") -> AdverseEvent:
    """The portal's own removal; expects `valid_until`."""
    assert title.valid_until is not None
    return AdverseEvent(
        ref=f"t{title.pk}",
        kind=AdverseRecord.Kind.REMOVED,
        on=title.valid_until,
        grade=0,
        ended_on=None,
        evidence="；".join(part for part in (who, title.listing) if part),
        subject="members" if who else "unit",
        tier=title.tier,
        who=who,
    )


def of_body(profile: BodyProfile, staff: Iterable[BodyStaff]) -> dict[str, Any]:
    """Facts of a third-party body; what was not said is left out. Part-time people never count (HLJ-23)."""
    people = [one for one in staff if one.full_time]
    middle, senior = BodyStaff.Level.MIDDLE, BodyStaff.Level.SENIOR
    known: dict[str, Any] = {
        "body.legal_form": profile.legal_form or None,
        "body.registered_in_china": profile.registered_in_china,
        "body.staff_full_time": len(people),
        "body.staff_middle_or_above": sum(one.level >= middle for one in people),
        "body.staff_senior": sum(one.level >= senior and one.field != BodyStaff.Field.OTHER for one in people),
        "body.fixed_office": profile.fixed_office,
        "body.finance_rules": profile.finance_rules,
    }
    return {name: value for name, value in known.items() if value is not None}
