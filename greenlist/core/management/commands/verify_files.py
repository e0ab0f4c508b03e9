from typing import Any

from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError, CommandParser

from greenlist.core import attachments, clock
from greenlist.core.models import Blob


class Command(BaseCommand):
    help = "Compares stored files with their rows: missing, changed, and left over. Exits 1 when it finds any."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--delete-orphans", action="store_true", help="remove files that no row names, a day old")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        if options["delete_orphans"]:
            known = set(Blob.objects.values_list("key", flat=True))
            for key in list(attachments.orphans(known, at=now)):
                default_storage.delete(key)
                self.stdout.write(f"deleted: {key}")
        found = list(attachments.faults(at=now))
        for line in found:
            self.stderr.write(line)
        if found:
            raise CommandError(f"{len(found)} fault(s)")
        self.stdout.write("every row has its file, every file its row")
