"""What opening reads, in a thread: the window does not wait for sections of a slow disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.project import load_project

if TYPE_CHECKING:
    from napari_emseg.core.stack import ImageStack, Spacing

Found = tuple[Path | None, "ImageStack | None"]
"""A project with its image, which is None where it cannot be had; or only a stack."""


def read_path(path: str | Path, spacing_nm: Spacing | None) -> Found:
    """Read a stack, or a project folder (``NAME.emseg``) and its image.

    Raises
    ------
    EmsegError
        If it cannot be opened. What a project lacks is said when it is opened itself.
    """
    if Path(path).suffix == ".emseg" and Path(path).is_dir():
        return Path(path), _image_of(Path(path))
    from napari_emseg.io import open_image

    return None, looked_at(open_image(path, spacing_nm=spacing_nm))


def read_elsewhere(folder: Path, image: str | Path) -> ImageStack:
    """The image of a project where the person says that it lies now; of a folder, any file in it.

    Raises
    ------
    EmsegError
        If it cannot be opened.
    """
    from napari_emseg.io.finding import open_around

    return looked_at(open_around(image, _shape_of(folder), _inner_path(folder)))


def checked(stack: ImageStack) -> ImageStack:
    """A stack that can be worked on.

    Raises
    ------
    EmsegError
        As `napari_emseg.io.check_image`.
    """
    from napari_emseg.io import check_image

    check_image(stack)
    return looked_at(stack)


def looked_at(stack: ImageStack) -> ImageStack:
    """The stack, once it is remembered what three of its sections look like."""
    _ = stack.fingerprint
    return stack


def _image_of(folder: Path) -> ImageStack | None:
    from napari_emseg.session.image import image_of

    try:
        return looked_at(image_of(load_project(folder)))
    except EmsegError:
        return None


def _shape_of(folder: Path) -> tuple[int, int, int] | None:
    """Extent (z, y, x) of the labels of a project, also of one that has lost its file; None where nothing says it."""
    from napari_emseg.core.volume import LabelVolume

    try:
        return LabelVolume.open(folder / "labels.zarr").shape
    except EmsegError:
        return None


def _inner_path(folder: Path) -> str:
    """Where in its file the image of a project was."""
    try:
        return load_project(folder).image.uri.partition("::")[2]
    except EmsegError:
        return ""
