from typing import Any

from django.core.management.base import BaseCommand, CommandError

from greenlist.core import clock, rotation


class Command(BaseCommand):
    help = (
        "Writes encrypted personal data anew under the first of FIELD_KEYS. Repeat until nothing is rotated any more."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        outcomes = rotation.rotate(at=clock.now())
        for row in outcomes:
            self.stdout.write(
                f"{row.column}: {row.rotated} rotated, {row.current} current, {row.unreadable} unreadable"
            )
        if unreadable := sum(row.unreadable for row in outcomes):
            raise CommandError(f"{unreadable} value(s) can be opened by no key: keep the old keys")
