"""From discs to cells: a warped power diagram, cut at any depth, with glial sheets between bundles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.phantom.fields import SmoothField
from napari_emseg.phantom.neurites import Discs, draw_neurites

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FAR_NM = 64.0
"""Distances to the border are exact up to here and cut off beyond."""

_BLOCK_NM = 150.0  # side of the blocks that share a list of candidate discs
_ROUNDNESS = 0.8  # exponent of the radius: 0 gives straight borders, 1 circular ones
_THINNEST_GLIA_NM = 22.0
_SQUEEZE = 0.25  # of a radius, at most, is taken by glia


@dataclass(frozen=True)
class Cut:
    """Cells in parallel planes: owner (neurite index) and distance (nm) to the border, (planes, y, x)."""

    owner: NDArray[np.int32]
    distance_nm: NDArray[np.float32]


@dataclass(frozen=True)
class Tissue:
    """Continuous model of the cells, that can be cut anywhere."""

    discs: Discs
    warp: tuple[tuple[float, SmoothField], ...]
    glia: SmoothField
    glia_nm: float

    @property
    def glia_index(self) -> int:
        """Owner index of glia."""
        return int(self.discs.neurite.max()) + 1

    def cut(self, z_nm: Floats, y_nm: Floats, x_nm: Floats) -> Cut:
        """Cells at the depths ``z_nm`` on the grid of ``y_nm`` and ``x_nm``.

        The cell of a point is the disc with the least power ``(|x - p|^2 - w) / r^q``
        (a Möbius diagram, Boissonnat & Karavelas 2003, with q = 0 the power diagram of Aurenhammer 1987),
        and the distance to the border is the least difference from the power of another neurite's disc
        over the length of that difference's gradient.
        """
        distance = np.full((len(z_nm), len(y_nm), len(x_nm)), FAR_NM, dtype=np.float32)
        return Cut(self._cut(z_nm, y_nm, x_nm, distance), distance)

    def owners(self, z_nm: Floats, y_nm: Floats, x_nm: Floats) -> NDArray[np.int32]:
        """The owners of `cut` alone, in half the time: distances matter to them only where there may be glia."""
        return self._cut(z_nm, y_nm, x_nm, None)

    def _cut(
        self, z_nm: Floats, y_nm: Floats, x_nm: Floats, distance: NDArray[np.float32] | None
    ) -> NDArray[np.int32]:
        """Owners, and distances in place where they are wanted."""
        y = np.broadcast_to(y_nm.astype(np.float32)[None, :, None], (len(z_nm), len(y_nm), len(x_nm))).copy()
        x = np.broadcast_to(x_nm.astype(np.float32)[None, None, :], y.shape).copy()
        for k, (amplitude, field) in enumerate(self.warp):
            (y if k % 2 == 0 else x)[...] += np.float32(amplitude) * field(z_nm, y_nm, x_nm)
        sheet = self.glia(z_nm, y_nm, x_nm) * np.float32(0.8 * self.glia_nm) + np.float32(0.1 * self.glia_nm)
        if self.glia_nm == 0:
            sheet[:] = -1
        owner = np.empty(y.shape, dtype=np.int32)
        py, px, weight = self.discs.at(z_nm)
        scale = (self.discs.radius / 100.0).astype(np.float32) ** np.float32(-_ROUNDNESS)
        step = float(y_nm[1] - y_nm[0]) if len(y_nm) > 1 else _BLOCK_NM
        side = max(4, round(_BLOCK_NM / step))
        rows, columns = np.arange(0, len(y_nm), side), np.arange(0, len(x_nm), side)
        candidates = _candidates(y, x, py, px, weight, scale, rows, columns)
        for i, top in enumerate(rows):
            for j, left in enumerate(columns):
                block = (slice(None), slice(top, top + side), slice(left, left + side))
                self._fill(
                    owner[block], None if distance is None else distance[block], y[block], x[block], sheet[block],
                    np.flatnonzero(candidates[i, j]), py, px, weight, scale,
                )  # fmt: skip
        return owner

    def _fill(
        self,
        owner: NDArray[np.int32],
        distance: NDArray[np.float32] | None,
        y: NDArray[np.float32],
        x: NDArray[np.float32],
        sheet: NDArray[np.float32],
        chosen: NDArray[np.intp],
        py: NDArray[np.float32],
        px: NDArray[np.float32],
        weight: NDArray[np.float32],
        scale: NDArray[np.float32],
    ) -> None:
        """Compute one block in place."""
        neurite = self.discs.neurite[chosen]
        if (neurite == neurite[0]).all():
            owner[...] = neurite[0]
            return
        planes = len(py)
        shape = owner.shape
        y, x = y.reshape(planes, -1), x.reshape(planes, -1)
        cy, cx, w, s = py[:, chosen], px[:, chosen], weight[:, chosen], scale[chosen]
        dy, dx = y - cy.T[:, :, None], x - cx.T[:, :, None]
        power = dy * dy
        power += dx * dx
        power -= w.T[:, :, None]
        power *= s[:, None, None]
        first = power.argmin(axis=0)
        nearest = neurite[first]
        owner[...] = nearest.reshape(shape)
        bundle = self.discs.bundle[chosen]
        thick = sheet.reshape(planes, -1)
        may_be_glia = (bundle != bundle[0]).any() and (thick > _THINNEST_GLIA_NM).any()
        if distance is None and not may_be_glia:
            return
        # half the gradient of each power, then of its difference from the least one
        plane = np.arange(planes)[:, None]
        dy *= s[:, None, None]
        dx *= s[:, None, None]
        dy -= (y - cy[plane, first]) * s[first]
        dx -= (x - cx[plane, first]) * s[first]
        dy *= dy
        dx *= dx
        dy += dx
        power -= power[first, plane, np.arange(y.shape[1])]
        np.sqrt(dy, out=dy)
        dy *= 2
        dy += np.float32(1e-3)
        power /= dy
        # the borders with all other discs enclose a cell, and the nearest of them is its border
        np.copyto(power, np.inf, where=neurite[:, None, None] == nearest)
        near = power.min(axis=0)
        if may_be_glia:
            np.copyto(power, np.inf, where=bundle[:, None, None] == bundle[first])
            there = thick > _THINNEST_GLIA_NM
            # glia wrap thin processes, they do not squeeze them
            thick = np.minimum(thick, _SQUEEZE * self.discs.radius[chosen].astype(np.float32)[first])
            beyond = power.min(axis=0) - thick
            inside = there & (beyond < 0)
            owner[inside.reshape(shape)] = self.glia_index
            near = np.where(there, np.where(inside, -beyond, np.minimum(near, beyond)), near)
        if distance is not None:
            distance[...] = np.minimum(near, FAR_NM).reshape(shape)


def draw_tissue(
    rng: np.random.Generator, extent_nm: tuple[float, float, float], calibre_nm: float, glia: float
) -> Tissue:
    """Draw the cells of a volume of ``extent_nm`` (z, y, x)."""
    discs = draw_neurites(rng, extent_nm, calibre_nm)
    warp: list[tuple[float, SmoothField]] = []
    # (grain along z, grain in the section, amplitude): common drift, bends, ripples
    ripple = rng.uniform(8.0, 19.0)
    for grain_z, grain, amplitude in ((900.0, 1100.0, 150.0), (450.0, 300.0, 44.0), (160.0, 95.0, ripple)):
        for _ in range(2):
            warp.append(
                (amplitude, SmoothField.random(rng, extent_nm, (grain_z, grain, grain), margin_nm=100))
            )
    sheets = SmoothField.random(rng, extent_nm, (500.0, 260.0, 260.0), margin_nm=100)
    return Tissue(discs, tuple(warp), sheets, 40.0 * glia)


def _candidates(
    y: NDArray[np.float32],
    x: NDArray[np.float32],
    py: NDArray[np.float32],
    px: NDArray[np.float32],
    weight: NDArray[np.float32],
    scale: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> NDArray[np.bool_]:
    """Discs that own, or border within `FAR_NM` on, a point of each block: bool (rows, columns, discs)."""

    def extreme(a: NDArray[np.float32], reduce: np.ufunc) -> NDArray[np.float32]:
        return np.asarray(reduce.reduceat(reduce.reduceat(a, rows, axis=1), columns, axis=2))[..., None]

    y_low, y_high = extreme(y, np.minimum), extreme(y, np.maximum)
    x_low, x_high = extreme(x, np.minimum), extreme(x, np.maximum)
    there = np.flatnonzero((weight > -1e11).any(axis=0))
    p, q, w = (k[:, None, None, there] for k in (py, px, weight))
    scale = scale[there]
    far = np.maximum(p - y_low, y_high - p) ** 2 + np.maximum(q - x_low, x_high - q) ** 2
    zero = np.float32(0)
    near = np.maximum(np.maximum(y_low - p, p - y_high), zero) ** 2
    near += np.maximum(np.maximum(x_low - q, q - x_high), zero) ** 2
    upper = (far - w) * scale
    best = upper.argmin(axis=-1)[..., None]
    slope = np.sqrt(far) * scale
    reach = 2 * FAR_NM * (slope + np.take_along_axis(slope, best, axis=-1))
    keep = (near - w) * scale <= np.take_along_axis(upper, best, axis=-1) + reach
    out = np.zeros((len(rows), len(columns), weight.shape[1]), dtype=np.bool_)
    out[..., there] = (keep & (w > -1e11)).any(axis=0)
    return out
