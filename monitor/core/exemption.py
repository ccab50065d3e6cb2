"""Which time of a camera does not count, and what may be filed for it (报备)?

    filed ──approve──► approved      its seconds are exempt
      ├─────reject───► rejected
    late ────reject──► rejected      filed after its deadline: kept and marked, never approvable

The record of conditions knows nothing of exemptions: they are applied when the month is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from monitor.core.availability import Span, Version, standing, union
from monitor.core.rule import RuleError

HOUR_S = 3600
DAY_S = 86400


class Kind(StrEnum):
    """Why a camera may be switched off or out of reach."""

    PLANNED_POWER_CUT = "planned_power_cut"
    CONSTRUCTION = "construction"
    RELOCATION = "relocation"
    THIRD_PARTY_CUT = "third_party_cut"
    DISASTER = "disaster"
    CARRIER_UPGRADE = "carrier_upgrade"
    PLATFORM_MAINTENANCE = "platform_maintenance"
    SCHOOL_HOLIDAY = "school_holiday"
    POLICE_CUSTODY = "police_custody"


LONGEST_S: Mapping[Kind, int] = MappingProxyType(
    {
        Kind.PLANNED_POWER_CUT: 72 * HOUR_S,
        Kind.CONSTRUCTION: 30 * DAY_S,
        Kind.RELOCATION: 15 * DAY_S,
        Kind.THIRD_PARTY_CUT: 7 * DAY_S,
        Kind.DISASTER: 15 * DAY_S,
        Kind.CARRIER_UPGRADE: 72 * HOUR_S,
        Kind.PLATFORM_MAINTENANCE: 72 * HOUR_S,
        Kind.SCHOOL_HOLIDAY: 60 * DAY_S,
        Kind.POLICE_CUSTODY: 90 * DAY_S,
    }
)
"""The longest span that one filing may cover; more needs another decision."""

DEMOLITION = "demolition"
"""Not a kind: a camera taken down is retired in the ledger."""

SUDDEN = frozenset({Kind.THIRD_PARTY_CUT, Kind.DISASTER})
"""Nobody can know of these before; they may be filed up to SUDDEN_S after their beginning."""
SUDDEN_S = 24 * HOUR_S


class Filing(StrEnum):
    """How far an exemption has got."""

    FILED = "filed"
    LATE = "late"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What an exemption covers: one camera, or the cameras of a village or township at the time.

    ``village`` may stand with the ``township`` that tells it from a namesake.
    """

    camera: str = ""
    village: str = ""
    township: str = ""
    """code"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """A filing for [began, ended), with the last decision on it."""

    id: int
    scope: Scope
    kind: Kind
    began: int
    ended: int
    reason: str
    filed_at: int
    state: Filing
    decided_by: str = ""
    decided_at: int | None = None
    decided_why: str = ""
    proof: str = ""
    """name and SHA-256 of the file handed in with it"""

    @property
    def late(self) -> bool:
        """Filed after its deadline, whatever was decided since."""
        return is_late(self.kind, self.began, self.filed_at)


def kind_of(text: str) -> Kind:
    """The kind called ``text``. Raises RuleError."""
    if text == DEMOLITION:
        raise RuleError(
            "拆除不作报备：请在台账中将状态改为拆除并填写停用日期",
            "a demolished camera is not exempt: retire it in the ledger, with its last day",
        )
    try:
        return Kind(text)
    except ValueError:
        raise RuleError(
            f"没有“{text}”这种报备，可选：{'、'.join(Kind)}",
            f"there is no kind of exemption called {text!r}; choose from {', '.join(Kind)}",
        ) from None


def check(kind: Kind, began: int, ended: int, *, filed_at: int, now: int) -> Filing:
    """The state in which a filing for [began, ended) is stored. Raises RuleError for one that is refused outright.

    >>> check(Kind.DISASTER, 0, HOUR_S, filed_at=SUDDEN_S, now=SUDDEN_S)
    <Filing.FILED: 'filed'>
    >>> check(Kind.CONSTRUCTION, 0, HOUR_S, filed_at=0, now=0)
    <Filing.LATE: 'late'>
    """
    if ended <= began:
        raise RuleError("结束时间必须晚于开始时间", "an exemption must end after it began")
    if filed_at > now:
        raise RuleError("报备时间不能晚于现在", "an exemption cannot have been filed in the future")
    if ended - began > LONGEST_S[kind]:
        hours = LONGEST_S[kind] // HOUR_S
        longest = (f"{hours} 小时", f"{hours} hours") if hours <= 72 else (f"{hours // 24} 天", f"{hours // 24} days")
        raise RuleError(
            f"{kind.value} 每次报备最长 {longest[0]}，超出的须另行报备",
            f"one filing of {kind.value} covers {longest[1]} at most; what is beyond needs another one",
        )
    return Filing.LATE if is_late(kind, began, filed_at) else Filing.FILED


def is_late(kind: Kind, began: int, filed_at: int) -> bool:
    """Whether the filing came after its deadline: the beginning, or a day later for what is sudden."""
    return filed_at > began + SUDDEN_S if kind in SUDDEN else filed_at >= began


def decide(exemption: Exemption, *, approve: bool) -> Filing:
    """The state after a person's decision. Raises RuleError where the rules leave no such decision."""
    if exemption.state in (Filing.APPROVED, Filing.REJECTED):
        done = (
            ("已批准", "has been approved") if exemption.state is Filing.APPROVED else ("已驳回", "has been rejected")
        )
        raise RuleError(f"报备 {exemption.id} {done[0]}，不能再次审批", f"exemption {exemption.id} {done[1]} already")
    if approve and exemption.late:
        raise RuleError(
            f"报备 {exemption.id} 超过报备时限，不能批准",
            f"exemption {exemption.id} was filed after its deadline and cannot be approved",
        )
    return Filing.APPROVED if approve else Filing.REJECTED


class Exemptions:
    """Exemptions, ready to be asked which spans of a camera they cover."""

    def __init__(self, exemptions: Sequence[Exemption]) -> None:
        self._of_camera: dict[str, list[Exemption]] = {}
        self._of_places: list[Exemption] = []
        for exemption in exemptions:
            if exemption.scope.camera:
                self._of_camera.setdefault(exemption.scope.camera, []).append(exemption)
            else:
                self._of_places.append(exemption)

    def covering(self, camera: str, versions: Sequence[Version]) -> list[tuple[Exemption, list[Span]]]:
        """Those that cover the camera, each with the spans in which it belonged to their scope."""
        found = [(exemption, [(exemption.began, exemption.ended)]) for exemption in self._of_camera.get(camera, ())]
        in_place = ((exemption, _within(exemption, versions)) for exemption in self._of_places)
        return found + [(exemption, spans) for exemption, spans in in_place if spans]


def approved_spans(exemptions: Iterable[Exemption], versions: Mapping[str, Sequence[Version]]) -> dict[str, list[Span]]:
    """By camera, the spans that approved filings cover; cameras without any are left out."""
    approved = Exemptions([exemption for exemption in exemptions if exemption.state is Filing.APPROVED])
    found = {
        camera: union(span for _, spans in approved.covering(camera, its) for span in spans)
        for camera, its in versions.items()
    }
    return {camera: spans for camera, spans in found.items() if spans}


def _within(exemption: Exemption, versions: Sequence[Version]) -> list[Span]:
    scope = exemption.scope
    return union(
        (max(began, exemption.began), min(ended, exemption.ended))
        for began, ended, camera in standing(versions)
        if scope.township in ("", camera.township) and scope.village in ("", camera.village)
    )
