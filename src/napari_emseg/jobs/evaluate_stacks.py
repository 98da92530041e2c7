"""Families of scores that compare stacks, read section by section: membranes, masks, instances, clefts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.object_ids import checked_ids

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing

Scores = dict[str, float | str | None]
"""Name to score; None where a score is not defined, and ``reason`` says why."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the families of scores can be told; see `napari_emseg.jobs.evaluate.evaluate_files`."""

    spacing_nm: Spacing | None = None
    truth_above: float = 0.0
    prediction_above: float = 0.0
    border_is_nonzero: bool = False
    iou: float = 0.5
    min_voxels: int = 0
    distance_nm: float | None = None

    def known_spacing(self) -> Spacing:
        """The voxel size.

        Raises
        ------
        EmsegError
            If nobody knows it.
        """
        if self.spacing_nm is None:
            raise EmsegError("the voxel size is unknown", "ground truth", "give --pixel-size Z,Y,X")
        return self.spacing_nm


class Checked:
    """A stack whose values are checked as they are read.

    Parameters
    ----------
    array : array-like (z, y, x)
    source : path
        For messages.
    from_0 : bool
        Whole numbers below 0 are refused.
    """

    def __init__(self, array: Any, source: object, *, from_0: bool = False) -> None:
        self.shape, self.dtype = tuple(array.shape), np.dtype(array.dtype)
        self._array, self._from_0 = array, from_0
        self.source = str(source)

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, key: Any) -> NDArray[Any]:
        values = np.asarray(self._array[key])
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise EmsegError(
                "it holds values that are no numbers", self.source, "export it without NaN and infinity"
            )
        return checked_ids(values, self.source) if self._from_0 and values.dtype.kind == "i" else values


class _Mapped:
    """A stack that is turned into a mask as it is read."""

    def __init__(self, array: Checked, of: Callable[[NDArray[Any]], NDArray[np.bool_]]) -> None:
        self.shape, self._array, self._of = array.shape, array, of

    def __getitem__(self, key: Any) -> NDArray[np.bool_]:
        return self._of(self._array[key])


def _boundary(truth: Checked, prediction: Checked, options: Options, progress: Progress) -> Scores:
    from napari_emseg.algorithms.metrics.boundary import boundary_scores
    from napari_emseg.jobs.map_file import CheckedMap

    cells = _Mapped(truth, lambda ids: ids == 0) if options.border_is_nonzero else truth
    probability = CheckedMap(prediction, prediction.source)
    scores: Scores = {**boundary_scores(cells, probability, every_threshold=True, progress=progress)}
    if cells is truth and (note := _touching(truth)):
        scores["note"] = note
    return scores


def _touching(truth: Checked) -> str:
    """What is to be said where ids touch, which are one object without a border; empty if none do."""
    from napari_emseg.algorithms.metrics.touching import count_touching

    if truth.dtype.kind not in "ui":
        return ""
    counts = [count_touching(truth[z]) for z in range(len(truth))]
    objects, touching = (sum(column) for column in zip(*counts, strict=True))
    if not touching:
        return ""
    return (
        f"{touching} of {objects} objects of the ground truth touch others without a border of 0 and count as one with "
        f"them: part them first, as napari-emseg tidy TRUTH OUT --erosion NM does"
    )


def _semantic(truth: Checked, prediction: Checked, options: Options, progress: Progress) -> Scores:
    from napari_emseg.algorithms.metrics.semantic import semantic_scores

    return {**semantic_scores(truth, prediction, truth_above=options.truth_above, progress=progress)}


def _detection(truth: Checked, prediction: Checked, options: Options, progress: Progress) -> Scores:
    from napari_emseg.algorithms.metrics.detection import Instances, detection_scores

    return detection_scores(
        Instances(truth, options.truth_above),
        Instances(prediction, options.prediction_above),
        iou=options.iou,
        min_voxels=options.min_voxels,
        progress=progress,
    )


def _clefts(truth: Checked, prediction: Checked, options: Options, progress: Progress) -> Scores:
    from napari_emseg.algorithms.metrics.clefts import TOLERANCE_NM, cleft_scores

    real, ignore = _above(truth, options.truth_above) or _cremi_masks(truth)
    said, _ = (
        _above(prediction, options.prediction_above) or _probable(prediction) or _cremi_masks(prediction)
    )
    tolerance = TOLERANCE_NM if options.distance_nm is None else options.distance_nm
    return cleft_scores(
        real, said, options.known_spacing(), ignore=ignore, tolerance_nm=tolerance, progress=progress
    )


_Both = tuple[_Mapped, _Mapped | None]


def _above(array: Checked, line: float) -> _Both | None:
    return (_Mapped(array, lambda values: values > line), None) if line else None


def _probable(array: Checked) -> _Both | None:
    """The foreground of probabilities; None if these are none."""
    from napari_emseg.jobs.map_file import holds_mask

    if array.dtype.kind == "f":
        return _above(array, 0.5)
    if array.dtype == np.uint8 and not holds_mask(array):
        return _above(array, 127)  # probabilities in 0..255
    return None


def _cremi_masks(array: Checked) -> _Both:
    """Clefts, and what is to be ignored, of ids as CREMI has them; the whole volume says what its ids mean."""
    from napari_emseg.io.cremi import NO_CLEFT, cleft_masks, unsigned_ids

    is_signed = array.dtype.kind == "i" and any(array[z].min(initial=0) < 0 for z in range(len(array)))

    def ids(section: NDArray[Any]) -> NDArray[Any]:
        return unsigned_ids(section) if is_signed else section

    wide = is_signed or array.dtype == np.uint64
    has_marker = wide and any(bool((ids(array[z]) == NO_CLEFT).any()) for z in range(len(array)))
    return (
        _Mapped(array, lambda section: cleft_masks(ids(section), has_marker=has_marker)[0]),
        _Mapped(array, lambda section: cleft_masks(ids(section), has_marker=has_marker)[1]),
    )


KINDS: dict[str, Callable[[Checked, Checked, Options, Progress], Scores]] = {
    "boundary": _boundary,
    "semantic": _semantic,
    "detection": _detection,
    "clefts": _clefts,
}
"""Families of scores that compare whole stacks, by name."""
