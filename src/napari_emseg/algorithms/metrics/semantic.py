"""Pixel scores of a probability map or mask."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.metrics.meaning import look_through, sections_of
from napari_emseg.algorithms.metrics.precision import average_precision_of_sections
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress


def semantic_scores(
    truth: Any,
    prediction: Any,
    *,
    truth_above: float = 0.0,
    threshold: float = 0.5,
    progress: Progress | None = None,
) -> dict[str, float | None]:
    """Compare foreground pixels.

    Parameters
    ----------
    truth : array-like
        Read section by section. Foreground is above ``truth_above``: by default everything that is not zero.
    prediction : array-like, same shape
        Probability: floats in [0, 1] or uint8 in 0..255; or a mask, or ids (foreground is not zero).
    truth_above : float
        For ground truth with soft edges, such as 127 for grey masks.
    threshold : float
        Probability above which a pixel is predicted.
    progress : Progress, optional

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
    if tuple(truth.shape) != tuple(prediction.shape):
        raise EmsegError(
            "ground truth and prediction differ in shape",
            f"ground truth {tuple(truth.shape)}, prediction {tuple(prediction.shape)}",
        )
    report = progress or Silent()
    as_probability = _meaning(prediction)
    n, passes = max(len(truth), 1), count()

    def pairs() -> Iterator[tuple[NDArray[np.bool_], NDArray[np.floating]]]:
        before = next(passes)  # nobody knows how many there will be
        for z, (real, said) in enumerate(zip(sections_of(truth), sections_of(prediction), strict=True)):
            report.report(1 - 1 / (1 + before + z / n), f"section {z + 1} of {n}")
            yield real > truth_above, as_probability(said)

    hits = n_real = n_said = 0
    for real, score in pairs():
        said = score > threshold
        hits, n_real, n_said = (
            hits + int((real & said).sum()),
            n_real + int(real.sum()),
            n_said + int(said.sum()),
        )
    union = n_real + n_said - hits
    return {
        "dice": 2 * hits / (n_real + n_said) if union else 1.0,
        "iou": hits / union if union else 1.0,
        "precision": hits / n_said if n_said else None,
        "recall": hits / n_real if n_real else None,
        "average_precision": average_precision_of_sections(pairs) if n_real else None,
    }


def _meaning(prediction: Any) -> Callable[[NDArray[Any]], NDArray[np.floating]]:
    """How values of one section become probabilities; the whole stack says what they are."""
    dtype = np.dtype(prediction.dtype)
    sixteen = dtype.kind in "ui" and dtype.itemsize == 2  # eight bits are probabilities
    values = look_through(prediction, for_grey=sixteen)
    if not values.are_finite:
        raise EmsegError("the prediction holds values that are not numbers", "", "predict again")
    if dtype == np.uint8 and values.high > 1:
        return lambda section: section.astype(np.float32) / np.float32(255)
    if dtype.kind == "f" and values.low >= 0 and values.high <= 1:
        kind = np.float32 if dtype.itemsize <= 4 else np.float64
        return lambda section: section.astype(kind, copy=False)
    if (dtype.kind == "f" and (values.low < 0 or not values.are_whole)) or (sixteen and values.are_grey):
        raise EmsegError(
            f"values from {values.low:g} to {values.high:g} are no probabilities",
            "prediction",
            "give floats in [0, 1], eight bits in 0..255, or a mask",
        )
    return lambda section: (section != 0).astype(np.float32)
