"""What is measured."""

from __future__ import annotations

from napari_emseg.settings.base import Settings, field


class MeasureSettings(Settings):
    """Calibre, contact area and volumes of objects."""

    calibre: bool = field(True, "Calibre", "diameters across the axis of every object, along its length")
    step_nm: float = field(
        0.0,
        "Cross-section every",
        "way along the axis from one cross-section to the next; 0 takes half a radius",
        unit="nm",
        more=True,
        ge=0,
        le=100000,
    )
    min_voxels: int = field(
        100, "Calibre from", "smaller objects have no axis", unit="voxels", more=True, ge=1, le=1000000
    )
    contact: bool = field(True, "Contact area", "which objects touch, and over which area")
    gap_nm: float = field(
        0.0,
        "Touch across",
        "objects that are this far apart or less touch as well: membranes that belong to nobody; 0 only those whose "
        "voxels share a face",
        unit="nm",
        ge=0,
        le=500,
    )
