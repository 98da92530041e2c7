"""VAST: folders of segmentation images whose colours are ids, with a segment table beside them.

Found are ``seg_s009.png``, ``NAME_s000.png`` and tiles ``0001_tr1-tc1.png``; sections in the order of their number,
tiles by row (tr) and column (tc).
"""

from __future__ import annotations

import json
import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.image_file import image_size, read_section
from napari_emseg.io.mosaic import Mosaic, Place, missing_note
from napari_emseg.io.opened import Opened
from napari_emseg.io.section_names import order_sections
from napari_emseg.io.sections_folder import NOTE, SUFFIXES
from napari_emseg.io.units import valid_offset, valid_spacing
from napari_emseg.io.vast_ids import ids_of
from napari_emseg.io.vast_table import VastTable, looks_like_vast_table, read_vast_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_emseg.io.paths import DataPath

INNER = "vast"
"""What a person writes behind ``::`` to say that colours are ids."""

_MOST_MISSING = 1000  # tiles for each that is there
_DEEPEST = 64  # classes above a segment that are named
_TILE = re.compile(r"[-_ ]?tr(\d+)[-_ ]?tc(\d+)", re.IGNORECASE)


class VastStack(Mosaic):
    """Ids of a VAST export, with its segment table where there is one."""

    table: VastTable | None = None


def _decode(file: Path) -> NDArray[np.uint32]:
    return ids_of(read_section(file))


def find_vast_table(folder: Path) -> Path | None:
    """The one segment table in a folder, or None.

    Raises
    ------
    EmsegError
        If there are several.
    """
    tables = [p for p in sorted(folder.glob("*.txt")) if looks_like_vast_table(p)]
    if len(tables) > 1:
        raise EmsegError(
            f"there are several segment tables: {', '.join(p.name for p in tables[:4])}",
            str(folder),
            "keep the one that belongs to the images",
        )
    return tables[0] if tables else None


def read_vast(where: DataPath) -> Opened:
    """Open a VAST export without decoding an image.

    Parameters
    ----------
    where : DataPath
        A folder of images.

    Returns
    -------
    Opened
        Labels (z, y, x) uint32; voxel size and place are in no VAST export, only in our own note.

    Raises
    ------
    EmsegError
        If there are no images, sections are missing, or several tables are there.
    """
    folder = where.path
    files = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]
    if not files:
        raise EmsegError("the folder holds no sections", str(folder), f"they end in {', '.join(SUFFIXES)}")
    places, shape, tile = _layout(files, folder)
    rows, columns = -(-shape[1] // tile[0]), -(-shape[2] // tile[1])
    total = shape[0] * rows * columns
    if total > _MOST_MISSING * len(places):
        raise EmsegError(
            f"its tile numbers speak of {total} tiles, and {len(places)} are there", str(folder),
            "export all tiles of the same region",
        )  # fmt: skip
    lost = [
        (z, r, c)
        for z in range(shape[0])
        for r in range(rows)
        for c in range(columns)
        if (z, r, c) not in places
    ]
    stack = VastStack(
        shape, np.uint32, tile, places, _decode, where=str(where), notes=missing_note(lost, total, "0")
    )
    table = find_vast_table(folder)
    stack.table = read_vast_table(table) if table else None
    note = _note(folder)
    spacing, offset = valid_spacing(note.get("spacing_nm")), valid_offset(note.get("offset_nm"))
    return Opened(stack, spacing, offset, is_labels=True)


def _layout(
    files: list[Path], folder: Path
) -> tuple[dict[Place, Path], tuple[int, int, int], tuple[int, int]]:
    """Where each file belongs, the shape of the stack, and that of a tile."""
    members: dict[Path, dict[tuple[int, int], Path]] = {}
    for file in files:
        match = _TILE.search(file.stem)
        cell = (int(match[1]), int(match[2])) if match else (1, 1)
        section = file.with_name(_TILE.sub("", file.stem) + file.suffix)
        if cell in members.setdefault(section, {}):
            raise EmsegError(
                f"two files show the same tile: {members[section][cell].name}, {file.name}", str(folder)
            )
        members[section][cell] = file
    ordered = order_sections(list(members), folder)
    cells = {c for tiles in members.values() for c in tiles}
    top, left = min(r for r, _ in cells), min(c for _, c in cells)
    bottom, right = max(r for r, _ in cells), max(c for _, c in cells)
    anywhere = {c: file for tiles in members.values() for c, file in tiles.items()}

    def extent(axis: int, first: int, last: int) -> tuple[int, int]:
        """Of a tile, and of all together, along one axis."""
        one = _size_of(anywhere, axis, first, folder)
        return one, one * (last - first) + (_size_of(anywhere, axis, last, folder) if last > first else one)

    (tile_y, height), (tile_x, width) = extent(0, top, bottom), extent(1, left, right)
    places = {
        (z, r - top, c - left): file
        for z, section in enumerate(ordered)
        for (r, c), file in members[section].items()
    }
    _refuse_mixed_sizes(places, (height, width), (tile_y, tile_x), folder)
    return places, (len(ordered), height, width), (tile_y, tile_x)


def _size_of(cells: Mapping[tuple[int, int], Path], axis: int, number: int, folder: Path) -> int:
    file = next((f for cell, f in cells.items() if cell[axis] == number), None)
    if file is None:
        raise EmsegError(f"there is no tile in row or column {number}", str(folder), "export the stack again")
    return image_size(file)[axis]


def _refuse_mixed_sizes(
    places: Mapping[Place, Path], extent: tuple[int, int], tile: tuple[int, int], folder: Path
) -> None:
    for (_, r, c), file in sorted(places.items()):
        found = image_size(file)
        needed = (min(tile[0], extent[0] - r * tile[0]), min(tile[1], extent[1] - c * tile[1]))
        if found != needed:
            raise EmsegError(
                f"images differ in size: {file.name} is {found} and not {needed}",
                str(folder),
                "export all sections of the same region",
            )


def _note(folder: Path) -> dict[str, Any]:
    try:
        note = json.loads((folder / NOTE).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return note if isinstance(note, dict) else {}


def _classes(table: VastTable, segment_id: int) -> str:
    """Names above a segment, from the root down; of very deep trees the nearest ones."""
    names = [s.name for s in islice(table.ancestors(segment_id), 1, _DEEPEST)]
    return " / ".join(reversed(names))


def label_look(table: VastTable) -> dict[str, Any]:
    """How napari is to show the segments: colours, and names and classes in the status line.

    Returns
    -------
    dict
        "colormap" and "features" of a Labels layer.
    """
    shown = [s for s in table.segments if s.id]
    colours: dict[int | None, tuple[float, ...]] = {0: (0.0, 0.0, 0.0, 0.0), None: (0.6, 0.6, 0.6, 1.0)}
    colours |= {s.id: (*(min(max(v, 0), 255) / 255 for v in s.first[:3]), 1.0) for s in shown}
    features = {
        "index": np.asarray([s.id for s in shown]),
        "name": np.asarray([s.name for s in shown], object),
        "class": np.asarray([_classes(table, s.id) for s in shown], object),
    }
    return {"colormap": colours, "features": features}
