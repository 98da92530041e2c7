"""Scores of synaptic clefts as the CREMI challenge defines them, in nanometres."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

TOLERANCE_NM = 200.0
"""Distance from the other mask beyond which a voxel is false (CREMI)."""


def cleft_scores(
    truth: NDArray[np.bool_],
    prediction: NDArray[np.bool_],
    spacing_nm: Spacing,
    *,
    ignore: NDArray[np.bool_] | None = None,
    tolerance_nm: float = TOLERANCE_NM,
) -> dict[str, float | str | None]:
    """Compare masks of clefts by the distances of their voxels.

    Parameters
    ----------
    truth, prediction : ndarray of bool (z, y, x)
        True in clefts.
    spacing_nm : tuple of float
        Voxel size (z, y, x).
    ignore : ndarray of bool, optional
        Voxels that count for nothing: neither as cleft nor as prediction, and no distance is measured to them.
    tolerance_nm : float
        Voxels further than this from the other mask are false.

    Returns
    -------
    dict
        ``fp_voxels``, ``fn_voxels``; ``adgt`` (mean distance of predicted voxels to the ground truth), ``adf``
        (mean distance of ground truth to the prediction), ``score`` (their mean, lower is better), in nm. Where a
        mask is empty the distances are None, with a ``reason``; all voxels of the other mask are then false.

    Raises
    ------
    EmsegError
        If the shapes differ.

    References
    ----------
    CREMI challenge, https://cremi.org/metrics.
    """
    masks = [np.asarray(m, bool) for m in (truth, prediction)]
    if ignore is not None:
        masks = [m & ~ignore if m.shape == ignore.shape else m for m in masks]
    real, said = masks
    if real.shape != said.shape or (ignore is not None and ignore.shape != real.shape):
        raise EmsegError(
            "ground truth and prediction differ in shape",
            f"ground truth {real.shape}, prediction {said.shape}",
        )
    n_real, n_said = int(real.sum()), int(said.sum())
    if not n_real or not n_said:
        which = "ground truth" if not n_real else "prediction"
        both = "ground truth and prediction" if not (n_real or n_said) else which
        return {
            "fp_voxels": n_said, "fn_voxels": n_real, "adgt": None, "adf": None, "score": None,
            "reason": f"no cleft in the {both}: there is no distance to it",
        }  # fmt: skip
    false_positive, adgt = _far(said, real, spacing_nm, tolerance_nm)
    false_negative, adf = _far(real, said, spacing_nm, tolerance_nm)
    return {
        "fp_voxels": false_positive,
        "fn_voxels": false_negative,
        "adgt": adgt,
        "adf": adf,
        "score": (adgt + adf) / 2,
    }


def _far(
    these: NDArray[np.bool_], others: NDArray[np.bool_], spacing_nm: Spacing, tolerance_nm: float
) -> tuple[int, float]:
    """How many voxels of a mask are far from the other, and their mean distance to it."""
    import edt

    distance: Any = edt.edt(np.ascontiguousarray(~others), anisotropy=spacing_nm, black_border=False)
    values = distance[these].astype(np.float64)
    return int((values > tolerance_nm).sum()), float(values.mean())
