"""MPEG-4 part 2 key frames out of RTP packets (MP4V-ES, RFC 6416 §5). Key frames are I-VOPs."""

from __future__ import annotations

import re

from probes.wire.assembler import MAX_PICTURE, PictureAssembler

_VOP = re.compile(rb"\x00\x00\x01\xb6(.)", re.DOTALL)
_GROUP_OR_VOP = re.compile(rb"\x00\x00\x01[\xb3\xb6]")
_LAYER = re.compile(rb"\x00\x00\x01[\x20-\x2f]")
_START = b"\0\0\1"
_HEAD_SIZE = 1024
"""Bytes of a picture among which the start of its VOP is looked for: configuration and user data come before it."""


class Mpeg4Assembler(PictureAssembler):
    """A key frame comes with the configuration that decodes it: that of the stream, else that of the description.

    ``configuration`` is the "config" parameter of the session description, decoded.
    """

    def __init__(self, configuration: bytes = b"", *, max_bytes: int = MAX_PICTURE) -> None:
        self._configuration = configuration
        super().__init__(max_bytes=max_bytes)

    def _begin_picture(self) -> None:
        super()._begin_picture()
        self._has_vop = False

    def _lose(self) -> None:
        super()._lose()
        if not self._has_vop:
            self._picture.clear()

    def _take(self, payload: memoryview) -> None:
        if not self._has_vop and payload[:3] == _START:
            # A packet begins with a header only where a picture or its headers begin (RFC 6416 §5.2).
            self._broken = False
        self._append(payload)
        if not self._has_vop:
            self._look_for_vop()

    def _look_for_vop(self) -> None:
        vop = _VOP.search(self._picture, 0, _HEAD_SIZE)
        begin = _GROUP_OR_VOP.search(self._picture, 0, _HEAD_SIZE)
        head = self._picture[: begin.start()] if begin else self._picture[:_HEAD_SIZE]
        if _LAYER.search(head):
            self._configuration = bytes(head)
        if vop is not None:
            self._has_vop = True
            # vop_coding_type, ISO/IEC 14496-2 §6.2.5: 0 is an I-VOP.
            self._key = vop[1][0] >> 6 == 0
        if not self._key and (self._has_vop or len(self._picture) > _HEAD_SIZE):
            self._passing = True

    def _finished(self) -> bytes:
        if _LAYER.search(self._picture, 0, _HEAD_SIZE):
            return bytes(self._picture)
        return self._configuration + self._picture
