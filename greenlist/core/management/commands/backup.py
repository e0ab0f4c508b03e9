import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from greenlist.core import backup, clock, dumps


class Command(BaseCommand):
    help = "Writes database, files and audit anchors into a new folder, while everybody works. Keys are not in it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("into", type=Path, metavar="FOLDER", help="where backups are kept; not on the same disk")
        parser.add_argument("--keep", type=int, metavar="N", help="afterwards remove all but the newest N")

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)
        try:
            made = backup.make(into=options["into"], at=clock.now())
        except (OSError, dumps.DumpFailed) as failure:
            raise CommandError(f"no backup was made: {failure}") from failure
        self.stdout.write(f"{made.folder}: {made.files} file(s), {made.size} bytes")
        if options["keep"]:
            for folder in backup.forget(into=options["into"], keep=options["keep"]):
                self.stdout.write(f"removed {folder}")
        for fault in made.faults:
            self.stderr.write(fault)
        if made.faults:
            raise CommandError(f"the backup is complete, but {len(made.faults)} file(s) were wrong in the storage")
