"""Evening out and repairing an image stack."""

from __future__ import annotations

from typing import Literal

from napari_emseg.settings.base import Settings, field


class DeflickerSettings(Settings):
    """Even out brightness between sections."""

    mean: float = field(
        0.0, "Mean grey", "mean that every section gets; 0 takes that of the first section", more=True, ge=0
    )
    std: float = field(
        0.0,
        "Contrast",
        "standard deviation that every section gets; 0 takes that of the first section, -1 leaves it",
        more=True,
        ge=-1,
    )
    radius_px: int = field(
        47,
        "Local radius",
        "brightness is compared in squares of twice this and one",
        unit="px",
        more=True,
        ge=1,
        le=512,
    )
    sections: int = field(
        10, "Look around", "neighbours on each side", unit="sections", more=True, ge=1, le=30
    )


class CleanUpSettings(Settings):
    """What is done to every section of a stack before it is worked on."""

    even_out: bool = field(
        True,
        "Even brightness",
        "bring brightness and contrast of all sections to one level, also locally",
    )
    bad: Literal["leave", "nearest", "flow"] = field(
        "nearest",
        "Left-out sections",
        "leave: as they are, nearest: show the nearest good section, flow: show a picture between the neighbours",
        words={"leave": "leave as they are", "nearest": "show the nearest", "flow": "show one in between"},
    )
    mend_cracks: bool = field(
        False, "Mend cracks", "left-out sections that a crack divides: put the parts where they belong"
    )
    contrast: Literal["leave", "stretch", "equalise"] = field(
        "leave",
        "Contrast",
        "stretch: use all grey values, equalise: as much contrast everywhere (CLAHE)",
        words={"leave": "leave as it is", "stretch": "use all greys", "equalise": "equal everywhere"},
    )
    radius_px: int = field(
        47,
        "Local radius",
        "brightness is compared in squares of twice this and one",
        unit="px",
        more=True,
        ge=1,
        le=512,
    )
    sections: int = field(
        10, "Look around", "neighbours on each side", unit="sections", more=True, ge=1, le=30
    )
    clip: float = field(2.0, "Equalise up to", "limit of local contrast", more=True, ge=0.5, le=20)
    use_cleaned: bool = field(False, "Work on the cleaned copy", "the file itself is never changed")
