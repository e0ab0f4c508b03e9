"""`python -m tests.faults.owing [worker]`: one round of reminders, or a worker whose beat does them each second.

Everybody whose user name begins with "owing" owes the same thing until LAST_DAY.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import date

import django

django.setup()

from greenlist.accounts.models import User  # noqa: E402
from greenlist.core import clock, deadlines  # noqa: E402
from greenlist.core.deadlines import Deadline  # noqa: E402


@deadlines.source("tests.owing")
def owing(today: date) -> Iterator[Deadline]:
    for person in User.objects.filter(username__startswith="owing").order_by("pk"):
        yield Deadline(
            key=f"owing:{person.pk}",
            what="年度动态信息表",
            last_day=date.fromisoformat(os.environ["LAST_DAY"]),
            since=date(2020, 1, 1),
            ladder=deadlines.usual_ladder(),
            people=(person.pk,),
        )


if sys.argv[1:] == ["worker"]:
    import tests.faults.worker  # noqa: F401  starts it
elif __name__ == "__main__":
    deadlines.remind(at=clock.now())
