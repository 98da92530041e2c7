"""Score a file against ground truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.jobs.evaluate_volumes import evaluate_volumes, pick, refuse_other_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing

Scores = dict[str, float | str | None]
"""Name to score; None where a score is not defined, and ``reason`` says why."""


def evaluate_files(
    kind: str,
    truth: str | Path,
    prediction: str | Path,
    *,
    sections: Sequence[int] | None = None,
    border_nm: float = 0.0,
    spacing_nm: Spacing | None = None,
    truth_above: float = 0.0,
    prediction_above: float = 0.0,
    border_is_nonzero: bool = False,
    iou: float = 0.5,
    min_voxels: int = 0,
    distance_nm: float | None = None,
    skeletons: str | Path | None = None,
    segmentation: str | Path | None = None,
    objects: Path | None = None,
    error_map: str | Path | None = None,
    progress: Progress | None = None,
) -> Scores:
    """Compare two files.

    Parameters
    ----------
    kind : {"boundary", "segmentation", "semantic", "detection", "clefts", "partners"}
        Family of scores, see `ALL_KINDS`.
    truth, prediction : path
        Stacks of the same shape; for partners, files of annotations.
    sections : sequence of int, optional
        Sections of the ground truth that the prediction holds, in this order. If the prediction has as
        many sections as the ground truth, these are compared.
    border_nm : float
        segmentation: ground-truth borders of this width are ignored.
    spacing_nm : tuple of float, optional
        Voxel size (z, y, x); wins over the files'.
    truth_above : float
        semantic, detection, clefts: foreground of the ground truth is above this.
    prediction_above : float
        detection, clefts: the same for the prediction.
    border_is_nonzero : bool
        boundary: the ground truth is 0 in cells and something else on membranes.
    iou : float
        detection: overlap from which an object counts as found.
    min_voxels : int
        detection: smaller objects are left out.
    distance_nm : float, optional
        clefts: beyond this a voxel is false (default 200); partners: up to this sites can be the same (400).
    skeletons : path, optional
        segmentation: true skeletons, for the expected run length.
    segmentation : path, optional
        partners: true neurons; by default those of the ground-truth file.
    objects : Path, optional
        segmentation: where to write a table of the errors of each object.
    error_map : path, optional
        segmentation: where to write a stack of the size of the ground truth that shows the errors; its values
        are those of `napari_emseg.algorithms.metrics.error_map.MEANINGS`.
    progress : Progress, optional
        Told how far a segmentation is.

    Returns
    -------
    dict of str to float or None
        As the contract of the command names them; None where a score is not defined.

    Raises
    ------
    EmsegError
        If a file cannot be read, the kind is unknown, or the two do not fit.
    """
    from napari_emseg.io import open_array
    from napari_emseg.jobs.stack_file import one_channel

    if kind == "partners":
        from napari_emseg.jobs.evaluate_partners import evaluate_partners

        return evaluate_partners(truth, prediction, segmentation=segmentation, matching_nm=distance_nm)
    if kind == "segmentation":
        scores = evaluate_volumes(
            truth, prediction, sections=sections, border_nm=border_nm, spacing_nm=spacing_nm,
            skeletons=skeletons, objects=objects, error_map=error_map, progress=progress,
        )  # fmt: skip
        return _with_reason(scores)
    if kind not in KINDS:
        raise EmsegError("there are no such scores", kind, f"choose one of: {', '.join(ALL_KINDS)}")
    array, spacing = open_array(truth)
    reference = np.asarray(one_channel(array, truth)[:])
    other, spacing_there = open_array(prediction)
    values = np.asarray(one_channel(other, prediction)[:])
    if sections is not None:
        reference, values = (np.asarray(a[:]) for a in pick(reference, values, sections, str(truth)))
    refuse_other_shape(reference, values, str(prediction))
    for read, where in ((reference, truth), (values, prediction)):
        if read.dtype.kind == "f" and not np.isfinite(read).all():
            raise EmsegError(
                "it holds values that are no numbers", str(where), "export it without NaN and infinity"
            )
        if kind in ("detection", "semantic") and read.dtype.kind == "i" and read.min(initial=0) < 0:
            raise EmsegError("object ids are negative", str(where), "store ids from 0 up, 0 is none")
    options = _Options(
        spacing_nm=spacing_nm or spacing or spacing_there, truth_above=truth_above,
        prediction_above=prediction_above, border_is_nonzero=border_is_nonzero, iou=iou, min_voxels=min_voxels,
        distance_nm=distance_nm,
    )  # fmt: skip
    return _with_reason(KINDS[kind](reference, values, options))


def _with_reason(scores: Scores) -> Scores:
    """Scores of nothing are not defined rather than perfect, and the reason is given."""
    found = dict(scores)
    if found.get("objects") == 0:
        found |= {key: None for key in _PER_OBJECT if key in found}
    if "reason" in found or None not in found.values():
        return found
    return found | {"reason": "; ".join(dict.fromkeys(_REASONS[k] for k, v in found.items() if v is None))}


_NO_OBJECT = "no object of the ground truth is large enough to be counted"
_PER_OBJECT = ("f1_50", "f1_75", "edits_per_100_objects", "object_threshold")
_REASONS = {
    **dict.fromkeys(_PER_OBJECT, _NO_OBJECT),
    "link_accuracy": "no object of the ground truth goes on in the next section",
    "precision": "nothing is predicted",
    "recall": "the ground truth is empty",
    "average_precision": "the ground truth is empty",
}


@dataclass(frozen=True, slots=True)
class _Options:
    """What the families of scores can be told."""

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


def _boundary(truth: NDArray[Any], prediction: NDArray[Any], options: _Options) -> Scores:
    from napari_emseg.algorithms.metrics.boundary import boundary_scores
    from napari_emseg.jobs.map_file import check_probability

    cells = truth == 0 if options.border_is_nonzero else truth != 0
    if prediction.dtype == np.uint8 and prediction.max(initial=0) <= 1:
        prediction = prediction.astype(np.float32)  # a mask, and no probability in 0..255
    return {**boundary_scores(cells, check_probability(prediction, "PREDICTION"))}


def _semantic(truth: NDArray[Any], prediction: NDArray[Any], options: _Options) -> Scores:
    from napari_emseg.algorithms.metrics.semantic import semantic_scores

    return {**semantic_scores(truth, prediction, truth_above=options.truth_above)}


def _detection(truth: NDArray[Any], prediction: NDArray[Any], options: _Options) -> Scores:
    from napari_emseg.algorithms.metrics.detection import detection_scores, instances

    return detection_scores(
        instances(truth, options.truth_above),
        instances(prediction, options.prediction_above),
        iou=options.iou,
        min_voxels=options.min_voxels,
    )


def _clefts(truth: NDArray[Any], prediction: NDArray[Any], options: _Options) -> Scores:
    from napari_emseg.algorithms.metrics.clefts import TOLERANCE_NM, cleft_scores
    from napari_emseg.io.cremi import cleft_masks

    real, ignore = cleft_masks(truth) if not options.truth_above else (truth > options.truth_above, None)
    if options.prediction_above:
        said = prediction > options.prediction_above
    elif prediction.dtype.kind == "f":
        said = prediction > 0.5
    elif prediction.dtype == np.uint8 and prediction.max(initial=0) > 1:
        said = prediction > 127  # probabilities in 0..255
    else:
        said, _ = cleft_masks(prediction)
    tolerance = TOLERANCE_NM if options.distance_nm is None else options.distance_nm
    return cleft_scores(real, said, options.known_spacing(), ignore=ignore, tolerance_nm=tolerance)


KINDS: dict[str, Callable[[NDArray[Any], NDArray[Any], _Options], Scores]] = {
    "boundary": _boundary,
    "semantic": _semantic,
    "detection": _detection,
    "clefts": _clefts,
}
"""Families of scores that compare whole stacks, by name."""

ALL_KINDS = ("boundary", "segmentation", "semantic", "detection", "clefts", "partners")
"""All families. ``segmentation`` is compared section by section, ``partners`` compares annotations."""
