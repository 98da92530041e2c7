"""How segments grow from seeds, and how they are joined."""

from __future__ import annotations

from typing import Literal

from napari_emseg.settings.base import Settings, field


class SegmentSettings(Settings):
    """Watershed from seeds to segments."""

    compactness: float = field(
        0.0, "Compactness", "2D only: higher gives rounder segments", more=True, ge=0, le=10
    )
    min_size_nm2: float = field(
        2000.0,
        "Smallest segment",
        "smaller segments join their best neighbour, whatever membrane lies between",
        unit="nm²",
        ge=0,
        le=1e7,
    )
    small_segment_nm2: float = field(
        20000.0,
        "Fragments below",
        "2D only: segments smaller than this count as fragments, and join a neighbour behind a weak membrane",
        unit="nm²",
        more=True,
        zero="none",
        ge=0,
        le=1e7,
    )
    weak_membrane: float = field(
        0.75,
        "Weak membrane",
        "2D only: fragments join a neighbour if the mean probability of the membrane between them is lower",
        more=True,
        percent=True,
        ge=0,
        le=1,
    )
    membrane_lines: bool = field(
        False, "Leave membranes empty", "keep pixels above the membrane threshold without an id", more=True
    )
    merge_threshold: float = field(
        0.5,
        "Join below",
        "3D only, and not with auto: neighbours whose common border has a lower mean membrane probability become one",
        more=True,
        ge=0,
        le=1,
    )
    joining: Literal["auto", "mean", "gasp", "multicut", "mutex"] = field(
        "auto",
        "Join by",
        "3D only: auto learns from all borders of the volume which of them are real; mean takes the weakest mean "
        "border first; gasp, multicut and mutex weigh evidence for and against",
        more=True,
        words={
            "auto": "automatic",
            "mean": "weakest border first",
            "gasp": "evidence (GASP)",
            "multicut": "evidence (multicut)",
            "mutex": "evidence (mutex)",
        },
    )
