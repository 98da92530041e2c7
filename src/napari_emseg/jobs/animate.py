"""Make a movie of the sections of a stack, one frame each, with the objects in it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError, WrongCall
from napari_emseg.core.object_ids import checked_ids, need_id_type
from napari_emseg.core.progress import Silent
from napari_emseg.io.boxes import in_sections
from napari_emseg.io.movies import check_movie, movie
from napari_emseg.io.views import Window
from napari_emseg.jobs import frames
from napari_emseg.jobs.turning import turn_around
from napari_emseg.settings import AnimateSettings

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing

_EXAMPLES = 8  # sections from which contrast and palette are taken


@dataclass(frozen=True, slots=True)
class Animated:
    """What was made.

    Parameters
    ----------
    sections : int
        Frames, one a section; or views, where the objects are turned around.
    size : (y, x)
        Of a frame, in pixels.
    pixel_nm : float or None
        Of a frame.
    """

    sections: int
    size: tuple[int, int]
    pixel_nm: float | None


def animate(
    image: Any,
    output: str | os.PathLike[str],
    *,
    labels: Any = None,
    region: Region | None = None,
    spacing_nm: Spacing | None = None,
    settings: AnimateSettings | None = None,
    progress: Progress | None = None,
) -> Animated:
    """Write a movie section by section; memory does not depend on the number of sections.

    Parameters
    ----------
    image : array-like (z, y, x)
        Grey values.
    output : str or Path
        ``.gif`` or ``.mp4``.
    labels : array-like (z, y, x) of int, optional
        Object ids, 0 for none.
    region : Region, optional
        Part of the stack; default: everything.
    spacing_nm : (z, y, x), optional
        Voxel size; without it there is no scale bar.
    settings : AnimateSettings, optional
    progress : Progress, optional

    Raises
    ------
    EmsegError
        If the labels do not fit the image or are none, or the output cannot be written.
    WrongCall
        If the output is no movie.
    """
    settings, progress = settings or AnimateSettings(), progress or Silent()
    check_movie(output, settings.fps)
    if labels is not None:
        _check_labels(labels, image)
    region = region or Region.full(tuple(int(n) for n in image.shape))  # type: ignore[arg-type]
    if settings.turn:
        if labels is None:
            raise WrongCall("there are no objects to turn around", "--turn", "give LABELS too")
        checked = (_checked(ids, region.start[0] + n) for n, ids in enumerate(_sections(labels, region)))
        views, size = turn_around(
            checked, region.shape, output, spacing_nm=spacing_nm, settings=settings, progress=progress
        )
        return Animated(views, size, None)
    size, pixel_nm = frames.frame_size(region.shape[1:], spacing_nm, settings.scale)
    scene, examples = _scene(image, labels, region, (size, pixel_nm), settings)
    first, count = region.start[0], region.shape[0]
    with movie(output, settings.fps, examples) as out:
        pairs = zip(_sections(image, region), _sections(labels, region), strict=False)
        for n, (section, ids) in enumerate(pairs):
            out.add(frames.frame(scene, section, _checked(ids, first + n), first + n))
            progress.report((n + 1) / count, f"section {n + 1} of {count}")
    return Animated(count, size, pixel_nm)


def _check_labels(labels: Any, image: Any) -> None:
    if tuple(labels.shape) != tuple(image.shape):
        raise EmsegError(
            f"labels {tuple(labels.shape)} do not fit an image {tuple(image.shape)}",
            str(getattr(labels, "where", "")),
            "give labels of the same stack (z, y, x)",
        )
    if np.dtype(labels.dtype).kind != "b":
        need_id_type(labels.dtype, str(getattr(labels, "where", "")))


def _checked(ids: Any, z: int) -> Any:
    return None if ids is None else checked_ids(ids, f"section {z}")


def _sections(array: Any, region: Region) -> Iterator[Any]:
    """Sections of a part of a stack, each chunk decoded once; None for ever without a stack."""
    if array is None:
        return repeat(None)
    return in_sections(Window(array, region), Path(tempfile.gettempdir()))


def _scene(
    image: Any,
    labels: Any,
    region: Region,
    size: tuple[tuple[int, int], float | None],
    settings: AnimateSettings,
) -> tuple[frames.Scene, list[NDArray[np.uint8]]]:
    """Contrast of the whole movie, and some frames."""
    z0, z1 = region.start[0], region.stop[0]
    chosen = np.unique(np.linspace(z0, z1 - 1, min(_EXAMPLES, z1 - z0)).round().astype(int)).tolist()
    rest = region.slices[1:]
    sections = [frames.thinned(np.asarray(image[(z, *rest)]), size[0]) for z in chosen]
    low, high = frames.contrast(sections, settings.dark, settings.bright)
    scene = frames.Scene(*size, low, high, settings)
    examples = []
    for z, section in zip(chosen, sections, strict=True):
        ids = None if labels is None else np.asarray(labels[(z, *rest)])
        examples.append(frames.frame(scene, section, _checked(ids, z), z))
    if labels is not None:
        examples.append(frames.chart(scene))
    return scene, examples
