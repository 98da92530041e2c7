"""What settings in nanometres mean where nobody knows the voxel size."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_emseg.core.stack import Spacing

NOMINAL_NM = 5.0
"""Pixel size at which lengths in settings are taken without a voxel size: usual for sections of neuropil.

It scales the settings only. No result claims to be in nanometres on its account.
"""


def working_spacing(spacing_nm: Spacing | None) -> Spacing:
    """Voxel size (z, y, x) to convert settings with: the true one, or the nominal one on all axes."""
    return spacing_nm or (NOMINAL_NM, NOMINAL_NM, NOMINAL_NM)
