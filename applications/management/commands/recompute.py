"""`manage.py recompute [--check]`: works every declared figure out again, with the factors and formulas of its day."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from applications.selectors import recomputing


class Command(BaseCommand):
    help = "Work every stored result out again and name what differs; --check fails when anything does."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="say only what differs, and fail when anything does")

    def handle(self, *args: Any, **options: Any) -> None:
        checked = wrong = 0
        for version in recomputing.versions():
            found = list(recomputing.differences(version))
            checked += 1
            wrong += bool(found)
            for one in found:
                self.stdout.write(f"{one.report} v{one.version} {one.path}: {one.why} {one.stored} → {one.found}")
            if not found and not options["check"]:
                self.stdout.write(f"{version} unchanged, calculations: {version.calculations.count()}")
        self.stdout.write(f"declared reports: {checked}, differing: {wrong}")
        if wrong and options["check"]:
            raise CommandError("Stored results differ from what their inputs give.")
