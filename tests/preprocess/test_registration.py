"""Known shifts are found, also past bad sections."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.preprocess.phase import Shift, phase_shift, spectrum
from napari_emseg.preprocess.registration import chain, estimate_alignment


@pytest.fixture(scope="module")
def tissue():
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(np.random.default_rng(0).normal(size=(260, 260)), 3)
    return 128 + 40 * field / field.std()


def shifted_stack(tissue, shifts, seed=1):
    rng = np.random.default_rng(seed)
    return np.stack(
        [
            np.clip(tissue[40 - y : 220 - y, 40 - x : 220 - x] + rng.normal(0, 12, (180, 180)), 0, 255)
            for y, x in shifts
        ]
    ).astype(np.uint8)


def test_one_shift_to_a_fifth_of_a_pixel(tissue):
    stack = shifted_stack(tissue, [(0, 0), (13, -7)])
    found = phase_shift(*(spectrum(s) for s in stack))
    assert (found.dy, found.dx) == pytest.approx((13, -7), abs=0.2)
    assert found.quality > 10


def test_known_shifts_of_a_stack(tissue):
    shifts = np.random.default_rng(2).integers(-18, 19, (10, 2))
    found = estimate_alignment(shifted_stack(tissue, shifts))
    error = found.positions - (shifts - shifts[0])
    assert np.median(np.hypot(*error.T)) <= 0.5
    assert found.doubtful == ()
    aligned = found.table().shifts + shifts
    assert (aligned == aligned[0]).all()


def test_bad_sections_spoil_nothing(tissue):
    shifts = np.random.default_rng(3).integers(-15, 16, (10, 2))
    stack = shifted_stack(tissue, shifts)
    stack[4] = 0
    stack[7] = np.random.default_rng(0).integers(0, 255, stack[7].shape)
    found = estimate_alignment(stack)
    good = [z for z in range(10) if z not in (4, 7)]
    assert np.abs(found.positions - (shifts - shifts[0]))[good].max() < 0.5
    assert found.doubtful == (4, 7)


def test_one_wrong_link_is_outvoted():
    pairs = {(a, b): Shift(2.0 * (b - a), 0.0, 20.0) for a in range(6) for b in range(a + 1, min(a + 4, 6))}
    pairs[2, 3] = Shift(60.0, -40.0, 30.0)
    assert chain(pairs, 6).positions[:, 0] == pytest.approx(2.0 * np.arange(6), abs=0.05)


def test_nothing_to_align_is_refused():
    with pytest.raises(EmsegError, match="no sections"):
        estimate_alignment([])
    one = estimate_alignment(np.zeros((1, 20, 20), np.uint8))
    assert one.positions.tolist() == [[0, 0]]
