"""Numbers without gaps in their order: one locked row per scope and year, taken last in a transaction."""

from django.db import transaction

from greenlist.core.models import Sequence


@transaction.atomic(savepoint=False)
def take(*, scope: str, year: int) -> int:
    """The next number of a scope and year, from 1. Holds the scope until the transaction ends; a rollback gives it back."""
    rows = Sequence.objects.select_for_update()
    try:
        row = rows.get(scope=scope, year=year)
    except Sequence.DoesNotExist:
        # Two may begin the same scope: the second insert waits for the first and then does nothing.
        Sequence.objects.bulk_create([Sequence(scope=scope, year=year)], ignore_conflicts=True)
        row = rows.get(scope=scope, year=year)
    row.last += 1
    row.save(update_fields=["last"])
    return row.last
