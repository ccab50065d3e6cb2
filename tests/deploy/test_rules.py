"""The rules are what Prometheus accepts, ask for what is exported, fire when they should, and each has its page."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from monitor.config import Config
from monitor.web.manual import address, read_manual
from tests.deploy.exported import OF_PROMETHEUS, exported
from tests.deploy.promql import labels_matched, metrics_of
from tests.deploy.rules import CASES, RULES, RUNBOOKS, alerts, read_yaml, recorded
from tests.e2e.prometheus_server import CHECKER

SECTIONS = ["什么意思", "先查什么", "怎么办", "打给谁"]
NAMES = sorted(alerts())

needs_promtool = pytest.mark.skipif(CHECKER is None, reason="needs the Debian package prometheus")


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    assert CHECKER is not None
    return subprocess.run([CHECKER, *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.mark.real_peer
@needs_promtool
@pytest.mark.parametrize("name", ["recording.yml", "alerts.yml"])
def test_promtool_accepts_the_rules(name: str) -> None:
    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES / name)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.real_peer
@needs_promtool
@pytest.mark.parametrize("name", NAMES)
def test_an_alert_fires_when_it_should_and_not_when_it_should_not(name: str) -> None:
    tested = promtool("test", "rules", CASES / f"{name}.yml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.real_peer
@needs_promtool
def test_a_case_that_does_not_hold_is_noticed(tmp_path: Path) -> None:
    case = (
        (CASES / "XunjianBlind.yml").read_text(encoding="utf-8").replace("../../../deploy/prometheus/rules", str(RULES))
    )
    spoiled = tmp_path / "spoiled.yml"
    spoiled.write_text(case.replace("eval_time: 8m", "eval_time: 1m"), encoding="utf-8")
    assert promtool("test", "rules", spoiled).returncode != 0


def test_every_alert_has_cases_in_which_it_fires_and_in_which_it_does_not() -> None:
    assert sorted(path.stem for path in CASES.glob("*.yml")) == NAMES
    for name in NAMES:
        told = [test["alert_rule_test"] for test in read_yaml(CASES / f"{name}.yml")["tests"]]
        assert {asked["alertname"] for each in told for asked in each} == {name}
        assert {bool(asked["exp_alerts"]) for each in told for asked in each} == {True, False}, name


def test_every_alert_has_its_page_in_the_manual_and_every_page_its_alert() -> None:
    pages = {path.stem: path for path in RUNBOOKS.glob("*.md")}
    assert sorted(pages) == sorted([*NAMES, "index"])
    manual = read_manual()
    for name in NAMES:
        page = manual[f"alerts/{name}"]
        assert [section.title for section in page.sections] == SECTIONS
        assert f"告警名：`{name}`" in pages[name].read_text(encoding="utf-8")
        assert f"alerts/{name}" in manual["alerts/index"].links


def test_an_alert_leads_to_its_page_where_the_program_serves_it() -> None:
    web = Config().web
    for name, rule in alerts().items():
        assert rule["annotations"]["runbook_url"] == f"http://{web.host}:{web.port}{address(f'alerts/{name}')}"


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_says_how_urgent_it_is_and_what_it_means_in_chinese(name: str) -> None:
    rule = alerts()[name]
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert rule["labels"]["scope"] in ("monitor", "township", "camera")
    for word in ("summary", "description"):
        assert re.search(r"[\u4e00-\u9fff]{4}", rule["annotations"][word])


@pytest.mark.parametrize(
    "expression", [*(rule["expr"] for rule in alerts().values()), *recorded().values()], ids=lambda text: text[:40]
)
def test_a_rule_asks_only_for_what_is_exported_or_recorded(expression: str) -> None:
    assert metrics_of(expression) <= {*exported(), *recorded(), *OF_PROMETHEUS}
    for metric, labels in labels_matched(expression).items():
        if metric in exported():
            assert labels <= exported()[metric], metric


@pytest.mark.parametrize("name", [name for name in NAMES if alerts()[name]["labels"]["scope"] != "monitor"])
def test_what_was_told_before_a_restart_is_not_told_again_after_it(name: str) -> None:
    assert "keep_firing_for" in alerts()[name]
