"""Where does a camera of a known maker keep its main stream?

The forms are the makers' own or, where no page of the maker was at hand, those that several integrators print alike:

- Hikvision: https://supportusa.hikvision.com/support/solutions/articles/17000129022 (101 is channel 1, main stream)
- Dahua: ``/cam/realmonitor?channel=1&subtype=0``, subtype 0 is the main stream
- Uniview: ``/unicast/c1/s0/live``, s0 is the main stream
- Tiandy: ``/1/1``, channel then stream
- Huawei: ``/LiveMedia/ch1/Media1``
- Axis: ``/axis-media/media.amp``, ``camera`` is the channel of a video server
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Words that its name is known by in ledgers, and the path of a channel's main stream."""

    words: tuple[str, ...]
    path: str


MAKERS = (
    Maker(words=("海康", "hikvision"), path="/Streaming/Channels/{channel}01"),
    Maker(words=("大华", "dahua"), path="/cam/realmonitor?channel={channel}&subtype=0"),
    Maker(words=("宇视", "uniview", "unv"), path="/unicast/c{channel}/s0/live"),
    Maker(words=("天地伟业", "tiandy"), path="/{channel}/1"),
    Maker(words=("华为", "huawei", "好望"), path="/LiveMedia/ch{channel}/Media1"),
    Maker(words=("安讯士", "axis"), path="/axis-media/media.amp?camera={channel}"),
)


def stream_path(maker: str, channel: int) -> str | None:
    """The RTSP path of ``channel``'s main stream; None for a maker whose form is not known.

    >>> stream_path("杭州海康威视", 12)
    '/Streaming/Channels/1201'
    """
    name = unicodedata.normalize("NFKC", maker).casefold()
    for known in MAKERS:
        if any(word in name for word in known.words):
            return known.path.format(channel=channel)
    return None
