"""Ids through chunks that were segmented apart, each consistent inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.evidence import tabulate
from napari_emseg.algorithms.joining import contract
from napari_emseg.algorithms.matching import candidates
from napari_emseg.algorithms.scale import working_spacing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_emseg.algorithms.evidence import Objects
    from napari_emseg.core.stack import ArrayLike3D, Spacing
    from napari_emseg.settings import PropagateSettings


def trace_chunks(
    chunks: Iterable[ArrayLike3D], settings: PropagateSettings, spacing_nm: Spacing | None
) -> list[dict[int, int]]:
    """Give objects of consecutive chunks ids that hold for all of them.

    Parameters
    ----------
    chunks : iterable of array (z, y, x)
        Labels of consecutive sections; ids mean nothing between chunks. Only the first and the last sections with
        objects of each are kept, one chunk at a time.
    settings : PropagateSettings
        Gates, and how many empty sections at a seam are bridged.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x); None takes 5 nm on all axes.

    Returns
    -------
    list of dict
        For every chunk the new id of every old one. Ids run from 1 in the order in which objects appear.

    Notes
    -----
    Both directions count alike: an object that splits or merges at a seam stays one, and the result does not
    depend on the order of the chunks.
    """
    numbers: list[dict[int, int]] = []
    pixel_nm = min(working_spacing(spacing_nm)[1:])
    n = 0
    u, v, evidence, weight = ([np.zeros(0)] for _ in range(4))
    last: tuple[Objects, int, dict[int, int]] | None = None
    for chunk in chunks:
        numbers.append({})
        here = numbers[-1]
        first_used = last_used = None
        for z in range(chunk.shape[0]):
            section = np.asarray(chunk[z])
            for old in _in_order(section):
                if old not in here:
                    here[old] = n
                    n += 1
            if section.any():
                first_used = z if first_used is None else first_used
                last_used = z
        if first_used is None or last_used is None:
            if last is not None:
                last = (last[0], last[1] + chunk.shape[0], last[2])
            continue
        if last is not None and last[1] + first_used <= settings.max_gap:
            start = tabulate(np.asarray(chunk[first_used]), pixel_nm)
            found = candidates(last[0], start, settings, spacing_nm)
            u.append(np.array([last[2][int(k)] for k in last[0].ids[found.a]], np.int64))
            v.append(np.array([here[int(k)] for k in start.ids[found.b]], np.int64))
            evidence.append(found.evidence)
            weight.append(found.weight)
        last = (tabulate(np.asarray(chunk[last_used]), pixel_nm), chunk.shape[0] - 1 - last_used, here)
    one, two = np.concatenate(u).astype(np.int64), np.concatenate(v).astype(np.int64)
    group = contract(one, two, np.concatenate(evidence), np.concatenate(weight), n)
    name = np.cumsum(group == np.arange(n))[group]
    return [{old: int(name[k]) for old, k in chunk_ids.items()} for chunk_ids in numbers]


def _in_order(section: NDArray[Any]) -> list[int]:
    """Ids of a section in the order of their first pixel."""
    ids, first = np.unique(section, return_index=True)
    order = ids[np.argsort(first)]
    return [int(k) for k in order[order > 0]]
