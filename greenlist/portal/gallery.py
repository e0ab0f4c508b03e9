"""The component gallery: every component with sample data. For development and the tests only; knows no model."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render


class SampleForm(forms.Form):
    """Every kind of control once."""

    name = forms.CharField(label="企业名称", help_text="与营业执照一致", max_length=100)
    code = forms.CharField(label="统一社会信用代码", help_text="18 位", max_length=18)
    gas = forms.DecimalField(label="天然气消耗量", max_value=1_000_000, min_value=0, help_text="申报年度全年，不含转供")
    day = forms.DateField(label="投产日期", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    statement = forms.CharField(
        label="自评说明", widget=forms.Textarea, help_text="说明如何满足本条要求，并写明证明材料名称"
    )
    industry = forms.ChoiceField(
        label="优先行业",
        choices=[("", "请选择"), ("e", "电子信息"), ("m", "生物医药"), ("q", "装备制造")],
        required=False,
    )
    mode = forms.ChoiceField(
        label="编制方式", choices=[("self", "自评价"), ("body", "委托第三方评价")], widget=forms.RadioSelect
    )
    systems = forms.MultipleChoiceField(
        label="已建立的管理体系",
        choices=[("q", "质量管理体系"), ("e", "环境管理体系"), ("o", "职业健康安全管理体系"), ("n", "能源管理体系")],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    truth = forms.BooleanField(label="本单位承诺所填内容真实、完整，并承担相应责任")


class ReasonForm(forms.Form):
    """What the sample dialog asks."""

    reason = forms.CharField(label="理由", widget=forms.Textarea, help_text="将写入办理记录，申报单位可见")


@dataclass(frozen=True)
class Item:
    """One entry of a navigation bar."""

    label: str
    url: str
    icon: str = ""
    current: bool = False
    count: int = 0


@login_not_required
def gallery(request: HttpRequest) -> HttpResponse:
    """`?part=public` shows the public frame, `?errors=1` the forms as they come back. Raises Http404 in production."""
    if not getattr(settings, "DEMO", False):
        raise Http404
    failed = "errors" in request.GET
    form = SampleForm({"gas": "-3", "name": "", "code": "9113"} if failed else None)
    template = "portal/gallery_public.html" if request.GET.get("part") == "public" else "portal/gallery.html"
    return render(request, template, {"form": form, "reason": ReasonForm(prefix="reason"), **SAMPLES})


ICONS = """
home search inbox work case list report stats settings call notice verify policy user
users factory swap language sun moon contrast check check-circle cross cross-circle alert info help
clock calendar lock upload download paperclip print edit trash up down left right chevron-right
chevron-down sort sort-up sort-down external more menu filter plus minus eye link pin phone
mail seal leaf history batch gavel score star flag copy drag logout login file
image table qr send return expert building
""".split()
DAY = date(2026, 5, 20)
AT = datetime(2026, 5, 20, 6, 32, tzinfo=UTC)
LONG = "企业依法设立，生产经营符合国家和地方法律法规及标准要求，近三年无较大及以上安全、环保、质量等事故。"
SAMPLES: dict[str, Any] = {
    "today": DAY,
    "at": AT,
    "icons": ICONS,
    "states": [
        ("draft", "填报中"),
        ("screening", "审核中"),
        ("returned", "退回补正"),
        ("passed", "审核通过，待推荐"),
        ("recommended", "已推荐"),
        ("under_review", "专家评审中"),
        ("proposed", "拟认定"),
        ("on_notice", "公示中"),
        ("listed", "已认定"),
        ("not_listed", "未认定"),
        ("rejected", "不予推荐"),
        ("withdrawn", "已撤回"),
        ("disqualified", "取消资格"),
    ],
    "nav": [
        Item("工作台", "#", "work", True, 7),
        Item("案卷", "#", "case", count=23),
        Item("推荐批次", "#", "batch"),
        Item("名单", "#", "list"),
        Item("统计", "#", "stats"),
    ],
    "public_nav": [
        Item("首页", "#", current=True),
        Item("申报通知", "#"),
        Item("公示公告", "#"),
        Item("名单查询", "#"),
        Item("证书核验", "#"),
        Item("政策文件", "#"),
    ],
    "crumbs": [
        {"label": "案卷", "url": "#"},
        {"label": "2026 年绿色工厂", "url": "#"},
        {"label": "海港澄明玻璃有限公司", "url": ""},
    ],
    "tabs": [
        {"label": "报告", "url": "#", "current": True},
        {"label": "证明材料", "url": "#", "count": 12},
        {"label": "检查结论", "url": "#", "count": 3},
        {"label": "历史", "url": "#"},
    ],
    "steps": [
        {"label": "填报", "state": "done", "note": "5月8日"},
        {"label": "县级审核", "state": "done", "note": "5月15日"},
        {"label": "推荐", "state": "current", "note": "5月31日前"},
        {"label": "专家评审", "state": "future"},
        {"label": "综合评审", "state": "future"},
        {"label": "公示", "state": "future"},
        {"label": "公告", "state": "future"},
    ],
    "timeline": [
        {"title": "提交申报", "at": AT, "who": "周明远", "where": "海港澄明玻璃有限公司", "number": "QHD-2026-0018"},
        {
            "title": "退回补正",
            "state": "returned",
            "at": AT,
            "who": "林书瑶",
            "where": "海港区工业和信息化局",
            "opinion": "请补充近三年能源消耗数据，并上传环境管理体系认证证书。",
            "documents": [{"name": "一次性告知书.pdf", "url": "#"}],
        },
        {
            "title": "县级审核",
            "state": "current",
            "who": "林书瑶",
            "where": "海港区工业和信息化局",
            "due": "2026年5月31日前",
        },
        {"title": "专家评审", "state": "future"},
        {"title": "公示 5 个工作日", "state": "future"},
    ],
    "findings": [
        {
            "outcome": "block",
            "rule": "否决条件",
            "text": "2025年3月12日发生较大安全事故，距今不满三年。",
            "clause": "QHD-5.4",
            "clause_text": "近三年未发生较大及以上安全、网络安全、质量、环境污染等事故",
            "evidence": ["不良记录：冀应急（2025）07 号，2025年3月12日"],
            "way_out": "记录有误的，向登记机关申请更正",
        },
        {
            "outcome": "warn",
            "rule": "指标范围",
            "text": "单位产品综合能耗比上年增加 41%，请说明原因。",
            "clause": "QHD-5.8",
            "way_out": "填写说明",
        },
        {
            "outcome": "confirm",
            "rule": "管理体系",
            "text": "能源管理体系以文件代替证书，由经办人核实。",
            "clause": "QHD-5.7",
        },
        {"outcome": "clear", "rule": "法人资格", "text": "具有独立法人资格。", "clause": "QHD-5.1"},
    ],
    "sections": [
        {"label": "基本信息", "url": "#", "state": "done"},
        {"label": "基本条件", "url": "#", "state": "part", "hint": "9 条已填 6 条", "current": True},
        {"label": "管理体系认证", "url": "#", "state": "problem", "hint": "证书已过有效期"},
        {"label": "关键指标", "url": "#", "state": "todo"},
        {"label": "自评结论", "url": "", "state": "locked", "hint": "前面各部分完成后填写"},
    ],
    "columns": [
        {"label": "单位名称", "key": "name"},
        {"label": "所属区县", "key": "area"},
        {"label": "总产值（万元）", "key": "output", "num": True},
        {"label": "状态"},
        {"label": "办理时限", "key": "due"},
    ],
    "rows": [
        {
            "id": 1,
            "cells": [
                {"text": "海港澄明玻璃有限公司", "url": "#", "sub": "QHD-2026-0018"},
                {"text": "海港区"},
                {"text": "128,430"},
                {"state": "screening", "state_label": "审核中"},
                {"text": "2026年5月31日", "sub": "还剩 7 个工作日"},
            ],
        },
        {
            "id": 2,
            "cells": [
                {"text": "山海关北岳桥梁构件有限公司", "url": "#", "sub": "QHD-2026-0021"},
                {"text": "山海关区"},
                {"text": "9,862.5"},
                {"state": "returned", "state_label": "退回补正"},
                {"text": "2026年5月22日", "sub": "还剩 2 个工作日"},
            ],
        },
        {
            "id": 3,
            "cells": [
                {"text": "昌黎碣石食品股份有限公司", "url": "#", "sub": "QHD-2026-0007"},
                {"text": "昌黎县"},
                {"text": "45,007"},
                {"state": "passed", "state_label": "审核通过，待推荐"},
                {"text": "2026年5月31日", "sub": "还剩 7 个工作日"},
            ],
        },
    ],
    "bulk": [{"label": "加入推荐批次", "value": "add"}, {"label": "退回", "value": "return", "grave": True}],
    "page": {"previous": "", "next": "?after=3", "text": "第 1–3 条"},
    "selects": [
        {
            "name": "area",
            "label": "区县",
            "options": [{"value": "1", "label": "海港区", "chosen": True}, {"value": "2", "label": "昌黎县"}],
        },
        {
            "name": "year",
            "label": "年度",
            "options": [{"value": "2026", "label": "2026"}, {"value": "2025", "label": "2025"}],
        },
    ],
    "chosen": [{"label": "海港区", "url": "?"}],
    "files": [
        {
            "name": "环境管理体系认证证书.pdf",
            "size": 482_113,
            "url": "#",
            "meta": "2026年5月8日 周明远",
            "digest": "9f2c1ab04e77d3",
            "remove_url": "#",
        },
        {
            "name": "能源审计报告（2023—2025）终稿.docx",
            "size": 3_482_113,
            "url": "#",
            "state": "returned",
            "state_label": "待更换",
        },
    ],
    "cards": [
        {"value": "factory", "title": "绿色工厂", "text": "具有独立法人资格的工业企业", "checked": True},
        {"value": "park", "title": "绿色工业园区", "text": "由园区管理机构申报"},
        {
            "value": "chain",
            "title": "绿色供应链管理企业",
            "text": "供应链核心企业",
            "disabled": True,
            "why": "本次通知不受理该类别",
        },
    ],
    "actions": [
        {"label": "审核通过", "url": "#", "primary": True, "method": "post"},
        {"label": "退回补正", "url": "#", "dialog": "return-dialog", "icon": "return"},
        {"label": "不予推荐", "url": "#", "grave": True},
        {"label": "推荐", "allowed": False, "reason": "还有 2 条基本条件未作审核结论", "clause": "QHD-8"},
    ],
    "facts": [
        {"label": "单位名称", "value": "海港澄明玻璃有限公司"},
        {"label": "统一社会信用代码", "value": "91130302MA0SAMPLE0"},
        {"label": "所属行业", "value": "C3049 其他玻璃制造", "url": "#"},
        {"label": "联系电话", "value": "", "url": "#", "action": "填写"},
    ],
    "tiles": [
        {"value": 128, "label": "本年申报", "unit": "家", "url": "#"},
        {"value": 41, "label": "待推荐", "unit": "家", "url": "#"},
        {"value": 3, "label": "今日到期", "unit": "件", "note": "其中 1 件已逾期"},
        {"value": 12_846, "label": "在册", "unit": "家"},
    ],
    "orders": [
        {"id": "a", "label": "海港澄明玻璃有限公司", "sub": "QHD-2026-0018 · 海港区", "badges": ["优先行业", "创A"]},
        {"id": "b", "label": "昌黎碣石食品股份有限公司", "sub": "QHD-2026-0007 · 昌黎县", "badges": ["优先行业"]},
        {"id": "c", "label": "抚宁骊城包装制品厂", "sub": "QHD-2026-0011 · 抚宁区", "badges": []},
    ],
    "documents": [
        {"label": "关于推荐绿色工厂的函", "url": "#", "format": "PDF"},
        {"label": "推荐汇总表", "url": "#", "format": "XLSX"},
    ],
    "digest": "9f2c1ab04e77d3a1b86e5f00c1d2a3948576bb10fe42d9c7a8130e6f5b4c2d19",
    "next_steps": [
        "海港区工业和信息化局于 2026年5月31日前完成审核。",
        "需要补正的，将一次性告知，并在站内信和邮件中通知。",
    ],
    "old": "企业建有能源管理体系，未认证。",
    "new": "企业建有能源管理体系，2026年4月取得认证证书，编号 EN-0001。",
    "long": LONG,
    "conflict_rows": [
        {"name": "statement", "label": "自评说明", "mine": LONG, "theirs": "企业依法设立，近三年无事故。"}
    ],
    "work": [
        {
            "title": "海港澄明玻璃有限公司",
            "url": "#",
            "why": "已补正，等待再次审核",
            "state": "screening",
            "state_label": "审核中",
            "due": date(2026, 5, 21),
            "words": "还剩 1 个工作日",
            "tone": "soon",
        },
        {
            "title": "昌黎碣石食品股份有限公司",
            "url": "#",
            "why": "审核通过，等待审签",
            "state": "passed",
            "state_label": "审核通过，待推荐",
            "due": date(2026, 5, 18),
            "words": "已逾期 2 个工作日",
            "tone": "late",
        },
    ],
}
