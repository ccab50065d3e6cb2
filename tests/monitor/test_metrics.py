"""What Prometheus reads."""

import gzip
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from monitor.core.board import Board, MonthSeconds
from monitor.core.condition import Cause, Condition
from monitor.core.fleet import Fleet
from monitor.core.record import Event, Gap
from monitor.metrics import NOTHING_READ, Disk, Machine, Metrics, Telling, compress, escape, event_label
from tests.monitor.web.boards import MONTH_BEGAN, NOW, ZONE, bad_board, blind_board, hostile_board, ordinary_board

CPU_LIMIT_S = 0.050


@pytest.fixture(scope="module")
def board() -> Board:
    return ordinary_board()


def fresh() -> Metrics:
    return Metrics(version="0.1.0", stalled_after_s=60, began=NOW - 3600, target=Fraction(95, 100), zone=ZONE)


@pytest.fixture
def metrics() -> Metrics:
    """With something counted in every one of its own metrics."""
    metrics = fresh()
    metrics.round_ended(at=1_795_480_205.5, took_s=3.25)
    metrics.round_was_void()
    metrics.look_ended(township="341101", probe="rtsp", outcome="ok")
    metrics.look_ended(township="341101", probe="rtsp", outcome="ok")
    metrics.look_ended(township="341102", probe="light", outcome="refused")
    metrics.looks_skipped(3)
    metrics.queue_holds("decode", 7)
    metrics.store_wrote(0.004)
    metrics.clock_was_set(-3600.0)
    metrics.months_are_reported(1_795_480_100.0)
    return metrics


def rendered(
    metrics: Metrics, board: Board | None, *, silent_for_s: float = 1.0, machine: Machine = NOTHING_READ
) -> str:
    progress = 1000.0 - silent_for_s
    return metrics.render(board, now_monotonic=1000.0, progress_monotonic=progress, machine=machine).decode()


def samples(text: str) -> Iterator[Sample]:
    for family in text_string_to_metric_families(text):
        yield from family.samples


def by_camera(text: str, name: str) -> dict[str, float]:
    return {sample.labels["camera"]: sample.value for sample in samples(text) if sample.name == name}


def test_online_and_intact_say_what_the_board_says(metrics: Metrics, board: Board) -> None:
    text = rendered(metrics, board)
    online = by_camera(text, "xunjian_camera_online")
    intact = by_camera(text, "xunjian_camera_intact")
    assert online == {id_: float(live.condition is not Condition.OFFLINE) for id_, live in board.cameras.items()}
    assert intact == {id_: float(live.condition is Condition.INTACT) for id_, live in board.cameras.items()}
    assert set(online.values()) == {0.0, 1.0}


def test_a_camera_that_is_unknown_is_neither_online_nor_offline(metrics: Metrics, board: Board) -> None:
    first = next(iter(board.cameras))
    unknown = replace(board.cameras[first], condition=Condition.UNKNOWN)
    text = rendered(metrics, replace(board, cameras=dict(board.cameras) | {first: unknown}))
    assert first not in by_camera(text, "xunjian_camera_online")
    assert first not in by_camera(text, "xunjian_camera_intact")
    assert len(by_camera(text, "xunjian_camera_online")) == len(board.cameras) - 1


def test_state_seconds_are_those_of_the_record(metrics: Metrics, board: Board) -> None:
    found = {
        (sample.labels["camera"], sample.labels["state"]): sample.value
        for sample in samples(rendered(metrics, board))
        if sample.name == "xunjian_camera_state_seconds_total"
    }
    assert found == {
        (id_, condition.value): getattr(spent, condition.value)
        for id_, spent in board.seconds.items()
        for condition in Condition
    }


def test_looks_tell_their_length_and_the_last_success(metrics: Metrics, board: Board) -> None:
    text = rendered(metrics, board)
    assert by_camera(text, "xunjian_camera_probe_duration_seconds") == {
        id_: live.last_took_s for id_, live in board.cameras.items()
    }
    assert by_camera(text, "xunjian_camera_last_success_timestamp_seconds") == {
        id_: live.last_good_at for id_, live in board.cameras.items()
    }


def test_only_a_camera_that_is_exempt_now_has_the_series_that_says_so(metrics: Metrics, board: Board) -> None:
    assert by_camera(rendered(metrics, board), "xunjian_camera_exempt") == {}
    camera = next(iter(board.fleet.cameras))
    text = rendered(metrics, replace(board, exempt=frozenset({camera, "not in the ledger"})))
    assert by_camera(text, "xunjian_camera_exempt") == {camera: 1.0}


def test_a_camera_that_was_never_looked_at_has_no_such_series(metrics: Metrics, board: Board) -> None:
    first = next(iter(board.cameras))
    new = replace(board.cameras[first], last_took_s=None, last_good_at=None)
    text = rendered(metrics, replace(board, cameras=dict(board.cameras) | {first: new}))
    assert first not in by_camera(text, "xunjian_camera_probe_duration_seconds")
    assert first not in by_camera(text, "xunjian_camera_last_success_timestamp_seconds")


def test_only_the_info_line_names_a_camera(metrics: Metrics, board: Board) -> None:
    text = rendered(metrics, board)
    camera = next(iter(board.fleet.cameras.values()))
    info = [sample for sample in samples(text) if sample.name == "xunjian_camera_info"]
    assert len(info) == len(board.cameras)
    assert {"camera": camera.id, "name": camera.name, "village": camera.village, "model": camera.model} in [
        sample.labels for sample in info
    ]
    others = {
        tuple(sorted(sample.labels))
        for sample in samples(text)
        if sample.name.startswith("xunjian_camera_") and sample.name != "xunjian_camera_info"
    }
    assert others == {("camera", "township"), ("camera", "state", "township"), ("camera", "event", "township")}


def test_addresses_and_credentials_are_no_labels(metrics: Metrics, board: Board) -> None:
    text = rendered(metrics, board)
    assert "127." not in text
    assert "credential" not in text


def test_townships_tell_their_cameras_by_condition_and_their_rate(metrics: Metrics, board: Board) -> None:
    text = rendered(metrics, board)
    counts = {
        (sample.labels["township"], sample.labels["condition"]): sample.value
        for sample in samples(text)
        if sample.name == "xunjian_township_cameras"
    }
    rates = {
        sample.labels["township"]: sample.value
        for sample in samples(text)
        if sample.name == "xunjian_township_month_online_intact_ratio"
    }
    assert counts == {
        (month.code, condition.value): month.now.get(condition, 0)
        for month in board.townships
        for condition in Condition
    }
    assert rates == {month.code: float(month.rate) for month in board.townships if month.rate is not None}


def test_a_township_without_accountable_time_has_no_rate(metrics: Metrics, board: Board) -> None:
    unrated = replace(board, townships=tuple(replace(month, rate=None) for month in board.townships))
    names = {sample.name for sample in samples(rendered(metrics, unrated))}
    assert "xunjian_township_month_online_intact_ratio" not in names


def test_while_we_are_blind_nobody_is_online_offline_or_counted(metrics: Metrics) -> None:
    blind = blind_board(66)
    seeing = replace(ordinary_board(66), blind=blind.blind)
    for board in (blind, seeing):
        text = rendered(metrics, board)
        assert by_camera(text, "xunjian_camera_online") == {}
        assert by_camera(text, "xunjian_camera_intact") == {}
        assert len(by_camera(text, "xunjian_camera_info")) == 66
        known = [
            sample.value
            for sample in samples(text)
            if sample.name == "xunjian_township_cameras" and sample.labels["condition"] != "unknown"
        ]
        assert set(known) == {0.0}


@pytest.mark.parametrize("silent_for_s", [60.1, 3600.0])
def test_all_series_of_the_fleet_vanish_when_the_round_loop_has_stalled(
    metrics: Metrics, board: Board, silent_for_s: float
) -> None:
    names = {sample.name for sample in samples(rendered(metrics, board, silent_for_s=silent_for_s))}
    assert not [name for name in names if name.startswith(("xunjian_camera_", "xunjian_township_", "xunjian_event_"))]
    assert "xunjian_blind" not in names
    assert "xunjian_round_last_timestamp_seconds" in names
    assert "xunjian_probe_outcomes_total" in names


def test_a_round_loop_at_its_limit_has_not_stalled(metrics: Metrics, board: Board) -> None:
    assert by_camera(rendered(metrics, board, silent_for_s=60.0), "xunjian_camera_online")


def test_before_the_first_board_only_our_own_health_is_shown(metrics: Metrics) -> None:
    names = {sample.name for sample in samples(rendered(metrics, None))}
    assert "xunjian_build_info" in names
    assert not [name for name in names if name.startswith("xunjian_camera_")]


def test_own_health_counts_what_it_was_told(metrics: Metrics) -> None:
    found = {(sample.name, *sample.labels.values()): sample.value for sample in samples(rendered(metrics, None))}
    assert found["xunjian_round_last_timestamp_seconds",] == 1_795_480_205.5
    assert found["xunjian_round_duration_seconds",] == 3.25
    assert found["xunjian_round_void_total",] == 1
    assert found["xunjian_probes_skipped_total",] == 3
    assert found["xunjian_queue_depth", "decode"] == 7
    assert found["xunjian_store_write_seconds_count",] == 1
    assert found["xunjian_store_write_seconds_bucket", "0.0025"] == 0
    assert found["xunjian_store_write_seconds_bucket", "0.005"] == 1
    assert found["xunjian_clock_steps_total", "forward"] == 0
    assert found["xunjian_clock_steps_total", "back"] == 1
    assert found["xunjian_report_last_success_timestamp_seconds",] == 1_795_480_100
    assert found["xunjian_start_timestamp_seconds",] == NOW - 3600
    assert found["xunjian_probe_outcomes_total", "341101", "rtsp", "ok"] == 2
    assert found["xunjian_probe_outcomes_total", "341102", "light", "refused"] == 1


def test_a_key_point_has_the_series_that_says_so_and_no_other_camera(metrics: Metrics, board: Board) -> None:
    wanted = {id_: 1.0 for id_, camera in board.fleet.cameras.items() if camera.key_point}
    assert by_camera(rendered(metrics, board), "xunjian_camera_key_point") == wanted
    assert 0 < len(wanted) < len(board.cameras)


def labelled(text: str, name: str) -> list[tuple[dict[str, str], float]]:
    return [(sample.labels, sample.value) for sample in samples(text) if sample.name == name]


def test_an_event_names_its_place_and_the_cameras_that_it_explains(metrics: Metrics, board: Board) -> None:
    village, recorder = board.events
    text = rendered(metrics, board)
    assert labelled(text, "xunjian_event_cameras") == [
        (
            {"event": event_label(village), "kind": "village", "township": "341102", "place": "柳树村"},
            len(village.cameras),
        ),
        (
            {"event": event_label(recorder), "kind": "recorder", "township": "341107", "place": ""},
            len(recorder.cameras),
        ),
    ]
    assert labelled(text, "xunjian_event_start_timestamp_seconds") == [
        ({"event": event_label(event), "township": event.township}, event.began) for event in board.events
    ]
    explained = {labels["camera"]: labels["event"] for labels, _ in labelled(text, "xunjian_camera_event_info")}
    assert explained == {id_: event_label(event) for event in board.events for id_ in event.cameras}


def test_the_place_of_an_event_over_many_villages_stays_short(metrics: Metrics, board: Board) -> None:
    members = [camera.id for camera in board.fleet.cameras.values() if camera.township == "341101"]
    subnet = Event(kind="subnet", place="127.10.0.0/16", township="341101", began=NOW, cameras=tuple(members), of=40)
    ((labels, _),) = labelled(rendered(metrics, replace(board, events=(subnet,))), "xunjian_event_cameras")
    assert labels["place"] == "上坝村、下坝村、东风村等16处"


def test_a_camera_that_is_back_is_explained_by_no_event(metrics: Metrics, board: Board) -> None:
    back = board.events[0].cameras[0]
    again = replace(board.cameras[back], condition=Condition.INTACT, fault=None)
    text = rendered(metrics, replace(board, cameras=dict(board.cameras) | {back: again}))
    explained = by_camera(text, "xunjian_camera_event_info")
    assert back not in explained
    assert set(board.events[0].cameras[1:]) <= set(explained)


def test_a_camera_in_two_events_is_explained_by_the_newer(metrics: Metrics, board: Board) -> None:
    older = board.events[0]
    newer = replace(older, kind="link", place=older.township, began=older.began + 60)
    text = rendered(metrics, replace(board, events=(older, newer)))
    said = [labels["event"] for labels, _ in labelled(text, "xunjian_camera_event_info")]
    assert said == [event_label(newer)] * len(older.cameras)


def test_two_recorders_without_a_name_are_two_events(metrics: Metrics, board: Board) -> None:
    events = [
        Event(kind="recorder", place=place, township="341101", began=NOW, cameras=("a", "b", "c"), of=3)
        for place in ("127.0.0.1:554", "127.0.0.2:554")
    ]
    text = rendered(metrics, replace(board, events=tuple(events)))
    assert len({labels["event"] for labels, _ in labelled(text, "xunjian_event_cameras")}) == 2


def test_the_month_tells_its_bounds_its_target_and_where_its_seconds_went(metrics: Metrics, board: Board) -> None:
    first = replace(
        board.townships[0],
        spent=MonthSeconds(intact=100, impaired=20, offline=15, exempt=10, unknown=5),
    )
    text = rendered(metrics, replace(board, townships=(first,)))
    assert {labels["condition"]: value for labels, value in labelled(text, "xunjian_township_month_seconds")} == {
        "intact": 100,
        "impaired": 20,
        "offline": 15,
        "exempt": 10,
        "unknown": 5,
    }
    assert labelled(text, "xunjian_month_start_timestamp_seconds") == [({}, MONTH_BEGAN)]
    assert labelled(text, "xunjian_month_end_timestamp_seconds") == [({}, MONTH_BEGAN + 30 * 86_400)]
    assert labelled(text, "xunjian_target_ratio") == [({}, 0.95)]


def test_a_link_is_up_or_down_where_it_has_a_witness_and_unsaid_while_we_are_blind(
    metrics: Metrics, board: Board
) -> None:
    townships = list(board.fleet.townships.values())
    witnessed = [replace(township, witness="127.0.0.1") for township in townships[:2]]
    fleet = Fleet.of([*witnessed, *townships[2:]], board.fleet.cameras.values())
    down = Gap(began=NOW, ended=None, cause=Cause.LINK_EXCUSED, reason="township_link", township=witnessed[1].code)
    seen = replace(board, fleet=fleet, link_gaps=(down,))
    text = rendered(metrics, seen)
    assert labelled(text, "xunjian_township_link_up") == [
        ({"township": witnessed[0].code}, 1.0),
        ({"township": witnessed[1].code}, 0.0),
    ]
    assert labelled(text, "xunjian_blind") == [({}, 0.0)]
    blind = rendered(metrics, replace(seen, blind=replace(down, township=None)))
    assert labelled(blind, "xunjian_township_link_up") == []
    assert labelled(blind, "xunjian_blind") == [({}, 1.0)]


def test_three_numbers_say_how_deep_the_fleet_is_proven(metrics: Metrics, board: Board) -> None:
    said = {labels["depth"]: value for labels, value in labelled(rendered(metrics, board), "xunjian_proven_cameras")}
    assert said == {
        "port": board.proven.port,
        "described": board.proven.described,
        "pictured": board.proven.pictured,
    }


def test_the_machine_is_told_as_it_was_read(metrics: Metrics) -> None:
    machine = Machine(
        synchronised=False,
        store_degraded=True,
        pictures_lost=4,
        disks={"record": Disk(free=1 << 30, size=4 << 30)},
        backups={"first": 1_795_480_000, "second": 0},
    )
    text = rendered(metrics, None, machine=machine)
    assert labelled(text, "xunjian_clock_synchronised") == [({}, 0.0)]
    assert labelled(text, "xunjian_store_degraded") == [({}, 1.0)]
    assert labelled(text, "xunjian_pictures_lost_total") == [({}, 4.0)]
    assert labelled(text, "xunjian_disk_free_bytes") == [({"holds": "record"}, 1 << 30)]
    assert labelled(text, "xunjian_disk_size_bytes") == [({"holds": "record"}, 4 << 30)]
    assert labelled(text, "xunjian_backup_last_timestamp_seconds") == [
        ({"place": "first"}, 1_795_480_000),
        ({"place": "second"}, 0),
    ]
    assert labelled(rendered(metrics, None), "xunjian_clock_synchronised") == []


def test_who_reads_the_outbox_and_how_far_is_told(metrics: Metrics) -> None:
    telling = Telling(waiting={"alerts": 0, "mqtt": 7}, dropped={"alerts": 2, "mqtt": 0})
    text = rendered(metrics, None, machine=Machine(telling=telling))
    assert labelled(text, "xunjian_outbox_waiting") == [({"reader": "alerts"}, 0.0), ({"reader": "mqtt"}, 7.0)]
    assert labelled(text, "xunjian_outbox_dropped_total") == [({"reader": "alerts"}, 2.0), ({"reader": "mqtt"}, 0.0)]
    assert labelled(text, "xunjian_mqtt_connected") == labelled(text, "xunjian_mqtt_published_total") == []


def test_a_broker_is_told_of_where_there_is_one(metrics: Metrics) -> None:
    telling = Telling(connected=False, published={"event": 3, "state": 880})
    text = rendered(metrics, None, machine=Machine(telling=telling))
    assert labelled(text, "xunjian_mqtt_connected") == [({}, 0.0)]
    assert labelled(text, "xunjian_mqtt_published_total") == [
        ({"document": "event"}, 3.0),
        ({"document": "state"}, 880.0),
    ]


def test_creation_times_are_not_shown_as_gauges(metrics: Metrics, board: Board) -> None:
    assert "_created" not in rendered(metrics, board)


def test_hostile_names_stay_inside_their_labels(metrics: Metrics) -> None:
    board = hostile_board()
    text = rendered(metrics, board)
    infos = [sample.labels for sample in samples(text) if sample.name == "xunjian_camera_info"]
    wanted = {(camera.id, camera.name.replace("\ud83d", "?"), camera.model) for camera in board.fleet.cameras.values()}
    assert {(labels["camera"], labels["name"], labels["model"]) for labels in infos} == wanted
    assert len(by_camera(text, "xunjian_camera_online")) == len(board.cameras)


@pytest.mark.parametrize("value", ['"', "\\", "\n", '\\n"', "a\\\nb", "}"])
def test_an_escaped_label_is_read_back_as_it_was(value: str) -> None:
    text = f'# TYPE probe gauge\nprobe{{label="{escape(value)}"}} 1\n'
    assert [sample.labels["label"] for sample in samples(text)] == [value]


def test_a_new_fleet_brings_new_lines(metrics: Metrics, board: Board) -> None:
    rendered(metrics, board)
    first = next(iter(board.fleet.cameras.values()))
    renamed = Fleet.of(
        board.fleet.townships.values(),
        [replace(camera, name="新名字") if camera is first else camera for camera in board.fleet.cameras.values()],
    )
    assert 'name="新名字"' in rendered(metrics, replace(board, fleet=renamed))


def test_a_camera_that_left_the_fleet_is_not_shown(metrics: Metrics, board: Board) -> None:
    rest = list(board.fleet.cameras.values())[1:]
    text = rendered(metrics, replace(board, fleet=Fleet.of(board.fleet.townships.values(), rest)))
    assert next(iter(board.cameras)) not in text
    assert len(by_camera(text, "xunjian_camera_online")) == len(rest)


def test_a_ratio_keeps_its_whole_precision(metrics: Metrics, board: Board) -> None:
    one = replace(board.townships[0], rate=Fraction(94_996, 100_000))
    text = rendered(metrics, replace(board, townships=(one,)))
    assert f'xunjian_township_month_online_intact_ratio{{township="{one.code}"}} 0.94996\n' in text


def test_the_compressed_page_is_the_page_and_always_the_same(metrics: Metrics, board: Board) -> None:
    page = rendered(metrics, board).encode()
    packed = compress(page)
    assert gzip.decompress(packed) == page
    assert compress(page) == packed
    assert len(packed) < len(page) / 5


def test_4000_cameras_take_less_than_50_ms_of_cpu() -> None:
    board = bad_board(4000)
    metrics = fresh()
    for township in board.fleet.townships:
        for probe in ("light", "onvif", "rtsp", "picture"):
            for outcome in ("ok", "unreachable", "refused", "busy", "timed_out"):
                metrics.look_ended(township=township, probe=probe, outcome=outcome)
    rendered(metrics, board)
    took = []
    for _ in range(5):
        began = time.thread_time()
        page = rendered(metrics, board)
        took.append(time.thread_time() - began)
    assert page.count("\n") > 36_000
    assert min(took) < CPU_LIMIT_S


@pytest.mark.real_peer
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is missing: apt install prometheus")
@pytest.mark.parametrize("case", ["ordinary", "blind", "hostile", "stalled"])
def test_promtool_has_nothing_to_say(metrics: Metrics, case: str) -> None:
    boards = {"ordinary": ordinary_board, "blind": blind_board, "hostile": hostile_board, "stalled": ordinary_board}
    telling = Telling(waiting={"mqtt": 7}, dropped={"mqtt": 0}, connected=True, published={"event": 1})
    machine = Machine(synchronised=True, disks={"evidence": Disk(free=1, size=2)}, telling=telling)
    page = rendered(metrics, boards[case](), silent_for_s=600 if case == "stalled" else 1, machine=machine)
    checked = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
