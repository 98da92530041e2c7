"""What a segmentation does to skeletons and to single objects."""

from __future__ import annotations

import csv
import io
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.metrics.object_errors import ObjectErrors
from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.opened import Offset


def run_length(
    skeletons: str | Path,
    prediction: Any,
    spacing_nm: Spacing,
    sections: Sequence[int] | None = None,
    *,
    offset_nm: Offset | None = None,
) -> dict[str, float | str | None]:
    """Expected run length of a segmentation along true skeletons.

    Parameters
    ----------
    skeletons : path
        Any file of skeletons; one tree per neuron. Whole voxels are middles of voxels.
    prediction : array-like of int (z, y, x)
        Segments; 0 is none. Read section by section.
    spacing_nm : tuple of float
        Voxel size (z, y, x).
    sections : sequence of int, optional
        Which sections of the skeletons' space the prediction holds, in this order; by default all from 0.
    offset_nm : tuple of float, optional
        Where the first voxel of section 0 lies in the skeletons' space (z, y, x).

    Raises
    ------
    EmsegError
        If it is no file of skeletons.
    """
    from napari_emseg.algorithms.metrics.run_length import expected_run_length
    from napari_emseg.io.annotations import read_annotations
    from napari_emseg.io.skeletons import SkeletonSet
    from napari_emseg.jobs.signed_ids import SignedIds

    found = read_annotations(skeletons)
    if not isinstance(found, SkeletonSet):
        raise EmsegError("these are no skeletons", str(skeletons), "give .nml, .swc or CATMAID files")
    trees, segments = [], []
    place_of = {z: k for k, z in enumerate(range(int(prediction.shape[0])) if sections is None else sections)}
    prediction = SignedIds(prediction)
    first = np.asarray(offset_nm or (0.0, 0.0, 0.0))
    for tree in found.trees:
        place = {int(n): i for i, n in enumerate(tree.node_ids)}
        edges = np.asarray([[place[int(a)], place[int(b)]] for a, b in tree.edges], np.intp).reshape(-1, 2)
        voxels = np.rint((tree.points_nm - first) / spacing_nm).astype(np.int64)
        voxels[:, 0] = [place_of.get(z, -1) for z in voxels[:, 0].tolist()]
        inside = ((voxels >= 0) & (voxels < prediction.shape)).all(axis=1)
        ids = np.full(len(tree), -1, np.int64)
        for z in np.unique(voxels[inside, 0]).tolist():
            here = inside & (voxels[:, 0] == z)
            ids[here] = np.asarray(prediction[z])[tuple(voxels[here, 1:].T)]
        trees.append((tree.points_nm, edges))
        segments.append(ids)
    return expected_run_length(trees, segments)


def write_object_errors(path: Path, rows: Iterable[ObjectErrors]) -> None:
    """Write the errors of each object as comma-separated values, in the order given."""
    from napari_emseg.io.atomic import atomic_output

    with atomic_output(path) as place:
        place.write_text(errors_text(rows), "utf-8", newline="")


def errors_text(rows: Iterable[ObjectErrors]) -> str:
    """The table of errors as comma-separated values; places are voxels, z y x."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    names = [f.name for f in fields(ObjectErrors)]
    table.writerow(names)
    for row in rows:
        values = [getattr(row, n) for n in names]
        table.writerow([" ".join(map(str, v)) if isinstance(v, tuple) else v for v in values])
    return text.getvalue()
