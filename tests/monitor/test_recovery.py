"""The card in the safe opens what the server can only close, and says which group was mistyped."""

from __future__ import annotations

import doctest
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import recovery
from monitor.recovery import ALPHABET, RecoveryKey, RecoveryKeyError, Seal, new_card, read_seal, seal_file

NOW = 1_790_000_000
KEY = RecoveryKey(bytes(range(20)))
keys = st.builds(RecoveryKey, st.binary(min_size=20, max_size=20))


@given(keys, st.binary(max_size=200))
def test_only_the_card_opens_what_its_seal_has_closed(key: RecoveryKey, secret: bytes) -> None:
    sealed = Seal.of(key.seal(NOW).as_bytes()).close(secret)
    assert key.open(sealed) == secret
    assert secret not in sealed or len(secret) < 4
    with pytest.raises(RecoveryKeyError, match="打不开"):
        RecoveryKey(bytes(each ^ 1 for each in key.entropy)).open(sealed)


@given(keys)
def test_a_card_is_read_however_it_is_grouped_and_copied(key: RecoveryKey) -> None:
    for separator in ("", "-", " ", "\n"):
        assert RecoveryKey.parse(separator.join(key.groups())) == key
    assert RecoveryKey.parse(" ".join(key.groups()).lower().replace("0", "o").replace("1", "l")) == key


@given(keys, st.integers(0, 39), st.integers(1, 31))
def test_one_wrong_letter_is_seen_and_its_group_named(key: RecoveryKey, place: int, by: int) -> None:
    letters = list("".join(key.groups()))
    letters[place] = ALPHABET[(ALPHABET.index(letters[place]) + by) % 32]
    with pytest.raises(RecoveryKeyError) as caught:
        RecoveryKey.parse("".join(letters))
    assert caught.value.zh == f"恢复密钥第 {place // 5 + 1} 组有误，请对照卡片"


@given(keys, st.data())
def test_two_letters_or_groups_that_have_changed_places_are_seen(key: RecoveryKey, data: st.DataObject) -> None:
    letters = list("".join(key.groups()))
    group = data.draw(st.integers(0, 7)) * 5
    one, other = (group + each for each in data.draw(st.permutations(range(5)))[:2])
    if letters[one] != letters[other]:
        letters[one], letters[other] = letters[other], letters[one]
        with pytest.raises(RecoveryKeyError):
            RecoveryKey.parse("".join(letters))
    groups = list(key.groups())
    first, second = data.draw(st.permutations(range(8)))[:2]
    groups[first], groups[second] = groups[second], groups[first]
    with pytest.raises(RecoveryKeyError):
        RecoveryKey.parse("".join(groups))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "these are 0 letters"),
        ("".join(KEY.groups())[:-1], "these are 39 letters"),
        ("".join(KEY.groups()) + "0", "these are 41 letters"),
        ("U*" + "".join(KEY.groups())[2:], r"no recovery key has the signs \* U"),
    ],
)
def test_what_is_no_card_is_said_in_words(text: str, complaint: str) -> None:
    with pytest.raises(RecoveryKeyError) as caught:
        RecoveryKey.parse(text)
    assert re.search(complaint, caught.value.en)


def test_a_new_card_leaves_its_public_half_only(tmp_path: Path) -> None:
    key_file = tmp_path / "data" / "xunjian.key"
    assert read_seal(key_file) is None
    card = new_card(key_file, NOW)
    seal = read_seal(key_file)
    assert seal == card.seal(NOW)
    left = seal_file(key_file)
    assert list(key_file.parent.iterdir()) == [left]
    assert stat.S_IMODE(left.stat().st_mode) == 0o644
    assert card.entropy not in left.read_bytes()
    assert not any(group.encode() in left.read_bytes() for group in card.groups())


def test_nothing_of_a_key_is_in_its_repr() -> None:
    assert "entropy" not in repr(KEY)
    assert str(KEY.entropy) not in repr(KEY)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"format": "x", "public": "AA==", "made_at": 1}', b"\xff"])
def test_a_damaged_seal_is_said_to_be(content: bytes) -> None:
    with pytest.raises(RecoveryKeyError, match="公开部分"):
        Seal.of(content)


def test_the_examples_run() -> None:
    assert doctest.testmod(recovery).failed == 0
