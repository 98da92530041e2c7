"""What a phantom looks like, and which defects it has."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from napari_emseg.settings import Settings


def _setting(default: Any, title: str, help_text: str, *, unit: str = "", **bounds: float) -> Any:
    return Field(  # type: ignore[call-overload]
        default,
        title=title,
        description=help_text,
        json_schema_extra={"unit": unit},
        **bounds,
    )


class DefectSettings(Settings):
    """Damage of serial sections; all of it is recorded in the phantom's truth."""

    max_shift_nm: float = _setting(
        0.0, "Shifts", "sections are moved by up to this much in y and x", unit="nm", ge=0, le=2000
    )
    folds: int = _setting(0, "Folds", "number of sections with a fold", unit="sections", ge=0)
    cracks: int = _setting(0, "Cracks", "number of sections with a crack", unit="sections", ge=0)
    low_contrast: int = _setting(
        0, "Low contrast", "number of sections with low contrast", unit="sections", ge=0
    )
    missing: int = _setting(0, "Missing", "number of sections without tissue", unit="sections", ge=0)
    blurred: int = _setting(0, "Blurred", "number of sections out of focus", unit="sections", ge=0)
    dark: int = _setting(0, "Dark", "number of sections that are too dark", unit="sections", ge=0)
    duplicated: int = _setting(
        0, "Duplicated", "number of sections that show their neighbour", unit="sections", ge=0
    )


class PhantomSettings(Settings):
    """Geometry and appearance of a synthetic stack."""

    calibre_nm: float = _setting(
        180.0,
        "Calibre",
        "median diameter of neurites; they range from 60 nm to 1200 nm",
        unit="nm",
        ge=60,
        le=2000,
    )
    membrane_width_nm: float = _setting(
        22.0, "Membrane width", "both membranes and the gap between two cells", unit="nm", ge=5, le=100
    )
    truth_width_nm: float = _setting(
        26.0,
        "Width of the membrane truth",
        "width of the lines in the membrane mask",
        unit="nm",
        ge=0,
        le=100,
    )
    glia: float = _setting(
        1.0, "Glia", "thickness of glial sheets between bundles; 0 leaves them out", ge=0, le=4
    )
    mitochondria_per_um3: float = _setting(
        4.5, "Mitochondria", "how many are tried", unit="1/µm³", ge=0, le=100
    )
    synapses_per_um3: float = _setting(4.0, "Synapses", "how many are tried", unit="1/µm³", ge=0, le=100)
    noise: float = _setting(1.0, "Noise", "grain of the image, 1 is usual for ssTEM", ge=0, le=5)
    contrast: float = _setting(1.0, "Contrast", "1 is usual for ssTEM", ge=0.1, le=2)
    blur_nm: float = _setting(2.8, "Blur", "standard deviation of the point spread", unit="nm", ge=0, le=50)
    flicker: float = _setting(
        1.0, "Flicker", "how much brightness and contrast change between sections; 0 not at all", ge=0, le=5
    )
    variation: float = _setting(
        1.0, "Variation", "how much the appearance differs between random seeds; 0 not at all", ge=0, le=2
    )
    defects: DefectSettings = Field(default_factory=DefectSettings, title="Defects")
