"""The self-evaluation report as a Word file: the same paper, in the same order, as `print_report.html` prints (QHD-N3a)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from applications.selectors.scores import GroupShown, RowShown, Scores
from applications.selectors.shown import ShownField, ShownTable
from greenlist.core import word
from greenlist.core.templatetags.ui import cdate, cst, file_size

if TYPE_CHECKING:
    from applications.documents.report import Paper

WIDTH = 170.0  # millimetres between the margins
FACTS = (58.0, 112.0)
DRAFT = "草稿"
TO_SIGN = "　　　　年　　月　　日"


def content(paper: Paper) -> bytes:
    """The DOCX of a declared, unfinished or blank report."""
    file = word.Paper(
        title=f"{paper.name} {paper.title}".strip(),
        author=paper.name,
        mark=DRAFT if paper.is_draft else "",
        written=paper.version.declared_at if paper.version else None,
    )
    _cover(file, paper)
    for heading, section in zip(paper.headings, paper.sections, strict=True):
        file.heading(heading)
        for table, fields in groupby(section.fields, key=lambda one: one.table is not None or one.work is not None):
            if table:
                for one in fields:
                    _grid(file, one, paper)
            else:
                file.facts([(one.label, value_of(one, paper)) for one in fields], widths=FACTS)
    if not paper.is_blank and paper.indicators:
        _annexes(file, paper)
    if paper.scores is not None and not paper.is_blank:
        _scores(file, paper, paper.scores)
    _declaration(file, paper)
    return file.bytes()


def _cover(file: word.Paper, paper: Paper) -> None:
    file.space(40)
    file.text(paper.call.title, align="center")
    file.space(20)
    file.title(paper.title)
    file.space(36)
    criteria = f"、{paper.criteria}" if paper.criteria else ""
    rows = [
        ("申报单位（盖章）", paper.name),
        ("统一社会信用代码", paper.code),
        ("评价依据", f"《{paper.rules_title}》{criteria}"),
        *((("适用说明", paper.criteria_why),) if paper.criteria_why else ()),
    ]
    if paper.number:
        rows.append(("受理编号", paper.number))
    rows.append(("声明日期", cdate(paper.version.declared_at)) if paper.version else ("填报日期", TO_SIGN))
    file.facts(rows, widths=FACTS, lines=False)
    file.page_break()


def value_of(one: ShownField, paper: Paper) -> str:
    """What stands beside the label; in a blank form, what is to be written there."""
    if one.type == "file":
        names = [file.blob.name for file in one.files]
        return "\n".join(names) or ("（附证明材料）" if paper.is_blank else "")
    lines = []
    if one.value:
        lines.append(f"{one.value} {one.unit}".rstrip())
        if one.type == "computed" and one.formula:
            lines.append(one.formula)
    else:
        lines.append(f"（{one.unit}）" if one.unit else "")
        if paper.is_blank:
            lines += [text for text in (one.help, one.formula) if text]
            lines += [""] * (4 if one.type == "longtext" else 0)
    return "\n".join(lines)


def _grid(file: word.Paper, one: ShownField, paper: Paper) -> None:
    file.heading(one.label, level=2)
    if one.table is not None and not one.table.rows and not paper.is_blank:
        file.text("（未填写）", style="Small")
    elif one.table is not None:
        _rows(file, one.table)
    if one.work is not None and one.work.table.rows:
        _rows(file, one.work.table)
        for line in [*one.work.steps.splitlines(), *one.work.sources]:
            file.text(line, style="Small")


def _rows(file: word.Paper, table: ShownTable) -> None:
    rows = table.rows or (("",) * len(table.head),)
    aligns = ["right" if numeric else "" for numeric in table.numeric]
    file.table(table.head, rows, widths=[WIDTH / len(table.head)] * len(table.head), aligns=aligns)


def _annexes(file: word.Paper, paper: Paper) -> None:
    file.heading("附一　指标计算结果")
    file.table(
        ("方面", "指标", "计算值", "单位", "计算方法"),
        [(one.section, one.label, one.value or "—", one.unit, one.formula) for one in paper.indicators],
        widths=(28, 40, 24, 24, 54),
        aligns=("", "", "right"),
    )
    file.heading("附二　证明材料目录")
    file.table(
        ("序号", "对应内容", "文件名称", "SHA-256（前 24 位）"),
        list(_exhibits(paper)),
        widths=(13, 50, 55, 52),
        aligns=("center",),
    )


def _exhibits(paper: Paper) -> Iterator[tuple[str, ...]]:
    if not paper.exhibits:
        yield "—", "无", "", ""
    for one in paper.exhibits:
        yield str(one.number), one.field, f"{one.name}（{file_size(one.size)}）", one.sha256[:24]


def _scores(file: word.Paper, paper: Paper, scores: Scores) -> None:
    """What `print_scores.html` prints."""
    file.heading("附三　评价指标表" + ("及得分" if scores.shows_points else ""))
    why = f"。{paper.criteria_why}" if paper.criteria_why else ""
    file.text(f"评价标准：{paper.criteria}{why}")
    if paper.criteria_unverified:
        file.text(f"未核实：{paper.criteria_unverified}", style="Small")
    met = "全部符合" if scores.is_met else "\n".join(["未全部符合或未答", *(f"不符合：{one}" for one in scores.failed)])
    facts = [("基本要求和必选指标", met)]
    if scores.shows_points:
        bonus = f"，其中附加 {scores.bonus}" if scores.bonus else ""
        waits = "；尚有指标待评审人员评分或未填" if scores.is_provisional else ""
        years = [f"{year}：{one}" for year, one in scores.years]
        facts.append(("得分", "\n".join([f"{scores.total}（满分 {scores.most}）{bonus}{waits}", *years])))
    file.facts(facts, widths=FACTS)
    for group in scores.groups:
        _score_group(file, scores, group)
    if not scores.shows_points:
        file.text("分值、基准值与引领值由评审部门掌握，不在本表列出。", style="Small")


def _score_group(file: word.Paper, scores: Scores, group: GroupShown) -> None:
    weight = f"（权重 {group.weight}%）" if group.weight else ""
    head = [f"{group.title}{weight}", "指标值"]
    head += ["基准值 → 引领值"] if scores.shows_reference else []
    head += ["得分 / 分值"] if scores.shows_points else []
    head.append("结论")
    rows = [_score_row(scores, row) for row in group.rows]
    if group.score:
        rows.append(("本组得分（百分制）", group.score, *[""] * (len(head) - 2)))
    rest = (WIDTH - 62) / (len(head) - 1)
    aligns = ("", *["right"] * (len(head) - 2), "")
    file.table(head, rows, widths=[62.0, *[rest] * (len(head) - 1)], aligns=aligns)


def _score_row(scores: Scores, row: RowShown) -> tuple[str, ...]:
    lines = [f"{row.label} ＊" if row.unverified else row.label, *([row.size] if row.size else [])]
    for part in row.parts:
        given = f"（申报值 {part.declared}）" if part.declared else ""
        bounds = f"（{part.base} → {part.lead}）" if part.base or part.lead else ""
        lines.append(f"{part.name}：{part.value or '—'}{given}{bounds}")
    lines += [f"＊ 未核实：{row.unverified}"] if row.unverified else []
    lines += [f"{'补正前的评审意见' if row.is_outdated else '评审意见'}：{row.note}"] if row.note else []
    value = f"{row.value or '—'} {row.unit}".strip()
    cells = ["\n".join(lines), f"{value}\n申报值 {row.declared}" if row.declared else value]
    if scores.shows_reference:
        cells.append(f"{row.base or '—'} → {row.lead or '—'}" if row.base or row.lead else "—")
    if scores.shows_points:
        cells.append(f"{row.points} / {row.full}")
    return (*cells, row.state_label)


def _declaration(file: word.Paper, paper: Paper) -> None:
    version = paper.version
    file.heading("真实性承诺")
    file.text(paper.declaration, indent=True)
    file.space(8)
    file.text(f"声明人：{version.declared_name if version else '　' * 8}", align="right")
    file.text(cst(version.declared_at) if version else TO_SIGN, align="right")
    if version:
        file.text(f"声明内容摘要值（SHA-256）：{version.digest}　第 {version.number} 版", style="Small")
    for text in paper.doubts:
        file.text(f"尚未核实：{text}。", style="Small")
    if paper.unverified:
        file.text(f"表样说明：{paper.unverified}；{paper.source}。", style="Small")
