"""What lies around one synapse: the cells at its cleft, and what their meeting there looks like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing
    from napari_emseg.settings import SynapseSettings

MARGIN_NM = 150.0
"""How much tissue around a cleft is looked at."""

_SHEET_NM = 20.0  # thickness of the sheet by which a contact is measured
_VESICLES_NM = (40.0, 150.0)  # distances from the cleft in which vesicles lie
_ACTIVE_NM = (0.0, 30.0)  # depth of the dense projection's foot and of the postsynaptic density
_TABLE_NM = (30.0, 70.0)  # depth in which a T-bar has its table
_LEAST_SHARE = 0.02  # of the neighbourhood; less is a corner that looks in

PAIR_CLUES = (
    "contact", "share of contact", "contact to largest", "smaller cell", "hub", "larger cell", "cells", "cleft",
)  # fmt: skip
"""Of whether two cells are partners; the same whichever is named first."""
SIDED_PAIR_CLUES = (
    "contrast", "opposite", "contrast of cells", "opposite cells", "both masses", "smaller mass", "larger mass", "strength",
)  # fmt: skip
"""The same, of a map of sides; unchanged where its two sides change places."""
SIDED_CLUES = ("contrast", "contrast of cells", "mass")
"""Of which of two cells is presynaptic, from a map of sides; they change sign with the cells and with the map."""
SHAPE_CLUES = ("hub", "volume")
"""The same without a map; they change sign with the cells."""
LOOK_CLUES = ("active zone", "T-bar", "vesicles")
"""The same from the image."""


@dataclass(frozen=True, eq=False)
class Crop:
    """One synapse and what surrounds it.

    Parameters
    ----------
    cleft : ndarray of bool (z, y, x)
        Voxels of the synapse, at least one.
    cells : ndarray of int (z, y, x)
        1 to n for the ids, 0 for none.
    ids : tuple of int
        The true id of each.
    spacing_nm : (z, y, x)
    signed : ndarray of float32, optional
        From 1, presynaptic, to -1, postsynaptic.
    image : ndarray, optional
        Grey values.
    """

    cleft: NDArray[np.bool_]
    cells: NDArray[np.int64]
    ids: tuple[int, ...]
    spacing_nm: Spacing
    signed: NDArray[np.float32] | None = None
    image: NDArray[Any] | None = None


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Cells at a cleft and pairs of them that meet there.

    Parameters
    ----------
    cells : ndarray of int (n,)
        Of the crop, ascending.
    share : ndarray (n,)
        Part of the neighbourhood that each fills.
    pairs : ndarray of int (m, 2)
        Indices into `cells`.
    gap_nm : ndarray (m,)
        Least distance of the two between their surfaces.
    pair_clues : ndarray (m, ...)
        `PAIR_CLUES`, and `SIDED_PAIR_CLUES` where there is a map.
    direction_clues : ndarray (m, ...)
        Positive where the first is presynaptic: `SIDED_CLUES` with a map, else `SHAPE_CLUES` and, with an image,
        `LOOK_CLUES`.
    pre_mass, post_mass : ndarray (n,)
        What the map says is presynaptic (postsynaptic) in each cell, nm3; zeros without a map.
    """

    cells: NDArray[np.int64]
    share: NDArray[np.float64]
    pairs: NDArray[np.int64]
    gap_nm: NDArray[np.float64]
    pair_clues: NDArray[np.float64]
    direction_clues: NDArray[np.float64]
    pre_mass: NDArray[np.float64]
    post_mass: NDArray[np.float64]


def survey_crop(crop: Crop, settings: SynapseSettings) -> Surroundings:
    """Measure the cells around a synapse, without any knowledge of who is whose partner.

    Distances are between voxels in nm; a step to the next section counts as no more than ``settings.reach_nm``, so that
    the neighbouring sections are always looked at.

    Parameters
    ----------
    crop : Crop
    settings : SynapseSettings
        ``reach_nm``, ``gap_nm``, ``min_cell_nm3``.
    """
    reach = settings.reach_nm
    step = tuple(min(s, reach) for s in crop.spacing_nm)
    away = distance_nm(crop.cleft, step)
    near = away <= reach * (1 + 1e-6)
    voxel = float(np.prod(crop.spacing_nm))
    weight = np.where(near, np.exp(-2 * away / reach), 0.0) * voxel
    n = len(crop.ids)
    bulk = np.bincount(crop.cells.ravel(), minlength=n + 1) * voxel
    if crop.signed is not None or crop.image is None:  # the rest is looked at for vesicles only
        crop, box = narrowed(crop, settings)
        away, weight = away[box], weight[box]
    volume = np.bincount(crop.cells.ravel(), weight.ravel(), minlength=n + 1)
    volume[0] = 0
    total = max(float(volume.sum()), 1e-9)
    cells = np.flatnonzero((volume > _LEAST_SHARE * total) & (bulk >= settings.min_cell_nm3))
    cells = cells[cells > 0]
    meeting = _Meeting(crop, settings, step, away, weight, cells)
    return meeting.measured(volume[cells] / total)


def narrowed(crop: Crop, settings: SynapseSettings) -> tuple[Crop, tuple[slice, slice, slice]]:
    """The part of a crop in which partners can lie, without the image, and where it is in the crop."""
    far = settings.reach_nm + settings.gap_nm
    spans = []
    for axis, (n, size) in enumerate(zip(crop.cleft.shape, crop.spacing_nm, strict=True)):
        there = np.flatnonzero(crop.cleft.any(tuple(k for k in range(3) if k != axis)))
        more = int(np.ceil(far / min(size, settings.reach_nm)))
        spans.append(slice(max(int(there[0]) - more, 0), min(int(there[-1]) + 1 + more, n)))
    box = (spans[0], spans[1], spans[2])
    signed = None if crop.signed is None else crop.signed[box]
    return replace(crop, cleft=crop.cleft[box], cells=crop.cells[box], signed=signed, image=None), box


def distance_nm(mask: NDArray[np.bool_], step: tuple[float, ...]) -> NDArray[np.float32]:
    """Distance of every voxel to a mask, 0 inside; infinite where the mask is empty."""
    import edt

    return np.asarray(edt.edt(np.ascontiguousarray(~mask), anisotropy=step, black_border=False))


class _Meeting:
    """All pairs of cells of one crop."""

    def __init__(
        self,
        crop: Crop,
        settings: SynapseSettings,
        step: tuple[float, ...],
        away: NDArray[np.float32],
        weight: NDArray[np.float64],
        cells: NDArray[np.int64],
    ) -> None:
        self.crop, self.settings, self.cells = crop, settings, cells
        self.weight, self.away = weight, away
        self.masks = [crop.cells == k for k in cells]
        self.to = [distance_nm(mask, step) for mask in self.masks]
        self.step = step

    def measured(self, share: NDArray[np.float64]) -> Surroundings:
        """Everything about the crop."""
        n = self.cells.size
        pairs: list[tuple[int, int]] = []
        gaps: list[float] = []
        areas: list[float] = []
        contact = np.zeros((n, n))
        for i in range(n):
            for j in range(i + 1, n):
                gap, facing = self._contact(i, j)
                if facing > 0:
                    contact[i, j] = contact[j, i] = facing
                    pairs.append((i, j))
                    gaps.append(gap)
                    areas.append(facing)
        pair = np.asarray(pairs, np.int64).reshape(-1, 2)
        area = np.asarray(areas, float)
        every = max(float(contact.sum()) / 2, 1e-9)
        hub = contact.sum(1) / every
        first, other = pair.T
        clues = [
            np.log1p(area / 1e3), area / every, area / max(float(area.max(initial=0)), 1e-9),
            np.minimum(share[first], share[other]), np.maximum(hub[first], hub[other]),
            np.maximum(share[first], share[other]),
            np.full(area.size, np.log(max(n, 1))),
            np.full(area.size, np.log1p(self.crop.cleft.sum() * np.prod(self.crop.spacing_nm) / 1e5)),
        ]  # fmt: skip
        pre, post = np.zeros(n), np.zeros(n)
        if self.crop.signed is not None:
            pre, post, sided, direction = self._sides(pair)
            clues += sided
        else:
            direction = [hub[first] - hub[other], share[first] - share[other]]
            if self.crop.image is not None:
                looks = self._looks()
                direction += [looks[first, k] - looks[other, k] for k in range(looks.shape[1])]
        return Surroundings(
            self.cells,
            share,
            pair,
            np.asarray(gaps, float),
            np.stack(clues, 1),
            np.stack(direction, 1),
            pre,
            post,
        )

    def _contact(self, i: int, j: int) -> tuple[float, float]:
        """Least gap of two cells near the cleft, and the area (nm2) over which they face each other there."""
        seen = self.weight > 0
        gap, sheets = np.inf, []
        for one, other in ((i, j), (j, i)):
            here = self.masks[one] & seen
            if not here.any():
                return np.inf, 0.0
            distance = self.to[other][here]
            least = float(distance.min())
            gap = min(gap, least)
            sheets.append(float(self.weight[here][distance <= least + _SHEET_NM].sum()))
        # from middle to middle of voxels; cells that touch across sections always meet
        if gap > max(self.settings.gap_nm + min(self.step), max(self.step)) * (1 + 1e-6):
            return gap, 0.0
        return max(gap - min(self.step), 0.0), float(np.sqrt(sheets[0] * sheets[1])) / _SHEET_NM

    def _sides(
        self, pair: NDArray[np.int64]
    ) -> tuple[
        NDArray[np.float64], NDArray[np.float64], list[NDArray[np.float64]], list[NDArray[np.float64]]
    ]:
        """Masses of both sides in each cell, and clues of pairs."""
        signed = np.asarray(self.crop.signed, np.float64) * self.weight
        n = self.cells.size
        up = np.array([np.maximum(signed[m], 0).sum() for m in self.masks]).reshape(n)
        down = np.array([np.maximum(-signed[m], 0).sum() for m in self.masks]).reshape(n)
        volume = np.maximum(np.array([self.weight[m].sum() for m in self.masks]).reshape(n), 1e-9)
        strength = float((up + down).sum() / max(float(volume.sum()), 1e-9))
        pre, post = up / max(float(up.sum()), 1e-9), down / max(float(down.sum()), 1e-9)
        mean = (up - down) / volume
        local = np.zeros((pair.shape[0], 2))
        for k, (i, j) in enumerate(pair.tolist()):
            for side, (one, other) in enumerate(((i, j), (j, i))):
                here = self.masks[one] & (self.to[other] <= self.settings.gap_nm + max(self.step))
                local[k, side] = signed[here].sum() / max(float(self.weight[here].sum()), 1e-9)
        i, j = pair.T
        contrast = local[:, 0] - local[:, 1]
        forward = contrast > 0
        a = np.where(forward, pre[i], pre[j])
        b = np.where(forward, post[j], post[i])
        balance = (up - down) / max(float((up + down).sum()), 1e-9)
        sided = [
            np.abs(contrast), -local[:, 0] * local[:, 1], np.abs(mean[i] - mean[j]), -mean[i] * mean[j],
            a * b, np.minimum(a, b), np.maximum(a, b), np.full(len(pair), strength),
        ]  # fmt: skip
        return up, down, sided, [contrast, mean[i] - mean[j], balance[i] - balance[j]]

    def _looks(self) -> NDArray[np.float64]:
        """How dark each cell is at the membrane, deeper, and how speckled it is beyond; (n, 3)."""
        from scipy import ndimage as ndi

        grey = np.asarray(self.crop.image, np.float64)
        within = self.away <= MARGIN_NM
        spread = max(float(grey[within].std()), 1e-9)
        dark = (np.median(grey[within]) - grey) / spread
        sigma = tuple(0.0 if k == 0 else 8.0 / s for k, s in enumerate(self.crop.spacing_nm))
        soft = ndi.gaussian_filter(dark, sigma)
        out = np.zeros((self.cells.size, len(LOOK_CLUES)))
        for k, mask in enumerate(self.masks):
            others = np.ones(mask.shape, bool)
            depth = (
                np.min([to for m, to in enumerate(self.to) if m != k], axis=0)
                if self.cells.size > 1
                else others
            )
            for column, (low, high) in enumerate((_ACTIVE_NM, _TABLE_NM)):
                zone = mask & (depth > low) & (depth <= high) & (self.away <= high)
                out[k, column] = dark[zone].mean() if zone.any() else 0.0
            zone = mask & (self.away > _VESICLES_NM[0]) & (self.away <= _VESICLES_NM[1])
            out[k, 2] = soft[zone].std() if zone.sum() > 10 else 0.0
        return out
