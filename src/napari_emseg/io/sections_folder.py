"""A folder with one image file per section, in the order of the number in its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.lazy import LazyArray, SectionStack, voxel_type
from napari_emseg.io.section_names import order_sections
from napari_emseg.io.units import valid_spacing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.paths import DataPath

SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
NOTE = "stack.json"
"""Written beside our own sections: voxel size, provenance, and how ids beyond 16 bits are kept."""

_RGB_IDS = "id = R * 65536 + G * 256 + B"
_MOST_IDS = 1 << 24


class _Loader:
    """Decodes one section; an object and no closure, so that a stack can go to another process."""

    def __init__(self, files: list[Path], dtype: np.dtype[Any] | None, *, rgb_ids: bool) -> None:
        self.files, self.dtype, self.rgb_ids = files, dtype, rgb_ids

    def __call__(self, z: int) -> NDArray[Any]:
        values = read_section(self.files[z])
        if self.rgb_ids:
            values = values[..., :3].astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
        return values if self.dtype is None else values.astype(self.dtype)


def read_section(file: Path) -> NDArray[Any]:
    """Pixels of one image file: (y, x), or (y, x, samples) for colour; two-level images give 0 and 255.

    Raises
    ------
    EmsegError
        If it cannot be decoded.
    """
    try:
        if file.suffix.lower() in (".tif", ".tiff"):
            import tifffile

            return _grey(np.asarray(tifffile.imread(file)))
        from PIL import Image  # decodes what imageio would, and tells the mode

        with Image.open(file) as image:
            if image.mode in ("P", "LA", "PA"):
                return np.asarray(image.convert("RGBA"))
            return _grey(np.asarray(image))
    except (OSError, ValueError, SyntaxError) as error:
        raise EmsegError("the section cannot be decoded", str(file), "copy or export it again") from error


def _grey(values: NDArray[Any]) -> NDArray[Any]:
    """Two-level images as black and white: stacks of masks mix them with 8-bit sections."""
    return values.astype(np.uint8) * np.uint8(255) if values.dtype == bool else values


def _size(file: Path) -> tuple[int, int]:
    """Height and width from the header alone."""
    from PIL import Image, UnidentifiedImageError

    if file.suffix.lower() in (".tif", ".tiff"):
        import tifffile

        try:
            with tifffile.TiffFile(file) as tiff:
                page = tiff.pages.first
                return int(page.imagelength), int(page.imagewidth)
        except (tifffile.TiffFileError, OSError, IndexError, ValueError) as error:
            raise EmsegError("the section cannot be decoded", str(file), "copy or export it again") from error
    try:
        with Image.open(file) as image:
            return int(image.height), int(image.width)
    except (UnidentifiedImageError, OSError) as error:
        raise EmsegError("the section cannot be decoded", str(file), "copy or export it again") from error


def read_sections(where: DataPath) -> tuple[LazyArray, Spacing | None]:
    """Open a folder of sections, or one image file as a stack of one section.

    Only headers are read; a section is decoded when it is looked at.

    Raises
    ------
    EmsegError
        If there are none, a number is missing, the names form no series, or the sizes differ.
    """
    if where.inner:
        raise EmsegError("a folder of sections has no internal path", str(where), "leave out what follows ::")
    if where.path.is_dir():
        found = [
            p for p in where.path.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")
        ]
        if not found:
            raise EmsegError("the folder holds no sections", str(where), f"they end in {', '.join(SUFFIXES)}")
        files = order_sections(found, where.path)
        note = _read_note(where.path)
    else:
        files, note = [where.path], {}
    return open_files(files, str(where), note), valid_spacing(note.get("spacing_nm"))


def open_files(files: list[Path], where: str, note: Mapping[str, Any] | None = None) -> SectionStack:
    """Image files, one per section and in this order, as a stack.

    Parameters
    ----------
    files : list of Path
        At least one.
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
    sizes = [_size(f) for f in files]
    odd = next((i for i, size in enumerate(sizes) if size != sizes[0]), None)
    if odd is not None:
        raise EmsegError(
            f"sections differ in size: {files[0].name} is {sizes[0]}, {files[odd].name} is {sizes[odd]}",
            where,
            "make them all the same size (y, x)",
        )
    dtype = np.dtype(note["dtype"]) if "dtype" in note else None
    load = _Loader(files, dtype, rgb_ids="encoding" in note)
    kind = dtype or load(0).dtype
    return SectionStack((len(files), *sizes[0]), kind, load, where)


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
            if section.size and (section.min() < 0 or section.max() >= _MOST_IDS):
                raise EmsegError(
                    f"ids of section {z} do not fit 24 bits", str(path), "write .zarr, .h5 or .tif instead"
                )
            section = np.stack([(section >> s & 255).astype(np.uint8) for s in (16, 8, 0)], axis=-1)
        Image.fromarray(section).save(path / f"{z:0{digits}d}.png", compress_level=3)
    note: dict[str, Any] = {
        "napari_emseg": dict(metadata or {}),
        "dtype": dtype.name,
        "spacing_nm": spacing_nm,
    }
    if rgb:
        note["encoding"] = _RGB_IDS
    (path / NOTE).write_text(json.dumps(note, indent=1, default=str), "utf-8")
