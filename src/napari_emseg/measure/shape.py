"""How long, broad and thick an object is as a whole: good for compact things such as mitochondria."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_emseg.measure.crop import ObjectCrop
    from napari_emseg.settings import MeasureSettings

NAMES = ("ellipsoid_short_nm", "ellipsoid_middle_nm", "ellipsoid_long_nm")


def shape_of(crop: ObjectCrop, settings: MeasureSettings) -> dict[str, float | int | None]:  # noqa: ARG001
    """Axes of the ellipsoid with the same second moments, in nanometres.

    Its variance along an axis is a twentieth of the square of that axis. Middles of voxels are taken, not their boxes, which
    would add their own.
    """
    places = np.stack(np.nonzero(crop.mask), 1) * np.asarray(crop.spacing_nm)
    spread = np.linalg.eigvalsh(np.cov(places.T, bias=True)) if len(places) > 1 else np.zeros(3)
    return {name: math.sqrt(20 * max(float(v), 0.0)) for name, v in zip(NAMES, spread, strict=True)}
