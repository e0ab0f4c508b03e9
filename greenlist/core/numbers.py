"""Numbers without gaps in their order: one locked row per scope and year, taken last in a transaction."""

from django.db import transaction

from greenlist.core.models import Sequence


@transaction.atomic
def take(*, scope: str, year: int) -> int:
    """The next number of a scope and year, from 1."""
    Sequence.objects.get_or_create(scope=scope, year=year)
    row = Sequence.objects.select_for_update().get(scope=scope, year=year)
    row.last += 1
    row.save(update_fields=["last"])
    return row.last
