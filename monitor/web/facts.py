"""The board as JSON: conditions, events and rates; no address, no login, no telephone number."""

from __future__ import annotations

import json
from fractions import Fraction

from monitor.core.board import Board, CameraLive, TownshipMonth
from monitor.core.record import Event, Gap
from monitor.wording import percent


def board_json(board: Board) -> bytes:
    """UTF-8 JSON. Rates are strings, rounded down; times are UTC seconds since the epoch."""
    facts = {
        "now": board.now,
        "month": board.month,
        "blind": _gap(board.blind) if board.blind else None,
        "link_gaps": [_gap(gap) for gap in board.link_gaps],
        "proven": {
            "cameras": board.proven.cameras,
            "port": board.proven.port,
            "described": board.proven.described,
            "pictured": board.proven.pictured,
        },
        "online_intact_rate": _rate(board.county_rate),
        "townships": [_township(month) for month in board.townships],
        "events": [_event(event) for event in board.events],
        "cameras": [_camera(board, live) for live in board.cameras.values()],
    }
    # names keep half surrogates out of the encoder by staying escaped
    return json.dumps(facts, separators=(",", ":")).encode()


def _rate(rate: Fraction | None) -> str | None:
    return None if rate is None else percent(rate)


def _gap(gap: Gap) -> dict[str, object]:
    return {"began": gap.began, "cause": gap.cause, "reason": gap.reason, "township": gap.township}


def _township(month: TownshipMonth) -> dict[str, object]:
    return {
        "code": month.code,
        "name": month.name,
        "cameras": month.cameras,
        "now": dict(month.now),
        "suspects": month.suspects,
        "online_intact_rate": _rate(month.rate),
    }


def _event(event: Event) -> dict[str, object]:
    """The place of a recorder or a subnet is an address and stays out."""
    place = event.place if event.kind in ("village", "link") else None
    return {
        "kind": event.kind,
        "place": place,
        "township": event.township,
        "began": event.began,
        "ended": event.ended,
        "of": event.of,
        "cameras": list(event.cameras),
    }


def _camera(board: Board, live: CameraLive) -> dict[str, object]:
    camera = board.fleet.cameras.get(live.id)
    return {
        "id": live.id,
        "name": camera.name if camera else None,
        "township": camera.township if camera else None,
        "village": camera.village if camera else None,
        "condition": live.condition,
        "fault": live.fault,
        "cause": live.cause,
        "since": live.since,
        "suspect": live.doubt.condition if live.doubt else None,
        "flapping": live.flapping,
        "last_look_at": live.last_look_at,
        "last_good_at": live.last_good_at,
        "last_outcome": live.last_outcome,
        "proven": {"port": live.answers, "described": live.described, "pictured": live.pictured},
        "image_faults": list(live.image_faults),
        "clock_offset_s": live.clock_offset_s,
    }
