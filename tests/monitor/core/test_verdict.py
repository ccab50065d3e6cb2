"""What an observation says of a camera: the table at the head of ``verdict``, row by row."""

from __future__ import annotations

import pytest

from monitor.core.condition import GRAVE_BY_DEFAULT, IMAGE_FAULTS, Cause, Condition, Fault
from monitor.core.verdict import Look, by_severity, judge, unanswered, void
from probes.observation import Depth, Observation, Outcome


def seen(
    outcome: str, *, depth: Depth = Depth.DESCRIBE, step: str = "describe", answered: bool = True, faults: str = ""
) -> Observation:
    return Observation(
        camera="c1",
        probe="onvif" if depth is Depth.ONVIF else "rtsp",
        depth=depth,
        at=1000.9,
        took_s=0.1,
        outcome=Outcome(outcome),
        step=step,
        answered=answered,
        faults=tuple(faults.split()),
    )


def said(look: Look) -> str:
    """A look in words: condition, fault, cause, depth."""
    words = [look.condition.value, look.fault, look.cause, look.depth.label]
    return " ".join(str(word.value if isinstance(word, Fault | Cause) else word) for word in words if word)


ONE_OBSERVATION = [
    ("a port that listens", seen("ok", depth=Depth.LIGHT, step="connect", answered=False), "intact light"),
    ("a description", seen("ok"), "intact describe"),
    ("a stream", seen("ok", depth=Depth.MEDIA, step="teardown"), "intact media"),
    ("a picture", seen("ok", depth=Depth.PICTURE, step="judge"), "intact picture"),
    ("a black picture", seen("ok", depth=Depth.PICTURE, faults="black"), "impaired black picture"),
    ("the gravest names it", seen("ok", depth=Depth.PICTURE, faults="frozen black"), "impaired black picture"),
    ("a blurred picture costs nothing", seen("ok", depth=Depth.PICTURE, faults="blurred"), "intact picture"),
    ("a picture that won't decode", seen("bad_picture", depth=Depth.PICTURE), "impaired corrupted picture"),
    ("a codec we lack", seen("undecodable", depth=Depth.PICTURE), "intact picture"),
    ("no answer to SYN", seen("unreachable", step="connect", answered=False), "offline unreachable light"),
    ("RST", seen("refused", step="connect", answered=False), "offline refused light"),
    ("accepts and is silent", seen("timed_out", answered=False), "offline unreachable describe"),
    ("no TLS there", seen("refused", step="tls", answered=False), "offline refused describe"),
    ("silent at SETUP after an answer", seen("timed_out", depth=Depth.MEDIA, step="setup"), "impaired no_stream media"),
    ("closes in the middle of a reply", seen("unreachable"), "impaired no_stream describe"),
    ("404", seen("no_stream"), "impaired no_stream describe"),
    ("no RTP", seen("no_stream", depth=Depth.PICTURE, step="first_rtp"), "impaired no_stream media"),
    ("401 after a right answer", seen("unauthorized", depth=Depth.PICTURE), "impaired unauthorized describe"),
    ("453", seen("busy", step="setup", depth=Depth.MEDIA), "unknown busy media"),
    ("no credential", seen("inconclusive"), "unknown ours describe"),
    ("no key frame in time", seen("timed_out", depth=Depth.PICTURE, step="key_frame"), "unknown ours picture"),
    ("our decoder was slow", seen("timed_out", depth=Depth.PICTURE, step="decode"), "unknown ours picture"),
    ("the ONVIF clock", seen("ok", depth=Depth.ONVIF, step="clock"), "intact onvif"),
    ("ONVIF refuses the login", seen("unauthorized", depth=Depth.ONVIF), "intact light"),
]


@pytest.mark.parametrize(
    ("observation", "expected"), [row[1:] for row in ONE_OBSERVATION], ids=lambda value: str(value)
)
def test_one_observation_is_judged_by_the_table(observation: Observation, expected: str) -> None:
    assert said(judge([observation])) == expected


DEAD_RTSP = seen("refused", step="connect", answered=False)
TWO_PORTS = [
    ("both refuse", seen("refused", depth=Depth.ONVIF, step="connect", answered=False), "offline refused light"),
    (
        "one refuses",
        seen("unreachable", depth=Depth.ONVIF, step="connect", answered=False),
        "offline unreachable light",
    ),
    (
        "ONVIF is silent",
        seen("timed_out", depth=Depth.ONVIF, step="clock", answered=False),
        "offline unreachable describe",
    ),
    ("ONVIF answers", seen("ok", depth=Depth.ONVIF, step="clock"), "impaired no_stream describe"),
    ("ONVIF refuses the login", seen("unauthorized", depth=Depth.ONVIF), "impaired no_stream describe"),
    ("ONVIF could not be asked", seen("inconclusive", depth=Depth.ONVIF, answered=False), "unknown ours light"),
]


@pytest.mark.parametrize(("onvif", "expected"), [row[1:] for row in TWO_PORTS], ids=[row[0] for row in TWO_PORTS])
def test_a_dead_stream_port_is_offline_only_if_onvif_is_dead_too(onvif: Observation, expected: str) -> None:
    assert unanswered(DEAD_RTSP)
    assert said(judge([DEAD_RTSP, onvif])) == expected


def test_a_dead_onvif_port_takes_nothing_from_a_good_stream() -> None:
    onvif = seen("refused", depth=Depth.ONVIF, step="connect", answered=False)
    assert said(judge([onvif, seen("ok")])) == "intact describe"


def test_a_light_look_has_asked_both_ports() -> None:
    assert not unanswered(seen("refused", depth=Depth.LIGHT, step="connect", answered=False))


def test_a_look_is_booked_under_the_floored_start_of_its_first_observation() -> None:
    assert judge([seen("ok")]).at == 1000


def test_a_refused_login_asks_for_a_hold_wherever_it_was_refused() -> None:
    assert judge([seen("unauthorized")]).refused_login
    assert judge([DEAD_RTSP, seen("unauthorized", depth=Depth.ONVIF)]).refused_login
    assert not judge([seen("no_stream")]).refused_login


def test_a_login_held_back_is_the_cause_of_an_inconclusive_look() -> None:
    assert said(judge([seen("inconclusive")], held=True)) == "unknown held describe"


@pytest.mark.parametrize("fault", sorted(IMAGE_FAULTS))
def test_an_image_fault_costs_only_what_the_county_has_switched_on(fault: Fault) -> None:
    outcome = "bad_picture" if fault in GRAVE_BY_DEFAULT else "ok"
    observation = seen(outcome, depth=Depth.PICTURE, faults=fault.value)
    in_shadow, switched_on = judge([observation], grave=frozenset()), judge([observation], grave=frozenset({fault}))
    assert (in_shadow.condition, in_shadow.image_faults) == (Condition.INTACT, (fault,))
    assert (switched_on.condition, switched_on.fault) == (Condition.IMPAIRED, fault)
    assert (judge([observation]).condition is Condition.IMPAIRED) == (fault in GRAVE_BY_DEFAULT)


def test_the_county_decides_which_image_faults_are_grave() -> None:
    blurred = seen("ok", depth=Depth.PICTURE, faults="blurred black")
    assert said(judge([blurred], grave=GRAVE_BY_DEFAULT | {Fault.BLURRED})) == "impaired black picture"
    look = judge([blurred], grave=frozenset({Fault.BLURRED}))
    assert said(look) == "impaired blurred picture"
    assert look.grave == (Fault.BLURRED,)
    assert look.image_faults == (Fault.BLACK, Fault.BLURRED)


def test_every_fault_has_its_place_in_the_order_of_severity() -> None:
    assert set(by_severity(Fault)) == set(Fault)
    assert by_severity([Fault.FROZEN, Fault.BLACK, Fault.SIGNAL_LOSS, Fault.BLACK]) == (
        Fault.SIGNAL_LOSS,
        Fault.BLACK,
        Fault.FROZEN,
    )


def test_a_faulty_look_still_proves_what_it_passed() -> None:
    assert judge([seen("ok", depth=Depth.PICTURE, faults="black")]).proven is Depth.MEDIA
    assert judge([seen("unauthorized")]).proven is Depth.LIGHT
    assert judge([seen("no_stream")]).proven is None
    assert judge([seen("busy")]).proven is None


def test_a_void_look_says_nothing() -> None:
    look = void(judge([seen("ok", depth=Depth.PICTURE, faults="black")]), Cause.OURS)
    assert (look.condition, look.fault, look.cause, look.grave) == (Condition.UNKNOWN, None, Cause.OURS, ())


def test_no_observation_is_no_look() -> None:
    with pytest.raises(ValueError, match="at least one"):
        judge([])
