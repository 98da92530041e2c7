"""Seeds that people placed grow through a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.block_store import SlabStore
from napari_emseg.algorithms.unseeded import UnseededCells

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.algorithms.unseeded import Unseeded
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.settings import SeedSettings, SegmentSettings

_HIGHEST = np.iinfo(np.uint32).max


class GrownSeeds(SlabStore):
    """Seeds with what they have grown to, read lazily.

    Attributes
    ----------
    n_ids : int
        Segments.
    notes : tuple of str
        What is said of cells and sections without a seed.
    """

    n_ids = 0
    notes: tuple[str, ...] = ()


def grow_given(
    boundary: Any,
    given: str | Path,
    seeds: SeedSettings,
    settings: SegmentSettings,
    spacing_nm: Spacing | None,
    mask: Any,
    folder: Path,
    progress: Progress,
    *,
    unseeded: Unseeded = "neighbour",
) -> GrownSeeds:
    """Grow every seed up to the others; what no seed reaches stays empty, and no segment of a seed is too small.

    Parameters
    ----------
    boundary : array-like (z, y, x)
        Checked membrane probability.
    given : path
        See `napari_emseg.jobs.given_seeds.read_seeds`.
    seeds : SeedSettings
        ``dims`` 2 grows section by section, 3 through all of them, in memory.
    settings : SegmentSettings
        Compactness and lines; with ``seeds`` also how cells without a seed are found.
    spacing_nm : tuple of float or None
    mask : array-like of bool or None
    folder : Path
        Where sections are kept meanwhile.
    progress : Progress
    unseeded : "neighbour", "empty" or "segment"
        What cells without a seed become. Sections without any stay empty, unless cells become segments.
    """
    from napari_emseg.algorithms.unseeded import grow_with_unseeded
    from napari_emseg.jobs.given_seeds import read_seeds

    z, y, x = (int(n) for n in boundary.shape)
    found = read_seeds(given, (z, y, x), spacing_nm)
    everywhere = unseeded == "segment"
    top = _highest_id(found, z) if everywhere else 0  # ids above it are free
    wide = np.dtype(found.dtype).itemsize > np.dtype(np.uint32).itemsize or top + z * y * x > _HIGHEST
    store = GrownSeeds((z, y, x), 1, folder, np.dtype(np.uint64 if wide else np.uint32))
    ids: list[NDArray[Any]] = []
    bare_cells, empty = UnseededCells(), 0
    depth = z if seeds.dims == 3 else 1
    for start in range(0, z, depth):
        sections = range(start, start + depth)
        labels = np.stack([np.asarray(found[k]) for k in sections]).astype(store.dtype, copy=False)
        if labels.any() or everywhere:
            values = np.stack([boundary[k] for k in sections])
            inside = None if mask is None else np.stack([mask[k] for k in sections])
            names, own = _numbered(labels)
            whole: Any = slice(None) if seeds.dims == 3 else 0
            grown, cells, bare = grow_with_unseeded(
                values[whole], own[whole], seeds, settings, spacing_nm, unseeded,
                mask=None if inside is None else inside[whole],
            )  # fmt: skip
            bare_cells.add(cells.reshape(labels.shape), bare, start)
            names, top = _with_new(names, grown, top)
            labels = names[grown.reshape(labels.shape)]
            if settings.membrane_lines:
                labels[values >= seeds.threshold * (255 if values.dtype == np.uint8 else 1)] = 0
        else:
            empty += depth
        for n, k in enumerate(sections):
            store[k : k + 1] = labels[n : n + 1]
        ids.append(np.unique(labels[labels > 0]))
        progress.report((start + depth) / z, f"section {start + depth} of {z}")
    store.n_ids = int(np.unique(np.concatenate(ids)).size) if ids else 0
    store.notes = (*bare_cells.words(unseeded), *_words_of_empty(empty, z))
    return store


def _highest_id(found: Any, n_sections: int) -> int:
    return max((int(np.asarray(found[k]).max(initial=0)) for k in range(n_sections)), default=0)


def _numbered(drawn: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.uint32]]:
    """Ids by number, 0 first, and the numbers in their places."""
    names, own = np.unique(drawn, return_inverse=True)
    own = own.reshape(drawn.shape)
    if not names.size or names[0]:
        names, own = np.concatenate([np.zeros(1, drawn.dtype), names]), own + 1
    return names, own.astype(np.uint32)


def _with_new(names: NDArray[Any], grown: NDArray[Any], top: int) -> tuple[NDArray[Any], int]:
    """Ids by number, with ids from `top` + 1 on for the numbers that no seed has, and the highest of those."""
    new = np.unique(grown[grown >= names.size])
    names = np.concatenate([names, np.zeros(int(grown.max(initial=0)) + 1 - names.size, names.dtype)])
    names[new] = np.arange(top + 1, top + 1 + new.size, dtype=names.dtype)
    return names, top + int(new.size)


def _words_of_empty(empty: int, n_sections: int) -> tuple[str, ...]:
    if not empty:
        return ()
    has, stays = ("has", "stays") if empty == 1 else ("have", "stay")
    return (f"{empty} of {n_sections} sections {has} no seed and {stays} empty",)
