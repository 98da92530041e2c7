"""Seeds that people placed grow through a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.block_store import SlabStore

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.settings import SeedSettings, SegmentSettings


class GrownSeeds(SlabStore):
    """Seeds with what they have grown to, read lazily; ``n_ids`` of them."""

    n_ids = 0


def grow_given(
    boundary: Any,
    given: str | Path,
    seeds: SeedSettings,
    settings: SegmentSettings,
    spacing_nm: Spacing | None,
    mask: Any,
    folder: Path,
    progress: Progress,
) -> GrownSeeds:
    """Grow every seed up to the others; what no seed reaches stays empty, and no segment is too small.

    Parameters
    ----------
    boundary : array-like (z, y, x)
        Checked membrane probability.
    given : path
        See `napari_emseg.jobs.given_seeds.read_seeds`.
    seeds : SeedSettings
        ``dims`` 2 grows in the sections that have seeds, 3 through all of them, in memory.
    settings : SegmentSettings
        Compactness and lines.
    spacing_nm : tuple of float or None
    mask : array-like of bool or None
    folder : Path
        Where sections are kept meanwhile.
    progress : Progress
    """
    from napari_emseg.algorithms.watershed import segment_section
    from napari_emseg.jobs.given_seeds import read_seeds

    z, y, x = (int(n) for n in boundary.shape)
    found = read_seeds(given, (z, y, x), spacing_nm)
    alone = settings.model_copy(update={"min_size_nm2": 0.0})
    wide = found.dtype.itemsize > np.dtype(np.uint32).itemsize
    store = GrownSeeds((z, y, x), 1, folder, np.dtype(np.uint64 if wide else np.uint32))
    ids: list[NDArray[Any]] = []
    depth = z if seeds.dims == 3 else 1
    for start in range(0, z, depth):
        sections = range(start, start + depth)
        drawn = np.stack([np.asarray(found[k]) for k in sections])
        grown = drawn
        if drawn.any():
            inside = None if mask is None else np.stack([mask[k] for k in sections])
            values = np.stack([boundary[k] for k in sections])
            if depth == 1:
                values, drawn, inside = values[0], drawn[0], None if inside is None else inside[0]
            grown = segment_section(values, drawn, alone, spacing_nm, threshold=seeds.threshold, mask=inside)
            grown = grown.reshape(depth, y, x)
        for n, k in enumerate(sections):
            store[k : k + 1] = grown[n : n + 1]
        ids.append(np.unique(grown[grown > 0]))
        progress.report((start + depth) / z, f"section {start + depth} of {z}")
    store.n_ids = int(np.unique(np.concatenate(ids)).size) if ids else 0
    return store
