"""Scores of a neuron segmentation: variation of information, adapted Rand error, V_rand and V_info."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.contingency import Contingency, contingency
from napari_emseg.algorithms.metrics.boundary import v_rand_v_info
from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing


def segmentation_scores(
    truth: NDArray[Any],
    prediction: NDArray[Any],
    *,
    border_nm: float = 0.0,
    spacing_nm: Spacing | None = None,
) -> dict[str, float]:
    """Compare a segmentation with ground truth, over the whole volume at once.

    Parameters
    ----------
    truth : ndarray of int (z, y, x) or (y, x)
        Object ids; pixels with 0 are ignored.
    prediction : ndarray of int, same shape
        Object ids. For ``v_rand`` and ``v_info`` pixels with 0 are singletons (lines between segments);
        for the other scores 0 is an id like any other, as in scikit-image. (In the adapted Rand error, the script
        of CREMI takes such pixels for singletons, and pairs each pixel with itself, too.)
    border_nm : float
        Ignore ground-truth pixels at most this far from a border between ids in their section, as CREMI does.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x); needed with ``border_nm``.

    Returns
    -------
    dict of str to float
        ``voi_split`` and ``voi_merge`` in bits, ``adapted_rand_error``, ``v_rand``, ``v_info``.

    Raises
    ------
    EmsegError
        If the shapes differ, no ground truth is left, or borders are to be masked without a voxel size.

    References
    ----------
    Meila 2007, doi:10.1016/j.jmva.2006.11.013; Arganda-Carreras et al. 2015, doi:10.3389/fnana.2015.00142;
    CREMI challenge, https://cremi.org.
    """
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    if truth.shape != prediction.shape:
        raise EmsegError(
            "ground truth and prediction differ in shape",
            f"ground truth {truth.shape}, prediction {prediction.shape}",
        )
    counted = truth != 0
    if border_nm > 0:
        if spacing_nm is None:
            raise EmsegError("the voxel size is unknown", "ground truth", "give --pixel-size")
        counted &= ~border_mask(truth, border_nm, spacing_nm)
    if not counted.any():
        raise EmsegError(
            "there is no object to compare with",
            "ground truth",
            "mask a narrower border" if border_nm > 0 else "ids are non-zero",
        )
    return scores_of_table(contingency(truth[counted], prediction[counted]))


def scores_of_table(table: Contingency) -> dict[str, float]:
    """The scores of `segmentation_scores` from the overlaps of true objects with segments.

    Parameters
    ----------
    table : Contingency
        ``a`` are true objects without 0, ``b`` segments with 0 for pixels of none.
    """
    voi_split, voi_merge = variation_of_information(table)
    v_rand, v_info = v_rand_v_info(table)
    return {
        "voi_split": voi_split,
        "voi_merge": voi_merge,
        "adapted_rand_error": adapted_rand_error(table),
        "v_rand": v_rand,
        "v_info": v_info,
    }


def variation_of_information(table: Contingency) -> tuple[float, float]:
    """Conditional entropies H(prediction | truth) and H(truth | prediction) in bits: splits, then merges."""
    p = table.count / table.total
    h_joint, h_a, h_b = (
        _bits(p),
        _bits(table.sizes_a()[1] / table.total),
        _bits(table.sizes_b()[1] / table.total),
    )
    return max(h_joint - h_a, 0.0), max(h_joint - h_b, 0.0)


def adapted_rand_error(table: Contingency) -> float:
    """One minus the F score of the pairs of pixels that are together in both labellings (SNEMI3D)."""
    n = table.total
    together, in_truth, in_prediction = (
        float((c.astype(np.float64) ** 2).sum()) - n
        for c in (table.count, table.sizes_a()[1], table.sizes_b()[1])
    )
    if in_truth + in_prediction <= 0:
        return 0.0
    return 1.0 - 2 * together / (in_truth + in_prediction)


def border_mask(truth: NDArray[Any], border_nm: float, spacing_nm: Spacing) -> NDArray[np.bool_]:
    """Pixels at most ``border_nm`` from a pixel that has a 4-neighbour of another id, section by section.

    Parameters
    ----------
    truth : ndarray of int (z, y, x) or (y, x)
    border_nm : float
        In-plane distance.
    spacing_nm : tuple of float
        Voxel size (z, y, x).

    Returns
    -------
    ndarray of bool
        True where the score is not to look.
    """
    from scipy import ndimage as ndi

    stack = truth[None] if truth.ndim == 2 else truth
    mask = np.zeros(stack.shape, bool)
    for section, out in zip(stack, mask, strict=True):
        edge = np.zeros(section.shape, bool)
        down, across = section[1:] != section[:-1], section[:, 1:] != section[:, :-1]
        edge[1:] |= down
        edge[:-1] |= down
        edge[:, 1:] |= across
        edge[:, :-1] |= across
        if edge.any():
            out[:] = ndi.distance_transform_edt(~edge, sampling=spacing_nm[1:]) <= border_nm
    return mask.reshape(truth.shape)


def _bits(p: NDArray[np.float64]) -> float:
    return -float((p * np.log2(p)).sum())
