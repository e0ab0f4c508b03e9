from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from greenlist.accounts import services
from greenlist.core import clock
from greenlist.core.actors import SYSTEM

REFERENCE = Path(settings.ROOT) / "fixtures" / "reference"


class Command(BaseCommand):
    help = "Loads the reporting tree of areas from the seed package and the override file. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--overrides", type=Path, default=REFERENCE / "areas-overrides.csv")
        parser.add_argument("--english", type=Path, default=REFERENCE / "area-names-en.csv")

    def handle(self, *args: Any, **options: Any) -> None:
        seeds = services.seed_areas(options["overrides"], options["english"])
        created, changed = services.load_areas(seeds=seeds, actor=SYSTEM, at=clock.now())
        self.stdout.write(f"areas: {len(seeds)} known, {created} created, {changed} changed")
