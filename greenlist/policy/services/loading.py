"""From files to stored versions: everything is validated first, then stored in one transaction, or nothing is."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from greenlist.core import audit
from greenlist.core.actors import Actor, Capacity
from greenlist.core.errors import Invalid, NotAllowed
from greenlist.policy import engine, words
from greenlist.policy.engine.criteria import Criteria, load_criteria
from greenlist.policy.engine.factors import FactorTable, load_factors
from greenlist.policy.engine.types import Policy, PolicyError, PolicyErrors
from greenlist.policy.facts_table import FACTS
from greenlist.policy.models import CriteriaSet, CriteriaSetVersion, FactorTableVersion, RuleSet, RuleSetVersion

Files = Mapping[str, bytes]
MOST_BYTES = 2 * 1024 * 1024


class BrokenFiles(Invalid):
    """Files that do not hold; `errors` lists every mistake."""

    def __init__(self, errors: Sequence[PolicyError]) -> None:
        self.errors = tuple(errors)
        problems: dict[str, list[str]] = {}
        for error in self.errors:
            problems.setdefault(error.file, []).append(words.mistake(error))
        super().__init__(_("The files have mistakes; nothing was stored."), problems=problems)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


@dataclass(frozen=True)
class Loaded:
    """What became of one rule set or criteria set."""

    slug: str
    number: int
    digest: str
    new: bool


def _may_load(actor: Actor) -> None:
    if actor.capacity not in {Capacity.ADMINISTRATOR, Capacity.SYSTEM}:
        raise NotAllowed(_("Only an administrator may load rules."))


# ---- from the repository ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Read:
    """What a folder holds, all of it valid."""

    standards: Sequence[tuple[Criteria, str]]
    tables: Sequence[tuple[FactorTable, str]]
    rules: Sequence[tuple[Policy, Files]]


def check_policies(*, folder: Path | None = None) -> tuple[tuple[str, str], ...]:
    """Validates a folder without touching the database; (slug, digest) of each set. Raises BrokenFiles."""
    found = _read(folder, frozenset(), frozenset())
    sets = [(item.slug, item.digest) for item, _source in found.standards]
    sets += [(item.slug, item.digest) for item, _source in found.tables]
    return tuple(sets + [(item.header.slug, item.digest) for item, _files in found.rules])


def load_policies(*, actor: Actor, at: datetime, folder: Path | None = None) -> tuple[Loaded, ...]:
    """Validates every criteria set and rule set of a folder, and stores those that changed. Raises BrokenFiles."""
    _may_load(actor)
    found = _read(folder, _stored_criteria(), _stored_factors())
    with transaction.atomic():
        done = [_store_criteria(item, source, actor=actor, at=at) for item, source in found.standards]
        done += [_store_factors(item, source, actor=actor, at=at) for item, source in found.tables]
        done += [_store_rules(policy, files, actor=actor, at=at) for policy, files in found.rules]
    return tuple(done)


def _read(folder: Path | None, stored: Set[str], counted: Set[str]) -> _Read:
    root = folder or Path(settings.POLICIES_DIR).parent
    errors: list[PolicyError] = []
    standards = list(_read_criteria(root, errors))
    tables = list(_read_factors(root, errors))
    rules = list(_read_rules(root, errors))
    factors = {table.slug for table, _source in tables} | counted
    # A criteria file that is broken itself is there all the same: its rule sets are not wrong for naming it.
    broken = {Path(error.file).stem for error in errors if error.file.startswith("criteria/")}
    known = {standard.slug for standard, _source in standards} | stored | broken
    for policy, _files in rules:
        errors.extend(_unknown_criteria(policy, known))
        errors.extend(_unknown_factors(policy, factors))
    if errors:
        raise BrokenFiles(errors)
    return _Read(standards, tables, rules)


def _read_criteria(root: Path, errors: list[PolicyError]) -> Iterator[tuple[Criteria, str]]:
    for path in sorted((root / "criteria").glob("*.toml")):
        content = path.read_bytes()
        try:
            yield load_criteria(f"criteria/{path.name}", content), content.decode()
        except PolicyErrors as wrong:
            errors.extend(wrong.errors)


def _read_factors(root: Path, errors: list[PolicyError]) -> Iterator[tuple[FactorTable, str]]:
    for path in sorted((root / "factors").glob("*.toml")):
        content = path.read_bytes()
        try:
            yield load_factors(f"factors/{path.name}", content), content.decode()
        except PolicyErrors as wrong:
            errors.extend(wrong.errors)


def _read_rules(root: Path, errors: list[PolicyError]) -> Iterator[tuple[Policy, Files]]:
    for folder in sorted(path for path in (root / "policies").iterdir() if path.is_dir()):
        files = with_forms({path.name: path.read_bytes() for path in folder.glob("*.toml")}, root)
        try:
            yield engine.load(files, FACTS), files
        except PolicyErrors as wrong:
            errors.extend(_in_folder(error, folder.name) for error in wrong.errors)


def _in_folder(error: PolicyError, folder: str) -> PolicyError:
    name = error.file if error.file.startswith("forms/") else f"{folder}/{error.file}"
    return PolicyError(name, error.key, error.template, error.params)


def with_forms(files: Files, root: Path) -> dict[str, bytes]:
    """The files with the shared forms they cite and do not bring themselves."""
    whole = dict(files)
    for name in engine.forms_cited(files):
        path = root / name
        if name not in whole and path.resolve().is_relative_to(root.resolve()) and path.is_file():
            whole[name] = path.read_bytes()
    return whole


def _stored_criteria() -> set[str]:
    return set(CriteriaSet.objects.values_list("slug", flat=True))


def _stored_factors() -> set[str]:
    return set(FactorTableVersion.objects.values_list("slug", flat=True))


def _unknown_factors(policy: Policy, known: Set[str]) -> Iterator[PolicyError]:
    """A form may only count with factor tables that exist."""
    for key, form in policy.forms.items():
        for section in form.sections:
            for field in section.fields:
                for slug in sorted(set(field.factors) - known):
                    where = f"section.{section.key}.field.{field.key}.factors"
                    yield PolicyError(f"forms/{key}.toml", where, "there is no factor table %(slug)s", {"slug": slug})


def _unknown_criteria(policy: Policy, known: Set[str]) -> Iterator[PolicyError]:
    """A rule set may only pin editions that exist."""
    for entry in policy.raw["policy.toml"].get("criteria", ()):
        name = "else" if "by" in entry else "set"
        named = entry[name]
        ask = policy.asks.get(named.removeprefix("$call."))
        wanted = [choice.key for choice in ask.of] if ask else [named]
        for slug in wanted:
            if slug not in known:
                file, template = f"{policy.header.slug}/policy.toml", "there is no criteria set %(slug)s"
                yield PolicyError(file, f"criteria.{entry['category']}.{name}", template, {"slug": slug})


def _versions_of(slug: str) -> QuerySet[RuleSetVersion]:
    return RuleSetVersion.objects.filter(rule_set__slug=slug)


# ---- by upload --------------------------------------------------------------------------------------------------------
def store_uploaded(*, files: Files, actor: Actor, at: datetime, slug: str = "") -> Loaded:
    """A new version from uploaded files (policy.toml, clauses.toml, forms/…). Raises BrokenFiles, NotAllowed.

    Files that are not uploaded are taken from the newest version of the same rule set, so that one file may be
    replaced alone. Nothing that is stored is ever edited.
    """
    _may_load(actor)
    if sum(len(content) for content in files.values()) > MOST_BYTES:
        raise Invalid(_("The files are too large for a rule set."))
    whole = with_forms({**_stored_files(slug or engine.slug_of(files)), **files}, Path(settings.POLICIES_DIR).parent)
    try:
        policy = engine.load(whole, FACTS)
    except PolicyErrors as wrong:
        raise BrokenFiles(wrong.errors) from wrong
    unknown = [*_unknown_criteria(policy, _stored_criteria()), *_unknown_factors(policy, _stored_factors())]
    if unknown:
        raise BrokenFiles(unknown)
    with transaction.atomic():
        return _store_rules(policy, whole, actor=actor, at=at)


def _stored_files(slug: str) -> dict[str, bytes]:
    newest = _versions_of(slug).order_by("-number").first()
    return {name: text.encode() for name, text in newest.sources.items()} if newest else {}


def store_criteria(*, name: str, content: bytes, actor: Actor, at: datetime) -> Loaded:
    """A new version of a criteria set from one file. Raises BrokenFiles, NotAllowed."""
    _may_load(actor)
    try:
        criteria = load_criteria(name, content)
    except PolicyErrors as wrong:
        raise BrokenFiles(wrong.errors) from wrong
    with transaction.atomic():
        return _store_criteria(criteria, content.decode(), actor=actor, at=at)


def store_factors(*, name: str, content: bytes, actor: Actor, at: datetime) -> Loaded:
    """A new version of a factor table from one file. Raises BrokenFiles, NotAllowed."""
    _may_load(actor)
    try:
        table = load_factors(name, content)
    except PolicyErrors as wrong:
        raise BrokenFiles(wrong.errors) from wrong
    with transaction.atomic():
        return _store_factors(table, content.decode(), actor=actor, at=at)


# ---- storing ----------------------------------------------------------------------------------------------------------
def _store_rules(policy: Policy, files: Files, *, actor: Actor, at: datetime) -> Loaded:
    header = policy.header
    rule_set, _created = RuleSet.objects.get_or_create(
        slug=header.slug,
        defaults={"owner": header.owner, "tier": header.tier, "title": header.title.zh, "title_en": header.title.en},
    )
    rule_set = RuleSet.objects.select_for_update().get(pk=rule_set.pk)  # numbers are given under this lock
    known = rule_set.versions.filter(digest=policy.digest).first()
    newest = rule_set.versions.order_by("-number").first()
    if known is not None and known == newest:
        return Loaded(header.slug, known.number, policy.digest, new=False)
    if known is not None:
        raise Invalid(_("These files are those of an older version; a version is stored once."))
    if rule_set.owner != header.owner:
        raise Invalid(_("A rule set keeps its owner; use another slug for another place."))
    version = RuleSetVersion.objects.create(
        rule_set=rule_set,
        number=newest.number + 1 if newest else 1,
        digest=policy.digest,
        canonical=policy.raw,
        sources={name: content.decode() for name, content in sorted(files.items())},
        loaded_at=at,
        loaded_by=actor.name,
    )
    rule_set.title, rule_set.title_en, rule_set.tier = header.title.zh, header.title.en, header.tier
    rule_set.save(update_fields=["title", "title_en", "tier"])
    audit.record(
        actor=actor,
        subject=("rules", header.slug),
        action="policy.loaded",
        at=at,
        data={"number": version.number, "digest": version.digest, "files": sorted(files)},
    )
    return Loaded(header.slug, version.number, version.digest, new=True)


def _store_criteria(criteria: Criteria, source: str, *, actor: Actor, at: datetime) -> Loaded:
    criteria_set, _created = CriteriaSet.objects.get_or_create(
        slug=criteria.slug,
        defaults={
            "category": criteria.category,
            "standard": criteria.standard,
            "edition": criteria.edition,
            "title": criteria.title.zh,
            "title_en": criteria.title.en,
        },
    )
    criteria_set = CriteriaSet.objects.select_for_update().get(pk=criteria_set.pk)
    known = criteria_set.versions.filter(digest=criteria.digest).first()
    newest = criteria_set.versions.order_by("-number").first()
    if known is not None and known == newest:
        return Loaded(criteria.slug, known.number, criteria.digest, new=False)
    if known is not None:
        raise Invalid(_("These files are those of an older version; a version is stored once."))
    version = CriteriaSetVersion.objects.create(
        criteria_set=criteria_set,
        number=newest.number + 1 if newest else 1,
        digest=criteria.digest,
        canonical=criteria.raw,
        source=source,
        loaded_at=at,
        loaded_by=actor.name,
    )
    audit.record(
        actor=actor,
        subject=("criteria", criteria.slug),
        action="criteria.loaded",
        at=at,
        data={"number": version.number, "digest": version.digest},
    )
    return Loaded(criteria.slug, version.number, version.digest, new=True)


def _store_factors(table: FactorTable, source: str, *, actor: Actor, at: datetime) -> Loaded:
    stored = list(FactorTableVersion.objects.select_for_update().filter(slug=table.slug).order_by("-number"))
    known = next((one for one in stored if one.digest == table.digest), None)
    if known is not None and known == stored[0]:
        return Loaded(table.slug, known.number, table.digest, new=False)
    if known is not None:
        raise Invalid(_("These files are those of an older version; a version is stored once."))
    version = FactorTableVersion.objects.create(
        slug=table.slug,
        kind=table.kind,
        number=stored[0].number + 1 if stored else 1,
        title=table.title.zh,
        title_en=table.title.en,
        verified=table.verified,
        digest=table.digest,
        canonical=table.raw,
        source=source,
        loaded_at=at,
        loaded_by=actor.name,
    )
    audit.record(
        actor=actor,
        subject=("factors", table.slug),
        action="factors.loaded",
        at=at,
        data={"number": version.number, "digest": version.digest},
    )
    return Loaded(table.slug, version.number, version.digest, new=True)
