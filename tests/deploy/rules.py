"""What is shipped for Prometheus and Alertmanager, read as data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
RULES = PROMETHEUS / "rules"
ALERTMANAGER = ROOT / "deploy/alertmanager/alertmanager.yml"
RUNBOOKS = ROOT / "monitor/web/help/alerts"
CASES = Path(__file__).parent / "alerts"


def read_yaml(path: Path) -> Any:
    """The one document in a file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules_in(name: str) -> list[dict[str, Any]]:
    """All rules of one of the files, in order."""
    return [rule for group in read_yaml(RULES / name)["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """The alert rules by name."""
    return {rule["alert"]: rule for rule in rules_in("alerts.yml")}


def recorded() -> dict[str, str]:
    """What is recorded, and by which expression."""
    return {rule["record"]: rule["expr"] for rule in rules_in("recording.yml")}
