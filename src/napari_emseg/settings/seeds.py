"""Where segments begin."""

from __future__ import annotations

from typing import Literal

from napari_emseg.settings.base import Settings, field


class SeedSettings(Settings):
    """Seeds from the distance transform of the boundary map."""

    threshold: float = field(
        0.5,
        "Membrane above",
        "pixels with a higher membrane probability count as membrane; in 3D pieces are cut at four fifths of it",
        percent=True,
        ge=0.01,
        le=0.99,
    )
    sigma_nm: float = field(
        0.0, "Smooth", "Gaussian smoothing of the probability", unit="nm", more=True, ge=0, le=200
    )
    min_distance_nm: float = field(
        0.0,
        "Seed depth",
        "2D only: a seed lies at least this far from the nearest membrane",
        unit="nm",
        ge=0,
        le=500,
    )
    merge_tolerance_nm: float = field(
        250.0,
        "Merge seeds",
        "2D only: two maxima become one seed unless the neck between them is narrower than the lower one by this",
        unit="nm",
        ge=0,
        le=500,
    )
    dims: Literal[2, 3] = field(
        2,
        "Dimensions",
        "2: every section on its own, 3: through sections",
        more=True,
        words={"2": "each section (2D)", "3": "through sections (3D)"},
    )
