"""Lists of other tiers, taken over: an invented provincial list with a name still to be confirmed, and one that is inherited."""

import csv
import io
from datetime import date, datetime, timedelta

from greenlist.accounts import services as accounts
from greenlist.accounts.models import Area, Authority
from greenlist.core.actors import SYSTEM
from greenlist.core.clock import CHINA
from greenlist.portal.demo.places import FOLDER, Cast
from registry.services import imported
from registry.services.imported import Heading, ListRow

SOURCE = "示例来源（演示数据）"
MINISTRY = ("cn", "全国", "工业和信息化部")


def ministry(cast: Cast, at: datetime) -> None:
    """Publishes elsewhere; its lists are taken over here."""
    slug, place, name = MINISTRY
    area = accounts.save_area(area=Area(slug=slug, name=place), actor=SYSTEM, at=at)
    office = Authority(area=area, tier="nation", name=name)
    cast.offices[slug] = accounts.save_authority(authority=office, actor=SYSTEM, at=at)


def running(cast: Cast, now: datetime) -> None:
    ministry(cast, now)
    known, named = cast.firms[1], cast.firms[2]
    rows = [ListRow(known.name, known.code or ""), ListRow(named.name), ListRow("示例邻省机械有限公司")]
    taken(cast, "130300", rows, "2025年度省级绿色工厂名单（示例）", now - timedelta(days=3))
    with (FOLDER / "upper.csv").open(encoding="utf-8", newline="") as file:
        inherited = [ListRow(row["name"], row["code"], row["area"]) for row in csv.DictReader(io.StringIO(file.read()))]
    taken(cast, "445200", inherited, "2025年广东省绿色工厂名单（示例）", now - timedelta(days=2))


def taken(cast: Cast, slug: str, rows: list[ListRow], title: str, at: datetime, *, tier: str = "province") -> None:
    """By the place's handler, approved by its approver; names without a code wait for an official."""
    issued = date(at.astimezone(CHINA).year - 1, 12, 1)
    made = imported.take(
        actor=cast.official(slug, "handler"),
        at=at,
        heading=Heading(title=title, number="示例公告〔0000〕1号", issued_on=issued, source=SOURCE),
        rows=[("名单", number, row) for number, row in enumerate(rows, start=2)],
        digest=title[:64],
        tier=tier,
        category="factory",
    )
    imported.approve(actor=cast.official(slug, "approver"), reference=made.reference, at=at + timedelta(hours=2))
