"""What can be said about a wall between two pieces, as numbers that do not depend on the pixel size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_emseg.algorithms.walls import Walls

_SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
_ENDS = (0.1, 0.9)
_NM = 4.4  # pixel size at which the widths below are one and two pixels
_FLOOR = 1e-6

Columns = dict[str, "NDArray[np.float64]"]


def wall_features(
    walls: Walls,
    boundary: NDArray[np.float32],
    pixel_nm: float,
    others: Mapping[str, NDArray[np.float32]] | None = None,
) -> Columns:
    """Features of every wall.

    Parameters
    ----------
    walls : Walls
        Of `boundary`.
    boundary : ndarray (y, x) float32
        Probability of membrane in [0, 1].
    pixel_nm : float
    others : mapping of str to ndarray (y, x), optional
        What else the network predicts: its means along the wall and in the pieces are features too.

    Returns
    -------
    dict of str to ndarray (walls,)
        Lengths in units of 4.4 nm. Of a pair of pieces the lower and the higher value, so that their order
        does not matter.
    """
    unit = pixel_nm / _NM
    ribbon = _Ribbon(walls)
    depth = walls.depth * np.float32(unit)
    found: Columns = {"length": np.log(ribbon.length * unit)}
    found |= _strength(ribbon, boundary, unit)
    neck = ribbon.ends(depth, (1.0,))[0]
    found |= {"neck": neck, "neck mean": ribbon.mean(depth)}
    pieces = _Pieces(walls, unit)
    deepest = pieces.largest(depth)
    found |= pieces.pair("depth", deepest)
    found["neck share"] = neck / np.maximum(0.5, found["depth low"])
    found |= pieces.shape()
    found |= pieces.pair("membrane", pieces.mean(boundary))
    found |= pieces.neighbourhood(found["mean"])
    found["straight"] = ribbon.span() / ribbon.length
    for name, probability in (others or {}).items():
        low, high = ribbon.ends(probability, _ENDS)
        found |= {f"{name} along": ribbon.mean(probability), f"{name} least": low, f"{name} most": high}
        found |= pieces.pair(name, pieces.mean(probability))
    return found


def _strength(ribbon: _Ribbon, boundary: NDArray[np.float32], unit: float) -> Columns:
    """How strong the wall is: as it is, blurred, and with its surroundings, where a membrane may lie beside it."""
    mean = ribbon.mean(boundary)
    square = ribbon.mean(boundary**2)
    found = {"mean": mean, "spread": np.sqrt(np.maximum(0, square - mean**2))}
    found |= {
        f"share {share}": value for share, value in zip(_SHARES, ribbon.ends(boundary, _SHARES), strict=True)
    }
    blurred = ndi.gaussian_filter(boundary, 1.5 / unit, truncate=3.0)
    reach = 2 * max(1, round(2 / unit)) + 1
    around = ndi.maximum_filter(boundary, reach)
    found |= {"blurred mean": ribbon.mean(blurred), "blurred least": ribbon.ends(blurred, (0.1,))[0]}
    found |= {"around mean": ribbon.mean(around), "around least": ribbon.ends(around, (0.1,))[0]}
    return found


class _Ribbon:
    """The faces of all walls, those of a wall side by side."""

    def __init__(self, walls: Walls) -> None:
        self._walls = walls
        self.length = walls.length.astype(float)
        self._first = np.concatenate([[0], np.cumsum(walls.length)[:-1]]).astype(np.intp)

    def _along(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        flat = values.ravel()
        return np.maximum(flat[self._walls.here], flat[self._walls.there])

    def mean(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Mean over the faces of every wall; a face takes the higher of its two pixels."""
        total = np.bincount(self._walls.wall, self._along(values), minlength=self.length.size)
        return np.asarray(total / self.length)

    def ends(self, values: NDArray[np.float32], shares: tuple[float, ...]) -> list[NDArray[np.float64]]:
        """Values that these shares of the faces of every wall do not exceed."""
        along = self._along(values)
        # Sorting one array of floats is quicker than sorting by two keys.
        order = np.argsort(self._walls.wall + np.clip(along / (along.max(initial=0) + 1), 0, 0.999))
        ranked = along[order]
        at = [
            self._first + np.minimum(np.floor(s * self.length), self.length - 1).astype(int) for s in shares
        ]
        return [ranked[k].astype(float) for k in at]

    def span(self) -> NDArray[np.float64]:
        """Diagonal of the box around every wall, in pixels."""
        if not self.length.size:
            return self.length
        columns = self._walls.pieces.shape[1]
        ends = [np.divmod(end, columns) for end in (self._walls.here, self._walls.there)]
        places = [(one + other) / 2 for one, other in zip(*ends, strict=True)]
        sides = [np.maximum.reduceat(p, self._first) - np.minimum.reduceat(p, self._first) for p in places]
        return np.asarray(np.hypot(*sides))


class _Pieces:
    """Properties of pieces, and what the two sides of every wall have of them."""

    def __init__(self, walls: Walls, unit: float) -> None:
        self._flat = walls.pieces.ravel()
        self._a, self._b, self._length, self._unit = walls.a, walls.b, walls.length.astype(float), unit
        self._n = walls.n_ids
        self._area = np.maximum(1.0, np.bincount(self._flat, minlength=self._n))
        self._around = self._sum(self._length) + _FLOOR

    def _sum(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        ends = np.concatenate([self._a, self._b])
        return np.bincount(ends, np.concatenate([values, values]), minlength=self._n).astype(float)

    def mean(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Mean over every piece."""
        return np.asarray(np.bincount(self._flat, values.ravel(), minlength=self._n) / self._area)

    def largest(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Largest value in every piece."""
        found = np.zeros(self._n, np.float32)
        np.maximum.at(found, self._flat, values.ravel())
        return found.astype(float)

    def pair(self, name: str, of_piece: NDArray[np.float64]) -> Columns:
        """Lower and higher value of the two sides."""
        a, b = of_piece[self._a], of_piece[self._b]
        return {f"{name} low": np.minimum(a, b), f"{name} high": np.maximum(a, b)}

    def shape(self) -> Columns:
        """Size and outline of the pieces, and how much of the outline the wall is."""
        found = self.pair("area", np.log(self._area * self._unit**2))
        found |= self.pair("outline", self._around / np.sqrt(self._area))
        of_a, of_b = self._length / self._around[self._a], self._length / self._around[self._b]
        small = np.where(self._area[self._a] < self._area[self._b], of_a, of_b)
        return found | {
            "part low": np.minimum(of_a, of_b), "part high": np.maximum(of_a, of_b), "part of smaller": small,
        }  # fmt: skip

    def neighbourhood(self, strength: NDArray[np.float64]) -> Columns:
        """The other walls of the two sides."""
        weakest = np.ones(self._n)
        for end in (self._a, self._b):
            np.minimum.at(weakest, end, strength)
        found = self.pair("weakest", weakest)
        found |= self.pair("walled", self._sum(strength * self._length) / self._around)
        return found | self.pair("neighbours", self._sum(np.ones(self._length.size)))
