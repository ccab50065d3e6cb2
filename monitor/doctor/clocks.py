"""Is our own clock right? The kernel says whether anybody disciplines it, the record whether it jumped, and the
cameras, asked by the running daemon, whether most of them disagree with us.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from monitor.clock import is_synchronised
from monitor.doctor.finding import Finding, Level, finding
from monitor.store import Store

DAYS = 30
DAY_S = 86_400
WITNESSES_AT_LEAST = 10
"""Cameras whose clocks say something of ours when they agree with each other."""
OFF_S = 30
"""Seconds by which the middle one of them may differ."""


def kernel() -> Iterator[Finding]:
    """Whether the kernel holds its clock to be synchronised."""
    answer = is_synchronised()
    if answer is None:
        yield finding(
            "clock", "无法得知本机时钟是否同步", "nobody can say whether our clock is synchronised", Level.WARNING
        )
    elif answer:
        yield finding("clock", "本机时钟已同步", "our clock is synchronised")
    else:
        yield finding(
            "clock",
            "本机时钟没有同步：请启用 chrony 或 systemd-timesyncd，指向县里的时间服务器",
            "our clock is not synchronised: enable chrony or systemd-timesyncd with the county's time server",
            Level.WARNING,
        )


def steps(store: Store, now: int) -> Iterator[Finding]:
    """How often the clock was put forward of late; the spans it skipped are unknown for everybody."""
    skipped = [gap for gap in store.gaps(now - DAYS * DAY_S, now + DAY_S) if gap.reason == "clock_step"]
    if skipped:
        lost = sum((gap.ended or now) - gap.began for gap in skipped)
        yield finding(
            "clock",
            f"近 {DAYS} 天本机时钟跳变 {len(skipped)} 次，共 {lost} 秒未判定：请检查时间同步",
            f"our clock was put forward {len(skipped)} times in {DAYS} days, {lost} s are unknown: check what sets it",
            Level.WARNING,
        )


def cameras(offsets: Sequence[float]) -> Iterator[Finding]:
    """What the cameras' clocks say of ours; ``offsets`` are theirs less ours, in seconds."""
    if len(offsets) < WITNESSES_AT_LEAST:
        return
    middle = median(offsets)
    off = abs(middle) > OFF_S
    yield finding(
        "clock",
        f"{len(offsets)} 台摄像机的时钟与本机相差的中位数为 {middle:.0f} 秒" + ("，多半是本机时钟不准" if off else ""),
        f"the middle of {len(offsets)} cameras' clocks is {middle:.0f} s off ours"
        + (": it is probably ours that is wrong" if off else ""),
        Level.WARNING if off else Level.FINE,
    )
