"""Movies of sections."""

from __future__ import annotations

from napari_emseg.settings.base import Settings, field


class AnimateSettings(Settings):
    """How a movie of sections looks."""

    fps: float = field(10.0, "Sections a second", "a GIF shows at most 50", ge=0.1, le=120)
    scale: int = field(
        1024,
        "Fit into",
        "the longer side of a frame; sections are never enlarged",
        unit="px",
        ge=16,
        le=16384,
    )
    opacity: float = field(0.4, "Opacity", "of the colours of objects over the image", ge=0, le=1)
    outlines: bool = field(False, "Outlines", "borders of objects, instead of filling them")
    dots: bool = field(False, "Dots", "a dot in the middle of each object, instead of filling it")
    turn: bool = field(
        False,
        "Turn",
        "instead of sections, the middles of all objects in 3D, turned once around in six seconds",
    )
    dark: float = field(
        0.2, "Black below", "percentile of the grey values that is black", unit="%", ge=0, le=100
    )
    bright: float = field(
        99.8, "White above", "percentile of the grey values that is white", unit="%", ge=0, le=100
    )
    caption: bool = field(True, "Caption", "write the number of the section and a scale bar")
