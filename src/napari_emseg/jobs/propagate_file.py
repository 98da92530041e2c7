"""Carry ids through the sections of a file, into another."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.jobs.grey_values import refuse_image_as_ids
from napari_emseg.jobs.labels_file import CheckedIds
from napari_emseg.jobs.stack_file import FROM_FILE, VoxelSize, open_stack
from napari_emseg.settings import PropagateSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_emseg.algorithms.section_graph import Tracks
    from napari_emseg.core.progress import Progress
    from napari_emseg.jobs.stack_file import StackFile

_CSV_COLUMNS = ("section_a", "a", "section_b", "b", "kind", "cost", "runner_up", "confidence", "id")
_HIGHEST = np.iinfo(np.int64).max  # ids are compared as signed numbers


def propagate_file(
    source: str | Path,
    output: str | Path,
    *,
    image: str | Path | None = None,
    anchors: str | Path | None = None,
    links: str | Path | None = None,
    graph: str | Path | None = None,
    settings: PropagateSettings | None = None,
    voxel: VoxelSize = FROM_FILE,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Give the per-section labels of a file ids that are consistent through the stack.

    Parameters
    ----------
    source : path
        Labels (z, y, x) whose ids mean nothing between sections.
    output : path
        Its suffix decides the format; appears when complete.
    image : path, optional
        The stack that was segmented, of the same shape.
    anchors : path, optional
        Labels of the same shape. Every section with an id in it is an anchor: its ids are true, and take
        the place of the labels of that section.
    links : path, optional
        CSV of every link with its cost, its runner-up and its confidence.
    graph : path, optional
        Branches of all objects through the sections, ``.swc`` or ``.graphml``.
    settings : PropagateSettings, optional
    voxel : VoxelSize, optional
    progress : Progress, optional

    Returns
    -------
    dict
        ``objects``, ``links``, ``doubtful``, ``shape``, ``spacing_nm``, ``notes``.

    Raises
    ------
    EmsegError
        If a file cannot be read, labels are an image, ids are 2^63 or more, or the anchors or the image are of another shape.
    """
    from napari_emseg.algorithms.propagation import track
    from napari_emseg.io import write_array
    from napari_emseg.io.origin import origin

    settings = settings or PropagateSettings()
    opened = open_stack(source, voxel)
    refuse_image_as_ids(opened.stack, source, is_labels=opened.is_labels)
    stack, spacing = _Ids(opened.stack, source), opened.spacing_nm
    anchored = _read_anchors(anchors, stack.shape)
    seen = None if image is None else open_stack(image).stack
    tracks = track(stack, settings, spacing, image=seen, anchors=anchored, progress=progress)
    beside = {name: str(file) for name, file in (("image", image), ("anchors", anchors)) if file is not None}
    metadata = origin("propagate", str(source), propagate=settings.model_dump(), **beside)
    renamed = _Renamed(stack, anchored, tracks.names)
    position = opened.position(output)
    write_array(output, renamed, spacing_nm=opened.written_nm, offset_nm=position, metadata=metadata)
    if links is not None:
        _write_links(Path(links), tracks)
    if graph is not None:
        _write_graph(graph, stack, anchored, tracks, opened)
    joins = [k for k in tracks.links if k.a and k.b]
    return {
        "objects": len({name for names in tracks.names for name in names.values()}),
        "links": len(joins),
        "doubtful": sum(k.confidence < settings.doubt_below for k in joins),
        **opened.said,
    }


class _Ids(CheckedIds):
    """Ids that can also be compared as signed numbers."""

    def __getitem__(self, key: Any) -> NDArray[Any]:
        values = super().__getitem__(key)
        if values.dtype == np.uint64 and values.max(initial=0) > _HIGHEST:
            raise EmsegError("there are ids beyond 2^63", str(self._source), "number the objects anew")
        return values


class _Renamed:
    """Sections with their new ids, made when they are read: the stack need not fit into memory."""

    ndim = 3

    def __init__(
        self, stack: Any, anchors: Mapping[int, NDArray[Any]], names: Sequence[Mapping[int, int]]
    ) -> None:
        self.shape = tuple(int(n) for n in stack.shape)
        from napari_emseg.algorithms.propagation import id_type

        self._stack, self._anchors, self._names = stack, anchors, names
        self.dtype = id_type(names)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        first, *rest = key if isinstance(key, tuple) else (key,)
        if isinstance(first, slice):
            sections = range(*first.indices(self.shape[0]))
            blocks = [self._section(z)[tuple(rest)] for z in sections]
            return (
                np.stack(blocks) if blocks else np.zeros((0, *self.shape[1:]), self.dtype)[(slice(0), *rest)]
            )
        return np.asarray(self._section(range(self.shape[0])[int(first)])[tuple(rest)])

    def _section(self, z: int) -> NDArray[Any]:
        from napari_emseg.algorithms.propagation import rename

        section = np.asarray(self._anchors[z] if z in self._anchors else self._stack[z])
        return rename(section, self._names[z], self.dtype)


def _read_anchors(path: str | Path | None, shape: tuple[int, ...]) -> dict[int, NDArray[Any]]:
    if path is None:
        return {}
    opened = open_stack(path)
    refuse_image_as_ids(opened.stack, path, is_labels=opened.is_labels)
    array = _Ids(opened.stack, path)
    if tuple(array.shape) != tuple(shape):
        raise EmsegError(
            f"anchors are {tuple(array.shape)}, labels {tuple(shape)}",
            str(path),
            "give a stack of the same shape that is 0 in sections without anchor",
        )
    sections = ((z, array[z]) for z in range(shape[0]))
    return {z: section for z, section in sections if section.any()}


def _write_links(path: Path, tracks: Tracks) -> None:
    """One row per decision; ``id`` is what the object is called in the output."""
    from napari_emseg.io.atomic import atomic_output

    with atomic_output(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(_CSV_COLUMNS)
        for k in tracks.links:
            name = tracks.names[k.section_a][k.a] if k.a else tracks.names[k.section_b][k.b]
            numbers = (f"{k.cost:.4f}", f"{k.runner_up:.4f}", f"{k.confidence:.4f}")
            rows.writerow((k.section_a, k.a or "", k.section_b, k.b or "", k.kind, *numbers, name))


def _write_graph(
    path: str | Path, stack: Any, anchors: Mapping[int, NDArray[Any]], tracks: Tracks, opened: StackFile
) -> None:
    """Branches of all objects, as the suffix says."""
    from napari_emseg.algorithms.branches import branch_graph
    from napari_emseg.algorithms.scale import working_spacing
    from napari_emseg.io.atomic import atomic_output
    from napari_emseg.io.branch_graph import graph_text

    sections = (np.asarray(anchors[z] if z in anchors else stack[z]) for z in range(stack.shape[0]))
    graph = branch_graph(sections, tracks.names, tracks.links, working_spacing(opened.spacing_nm))
    text = graph_text(graph, Path(path).suffix, opened.offset_nm if opened.spacing_nm else None)
    with atomic_output(Path(path)) as beside:
        beside.write_text(text, encoding="utf-8")
