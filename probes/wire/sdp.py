"""What a DESCRIBE answer says about the video: SDP (RFC 4566) with the RTSP attributes of RFC 2326 appendix C."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urljoin, urlsplit

MAX_LINES = 1024
MAX_PARAMETER_SETS = 16
MAX_CODEC = 32
"""Characters of an encoding name."""
MAX_CONTROL = 2048
"""Characters of a control URL, which becomes the line of a request; a longer one is none."""

_STATIC_CODECS = {26: "JPEG", 31: "H261", 32: "MPV", 33: "MP2T", 34: "H263"}
"""RFC 3551 §6, the video rows."""
_SPACES = re.compile(r"[\x00-\x20\x7f]+")
_URL_PUNCTUATION = "!#$%&'()*+,-./:;=?@[]_~|\\^`{}<>"
_PAYLOAD_TYPE = re.compile(r"0*(?:\d{1,2}|1[01]\d|12[0-7])\Z", re.ASCII)
_RATE = re.compile(r"[1-9]\d{0,8}\Z", re.ASCII)
_USUAL_CLOCK_RATE = 90_000
_CODEC_SIGNS = re.compile(r"[^!-~]+")
_SPROP = ("sprop-vps", "sprop-sps", "sprop-pps", "sprop-parameter-sets")
_CODEC_NAMES = {"HEVC": "H265", "AVC": "H264", "AVC1": "H264"}

_Attributes = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoMedia:
    """The first video medium of a session description.

    ``codec`` is the encoding name of its rtpmap in capitals ("H264", "H265", "JPEG", "MP4V-ES", "SVAC" …), "" if
    nothing tells; ``parameter_sets`` are the NAL units of the sprop parameters, ``configuration`` the headers of
    MPEG-4 part 2 (RFC 6416 §7.1); controls are as written.
    """

    payload_types: tuple[int, ...]
    codec: str
    clock_rate: int = _USUAL_CLOCK_RATE
    control: str = ""
    session_control: str = ""
    encrypted: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)
    parameter_sets: tuple[bytes, ...] = ()
    configuration: bytes = b""


def parse_video(body: bytes) -> VideoMedia | None:
    """The first video medium, or None if there is none. Lines that make no sense are passed over; never raises."""
    session_control: str | None = None
    medium = ""
    attributes: dict[str, list[str]] = {}
    lines = b"\n".join(body.splitlines()[:MAX_LINES]).decode("utf-8", "replace").split("\n")
    for line in map(str.strip, lines):
        if line.startswith("a="):
            name, _, value = line[2:].partition(":")
            attributes.setdefault(name.lower(), []).append(value.strip())
        elif line.startswith("m="):
            if medium:
                break
            if session_control is None:
                session_control = _clean(_first(attributes, "control"))
            attributes = {}
            medium = line[2:] if line[2:].lower().startswith("video") else ""
    return _video(medium, attributes, session_control or "") if medium else None


def _video(medium: str, attributes: _Attributes, session_control: str) -> VideoMedia:
    words = medium.split()
    profile = words[2].upper() if len(words) > 2 else ""
    payload_types = tuple(int(word) for word in words[3:] if _PAYLOAD_TYPE.match(word))
    parameters = _format_parameters(_of_payload_type(attributes, "fmtp", payload_types))
    codec, clock_rate = _encoding(_of_payload_type(attributes, "rtpmap", payload_types), payload_types, parameters)
    return VideoMedia(
        payload_types=payload_types,
        codec=codec,
        clock_rate=clock_rate,
        control=_clean(_first(attributes, "control")),
        session_control=session_control,
        encrypted="SAVP" in profile,
        parameters=parameters,
        parameter_sets=_parameter_sets(parameters),
        configuration=_configuration(parameters),
    )


def _first(attributes: _Attributes, name: str) -> str:
    return attributes.get(name, [""])[0]


def _of_payload_type(attributes: _Attributes, name: str, payload_types: tuple[int, ...]) -> str:
    """What rtpmap or fmtp says of the first payload type; of another one if it says nothing of that."""
    values = [value.partition(" ") for value in attributes.get(name, ())]
    mine = [text for number, _, text in values if number == str(payload_types[0])] if payload_types else []
    return next(iter(mine or [text for _, _, text in values]), "").strip()


def _encoding(mapping: str, payload_types: tuple[int, ...], parameters: Mapping[str, str]) -> tuple[str, int]:
    """Encoding name and clock rate, from "H264/90000" and what else may tell."""
    name, _, rate = mapping.partition("/")
    rate = rate.partition("/")[0].strip()
    codec = _CODEC_SIGNS.sub("", name.upper())[:MAX_CODEC]
    if not codec and payload_types:
        codec = _STATIC_CODECS.get(payload_types[0], "")
    if not codec:
        # Some firmware leaves the rtpmap out; the parameter sets still tell.
        codec = "H265" if "sprop-sps" in parameters else "H264" if "sprop-parameter-sets" in parameters else ""
    return _CODEC_NAMES.get(codec, codec), int(rate) if _RATE.match(rate) else _USUAL_CLOCK_RATE


def _format_parameters(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _parameter_sets(parameters: Mapping[str, str]) -> tuple[bytes, ...]:
    """RFC 6184 §8.1 and RFC 7798 §7.1: comma-separated base64; units that don't decode are left out."""
    units: list[bytes] = []
    for name in _SPROP:
        for text in parameters.get(name, "").split(",", MAX_PARAMETER_SETS)[:MAX_PARAMETER_SETS]:
            try:
                unit = base64.b64decode(text.strip().rstrip("=") + "==")
            except (binascii.Error, ValueError):
                continue
            # Some encoders put the start code of the byte stream format before the unit.
            unit = unit.removeprefix(b"\0\0\0\1").removeprefix(b"\0\0\1")
            if len(unit) > 1:
                units.append(unit)
    return tuple(units[:MAX_PARAMETER_SETS])


def _configuration(parameters: Mapping[str, str]) -> bytes:
    try:
        return bytes.fromhex(parameters.get("config", ""))
    except ValueError:
        return b""


def _clean(url: str) -> str:
    """A control URL without blanks and control characters, which would break the request line, in ASCII."""
    cleaned = quote(_SPACES.sub("", url), safe=_URL_PUNCTUATION)
    return cleaned if len(cleaned) <= MAX_CONTROL else ""


def base_url(request_url: str, content_base: str | None, content_location: str | None) -> str:
    """What relative control URLs stand against: Content-Base, else Content-Location, else the request URL."""
    for url in (content_base, content_location):
        cleaned = _clean(url or "")
        if cleaned.lower().startswith(("rtsp://", "rtsps://")):
            return cleaned
    return request_url


def aggregate_url(base: str, session_control: str) -> str:
    """The URL that PLAY and TEARDOWN go to (RFC 2326 C.1.1): the base itself for "*" or no session control."""
    return control_urls(base, session_control)[0]


def control_urls(base: str, control: str) -> tuple[str, ...]:
    """The URLs that a control attribute may mean, the likeliest first.

    An absolute URL stands for itself, "*" and nothing for the base. RFC 2326 C.1.1 resolves the rest like a link,
    which drops the base's last segment and query; most servers, and all big clients, append it to the base
    instead. Both agree when the base ends in "/", else the appended one comes first.

    >>> control_urls("rtsp://h/ch1/", "trackID=1")
    ('rtsp://h/ch1/trackID=1',)
    >>> control_urls("rtsp://h/live?channel=1", "trackID=1")
    ('rtsp://h/live?channel=1/trackID=1', 'rtsp://h/trackID=1')
    """
    if control in ("", "*"):
        return (base,)
    if control.lower().startswith(("rtsp://", "rtsps://")):
        return (control,)
    appended = f"{base.rstrip('/')}/{control.lstrip('/')}"
    linked = _link(base, control)
    ordered = (linked, appended) if control.startswith("/") else (appended, linked)
    return tuple(dict.fromkeys(ordered))


def _link(base: str, control: str) -> str:
    # urljoin knows rtsp, but not rtsps, as a scheme with relative links.
    try:
        scheme = urlsplit(base).scheme
        return scheme + urljoin(f"http{base[len(scheme) :]}", control)[len("http") :]
    except ValueError:
        return base
