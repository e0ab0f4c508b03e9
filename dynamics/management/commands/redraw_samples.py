"""Works recorded samples of inspections out again: `redraw_samples --verify [REFERENCE of a plan]` (JY-20, HLJ-29)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from dynamics.selectors import inspections

DIFFERS = {"digest": "the record was changed: its digest does not fit", "names": "other units come out"}


class Command(BaseCommand):
    help = (
        "Works every recorded sample out again and says whether the same units come out. Ends with 1 if one does not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", nargs="?", default="", help="reference of a plan; without one, every plan")
        parser.add_argument("--verify", action="store_true", help="required: nothing is ever drawn by this command")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["verify"]:
            raise CommandError("Say --verify: this command draws nothing, it works recorded samples out again.")
        wrong = count = 0
        for plan in inspections.all_plans(options["reference"]):
            count += 1
            differs = inspections.again(plan)
            wrong += bool(differs)
            self.stdout.write(f"{plan.reference}: {DIFFERS[differs] if differs else 'the same'} ({len(plan.drawn)})")
        if options["reference"] and not count:
            raise CommandError("There is no such plan.")
        self.stdout.write(f"{count} samples worked out again, {wrong} differ")
        if wrong:
            raise SystemExit(1)
