"""Works recorded draws of experts out again: `redraw --verify [REFERENCE of a panel]` (HLJ-16b)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reviews.selectors import draws

DIFFERS = {
    "digest": "the record was changed: its digest does not fit",
    "names": "other people or units come out",
    "impossible": "nobody can be drawn from this record",
}


class Command(BaseCommand):
    help = (
        "Works every recorded draw out again and says whether the same experts come out. Ends with 1 if one does not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", nargs="?", default="", help="reference of a panel; without one, every panel")
        parser.add_argument("--verify", action="store_true", help="required: nothing is ever drawn by this command")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["verify"]:
            raise CommandError("Say --verify: this command draws nothing, it works recorded draws out again.")
        wrong = count = 0
        for draw in draws.all_draws(options["reference"]):
            count += 1
            differs = draws.verified(draw)
            wrong += bool(differs)
            names = "、".join(draws.shown(draw).members[n].name for n in range(len(draw.result["people"])))
            said = DIFFERS[differs] if differs else f"the same: {names}"
            self.stdout.write(f"{draw.panel.reference} {draw.number} {draw.kind}: {said}")
        if options["reference"] and not count:
            raise CommandError("No draw is recorded for this panel.")
        self.stdout.write(f"{count} draws worked out again, {wrong} differ")
        if wrong:
            raise SystemExit(1)
