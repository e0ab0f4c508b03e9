"""Ways to look at the desk that people keep, each for one of their capacities."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from applications.models import SavedFilter
from applications.selectors import desk as reads
from greenlist.core.actors import Actor
from greenlist.core.errors import Invalid, NotAllowed, NotVisible

MOST = 20
LONGEST_NAME = 40


@transaction.atomic
def save(*, actor: Actor, at: datetime, name: str, given: Mapping[str, str]) -> SavedFilter:
    """Keeps the filters that the desk knows; one of the same name is replaced. Raises Invalid, NotAllowed."""
    if not actor.is_official:
        raise NotAllowed(_("Only officials have a review desk."))
    name, query = name.strip(), reads.query_of(given)
    problems: dict[str, list] = {}
    if not name or len(name) > LONGEST_NAME:
        problems["name"] = [_("Give it a name of at most %(most)s characters.") % {"most": LONGEST_NAME}]
    mine = SavedFilter.objects.filter(user_id=actor.user_id, capacity=actor.key)
    if not mine.filter(name=name).exists() and mine.count() >= MOST:
        problems["name"] = [_("At most %(most)s are kept: delete one first.") % {"most": MOST}]
    if problems:
        raise Invalid(_("Not saved."), problems=problems)
    kept, _made = SavedFilter.objects.update_or_create(
        user_id=actor.user_id, capacity=actor.key, name=name, defaults={"query": query}
    )
    return kept


def delete(*, actor: Actor, pk: int) -> None:
    """Raises NotVisible for somebody else's."""
    gone, _rows = SavedFilter.objects.filter(pk=pk, user_id=actor.user_id, capacity=actor.key).delete()
    if not gone:
        raise NotVisible
