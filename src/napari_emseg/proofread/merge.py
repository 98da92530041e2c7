"""Two or more objects become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.proofread.repaint import become

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_emseg.core.edit import Edit
    from napari_emseg.core.volume import LabelVolume


def merge(volume: LabelVolume, ids: Sequence[int], sections: Iterable[int] | None = None) -> Edit:
    """Give several objects the id of the first.

    Parameters
    ----------
    volume : LabelVolume
        Read only.
    ids : sequence of int
        At least two different objects.
    sections : iterable of int, optional
        Merge only here; everywhere by default.

    Returns
    -------
    Edit
        By a human: one line of the equivalence table, whatever the size of the objects, or one patch per section
        if sections are given.

    Raises
    ------
    EmsegError
        If fewer than two objects are given, one of them is empty space, or there is nothing to merge.
    """
    kept, *others = dict.fromkeys(int(i) for i in ids) or (0,)
    if kept and not others:
        raise EmsegError("these are one object already", f"object {kept}", "click two different objects")
    if kept == 0 or 0 in others:
        raise EmsegError("empty space cannot be merged", "", "click an object")
    edit = become(volume, f"merge {', '.join(map(str, others))} into {kept}", others, kept, sections)
    if edit is None:
        raise EmsegError("there is nothing to merge here", f"objects {', '.join(map(str, others))}")
    return edit
