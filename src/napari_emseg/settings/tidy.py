"""Shapes of objects, and smoothing of maps."""

from __future__ import annotations

from typing import Literal

from napari_emseg.settings.base import Settings, field


class TidySettings(Settings):
    """Shapes of objects, and which of them stay."""

    opening_nm: float = field(
        0.0, "Opening", "takes away what is thinner than twice this", unit="nm", ge=0, le=1e4
    )
    closing_nm: float = field(
        0.0, "Closing", "fills what is narrower than twice this", unit="nm", more=True, ge=0, le=1e4
    )
    erosion_nm: float = field(
        0.0,
        "Erosion",
        "makes objects thinner by this; touching ones part",
        unit="nm",
        more=True,
        ge=0,
        le=1e4,
    )
    dilation_nm: float = field(
        0.0,
        "Dilation",
        "makes objects thicker by this, into empty space only",
        unit="nm",
        more=True,
        ge=0,
        le=1e4,
    )
    dims: Literal[2, 3] = field(
        2, "Dimensions", "of these: 2: every section on its own, 3: through sections",
        more=True, words={"2": "each section (2D)", "3": "through sections (3D)"},
    )  # fmt: skip
    fill_holes: bool = field(False, "Fill holes", "empty areas of a section inside one object become its own")
    split_parts: bool = field(
        False, "Number parts", "parts of an object that hang apart get numbers of their own"
    )
    min_volume_um3: float = field(
        0.0,
        "Smallest object",
        "smaller objects are dropped, and counted",
        unit="µm³",
        decimals=4,
        ge=0,
        le=1e9,
    )
    max_volume_um3: float = field(
        0.0,
        "Largest object",
        "larger objects are dropped, and counted; 0 allows all",
        unit="µm³",
        decimals=4,
        ge=0,
        le=1e9,
    )
    drop_at_edge: bool = field(
        False, "Whole objects only", "objects that touch the edge of the sections are dropped, and counted"
    )


class SmoothSettings(Settings):
    """Smoothing of a map that keeps its borders, section by section."""

    median_nm: float = field(0.0, "Median", "median over a square of this radius", unit="nm", ge=0, le=500)
    bilateral_nm: float = field(
        0.0,
        "Bilateral",
        "average over pixels that are near, this standard deviation, and alike",
        unit="nm",
        ge=0,
        le=200,
    )
    contrast: float = field(
        0.2, "Contrast", "bilateral: steps of the probability larger than this stay sharp", ge=0.01, le=1
    )
