"""JPEG pictures out of RTP packets (RFC 2435). Every picture decodes alone."""

from __future__ import annotations

import struct
from functools import lru_cache

from probes.wire.assembler import PictureAssembler

_MAIN = struct.Struct(">B3sBBBB")
_RESTART_SIZE = 4
_TABLES = struct.Struct(">BBH")
_TABLE_SIZE = 64
_RESTART_TYPES = range(64, 128)
_FIRST_OWN_QUALITY = 128
"""From this Q on the tables come with the stream; below it they are worked out from Q (RFC 2435 §4.2)."""

# ITU-T T.81 tables K.1 and K.2, in zigzag order.
_LUMA = bytes.fromhex(
    "100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933"
    "383740485c4e404457453738506d51575f626768673e4d71797064785c656763"
)
_CHROMA = bytes.fromhex("1112121815182f1a1a2f634238426363") + b"\x63" * 48

# ITU-T T.81 tables K.3 to K.6 as DHT segments: class and number, code lengths, values.
_DC_LUMA = "0000010501010101010100000000000000000102030405060708090a0b"
_AC_LUMA = (
    "100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1"
    "f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768"
    "696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4"
    "c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
)
_DC_CHROMA = "0100030101010101010101010000000000000102030405060708090a0b"
_AC_CHROMA = (
    "1100020102040403040705040400010277000102031104052131061241510761711322328108144291a1b1c109233352"
    "f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a6364656667"
    "68696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2"
    "c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
)
_HUFFMAN = tuple(bytes.fromhex(table) for table in (_DC_LUMA, _AC_LUMA, _DC_CHROMA, _AC_CHROMA))


class JpegAssembler(PictureAssembler):
    """Types 0 and 1 (4:2:2 and 4:2:0), with and without restart markers, up to 2040 × 2040.

    Other types, and the 16-bit tables that baseline JPEG does not know, are passed over.
    """

    def _begin_picture(self) -> None:
        super()._begin_picture()
        self._head = b""

    def _take(self, payload: memoryview) -> None:
        self._key = True
        if len(payload) < _MAIN.size:
            self._broken = True
            return
        _, offset_bytes, kind, quality, width, height = _MAIN.unpack_from(payload)
        rest = payload[_MAIN.size :]
        restart_interval = 0
        if kind in _RESTART_TYPES:
            restart_interval = int.from_bytes(rest[:2], "big")
            rest = rest[_RESTART_SIZE:]
        offset = int.from_bytes(offset_bytes, "big")
        if offset == 0:
            tables, rest = _tables(quality, rest)
            self._begin(kind % 64, tables, width * 8, height * 8, restart_interval)
        if offset != len(self._picture) or not self._head:
            self._broken = True
        elif not self._passing:
            self._append(rest)

    def _begin(self, kind: int, tables: tuple[bytes, ...], width: int, height: int, restart_interval: int) -> None:
        if kind not in (0, 1) or not tables or not width or not height:
            self._passing = True
            return
        # The beginning is here: whatever is missing was of another picture.
        self._broken = False
        self._head = jpeg_head(kind, tables, width, height, restart_interval)

    def _finished(self) -> bytes:
        end = b"" if self._picture.endswith(b"\xff\xd9") else b"\xff\xd9"
        return b"".join((self._head, self._picture, end))


def _tables(quality: int, rest: memoryview) -> tuple[tuple[bytes, ...], memoryview]:
    """The quantization tables of a picture, one or two, and what follows them; none if they are unknown."""
    if 0 < quality < 100:
        return scaled_tables(quality), rest
    if quality < _FIRST_OWN_QUALITY or len(rest) < _TABLES.size:
        return (), rest
    _, precision, length = _TABLES.unpack_from(rest)
    data = bytes(rest[_TABLES.size : _TABLES.size + length])
    if precision or len(data) != length or length not in (_TABLE_SIZE, 2 * _TABLE_SIZE):
        return (), rest
    tables = tuple(data[at : at + _TABLE_SIZE] for at in range(0, length, _TABLE_SIZE))
    return tables, rest[_TABLES.size + length :]


@lru_cache(maxsize=128)
def scaled_tables(quality: int) -> tuple[bytes, bytes]:
    """Luma and chroma tables for a Q of 1 to 99 (RFC 2435 §4.2 and appendix A)."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    luma, chroma = (bytes(min(max((value * scale + 50) // 100, 1), 255) for value in base) for base in (_LUMA, _CHROMA))
    return luma, chroma


def jpeg_head(kind: int, tables: tuple[bytes, ...], width: int, height: int, restart_interval: int) -> bytes:
    """The segments before the entropy-coded data, as RFC 2435 appendix B makes them."""
    luma_sampling = 0x21 if kind == 0 else 0x22
    chroma_table = len(tables) - 1
    frame = struct.pack(">BHHB", 8, height, width, 3)
    frame += bytes((0, luma_sampling, 0, 1, 0x11, chroma_table, 2, 0x11, chroma_table))
    segments = [_segment(0xDB, bytes((number,)) + table) for number, table in enumerate(tables)]
    if restart_interval:
        segments.append(_segment(0xDD, struct.pack(">H", restart_interval)))
    segments.append(_segment(0xC0, frame))
    segments += [_segment(0xC4, table) for table in _HUFFMAN]
    segments.append(_segment(0xDA, bytes((3, 0, 0x00, 1, 0x11, 2, 0x11, 0, 63, 0))))
    return b"\xff\xd8" + b"".join(segments)


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data
