"""Score a file against ground truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent
from napari_emseg.jobs.agreed_spacing import agreed_spacing
from napari_emseg.jobs.evaluate_stacks import KINDS, Checked, Options, Scores
from napari_emseg.jobs.evaluate_volumes import evaluate_volumes, pick, refuse_other_shape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing

ALL_KINDS = ("boundary", "segmentation", "semantic", "detection", "clefts", "partners")
"""All families. ``partners`` compares annotations, the others read their stacks section by section."""

_NO_OBJECT = "no object of the ground truth is large enough to be counted"
_PER_OBJECT = ("f1_50", "f1_75", "edits_per_100_objects", "object_threshold")
_REASONS = {
    **dict.fromkeys(_PER_OBJECT, _NO_OBJECT),
    "link_accuracy": "no object of the ground truth goes on in the next section",
    "precision": "nothing is predicted",
    "recall": "the ground truth is empty",
    "average_precision": "the ground truth is empty",
}


def evaluate_files(
    kind: str,
    truth: str | Path,
    prediction: str | Path,
    *,
    sections: Sequence[int] | None = None,
    border_nm: float = 0.0,
    spacing_nm: Spacing | None = None,
    is_thickness_known: bool = True,
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
        Stacks of the same shape; for partners, files of annotations. Of a CREMI file that holds several, neurons are
        taken for segmentation, and clefts for clefts.
    sections : sequence of int, optional
        Sections of the ground truth that the prediction holds, in this order. If the prediction has as
        many sections as the ground truth, these are compared.
    border_nm : float
        segmentation: ground-truth borders of this width are ignored.
    spacing_nm : tuple of float, optional
        Voxel size (z, y, x); wins over the files'.
    is_thickness_known : bool
        False if z of ``spacing_nm`` is no measurement; the error map then carries no voxel size.
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
        Told how far it is.

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
    from napari_emseg.jobs.cremi_place import place_in
    from napari_emseg.jobs.stack_file import one_channel

    if kind == "partners":
        from napari_emseg.jobs.evaluate_partners import evaluate_partners

        if segmentation is not None:
            segmentation = place_in(segmentation, kind)
        return evaluate_partners(
            truth, prediction, segmentation=segmentation, matching_nm=distance_nm, spacing_nm=spacing_nm
        )
    truth, prediction = place_in(truth, kind), place_in(prediction, kind)
    if kind == "segmentation":
        scores = evaluate_volumes(
            truth, prediction, sections=sections, border_nm=border_nm, spacing_nm=spacing_nm,
            is_thickness_known=is_thickness_known, skeletons=skeletons, objects=objects, error_map=error_map,
            progress=progress,
        )  # fmt: skip
        return _with_reason(scores)
    if kind not in KINDS:
        raise EmsegError("there are no such scores", kind, f"choose one of: {', '.join(ALL_KINDS)}")
    array, spacing = open_array(truth)
    reference = one_channel(array, truth)
    other, spacing_there = open_array(prediction)
    values = one_channel(other, prediction)
    if sections is not None:
        reference, values = pick(reference, values, sections, str(truth))
    refuse_other_shape(reference, values, str(prediction))
    no_ids = kind in ("detection", "semantic")
    if kind == "clefts":  # the others count voxels
        spacing_nm = agreed_spacing(spacing_nm, spacing, spacing_there, str(prediction))
    options = Options(
        spacing_nm=spacing_nm or spacing or spacing_there, truth_above=truth_above,
        prediction_above=prediction_above, border_is_nonzero=border_is_nonzero, iou=iou, min_voxels=min_voxels,
        distance_nm=distance_nm,
    )  # fmt: skip
    checked = (Checked(reference, truth, from_0=no_ids), Checked(values, prediction, from_0=no_ids))
    return _with_reason(KINDS[kind](*checked, options, progress or Silent()))


def _with_reason(scores: Scores) -> Scores:
    """Scores of nothing are not defined rather than perfect, and the reason is given."""
    found = dict(scores)
    if found.get("objects") == 0:
        found |= {key: None for key in _PER_OBJECT if key in found}
    if "reason" in found or None not in found.values():
        return found
    return found | {"reason": "; ".join(dict.fromkeys(_REASONS[k] for k, v in found.items() if v is None))}
