"""Key frames out of RTP packets: H.264 (RFC 6184) and H.265 (RFC 7798)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable

from probes.wire.assembler import MAX_PICTURE, PictureAssembler
from probes.wire.rtp import FIRST_DYNAMIC_TYPE, FIXED, HEADER, MARKER, PLAIN

_START_CODE = b"\0\0\0\1"
MAX_PARAMETER_SETS = 64
"""Kept of one stream. Cameras have two or three, a hostile stream sends another with every packet."""
MAX_PARAMETER_SET = 4096
"""Bytes of one; a larger one stays in its picture, but is not remembered for others."""
MAX_UNITS = 64
"""NAL units of one aggregation packet."""
MAX_SEI_MESSAGES = 16
"""Of one SEI unit: the recovery point is among the first."""


class NalAssembler(PictureAssembler):
    """What H.264 and H.265 have in common.

    A key frame comes as a byte stream (annex B) with the parameter sets that decode it: those of the stream, else
    those of the session description.
    """

    def __init__(self, parameter_sets: Iterable[bytes] = (), *, max_bytes: int = MAX_PICTURE) -> None:
        self._sets: dict[tuple[int, int], bytes] = {}
        for unit in parameter_sets:
            self._remember(unit)
        super().__init__(max_bytes=max_bytes)

    def _begin_picture(self) -> None:
        super()._begin_picture()
        self._sets_in_picture: set[tuple[int, int]] = set()
        self._has_slice = False
        self._fragment_open = False
        self._unit_at = 0

    def _lose(self) -> None:
        """The unit under way will never be whole."""
        super()._lose()
        if self._fragment_open:
            self._fragment_open = False
            del self._picture[self._unit_at :]

    def _is_whole(self) -> bool:
        return not self._broken and not self._fragment_open

    def _finished(self) -> bytes:
        missing = sorted(key for key in self._sets if key not in self._sets_in_picture)
        return b"".join([_START_CODE + self._sets[key] for key in missing] + [self._picture])

    def _unit(self, unit: memoryview) -> None:
        """Take one whole NAL unit."""
        if len(unit) > self._header_size:
            self._begin_unit(bytes(unit[: self._header_size]), unit[self._header_size :], whole=True)

    def _begin_unit(self, header: bytes, rest: memoryview, *, whole: bool) -> None:
        kind = self._kind(header)
        if self._is_slice(kind):
            if not self._has_slice and rest[0] & 0x80:
                # The picture's first slice is here: whatever is missing before it was not picture.
                self._broken = False
            elif not self._has_slice and not self._broken:
                # The rest of a picture that its encoder closed too soon, with a marker on every slice.
                self._passing = True
                return
            self._has_slice = True
            if not self._belongs_to_key_frame(kind, rest):
                self._key, self._passing = False, True
                return
            self._key = True
        elif whole and self._is_parameter_set(kind):
            self._remember(header + bytes(rest))
            self._sets_in_picture.add(self._set_key(header + bytes(rest)))
        else:
            self._note(kind, rest)
        self._unit_at = len(self._picture)
        self._picture += _START_CODE + header
        self._append(rest)

    def continues(self, data: memoryview) -> bool:
        """Take the next packet of the picture if it is a fragment that is neither first nor last of its unit."""
        begin = HEADER + self._fragment_header_size
        if not self._fragment_open or self._passing or len(data) <= begin:
            return False
        flags, kind, sequence, timestamp, ssrc = FIXED.unpack_from(data)
        order = self._order
        if (
            flags != PLAIN
            # with the marker bit it would end the picture
            or not FIRST_DYNAMIC_TYPE <= kind < MARKER
            or (sequence, ssrc, timestamp) != (order.next, order.ssrc, self._timestamp)
            or data[HEADER] & self._kind_mask != self._fragment_kind
            or data[begin - 1] & 0xC0
        ):
            return False
        order.next = (sequence + 1) & 0xFFFF
        self._picture += data[begin:]
        if len(self._picture) > self._max_bytes:
            self._overflow()
        return True

    def _fragment(self, header: tuple[int, ...], flags: int, rest: memoryview) -> None:
        """Take a fragment of a NAL unit; ``header`` is the unit's own, ``flags`` has start (0x80) and end (0x40)."""
        if flags & 0x80:
            self._fragment_open = True
            self._begin_unit(bytes(header), rest, whole=False)
        elif self._fragment_open:
            self._append(rest)
        elif self._broken:
            # The beginning was lost: only remember what it was.
            self._key = self._key or self._is_key_slice(self._kind(bytes(header)))
        else:
            self._passing = True
        if flags & 0x40:
            self._fragment_open = False

    def _aggregate(self, units: memoryview) -> None:
        """Take the NAL units of an aggregation packet, each behind its 16 bit size."""
        taken = 0
        while len(units) > 2 and not self._passing:
            size = units[0] << 8 | units[1]
            taken += 1
            if size > len(units) - 2 or taken > MAX_UNITS:
                self._broken = True
                return
            self._unit(units[2 : 2 + size])
            units = units[2 + size :]

    def _remember(self, unit: bytes) -> None:
        if not self._header_size < len(unit) <= MAX_PARAMETER_SET or not self._is_parameter_set(self._kind(unit)):
            return
        key = self._set_key(unit)
        if key in self._sets or len(self._sets) < MAX_PARAMETER_SETS:
            self._sets[key] = unit

    def _note(self, kind: int, rest: memoryview) -> None:
        """See a unit that is neither slice nor parameter set."""
        del kind, rest

    def _belongs_to_key_frame(self, kind: int, rest: memoryview) -> bool:
        """Whether a slice is part of a picture that decodes alone. The second field of a key frame follows it."""
        del rest
        return self._is_key_slice(kind) or self._key

    _header_size: int
    _fragment_header_size: int
    """Bytes before the data of a fragment; the last of them has the flags."""
    _kind_mask: int
    """The bits of the first byte that tell the kind of a payload."""
    _fragment_kind: int
    """What these bits are in a fragment."""

    @abstractmethod
    def _kind(self, header: bytes) -> int:
        """The nal_unit_type."""

    @abstractmethod
    def _is_slice(self, kind: int) -> bool: ...

    @abstractmethod
    def _is_key_slice(self, kind: int) -> bool: ...

    @abstractmethod
    def _is_parameter_set(self, kind: int) -> bool: ...

    @abstractmethod
    def _set_key(self, unit: bytes) -> tuple[int, int]:
        """Type and id: what a later parameter set replaces."""


class H264Assembler(NalAssembler):
    """RFC 6184, packetization modes 0 and 1.

    Key frames are IDR pictures, and pictures of I slices alone that a recovery point SEI announces: encoders with
    open groups of pictures send an IDR once and never again.
    """

    _header_size, _fragment_header_size = 1, 2
    _kind_mask, _fragment_kind = 0x1F, 28
    _SLICE, _IDR, _SEI, _SPS, _PPS = 1, 5, 6, 7, 8
    _STAP_A, _FU_A = 24, 28
    _I_SLICES = frozenset({2, 7})
    """slice_type values of I slices (ITU-T H.264 table 7-6)."""

    def _begin_picture(self) -> None:
        super()._begin_picture()
        self._recovery_point = False

    def _take(self, payload: memoryview) -> None:
        kind = payload[0] & 0x1F
        if kind == self._FU_A:
            if len(payload) > 2:
                flags = payload[1]
                self._fragment((payload[0] & 0xE0 | flags & 0x1F,), flags, payload[2:])
        elif kind == self._STAP_A:
            self._aggregate(payload[1:])
        elif 0 < kind < self._STAP_A:
            self._unit(payload)

    def _note(self, kind: int, rest: memoryview) -> None:
        if kind == self._SEI:
            self._recovery_point = self._recovery_point or is_recovery_point(rest)

    def _belongs_to_key_frame(self, kind: int, rest: memoryview) -> bool:
        if kind == self._IDR:
            return True
        if self._recovery_point:
            return kind == self._SLICE and slice_type(rest) in self._I_SLICES
        return self._key

    def _kind(self, header: bytes) -> int:
        return header[0] & 0x1F

    def _is_slice(self, kind: int) -> bool:
        return self._SLICE <= kind <= self._IDR

    def _is_key_slice(self, kind: int) -> bool:
        return kind == self._IDR

    def _is_parameter_set(self, kind: int) -> bool:
        return kind in (self._SPS, self._PPS)

    def _set_key(self, unit: bytes) -> tuple[int, int]:
        kind = self._kind(unit)
        # An SPS has profile, constraints and level before its id (ITU-T H.264 §7.3.2.1.1).
        identifier = exp_golomb(unit, 32 if kind == self._SPS else 8)[0]
        return kind, identifier


class H265Assembler(NalAssembler):
    """RFC 7798 without decoding order numbers. Key frames are IRAP pictures: BLA, IDR, CRA."""

    _header_size, _fragment_header_size = 2, 3
    _kind_mask, _fragment_kind = 0x7E, 49 << 1
    _FIRST_IRAP, _LAST_IRAP, _LAST_SLICE = 16, 21, 31
    _VPS, _PPS = 32, 34
    _AGGREGATION, _FU = 48, 49

    def _take(self, payload: memoryview) -> None:
        kind = payload[0] >> 1 & 0x3F
        if kind == self._FU:
            if len(payload) > 3:
                flags = payload[2]
                header = (payload[0] & 0x81 | (flags & 0x3F) << 1, payload[1])
                self._fragment(header, flags, payload[3:])
        elif kind == self._AGGREGATION:
            self._aggregate(payload[2:])
        elif kind < self._AGGREGATION:
            self._unit(payload)

    def _kind(self, header: bytes) -> int:
        return header[0] >> 1 & 0x3F

    def _is_slice(self, kind: int) -> bool:
        return kind <= self._LAST_SLICE

    def _is_key_slice(self, kind: int) -> bool:
        return self._FIRST_IRAP <= kind <= self._LAST_IRAP

    def _is_parameter_set(self, kind: int) -> bool:
        return self._VPS <= kind <= self._PPS

    def _set_key(self, unit: bytes) -> tuple[int, int]:
        kind = self._kind(unit)
        # A PPS begins with its id; cameras have one VPS and one SPS.
        return kind, exp_golomb(unit, 16)[0] if kind == self._PPS else 0


def exp_golomb(data: bytes | memoryview, bit: int) -> tuple[int, int]:
    """The unsigned number ue(v) that starts at ``bit``, and the bit after it (ITU-T H.264 §9.1).

    Data that ends too soon reads as if zeros followed, up to 32 leading ones, so nothing is raised.

    >>> exp_golomb(bytes([0b00110_000]), 0)
    (5, 5)
    """
    zeros = 0
    while zeros < 32 and not _bit(data, bit + zeros):
        zeros += 1
    value = 0
    for position in range(bit + zeros, bit + 2 * zeros + 1):
        value = value << 1 | _bit(data, position)
    return max(value - 1, 0), bit + 2 * zeros + 1


def _bit(data: bytes | memoryview, position: int) -> int:
    index = position >> 3
    return data[index] >> (7 - (position & 7)) & 1 if index < len(data) else 0


def slice_type(slice_data: memoryview) -> int:
    """slice_type of an H.264 slice whose NAL header is cut off (ITU-T H.264 §7.3.3)."""
    _, after_first_macroblock = exp_golomb(slice_data, 0)
    return exp_golomb(slice_data, after_first_macroblock)[0]


def is_recovery_point(messages: memoryview) -> bool:
    """Whether an H.264 SEI unit, its NAL header cut off, holds a recovery point at this very picture (§D.1.8)."""
    position = 0
    for _ in range(MAX_SEI_MESSAGES):
        if position + 2 >= len(messages):
            break
        kind, position = _sei_number(messages, position)
        size, position = _sei_number(messages, position)
        if kind == _SEI_RECOVERY_POINT:
            return exp_golomb(messages[position : position + size], 0)[0] == 0
        position += size
    return False


_SEI_RECOVERY_POINT = 6


def _sei_number(messages: memoryview, position: int) -> tuple[int, int]:
    """A number coded as a run of 0xFF and a last byte (ITU-T H.264 §7.3.2.3.1), and the position after it."""
    value = 0
    while position < len(messages):
        byte = messages[position]
        value, position = value + byte, position + 1
        if byte != 0xFF:
            break
    return value, position
