from typing import Any

from django.core.management.base import BaseCommand, CommandError

from greenlist.core import audit_keys, clock, rotation


class Command(BaseCommand):
    help = (
        "Goes over to a new AUDIT_KEY, and writes encrypted personal data anew under the first of FIELD_KEYS. "
        "Repeat until nothing is rotated any more."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            changed = audit_keys.change(at=clock.now())
        except audit_keys.NotChanged as reason:
            raise CommandError(str(reason)) from reason
        if changed is not None:
            self.stdout.write(f"audit trail: {changed.chains} chain(s) sealed, key {changed} from now on")
        outcomes = rotation.rotate(at=clock.now())
        for row in outcomes:
            self.stdout.write(
                f"{row.column}: {row.rotated} rotated, {row.current} current, {row.unreadable} unreadable"
            )
        if unreadable := sum(row.unreadable for row in outcomes):
            raise CommandError(f"{unreadable} value(s) can be opened by no key: keep the old keys")
