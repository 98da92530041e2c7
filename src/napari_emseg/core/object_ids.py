"""What counts as object ids, and the one sentence for what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def checked_ids(
    values: NDArray[Any], where: str, *, remedy: str = "segment it first", ignore: int | None = None
) -> NDArray[Any]:
    """Values as object ids.

    Parameters
    ----------
    values : ndarray
        Of any type and shape. Floats that are whole are ids, too.
    where : str
        File and sections, for messages.
    remedy : str
        What to do where these are fractions.
    ignore : int, optional
        A value that may be negative: it means that nobody knows.

    Returns
    -------
    ndarray of int or bool, same shape
        The same where they are integers already.

    Raises
    ------
    EmsegError
        If there are fractions, values that are no numbers, negative ones, or floats that are too large to be exact.
    """
    if values.dtype.kind == "f":
        if not np.array_equal(np.rint(values), values):
            raise EmsegError("these are no object ids but fractions", where, remedy)
        exact = 2.0 ** (np.finfo(values.dtype).nmant + 1)  # above it neighbouring ids are one number
        if values.max(initial=0) > exact:
            raise EmsegError(
                f"object ids are above {exact:.0f}, and {values.dtype} cannot tell them apart", where,
                "store them as whole numbers",
            )  # fmt: skip
        values = np.maximum(values, -exact).astype(np.int64)
    if values.dtype.kind == "i":
        wrong = values < 0 if ignore is None else (values < 0) & (values != ignore)
        if wrong.any():
            raise EmsegError("object ids are negative", where, "store ids from 0 up, 0 is none")
    return values


def need_id_type(dtype: np.dtype[Any], where: str, *, remedy: str = "segment it first") -> None:
    """Refuse a type that holds fractions where ids are copied as they are.

    Raises
    ------
    EmsegError
    """
    if np.dtype(dtype).kind not in "ui":
        raise EmsegError(f"labels are whole numbers, not {np.dtype(dtype)}", where, remedy)
