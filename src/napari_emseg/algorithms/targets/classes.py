"""Take objects of some classes out of labels: Schwann cells and nuclei, say, so that axons stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray


def keep_classes(
    labels: NDArray[Any], table: Mapping[int, str], keep: Collection[str], *, unlisted: bool = False
) -> NDArray[Any]:
    """Labels of some classes only.

    Parameters
    ----------
    labels : ndarray of int, any shape
    table : mapping of int to str
        Object id to class. It holds for all sections alike.
    keep : collection of str
        Classes that stay.
    unlisted : bool
        Whether ids that the table does not name stay.

    Returns
    -------
    ndarray
        Like `labels`; removed ids are 0, all others unchanged.

    Raises
    ------
    EmsegError
        If no object of the table has one of these classes.
    """
    if lacking := sorted(set(keep) - set(table.values())):
        raise EmsegError(
            f"no object is of class {', '.join(lacking)}",
            "class table",
            f"classes are {', '.join(sorted(set(table.values())))}",
        )
    ids = np.unique(labels)
    stays = [table[i] in keep if i in table else unlisted for i in ids.tolist()]
    return np.where(np.isin(labels, ids[stays]), labels, 0).astype(labels.dtype)
