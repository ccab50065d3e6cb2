"""What became of a message to people: it waits, was taken by its channel, or was given up.

    waiting ──taken──► sent
       │ ▲
       └─┘ refused: tried again after a while, twice as long each time
       └──refused for good, or older than ``give_up_s``──► failed

Taken means that the channel has it. A crash between that and its record sends a message twice, never not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

FIRST_RETRY_S = 15
LONGEST_RETRY_S = 900


class DeliveryState(StrEnum):
    """How far a delivery has got."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message of one alert to one channel; ``alert``, ``channel`` and ``page`` name it for good.

    ``dated`` is the time that it carries, ``made_at`` when it was put into the queue, ``ended_at`` when it was sent or
    given up. ``error`` is why the last attempt failed, free of secrets.
    """

    alert: str
    channel: str
    page: int
    kind: str
    title: str
    text: str
    dated: str
    made_at: int
    next_at: int
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    ended_at: int | None = None
    error: str = ""

    @property
    def key(self) -> tuple[str, str, int]:
        """What names it."""
        return self.alert, self.channel, self.page


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """Messages that people did not get: ``failed`` within the last day, ``retried`` that are still tried.

    ``channel``, ``at`` and ``why`` are of the last failure, or else of the delivery that waits longest.
    """

    failed: int
    retried: int
    channel: str
    at: int
    why: str


def taken(delivery: Delivery, now: int) -> Delivery:
    """The channel has it."""
    return replace(delivery, state=DeliveryState.SENT, attempts=delivery.attempts + 1, ended_at=now, error="")


def refused(delivery: Delivery, why: str, now: int, *, give_up_s: int, permanent: bool = False) -> Delivery:
    """The channel did not take it at ``now``: it is tried again, unless that is hopeless or its time is over."""
    tried = replace(delivery, attempts=delivery.attempts + 1, error=why)
    next_at = now + retry_after(tried.attempts)
    # A clock set back makes a message younger, and one set forward older: it is tried once in any case.
    if permanent or next_at - delivery.made_at > give_up_s:
        return replace(tried, state=DeliveryState.FAILED, ended_at=now)
    return replace(tried, next_at=next_at)


def given_up(delivery: Delivery, why: str, now: int) -> Delivery:
    """It will not be tried any more."""
    return replace(delivery, state=DeliveryState.FAILED, ended_at=now, error=why)


def retry_after(attempts: int) -> int:
    """Seconds until the next attempt.

    >>> [retry_after(attempts) for attempts in (1, 2, 3, 7, 100)]
    [15, 30, 60, 900, 900]
    """
    return min(LONGEST_RETRY_S, FIRST_RETRY_S << min(attempts - 1, 16))
