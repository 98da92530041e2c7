"""Arrays that wait in a file come back as they were, in order, and the file does not grow."""

from __future__ import annotations

import errno
import tempfile

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.preprocess.aside import Aside


def test_what_is_put_aside_comes_back_in_order():
    rng = np.random.default_rng(0)
    arrays = [
        rng.integers(0, 255, (7, 9), dtype=np.uint8),
        rng.normal(size=(3, 5)).astype(np.float32),
        np.zeros((0, 4), np.uint16),
        rng.integers(0, 9, (9, 14)).T,  # not contiguous
    ]
    with Aside() as waiting:
        for array in arrays:
            waiting.put(array)
        assert len(waiting) == 4
        for array in arrays:
            found = waiting.take()
            assert found.dtype == array.dtype
            assert np.array_equal(found, array)
        with pytest.raises(IndexError):
            waiting.take()


def test_places_are_used_again(monkeypatch):
    opened = []
    real = tempfile.TemporaryFile

    def remembered(**options):
        opened.append(real(**options))
        return opened[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", remembered)
    with Aside() as waiting:
        for n in range(40):
            waiting.put(np.full((10, 10), n, np.uint8))
            if n >= 3:
                assert (waiting.take() == n - 3).all()
        assert opened[0].seek(0, 2) == 4 * 100
    assert opened[0].closed


def test_a_full_disk_is_one_sentence(monkeypatch):
    def full(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with Aside() as waiting, pytest.raises(EmsegError, match="No space left"):
        waiting.put(np.zeros((2, 2)))
