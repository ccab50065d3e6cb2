"""config.toml: equal to the defaults, strict, all mistakes at once in words that help."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.config import Config, ConfigError, Difference, differences, load, parse, townships_of
from monitor.config.lines import lines_of
from monitor.config.load import known_keys
from monitor.config.tables import Confirm, Looks, Probes
from monitor.core.condition import GRAVE_BY_DEFAULT, Condition
from monitor.core.due import Plan
from monitor.core.fleet import Township
from monitor.core.outage import Rules
from monitor.gate import Limits
from monitor.looks import Questions
from probes.image.judgement import PictureJob, PictureJudgement
from probes.image.thresholds import Thresholds
from probes.observation import Depth
from probes.onvif import OnvifProbe
from probes.picture import PictureProbe
from probes.reach import ReachProbe
from probes.registry import PROBES
from probes.rtsp import RtspProbe

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "config.toml"
MISTAKES = sorted((ROOT / "tests" / "config_errors").glob("*.toml"))


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_shipped_file_equals_the_defaults() -> None:
    assert parse(SHIPPED.read_text("utf-8")) == Config()
    assert load(SHIPPED) == Config().at(ROOT)
    assert differences(load(SHIPPED)) == []


def shipped_keys() -> dict[str, str]:
    """The dotted keys of config.toml, those of the commented example included, each with its comment."""
    found: dict[str, str] = {}
    table, above = "", ""
    for line in SHIPPED.read_text("utf-8").splitlines():
        bare = line.removeprefix("# ")
        header = re.match(r"\[+([\w.]+)\]+", bare)
        key = re.match(r"(\w+) = ", bare)
        comment = bare.partition("  # ")[2] or above
        if header:
            table = header[1]
            found[table] = comment
        elif key:
            found[f"{table}.{key[1]}"] = comment
        above = line.removeprefix("# ") if line.startswith("# ") else ""
    return found


def test_every_key_stands_in_the_shipped_file_with_a_comment_in_both_languages() -> None:
    known = known_keys()
    keys = {f"{table}.{key}".lstrip(".") for table, names in known.items() for key in names} - {"probes"}
    shipped = shipped_keys()
    assert set(shipped) == keys
    for key, comment in shipped.items():
        chinese, _, english = comment.rpartition("/ ")
        assert re.search(r"[\u4e00-\u9fff]", chinese), (key, comment)
        assert re.search(r"[a-z]", english), (key, comment)


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_each_mistake_has_its_message_in_both_languages(path: Path) -> None:
    expected = dict(re.findall(r"^# (zh|en): (.*)$", path.read_text("utf-8"), re.MULTILINE))
    for lang in ("zh", "en"):
        with pytest.raises(ConfigError) as caught:
            load(path, lang=lang)
        assert str(caught.value) == expected[lang]


def test_there_is_a_bad_file_for_every_kind_of_mistake() -> None:
    assert len(MISTAKES) >= 30


def test_all_mistakes_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, '[site]\ncounty = ""\n[web]\nport = "x"\nlang = "de"\n[log]\nlevle = "info"\n')
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert [complaint.path for complaint in caught.value.complaints] == [
        "site.county",
        "web.port",
        "web.lang",
        "log.levle",
    ]
    assert [complaint.line for complaint in caught.value.complaints] == [2, 4, 5, 7]
    assert caught.value.text("en").splitlines()[2] == 'line 5, web.lang: must be one of "zh" or "en", is "de"'


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^无法读取配置文件 .*config\.toml（No such file or directory）$"):
        load(tmp_path / "config.toml")


def test_a_file_in_gbk_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes('[site]\ncounty = "示范县"\n'.encode("gbk"))
    with pytest.raises(ConfigError, match="不是 UTF-8 编码，请另存为 UTF-8"):
        load(path)


def test_a_byte_order_mark_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes("\ufeff[site]\ncounty = '泌阳县'\n".encode())
    assert load(path).site.county == "泌阳县"


def test_paths_start_at_the_file(tmp_path: Path) -> None:
    config = load(write(tmp_path, '[evidence]\ndir = "pictures"\n[secrets]\nkey_file = "/etc/xunjian/key"\n'))
    assert config.home == tmp_path
    assert config.evidence.dir == str(tmp_path / "pictures")
    assert config.papers.fonts == str(tmp_path / "data/fonts")
    assert config.secrets.key_file == "/etc/xunjian/key"
    assert config.store.url == f"sqlite:///{tmp_path}/data/xunjian.db"


@pytest.mark.parametrize("url", ["postgresql+psycopg://xunjian@127.0.0.1/xunjian", "sqlite:///:memory:", "sqlite://"])
def test_a_database_that_is_no_file_keeps_its_url(tmp_path: Path, url: str) -> None:
    assert load(write(tmp_path, f'[store]\nurl = "{url}"\n')).store.url == url


def test_an_absolute_database_stays_where_it_is(tmp_path: Path) -> None:
    config = load(write(tmp_path, '[store]\nurl = "sqlite:////var/lib/xunjian.db"\n'))
    assert config.store.url == "sqlite:////var/lib/xunjian.db"


def test_settings_never_change() -> None:
    config = Config()
    with pytest.raises(ValidationError):
        config.web.port = 1
    with pytest.raises(ValidationError):
        config.probes.light.connect_timeout_s = 1.0  # type: ignore[attr-defined]  # a table made from a class


def test_an_overlay_is_laid_over_the_file_and_its_differences_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, "[looks]\nlight_s = 30\nmedia_s = 900\n")
    config = load(path, {"looks": {"light_s": 2, "deadline_s": 0.5}, "probes": {"rtsp": {"reply_timeout_s": 1}}})
    assert config.looks.media_s == 900
    assert differences(config) == [
        Difference("looks.light_s", 60, 2),
        Difference("looks.media_s", 1800, 900),
        Difference("looks.deadline_s", 25.0, 0.5),
        Difference("probes.rtsp.reply_timeout_s", 5.0, 1),
    ]


def test_a_mistake_in_an_overlay_has_a_path_and_no_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^looks\.light_s：不能小于 1，现为 0$"):
        load(write(tmp_path, ""), {"looks": {"light_s": 0}})


def test_no_password_of_a_url_is_shown(tmp_path: Path) -> None:
    config = load(write(tmp_path, '[store]\nurl = "postgresql://xunjian:Geheim-7@127.0.0.1/x"\n'))
    assert config.store.url == "postgresql://xunjian:Geheim-7@127.0.0.1/x"
    assert "Geheim" not in f"{config!r} {config!s} {differences(config)!r}"


def test_a_refused_file_leaves_no_value_in_the_chain_of_exceptions(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, '[store]\nurl = "postgresql://a:Geheim-7@h/x"\nuser = "Geheim-7"\n'))
    assert caught.value.__context__ is None
    assert "Geheim" not in str(caught.value)


def test_the_rules_and_the_plan_have_the_defaults_of_the_core() -> None:
    assert Config().confirm.rules == Rules()
    assert Config().looks.plan == Plan()
    assert set(Confirm.model_fields) == {field.name for field in dataclasses.fields(Rules)}
    assert set(Looks.model_fields) - {"deadline_s"} == {field.name for field in dataclasses.fields(Plan)}


def test_the_limits_have_the_defaults_of_the_gate() -> None:
    ours, gate = Config().limits, Limits()
    assert (ours.light, ours.media, ours.per_camera, ours.per_recorder) == (200, 64, 1, 4)
    assert (gate.light, gate.media, gate.per_camera, gate.per_recorder) == (200, 64, 1, 4)
    assert ours.link_mbit_s * 1_000_000 == gate.link_bits_per_s


def test_rules_and_plan_say_what_the_file_says() -> None:
    config = parse(
        '[confirm]\nlogin_refused_is = "unknown"\nfirst_depth = "media"\nhold_s = 7\n[looks]\nbackoff = [1, 3]\n'
    )
    assert config.confirm.rules == Rules(login_refused_is=Condition.UNKNOWN, first_depth=Depth.MEDIA, hold_s=7)
    assert config.looks.plan == Plan(backoff=(1, 3))


def test_a_probe_declares_its_own_settings() -> None:
    probes = parse("[probes.light]\nconnect_timeout_s = 1\n").probes
    assert ReachProbe(**probes.settings("light")) == ReachProbe(connect_timeout_s=1)
    assert RtspProbe(to="media", **probes.settings("rtsp")) == RtspProbe(to="media")
    assert OnvifProbe(now=lambda: 0.0, **probes.settings("onvif")) == OnvifProbe(now=lambda: 0.0)


def test_every_probe_of_the_registry_has_a_table() -> None:
    assert set(PROBES) <= set(Probes.model_fields)
    assert set(Probes().settings("picture")) == {
        field.name for field in dataclasses.fields(PictureProbe) if not field.metadata
    }


def test_the_thresholds_of_pictures_are_those_of_the_decoder_and_reach_its_probe() -> None:
    assert Config().picture.limits == Thresholds()
    config = parse("[picture.thresholds]\ncovered_share = 0.75\nnoise = 12\n")
    assert config.picture.limits == Thresholds(covered_share=0.75, noise=12)
    probe = Questions.of(config, decoder=_NoDecoder(), now=lambda: 0.0).by_depth[Depth.PICTURE]
    assert isinstance(probe, PictureProbe)
    assert probe.thresholds == config.picture.limits


class _NoDecoder:
    async def judge(self, job: PictureJob) -> PictureJudgement:
        raise NotImplementedError


def test_townships_become_those_of_the_fleet() -> None:
    text = '[[townships]]\ncode = "01"\nname = "城关镇"\nplanned = 180\nwitness = "[fd00::1]:80"\n'
    assert townships_of(parse(text)) == (Township(code="01", name="城关镇", planned=180, witness="[fd00::1]:80"),)


def test_the_target_is_exact() -> None:
    assert parse('[site]\ntarget = "95.05"\n').site.target_rate.as_integer_ratio() == (1901, 2000)


def test_grave_faults_are_those_of_the_core_and_may_be_changed() -> None:
    assert set(Config().picture.grave) == GRAVE_BY_DEFAULT
    assert parse('[picture]\ngrave = ["noise", "black", "noise"]\n').picture.grave == ("noise", "black", "noise")


LINES: list[tuple[str, dict[tuple[Any, ...], int]]] = [
    ("# only a comment\n", {}),
    ("a = 1\nb.c = 2\n", {("a",): 1, ("b",): 2, ("b", "c"): 2}),
    ("[x.y] # why\n'k.l' = 1\n", {("x", "y"): 1, ("x", "y", "k.l"): 2}),
    ("v = [\n 1, # one\n 2]\nw = 3\n", {("v",): 1, ("w",): 4}),
    ('t = """\n[no] = 1\n"""\nu = 2\n', {("t",): 1, ("u",): 4}),
    (
        "[[l]]\na = 1\n[[l]]\n[l.m]\nb = 2\n",
        {("l",): 1, ("l", 0): 1, ("l", 0, "a"): 2, ("l", 1): 3, ("l", 1, "m"): 4, ("l", 1, "m", "b"): 5},
    ),
    ("i = {a = 1, b = 2}\n", {("i",): 1}),
]


@pytest.mark.parametrize(("text", "expected"), LINES)
def test_each_key_is_found_on_its_line(text: str, expected: dict[tuple[Any, ...], int]) -> None:
    tomllib.loads(text)
    assert lines_of(text) == expected
