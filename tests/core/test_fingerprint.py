"""Fingerprints of stacks: the same for the same grey values, others for others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.fingerprint import differing, fingerprint

IMAGE = np.random.default_rng(0).integers(0, 255, (9, 200, 300)).astype(np.uint8)


@pytest.mark.parametrize(
    "other", [IMAGE.astype(np.uint16), IMAGE.astype(">i4"), np.asfortranarray(IMAGE), IMAGE.copy()]
)
def test_type_and_order_in_memory_do_not_count(other: Any) -> None:
    assert fingerprint(other) == fingerprint(IMAGE)
    assert differing(fingerprint(IMAGE), fingerprint(other)) == ()


def test_each_of_the_three_sections_is_told_apart() -> None:
    for z in (0, 4, 8):
        other = IMAGE.copy()
        other[z] = other[z][::-1]
        assert differing(fingerprint(IMAGE), fingerprint(other)) == (z,)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 10, 500), (3, 64, 64)])
def test_small_stacks(shape: tuple[int, int, int]) -> None:
    image = np.arange(np.prod(shape)).reshape(shape)
    parts = fingerprint(image).split()
    assert [int(part.partition(":")[0]) for part in parts] == sorted({0, shape[0] // 2, shape[0] - 1})
    assert differing(fingerprint(image), fingerprint(image + 1)) == tuple(
        sorted({0, shape[0] // 2, shape[0] - 1})
    )


def test_a_section_that_cannot_be_read_says_nothing() -> None:
    class Torn:
        shape, dtype = IMAGE.shape, IMAGE.dtype

        def __getitem__(self, key: Any) -> Any:
            if key[0] == 4:
                raise EmsegError("a part of it cannot be read", "here")
            return IMAGE[key]

    assert [part[:2] for part in fingerprint(Torn()).split()] == ["0:", "8:"]
    assert differing(fingerprint(IMAGE), fingerprint(Torn())) == ()
    assert differing("", fingerprint(IMAGE)) == ()
    assert differing("what a later version writes", fingerprint(IMAGE)) == ()
