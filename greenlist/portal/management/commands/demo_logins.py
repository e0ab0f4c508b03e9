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
    "park": "绿色工业园区（自评价，审核通过，征求部门意见） park, reviewed",
    "cement": "绿色工厂（2025 版标准，第三方评价，审核中） factory by the 2025 set, under review",
    "firm45": "供应链企业（自评价，审核中，有待答复的处罚记录） supply chain, a hit to answer",
    "firm47": "供应链企业（第三方评价进行中） supply chain, a body at work",
    "firm55": "绿色工厂（2025 版通则，第三方评价，黑龙江省级） factory by the general set of 2025",
    "230100-handler": "市级经办（哈尔滨，审核中有修正值） city handler, Harbin",
    "body": "第三方机构（已审核同意，项目进行中） third-party body, approved",
    "body2": "第三方机构（等待审核） third-party body, waiting",
    "130600-handler": "市级经办（保定，推荐国家名单） city handler, national lists",
    "130600-approver": "市级审签（保定） city approver, national lists",
    "230000-handler": "省级经办（黑龙江，抽取的专家评审中） provincial handler, drawn panel",
    "230000-approver": "省级审签（黑龙江，审核第三方机构） province that approves bodies",
    "230000-supervisor": "评审监督人员（黑龙江） supervisor of a panel",
    "130300-ecology": "生态环境局（征求意见，已反馈） ecology department, has answered",
    "130300-market": "市场监管局（征求意见，待反馈） market department, to answer",
    "firm01": "在册企业（已更名，公开页面，变更待核实） listed, renamed, with a public page",
    "firm02": "在册企业（整改中，省级名单） listed, something to put right",
    "firm03": "在册企业（未交动态管理表，陈述申辩中） listed, its removal proposed",
    "firm26": "在册企业（动态管理表填报中） listed, filling in its yearly table",
    "firm28": "在册企业（动态管理表已退回） listed, its yearly table returned",
    "130302-handler": "县区经办（海港区，变更待核实） county handler, a change to verify",
    "130324-handler": "县区经办（卢龙县，已上报事故） county handler, has raised an alarm",
    "445200-handler": "市级经办（揭阳，实名举报核实中） city handler, verifying a report",
    "445200-approver": "市级审签（揭阳） city approver, Jieyang",
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
