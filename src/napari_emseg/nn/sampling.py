"""Which places of the training data samples are taken from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from napari_emseg.settings import Settings


class Sampling(Settings):
    """How the place of a sample is chosen.

    Volumes are drawn by their supervised area (times their share), sections by theirs, places uniformly.
    """

    at: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=dict,
        description="importance sampling: chance that a sample lies on a random pixel of this target",
    )
    reject_without: str = Field(
        "", description="rejection sampling: samples with too little of this target are mostly thrown away"
    )
    enough: int = Field(100, ge=1, description="pixels of that target with which a sample is always kept")
    otherwise: float = Field(0.25, ge=0, le=1, description="chance that one with fewer is kept")
    min_known: float = Field(0.3, ge=0, le=1, description="supervised share of a sample")
    tries: int = Field(20, ge=1, le=1000, description="after so many places the next one is taken as it is")
