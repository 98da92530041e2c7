"""One image file: PNG, JPEG or TIFF, as the pixels of a section."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.memory import refuse_too_large

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_TIFF = (".tif", ".tiff")
_PIL_LOCK = threading.Lock()
_TYPES = {"1": "uint8", "I;16": "uint16", "I;16B": "uint16", "I;16L": "uint16", "I": "int32", "F": "float32"}
_JPEG_TINT = 4  # grey levels by which rounding of the chroma can tint a grey JPEG


def read_section(file: Path) -> NDArray[Any]:
    """Pixels of one image file: (y, x), or (y, x, samples) for colour; two-level images give 0 and 255.

    Raises
    ------
    EmsegError
        If it cannot be decoded, or would lose values by it.
    """
    try:
        if file.suffix.lower() in _TIFF:
            import tifffile

            return _grey(np.asarray(tifffile.imread(file)))
        with _opened(file) as image:
            if image.mode in ("P", "LA", "PA"):
                return np.asarray(image.convert("RGBA"))
            if image.format == "JPEG" and image.mode == "RGB":
                return _untinted(np.asarray(image))
            return _grey(np.asarray(image))
    except EmsegError:
        raise
    except Exception as error:  # a damaged image makes decoders raise anything at all
        raise _undecodable(file) from error


def _grey(values: NDArray[Any]) -> NDArray[Any]:
    """Two-level images as black and white: stacks of masks mix them with 8-bit sections."""
    return values.astype(np.uint8) * np.uint8(255) if values.dtype == bool else values


def _untinted(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A grey JPEG that was saved as colour is grey but for rounding: green, which weighs most, is taken."""
    green = values[..., 1].astype(np.int16)
    tint = max(int(np.abs(values[..., k] - green).max(initial=0)) for k in (0, 2))
    return values[..., 1] if tint <= _JPEG_TINT else values


def image_size(file: Path) -> tuple[int, int]:
    """Height and width from the header alone."""
    return image_head(file)[0]


def image_head(file: Path) -> tuple[tuple[int, int], np.dtype[Any]]:
    """Height and width, and the type of a pixel, from the header alone.

    Raises
    ------
    EmsegError
        If it is no image, or too large for the memory.
    """
    try:
        if file.suffix.lower() in _TIFF:
            import tifffile

            with tifffile.TiffFile(file) as tiff:
                page: Any = tiff.pages.first
                size, dtype = (int(page.imagelength), int(page.imagewidth)), np.dtype(page.dtype)
        else:
            with _opened(file) as image:
                size = int(image.height), int(image.width)
                dtype = np.dtype(_TYPES.get(image.mode, "uint8"))
    except EmsegError:
        raise
    except Exception as error:
        raise _undecodable(file) from error
    refuse_too_large(size, dtype, str(file))
    return size, np.dtype(np.uint8) if dtype.kind == "b" else dtype


def _opened(file: Path) -> Any:
    """A Pillow image whose pixels are not decoded yet.

    Pillow refuses more than 179 million pixels to be safe from files that blow up when they are unpacked.
    Sections of electron microscopes are larger than that, so the memory is asked instead.
    """
    from PIL import Image

    with _PIL_LOCK:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            image = Image.open(file)
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    try:
        refuse_too_large((image.height, image.width, len(image.getbands())), np.uint8, str(file))
        if image.format == "PNG" and _is_deep_colour(file):
            raise EmsegError(
                "a colour PNG of 16 bits would lose half of them",
                str(file),
                "save it as 16-bit grey or as TIFF",
            )
    except EmsegError:
        image.close()
        raise
    return image


def _is_deep_colour(file: Path) -> bool:
    """Whether the header of a PNG says 16 bits and colour."""
    with file.open("rb") as opened:
        head = opened.read(26)
    return len(head) == 26 and head[24] == 16 and bool(head[25] & 2)


def _undecodable(file: Path) -> EmsegError:
    if not file.exists():
        return EmsegError("the file of this section is gone", str(file), "put it back, or connect its disk")
    return EmsegError("the section cannot be decoded", str(file), "copy or export it again")
