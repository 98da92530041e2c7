from __future__ import annotations

import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.units import nanometres_per, required_spacing, valid_spacing


@pytest.mark.parametrize(
    ("unit", "size"),
    [
        ("nm", 1),
        ("nanometer", 1),
        ("µm", 1000),
        ("micron", 1000),
        ("mm", 1e6),
        ("Å", 0.1),
        ("cm", 1e7),
        ("inch", 2.54e7),
        ("metre", 1e9),
        ("pm", 1e-3),
        (" NM ", 1),
        ("pixel", None),
        ("", None),
        (None, None),
    ],
)
def test_units_of_length(unit: str | None, size: float | None) -> None:
    assert nanometres_per(unit) == size


def test_spacing_is_scaled_and_channels_left_out() -> None:
    assert valid_spacing([0.05, 0.004, 0.004], 1000) == (50, 4, 4)
    assert valid_spacing([1, 50, 4, 4]) == (50, 4, 4)


@pytest.mark.parametrize(
    "values", [[4, 4], [50, 0, 4], [50, -4, 4], [50, float("nan"), 4], "nm", None, [1] * 5]
)
def test_no_voxel_size(values: object) -> None:
    assert valid_spacing(values) is None
    with pytest.raises(EmsegError, match="no voxel size"):
        required_spacing(values)
