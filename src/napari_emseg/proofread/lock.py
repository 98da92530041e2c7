"""Locked objects are left alone by everything automatic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.edit import Edit, Lock
from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Collection


def toggle_lock(locked: Collection[int], object_id: int) -> Edit:
    """Lock an object that is free, or free one that is locked.

    Parameters
    ----------
    locked : collection of int
        Objects that are locked now.
    object_id : int
        The object under the cursor.

    Raises
    ------
    EmsegError
        If there is no object under the cursor.
    """
    if object_id == 0:
        raise EmsegError("there is no object here", "", "point at an object")
    before = object_id in locked
    return Edit(
        f"{'unlock' if before else 'lock'} object {object_id}",
        "human",
        locks=(Lock(int(object_id), before, not before),),
    )
