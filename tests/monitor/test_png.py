"""Small grey pictures as PNG files, read back by another program."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from monitor.png import grey_png


@pytest.mark.parametrize(("width", "height"), [(1, 1), (160, 90), (7, 3)])
def test_another_reader_finds_the_same_levels(width: int, height: int) -> None:
    luma = np.random.default_rng(width).integers(0, 256, (height, width), np.uint8)
    read = cv2.imdecode(np.frombuffer(grey_png(luma.tobytes(), width, height), np.uint8), cv2.IMREAD_UNCHANGED)
    assert read is not None
    assert np.array_equal(read, luma)


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="5 bytes are no picture of 2 × 3"):
        grey_png(bytes(5), 2, 3)
