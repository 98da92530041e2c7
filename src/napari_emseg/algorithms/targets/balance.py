"""Class balance: rare targets weigh more, up to a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST = 1e-4  # share of positives below which they gain no further weight; 1e-3 and 1e-2 have been used too
MOST = 50.0


def balance(
    positive: NDArray[Any],
    known: NDArray[Any] | None = None,
    *,
    alpha: float = 1.0,
    least: float = LEAST,
    most: float = MOST,
) -> NDArray[np.float32]:
    """``alpha y (1 - f) / f + (1 - y)`` with f the share of positives, at most `most`.

    Parameters
    ----------
    positive : ndarray, any shape
        Non-zero where the target is.
    known : ndarray, optional
        Non-zero where the target is known; elsewhere the weight is 0 and nothing is counted.
    alpha : float
        Further weight of positives.
    least : float
        The share is never taken to be smaller.

    Returns
    -------
    ndarray float32
        Of the shape of `positive`.
    """
    yes = np.asarray(positive) != 0
    seen = np.ones(yes.shape, bool) if known is None else np.asarray(known) != 0
    total = int(seen.sum())
    share = float((yes & seen).sum()) / total if total else 0.0
    share = min(max(share, least), 1.0)
    weight = np.where(yes, alpha * (1 - share) / share, 1.0)
    return (np.minimum(weight, most) * seen).astype(np.float32)
