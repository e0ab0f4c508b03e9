from typing import Any

from django.core.management.base import BaseCommand, CommandError

from greenlist.core import audit


class Command(BaseCommand):
    help = "Walks every audit chain and names each break."

    def handle(self, *args: Any, **options: Any) -> None:
        breaks = list(audit.verify())
        for found in breaks:
            self.stderr.write(f"{found.subject_kind}:{found.subject_id} #{found.position}: {found.reason}")
        if breaks:
            raise CommandError(f"{len(breaks)} break(s)")
        self.stdout.write("every chain holds")
