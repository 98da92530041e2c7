"""Truth as it travels (bytes with a value for "unknown") to truth and weight as losses take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import LEVELS
from napari_emseg.nn.emphasis import split_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from napari_emseg.core.learning import TrainingVolume


def graded_targets(volumes: Sequence[TrainingVolume], targets: Sequence[str]) -> dict[str, float]:
    """Which targets are levels and not masks, and the nanometres that 1 stands for.

    Raises
    ------
    EmsegError
        If the volumes disagree.
    """
    found: dict[str, float | None] = {}
    for volume in volumes:
        for target in targets:
            if target not in volume.truth:
                continue
            own = volume.graded.get(target)
            if found.setdefault(target, own) != own:
                raise EmsegError(
                    f"{target} does not mean the same in all volumes",
                    volume.name,
                    "give it the same distance_nm everywhere",
                )
    return {target: value for target, value in found.items() if value is not None}


def offsets_of(
    volumes: Sequence[TrainingVolume], targets: Sequence[str]
) -> tuple[dict[str, tuple[int, int, int]], tuple[tuple[str, str, str], ...]]:
    """Affinities with their offsets, and the vectors that components of directions make up; see `ModelCard`.

    Raises
    ------
    EmsegError
        If the volumes disagree.
    """
    found: dict[str, tuple[str, tuple[int, int, int]]] = {}
    for volume in volumes:
        for target in targets:
            one = volume.directed.get(target)
            if one is not None and found.setdefault(target, (one.kind, one.offset)) != (one.kind, one.offset):
                raise EmsegError(
                    f"{target} does not look the same way in all volumes",
                    volume.name,
                    "give it the same offset or axis everywhere",
                )
    affinities = {target: offset for target, (kind, offset) in found.items() if kind == "affinity"}
    vector = ["", "", ""]
    for target, (kind, offset) in found.items():
        if kind == "direction":
            vector[[abs(o) for o in offset].index(1)] = target
    return affinities, ((vector[0], vector[1], vector[2]),) if any(vector) else ()


def truth_and_weight(drawn: Tensor, targets: Sequence[str], graded: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Truth in [0, 1] and weight of a batch; the weight is 0 where nothing is known.

    Parameters
    ----------
    drawn : Tensor (batch, targets or twice as many, ...) uint8
        Truth, perhaps followed by weights in units of `emphasis.WEIGHT_UNIT`.
    targets : sequence of str
    graded : sequence of str
        Targets whose truth is a level.
    """
    truth, weight = split_weights(drawn, len(targets))
    for c, target in enumerate(targets):
        if target in graded:
            truth[:, c] = (drawn[:, c].float() / LEVELS).clamp(max=1.0)
    return truth, weight
