"""Objects become empty space."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.proofread.repaint import become

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_emseg.core.edit import Edit
    from napari_emseg.core.volume import LabelVolume


def delete(volume: LabelVolume, ids: Sequence[int], sections: Iterable[int] | None = None) -> Edit:
    """Empty the pixels of some objects.

    Parameters
    ----------
    volume : LabelVolume
        Read only.
    ids : sequence of int
        Objects; 0 is refused.
    sections : iterable of int, optional
        Only here; everywhere by default.

    Raises
    ------
    EmsegError
        If empty space is meant, or the objects are not here.
    """
    wanted = list(dict.fromkeys(int(i) for i in ids))
    if not wanted or 0 in wanted:
        raise EmsegError("there is no object here", "", "click an object")
    edit = become(volume, f"delete {', '.join(map(str, wanted))}", wanted, 0, sections)
    if edit is None:
        raise EmsegError("there is nothing to delete here", f"object {', '.join(map(str, wanted))}")
    return edit
