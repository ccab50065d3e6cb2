"""Every word that people read, in Chinese and in English, and how times, durations and rates are printed.

Words are found by a key ``kind.id``: ``condition.offline``, ``fault.black``, ``page.search``. The ids of conditions,
causes, faults, outcomes and depths are those of the record and of the command line; places and names are data and
are never translated. Words may hold ``{placeholders}``, filled by ``say``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple


class Lang(StrEnum):
    ZH = "zh"
    EN = "en"


class Words(NamedTuple):
    """One meaning in both languages; ``en_one`` is the English singular where a ``{count}`` is filled in."""

    zh: str
    en: str
    en_one: str = ""


class UnknownWordError(KeyError):
    """No table has this key."""


CONDITIONS = {
    "intact": Words("在线完好", "intact"),
    "impaired": Words("在线异常", "impaired"),
    "offline": Words("离线", "offline"),
    "unknown": Words("未判定", "unknown"),
}

CAUSES = {
    "ours": Words("我方原因", "on our side"),
    "busy": Words("录像机会话已满", "recorder busy"),
    "held": Words("登录暂缓", "login held back"),
    "link_excused": Words("链路中断（不计）", "link down (not counted)"),
}

FAULTS = {
    "unreachable": Words("网络不通", "unreachable"),
    "refused": Words("端口拒绝", "port refused"),
    "unauthorized": Words("认证失败", "login refused"),
    "no_stream": Words("无视频流", "no stream"),
    "corrupted": Words("花屏/码流损坏", "corrupted stream"),
    "signal_loss": Words("信号丢失", "signal loss"),
    "black": Words("黑屏", "black picture"),
    "frozen": Words("画面冻结", "frozen picture"),
    "covered": Words("遮挡", "covered lens"),
    "blurred": Words("模糊", "blurred"),
    "too_bright": Words("过亮", "too bright"),
    "too_dark": Words("过暗", "too dark"),
    "colour_cast": Words("偏色", "colour cast"),
    "noise": Words("噪声/雪花", "noise"),
    "stripes": Words("条纹", "stripes"),
    "shaking": Words("抖动", "shaking"),
    "moved": Words("场景变换", "scene moved"),
    "clock_off": Words("时钟偏差", "clock off"),
    "osd_wrong": Words("字幕不符", "caption wrong"),
}

SCORES = {
    "corrupted": Words("连续损坏的关键帧", "broken key frames in a row"),
    "signal_loss": Words("整幅单一颜色或无信号字样", "one flat colour, or a text that says so"),
    "black": Words("全黑，没有任何起伏", "black without any relief"),
    "frozen": Words("画面不变的时间", "time without any change"),
    "covered": Words("原有景物消失", "the scene's texture is gone"),
    "blurred": Words("细节减少", "fine detail lost"),
    "too_bright": Words("亮度过高", "brightness"),
    "too_dark": Words("亮度过低", "darkness"),
    "colour_cast": Words("颜色偏离", "colour off grey"),
    "noise": Words("颗粒强度", "strength of the grain"),
    "stripes": Words("条纹强度", "strength of the lines"),
    "shaking": Words("两帧之间的移动", "movement between two frames"),
    "moved": Words("与参考图相比的移动", "movement against the reference"),
}
"""What the score of an image fault measures."""

VEILS = {
    "cover": Words(
        "画面中看不到原有景物，而{scope} {asked} 台中 {clear} 台画面清晰：不是雾，是遮挡",
        "veiled, but {clear} of {asked} {scope} see clearly: no fog, a cover",
    ),
    "weather": Words(
        "画面中看不到原有景物，{scope} {asked} 台中只有 {clear} 台画面清晰：是天气，不算遮挡",
        "veiled, and only {clear} of {asked} {scope} see clearly: weather, no cover",
    ),
    "suspect": Words(
        "画面中看不到原有景物，{scope}能作证的只有 {asked} 台，其中 {clear} 台清晰：分不清是雾还是遮挡",
        "veiled; of the {scope} only {asked} can tell, {clear} see clearly: fog or a cover, undecided",
    ),
}
"""What the neighbours make of a veiled picture."""

SCOPES = {
    "village": Words("同村邻近", "cameras of the village"),
    "township": Words("同乡镇", "cameras of the township"),
}

OUTCOMES = {
    "ok": Words("正常", "fine"),
    "unreachable": Words("网络不通", "unreachable"),
    "refused": Words("端口拒绝", "port refused"),
    "unauthorized": Words("认证失败", "login refused"),
    "busy": Words("录像机会话已满", "recorder busy"),
    "no_stream": Words("无视频流", "no stream"),
    "undecodable": Words("无法解码", "cannot be decoded"),
    "bad_picture": Words("图像异常", "bad picture"),
    "timed_out": Words("超时", "timed out"),
    "inconclusive": Words("无结论", "inconclusive"),
}

LIGHTS = {
    "day": Words("白天", "day"),
    "night": Words("夜间", "night"),
}

DEPTHS = {
    "light": Words("端口", "port"),
    "onvif": Words("ONVIF", "ONVIF"),
    "describe": Words("流描述", "description"),
    "media": Words("媒体流", "media"),
    "picture": Words("图像", "picture"),
}

STEPS = {
    "resolve": Words("解析地址", "resolve"),
    "connect": Words("建立连接", "connect"),
    "tls": Words("TLS 握手", "TLS handshake"),
    "clock": Words("读取时钟", "read clock"),
    "device_information": Words("读取设备信息", "device information"),
    "capabilities": Words("读取能力集", "capabilities"),
    "profiles": Words("读取码流配置", "media profiles"),
    "stream_uri": Words("读取码流地址", "stream address"),
    "options": Words("OPTIONS 询问", "OPTIONS"),
    "describe": Words("DESCRIBE 流描述", "DESCRIBE"),
    "login": Words("登录", "log in"),
    "setup": Words("SETUP 建流", "SETUP"),
    "play": Words("PLAY 播放", "PLAY"),
    "first_rtp": Words("首个媒体包", "first packet"),
    "key_frame": Words("完整关键帧", "key frame"),
    "decode": Words("解码", "decode"),
    "judge": Words("图像判定", "judge picture"),
    "second_look": Words("间隔复看", "second look"),
    "teardown": Words("TEARDOWN 结束", "TEARDOWN"),
}

EVENTS = {
    "recorder": Words("录像机离线", "recorder down"),
    "subnet": Words("网段中断", "subnet down"),
    "village": Words("疑似断电", "power cut suspected"),
    "link": Words("乡镇链路中断", "township link down"),
}

REASONS = {
    "canary": Words("自检探针没有应答", "our own canary does not answer"),
    "witnesses": Words("全部见证点都没有应答", "no witness answers"),
    "mass_failure": Words("多个乡镇同时大面积失败", "many cameras of several townships fail at once"),
    "clock_step": Words("本机时钟跳变", "our clock was stepped"),
    "restart": Words("巡检程序重启", "the monitor was restarted"),
    "township_link": Words("乡镇链路中断", "the township's link is down"),
}

EXEMPTIONS = {
    "planned_power_cut": Words("计划停电", "planned power cut"),
    "construction": Words("施工", "construction"),
    "relocation": Words("迁移改造", "relocation"),
    "third_party_cut": Words("外力破坏", "cut by third parties"),
    "disaster": Words("自然灾害", "disaster"),
    "carrier_upgrade": Words("运营商割接", "carrier upgrade"),
    "platform_maintenance": Words("平台维护", "platform maintenance"),
    "school_holiday": Words("学校放假", "school holiday"),
    "police_custody": Words("公安调取", "police custody"),
    "new_camera": Words("新建", "new camera"),
}

FILINGS = {
    "filed": Words("待审批", "filed"),
    "late": Words("逾期报备", "filed late"),
    "approved": Words("已批准", "approved"),
    "rejected": Words("已驳回", "rejected"),
    "by_rule": Words("按规则", "by rule"),
}

MONTHS = {
    "open": Words("进行中", "open"),
    "closed": Words("已结束，待定稿", "closed"),
    "draft": Words("征求意见稿", "draft"),
    "frozen": Words("已定稿", "frozen"),
}

CONTACTS = {
    "power": Words("供电", "power"),
    "network": Words("网络", "network"),
    "maintainer": Words("维护", "maintainer"),
}

ASSESSMENTS = {
    "assessed": Words("应检", "assessed"),
    "unassessed": Words("未检", "not assessed"),
    "exempted": Words("报备剔除", "exempt"),
}

UNITS = {
    "day": Words("天", "d"),
    "hour": Words("小时", "h"),
    "minute": Words("分", "min"),
    "second": Words("秒", "s"),
}

TEXTS = {
    "event": Words(
        "【视频巡查】{place} {kind}：自 {since} 起，{of} 台摄像机中 {failed} 台不可用，已持续 {lasted}。"
        "涉及点位：{cameras}。{whom}",
        "[Camera watch] {place}: {kind}. Since {since}, {failed} of {of} cameras are out, for {lasted} now. "
        "Cameras: {cameras}. {whom}",
    ),
    "township": Words(
        "【视频巡查】{place}有 {count} 台摄像机单独故障，请尽快核实修复。{whom}",
        "[Camera watch] {place}: {count} cameras are out on their own, please check and repair. {whom}",
        "[Camera watch] {place}: {count} camera is out on its own, please check and repair. {whom}",
    ),
    "single": Words(
        "{number}. {name}（{village}）：{condition}，{fault}，自 {since} 起，已 {lasted}",
        "{number}. {name} ({village}): {condition}, {fault}, since {since}, for {lasted}",
    ),
    "more": Words("另有 {count} 台，见乡镇清单。", "{count} more, see the township's list.", "1 more, see the list."),
    "comma": Words("、", ", "),
    "scored": Words("{fault}（{what}，门限的 {times} 倍）", "{fault} ({what}, {times} × its threshold)"),
    "and_more": Words("{names} 等 {count} 台", "{names} and others, {count} in all"),
    "whom": Words("联系{role}：{name} {phone}。", "Contact ({role}): {name} {phone}."),
    "nobody": Words("台账中没有联系电话。", "The ledger has no telephone number."),
}

ALERTS = {
    "down": Words("【{condition}】重点点位 {name}（{place}）", "[{condition}] Key point {name} ({place})"),
    "flapping": Words("【频繁掉线】重点点位 {name}（{place}）", "[Flapping] Key point {name} ({place})"),
    "back": Words("【恢复】重点点位 {name}（{place}）", "[Recovered] Key point {name} ({place})"),
    "since": Words("自 {since} 起{condition}{fault}。", "{condition} since {since}{fault}."),
    "fault": Words("（{fault}）", " ({fault})"),
    "flaps": Words(
        "24 小时内第 {count} 次，此后计入汇总，不再逐次通知。",
        "Outage {count} in 24 h; further ones go into the digest.",
    ),
    "was": Words("{since} 至 {until}，历时 {lasted}。", "From {since} to {until}, {lasted}."),
    "annulled": Words("该时段本系统无法判定，不计入。", "We could not look in that time: it does not count."),
    "address": Words("设备 {address}。", "Device {address}."),
    "channel": Words("{address} 通道 {channel}", "{address} channel {channel}"),
    "cause": Words(
        "【{kind}】{place}：{of} 台中 {failed} 台不可用", "[{kind}] {place}: {failed} of {of} cameras are out"
    ),
    "causes": Words(
        "【大面积故障】{count} 起同时发生，共 {failed} 台不可用",
        "[Mass outage] {count} causes at once, {failed} cameras are out",
    ),
    "cause_line": Words(
        "{place} {kind}：{failed}/{of} 台，自 {since} 起。{whom}",
        "{place}, {kind}: {failed}/{of}, since {since}. {whom}",
    ),
    "from": Words("自 {since} 起。", "Since {since}."),
    "points": Words("点位：{names}。", "Cameras: {names}."),
    "key_points": Words("其中重点点位：{names}。", "Key points among them: {names}."),
    "exempt": Words("其中 {count} 台已报备。", "{count} of them are exempt."),
    "cause_over": Words("【恢复】{place}（{kind}）", "[Recovered] {place} ({kind})"),
    "all_back": Words("{count} 台已全部恢复。", "All {count} cameras are back."),
    "left": Words("{back} 台已恢复，仍有 {count} 台未恢复：{names}。", "{back} are back, {count} still out: {names}."),
    "digest": Words("【汇总】{at} 视频点位故障", "[Digest] {at}: cameras out"),
    "digest_one": Words("【汇总】{at} {township}视频点位故障", "[Digest] {at}: cameras out in {township}"),
    "head": Words(
        "◆ {township}：新增 {news}，恢复 {recovered}，未恢复 {lasting}",
        "◆ {township}: {news} new, {recovered} back, {lasting} still out",
    ),
    "brief": Words("，另有 {count} 台短时故障已恢复", ", {count} more were out briefly"),
    "head_exempt": Words("，已报备 {count}", ", {count} exempt"),
    "line": Words(
        "{number}. {mark}{name}（{village}）{condition}{fault}，自 {since} 起{flapping}{address}",
        "{number}. {mark}{name} ({village}) {condition}{fault} since {since}{flapping}{address}",
    ),
    "mark": Words("[重点] ", "[key point] "),
    "line_flapping": Words("，频繁掉线", ", flapping"),
    "line_address": Words("，{address}", ", {address}"),
    "recovered": Words("已恢复：{names}。", "Back: {names}."),
    "lasting": Words("未恢复：{names}。", "Still out: {names}."),
    "lasting_one": Words("{name}（自 {since}）", "{name} (since {since})"),
    "more": Words("……另有 {count} 台", "… {count} more"),
    "cut": Words("……未列完，详见网页", "… the rest is on the page"),
    "page_of": Words("（{number}/{of}）", " ({number}/{of})"),
    "recorder_of": Words("{village}录像机", "recorder of {village}"),
    "subnet_of": Words("{village}等处网段", "network around {village}"),
    "blind": Words("【本系统】无法判定摄像机状态", "[Monitor] Cameras cannot be judged"),
    "blind_text": Words(
        "自 {since} 起：{about}。期间全县按未判定处理，不计入任何乡镇。请检查巡检服务器和县级网络。",
        "Since {since}: {about}. Meanwhile nothing counts against any township. Check the server and its network.",
    ),
    "blind_over": Words("【本系统】已恢复判定", "[Monitor] Cameras can be judged again"),
    "link": Words("【乡镇链路中断】{township}", "[Township link down] {township}"),
    "link_text": Words(
        "自 {since} 起，链路末端无应答，期间不计入该乡镇。{whom}",
        "Since {since} the end of the link does not answer; this does not count against the township. {whom}",
    ),
    "link_over": Words("【恢复】{township}链路", "[Recovered] Link of {township}"),
    "store": Words("【本系统】数据库无法写入", "[Monitor] The database cannot be written"),
    "store_text": Words(
        "自 {since} 起：{about}。记录暂存内存，请尽快检查磁盘空间和数据库。",
        "Since {since}: {about}. The record waits in memory: check the disk and the database soon.",
    ),
    "store_over": Words("【本系统】数据库已恢复写入", "[Monitor] The database can be written again"),
    "report": Words("【本系统】{month}的材料尚未生成", "[Monitor] {month} has no draft yet"),
    "report_text": Words(
        "月份已结束，征求意见稿仍未生成，请查看日志。", "The month is over and its draft is missing: look into the log."
    ),
    "report_over": Words("【本系统】{month}的材料已生成", "[Monitor] {month} has its draft now"),
    "month_draft": Words("【月报】{month}征求意见稿已生成", "[Month] The draft of {month} is there"),
    "month_draft_text": Words("请在网页“月度”中核对。", "Check it on the page, under Months."),
    "month_frozen": Words("【月报】{month}已定稿", "[Month] {month} is frozen"),
    "month_frozen_text": Words("可在网页“月度”中下载材料。", "Its papers are on the page, under Months."),
    "test": Words("【测试】视频巡检告警通道", "[Test] Channel of the camera watch"),
    "test_text": Words(
        "这是 {county} 巡检系统 {at} 发出的测试消息，收到即表示通道“{channel}”可用，不必处理。",
        "A test message of the monitor of {county}, sent at {at}: channel “{channel}” works. No action is needed.",
    ),
    "unlisted": Words("（台账已无此点位）", "(no longer in the ledger)"),
    "failed": Words(
        "告警发送失败 {count} 条，最近：通道“{channel}”，{at}，{why}",
        "{count} alerts were not delivered; the last: channel “{channel}”, {at}, {why}",
    ),
    "overdue": Words(
        "告警有 {count} 条未送达，正在重试；通道“{channel}”自 {at} 起：{why}",
        "{count} alerts are being retried; channel “{channel}” since {at}: {why}",
    ),
}
"""What is sent to people. Words of a settled message: its times are absolute, since nobody knows when it is read."""

WAITS = {
    "settling": Words("稍候，看是否同一原因", "waits for a common cause to show"),
    "quiet": Words("免打扰时段", "quiet hours"),
    "digest": Words("等下一次汇总", "waits for the next digest"),
    "cause": Words("并入同因故障", "told with its common cause"),
    "flapping": Words("频繁掉线，等下一次汇总", "flapping, waits for the next digest"),
    "exempt": Words("已报备，不通知", "exempt, not told"),
    "repair": Words("维修中，不通知", "in repair, not told"),
}

DELIVERIES = {
    "waiting": Words("待发送", "waiting"),
    "sent": Words("已送达", "sent"),
    "failed": Words("失败", "failed"),
}

MISSING = {
    "age": Words("图片已于 {at} 到期删除。", "The picture was deleted on {at}: its time was over."),
    "budget": Words("图片已于 {at} 因超出存储上限删除。", "The picture was deleted on {at} for want of room."),
    "replaced": Words("图片已于 {at} 由更新的正常图片取代。", "A newer good picture took its place on {at}."),
    "unwritten": Words("图片当时没能写入磁盘。", "The disk did not take the picture."),
    "lost": Words("图片文件缺失或已被改动。", "The picture's file is missing or is not what was written."),
    "undecoded": Words("收到的画面解不出图片。", "What came could not be decoded into a picture."),
    "none": Words("这次查看没有取到画面。", "This look did not come to a picture."),
}
"""Why a look has no picture: ``monitor.web.why`` names them, ``at`` is when it went."""

PAGES = {
    "product": Words("巡检", "Xunjian"),
    "demo": Words("演示", "demo"),
    "search": Words("查点位名称或编码", "camera name or id"),
    "search_button": Words("查找", "Search"),
    "data_at": Words("数据时间", "data of"),
    "skip": Words("跳到主要内容", "skip to content"),
    "lost": Words("与巡检程序的连接已断开，页面上是断开前的情况。", "Connection lost: this is how things stood."),
    "stale": Words(
        "巡检程序已有 {lasted}没有更新数据，页面上是当时的情况。",
        "The monitor has not updated its data for {lasted}: this is how things stood then.",
    ),
    "degraded": Words(
        "记录写不进磁盘（{reason}）：暂存在内存里，程序一停就会丢失。请先腾出空间或检查磁盘。",
        "The record can't be written ({reason}): it is kept in memory and lost if the program stops. See to the disk.",
    ),
    "no_script": Words(
        "页面脚本没有安装，改为每 30 秒整页刷新；安装命令：make setup。",
        "The page's scripts are not installed, it reloads every 30 seconds; install them with: make setup.",
    ),
    "blind": Words("我们看不见", "We are blind"),
    "blind_since": Words("自 {since} 起，已 {lasted}", "since {since}, for {lasted}"),
    "blind_means": Words(
        "这段时间不计入任何乡镇，各项比率保持不变。请先检查巡检主机的网络。",
        "This time counts for no township and no rate moves. Check the monitor's own network first.",
    ),
    "link_down": Words("{place}链路中断，自 {since} 起，已 {lasted}", "{place}: link down since {since}, for {lasted}"),
    "calls": Words("今天要打 {count} 个电话", "{count} calls to make today", "{count} call to make today"),
    "no_calls": Words("今天没有电话要打", "No calls to make"),
    "calls_blind": Words("现在无法判断要打哪些电话", "Whom to call can't be said now"),
    "calls_of": Words(
        "{events} 起事件 · {singles} 台单独故障 · {suspects} 台疑似",
        "{events} events · {singles} single outages · {suspects} suspects",
    ),
    "all_well": Words("没有摄像机处于离线或异常。", "No camera is offline or impaired."),
    "events": Words("事件", "Events"),
    "events_note": Words("同一原因，一起事件，一个电话", "one cause, one event, one call"),
    "all_events": Words("查看全部 {count} 起事件", "all {count} events"),
    "changed": Words("情况有变化，点此刷新", "Things have changed, reload"),
    "back": Words("返回今天要打的电话", "back to the calls"),
    "singles": Words("单独故障", "Single outages"),
    "singles_note": Words("按乡镇归并", "by township"),
    "all_singles": Words("查看该乡镇全部 {count} 台", "all {count} of this township"),
    "suspects": Words("疑似", "Suspects"),
    "suspects_note": Words("尚未计入，等待复看或人工确认", "not counted yet, awaiting another look or a person"),
    "all_suspects": Words("查看全部 {count} 台疑似", "all {count} suspects"),
    "out_of": Words("{of} 台中 {failed} 台", "{failed} of {of} cameras"),
    "since": Words("{since} 起", "since {since}"),
    "lasted": Words("已 {lasted}", "for {lasted}"),
    "cameras_inside": Words("涉及的 {count} 台摄像机", "the {count} cameras inside", "the {count} camera inside"),
    "and_others": Words("其余 {count} 台", "{count} more"),
    "copy": Words("复制文字", "Copy text"),
    "copied": Words("已复制", "Copied"),
    "copy_by_hand": Words("请按 Ctrl+C 复制", "Press Ctrl+C to copy"),
    "text_to_copy": Words("可粘贴的文字", "text to paste"),
    "no_number": Words("台账无电话", "no number in the ledger"),
    "key_point": Words("重点", "key"),
    "flapping": Words("频繁掉线", "flapping"),
    "recovering": Words("恢复确认中", "recovering"),
    "looks_against": Words("{count} 次查看", "{count} looks", "{count} look"),
    "needs_person": Words("请看图确认", "picture to confirm"),
    "another_look": Words("等待复看", "another look due"),
    "proven": Words("同一批 {count} 台，三个数", "{count} cameras, three numbers"),
    "proven_port": Words("端口有应答", "a port answers"),
    "proven_described": Words("码流有描述", "a stream is described"),
    "proven_pictured": Words("图像已证实", "a picture is proven"),
    "proven_note": Words("只有最后一个数能证明看得见。", "Only the last one proves that there is something to see."),
    "townships": Words("乡镇在线完好率", "Townships: online and intact"),
    "townships_note": Words("{month} 累计，由低到高", "{month} so far, worst first"),
    "target": Words("目标 {rate}%", "target {rate} %"),
    "reaching": Words("{rated} 个乡镇中 {reaching} 个达标", "{reaching} of {rated} townships reach it"),
    "county": Words("全县", "County"),
    "below": Words("差 {points}", "short {points}"),
    "reached": Words("达标", "reached"),
    "no_rate": Words("暂无", "none yet"),
    "out_now": Words("现在 {faulty}/{cameras}", "{faulty}/{cameras} out"),
    "day": Words("最近 24 小时", "Last 24 hours"),
    "day_note": Words("程序启动后每分钟一次", "once a minute since the program started"),
    "month_so_far": Words("{month} 至今", "{month} so far"),
    "month_rate": Words("本月在线完好率", "online and intact this month"),
    "before_exemptions": Words("未扣除报备", "exemptions not taken off"),
    "why": Words("为什么这样判", "Why this verdict"),
    "why_looks": Words(
        "依据 {count} 次查看：{times}。自 {since} 起算，{decided} 判定。",
        "Rests on {count} looks: {times}. Counted from {since}, decided {decided}.",
        "Rests on {count} look: {times}. Counted from {since}, decided {decided}.",
    ),
    "why_none": Words("本月的记录里没有变化。", "The record has no change this month."),
    "why_unknown": Words("原因：{cause}。不计入任何人。", "Cause: {cause}. It counts for nobody."),
    "made_it": Words("据此判定", "the verdict rests on it"),
    "untold": Words("{times} 的查看没有留存步骤。", "No steps were kept of the looks at {times}."),
    "imported": Words("来自导入的历史记录，不是本系统查看所得。", "Taken over from another system's record."),
    "doubt": Words("疑似：{what}", "Suspected: {what}"),
    "doubt_note": Words(
        "自 {since} 起 {count} 次查看不一致，尚未计入。", "{count} looks disagree since {since}; not counted yet."
    ),
    "doubt_ask": Words("请对照图片确认或否定", "Confirm or refute it with the picture"),
    "confirm": Words("确认故障", "Confirm the fault"),
    "refute": Words("否定，一切正常", "Refute, all is well"),
    "your_name": Words("你的姓名", "Your name"),
    "decided": Words("已记录，谢谢。", "Recorded, thank you."),
    "nothing_to_decide": Words("这台摄像机现在没有待确认的疑似。", "This camera has no doubt to decide now."),
    "name_missing": Words("请填写姓名。", "Please give your name."),
    "decisions": Words("人工确认", "Decisions"),
    "certificates": Words("TLS 证书", "TLS certificate"),
    "certificates_note": Words("更换不计故障，请核实是谁换的", "a change is no fault; find out who made it"),
    "certificate_first": Words("首次记录，SHA-256 指纹 {now}…", "first seen, SHA-256 fingerprint {now}…"),
    "certificate_changed": Words("证书已更换：{before}… 变为 {now}…", "changed from {before}… to {now}…"),
    "newest_look": Words("最近留存的查看", "The newest look on file"),
    "confirmed_by": Words("{by} 确认了 {what}", "{by} confirmed {what}"),
    "refuted_by": Words("{by} 否定了 {what}", "{by} refuted {what}"),
    "picture_then": Words("上一张正常图像", "Last good picture"),
    "picture_now": Words("最新图像", "Newest picture"),
    "no_picture": Words("没有保存的图像", "no picture kept"),
    "references": Words("参考图", "References"),
    "references_note": Words(
        "白天、夜间各一张，画面与同类的对照", "by day and by night; pictures are held against theirs"
    ),
    "reference_none": Words("还没有", "none yet"),
    "reference_learned": Words("自动学习", "learned"),
    "reference_approved": Words("{by} 已确认", "approved by {by}"),
    "reference_how": Words(
        "确认：xunjian reference {id} --approve day；重新学习：--reset day",
        "Approve: xunjian reference {id} --approve day; learn anew: --reset day",
    ),
    "intervals": Words("经过", "Intervals"),
    "began": Words("开始", "began"),
    "ongoing": Words("持续中", "ongoing"),
    "older_hidden": Words("更早的 {count} 段未列出", "{count} older ones not shown"),
    "looks": Words("最近的查看", "Recent looks"),
    "looks_note": Words("只保存说明问题的查看", "only looks that say something are kept"),
    "none": Words("无", "none"),
    "last_look": Words("最近一次查看", "last look"),
    "last_good": Words("最近一次正常", "last good look"),
    "clock_offset": Words("时钟偏差", "clock offset"),
    "never": Words("从未", "never"),
    "image_faults": Words("图像问题", "image faults"),
    "contacts": Words("联系电话", "Contacts"),
    "ledger": Words("台账", "Ledger"),
    "id": Words("编码", "id"),
    "address": Words("地址", "address"),
    "maker": Words("厂家型号", "maker and model"),
    "township": Words("乡镇", "township"),
    "township_out": Words("{count} 台离线或异常", "{count} offline or impaired"),
    "all_cameras": Words("全部 {count} 台摄像机", "all {count} cameras"),
    "nothing_out": Words("没有离线或异常的摄像机。", "No camera is offline or impaired."),
    "found": Words("“{query}”：{count} 台", "“{query}”: {count} cameras", "“{query}”: {count} camera"),
    "found_more": Words("只列出前 {count} 台，请输入更多字。", "The first {count} are shown, type more."),
    "found_none": Words("没有找到。", "Nothing found."),
    "event_over": Words("这起事件已经结束。", "This event is over."),
    "not_found": Words("没有这一页。", "There is no such page."),
    "no_camera": Words("台账里没有这台摄像机。", "The ledger has no such camera."),
    "no_township": Words("没有这个乡镇。", "There is no such township."),
    "refused": Words("请求被拒绝：它不是从本页面发出的。", "Refused: the request was not sent from this page."),
    "failed": Words("程序出错，已写入日志。", "Something failed on our side; it is in the log."),
    "manual": Words("手册", "Manual"),
    "month": Words("月度", "Months"),
    "month_title": Words("{month}在线完好情况", "{month}: online and intact"),
    "month_link": Words("{month}排名与明细", "{month}: ranking and details"),
    "months": Words("各月", "All months"),
    "older_months": Words("更早", "older"),
    "no_month": Words("没有这个月的记录。", "There is no record of this month."),
    "no_day": Words("这个月没有这一天。", "The month has no such day."),
    "no_camera_then": Words("这个月没有这台摄像机。", "The month has no such camera."),
    "as_of": Words("截至 {at}", "as of {at}"),
    "made_at": Words("{at} 制作", "made {at}"),
    "draft_note": Words("未定稿的数字仍会变化。", "Figures may change until the month is frozen."),
    "correction": Words("更正（第 {revision} 版）", "correction, version {revision}"),
    "because": Words("事由：{reason}", "Reason: {reason}"),
    "ranking": Words("排名", "Ranking"),
    "ranking_note": Words(
        "按精确在线完好率；各率按秒求和后相除，向下取两位",
        "by the exact rate; rates are sums of seconds divided, rounded down",
    ),
    "place": Words("排名", "place"),
    "registered": Words("建档数", "registered"),
    "exempted": Words("报备剔除", "exempt"),
    "assessed": Words("应检数", "assessed"),
    "online_rate": Words("在线率", "online"),
    "intact_rate": Words("完好率", "intact"),
    "online_intact_rate": Words("在线完好率", "online and intact"),
    "equivalent_intact": Words("折合完好台数", "equal to intact"),
    "change": Words("较上月", "change"),
    "previous_place": Words("上月名次", "last place"),
    "reaches": Words("是否达标", "target"),
    "points": Words("本月得分", "points"),
    "cumulative_points": Words("累计得分", "mean points"),
    "remark": Words("备注", "remark"),
    "not_reached": Words("未达标", "below"),
    "months_below": Words("连续 {count} 个月", "{count} months in a row"),
    "points_of_change": Words("百分点", "points"),
    "target_short": Words("目标", "target"),
    "how": Words("怎么算的", "The arithmetic"),
    "how_county": Words("全县应检摄像机合计（秒）", "all assessed cameras of the county, in seconds"),
    "how_township": Words("本乡镇应检摄像机合计（秒）", "the township's assessed cameras, in seconds"),
    "how_camera": Words("这台摄像机（秒）", "this camera, in seconds"),
    "sum": Words("应检合计", "assessed, in all"),
    "not_counted": Words("未计入的部分", "What is not counted"),
    "not_counted_note": Words("占全部建档时长的百分比", "percent of all registered service time"),
    "unassessed": Words("未检", "not assessed"),
    "never_connected": Words("未接入", "never connected"),
    "connected_rate": Words("接入率", "connected"),
    "exempt_share": Words("报备占比", "exempt"),
    "unknown_share": Words("未判定占比", "unknown"),
    "blind_share": Words("盲区（我方原因）", "blind (our side)"),
    "heat": Words("乡镇逐日", "Townships by day"),
    "heat_note": Words("在线完好率，点开看当天", "online and intact; open a cell for that day"),
    "no_data": Words("无数据", "no data"),
    "day_of": Words("{day}日", "day {day}"),
    "trend": Words("走势", "Trend"),
    "trend_month": Words("{number}月", "{number}"),
    "trend_year": Words("{number}年", "{number}"),
    "papers": Words("材料", "Papers"),
    "no_papers": Words("月末生成后在这里下载。", "They can be downloaded here once the month has been made."),
    "print": Words("网页可直接打印。", "This page can be printed as it is."),
    "faults": Words("故障类型", "Faults"),
    "faults_note": Words("当月至少一次的摄像机台数", "cameras with at least one outage of the kind"),
    "cameras": Words("逐台明细", "Camera by camera"),
    "cameras_note": Words("单位：秒；失去时间多的在前", "in seconds; most time lost first"),
    "camera": Words("点位", "camera"),
    "state": Words("计入", "counted as"),
    "service": Words("服务", "service"),
    "exempt": Words("报备", "exempt"),
    "outages": Words("次数", "outages"),
    "day_outages": Words("{day}日计入的故障", "Outages that count on day {day}"),
    "day_rate": Words("当天在线完好率", "online and intact that day"),
    "no_outages": Words("当天没有计入的故障。", "Nothing counted against it that day."),
    "more_outages": Words("另有 {count} 起未列出", "{count} more not shown"),
    "exemptions": Words("报备", "Exemptions"),
    "kind": Words("类别", "kind"),
    "reason": Words("事由", "reason"),
    "filing": Words("审核", "filing"),
    "until": Words("止", "until"),
    "never_seen": Words("从未接入", "Never connected"),
    "unassessed_list": Words("未检（应检时长不足）", "Not assessed (too little accountable time)"),
    "first_found": Words("首次发现", "first found"),
    "hours": Words("小时", "hours"),
    "cause": Words("共同原因", "common cause"),
    "deadline": Words("整改时限", "deadline"),
    "evidence": Words("证据", "evidence"),
    "lasting": Words("未恢复", "lasting"),
    "now_page": Words("看现在", "how it is now"),
    "no_looks": Words("这段时间没有留存的查看。", "No look of this time was kept."),
    "other_lang": Words("English", "中文"),
    "version": Words("巡检 {version}", "Xunjian {version}"),
}

TABLES: Mapping[str, Mapping[str, Words]] = MappingProxyType(
    {
        "condition": CONDITIONS,
        "cause": CAUSES,
        "fault": FAULTS,
        "score": SCORES,
        "veil": VEILS,
        "scope": SCOPES,
        "outcome": OUTCOMES,
        "depth": DEPTHS,
        "light": LIGHTS,
        "step": STEPS,
        "event": EVENTS,
        "reason": REASONS,
        "exemption": EXEMPTIONS,
        "filing": FILINGS,
        "month": MONTHS,
        "contact": CONTACTS,
        "assessment": ASSESSMENTS,
        "unit": UNITS,
        "text": TEXTS,
        "missing": MISSING,
        "alert": ALERTS,
        "wait": WAITS,
        "delivery": DELIVERIES,
        "page": PAGES,
    }
)

OWN_KINDS = frozenset({"unit", "text", "page", "alert"})
"""Their ids are ours. All others come with the data: one that has no words is shown as it stands, since a page must
not fail for a word."""

MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def say(key: str, lang: Lang, **values: object) -> str:
    """The words for ``kind.id`` with its placeholders filled.

    Raises UnknownWordError for a kind that has no table and for an own word (OWN_KINDS) that is in none.

    >>> say("condition.offline", Lang.ZH)
    '离线'
    >>> say("page.calls", Lang.EN, count=1)
    '1 call to make today'
    """
    kind, _, id_ = key.partition(".")
    words = TABLES.get(kind, {}).get(id_)
    if words is None:
        if kind in OWN_KINDS or kind not in TABLES:
            raise UnknownWordError(f"no words for {key!r}")
        return id_
    one = lang is Lang.EN and words.en_one and values.get("count") == 1
    text = words.zh if lang is Lang.ZH else words.en_one if one else words.en
    if not values:
        return text
    return text.format_map({name: f"{value:,}" if isinstance(value, int) else value for name, value in values.items()})


def scored(fault: str, measures: Mapping[str, object], lang: Lang) -> str:
    """An image fault with its score, where ``measures`` has one: how far it is beyond its threshold, rounded down.

    >>> scored("covered", {"score_covered": 1.66}, Lang.EN), scored("covered", {}, Lang.ZH)
    ("covered lens (the scene's texture is gone, 1.6 × its threshold)", '遮挡')
    """
    words, score = say(f"fault.{fault}", lang), measures.get(f"score_{fault}")
    if not isinstance(score, int | float):
        return words
    return say("text.scored", lang, fault=words, what=say(f"score.{fault}", lang), times=f"{int(score * 10) / 10:.1f}")


def neighbours(facts: Mapping[str, object], lang: Lang) -> str:
    """What the neighbours said of a veiled picture, by what was kept of its look; "" where they weren't asked.

    >>> neighbours({"neighbours": {"says": "cover", "scope": "village", "asked": 7, "clear": 6}}, Lang.ZH)
    '画面中看不到原有景物，而同村邻近 7 台中 6 台画面清晰：不是雾，是遮挡'
    """
    told = facts.get("neighbours")
    if not isinstance(told, Mapping):
        return ""
    return say(
        f"veil.{told['says']}",
        lang,
        scope=say(f"scope.{told['scope']}", lang),
        asked=told["asked"],
        clear=told["clear"],
    )


SPANS = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


def duration(seconds: float, lang: Lang) -> str:
    """A span in its largest unit, days and hours with the next smaller one, rounded down.

    >>> duration(11_520, Lang.ZH), duration(59, Lang.EN), duration(90_000, Lang.EN), duration(86_520, Lang.EN)
    ('3 小时 12 分', '59 s', '1 d 1 h', '1 d')
    """
    whole = max(0, int(seconds))
    largest = next((index for index, (_, length) in enumerate(SPANS) if whole >= length), len(SPANS) - 1)
    parts: list[str] = []
    for unit, length in SPANS[largest : largest + (2 if largest < 2 else 1)]:
        amount, whole = divmod(whole, length)
        if amount or not parts:
            parts.append(f"{amount} {say(f'unit.{unit}', lang)}")
    return " ".join(parts)


def moment(at: float, zone: tzinfo, lang: Lang, *, now: float, seconds: bool = False) -> str:
    """A time in the site's zone: the clock alone today, with the day this year, with the year before.

    >>> from datetime import UTC
    >>> moment(0, UTC, Lang.EN, now=3 * 86_400)
    '1 Jan 00:00'
    """
    when, today = datetime.fromtimestamp(at, zone), datetime.fromtimestamp(now, zone)
    clock = f"{when:%H:%M:%S}" if seconds else f"{when:%H:%M}"
    if when.date() == today.date():
        return clock
    if when.year != today.year:
        return f"{when:%Y-%m-%d} {clock}"
    if lang is Lang.ZH:
        return f"{when.month}月{when.day}日 {clock}"
    return f"{when.day} {MONTHS_EN[when.month - 1]} {clock}"


def month_name(month: str, lang: Lang) -> str:
    """The month "2026-11" in words.

    >>> month_name("2026-11", Lang.ZH), month_name("2026-11", Lang.EN)
    ('2026年11月', 'Nov 2026')
    """
    year, _, number = month.partition("-")
    return f"{year}年{int(number)}月" if lang is Lang.ZH else f"{MONTHS_EN[int(number) - 1]} {year}"


def hundredths(rate: Fraction) -> int:
    """A rate as whole hundredths of a percent, rounded down as everything on paper is.

    >>> hundredths(Fraction(94_996, 100_000))
    9499
    """
    return rate.numerator * 10_000 // rate.denominator


def percent(rate: Fraction | None) -> str:
    """A rate with two decimals, rounded down: 94.996 % is not 95 %. Without a rate "—".

    >>> percent(Fraction(94_996, 100_000)), percent(Fraction(1)), percent(None)
    ('94.99', '100.00', '—')
    """
    if rate is None:
        return "—"
    whole, rest = divmod(hundredths(rate), 100)
    return f"{whole}.{rest:02d}"


def points_short(rate: Fraction, target: Fraction) -> str:
    """How far the printed rate is below the printed target, in percentage points.

    >>> points_short(Fraction(94_996, 100_000), Fraction(95, 100))
    '0.01'
    """
    whole, rest = divmod(max(0, hundredths(target) - hundredths(rate)), 100)
    return f"{whole}.{rest:02d}"
