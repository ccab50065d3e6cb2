"""RTP packets (RFC 3550 §5.1) and the order they come in."""

from __future__ import annotations

import struct
from typing import NamedTuple

FIXED = struct.Struct(">BBHII")
"""Flags, marker and payload type, sequence number, timestamp, source."""
_EXTENSION = struct.Struct(">HH")
HEADER = FIXED.size
_VERSION = 2
PLAIN = _VERSION << 6
"""The first byte of a packet without padding, header extension and contributing sources: nearly every packet."""
MARKER = 0x80
"""The bit beside the payload type that closes a picture."""
FIRST_DYNAMIC_TYPE = 96
"""RFC 3551 §3."""
_MISORDER = 100
"""How many packets late is still late and not a restart of the numbers (RFC 3550 appendix A.1)."""
_CONTROL_TYPES = range(72, 77)
"""Payload types that RTCP packets look like when both share a port (RFC 5761 §4)."""


class MalformedPacket(ValueError):  # noqa: N818 - named for the fact, not for being an error
    """The bytes are not an RTP packet."""


class RtpPacket(NamedTuple):
    """One packet; ``payload`` is a view on the bytes it came in, without padding."""

    sequence: int
    timestamp: int
    ssrc: int
    payload_type: int
    marker: bool
    payload: memoryview


def parse_packet(data: memoryview) -> RtpPacket:
    """Read one packet, skipping contributing sources, header extension and padding.

    Raises MalformedPacket for anything else, RTCP included.
    """
    size = len(data)
    if size < HEADER:
        raise MalformedPacket(f"{size} bytes")
    flags, kind, sequence, timestamp, ssrc = FIXED.unpack_from(data)
    payload_type = kind & 0x7F
    if flags >> 6 != _VERSION or payload_type in _CONTROL_TYPES:
        raise MalformedPacket(f"version {flags >> 6}, payload type {payload_type}")
    if flags == PLAIN:
        return RtpPacket(sequence, timestamp, ssrc, payload_type, kind >= MARKER, data[HEADER:])
    begin = HEADER + 4 * (flags & 0x0F)
    if flags & 0x10:
        if size < begin + _EXTENSION.size:
            raise MalformedPacket("the header extension is cut off")
        begin += _EXTENSION.size + 4 * _EXTENSION.unpack_from(data, begin)[1]
    end = size - data[-1] if flags & 0x20 else size
    if begin > end or (flags & 0x20 and not data[-1]):
        raise MalformedPacket("the header is longer than the packet")
    return RtpPacket(sequence, timestamp, ssrc, payload_type, kind >= MARKER, data[begin:end])


class SequenceCheck:
    """Tells lost and late packets of one stream by their sequence numbers (16 bit, wrapping).

    ``next`` is the number that the next packet has if none is lost, ``ssrc`` its source; None before the first one.
    """

    def __init__(self) -> None:
        self.next: int | None = None
        self.ssrc: int | None = None

    def follow(self, packet: RtpPacket) -> int:
        """How many packets are missing before this one; -1 if it is late or a duplicate.

        A new source starts anew; numbers that jump back far are a restart, with an unknown number missing.
        """
        if packet.sequence == self.next and packet.ssrc == self.ssrc:
            self.next = (packet.sequence + 1) & 0xFFFF
            return 0
        if packet.ssrc != self.ssrc:
            self.ssrc, self.next = packet.ssrc, packet.sequence
        assert self.next is not None
        missing = (packet.sequence - self.next) & 0xFFFF
        if missing > 0xFFFF - _MISORDER:
            return -1
        self.next = (packet.sequence + 1) & 0xFFFF
        return missing


class Sorter:
    """Puts datagrams that overtook each other back in order, holding a few while one is awaited.

    A datagram is given on once its predecessor is; when more than ``depth`` wait for one, it is lost.
    """

    def __init__(self, depth: int = 32) -> None:
        self._depth = depth
        self._next: int | None = None
        self._held: dict[int, bytes] = {}

    def push(self, datagram: bytes) -> list[bytes]:
        """Take a datagram as it comes; returns those that are in order now, late ones and strange ones at once."""
        if len(datagram) < HEADER:
            return [datagram]
        sequence = datagram[2] << 8 | datagram[3]
        if self._next is None:
            self._next = sequence
        ahead = (sequence - self._next) & 0xFFFF
        if ahead > 0xFFFF - _MISORDER:
            return [datagram]
        self._held[sequence] = datagram
        if ahead and len(self._held) <= self._depth:
            return []
        if ahead:
            self._next = min(self._held, key=self._distance)
        return self._in_order()

    def _distance(self, sequence: int) -> int:
        assert self._next is not None
        return (sequence - self._next) & 0xFFFF

    def _in_order(self) -> list[bytes]:
        assert self._next is not None
        ready: list[bytes] = []
        while (datagram := self._held.pop(self._next, None)) is not None:
            ready.append(datagram)
            self._next = (self._next + 1) & 0xFFFF
        return ready
