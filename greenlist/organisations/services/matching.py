"""Whom a record is about: by the credit code; where there is none, names propose and an official says yes or no."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Subquery, Value
from django.db.models.functions import Replace
from django.utils.translation import gettext_lazy as _

from greenlist.core import audit
from greenlist.core.actors import SYSTEM, Actor
from greenlist.core.errors import Invalid, NotAllowed, NotVisible, WrongState
from greenlist.organisations import rules, selectors
from greenlist.organisations.models import AdverseMatch, AdverseRecord, Name, Organisation

State = AdverseMatch.State
ROUND = 2000  # records one statement looks at
ANOTHERS = _(
    "By its credit code this record belongs to another organisation already. If that is the firm inside the park, add it "
    "with its credit code to the park's list of firms, and answer here that it is another one."
)
NARROW = str.maketrans("（）", "()")


def spellings(name: str) -> set[str]:
    """A name as it is and with brackets of either width: sources mix them."""
    plain = rules.clean_name(name)
    return {name, plain, plain.translate(NARROW)}


def link_codes() -> int:
    """Links every record whose code belongs to an organisation by now; one statement. Returns how many."""
    loose = AdverseRecord.objects.filter(organisation=None).exclude(code="")
    owner = Organisation.objects.filter(code=OuterRef("code")).values("pk")[:1]
    known = loose.filter(code__in=Organisation.objects.exclude(code=None).values("code"))
    return known.update(organisation=Subquery(owner))


def find(*, records: Iterable[AdverseRecord], at: datetime) -> int:
    """Puts those without a code beside the organisations that bear or bore their name; returns how many pairs are new.

    A pair that was decided stays decided, however often this runs.
    """
    waiting = [one for one in records if not one.code and one.organisation_id is None]
    return sum(_find(batch, at) for batch in batched(waiting))


def find_all(*, at: datetime) -> int:
    """The same for every record that nobody was found for yet, batch by batch."""
    found, last = _find_codeless(at), 0
    rows = AdverseRecord.objects.nobodys().only("pk", "name", "code", "organisation_id").order_by("pk")
    while batch := list(rows.filter(pk__gt=last)[:ROUND]):
        found += _find(batch, at)
        last = batch[-1].pk
    return found


def _find_codeless(at: datetime) -> int:
    """Records whose code nobody has, beside organisations that are known by their name alone (firms inside a park)."""
    loose = AdverseRecord.objects.filter(organisation=None).exclude(code="")
    wide = Replace(Replace(F("name"), Value("("), Value("（")), Value(")"), Value("）"))
    bears = Organisation.objects.filter(code=None, name=OuterRef("wide"))
    bore = Name.objects.filter(organisation__code=None, text=OuterRef("wide"))
    rows = loose.annotate(wide=wide).filter(Exists(bears) | Exists(bore)).only("pk", "name", "code", "organisation_id")
    return sum(_find(batch, at) for batch in batched(rows.order_by("pk").iterator(chunk_size=ROUND)))


def batched(rows: Iterable[AdverseRecord]) -> Iterator[list[AdverseRecord]]:
    """Lists of at most `ROUND`."""
    waiting = iter(rows)
    while batch := list(islice(waiting, ROUND)):
        yield batch


def _spelled(firm: Organisation) -> set[str]:
    """Present and former names, as sources may write them."""
    return {spelling for name in (firm.name, *firm.former.split("\n")) if name for spelling in spellings(name)}


def _find(records: Sequence[AdverseRecord], at: datetime) -> int:
    by_name: dict[str, list[int]] = defaultdict(list)
    for record in records:
        for name in spellings(record.name):
            by_name[name].append(record.pk)
    asked = list(by_name)
    pairs = set(Organisation.objects.filter(name__in=asked).values_list("name", "pk", "code"))
    names = Name.objects.filter(text__in=asked)
    pairs |= set(names.values_list("text", "organisation_id", "organisation__code"))
    coded = {record.pk for record in records if record.code}
    # A record with a code is about nobody who has another one.
    wanted = {
        (record, firm) for name, firm, code in pairs for record in by_name[name] if not (code and record in coded)
    }
    known = set(
        AdverseMatch.objects.filter(record__in=[one.pk for one in records]).values_list("record_id", "organisation_id")
    )
    fresh = sorted(wanted - known)
    AdverseMatch.objects.bulk_create(
        [AdverseMatch(record_id=record, organisation_id=firm, found_at=at) for record, firm in fresh],
        ignore_conflicts=True,  # another run was faster
    )
    return len(fresh)


def find_for(*, organisation: Organisation, at: datetime) -> int:
    """The same from the other side: an organisation that is new here or has a new name."""
    names = _spelled(organisation)
    found = find(records=AdverseRecord.objects.nobodys().filter(name__in=names), at=at)
    if organisation.code:
        return found
    coded = AdverseRecord.objects.filter(organisation=None, name__in=names).exclude(code="")
    return found + _find(list(coded), at)


def drop(record: AdverseRecord) -> None:
    """What a corrected record proposes is found anew; words that were given stay."""
    record.matches.filter(state=State.OPEN).delete()


@transaction.atomic
def decide(*, match_id: int, same: bool, note: str, actor: Actor, at: datetime) -> AdverseMatch:
    """An official of the firm's place says whether the record is about it, and from what that is known.

    A yes links the record and settles its other pairs; a no is always taken while nobody has decided.

    Raises NotVisible, NotAllowed, Invalid (no reason), WrongState (decided already; a yes to what is another's by its code).
    """
    seen = AdverseMatch.objects.visible_to(actor).filter(pk=match_id)
    match = AdverseMatch.objects.select_for_update(of=("self",)).filter(pk__in=seen.values("pk")).first()
    if match is None:
        raise NotVisible
    if not rules.is_in_charge(actor, *selectors.paths_of(match.organisation)):
        raise NotAllowed(_("Only an authority of the place says whether its firm is meant."))
    if not note.strip():
        raise Invalid(_("Not done."), problems={"note": [_("Write from what this is known.")]})
    record = AdverseRecord.objects.select_for_update().get(pk=match.record_id)
    if match.state != State.OPEN:
        raise WrongState(_("This has been decided already."))
    if same and record.organisation_id not in (None, match.organisation_id):  # linked by its code meanwhile
        raise WrongState(ANOTHERS)
    _decide(match, State.CONFIRMED if same else State.DENIED, note.strip(), actor, at)
    if same:
        record.organisation_id = match.organisation_id
        record.save(update_fields=["organisation"])
        for other in record.matches.filter(state=State.OPEN).select_for_update():
            _decide(other, State.DENIED, str(_("Another organisation was confirmed.")), SYSTEM, at)
    audit.record(
        actor=actor,
        subject=("organisation", match.organisation_id),
        action="adverse.match_confirmed" if same else "adverse.match_denied",
        at=at,
        data={"record": record.pk, "note": note.strip()},
    )
    return match


def _decide(match: AdverseMatch, state: str, note: str, actor: Actor, at: datetime) -> None:
    match.state, match.note, match.by_id, match.decided_at = state, note[:300], actor.user_id, at
    match.save(update_fields=["state", "note", "by", "decided_at"])
