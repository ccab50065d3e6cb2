"""Which certificate is told of?"""

from __future__ import annotations

import pytest

from monitor.core.certificate import NOTED_EVERY_S, CertificateNote, noted

FIRST = CertificateNote(at=1000, sha256="aa")
LATER = 1000 + NOTED_EVERY_S


@pytest.mark.parametrize(
    ("known", "sha256", "at", "note"),
    [
        (None, "aa", 1000, FIRST),
        (FIRST, "aa", LATER, None),
        (FIRST, "bb", LATER, CertificateNote(at=LATER, sha256="bb", before="aa")),
        (FIRST, "bb", LATER - 1, None),
    ],
)
def test_the_first_certificate_and_each_change_are_noted_once_an_hour(
    known: CertificateNote | None, sha256: str, at: int, note: CertificateNote | None
) -> None:
    assert noted(known, sha256, at) == note


@pytest.mark.parametrize("note", [FIRST, CertificateNote(at=LATER, sha256="bb", before="aa")])
def test_a_note_comes_back_from_the_audit(note: CertificateNote) -> None:
    assert CertificateNote.of(note.at, note.told) == note
