from typing import Any

from django.core.management.base import BaseCommand

from greenlist.accounts.models import User
from greenlist.portal.demo.places import PASSWORD

# user name → what the person does in the demonstration
LOGINS = {
    "firm19": "企业申报人（草稿中） applicant, drafting",
    "firm18": "企业申报人（待补正） applicant, asked to correct",
    "130322-handler": "县区经办（昌黎县） county handler",
    "130322-approver": "县区审签（昌黎县） county approver",
    "130300-handler": "市级经办（秦皇岛） city handler",
    "130300-approver": "市级审签（秦皇岛） city approver",
    "130300-expert1": "评审专家 expert",
    "130100-handler": "市级经办（石家庄） city handler, Shijiazhuang",
    "130100-approver": "市级审签（石家庄） city approver, Shijiazhuang",
    "130000-handler": "省级（河北） province",
    "admin": "系统管理员（运行状况、系统管理） system administrator",
    "security": "安全管理员（账号安全） security administrator",
    "auditor": "审计管理员（操作留痕） audit administrator",
}


class Command(BaseCommand):
    help = "Prints one login per role of the demonstration."

    def handle(self, *args: Any, **options: Any) -> None:
        known = set(User.objects.filter(username__in=LOGINS).values_list("username", flat=True))
        for username, what in LOGINS.items():
            if username in known:
                self.stdout.write(f"  {username:<16} {PASSWORD}   {what}")
