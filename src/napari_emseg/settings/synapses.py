"""Synapses and their partners."""

from __future__ import annotations

from typing import Literal

from napari_emseg.settings.base import Settings, field


class SynapseSettings(Settings):
    """Who synapses onto whom: synapses from their maps, and the cells on their two sides."""

    threshold: float = field(
        0.5,
        "Likely above",
        "voxels with a higher probability belong to a cleft, or to a side of a synapse",
        ge=0,
        le=1,
    )
    signed_threshold: float = field(
        0.3,
        "Sided beyond",
        "voxels of a signed map beyond this, up or down, belong to a side",
        more=True,
        ge=0,
        le=1,
    )
    min_volume_nm3: float = field(
        80_000.0, "Smallest synapse", "smaller ones are dropped, and counted", unit="nm³", ge=0, le=1e9
    )
    join_nm: float = field(
        8.0, "Join", "every part is widened by this in its sections before parts that then touch become one synapse",
        unit="nm", ge=0, le=500,
    )  # fmt: skip
    split_tolerance_nm: float = field(
        0.0, "Divide at necks",
        "one cleft becomes two where it is narrower than its smaller side by this; 0 never divides",
        unit="nm", more=True, ge=0, le=1000,
    )  # fmt: skip
    reach_nm: float = field(
        40.0, "Reach", "cells are looked for up to this far from the cleft; the next section always counts",
        unit="nm", more=True, ge=1, le=1000,
    )  # fmt: skip
    gap_nm: float = field(
        50.0,
        "Widest gap",
        "two cells that are further apart at the cleft are no partners",
        unit="nm",
        more=True,
        ge=0,
        le=1000,
    )
    min_cell_nm3: float = field(
        500_000.0, "Smallest cell", "segments of which less lies around the synapse are crumbs and no partners",
        unit="nm³", more=True, ge=0, le=1e12,
    )  # fmt: skip
    confidence: float = field(
        0.5, "Sure above", "pairs of lower confidence are left out, and counted", percent=True, ge=0, le=1
    )
    partners: Literal["many", "one"] = field(
        "many",
        "Partners",
        "of one synapse: as many as the evidence shows (fly), or the likeliest pair only (most of vertebrates)",
        words={"many": "as many as there are", "one": "one pair"},
    )
