"""Carrying ids from section to section."""

from __future__ import annotations

from typing import Literal

from napari_emseg.settings.base import Settings, field


class PropagateSettings(Settings):
    """Carry ids from section to section."""

    max_shift_nm: float = field(
        600.0,
        "Largest step",
        "an object's centre moves at most this far between sections",
        unit="nm",
        ge=0,
        le=10000,
    )
    min_overlap: float = field(
        0.1,
        "Smallest overlap",
        "links that share less of the smaller object are not made",
        percent=True,
        ge=0,
        le=1,
    )
    max_gap: int = field(
        2,
        "Bridge",
        "links may skip this many sections: missing or excluded ones, or up to two that do not show the object",
        unit="sections",
        more=True,
        ge=0,
        le=20,
    )
    doubt_below: float = field(
        0.8,
        "Doubtful below",
        "links with a lower confidence go to the queue of doubts",
        more=True,
        percent=True,
        ge=0,
        le=1,
    )
    sections: int = field(
        10, "How far", "ids are carried to so many sections", unit="sections", ge=1, le=1000
    )
    direction: Literal["forwards", "backwards", "both"] = field(
        "forwards", "Direction", "along increasing or decreasing z"
    )
