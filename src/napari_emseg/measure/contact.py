"""Contact area: how much surface pairs of objects share, from the faces of their voxels; the same whatever the blocks.

A face across an axis has the area of the two other edges of a voxel: with sections of 50 nm and pixels of 4 nm, one
face between sections is 16 nm² and one inside a section 200 nm². Faces are exact for walls along the axes and too large for
slanting ones, up to 1.7 times. So a second figure adds up the faces of small cubes of space as vectors, whose length is the
area of the wall that leans through the cube.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.measure.blocks import Block, neighbours
from napari_emseg.measure.bridge import bridge, grow_towards, is_between

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

Row = dict[str, float | int | str | None]

CELL_VOXELS = 4
"""Edge of a cube in which faces are added up as vectors, in the longest edges of a voxel."""

NM2 = 1e-6
"""µm² in a nm²."""

_UNIT = np.eye(3, dtype=np.int64).tolist()
_KEYS = 3  # columns of the table that say what a row is of: ids and cube
_WAITING = 1 << 20  # rows that are kept apart before they are added up


class ContactTally:
    """Counts the faces that pairs of objects share, block by block.

    Parameters
    ----------
    spacing_nm : (z, y, x)
    gap_nm : float
        Objects that lie up to this far apart touch as well, where nothing else lies between: across membranes
        that are nobody's. The area is then that of the surface halfway between the two.
    """

    def __init__(self, spacing_nm: Spacing, gap_nm: float = 0.0) -> None:
        self._spacing = spacing_nm
        self._bridge = bridge(gap_nm, spacing_nm) if gap_nm > 0 else None
        self._cell = CELL_VOXELS * max(spacing_nm)
        self._parts: list[NDArray[np.int64]] = []
        self._waiting = 0

    @property
    def margin(self) -> tuple[int, int, int]:
        """Voxels that a block needs around its core, and sections also before it if there is a gap."""
        z, y, x = self._bridge.reach if self._bridge is not None else (0, 0, 0)
        return z + 1, y + 1, x + 1

    @property
    def before(self) -> int:
        """Sections that a block needs before its core."""
        return self._bridge.reach[0] if self._bridge is not None else 0

    def add(self, block: Block) -> None:
        """Count the faces between the core of one more block and what comes after it on every axis."""
        labels, step = block.labels, None
        if self._bridge is not None:
            labels, step = grow_towards(labels, block.ids, self._bridge)
        for axis in range(3):
            here, there = neighbours(block, _UNIT[axis])
            differ = (labels[here] != labels[there]) & (labels[here] > 0) & (labels[there] > 0)
            places = np.stack(np.nonzero(differ), 1)
            one, other = labels[here][differ], labels[there][differ]
            if step is not None and self._bridge is not None:
                back, on = (self._bridge.steps[step[index][differ]] for index in (here, there))
                near = is_between(back, on, np.asarray(_UNIT[axis]), self._bridge)
                places, one, other = places[near], one[near], other[near]
            if one.size:
                corner = [s.start + o for s, o in zip(here, block.outer.start, strict=True)]
                self._note(block.ids[one], block.ids[other], places + corner, axis)

    def _note(
        self, one: NDArray[np.int64], other: NDArray[np.int64], places: NDArray[Any], axis: int
    ) -> None:
        """Rows of id, id, cube, then per axis: faces, faces with their direction, sum of the places."""
        cube = (places * np.asarray(self._spacing) // self._cell).astype(np.int64)
        key = (cube[:, 0] << 42) + (cube[:, 1] << 21) + cube[:, 2]
        row = np.zeros((one.size, _KEYS + 9), np.int64)
        row[:, 0], row[:, 1], row[:, 2] = np.minimum(one, other), np.maximum(one, other), key
        row[:, _KEYS + axis] = 1
        row[:, _KEYS + 3 + axis] = np.where(one < other, 1, -1)
        row[:, _KEYS + 6 :] = 2 * places + 1
        row[:, _KEYS + 6 + axis] += 1
        row = _added(row)
        self._parts.append(row)
        self._waiting += len(row)
        if self._waiting > _WAITING:
            self._waiting = min(len(self._table()), _WAITING // 2)

    def places(self) -> dict[tuple[int, int], NDArray[np.float64]]:
        """Where each pair touches: points (n, 3) in nanometres, one for every cube with faces."""
        table = self._table()
        faces = table[:, _KEYS : _KEYS + 3].sum(1)
        middle = table[:, _KEYS + 6 :] / (2 * np.maximum(faces, 1))[:, None] * np.asarray(self._spacing)
        starts = _first_of(table[:, :2])
        pairs = table[starts, :2].tolist()
        return {(a, b): part for (a, b), part in zip(pairs, np.split(middle, starts[1:]), strict=bool(pairs))}

    def _table(self) -> NDArray[np.int64]:
        empty = np.zeros((0, _KEYS + 9), np.int64)
        self._parts = [_added(np.concatenate([empty, *self._parts]))]
        self._waiting = len(self._parts[0])
        return self._parts[0]

    def rows(self) -> list[Row]:
        """One row a pair, sorted by ids; ``id_a`` is the lower one.

        ``contact_area_um2`` is the sum of the faces, ``contact_area_smooth_um2`` that of the walls through them.
        """
        table = self._table()
        size = np.asarray(self._spacing)
        face = np.asarray([size[1] * size[2], size[0] * size[2], size[0] * size[1]])
        smooth = np.linalg.norm(table[:, _KEYS + 3 : _KEYS + 6] * face, axis=1)
        pairs = _first_of(table[:, :2])
        whole = np.add.reduceat(table[:, _KEYS:], pairs, axis=0) if pairs.size else table[:, _KEYS:]
        walls = np.add.reduceat(smooth, pairs) if pairs.size else smooth
        rows: list[Row] = []
        for (a, b), found, wall in zip(table[pairs, :2].tolist(), whole, walls, strict=True):
            faces = found[:3]
            middle = found[6:] / (2 * faces.sum()) * size
            rows.append(
                {
                    "id_a": a,
                    "id_b": b,
                    "contact_area_um2": float(faces @ face) * NM2,
                    "contact_area_smooth_um2": float(wall) * NM2,
                    **{f"faces_{axis}": int(n) for axis, n in zip("zyx", faces, strict=True)},
                    **{f"centroid_{axis}_nm": float(m) for axis, m in zip("zyx", middle, strict=True)},
                }
            )
        return rows


def contact_sums(rows: list[Row]) -> dict[int, tuple[float, int]]:
    """Contact area of every object with all others in µm², and with how many."""
    areas: dict[int, list[float]] = {}
    for row in rows:
        for side in ("id_a", "id_b"):
            areas.setdefault(int(row[side] or 0), []).append(float(row["contact_area_um2"] or 0.0))
    return {object_id: (math.fsum(found), len(found)) for object_id, found in areas.items()}


def _first_of(keys: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where sorted rows of keys change."""
    if not len(keys):
        return np.zeros(0, np.intp)
    return np.flatnonzero(np.r_[True, (keys[1:] != keys[:-1]).any(1)])


def _added(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows with the same keys as one, sorted by keys."""
    if len(rows) < 2:
        return rows
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
    first = _first_of(rows[:, :_KEYS])
    found = np.add.reduceat(rows, first, axis=0)
    found[:, :_KEYS] = rows[first, :_KEYS]
    return np.asarray(found)
