"""A folder with one image file per section, in the order of the number in its name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.choice import SeveralArrays
from napari_emseg.io.image_file import image_head, read_section
from napari_emseg.io.lazy import SectionStack, voxel_type
from napari_emseg.io.opened import Opened
from napari_emseg.io.section_names import MissingSections, order_sections
from napari_emseg.io.units import valid_spacing
from napari_emseg.io.vast_ids import colours_of, ids_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.paths import DataPath

SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
NOTE = "stack.json"
"""Written beside our own sections: voxel size, provenance, and how ids beyond 16 bits are kept."""

FILLED, JOINED = "filled", "joined"
WITH_GAPS = {FILLED: "black where missing", JOINED: "without the gaps"}
"""What a person writes behind ``::`` of a folder from which sections are missing."""

RGB_IDS = "id = R * 65536 + G * 256 + B"
"""What the note says of images whose colours are ids."""


class _Loader:
    """Decodes one section; an object and no closure, so that a stack can go to another process."""

    def __init__(
        self,
        files: Sequence[Path | None],
        size: tuple[int, int],
        dtype: np.dtype[Any] | None,
        *,
        rgb_ids: bool,
    ) -> None:
        self.files, self.size, self.dtype, self.rgb_ids = files, size, dtype, rgb_ids

    def __call__(self, z: int) -> NDArray[Any]:
        file = self.files[z]
        if file is None:
            return np.zeros(self.size, self.dtype or np.uint8)
        values = read_section(file)
        if self.rgb_ids:
            values = ids_of(values)
        return values if self.dtype is None else values.astype(self.dtype)


def read_sections(where: DataPath) -> Opened:
    """Open a folder of sections, or one image file as a stack of one section.

    Only headers are read; a section is decoded when it is looked at. A folder with a VAST segment table in it, or
    with ``::vast`` behind it, holds ids in colours.

    Raises
    ------
    EmsegError
        If there are none, a number is missing, the names form no series, or the sizes differ.
    """
    from napari_emseg.io.vast import INNER, find_vast_table, read_vast

    is_folder = where.path.is_dir()
    if is_folder and (where.inner == INNER or (not where.inner and find_vast_table(where.path))):
        return read_vast(where)
    if where.inner and not (is_folder and where.inner in WITH_GAPS):
        raise EmsegError("a folder of sections has no internal path", str(where), "leave out what follows ::")
    if is_folder:
        found = [
            p for p in where.path.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")
        ]
        if not found:
            raise EmsegError("the folder holds no sections", str(where), f"they end in {', '.join(SUFFIXES)}")
        files = _in_order(found, where)
        note = _read_note(where.path)
    else:
        files, note = [where.path], {}
    stack = open_files(files, str(where), note)
    return Opened(
        stack, valid_spacing(note.get("spacing_nm")), _offset(note), True if "encoding" in note else None
    )


def _in_order(found: list[Path], where: DataPath) -> Sequence[Path | None]:
    """Files of a folder in order; where numbers are missing, the person says what is in their place."""
    try:
        return order_sections(found, where.path)
    except MissingSections as error:
        ways: dict[str, Sequence[Path | None]] = {FILLED: error.filled, JOINED: error.joined}
        if where.inner:
            return ways[where.inner]
        size = image_head(error.joined[0])[0]
        shapes = {name: (len(files), *map(int, size)) for name, files in ways.items()}
        raise SeveralArrays(where, shapes, error.what, WITH_GAPS, kind="sections") from error


def _offset(note: Mapping[str, Any]) -> tuple[float, float, float] | None:
    values = note.get("offset_nm")
    if not isinstance(values, list) or len(values) != 3:
        return None
    if not all(isinstance(v, (int, float)) and np.isfinite(v) for v in values):
        return None
    return float(values[0]), float(values[1]), float(values[2])


def open_files(
    files: Sequence[Path | None], where: str, note: Mapping[str, Any] | None = None
) -> SectionStack:
    """Image files, one per section and in this order, as a stack.

    Parameters
    ----------
    files : sequence of Path or None
        At least one; None is a black section.
    where : str
        What they are, for messages.
    note : mapping, optional
        Contents of our own `NOTE`: "dtype" and "encoding" count here.

    Raises
    ------
    EmsegError
        If one cannot be decoded, or the sizes differ.
    """
    note = note or {}
    there = [f for f in files if f is not None]
    heads = [image_head(f) for f in there]
    sizes = [size for size, _ in heads]
    odd = next((i for i, size in enumerate(sizes) if size != sizes[0]), None)
    if odd is not None:
        raise EmsegError(
            f"sections differ in size: {there[0].name} is {sizes[0]}, {there[odd].name} is {sizes[odd]}",
            where,
            "make them all the same size (y, x)",
        )
    load = _Loader(files, sizes[0], _noted_type(note, where), rgb_ids="encoding" in note)
    # Exports mix 8 and 16 bits: the widest holds all of them, unchanged.
    kind = load.dtype or np.result_type(*{dtype for _, dtype in heads})
    load(0)  # a first section that cannot be decoded is said when it is opened
    stack = SectionStack((len(files), *sizes[0]), kind, load, where)
    stack.missing = tuple(z for z, file in enumerate(files) if file is None)
    return stack


def _noted_type(note: Mapping[str, Any], where: str) -> np.dtype[Any] | None:
    if "dtype" not in note:
        return None
    try:
        dtype = np.dtype(str(note["dtype"]))
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind not in "bui":
        raise EmsegError(f"{NOTE} names no type of voxels", where, f"delete {NOTE} and give the voxel size")
    return dtype


def _read_note(folder: Path) -> dict[str, Any]:
    try:
        note = json.loads((folder / NOTE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) and "napari_emseg" in note else {}


def write_sections(
    path: Path, array: Any, spacing_nm: Spacing | None, axes: str, metadata: Mapping[str, Any] | None
) -> None:
    """Write PNG sections ``0000.png`` ... and a note with voxel size and provenance.

    8 and 16 bit values are kept as they are; larger ids go into the 24 bits of red, green and blue.

    Parameters
    ----------
    path : Path
        Folder to make.
    array : array-like (z, y, x)
        Integers; only one section is in memory at a time.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x).
    axes : {"zyx"}
        PNG sections have no channels.
    metadata : mapping or None
        Provenance.

    Raises
    ------
    EmsegError
        If the values are no integers, there are channels, or ids do not fit 24 bits.
    """
    from PIL import Image

    dtype = voxel_type(array.dtype)
    if axes != "zyx":
        raise EmsegError("a folder of PNG sections holds no channels", str(path), "write .zarr, .h5 or .tif")
    if dtype.kind not in "ui":
        raise EmsegError(f"PNG holds no {dtype} values", str(path), "write .zarr, .h5 or .tif, or use uint8")
    rgb = dtype not in (np.uint8, np.uint16)
    path.mkdir()
    digits = max(4, len(str(array.shape[0] - 1)))
    for z in range(array.shape[0]):
        section = np.asarray(array[z], dtype=dtype)
        if rgb:
            section = colours_of(section, str(path))
        Image.fromarray(section).save(path / f"{z:0{digits}d}.png", compress_level=3)
    note: dict[str, Any] = {
        "napari_emseg": dict(metadata or {}),
        "dtype": dtype.name,
        "spacing_nm": spacing_nm,
        "offset_nm": getattr(array, "offset_nm", None),
    }
    if rgb:
        note["encoding"] = RGB_IDS
    (path / NOTE).write_text(json.dumps(note, indent=1, default=str), "utf-8")
