"""Tile databases: a JSON file that names the tiles of every section.

::

    {"sections": ["s0/{row}_{column}.png", "s1/{row}_{column}.png"],
     "dimensions": {"depth": 2, "height": 3000, "width": 5000,
                    "n_rows": 2, "n_columns": 3, "tile_size": 2048, "dtype": "uint8"}}

Rows and columns count from 1 unless ``"first": 0`` stands beside the dimensions. Relative names start at the JSON
file. Missing tiles are grey 128 in images and 0 in labels, and that is said.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.image_file import read_section
from napari_emseg.io.mosaic import Mosaic, Place, missing_note
from napari_emseg.io.opened import Opened
from napari_emseg.io.textfiles import read_text
from napari_emseg.io.units import valid_spacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.io.paths import DataPath

GREY = 128
"""Of pixels that no tile shows: half of 8 bits, as tools of the field have always filled them."""

_FIELD = re.compile(r"\{(row|column)(?::0?(\d)d?)?\}")
_SIZES = ("depth", "height", "width", "n_rows", "n_columns", "tile_size")
_IDS_FROM_BYTES = 4
_MOST_TILES = 50_000_000


def is_tile_database(head: bytes) -> bool:
    """Whether the first bytes of a file may be those of a tile database."""
    return head.lstrip().startswith(b"{") and (b'"sections"' in head or b'"dimensions"' in head)


def read_tile_database(where: DataPath) -> Opened:
    """Open a tile database without reading a tile.

    Raises
    ------
    EmsegError
        If the JSON is damaged, sizes do not fit together, or no tile exists at all.
    """
    path = where.path
    if where.inner:
        raise EmsegError("a tile database has no internal path", str(where), "leave out what follows ::")
    content = _content(path)
    size = _sizes(content["dimensions"], path)
    patterns = content["sections"]
    if not isinstance(patterns, list) or not all(isinstance(p, str) for p in patterns):
        raise EmsegError("its sections are no list of names", str(path), "write one pattern per section")
    if len(patterns) < size["depth"]:
        raise EmsegError(
            f"it names {len(patterns)} sections and says that there are {size['depth']}",
            str(path),
            "correct it",
        )
    first = _first_number(content["dimensions"], patterns, size, path)
    wanted = _wanted(patterns[: size["depth"]], size, first, path.parent)
    present = _present(wanted.values())
    files = {place: file for place, file in wanted.items() if file in present}
    if not files:
        raise EmsegError(
            "none of its tiles exists",
            str(path),
            f"the first would be {next(iter(wanted.values()), 'nowhere')}",
        )
    dtype = _dtype(content["dimensions"], files, path)
    is_labels = dtype.kind in "ui" and dtype.itemsize >= _IDS_FROM_BYTES
    fill = 0 if is_labels else GREY
    lost = sorted(set(wanted) - set(files))
    tile = (size["tile_size"], size["tile_size"])
    stack = Mosaic(
        (size["depth"], size["height"], size["width"]), dtype, tile, files, _Decode(dtype), fill=fill,
        where=str(path), notes=missing_note(lost, len(wanted), "0" if is_labels else f"grey {GREY}"),
    )  # fmt: skip
    spacing = valid_spacing(content["dimensions"].get("voxel_size_nm"))
    return Opened(stack, spacing, is_labels=is_labels)


class _Decode:
    """Decodes one tile; an object and no closure, so that a stack can go to another process."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype

    def __call__(self, file: Path) -> NDArray[Any]:
        from napari_emseg.io.lazy import grey_of
        from napari_emseg.io.vast_ids import ids_of

        values = read_section(file)
        if values.ndim == 3 and self.dtype.itemsize >= _IDS_FROM_BYTES:
            return ids_of(values)
        return grey_of(values, str(file))


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_text(path, "tile database"))
    except (ValueError, RecursionError) as error:
        raise EmsegError("the JSON is damaged or cut short", str(path), "export it again") from error
    ok = isinstance(content, dict) and isinstance(content.get("dimensions"), dict) and "sections" in content
    if not ok:
        raise EmsegError("it is JSON but no tile database", str(path), "it needs sections and dimensions")
    return content  # type: ignore[no-any-return]


def _sizes(dimensions: Mapping[str, Any], path: Path) -> dict[str, int]:
    found = {}
    for name in _SIZES:
        value = dimensions.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 40:
            raise EmsegError(f"dimensions.{name} is no positive number", str(path), f"correct it: {value!r}")
        found[name] = value
    for axis, count in (("height", "n_rows"), ("width", "n_columns")):
        if found[count] * found["tile_size"] < found[axis]:
            raise EmsegError(
                f"{found[count]} tiles of {found['tile_size']} do not cover the {axis} of {found[axis]}",
                str(path),
                f"correct dimensions.{count}",
            )
    if found["depth"] * found["n_rows"] * found["n_columns"] > _MOST_TILES:
        raise EmsegError("it names too many tiles", str(path), "divide it, or convert it to .zarr")
    return found


def _filled(pattern: str, row: int, column: int) -> str:
    """A pattern with its two numbers; nothing else of Python's format language is understood."""
    numbers = {"row": row, "column": column}
    return _FIELD.sub(lambda m: f"{numbers[m[1]]:0{m[2] or 1}d}", pattern)


def _wanted(patterns: list[str], size: Mapping[str, int], first: int, base: Path) -> dict[Place, Path]:
    """Files of all tiles that show a part of the volume."""
    rows = -(-size["height"] // size["tile_size"])
    columns = -(-size["width"] // size["tile_size"])
    return {
        (z, row, column): base / _filled(pattern, row + first, column + first)
        for z, pattern in enumerate(patterns)
        for row in range(rows)
        for column in range(columns)
    }


def _first_number(
    dimensions: Mapping[str, Any], patterns: list[str], size: Mapping[str, int], path: Path
) -> int:
    """Whether rows and columns count from 1, as they should, or from 0: the files tell where the JSON does not."""
    said = dimensions.get("first")
    if said in (0, 1) and not isinstance(said, bool):
        return int(said)
    for pattern in patterns:
        one = path.parent / _filled(pattern, 1, 1)
        zero = path.parent / _filled(pattern, 0, 0)
        last = path.parent / _filled(pattern, size["n_rows"], size["n_columns"])
        if zero != one and zero.exists() and not last.exists():
            return 0
        if one.exists():
            return 1
    return 1


def _present(files: Iterable[Path]) -> set[Path]:
    """Which files exist; each folder is listed once, which is quick also on network disks."""
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for file in files:
        by_folder[file.parent].append(file)
    found = set()
    for folder, members in by_folder.items():
        try:
            names = set(os.listdir(folder))  # noqa: PTH208 - names are compared, not paths
        except OSError:
            continue
        found |= {m for m in members if m.name in names}
    return found


def _dtype(dimensions: Mapping[str, Any], files: Mapping[Place, Path], path: Path) -> np.dtype[Any]:
    said = dimensions.get("dtype")
    if said is None:
        return read_section(next(iter(files.values()))).dtype
    try:
        dtype = np.dtype(str(said))
    except TypeError as error:
        raise EmsegError(f"{said!r} is no type of voxels", str(path), "write uint8 or uint32") from error
    if dtype.kind not in "ui":
        raise EmsegError(f"tiles cannot hold {dtype}", str(path), "write uint8, uint16 or uint32")
    return dtype
