"""What the synapses of a file are found from: cells, clefts, sides and image, opened and checked against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.synapses.masks import CleftMap, SideMap, shape_of
from napari_emseg.core.errors import EmsegError
from napari_emseg.jobs.grey_values import refuse_image_as_ids, refuse_image_as_probability
from napari_emseg.jobs.map_file import holds_mask
from napari_emseg.jobs.stack_file import one_channel

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.opened import Opened
    from napari_emseg.settings import SynapseSettings


@dataclass(frozen=True, eq=False)
class Inputs:
    """What is there to find synapses from.

    Parameters
    ----------
    cells : array-like (z, y, x) of int
    spacing_nm, offset_nm : tuple of float
        Of the cells; where the volume lies in the world.
    clefts : CleftMap, array-like of int, or None
        A map, or ids of clefts.
    sides : SideMap or None
    image : array-like or None
    """

    cells: Any
    spacing_nm: Spacing
    offset_nm: Spacing
    clefts: Any
    sides: SideMap | None
    image: Any


def open_inputs(
    cells: str | Path,
    clefts: str | Path | None,
    sides: str | Path | None,
    image: str | Path | None,
    spacing_nm: Spacing,
    settings: SynapseSettings,
) -> Inputs:
    """Open what was given.

    Raises
    ------
    EmsegError
        If a file cannot be read, is not what it should be, or has another shape than the cells.
    """
    from napari_emseg.io import open_volume

    opened = open_volume(cells)
    labels = one_channel(opened.array, cells)
    if np.dtype(labels.dtype).kind not in "ui":
        raise EmsegError(
            "cells have whole numbers as ids", str(cells), "give a label volume first: synapses SEG OUT.hdf"
        )
    refuse_image_as_ids(labels, cells, is_labels=opened.is_labels)
    found = Inputs(
        labels, spacing_nm, opened.offset_nm or (0.0, 0.0, 0.0),
        None if clefts is None else _clefts(open_volume(clefts), settings, str(clefts)),
        None if sides is None else _sides(open_volume(sides), settings, str(sides)),
        None if image is None else one_channel(open_volume(image).array, image),
    )  # fmt: skip
    for array, where in ((found.clefts, clefts), (found.sides, sides), (found.image, image)):
        if array is not None and shape_of(array) != shape_of(labels):
            raise EmsegError(
                f"it measures {shape_of(array)} voxels and the cells {shape_of(labels)}",
                str(where),
                "give one region of both",
            )
    return found


def _clefts(opened: Opened, settings: SynapseSettings, where: str) -> Any:
    array = one_channel(opened.array, where)
    dtype = np.dtype(array.dtype)
    if dtype.kind in "ui" and (dtype.itemsize > 1 or opened.is_labels):
        refuse_image_as_ids(array, where, is_labels=opened.is_labels)
        return array
    refuse_image_as_probability(array, where, of="clefts", model="cleft")
    return CleftMap(_Bytes(array) if dtype == np.uint8 else array, settings.threshold, where)


def _sides(opened: Opened, settings: SynapseSettings, where: str) -> SideMap:
    found = SideMap(opened.array, settings, where)
    if found.form == "sides":
        refuse_image_as_ids(opened.array, where, is_labels=opened.is_labels)
    return found


class _Bytes:
    """Eight bits that are a probability, or a mask of 0 and 1: the whole volume is looked through to know."""

    def __init__(self, array: Any) -> None:
        self.shape, self.dtype, self._array = array.shape, array.dtype, array
        self._is_mask: bool | None = None

    def __getitem__(self, box: Any) -> NDArray[Any]:
        if self._is_mask is None:
            self._is_mask = holds_mask(self._array)
        values = np.asarray(self._array[box])
        return values > 0 if self._is_mask else values
