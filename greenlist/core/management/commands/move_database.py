from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from greenlist.core import move


class Command(BaseCommand):
    help = (
        "Copies an SQLite installation into this migrated, empty PostgreSQL database and proves every table, sequence "
        "and audit chain equal. All or nothing. Files stay where they are. Stop the portal first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", metavar="ADDRESS", help="of the old database: sqlite:///path/greenlist.sqlite3")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            moved = move.move(address=options["address"])
        except move.NotMoved as refusal:
            raise CommandError(str(refusal)) from refusal
        for row in moved:
            if row.rows:
                self.stdout.write(f"{row.table}: {row.rows} row(s), {row.digest[:16]}")
        self.stdout.write(f"{sum(row.rows for row in moved)} rows moved; tables, sequences and audit chains are equal")
