"""How large objects are and where: voxels, boxes, sections, centroids, grey values; the same whatever the blocks.

Everything is added up in whole numbers, so the order and size of the blocks cannot change a digit. (Grey values with
fractions are the exception: their last digits may.)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.contingency import Contingency
from napari_emseg.algorithms.metrics.tally import Tally
from napari_emseg.measure.sums import Extremes, Sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing
    from napari_emseg.measure.blocks import Block

Row = dict[str, float | int | str | None]
_HALF = 16  # squares of 16-bit values are added up in two halves, which no double rounds


class VolumeTally:
    """Adds up blocks of a volume."""

    def __init__(self) -> None:
        self._sections = Tally()
        self._places = Sums(2)
        self.boxes = Extremes(3)
        self._grey = Sums(3)
        self._seen = Sums(1)  # voxels whose grey value is known
        self._fractions = Sums(2, np.float64)
        self._grey_origin: float | None = None

    def add(
        self, block: Block, image: NDArray[Any] | None = None, is_read: NDArray[np.bool_] | None = None
    ) -> None:
        """Count the core of one more block.

        Parameters
        ----------
        block : Block
        image : ndarray (z, y, x), optional
            Grey values of the core.
        is_read : ndarray (z,) of bool, optional
            Sections of it whose grey values are known; default: all.
        """
        labels, start = block.labels[block.inner], np.asarray(block.core.start)
        n = block.ids.size
        count = np.zeros(n, np.int64)
        for k, section in enumerate(labels):
            here = np.bincount(section.ravel(), minlength=n)
            self._sections.add_table(_of_section(here, block.ids, block.core.start[0] + k))
            count += here
        found = np.flatnonzero(count[1:]) + 1
        if not found.size:
            return
        ids = block.ids[found]
        low, high = _boxes(labels, found)
        self.boxes.add(ids, low + start, high + start)
        moments = np.stack([_moment(labels, axis, n)[found] for axis in (1, 2)], 1)
        self._places.add(ids, moments + count[found, None] * start[1:])
        if image is not None and is_read is not None:
            labels, image = labels[is_read], image[is_read]
        if image is not None and image.size:
            self._add_grey(labels, image, found, ids)

    def _add_grey(
        self, labels: NDArray[Any], image: NDArray[Any], found: NDArray[np.intp], ids: NDArray[np.int64]
    ) -> None:
        flat, n = labels.ravel(), int(found[-1]) + 1
        self._seen.add(ids, np.bincount(flat, minlength=n)[found, None])
        if image.dtype.kind in "bu" and image.dtype.itemsize <= 2:
            grey = image.ravel().astype(np.int64)
            square = grey * grey
            parts = (grey, square >> _HALF, square & ((1 << _HALF) - 1))
            self._grey.add(ids, np.stack([np.rint(np.bincount(flat, p, n))[found] for p in parts], 1))
        else:
            value = image.ravel().astype(np.float64)
            if self._grey_origin is None:  # squares of large values would swallow their spread
                self._grey_origin = float(value[0]) if math.isfinite(value[0]) else 0.0
            value -= self._grey_origin
            self._fractions.add(ids, np.stack([np.bincount(flat, p, n)[found] for p in (value, value**2)], 1))

    @property
    def ids(self) -> NDArray[np.int64]:
        """Objects that were seen, sorted."""
        return self.boxes.ids

    def voxels(self) -> NDArray[np.int64]:
        """Voxels of every object, in the order of `ids`."""
        table = self._sections.table()
        where = np.searchsorted(self.ids, table.a)
        return np.bincount(where, table.count, minlength=self.ids.size).astype(np.int64)

    def rows(self, spacing_nm: Spacing, shape: tuple[int, int, int], *, with_grey: bool = False) -> list[Row]:
        """One row an object, with units in the names.

        Parameters
        ----------
        spacing_nm : (z, y, x)
        shape : (z, y, x)
            Of the volume: objects that reach its edge go on beyond it.
        with_grey : bool
            Mean and standard deviation of the grey values too.

        Returns
        -------
        list of dict
            Sorted by id. Centroids are in nanometres from the corner of the first voxel; sections and boxes in voxels, the
            end of a box excluded.
        """
        table, ids = self._sections.table(), self.ids
        where = np.searchsorted(ids, table.a)
        sections = np.bincount(where, minlength=ids.size)
        depth = np.zeros(ids.size, np.int64)
        np.add.at(depth, where, table.b * table.count)
        places = np.concatenate([depth[:, None], self._places.of(ids)], 1)
        voxels, one = self.voxels(), math.prod(spacing_nm)
        grey = self._greys() if with_grey else [{} for _ in ids]
        rows: list[Row] = []
        for k, object_id in enumerate(ids.tolist()):
            count, low, high = int(voxels[k]), self.boxes.low[k].tolist(), self.boxes.high[k].tolist()
            middle = [(int(p) / count + 0.5) * s for p, s in zip(places[k], spacing_nm, strict=True)]
            rows.append(
                {
                    "id": object_id,
                    "voxels": count,
                    "volume_um3": count * one * 1e-9,
                    "sections": int(sections[k]),
                    "first_section": low[0],
                    "last_section": high[0] - 1,
                    **{f"centroid_{axis}_nm": m for axis, m in zip("zyx", middle, strict=True)},
                    **{
                        f"box_{axis}_{end}_px": corner[n]
                        for n, axis in enumerate("zyx")
                        for end, corner in (("start", low), ("stop", high))
                    },
                    "touches_edge": int(
                        any(a == 0 or b == s for a, b, s in zip(low, high, shape, strict=True))
                    ),
                    **grey[k],
                }
            )
        return rows

    def _greys(self) -> list[Row]:
        rows: list[Row] = []
        seen = self._seen.of(self.ids)[:, 0].tolist()
        whole, real = self._grey.of(self.ids).tolist(), self._fractions.of(self.ids).tolist()
        for n, (total, high, low), (value, square) in zip(seen, whole, real, strict=True):
            if not n:
                rows.append({"grey_mean": None, "grey_sd": None})
                continue
            squares = (high << _HALF) + low
            mean = (total + value) / n
            spread = (n * squares - total * total) / n**2 if squares or total else square / n - mean**2
            known = math.isfinite(mean)
            rows.append(
                {
                    "grey_mean": mean + (self._grey_origin or 0.0) if known else None,
                    "grey_sd": math.sqrt(max(spread, 0.0)) if known else None,
                }
            )
        return rows


def _of_section(count: NDArray[np.int64], names: NDArray[np.int64], z: int) -> Contingency:
    here = np.flatnonzero(count[1:]) + 1
    here = here[np.argsort(names[here])]
    return Contingency(names[here], np.full(here.size, z, np.int64), count[here].astype(np.int64))


def _moment(labels: NDArray[Any], axis: int, n: int) -> NDArray[np.int64]:
    """Sum of the places along one axis, per number."""
    shape = [1, 1, 1]
    shape[axis] = labels.shape[axis]
    place = np.broadcast_to(np.arange(labels.shape[axis], dtype=np.float64).reshape(shape), labels.shape)
    return np.rint(np.bincount(labels.ravel(), place.ravel(), minlength=n)).astype(np.int64)


def _boxes(labels: NDArray[Any], found: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    from scipy import ndimage as ndi

    boxes = ndi.find_objects(labels.astype(np.int32, copy=False))
    corners = [[(s.start, s.stop) for s in boxes[k - 1]] for k in found.tolist()]
    both = np.asarray(corners, np.int64).reshape(-1, 3, 2)
    return both[..., 0], both[..., 1]
