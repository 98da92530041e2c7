"""Separate things of a kind."""

from __future__ import annotations

from napari_emseg.settings.base import Settings, field


class InstanceSettings(Settings):
    """Separate things, such as mitochondria, clefts or synapses, from their probability."""

    threshold: float = field(
        0.5, "Likely above", "voxels with a higher probability belong to a thing", ge=0, le=1
    )
    sigma_nm: float = field(
        0.0, "Smooth", "Gaussian smoothing within sections", unit="nm", more=True, ge=0, le=500
    )
    sigma_z_nm: float = field(
        0.0, "Smooth through sections", "Gaussian smoothing along z", unit="nm", more=True, ge=0, le=500
    )
    min_area_nm2: float = field(
        0.0, "Smallest area", "smaller areas of a section are noise", unit="nm²", more=True, ge=0, le=1e8
    )
    max_area_nm2: float = field(
        0.0, "Largest area", "larger areas of a section are something else; 0 allows all", unit="nm²", more=True,
        ge=0, le=1e9,
    )  # fmt: skip
    min_volume_um3: float = field(
        0.001, "Smallest thing", "smaller connected parts are dropped, and counted", unit="µm³", ge=0, le=1000
    )
    min_sections: int = field(
        1, "Fewest sections", "things that show in fewer sections are dropped", unit="sections", ge=1, le=1000
    )
    split_tolerance_nm: float = field(
        40.0,
        "Divide at necks",
        "one part becomes two where it is narrower than its smaller side by this; 0 never divides",
        unit="nm",
        ge=0,
        le=1000,
    )
    seed_depth_nm: float = field(
        20.0,
        "Seed depth",
        "the middle of a thing lies at least this deep",
        unit="nm",
        more=True,
        ge=0,
        le=1000,
    )
