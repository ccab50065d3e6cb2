"""What became of the repairs that the papers of the month before asked for?

    intact again ─┬─ by its deadline ──────────────────► done
                  └─ after it ─────────────────────────► late
    not yet ──────┬─ its deadline is not over ─────────► open
                  ├─ over, and seen failing since ─────► overdue
                  ├─ over, and exempt since ───────────► exempt
                  ├─ over, and nobody could look ──────► unknown
                  └─ no longer in service there ───────► left

Only a second that counts speaks against a camera: seen, in service, not exempt. So time in which it was exempt or
unknown makes nothing late, and a filing that ends after the deadline puts the deadline off to its own end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from monitor.core.availability import FAILING, Span, stretches
from monitor.core.condition import Condition
from monitor.core.inspection import Counted, Inspection
from monitor.core.period import midnight


class RepairState(StrEnum):
    """How far a repair has got at the end of the period."""

    DONE = "done"
    LATE = "late"
    OPEN = "open"
    OVERDUE = "overdue"
    EXEMPT = "exempt"
    UNKNOWN = "unknown"
    LEFT = "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRepair:
    """A camera that a township was asked to repair until ``deadline`` is over."""

    camera: str
    township: str
    deadline: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What became of it. ``restored_at`` is the first second of the period in which the camera was seen intact."""

    due: DueRepair
    state: RepairState
    restored_at: int | None


def review(due: Iterable[DueRepair], inspection: Inspection) -> list[Repair]:
    """What the month after says of each, judged by the camera's service in the township that was asked."""
    counted = {(each.tally.camera, each.tally.township): each for each in inspection.counted}
    return [_review(each, counted.get((each.camera, each.township)), inspection) for each in due]


def _review(due: DueRepair, counted: Counted | None, inspection: Inspection) -> Repair:
    if counted is None:
        return Repair(due=due, state=RepairState.LEFT, restored_at=None)
    record = inspection.record
    over = midnight(due.deadline + timedelta(days=1), record.month.zone)
    pieces = [(piece.began, piece.ended) for piece in counted.pieces]
    restored = next(_seen(counted, pieces, (Condition.INTACT,)), None)
    # The last second of the deadline's day decides whether it was met.
    since: Span = (over - 1, record.until if restored is None else restored)
    failed = any(_seen(counted, _clipped(counted.open_spans(), since), FAILING))
    if restored is not None:
        state = RepairState.LATE if failed else RepairState.DONE
    elif pieces[-1][1] < record.until:
        state = RepairState.LEFT
    elif over > record.until:
        state = RepairState.OPEN
    elif failed:
        state = RepairState.OVERDUE
    else:
        exempt = _length(_clipped(counted.open_spans(), since)) < _length(_clipped(pieces, since))
        state = RepairState.EXEMPT if exempt else RepairState.UNKNOWN
    return Repair(due=due, state=state, restored_at=restored)


def _seen(counted: Counted, spans: Iterable[Span], conditions: tuple[Condition, ...]) -> Iterator[int]:
    """The first second of each stretch within the spans in which the camera was seen in one of the conditions."""
    for start, end in spans:
        for began, ended, said in stretches(counted.transitions, start, end):
            if said and said.condition in conditions and (first := counted.overlay.seen_from(began)) < ended:
                yield first


def _clipped(spans: Iterable[Span], window: Span) -> list[Span]:
    clipped = ((max(began, window[0]), min(ended, window[1])) for began, ended in spans)
    return [(began, ended) for began, ended in clipped if began < ended]


def _length(spans: Iterable[Span]) -> int:
    return sum(ended - began for began, ended in spans)
