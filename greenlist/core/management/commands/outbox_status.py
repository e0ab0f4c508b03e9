import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count

from greenlist.core import clock
from greenlist.core.models import Notification


class Command(BaseCommand):
    help = "Tells what the outbox holds: mails by state, the oldest that is due, and those that failed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object")
        parser.add_argument(
            "--late-after", type=int, metavar="MINUTES", help="exit 1 when a mail is due for longer, or one has failed"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        mails = Notification.objects.outgoing()
        states = dict(mails.values_list("state").annotate(number=Count("pk")).order_by("state"))
        oldest = Notification.objects.due(now).order_by("not_before").values_list("not_before", flat=True).first()
        failed = (
            mails.filter(state=Notification.State.FAILED).order_by("-pk").values("pk", "kind", "attempts", "failure")
        )
        report: dict[str, Any] = {
            "mails": states,
            "oldest_due_seconds": round((now - oldest).total_seconds()) if oldest else 0,
            "failed": list(failed[:20]),
        }
        self._print(report, as_json=options["json"])
        limit = options["late_after"]
        if limit is not None and (timedelta(seconds=report["oldest_due_seconds"]) > timedelta(minutes=limit) or failed):
            raise CommandError("the outbox is late or has failed mails")

    def _print(self, report: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(report))
            return
        for state, number in report["mails"].items():
            self.stdout.write(f"{state}: {number}")
        self.stdout.write(f"oldest due for {report['oldest_due_seconds']} s")
        for row in report["failed"]:
            self.stdout.write(f"failed: {row['pk']} {row['kind']} after {row['attempts']} attempt(s): {row['failure']}")
