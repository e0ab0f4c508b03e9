import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from greenlist.core import clock, condition


class Command(BaseCommand):
    help = "Tells what somebody should look at: settings, services, periodic jobs, backup, files, mails. Exits 1 then."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        found = condition.problems(at=clock.now())
        digest = condition.digest(found)
        if options["json"]:
            rows = [{"code": one.code, "text": str(one.text), "grave": one.grave} for one in found]
            self.stdout.write(json.dumps({"digest": digest, "problems": rows}, ensure_ascii=False))
        else:
            for one in found:
                self.stdout.write(f"{'!' if one.grave else '-'} {one.code}: {one.text}")
            self.stdout.write(f"digest {digest}")
        if found:
            raise CommandError(f"{len(found)} problem(s)")
