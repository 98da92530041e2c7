"""Truth of a recipe that is made of object ids: which target, of which classes, with which weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from napari_emseg.algorithms.targets.as_levels import as_levels
from napari_emseg.algorithms.targets.away import away
from napari_emseg.algorithms.targets.balance import balance
from napari_emseg.algorithms.targets.border import border
from napari_emseg.algorithms.targets.polarity import polarity
from napari_emseg.algorithms.targets.signed_distance import signed_distance
from napari_emseg.algorithms.targets.skeleton import skeleton
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import IGNORE, Directed
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

Make = Literal[
    "membrane", "mask", "skeleton", "distance", "affinity", "direction", "pre", "post", "synapse", "polarity"
]  # fmt: skip
GRADED = frozenset({"skeleton", "distance", "direction", "polarity"})
"""Targets with values from -1 to 1, which the network gives as 0 to 1."""

_AXES = {"z": (1, 0, 0), "y": (0, 1, 0), "x": (0, 0, 1)}


class WeightMaps(Settings):
    """How much pixels of a target count; what is given is multiplied."""

    border: float = Field(
        0.0, ge=0, le=100, description="further weight of the background between close objects (U-Net)"
    )
    border_sigma_nm: float = Field(25.0, gt=0, description="how close")
    balance: float = Field(
        0.0,
        ge=0,
        description="weight of positives by their rarity, (1 - f) / f times this; 1: both count alike",
    )
    balance_most: float = Field(
        50.0, gt=0, le=1000, description="no pixel gains more than this by its rarity"
    )
    away_nm: float = Field(
        0.0, ge=0, description="negatives count tanh(distance to the nearest positive / this); 0: all alike"
    )

    @property
    def matters(self) -> bool:
        """Whether any pixel counts more than another."""
        return self.border > 0 or self.balance > 0 or self.away_nm > 0


class Making(Settings):
    """What becomes of object ids; the part of a recipe's truth that has to do with it."""

    make: Make = Field("membrane", description="what is made of object ids")
    offset: tuple[int, int, int] | None = Field(None, description="affinity: voxels (z, y, x) to the partner")
    axis: Literal["", "z", "y", "x"] = Field("", description="direction: component")
    scale_nm: float = Field(50.0, gt=0, description="distance: where it is 0.76")
    classes: str = Field("", description="table of object id and class, as id,class")
    keep: tuple[str, ...] = Field((), description="classes that stay; all others become background")
    weights: WeightMaps = Field(default_factory=WeightMaps)

    @model_validator(mode="after")
    def _goes_together(self) -> Making:
        if (self.make == "affinity") != (self.offset is not None):
            raise ValueError("an affinity, and nothing else, has an offset [z, y, x]")
        if self.offset is not None and not any(self.offset):
            raise ValueError("a voxel is no partner of itself: give an offset that is not 0")
        if (self.make == "direction") != bool(self.axis):
            raise ValueError("a direction, and nothing else, has an axis: z, y or x")
        if bool(self.classes) != bool(self.keep):
            raise ValueError("a table of classes and the classes to keep go together")
        return self

    @property
    def graded_nm(self) -> float:
        """What 1 stands for in nanometres; 1 for what is no distance, 0 for masks."""
        if self.make not in GRADED:
            return 0.0
        return self.scale_nm if self.make == "distance" else 1.0

    def directed(self, objects: NDArray[Any], ignore: int | None) -> Directed | None:
        """What is made anew when samples are turned; None for targets without a direction."""
        if self.make == "affinity" and self.offset is not None:
            return Directed("affinity", objects, self.offset, ignore)
        if self.make == "direction":
            z, y, x = _AXES[self.axis]
            return Directed("direction", objects, (z, y, x), ignore)
        return None

    def truth(self, objects: NDArray[Any], spacing_nm: Spacing, ignore: int | None) -> NDArray[np.uint8]:
        """Truth (z, y, x) of a whole stack, as it travels. Not for membranes, which have a width of their own."""
        directed = self.directed(objects, ignore)
        if directed is not None:
            from napari_emseg.algorithms.targets.directed import directed_truth

            return directed_truth(objects, directed.kind, directed.offset, ignore_id=ignore)
        if self.make in ("skeleton", "distance"):
            made = (
                skeleton(objects, spacing_nm, ignore_id=ignore)
                if self.make == "skeleton"
                else signed_distance(objects, spacing_nm, scale_nm=self.scale_nm, ignore_id=ignore)
            )
            return as_levels(made.values[0], made.weight[0])
        if self.make == "polarity":
            made = polarity(objects, spacing_nm, form="tanh", ignore_id=ignore)
            return as_levels(made.values[0], made.weight[0])
        if self.make == "mask":
            values = np.asarray(objects != 0, np.uint8)
            if ignore is not None:
                values[objects == ignore] = IGNORE
            return values
        made = polarity(objects, spacing_nm, ignore_id=ignore)
        channel = made.channels.index(self.make)
        return np.where(made.weight[channel] > 0, made.values[channel], IGNORE).astype(np.uint8)

    def weight_map(
        self,
        truth: NDArray[np.uint8],
        objects: NDArray[Any] | None,
        spacing_nm: Spacing,
        sections: Sequence[int],
    ) -> NDArray[np.float32]:
        """Weights (z, y, x) of the listed sections; 1 elsewhere.

        Raises
        ------
        EmsegError
            If borders are asked for without objects, or rarity of something that is no mask.
        """
        maps = self.weights
        if self.make in GRADED and (maps.balance or maps.away_nm):
            raise EmsegError(
                "only masks are rare or have a distance", self.make, "leave balance and away_nm out"
            )
        if maps.border and objects is None:
            raise EmsegError(
                "the weight between objects needs their ids", "border", "give objects instead of path"
            )
        out = np.ones(truth.shape, np.float32)
        zs = list(sections)
        positive, known = truth[zs] == 1, truth[zs] != IGNORE
        if maps.balance:
            out[zs] *= balance(positive, known, alpha=maps.balance, most=maps.balance_most)
        for n, z in enumerate(zs):
            if maps.away_nm:
                out[z] *= np.where(positive[n], 1, away(positive[n], spacing_nm[1:], scale_nm=maps.away_nm))
            if maps.border and objects is not None:
                out[z] *= border(
                    objects[z], spacing_nm[1:], weight=maps.border, sigma_nm=maps.border_sigma_nm
                )
        return out
