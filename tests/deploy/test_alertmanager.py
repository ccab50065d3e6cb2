"""Alertmanager accepts what we ship, sends each alert to whom it concerns, and writes what people can read."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.rules import ALERTMANAGER, CASES, alerts, read_yaml

CHECKER = shutil.which("amtool")
CONFIG = read_yaml(ALERTMANAGER)
TEMPLATES = ALERTMANAGER.parent / "templates"
NAMES = sorted(alerts())

needs_amtool = pytest.mark.skipif(CHECKER is None, reason="needs the Debian package prometheus-alertmanager")


def amtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    assert CHECKER is not None
    return subprocess.run([CHECKER, *map(str, arguments)], capture_output=True, text=True, check=False)


def beside_templates(folder: Path, text: str) -> Path:
    """``text`` as settings in a folder of its own, with our templates."""
    shutil.copytree(TEMPLATES, folder / "templates")
    settings = folder / "alertmanager.yml"
    settings.write_text(text, encoding="utf-8")
    return settings


@pytest.mark.real_peer
@needs_amtool
def test_amtool_accepts_what_we_ship_and_not_just_anything(tmp_path: Path) -> None:
    checked = amtool("check-config", ALERTMANAGER)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    spoiled = ALERTMANAGER.read_text(encoding="utf-8").replace("receiver: digest", "receiver: digests")
    assert amtool("check-config", beside_templates(tmp_path, spoiled)).returncode != 0


@pytest.mark.real_peer
@needs_amtool
def test_the_examples_are_good_settings_once_their_marks_are_gone(tmp_path: Path) -> None:
    text = ALERTMANAGER.read_text(encoding="utf-8")
    lived = re.sub(r"^    # (?=(?:wechat|email)_configs:|  )", "    ", text, flags=re.MULTILINE)
    settings = beside_templates(tmp_path, lived)
    receivers = {receiver["name"]: receiver for receiver in read_yaml(settings)["receivers"]}
    assert receivers["duty"]["wechat_configs"]
    assert receivers["administrator"]["email_configs"]
    checked = amtool("check-config", settings)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.real_peer
@needs_amtool
@pytest.mark.parametrize("name", NAMES)
def test_an_alert_goes_to_whom_it_concerns(name: str) -> None:
    labels = alerts()[name]["labels"]
    wanted = "administrator" if labels["scope"] == "monitor" else "digest" if labels["severity"] == "info" else "duty"
    said = [f"{label}={value}" for label, value in {"alertname": name, **labels}.items()]
    found = amtool("config", "routes", "test", f"--config.file={ALERTMANAGER}", *said)
    assert found.stdout.split() == [wanted]


def labels_of(name: str) -> set[str]:
    """The labels of an alert, as its own case says."""
    told = [test["alert_rule_test"] for test in read_yaml(CASES / f"{name}.yml")["tests"]]
    (first, *_) = [alert for each in told for asked in each for alert in asked["exp_alerts"]]
    return set(first["exp_labels"])


def test_what_inhibits_and_what_is_inhibited_are_alerts_with_the_labels_that_have_to_be_equal() -> None:
    for rule in CONFIG["inhibit_rules"]:
        sources = re.findall(r"Xunjian\w+", " ".join(rule["source_matchers"]))
        targets = re.findall(r"Xunjian\w+", " ".join(rule["target_matchers"]))
        assert {*sources, *targets} <= set(NAMES)
        for name in [*sources, *targets]:
            assert set(rule.get("equal", [])) <= labels_of(name), (name, rule)


def test_no_secret_is_in_the_settings_and_nothing_leaves_this_machine() -> None:
    for receiver in CONFIG["receivers"]:
        assert set(receiver) == {"name", "webhook_configs"}
        for hook in receiver["webhook_configs"]:
            assert hook["url"].startswith("http://127.0.0.1:")
    text = ALERTMANAGER.read_text(encoding="utf-8")
    assert not re.search(r"(password|token|secret): (?!REPLACE)", text)


def told(alert: str, *, place: str = "", status: str = "firing", **labels: str) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {"alertname": alert, **labels},
        "annotations": {
            "summary": f"重点点位故障：城关镇柳树村 {place}",
            "description": "没有可用画面。",
            "runbook_url": f"http://127.0.0.1:8420/help/alerts/{alert}",
        },
        "startsAt": "2026-11-24T00:30:00Z",
        "endsAt": "2026-11-24T01:00:00Z" if status == "resolved" else "0001-01-01T00:00:00Z",
    }


def rendered(folder: Path, template: str, *told_: dict[str, Any], kind: str = "text") -> str:
    """What amtool makes of the template for one message of these alerts, in the county's time zone."""
    assert CHECKER is not None
    alike = {
        label: value
        for label, value in told_[0]["labels"].items()
        if all(each["labels"].get(label) == value for each in told_)
    }
    data = folder / "data.json"
    resolved = all(each["status"] == "resolved" for each in told_)
    data.write_text(
        json.dumps(
            {
                "receiver": "duty",
                "status": "resolved" if resolved else "firing",
                "alerts": told_,
                "groupLabels": {},
                "commonLabels": alike,
                "commonAnnotations": {},
                "externalURL": "",
            }
        ),
        encoding="utf-8",
    )
    glob, text = f"--template.glob={TEMPLATES}/*.tmpl", f'--template.text={{{{ template "{template}" . }}}}'
    made = subprocess.run(
        [CHECKER, "template", "render", glob, text, f"--template.data={data}", f"--template.type={kind}"],
        capture_output=True,
        text=True,
        check=False,
        env={"TZ": "Asia/Shanghai"},
    )
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


KEY = {"severity": "critical", "scope": "camera", "township_name": "城关镇"}


@pytest.mark.real_peer
@needs_amtool
def test_one_alert_is_said_in_one_line_with_what_to_do(tmp_path: Path) -> None:
    assert rendered(tmp_path, "xunjian.text", told("XunjianKeyPointDown", place="东路口", **KEY)) == (
        "【紧急】重点点位故障：城关镇柳树村 东路口\n"
        "· 重点点位故障：城关镇柳树村 东路口（11-24 08:30 起）\n"
        "没有可用画面。\n"
        "处置：http://127.0.0.1:8420/help/alerts/XunjianKeyPointDown"
    )


@pytest.mark.real_peer
@needs_amtool
def test_many_alerts_are_counted_and_ten_of_them_listed(tmp_path: Path) -> None:
    text = rendered(
        tmp_path, "xunjian.text", *(told("XunjianKeyPointDown", place=f"第{n}处", **KEY) for n in range(30))
    )
    assert text.startswith("【紧急】城关镇 30 条\n· 重点点位故障：城关镇柳树村 第0处")
    assert text.count("·") == 10
    assert "共 30 条，以上是前 10 条" in text
    assert len(text.encode()) < 2048


@pytest.mark.real_peer
@needs_amtool
def test_what_is_over_is_said_to_be_over_with_its_end(tmp_path: Path) -> None:
    over = told("XunjianKeyPointDown", place="东路口", status="resolved", **KEY)
    assert rendered(tmp_path, "xunjian.text", over) == (
        "【恢复】重点点位故障：城关镇柳树村 东路口\n"
        "· 重点点位故障：城关镇柳树村 东路口（11-24 08:30 起，11-24 09:00 止）"
    )
    both = rendered(tmp_path, "xunjian.text", told("XunjianKeyPointDown", place="西路口", **KEY), over)
    assert "西路口（11-24 08:30 起）\n已恢复：\n· 重点点位故障：城关镇柳树村 东路口" in both


@pytest.mark.real_peer
@needs_amtool
def test_a_mail_is_html_that_quotes_what_the_ledger_says(tmp_path: Path) -> None:
    alert = told("XunjianKeyPointDown", place="<b>东</b>路口", **KEY)
    html = rendered(tmp_path, "xunjian.html", alert, kind="html")
    assert "<li>重点点位故障：城关镇柳树村 &lt;b&gt;东&lt;/b&gt;路口（11-24 08:30 起）</li>" in html
    assert '<a href="http://127.0.0.1:8420/help/alerts/XunjianKeyPointDown">处置</a>' in html
