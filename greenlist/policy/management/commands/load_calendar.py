"""`manage.py load_calendar`: seeds the holiday plans that the chinesecalendar package knows."""

from typing import Any

from django.core.management.base import BaseCommand

from greenlist.core import clock
from greenlist.core.actors import SYSTEM
from greenlist.policy import services


class Command(BaseCommand):
    help = "Seed the working-day calendar; years an administrator confirmed stay as they are."

    def handle(self, *args: Any, **options: Any) -> None:
        seeded = services.load_calendar(actor=SYSTEM, at=clock.now())
        self.stdout.write(f"calendar: {', '.join(map(str, seeded)) or 'nothing new'}")
