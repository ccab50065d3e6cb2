"""The county's circular (通报), composed from the month's snapshot: every sentence finished, every figure as it stands.

The words are neutral: they say what was recorded and for how long, and name a cause only where the record has one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from monitor import charts
from monitor.core.condition import IMAGE_FAULTS
from monitor.wording import CAUSES, FAULTS, Lang, say
from reports import columns, repairs
from reports.paper import (
    Block,
    Issue,
    Snapshot,
    change_words,
    counted,
    date_of,
    end_words,
    heading,
    heading_of,
    in_words,
    last_day,
    listed,
    month_words,
    months_in_a_row,
    number_of,
    paragraph,
    point,
    rate_words,
    whole_county,
)

LONG_OFFLINE_DAYS = 30
OFFLINE_FAULTS = ("unreachable", "refused")
LOGIN_FAULTS = ("unauthorized", "no_stream")
CLOCK_FAULTS = ("clock_off", "osd_wrong")
PICTURE_FAULTS = tuple(fault for fault in FAULTS if fault in IMAGE_FAULTS and fault not in CLOCK_FAULTS)
LAST_MONTHS = "上月问题整改。"
NAMED_AT_THE_ENDS = 3
"""前三位 and 后三位"""
FEW = 3
"""With so few ranked townships all are named in order."""

RANKING_NOTE = (
    "注：在线率＝（在线完好时长＋在线异常时长）÷应检时长；完好率＝在线完好时长÷（在线完好时长＋在线异常时长）；"
    "在线完好率＝在线完好时长÷应检时长；折合完好台数＝在线完好率×应检数。先求和再相除，只舍不入，"
    "是否达到{target}%按未取位的比率判断。名次按未取位的比率排列，相同的并列。“较上月”为两个月所印比率之差。"
)

Row = Mapping[str, Any]


def circular(snapshot: Snapshot, issue: Issue | None = None) -> dict[str, Any]:
    """The data of circular.typ."""
    county = whole_county(snapshot)
    month = month_words(snapshot["month"])
    title_lines = (f"关于{month}份{county}公共视频监控", "在线完好情况的通报")
    return {
        **heading_of(snapshot, "".join(title_lines)),
        "mark": f"{snapshot['site']['office']}文件",
        "number": number_of(snapshot, issue.number if issue else None),
        "title_lines": list(title_lines),
        "subtitle": _subtitle(snapshot),
        "addressees": "各乡镇（街道）：",
        "blocks": _blocks(snapshot),
        "attachments": [
            "各乡镇（街道）在线完好率排名表",
            "在线完好情况统计图",
            "问题清单及统计口径（另附）",
        ],
        "date": date_of(snapshot, issue),
        "ranking": _ranking(snapshot),
        "figures_title": "在线完好情况统计图",
        "figures": _figures(snapshot),
        "copy_to": f"抄送：{county[-1]}委政法委员会，各乡镇（街道）党委（党工委）。",
        "printed": f"{date_of(snapshot, issue)}印发",
    }


def _subtitle(snapshot: Snapshot) -> str:
    if snapshot["state"] == "draft":
        return "（征求意见稿）"
    return f"（更正，第{snapshot['revision']}版）" if snapshot["revision"] > 1 else ""


def _blocks(snapshot: Snapshot) -> list[Block]:
    return [
        *_opening(snapshot),
        heading("一、总体情况"),
        *_overall(snapshot),
        heading("二、排名情况"),
        *_places(snapshot),
        heading("三、存在问题"),
        *_problems(snapshot),
        heading("四、工作要求"),
        *_demands(snapshot),
    ]


def _opening(snapshot: Snapshot) -> Iterable[Block]:
    county, began = snapshot["county"], datetime.fromisoformat(snapshot["period"]["began"])
    if snapshot["revision"] > 1:
        yield paragraph(
            f"本通报更正此前印发的{month_words(snapshot['month'])}份通报，"
            f"更正原因：{snapshot['reason'] or '未填写'}。各项数据以本通报为准。"
        )
    yield paragraph(
        f"{in_words(began.date())}0时至{end_words(snapshot)}，{snapshot['site']['office']}对{whole_county(snapshot)}"
        f"{len(snapshot['townships'])}个乡镇（街道）建档的{county['registered']}台摄像机进行了持续巡查。{_rounds(snapshot)}"
        "本通报的比率均按时长计算：每台摄像机的每一秒只记为在线完好、在线异常、离线、未判定之一，"
        "核准报备的时长和未判定的时长不计入应检时长；比率保留两位小数，只舍不入。现将有关情况通报如下。"
    )
    if snapshot["clock"]["synchronised"] is not True:
        yield paragraph("巡查主机的时钟未确认与标准时间同步，所列时刻可能有偏差，情况见附件3。")
    if snapshot["state"] == "draft" and not snapshot["workdays"]["published"]:
        yield paragraph("整改时限所在年份的放假调休安排尚未公布，时限暂按周一至周五计算，请在定稿前核对。")


def _rounds(snapshot: Snapshot) -> str:
    """The inspection rounds; a snapshot of the first format knows of none."""
    rounds = snapshot.get("rounds")
    if rounds is None:
        return ""
    if not rounds["rows"]:
        return "其间没有逐台抓图的巡查轮次记录。"
    without = "、".join(
        f"{rounds[state]}轮{words}"
        for state, words in (("void", "因巡检方原因作废"), ("unfinished", "未完成"))
        if rounds[state]
    )
    if not rounds["valid"]:
        return f"其间逐台抓图的巡查{without}。"
    parts = "、".join(
        f"{words}{rounds[part]}轮" for part, words in (("by_day", "白天"), ("by_night", "夜间")) if rounds[part]
    )
    more = f"，另有{without}" if without else ""
    return f"其间逐台抓图巡查{rounds['valid']}轮（{parts}），共查看{rounds['looks']}台次{more}，各轮情况见附件3。"


def _overall(snapshot: Snapshot) -> Iterable[Block]:
    county, townships, target = snapshot["county"], snapshot["townships"], snapshot["site"]["target"]
    yield paragraph(
        f"建档摄像机{county['registered']}台，其中应检{county['assessed']}台，全月报备{county['exempted']}台，"
        f"未检{county['unassessed']}台；自建档起从未接入的{county['never_connected']}台。"
        f"应检摄像机中有故障记录的{county['faulty']}台。"
    )
    if county["online_intact_rate"] is None:
        yield paragraph("本月没有应检时长，不计算比率，不排名，不计分。")
    else:
        yield paragraph(
            f"{whole_county(snapshot)}在线率{county['online_rate']}%，完好率{rate_words(county['intact_rate'])}，"
            f"在线完好率{county['online_intact_rate']}%，折合完好{county['equivalent_intact']}台，{change_words(county)}。"
            f"目标为{target}%，{whole_county(snapshot)}{'达到' if county['reaches_target'] else '未达到'}目标；"
            f"{_reaching(townships)}。"
        )
    yield paragraph(_not_counted(county))


def _reaching(townships: Sequence[Row]) -> str:
    reaches = Counter(row["reaches_target"] for row in townships)
    words = f"{len(townships)}个乡镇（街道）中，达标{reaches[True]}个，未达标{reaches[False]}个"
    return words + (f"，没有应检时长、不参加排名{reaches[None]}个" if reaches[None] else "")


def _not_counted(county: Row) -> str:
    exempt, unknown = rate_words(county["exempt_share"]), rate_words(county["unknown_share"])
    causes = "、".join(
        f"{'巡检方原因' if cause == 'ours' else CAUSES[cause].zh}{share}%"
        for cause, share in county["unknown_share_by"].items()
        if share not in (None, "0.00")
    )
    return (
        f"在全部建档服务时长中，核准报备占{exempt}，未判定占{unknown}{f'（{causes}）' if causes else ''}。"
        "未判定的时长不计入任何乡镇（街道）的应检时长。"
    )


def _places(snapshot: Snapshot) -> Iterable[Block]:
    for group, rows in _by_group(snapshot["townships"]):
        ranked = [row for row in rows if row["place"] is not None]
        if not ranked:
            continue
        inside = f"{group}中，" if group else ""
        ends = min(NAMED_AT_THE_ENDS, len(ranked) // 2)
        if len(ranked) <= FEW:
            yield paragraph(f"{inside}按在线完好率由高到低依次为：{_with_rates(ranked)}。")
        else:
            yield paragraph(
                f"{inside}按在线完好率由高到低，排名前{'一二三'[ends - 1]}位的是：{_with_rates(ranked[:ends])}；"
                f"排名后{'一二三'[ends - 1]}位的是：{_with_rates(ranked[-ends:])}。"
            )
    below = [row for row in snapshot["townships"] if row["reaches_target"] is False]
    if below:
        yield paragraph(f"未达到{snapshot['site']['target']}%目标的是：{_with_rates(below)}。")
    repeated = [row for row in below if row["months_below"] > 1]
    if repeated:
        runs = "；".join(
            f"{row['name']}连续{row['months_below']}个月（{months_in_a_row(snapshot['month'], row['months_below'])}）"
            for row in sorted(repeated, key=lambda row: -row["months_below"])
        )
        yield paragraph(f"连续未达标的是：{runs}。")
    yield paragraph("全部名次、比率和得分见附件1。")


def _with_rates(rows: Iterable[Row]) -> str:
    return "、".join(f"{row['name']}（{row['online_intact_rate']}%）" for row in rows)


def _by_group(townships: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    groups: dict[str, list[Row]] = {}
    for row in townships:
        groups.setdefault(row["group"], []).append(row)
    return list(groups.items())


def _problems(snapshot: Snapshot) -> Iterable[Block]:
    if snapshot["faults"]:
        yield paragraph("下列台数按故障种类统计，同一台摄像机有多种故障的分别计入。")
        told = _found(snapshot)
    else:
        yield paragraph("本月没有需要整改的故障记录。")
        told = [(LAST_MONTHS, repairs.in_circular(snapshot))]
    for number, (lead, text) in zip("一二三四五六七", [each for each in told if each[1]], strict=False):
        yield point(f"（{number}）{lead}", text)


def _found(snapshot: Snapshot) -> list[tuple[str, str]]:
    return [
        ("离线。", _offline(snapshot)),
        ("登录和取流异常。", _kinds(snapshot, LOGIN_FAULTS, "能够应答但不能取得图像的摄像机：")),
        ("画面异常。", _kinds(snapshot, PICTURE_FAULTS, "图像经判定异常的摄像机：")),
        ("时钟和字幕。", _kinds(snapshot, CLOCK_FAULTS, "时钟或字幕不符的摄像机：")),
        ("尚未恢复。", _lasting(snapshot)),
        (LAST_MONTHS, repairs.in_circular(snapshot)),
        (f"离线{LONG_OFFLINE_DAYS}天及以上。", _long_offline(snapshot)),
    ]


def _kinds(snapshot: Snapshot, kinds: Sequence[str], lead: str) -> str:
    counts = snapshot["county"]["faults"]
    found = sorted(((kind, counts[kind]) for kind in kinds if kind in counts), key=lambda each: -each[1])
    named = counted((say(f"fault.{kind}", Lang.ZH), count) for kind, count in found)
    return f"{lead}{named}。" if found else ""


def _offline(snapshot: Snapshot) -> str:
    text = _kinds(snapshot, OFFLINE_FAULTS, "没有应答的摄像机：")
    causes = Counter(row["cause"] for row in snapshot["faults"] if row["condition"] == "offline" and row["cause"])
    if text and causes:
        text += f"与相邻点位同时中断、可初步判断共同原因的：{counted(causes.most_common())}；其余原因有待现场核查。"
    return text


def _lasting(snapshot: Snapshot) -> str:
    cameras = {row["camera"] for row in snapshot["faults"] if row["lasting"]}
    key_points = {row["camera"] for row in snapshot["faults"] if row["lasting"] and row["key_point"]}
    if not cameras:
        return f"至{end_words(snapshot)}，上述故障均已恢复。"
    important = f"，其中重点点位{len(key_points)}台" if key_points else ""
    return f"至{end_words(snapshot)}，仍有故障的摄像机{len(cameras)}台{important}，逐台列于附件3和整改通知单。"


def _long_offline(snapshot: Snapshot) -> str:
    before = datetime.fromisoformat(snapshot["period"]["ended"]) - timedelta(days=LONG_OFFLINE_DAYS)
    places = [
        f"{row['township_name']}{row['name']}"
        for row in snapshot["faults"]
        if row["condition"] == "offline" and row["lasting"] and datetime.fromisoformat(row["first_found"]) <= before
    ]
    return f"{listed(places)}。" if places else ""


def _demands(snapshot: Snapshot) -> Iterable[Block]:
    deadlines = sorted({row["deadline"] for row in snapshot["faults"]})
    if deadlines:
        first, last = (in_words(datetime.fromisoformat(day).date()) for day in (deadlines[0], deadlines[-1]))
        span = f"均为{first}" if first == last else f"最早为{first}，最晚为{last}"
        yield point(
            "（一）按期整改。",
            f"各乡镇（街道）对照整改通知单逐台核实、逐台整改。整改时限逐台列明，{span}；整改完成后报送整改回执。",
        )
    else:
        yield point("（一）保持运行。", "各乡镇（街道）继续做好日常维护，保持摄像机在线完好。")
    yield point(
        "（二）落实责任。",
        "各乡镇（街道）明确专人负责，督促维护单位查明原因；清单所列“初判原因”仅供核查参考，以现场查明的为准。",
    )
    yield point(
        "（三）规范报备。",
        "停电、施工、迁移等应当事先报备，突发情况应当及时报备；未经核准报备的时长按实际状态计算。",
    )
    yield point("（四）结果运用。", _use_of_points(snapshot))
    if snapshot["state"] == "draft":
        yield paragraph(f"本稿为征求意见稿，对清单和数据有异议的，请向{snapshot['site']['office']}反馈。")


def _use_of_points(snapshot: Snapshot) -> str:
    if all(row["points"] is None for row in snapshot["townships"]):
        return "本月不计分。"
    return (
        f"本月得分和{snapshot['month'][:4]}年累计得分列于附件1，按规定计入年度考评。"
        f"计分规则为第{snapshot['rules']['version']}版，全文见附件3。"
    )


def _ranking(snapshot: Snapshot) -> dict[str, Any]:
    finished = columns.table(columns.RANKING, [])
    groups = _by_group(snapshot["townships"])
    for group, rows in groups:
        if group:
            finished["rows"].append({"group": group})
        finished["rows"] += columns.table(columns.RANKING, rows)["rows"]
    finished["rows"] += columns.table(columns.RANKING, [{**snapshot["county"], "name": whole_county(snapshot)}])["rows"]
    month = month_words(snapshot["month"])
    return {
        **finished,
        "title": f"{month}份各乡镇（街道）在线完好率排名表",
        "notes": [RANKING_NOTE.format(target=snapshot["site"]["target"])],
    }


def _figures(snapshot: Snapshot) -> list[dict[str, str]]:
    target, county = snapshot["site"]["target"], whole_county(snapshot)
    trend, townships, heat = snapshot["trend"], snapshot["townships"], snapshot["heat"]
    drawn = [
        (
            f"图1　{county}在线率和在线完好率逐月走势（%）",
            _trend_in_words(trend),
            charts.trend(trend, target=target),
        ),
        (
            "图2　各乡镇（街道）本月在线完好率（%）",
            _bars_in_words(townships, target),
            charts.ranking_bars(townships, target=target),
        ),
        (
            "图3　各乡镇（街道）逐日在线完好率",
            f"热力图，{len(heat)}个乡镇（街道）{last_day(snapshot).day}天，颜色越深比率越低；本月比率见附件1",
            charts.heat_map(heat, target=target),
        ),
    ]
    return [{"caption": caption, "alt": alt, "svg": svg} for caption, alt, svg in drawn]


def _trend_in_words(trend: Iterable[Row]) -> str:
    return "折线图：" + "；".join(
        f"{month_words(row['month'])}在线率{row['online_rate'] or '无'}，在线完好率{row['online_intact_rate'] or '无'}"
        for row in trend
    )


def _bars_in_words(townships: Iterable[Row], target: str) -> str:
    rates = "；".join(f"{row['name']} {row['online_intact_rate'] or '无'}" for row in townships)
    return f"条形图，目标{target}%：{rates}"
