"""Labels of several files as one volume: regions that overlap, or chunks that follow each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.settings import PropagateSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.algorithms.regions import OneSpace, Place, Placed
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing

_OFF_GRID = 1e-3  # of a voxel
_SAME_SIZE = 1e-6


def join_files(
    sources: Sequence[str | Path],
    output: str | Path,
    *,
    places: Sequence[Place] | None = None,
    overlap: int = 0,
    settings: PropagateSettings | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Give labels that were made apart one id space, and write them as one volume.

    Parameters
    ----------
    sources : sequence of path
        Object ids (z, y, x).
    output : path
        Its suffix decides the format; appears when complete.
    places : sequence of (z, y, x), optional
        Voxel at which each begins. By default where the files say that they lie; where none does, one follows
        the other along z.
    overlap : int
        Sections that files which follow each other share. With 0, ids are carried over the seams as between
        sections; otherwise objects that share voxels are one.
    settings : PropagateSettings, optional
        For seams without overlap.
    progress : Progress, optional

    Returns
    -------
    dict
        ``objects``, ``shape``, ``origin`` (voxel at which the volume begins), ``traced`` (whether ids were carried over
        seams), ``notes``.

    Raises
    ------
    EmsegError
        If a file cannot be read or holds no ids, voxel sizes differ, or a place is between voxels.
    """
    from napari_emseg.algorithms.regions import Placed, join_regions
    from napari_emseg.core.progress import Part, Silent
    from napari_emseg.io import write_array
    from napari_emseg.io.opening import open_volume
    from napari_emseg.io.origin import origin
    from napari_emseg.jobs.grey_values import refuse_image_as_ids
    from napari_emseg.jobs.labels_file import CheckedIds
    from napari_emseg.jobs.stack_file import one_channel

    report = progress or Silent()
    opened = [open_volume(source) for source in sources]
    stacks = [
        CheckedIds(one_channel(o.array, source), source) for o, source in zip(opened, sources, strict=True)
    ]
    for stack, one, source in zip(stacks, opened, sources, strict=True):
        refuse_image_as_ids(stack, source, is_labels=one.is_labels)
    spacing = _one_size([o.spacing_nm for o in opened], sources)
    found = places or _places([o.offset_nm for o in opened], spacing, sources)
    follows = found is None
    regions = [
        Placed(stack, place)
        for stack, place in zip(stacks, found or _one_by_one(stacks, overlap, sources), strict=True)
    ]
    traced = follows and overlap == 0
    work = Part(report, 0.0, 0.7)
    labels, n = (
        _traced(regions, settings or PropagateSettings(), spacing)
        if traced
        else join_regions(regions, progress=work)
    )
    z, y, x = labels.origin
    origin_nm = None
    if spacing is not None and (z, y, x) != (0, 0, 0):
        origin_nm = (z * spacing[0], y * spacing[1], x * spacing[2])
    about = origin("join", *map(str, sources), places=[list(region.start) for region in regions])
    write_array(
        output, labels, spacing_nm=spacing, offset_nm=origin_nm, metadata=about, is_labels=True,
        progress=Part(report, 0.7, 1.0),
    )  # fmt: skip
    notes = [] if spacing else ["voxel size unknown"]
    return {
        "objects": n,
        "shape": list(labels.shape),
        "origin": list(labels.origin),
        "traced": traced,
        "notes": notes,
    }


def _traced(
    regions: Sequence[Placed], settings: PropagateSettings, spacing_nm: Spacing | None
) -> tuple[OneSpace, int]:
    from napari_emseg.algorithms.regions import OneSpace
    from napari_emseg.algorithms.tracing import trace_chunks

    tables = trace_chunks([region.labels for region in regions], settings, spacing_nm)
    ids, names = [], []
    for table in tables:
        old = np.fromiter(table, np.uint64, len(table))
        order = np.argsort(old)
        ids.append(old[order])
        names.append(np.fromiter(table.values(), np.uint32, len(table))[order])
    every: NDArray[np.uint32] = np.concatenate([*names, np.zeros(0, np.uint32)])
    return OneSpace(regions, ids, names), int(np.unique(every).size)


def _one_size(sizes: Sequence[Spacing | None], sources: Sequence[str | Path]) -> Spacing | None:
    for size, source in zip(sizes, sources, strict=True):
        if (size is None) != (sizes[0] is None) or (
            size is not None and not np.allclose(size, np.asarray(sizes[0]), rtol=_SAME_SIZE)
        ):
            raise EmsegError(
                f"voxel sizes differ: {sizes[0]} and {size}",
                str(source),
                "resample one, or store the right size",
            )
    return sizes[0]


def _places(
    offsets: Sequence[Spacing | None], spacing: Spacing | None, sources: Sequence[str | Path]
) -> list[Place] | None:
    """Voxels at which files say that they begin; None where no file says anything."""
    if spacing is None or not any(offset and any(offset) for offset in offsets):
        return None
    found: list[Place] = []
    for offset, source in zip(offsets, sources, strict=True):
        exact = np.asarray(offset or (0.0, 0.0, 0.0)) / spacing
        if np.abs(exact - np.rint(exact)).max() > _OFF_GRID:
            raise EmsegError(
                f"it begins between voxels, at {offset} nm", str(source), "say where: --at Z,Y,X"
            )
        z, y, x = np.rint(exact).astype(int).tolist()
        found.append((z, y, x))
    return found


def _one_by_one(stacks: Sequence[Any], overlap: int, sources: Sequence[str | Path]) -> list[Place]:
    found: list[Place] = []
    z = 0
    for stack, source in zip(stacks, sources, strict=True):
        if tuple(stack.shape[1:]) != tuple(stacks[0].shape[1:]):
            raise EmsegError(
                f"sections of {tuple(stack.shape[1:])} do not follow those of {tuple(stacks[0].shape[1:])}",
                str(source),
                "say where each begins: --at Z,Y,X for every file",
            )
        if stack.shape[0] <= overlap:
            raise EmsegError(
                f"it has {stack.shape[0]} sections and shares {overlap}",
                str(source),
                "give a smaller --overlap",
            )
        found.append((z, 0, 0))
        z += int(stack.shape[0]) - overlap
    return found
