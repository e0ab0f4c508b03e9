"""`manage.py load_policies [--check]`: rules, criteria and factor tables from fixtures/, new versions only where changed."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from greenlist.core import clock
from greenlist.core.actors import SYSTEM
from greenlist.policy import services


class Command(BaseCommand):
    help = "Validate rule sets, criteria sets and factor tables, and store those that changed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="validate only; needs no database")
        parser.add_argument("--folder", type=Path, default=None, help="holds policies/, forms/, criteria/ and factors/")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["check"]:
                for slug, digest in services.check_policies(folder=options["folder"]):
                    self.stdout.write(f"{slug} {digest[:12]} valid")
                return
            done = services.load_policies(actor=SYSTEM, at=clock.now(), folder=options["folder"])
        except services.BrokenFiles as wrong:
            raise CommandError(str(wrong)) from wrong
        for item in done:
            state = "new" if item.new else "unchanged"
            self.stdout.write(f"{item.slug} v{item.number} {item.digest[:12]} {state}")
