"""Caps and order of the looks in flight."""

from __future__ import annotations

from itertools import count

from monitor.gate import EASE_AFTER, Gate, Job, Lane, Limits


def job(camera: int, *, address: str = "", link: str = "t1", lane: Lane = Lane.MEDIA, channels: int = 1) -> Job:
    return Job(
        ticket=camera, camera=str(camera), address=address or f"a{camera}", link=link, lane=lane, channels=channels
    )


def started(gate: Gate, now: float = 0.0) -> list[Job]:
    return list(gate.ready(now))


def test_a_camera_is_never_looked_at_twice_at_a_time() -> None:
    gate = Gate(Limits())
    gate.offer(job(1, lane=Lane.MEDIA))
    gate.offer(job(1, lane=Lane.LIGHT))
    first = started(gate)
    assert len(first) == 1
    gate.release(first[0], now=1.0)
    assert len(started(gate)) == 1
    assert gate.waiting == 0


def test_a_recorder_bears_four_looks_whatever_its_channels() -> None:
    gate = Gate(Limits())
    for channel in range(32):
        gate.offer(job(channel, address="recorder", channels=32))
    assert len(started(gate)) == 4
    assert gate.waiting == 28


def test_a_busy_recorder_is_trusted_with_less_and_slowly_with_more_again() -> None:
    gate = Gate(Limits())
    for channel in range(200):
        gate.offer(job(channel, address="recorder", channels=32))
    running = started(gate)
    gate.release(running.pop(), now=0.0, busy=True)
    assert gate.limit_of("recorder") == 2
    gate.release(running.pop(), now=0.0, busy=True)
    assert gate.limit_of("recorder") == 1
    running += started(gate)
    for _ in range(EASE_AFTER):
        gate.release(running.pop(), now=0.0)
        running += started(gate)
    assert gate.limit_of("recorder") == 2


def test_a_township_of_tarpits_leaves_three_quarters_to_the_others() -> None:
    gate = Gate(Limits(media=64))
    for number in range(182):
        gate.offer(job(number, link="tarpit"))
    for number in range(182, 400):
        gate.offer(job(number, link=f"t{number % 21}"))
    running = started(gate)
    assert len(running) == 64
    assert sum(j.link == "tarpit" for j in running) <= 16
    # The tarpit's looks never end; the others' places are handed on among the others.
    for _ in range(100):
        ended = next(j for j in running if j.link != "tarpit")
        running.remove(ended)
        gate.release(ended, now=1.0)
        running += started(gate, 1.0)
        assert sum(j.link == "tarpit" for j in running) <= 16
        assert len(running) == 64


def test_light_looks_that_never_run_dry_leave_a_recorder_room_for_deeper_ones() -> None:
    gate = Gate(Limits())
    numbers = count(100)
    for channel in range(8):
        gate.offer(job(channel, address="dead recorder", lane=Lane.MEDIA, channels=16))
    for _ in range(8):
        gate.offer(job(next(numbers), address="dead recorder", lane=Lane.LIGHT, channels=16))
    running = started(gate)
    looked_at: list[Job] = []
    for second in range(20):
        looked_at.append(running.pop(0))
        gate.release(looked_at[-1], now=float(second))
        gate.offer(job(next(numbers), address="dead recorder", lane=Lane.LIGHT, channels=16))
        running += started(gate, float(second))
        assert len(running) == 4
    assert {j.camera for j in looked_at + running} >= {str(channel) for channel in range(8)}


def test_links_take_turns() -> None:
    gate = Gate(Limits(media=1))
    for number in range(4):
        gate.offer(job(number, link="a"))
    gate.offer(job(10, link="b"))
    gate.offer(job(11, link="c"))
    order: list[str] = []
    for _ in range(6):
        (only,) = started(gate)
        order.append(only.link)
        gate.release(only, now=0.0)
    assert order == ["a", "b", "c", "a", "a", "a"]


def test_light_looks_do_not_wait_for_media_looks() -> None:
    gate = Gate(Limits(media=1, light=1))
    gate.offer(job(1))
    gate.offer(job(2))
    gate.offer(job(3, lane=Lane.LIGHT))
    assert {j.camera for j in started(gate)} == {"1", "3"}


def test_a_link_over_its_byte_budget_waits_until_it_is_paid_for() -> None:
    gate = Gate(Limits(link_bits_per_s=8_000_000))
    gate.offer(job(1))
    (first,) = started(gate)
    gate.release(first, now=0.0, received=5_000_000)
    gate.offer(job(2))
    gate.offer(job(3, lane=Lane.LIGHT))
    assert [j.camera for j in started(gate, 1.0)] == ["3"]
    assert [j.camera for j in started(gate, 3.1)] == ["2"]


def test_every_job_offered_is_started_once() -> None:
    gate = Gate(Limits(media=7, light=3, per_recorder=2))
    offered = [
        job(number, address=f"r{number % 13}", link=f"t{number % 5}", lane=list(Lane)[number % 3], channels=8)
        for number in range(500)
    ]
    for each in offered:
        gate.offer(each)
    seen: list[Job] = []
    running = started(gate)
    while running:
        ended = running.pop(len(running) // 2)
        seen.append(ended)
        gate.release(ended, now=0.0, busy=len(seen) % 7 == 0)
        running += started(gate)
    assert sorted(j.camera for j in seen) == sorted(j.camera for j in offered)
    assert gate.waiting == gate.active == 0


def test_a_recorder_shared_by_two_townships_wears_out_no_line() -> None:
    gate = Gate(Limits(light=4, per_recorder=1))
    for _ in range(20):
        gate.offer(job(1, address="recorder", link="t1", lane=Lane.LIGHT, channels=2))
        gate.offer(job(2, address="recorder", link="t2", lane=Lane.LIGHT, channels=2))
        for _ in range(2):
            (running,) = started(gate)
            gate.release(running, now=0.0)
    gate.offer(job(3, link="t1", lane=Lane.LIGHT))
    assert len(started(gate)) == 1


def test_a_camera_that_returns_is_looked_at_before_all_that_wait_for_a_stream() -> None:
    gate = Gate(Limits(media=64))
    for number in range(400):
        gate.offer(job(number, link=f"t{number % 22}"))
    running = started(gate)
    gate.offer(job(900, link="t3", lane=Lane.RETURN))
    assert len(running) == 64
    assert started(gate) == []
    gate.release(running.pop(), now=1.0)
    assert [j.camera for j in started(gate, 1.0)] == ["900"]


def test_a_county_that_returns_leaves_a_round_three_quarters_of_the_places() -> None:
    gate = Gate(Limits(media=64))
    for number in range(2000):
        gate.offer(job(number, link=f"t{number % 22}", lane=Lane.RETURN))
        gate.offer(job(2000 + number, link=f"t{number % 22}"))
    running = started(gate)
    for _ in range(500):
        of_round = [j for j in running if j.lane is Lane.MEDIA]
        assert (len(of_round), len(running)) == (48, 64)
        gate.release(running.pop(0), now=1.0)
        running += started(gate, 1.0)


def test_without_a_round_a_county_that_returns_still_takes_no_more_than_its_places() -> None:
    gate = Gate(Limits(media=64))
    for number in range(400):
        gate.offer(job(number, link=f"t{number % 22}", lane=Lane.RETURN))
    assert len(started(gate)) == 16


def test_one_place_is_enough_for_a_camera_that_returns_and_for_a_round() -> None:
    gate = Gate(Limits(media=1, light=1))
    gate.offer(job(1))
    gate.offer(job(2, lane=Lane.RETURN))
    served = []
    while running := started(gate):
        (ended,) = running
        served.append(ended.camera)
        gate.release(ended, now=0.0)
    assert served == ["2", "1"]


def test_a_channel_that_returns_waits_for_its_link_to_be_paid_like_any_other() -> None:
    gate = Gate(Limits(link_bits_per_s=1_000_000.0))
    gate.offer(job(1))
    (first,) = started(gate)
    gate.release(first, now=0.0, received=1_000_000)
    gate.offer(job(2, lane=Lane.RETURN))
    assert started(gate, 1.0) == []
    assert [j.camera for j in started(gate, 6.5)] == ["2"]
