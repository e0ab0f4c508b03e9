from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from greenlist.core import backup, clock, dumps


class Command(BaseCommand):
    help = "Checks a backup, puts it in the place of database and files, and proves the result. Stop the portal first."
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="BACKUP", help="a folder that `backup` has written")
        parser.add_argument("--replace", action="store_true", help="overwrite what database and storage hold now")
        parser.add_argument("--verify-only", action="store_true", help="read every byte of the backup, change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["verify_only"]:
                manifest = backup.verify(options["folder"])
                self.stdout.write(f"sound: {manifest['at']}, {len(manifest['files'])} file(s)")
                return
            for line in backup.restore(folder=options["folder"], replace=options["replace"], at=clock.now()):
                self.stdout.write(line)
        except (backup.BackupUnfit, dumps.DumpFailed, OSError) as failure:
            raise CommandError(str(failure)) from failure
