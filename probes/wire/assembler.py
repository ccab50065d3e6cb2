"""One picture on its own out of the RTP packets of a stream, whatever its codec.

Everything that is not part of a picture which decodes alone is dropped as early as it is recognised. A picture with a
packet missing is never given out: decoders conceal the loss, that of H.265 without a word of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from probes.wire.rtp import RtpPacket, SequenceCheck

MAX_PICTURE = 8 * 1024 * 1024
"""Bytes of one picture; a 4K key frame of a camera has about a tenth of it."""


class Picture(NamedTuple):
    """One assembled picture and its RTP timestamp."""

    data: bytes
    timestamp: int


class PictureAssembler(ABC):
    """Takes the RTP packets of one stream in order of arrival and gives out complete key frames.

    A picture is complete at its marker bit, or, from encoders that set none, when the next timestamp begins.
    """

    def __init__(self, *, max_bytes: int = MAX_PICTURE) -> None:
        self.gapped = 0
        """Key frames dropped because packets of them were missing."""
        self.oversized = 0
        """Pictures dropped because they exceeded ``max_bytes``."""
        self._max_bytes = max_bytes
        self._order = SequenceCheck()
        self._timestamp: int | None = None
        self._joined_late = True
        """Nothing was lost yet, but the first picture may have begun before we came."""
        self._begin_picture()

    def continues(self, data: memoryview) -> bool:
        """Take a packet, header included, in one go if it only goes on with what is under way; False if it does not.

        That is the fate of nearly every packet of a key frame, and ``push`` would do the same in ten times the steps.
        """
        del data
        return False

    def push(self, packet: RtpPacket) -> Picture | None:
        """Take one packet; returns the key frame that it completes, if it does."""
        missing = self._order.follow(packet)
        if missing < 0:
            return None
        picture = None
        if missing:
            self._lose()
        if packet.timestamp != self._timestamp:
            if self._timestamp is not None:
                picture = self._end_picture()
                self._broken = missing > 0
            self._timestamp = packet.timestamp
        if not self._passing and packet.payload:
            self._take(packet.payload)
        if packet.marker:
            picture = self._end_picture() or picture
        return picture

    def _begin_picture(self) -> None:
        self._picture = bytearray()
        self._key = False
        """The picture under way decodes alone, as far as was seen."""
        self._passing = False
        """The picture under way is of no use; its packets are passed over."""
        self._broken = self._joined_late
        """A part of the picture under way is missing, or may be."""

    def _lose(self) -> None:
        """Packets are missing: what they may belong to is broken."""
        self._broken, self._joined_late = True, False

    def _end_picture(self) -> Picture | None:
        picture = None
        if self._key and not self._passing:
            if self._is_whole():
                picture = Picture(self._finished(), self._timestamp or 0)
            elif not self._joined_late:
                self.gapped += 1
        self._joined_late = False
        self._begin_picture()
        return picture

    def _append(self, data: bytes | memoryview) -> None:
        self._picture += data
        if len(self._picture) > self._max_bytes:
            self._overflow()

    def _overflow(self) -> None:
        self.oversized += 1
        self._passing = True
        self._picture.clear()

    def _is_whole(self) -> bool:
        return not self._broken

    @abstractmethod
    def _take(self, payload: memoryview) -> None:
        """Take the payload of one packet; it is not empty."""

    @abstractmethod
    def _finished(self) -> bytes:
        """The picture as a decoder takes it."""
