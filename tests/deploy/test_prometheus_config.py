"""The Prometheus settings that we ship are valid and point at where xunjian listens by default."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from monitor.config import Config
from tests.e2e.prometheus_server import CHECKER

SHIPPED = Path(__file__).parents[2] / "deploy/prometheus/prometheus.yml"


def check(settings: Path) -> subprocess.CompletedProcess[str]:
    assert CHECKER is not None
    return subprocess.run([CHECKER, "check", "config", str(settings)], capture_output=True, text=True, check=False)


@pytest.mark.real_peer
@pytest.mark.skipif(CHECKER is None, reason="needs the Debian package prometheus")
def test_promtool_accepts_what_we_ship(tmp_path: Path) -> None:
    checked = check(SHIPPED)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    spoiled = tmp_path / "prometheus.yml"
    spoiled.write_text(SHIPPED.read_text(encoding="utf-8").replace("job_name", "job_nam"), encoding="utf-8")
    assert check(spoiled).returncode != 0


def test_it_scrapes_where_we_listen() -> None:
    web = Config().web
    assert f'targets: ["{web.host}:{web.port}"]' in SHIPPED.read_text(encoding="utf-8")
