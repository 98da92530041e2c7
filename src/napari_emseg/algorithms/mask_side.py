"""Which side of a mask is cells: where membranes were given for cells, a model would learn the contrary of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_LEAST_PX = 64  # what is smaller is a speck and no cell
_LEAST_CELLS = 4
_MOST_MASK = 0.5  # of a section; membranes are about a fifth of neuropil
_ONE_NET = 0.6  # of the mask in one piece: membranes hang together
_ONE_CELL = 0.5  # of the rest in one piece: then a few cells are labelled in the middle of tissue that is not


def masks_membranes(sections: Iterable[NDArray[Any]], *, ignore_id: int | None = None) -> bool:
    """Whether masks that are to show cells seem to show the membranes between them.

    Membranes are a net in one piece that covers less than half of a section and leaves several cells free. A mask of
    cells is many pieces, or a few in the middle of tissue in one piece. Labels with several ids are none of this.

    Parameters
    ----------
    sections : iterable of ndarray (y, x)
    ignore_id : int, optional
        This value is neither.

    Returns
    -------
    bool
        True if every section that holds anything does.
    """
    found = [_is_net(section, ignore_id) for section in sections if np.any(section)]
    return bool(found) and all(found)


def _is_net(section: NDArray[Any], ignore_id: int | None) -> bool:
    import cc3d  # where it is used: commands start without it

    known = np.ones(section.shape, bool) if ignore_id is None else section != ignore_id
    values = np.unique(section[known])
    if np.count_nonzero(values) != 1 or 0 not in values:
        return False
    mask = (section != 0) & known
    rest = (section == 0) & known
    if mask.sum() >= _MOST_MASK * known.sum():
        return False
    net = _sizes(cc3d.connected_components(mask.astype(np.uint8), connectivity=8))
    cells = _sizes(cc3d.connected_components(rest.astype(np.uint8), connectivity=4))
    is_net = net.max() > _ONE_NET * net.sum()
    are_cells = np.count_nonzero(cells >= _LEAST_PX) >= _LEAST_CELLS and cells.max() < _ONE_CELL * cells.sum()
    return bool(is_net and are_cells)


def _sizes(parts: NDArray[Any]) -> NDArray[np.int64]:
    """Pixels of every part."""
    return np.bincount(parts.ravel())[1:]
