"""Score a file against ground truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

Scores = dict[str, float | None]


def evaluate_files(
    kind: str,
    truth: str | Path,
    prediction: str | Path,
    *,
    sections: Sequence[int] | None = None,
    border_nm: float = 0.0,
    spacing_nm: Spacing | None = None,
    truth_above: float = 0.0,
    border_is_nonzero: bool = False,
) -> Scores:
    """Compare two files.

    Parameters
    ----------
    kind : {"boundary", "segmentation", "semantic"}
        Family of scores, see `KINDS`.
    truth, prediction : path
        Stacks of the same shape.
    sections : sequence of int, optional
        Sections of the ground truth that the prediction holds, in this order. If the prediction has as
        many sections as the ground truth, these are compared.
    border_nm : float
        segmentation: ground-truth borders of this width are ignored.
    spacing_nm : tuple of float, optional
        Voxel size (z, y, x); wins over the files'.
    truth_above : float
        semantic: foreground of the ground truth is above this.
    border_is_nonzero : bool
        boundary: the ground truth is 0 in cells and something else on membranes.

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
    from napari_emseg.jobs.segment import one_channel

    if kind not in KINDS:
        raise EmsegError("there are no such scores", kind, f"choose one of: {', '.join(KINDS)}")
    array, spacing = open_array(truth)
    reference = np.asarray(one_channel(array, truth)[:])
    other, spacing_there = open_array(prediction)
    values = np.asarray(one_channel(other, prediction)[:])
    if sections is not None:
        wrong = [z for z in sections if not 0 <= z < len(reference)]
        if wrong:
            raise EmsegError(
                f"there is no section {wrong[0]}", str(truth), f"it has 0 to {len(reference) - 1}"
            )
        if len(values) == len(reference):
            values = values[list(sections)]
        reference = reference[list(sections)]
    if reference.shape != values.shape:
        raise EmsegError(
            f"ground truth is {reference.shape}, prediction {values.shape}",
            str(prediction),
            "give the same sections, or name those that the prediction holds with --sections",
        )
    options = _Options(border_nm, spacing_nm or spacing or spacing_there, truth_above, border_is_nonzero)
    return KINDS[kind](reference, values, options)


class _Options:
    """What the families of scores can be told."""

    def __init__(
        self, border_nm: float, spacing_nm: Spacing | None, truth_above: float, border_is_nonzero: bool
    ) -> None:
        self.border_nm = border_nm
        self.spacing_nm = spacing_nm
        self.truth_above = truth_above
        self.border_is_nonzero = border_is_nonzero


def _boundary(truth: NDArray[Any], prediction: NDArray[Any], options: _Options) -> Scores:
    from napari_emseg.algorithms.metrics.boundary import boundary_scores

    cells = truth == 0 if options.border_is_nonzero else truth != 0
    return {**boundary_scores(cells, prediction)}


def _segmentation(truth: NDArray[Any], prediction: NDArray[Any], options: _Options) -> Scores:
    from napari_emseg.algorithms.metrics.segmentation import segmentation_scores

    return {
        **segmentation_scores(truth, prediction, border_nm=options.border_nm, spacing_nm=options.spacing_nm)
    }


def _semantic(truth: NDArray[Any], prediction: NDArray[Any], options: _Options) -> Scores:
    from napari_emseg.algorithms.metrics.semantic import semantic_scores

    return semantic_scores(truth, prediction, truth_above=options.truth_above)


KINDS: dict[str, Callable[[NDArray[Any], NDArray[Any], _Options], Scores]] = {
    "boundary": _boundary,
    "segmentation": _segmentation,
    "semantic": _semantic,
}
"""Families of scores by name."""
