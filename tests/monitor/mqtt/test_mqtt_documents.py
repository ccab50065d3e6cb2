"""The schemas say exactly what is published."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from monitor.core.board import Board
from monitor.core.condition import Fault
from monitor.core.message import Message, MessageKind
from monitor.mqtt.documents import SCHEMAS, camera_state, encoded, event, offline, online, schema, township_state
from monitor.store import Numbered
from tests.monitor.web.boards import bad_board, blind_board, hostile_board, ordinary_board

BOARDS = [ordinary_board, bad_board, blind_board, hostile_board]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))
    assert schema(name)["$id"] == f"urn:xunjian:mqtt:{name}:1"


@pytest.mark.parametrize("made", BOARDS, ids=lambda made: made.__name__)
def test_the_states_of_any_board_are_as_their_schemas_say(made: Any) -> None:
    board: Board = made()
    camera, township = (Draft202012Validator(schema(name)) for name in ("camera", "township"))
    for id_, live in board.cameras.items():
        document = camera_state(board.fleet.cameras[id_], live, exempt=id_ in board.exempt)
        camera.validate(document)
        encoded(document).decode("utf-8")
    for each in board.townships:
        township.validate(township_state(each, board.month))


@pytest.mark.parametrize("made", BOARDS, ids=lambda made: made.__name__)
def test_the_status_is_as_its_schema_says(made: Any) -> None:
    status = Draft202012Validator(schema("status"))
    status.validate(online(made(), epoch="e", since=1, degraded="disk full"))
    for lost in (True, False):
        status.validate(offline(epoch="e", lost=lost))


def test_the_schema_knows_every_kind_and_every_fault_and_refuses_what_is_not_published() -> None:
    own = schema("event")
    assert set(own["properties"]["kind"]["enum"]) == set(MessageKind)
    assert set(own["$defs"]["fault"]["enum"]) == {*Fault, None}
    assert {each["title"] for each in own["oneOf"]} == set(MessageKind)
    with pytest.raises(ValidationError):
        Draft202012Validator(own).validate({"version": 1, "epoch": "e", "seq": 1, "kind": "store_recovered", "at": 1})
    assert own["oneOf"][0]["properties"]["body"]["additionalProperties"] is False


def test_equal_documents_make_equal_bytes_and_half_a_surrogate_pair_stops_nothing() -> None:
    assert encoded({"b": 1, "a": "村口"}) == '{"a":"村口","b":1}'.encode()
    assert encoded({"a": "\ud800"}) == b'{"a":"?"}'


def test_an_event_is_named_by_epoch_and_seq() -> None:
    numbered = Numbered(epoch="e", seq=7, message=Message(kind=MessageKind.STORE_RECOVERED, at=5))
    assert event(numbered) == {
        "version": 1,
        "epoch": "e",
        "seq": 7,
        "kind": "store_recovered",
        "at": 5,
        "body": {},
    }
