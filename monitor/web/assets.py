"""The files that pages load: ours, and the two scripts that set-up fetches."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

STATIC = Path(__file__).parent / "static"

TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

HTMX = "vendor/htmx.min.js"
UPLOT = ("vendor/uPlot.iife.min.js", "vendor/uPlot.min.css")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file whole; ``version`` is part of its address, so that it may be kept for ever."""

    name: str
    body: bytes
    content_type: str
    version: str


class Assets:
    """All files below ``folder``, read once. A missing vendored script is no error: pages work without."""

    def __init__(self, folder: Path = STATIC) -> None:
        paths = [path for path in sorted(folder.rglob("*")) if path.suffix in TYPES and path.is_file()]
        self._assets = {asset.name: asset for asset in (_read(folder, path) for path in paths)}

    def get(self, name: str) -> Asset | None:
        """The file with this name; only what was read at the start can be had."""
        return self._assets.get(name)

    def address(self, name: str) -> str:
        """Where a page finds it."""
        return f"/static/{name}?v={self._assets[name].version}"

    @property
    def has_htmx(self) -> bool:
        """Whether fragments can refresh themselves."""
        return HTMX in self._assets

    @property
    def has_uplot(self) -> bool:
        """Whether the chart of the day can be drawn."""
        return all(name in self._assets for name in UPLOT)


def _read(folder: Path, path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(
        name=path.relative_to(folder).as_posix(),
        body=body,
        content_type=TYPES[path.suffix],
        version=sha256(body).hexdigest()[:12],
    )
