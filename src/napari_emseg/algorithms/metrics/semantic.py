"""Pixel scores of a probability map or mask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.metrics.detection import is_grey
from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def semantic_scores(
    truth: NDArray[Any], prediction: NDArray[Any], *, truth_above: float = 0.0, threshold: float = 0.5
) -> dict[str, float | None]:
    """Compare foreground pixels.

    Parameters
    ----------
    truth : ndarray
        Foreground is above ``truth_above``: by default everything that is not zero.
    prediction : ndarray, same shape
        Probability: floats in [0, 1] or uint8 in 0..255; or a mask, or ids (foreground is not zero).
    truth_above : float
        For ground truth with soft edges, such as 127 for grey masks.
    threshold : float
        Probability above which a pixel is predicted.

    Returns
    -------
    dict of str to float or None
        ``dice``, ``iou``, ``precision``, ``recall``, ``average_precision``. None where a score is not
        defined: precision with nothing predicted, recall and average precision with no ground truth.
        Two empty masks agree: Dice and IoU are 1.

    Raises
    ------
    EmsegError
        If the shapes differ, a prediction is not a number, or it is neither a probability nor a mask nor ids.
    """
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    if truth.shape != prediction.shape:
        raise EmsegError(
            "ground truth and prediction differ in shape",
            f"ground truth {truth.shape}, prediction {prediction.shape}",
        )
    real = (truth > truth_above).ravel()
    if prediction.dtype.kind == "f" and not np.isfinite(prediction).all():
        raise EmsegError("the prediction holds values that are not numbers", "", "predict again")
    score = _as_probability(prediction).ravel()
    said = score > threshold
    hits, n_real, n_said = int((real & said).sum()), int(real.sum()), int(said.sum())
    union = n_real + n_said - hits
    return {
        "dice": 2 * hits / (n_real + n_said) if union else 1.0,
        "iou": hits / union if union else 1.0,
        "precision": hits / n_said if n_said else None,
        "recall": hits / n_real if n_real else None,
        "average_precision": average_precision(real, score) if n_real else None,
    }


def average_precision(real: NDArray[np.bool_], score: NDArray[Any]) -> float:
    """Sum of precision times the gain in recall over all thresholds, without interpolation.

    Parameters
    ----------
    real : ndarray of bool (n,)
        Foreground; at least one pixel.
    score : ndarray (n,)
        Higher means foreground.

    Returns
    -------
    float
    """
    levels, level = np.unique(score, return_inverse=True)
    hits = np.bincount(level[real], minlength=levels.size)[::-1]
    said = np.bincount(level, minlength=levels.size)[::-1]
    precision = np.cumsum(hits) / np.cumsum(said)
    return float((precision * hits).sum() / real.sum())


def _as_probability(prediction: NDArray[Any]) -> NDArray[np.floating]:
    if prediction.dtype == np.uint8 and prediction.max(initial=0) > 1:
        return prediction.astype(np.float32) / np.float32(255)
    kind = prediction.dtype.kind
    if kind == "f" and prediction.min(initial=0) >= 0 and prediction.max(initial=0) <= 1:
        return prediction.astype(np.result_type(prediction.dtype, np.float32), copy=False)
    sixteen = kind in "ui" and prediction.dtype.itemsize == 2  # eight bits are probabilities, see above
    if (kind == "f" and _is_no_id(prediction)) or (sixteen and is_grey(prediction)):
        raise EmsegError(
            f"values from {prediction.min():g} to {prediction.max():g} are no probabilities",
            "prediction",
            "give floats in [0, 1], eight bits in 0..255, or a mask",
        )
    return np.asarray(prediction != 0, dtype=np.float32)


def _is_no_id(values: NDArray[Any]) -> bool:
    return bool(values.min() < 0 or (values != np.rint(values)).any())
