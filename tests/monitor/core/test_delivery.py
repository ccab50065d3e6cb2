"""A message to people is tried again until it is taken, hopeless, or too old."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.delivery import LONGEST_RETRY_S, Delivery, DeliveryState, given_up, refused, taken

NOW = 1_795_000_000
DAY_S = 86_400
WAITING = Delivery(
    alert="camera:C1@1:opened",
    channel="值班群",
    page=1,
    kind="key_point",
    title="【离线】",
    text="自 08:12 起",
    dated="2026-11-24T08:12:00+08:00",
    made_at=NOW,
    next_at=NOW,
)


def test_one_that_is_taken_is_done_with() -> None:
    tried = refused(WAITING, "HTTP 500", NOW + 1, give_up_s=DAY_S)
    assert (tried.state, tried.next_at, tried.error, tried.attempts) == (DeliveryState.WAITING, NOW + 16, "HTTP 500", 1)
    sent = taken(tried, NOW + 20)
    assert (sent.state, sent.ended_at, sent.error, sent.attempts) == (DeliveryState.SENT, NOW + 20, "", 2)


def test_one_that_is_hopeless_is_not_tried_again() -> None:
    failed = refused(WAITING, "HTTP 400", NOW + 1, give_up_s=DAY_S, permanent=True)
    assert (failed.state, failed.ended_at, failed.error) == (DeliveryState.FAILED, NOW + 1, "HTTP 400")


def test_one_whose_channel_is_gone_says_so() -> None:
    assert given_up(WAITING, "no such channel", NOW + 9).state is DeliveryState.FAILED


@given(give_up_s=st.integers(0, 3 * DAY_S), took_s=st.integers(0, 60))
def test_one_that_is_always_refused_is_tried_with_growing_pauses_and_given_up_in_time(
    give_up_s: int, took_s: int
) -> None:
    delivery, pauses, now = WAITING, [], NOW
    while delivery.state is DeliveryState.WAITING:
        now = max(now, delivery.next_at) + took_s
        delivery = refused(delivery, "no", now, give_up_s=give_up_s)
        pauses.append(delivery.next_at - now)
        assert len(pauses) < 400
    assert now - NOW <= give_up_s + took_s + LONGEST_RETRY_S
    assert pauses[:-1] == sorted(pauses[:-1])
    assert delivery.attempts == len(pauses)
