from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from applications.models import Call
from greenlist.core import clock
from greenlist.portal.demo import after, national, places, story, upper


class Command(BaseCommand):
    help = "Fills an empty database with the demonstration: invented people and firms, real places and rules."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError(
                "Its persons share one published password: only the demo's settings (DEMO) may have them."
            )
        if Call.objects.exists():
            raise CommandError("There are calls already; the demonstration fills an empty database only.")
        now = clock.now()
        cast = places.assemble(story.moment(date(2024, 2, 1)))
        here = [firm for firm in cast.firms if "/130300/" in firm.area.path]
        there = [firm for firm in cast.firms if "/130100/" in firm.area.path]
        title = "关于组织开展{year}年{city}市级绿色工厂推荐工作的通知"
        story.finished(
            cast,
            "qinhuangdao",
            "130300",
            here[:4],
            date(2024, 3, 26),
            title.format(year=2024, city="秦皇岛市"),
            county_by="2024-05-31",
        )
        story.finished(
            cast, "shijiazhuang", "130100", there[:3], date(2024, 3, 4), title.format(year=2024, city="石家庄市")
        )
        story.finished(
            cast, "shijiazhuang", "130100", there[3:4], date(2025, 3, 10), title.format(year=2025, city="石家庄市")
        )
        story.finished(
            cast,
            "qinhuangdao",
            "130300",
            here[21:22],
            date(2025, 9, 8),
            title.format(year=2025, city="秦皇岛市"),
            county_by="2025-09-30",
            edition="factory-2025",
        )
        start = now - timedelta(seconds=1)
        story.running(cast, "qinhuangdao", "130300", here[4:], start, title.format(year="{year}", city="秦皇岛市"))
        story.running(cast, "shijiazhuang", "130100", there[4:], start, title.format(year="{year}", city="石家庄市"))
        national.running(cast, start)
        upper.running(cast, start)
        story.adverse(cast, here[:3], here[17], start)
        after.running(cast, here, here[22:26], start)
        story.quieten()
