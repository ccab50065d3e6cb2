"""Which look may start now: caps per device, per link and for all, and an order that is fair to every link.

A job waits in the queue of its device, whose lanes take turns; devices take turns within their link, links among
themselves. So a township whose cameras swallow every connection fills its own share and nobody else's,
and a recorder with 32 channels is never asked for all of them in a row.

Cameras that were gone and answer again come before all others that are asked for a stream: their repair is dated by
that look. When a whole county returns at once, they leave the others three quarters of the places.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Lane(StrEnum):
    """Which pool of looks in flight a look belongs to, in the order in which they are served.

    ``RETURN`` and ``MEDIA`` both ask for a stream and share the places for that; a camera that was gone and answers
    again is looked at in the former.
    """

    LIGHT = "light"
    RETURN = "return"
    MEDIA = "media"


_LANES = tuple(Lane)
"""To go through an enumeration itself takes ten times as long, and every look does so several times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Looks in flight: for each lane, behind a camera's own address, behind a recorder's, and bytes per link."""

    light: int = 200
    media: int = 64
    per_camera: int = 1
    per_recorder: int = 4
    link_bits_per_s: float = 20_000_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One look that waits or runs. ``channels`` counts the cameras behind ``address``; ``ticket`` is the caller's."""

    ticket: int
    camera: str
    address: str
    link: str
    lane: Lane
    channels: int = 1


@dataclass(slots=True)
class _Device:
    """The queue of one address, and how many looks it is believed to bear at a time."""

    limit: int
    ceiling: int
    active: int = 0
    clean: int = 0
    last: Lane | None = None
    """of which kind the look was that started last"""
    waiting: dict[Lane, deque[Job]] = field(default_factory=dict)
    """only queues that aren't empty: of thousands of devices nearly none has one"""

    @property
    def free(self) -> bool:
        return self.active < self.limit

    def next_of(self, lane: Lane) -> Job:
        """Take the job that has waited longest."""
        queue = self.waiting[lane]
        job = queue.popleft()
        if not queue:
            del self.waiting[lane]
        return job


@dataclass(slots=True)
class _Link:
    """One township's line: its looks in flight, the devices that may start one, and when its bytes are paid for."""

    active: dict[Lane, int] = field(default_factory=lambda: dict.fromkeys(_LANES, 0))
    ready: dict[Lane, deque[str]] = field(default_factory=lambda: {lane: deque() for lane in _LANES})
    queued: dict[Lane, set[str]] = field(default_factory=lambda: {lane: set() for lane in _LANES})
    paid_at: float = 0.0


EASE_AFTER = 50
"""Clean looks in a row after which a device that had been overloaded is trusted with one more at a time."""

RETURN_SHARE = 4
"""One in so many places of the media lane may be taken by cameras that return."""

BURST_S = 2.0
"""How far ahead of its byte budget a link may run: one key frame is a burst by nature."""


class Gate:
    """Holds the waiting jobs and says which one may start. Times are monotonic seconds."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._devices: dict[str, _Device] = {}
        self._links: dict[str, _Link] = {}
        self._turns: dict[Lane, deque[str]] = {lane: deque() for lane in _LANES}
        self._in_turn: dict[Lane, set[str]] = {lane: set() for lane in _LANES}
        self._active = dict.fromkeys(_LANES, 0)
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """Jobs that may not start yet."""
        return self._waiting

    @property
    def active(self) -> int:
        """Looks in flight."""
        return sum(self._active.values())

    def limit_of(self, address: str) -> int | None:
        """The number of looks that ``address`` is trusted with at a time, None if it was never asked."""
        device = self._devices.get(address)
        return device.limit if device else None

    def offer(self, job: Job) -> None:
        """Let ``job`` wait for its turn."""
        device = self._devices.get(job.address)
        if device is None:
            ceiling = self._limits.per_recorder if job.channels > 1 else self._limits.per_camera
            device = self._devices[job.address] = _Device(limit=ceiling, ceiling=ceiling)
        device.waiting.setdefault(job.lane, deque()).append(job)
        self._waiting += 1
        self._make_ready(job.link, job.address, job.lane)

    def take(self, now: float) -> Job | None:
        """The next job that may start, already counted as in flight; None when every waiting one is held up."""
        for lane in _LANES:
            if self._has_place(lane) and (job := self._take_from(lane, now)):
                return job
        return None

    def ready(self, now: float) -> Iterator[Job]:
        """All jobs that may start now."""
        while job := self.take(now):
            yield job

    def release(self, job: Job, *, now: float, received: int = 0, busy: bool = False) -> None:
        """End ``job``. ``received`` bytes are charged to its link; ``busy`` lowers what its device is trusted with."""
        device, link = self._devices[job.address], self._links[job.link]
        device.active -= 1
        link.active[job.lane] -= 1
        self._active[job.lane] -= 1
        if received:
            link.paid_at = max(link.paid_at, now) + received * 8 / self._limits.link_bits_per_s
        self._learn(device, busy=busy)
        for lane in _LANES:
            self._make_ready(job.link, job.address, lane)
            self._give_turn(job.link, lane)

    def _learn(self, device: _Device, *, busy: bool) -> None:
        if busy:
            device.limit, device.clean = max(1, device.limit // 2), 0
            return
        device.clean += 1
        if device.clean >= EASE_AFTER and device.limit < device.ceiling:
            device.limit, device.clean = device.limit + 1, 0

    def _lane_limit(self, lane: Lane) -> int:
        if lane is Lane.RETURN:
            return max(self._limits.media // RETURN_SHARE, 1)
        return self._limits.light if lane is Lane.LIGHT else self._limits.media

    def _has_place(self, lane: Lane) -> bool:
        if self._active[lane] >= self._lane_limit(lane):
            return False
        return lane is Lane.LIGHT or self._active[Lane.RETURN] + self._active[Lane.MEDIA] < self._limits.media

    def _link_limit(self, lane: Lane) -> int:
        # A quarter of the lane is the most that one link may hold, unless there are fewer than four links at all.
        return max(self._lane_limit(lane) // min(4, max(1, len(self._links))), 1)

    def _make_ready(self, link_name: str, address: str, lane: Lane) -> None:
        device = self._devices[address]
        link = self._links.setdefault(link_name, _Link())
        if lane in device.waiting and device.free and address not in link.queued[lane]:
            link.queued[lane].add(address)
            link.ready[lane].append(address)
            self._give_turn(link_name, lane)

    def _others_may_start(self, device: _Device, link: _Link, lane: Lane, now: float) -> bool:
        """Whether it is the turn of the device's looks of another lane.

        Without turns the light looks at a dead recorder, each as long as its time limit, would fill its places for
        ever, and channels that wait for a deeper look would never be looked at again.
        """
        is_paid = link.paid_at - now <= BURST_S
        return any(
            other in device.waiting
            and self._has_place(other)
            and link.active[other] < self._link_limit(other)
            and (is_paid or other is Lane.LIGHT)
            for other in _LANES
            if other is not lane
        )

    def _give_turn(self, link_name: str, lane: Lane) -> None:
        if self._links[link_name].ready[lane] and link_name not in self._in_turn[lane]:
            self._in_turn[lane].add(link_name)
            self._turns[lane].append(link_name)

    def _take_from(self, lane: Lane, now: float) -> Job | None:
        turns = self._turns[lane]
        for _ in range(len(turns)):
            name = turns.popleft()
            self._in_turn[lane].discard(name)
            link = self._links[name]
            if link.active[lane] >= self._link_limit(lane):
                continue  # it is given a turn again when one of its looks ends
            if lane is not Lane.LIGHT and link.paid_at - now > BURST_S:
                self._give_turn(name, lane)
                continue
            job = self._take_from_link(link, lane, now)
            self._give_turn(name, lane)
            if job:
                return job
        return None

    def _take_from_link(self, link: _Link, lane: Lane, now: float) -> Job | None:
        ready = link.ready[lane]
        for _ in range(len(ready)):
            address = ready.popleft()
            device = self._devices[address]
            if not device.free or lane not in device.waiting:
                link.queued[lane].discard(address)
                continue  # made ready again when one of its looks ends
            if device.last is lane and self._others_may_start(device, link, lane, now):
                ready.append(address)
                continue
            link.queued[lane].discard(address)
            job = device.next_of(lane)
            device.active += 1
            device.last = lane
            # Its own link, which is another one when a recorder serves two townships or a camera has moved.
            self._links.setdefault(job.link, _Link()).active[lane] += 1
            self._active[lane] += 1
            self._waiting -= 1
            if lane in device.waiting and device.free:
                link.queued[lane].add(address)
                ready.append(address)
            return job
        return None
