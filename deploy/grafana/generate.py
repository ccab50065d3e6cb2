"""Writes the dashboards for Grafana 11 into ``dashboards/``: ``make dashboards``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from deploy.grafana.pages import PAGES, Band, Page
from deploy.grafana.panels import WIDTH

FOLDER = Path(__file__).parent / "dashboards"
TAG = "xunjian"


def laid_out(page: Page) -> dashboard.Dashboard:
    """The dashboard with its panels in their places, and links to all the others."""
    built = (
        builders.Dashboard(page.title)
        .uid(page.uid)
        .description(page.note)
        .tags([TAG])
        .timezone("browser")
        .time(page.since, "now")
        .refresh("1m")
        .readonly()
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .link(
            builders.DashboardLink("巡检")
            .type(dashboard.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(False)
            .include_vars(True)
            .keep_time(True)
        )
        .with_variable(builders.DatasourceVariable("datasource").label("数据源").type("prometheus"))
    )
    for variable in page.variables:
        built = built.with_variable(variable)
    board = built.build()
    board.panels = list(_placed(page.bands))
    return board


def _placed(bands: Sequence[Band]) -> Iterator[dashboard.Panel | dashboard.RowPanel]:
    """The panels band by band, numbered from 1 in reading order."""
    numbers = count(1)
    top = 0
    for band in bands:
        heading = builders.Row(band.heading).build()
        heading.id_val, heading.grid_pos = next(numbers), dashboard.GridPos(h=1, w=WIDTH, x=0, y=top)
        yield heading
        left = 0
        for panel, width in band.panels:
            panel.id_val = next(numbers)
            panel.grid_pos = dashboard.GridPos(h=band.height, w=width, x=left, y=top + 1)
            yield panel
            left += width
        top += 1 + band.height


def dashboards() -> dict[str, str]:
    """The JSON of every dashboard by the name of its file."""
    boards = [laid_out(page()) for page in PAGES]
    return {
        f"{board.uid}.json": json.dumps(board, cls=JSONEncoder, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        for board in boards
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in dashboards().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
