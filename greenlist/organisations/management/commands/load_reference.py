import csv
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from greenlist.core import clock
from greenlist.core.actors import SYSTEM
from greenlist.organisations import services

INDUSTRIES = Path(settings.ROOT) / "fixtures" / "reference" / "industries-gbt4754-2017-c.csv"


class Command(BaseCommand):
    help = "Loads areas and industries from the reference files. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("load_areas", stdout=self.stdout)
        with INDUSTRIES.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        created, changed = services.load_industries(rows=rows, actor=SYSTEM, at=clock.now())
        self.stdout.write(f"industries: {len(rows)} known, {created} created, {changed} changed")
