"""Writing what VAST imports: images whose colours are ids, and a segment table that fits them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.sections_folder import NOTE, RGB_IDS
from napari_emseg.io.vast_ids import colours_of
from napari_emseg.io.vast_table import VastTable, with_boxes, write_vast_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

TABLE_NAME = "segments.txt"
_NUMBER = re.compile(r"%(0?)(\d?)d")
Box = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class VastExport:
    """How a VAST export is to look.

    Parameters
    ----------
    pattern : str
        Names of the images in C's notation: one number for the section ("seg_s%03d.png"), or three for section,
        row and column ("%04d_tr%d-tc%d.png").
    tile : int
        Height and width of tiles; 0 writes whole sections.
    offset : tuple of int
        Voxel (z, y, x) of the full resolution at which the labels begin: what VAST asks for when it imports.
    mip : int
        How often the labels were halved in y and x.
    table : VastTable or None
        Names, colours and hierarchy; segments that it lacks are added.
    """

    pattern: str = "seg_s%03d.png"
    tile: int = 0
    offset: tuple[int, int, int] = (0, 0, 0)
    mip: int = 0
    table: VastTable | None = None

    def __post_init__(self) -> None:
        numbers = len(_NUMBER.findall(self.pattern))
        rest = _NUMBER.sub("", self.pattern)
        if numbers not in (1, 3) or "%" in rest or "/" in rest or "\\" in rest or not rest.endswith(".png"):
            raise EmsegError(
                "this is no pattern for names",
                self.pattern,
                "write it like seg_s%03d.png or %04d_tr%d-tc%d.png",
            )
        if (self.tile > 0) != (numbers == 3):
            raise EmsegError(
                "tiles need three numbers in their names (section, row, column), whole sections one",
                self.pattern,
                "write --pattern %04d_tr%d-tc%d.png together with --tile 4096",
            )
        if self.tile < 0 or self.mip < 0 or min(self.offset) < 0:
            raise EmsegError("tile size, mip level and offset cannot be negative", self.pattern)


def write_vast(
    path: Path,
    array: Any,
    spacing_nm: Spacing | None,
    export: VastExport,
    offset_nm: Spacing | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> VastTable:
    """Write images and segment table into a new folder.

    Parameters
    ----------
    path : Path
        At which nothing exists.
    array : array-like (z, y, x) of integers
        Read section by section. Section numbers in names begin at the offset.
    spacing_nm : tuple of float or None
        Voxel size of `array`; goes into a note that only this program reads.
    export : VastExport
    offset_nm : tuple of float or None
        Where the first voxel lies; goes into the same note.
    metadata : mapping or None
        Provenance; likewise.

    Returns
    -------
    VastTable
        The table that was written, ``segments.txt``.

    Raises
    ------
    EmsegError
        If an id needs more than 24 bits; nothing is left then.
    """
    from PIL import Image

    if np.dtype(array.dtype).kind not in "bui":
        raise EmsegError(f"{array.dtype} values are no ids", str(path), "give labels")
    path.mkdir()
    boxes: dict[int, Box] = {}
    areas: dict[int, int] = {}
    for z in range(array.shape[0]):
        section = np.asarray(array[z])
        section = section.astype(section.dtype.newbyteorder("="), copy=False)
        image = colours_of(section, f"{path}, section {z}")
        for name, part in _parts(image, z + export.offset[0], export):
            Image.fromarray(part).save(path / name, compress_level=3)
        _measure(section, z, boxes, areas)
    table = with_boxes(export.table or VastTable(()), {i: _full(b, export) for i, b in boxes.items()})
    write_vast_table(path / TABLE_NAME, table)
    note = {
        "napari_emseg": dict(metadata or {}) | {"vast": {"offset_voxels": export.offset, "mip": export.mip}},
        "dtype": "uint32",
        "spacing_nm": spacing_nm,
        "offset_nm": offset_nm,
        "encoding": RGB_IDS,
    }
    (path / NOTE).write_text(json.dumps(note, indent=1, default=str), "utf-8")
    return table


def write_vast_folder(
    path: Path, array: Any, spacing_nm: Spacing | None, axes: str, metadata: Mapping[str, Any] | None
) -> None:
    """Write labels into a folder ``NAME.vast`` as VAST imports them, with names "Segment N".

    Parameters
    ----------
    path, array, spacing_nm
        As `write_vast`. The table of labels that come from VAST goes with them.
    axes : {"zyx"}
    metadata : mapping or None
        Provenance; goes into a note beside the images.
    """
    if axes != "zyx":
        raise EmsegError("VAST knows no channels", str(path), "give labels (z, y, x)")
    table = getattr(getattr(array, "original", array), "table", None)
    offset = getattr(array, "offset_nm", None)
    write_vast(path, array, spacing_nm, VastExport(table=table), offset, metadata)


def _parts(image: NDArray[np.uint8], z: int, export: VastExport) -> list[tuple[str, NDArray[np.uint8]]]:
    if not export.tile:
        return [(_name(export.pattern, z), image)]
    t = export.tile
    return [
        (_name(export.pattern, z, r + 1, c + 1), image[r * t : (r + 1) * t, c * t : (c + 1) * t])
        for r in range(-(-image.shape[0] // t))
        for c in range(-(-image.shape[1] // t))
    ]


def _name(pattern: str, *numbers: int) -> str:
    left = iter(numbers)
    return _NUMBER.sub(lambda m: f"{next(left):{m[1]}{m[2] or 1}d}", pattern)


def _measure(section: NDArray[Any], z: int, boxes: dict[int, Box], areas: dict[int, int]) -> None:
    """Extend the boxes of the ids in a section; the anchor lies where an object is largest."""
    import fastremap
    from scipy import ndimage as ndi

    small, names = fastremap.renumber(section, in_place=False)
    found = ndi.find_objects(small.astype(np.int32))
    back = {new: old for old, new in names.items()}
    for new, box in enumerate(found, 1):  # renumbering leaves no gaps: every number has a box
        i = int(back[new])
        inside = np.argwhere(small[box] == new)
        start = (z, int(box[0].start), int(box[1].start))
        stop = (z + 1, int(box[0].stop), int(box[1].stop))
        middle = inside[len(inside) // 2] + (start[1], start[2])
        anchor: tuple[int, ...] = (z, int(middle[0]), int(middle[1]))
        if i in boxes:
            before = boxes[i]
            start = tuple(map(min, start, before[0]))  # type: ignore[assignment]
            stop = tuple(map(max, stop, before[1]))  # type: ignore[assignment]
            if len(inside) <= areas[i]:
                anchor = before[2]
        areas[i] = max(areas.get(i, 0), len(inside))
        boxes[i] = (start, stop, anchor)


def _full(box: Box, export: VastExport) -> Box:
    """A box in voxels of the full resolution of the whole data set."""
    scale = (1, 1 << export.mip, 1 << export.mip)
    start, stop, anchor = (
        tuple(v * s + o for v, s, o in zip(point, scale, export.offset, strict=True)) for point in box
    )
    return start, stop, anchor
