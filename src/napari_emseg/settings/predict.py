"""How a model is applied."""

from __future__ import annotations

from typing import Literal

from napari_emseg.settings.base import Settings, field


class PredictSettings(Settings):
    """How a model is applied."""

    tta: Literal["none", "flips", "8", "16"] = field(
        "none",
        "Look from",
        "average over mirrored (flips: 4) or mirrored and turned (8; 16 with the order of sections) views: "
        "slower, steadier",
        words={"none": "one side (quick)", "flips": "4 sides", "8": "8 sides", "16": "16 sides (slow)"},
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = field(
        "auto",
        "Compute on",
        "where a model computes, whatever it is asked; auto takes a graphics card where there is one",
        words={
            "auto": "what is there", "cpu": "processor", "cuda": "graphics card (CUDA)", "mps": "graphics card (Apple)",
        },
    )  # fmt: skip
    smallest_cell_nm2: float = field(
        550.0,
        "Smallest cell",
        "areas between membranes that are smaller are no cells and are filled (a disc of 26 nm)",
        unit="nm²",
        more=True,
        ge=0,
        le=100000,
    )
    walls: bool = field(
        True,
        "Mend membranes",
        "close gaps and take false walls away, by what the model has learned about whole membranes",
    )
    also: tuple[str, ...] = field((), "Also show", "what the model finds beside membranes")
    ahead: bool = field(
        True,
        "Look ahead",
        "while you look and nothing else is done, what comes on screen with the next section is predicted too",
        more=True,
    )
    tile: int = field(
        512, "Tile", "core size of one tile", unit="px", more=True, ge=64, le=2048, multiple_of=32
    )
    halo: int = field(
        64,
        "Margin",
        "context around a tile, thrown away afterwards; with 128 the answer does not depend on tiles",
        unit="px",
        more=True,
        ge=0,
        le=256,
        multiple_of=32,
    )
