"""A movie of the middles of all objects in 3D, turned once around."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.caption import captioned
from napari_emseg.algorithms.overlay import middles
from napari_emseg.algorithms.scatter import scatter, view_size
from napari_emseg.core.progress import Part
from napari_emseg.io.movies import movie
from napari_emseg.jobs.frames import thinned

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.settings import AnimateSettings

_TURN_S = 6.0  # seconds once around
_COLLECTED = 0.7  # part of the work, for the progress


def turn_around(
    sections: Iterable[NDArray[Any]],
    shape: tuple[int, int, int],
    output: str | os.PathLike[str],
    *,
    spacing_nm: Spacing | None,
    settings: AnimateSettings,
    progress: Progress,
) -> tuple[int, tuple[int, int]]:
    """Collect a middle of every object in every section, and show them from all sides.

    Parameters
    ----------
    sections : iterable of ndarray (y, x) of int
        Object ids, 0 for none.
    shape : (z, y, x)
    output : str or Path
        ``.gif`` or ``.mp4``.
    spacing_nm : (z, y, x) or None
        Without it voxels are taken as cubes, and there is no scale bar.

    Returns
    -------
    views : int
    size : (y, x)
        Of a frame.
    """
    step = spacing_nm or (1.0, 1.0, 1.0)
    ids, places = _collected(sections, shape, step, settings.scale, Part(progress, 0, _COLLECTED))
    extent = [n * s for n, s in zip(shape, step, strict=True)]
    size, pixel = view_size(extent, settings.scale)
    count = max(2, round(settings.fps * _TURN_S))

    def view(n: int) -> NDArray[np.uint8]:
        picture = scatter(ids, places, extent, 2 * math.pi * n / count, size, pixel)
        return captioned(picture, "", pixel if spacing_nm else None) if settings.caption else picture

    drawing = Part(progress, _COLLECTED, 1)
    with movie(output, settings.fps, [view(0), view(count // 3), view(2 * count // 3)]) as out:
        for n in range(count):
            out.add(view(n))
            drawing.report((n + 1) / count, f"view {n + 1} of {count}")
    return count, size


def _collected(
    sections: Iterable[NDArray[Any]],
    shape: tuple[int, int, int],
    step: Spacing,
    largest: int,
    progress: Progress,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    factor = min(1.0, largest / max(shape[1:]))
    size = (max(1, round(shape[1] * factor)), max(1, round(shape[2] * factor)))
    found_ids, found_places = [], []
    for z, section in enumerate(sections):
        ids, yx = middles(thinned(section, size))
        y, x = ((yx + 0.5) * np.array(shape[1:]) / size).T
        found_ids.append(ids.astype(np.uint64))
        found_places.append(np.stack([np.full(len(ids), z + 0.5), y, x], axis=1) * step)
        progress.report((z + 1) / shape[0], f"section {z + 1} of {shape[0]}")
    return np.concatenate(found_ids), np.concatenate(found_places)
