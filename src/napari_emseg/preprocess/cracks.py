"""Cracked sections: where the crack is, which parts it leaves, and how each part moved.

What was done to a section is recorded with it, so that predictions made on the mended section find their way back.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.preprocess.affine import estimate_affine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_emseg.preprocess.affine import Affine

_FORMAT = "napari-emseg cracks"
_WINDOW_PX = 5
_EVEN = 0.45  # of the usual local standard deviation of tissue: resin has no structure
_EDGE_PX = 7  # how far the edge of a crack may reach beyond its even core
_SOME = 0.01  # part of a place's surroundings that must be tissue, or that of the whole section counts
_LONG = 0.35  # of the shorter side
_LEAST_PART = 0.02  # of the section
_MOST_CRACK = 0.35  # more of a section than this is no crack


@dataclass(frozen=True, eq=False)
class Crack:
    """One cracked section.

    Parameters
    ----------
    section : int
    parts : ndarray (y, x) uint8
        0 in the crack, 1, 2, ... in the parts that it leaves, largest first.
    affines : tuple of ndarray (2, 3)
        Where each part belongs: what is at (y, x) in the section goes to ``M (y, x) + t``.
    """

    section: int
    parts: NDArray[np.uint8]
    affines: tuple[Affine, ...]

    @property
    def crack(self) -> NDArray[np.bool_]:
        """The crack itself."""
        return np.asarray(self.parts == 0)


def find_crack(section: NDArray[Any], around: Sequence[NDArray[Any]] = ()) -> NDArray[np.bool_] | None:
    """Look for a bright or dark band without structure that divides the section.

    Parameters
    ----------
    section : ndarray (y, x)
        Grey values.
    around : sequence of ndarray (y, x)
        Good neighbours: their grey values say what tissue is. Default the section itself.

    Returns
    -------
    ndarray (y, x) of bool, or None
        The crack, or None where there is none that leaves two parts.
    """
    for band in _candidates(section, around):
        if 0 < band.mean() < _MOST_CRACK and len(_parts(band)) > 1:
            return band
    return None


def _candidates(section: NDArray[Any], around: Sequence[NDArray[Any]]) -> list[NDArray[np.bool_]]:
    from scipy.ndimage import binary_closing, uniform_filter

    def smoothed(values: NDArray[Any]) -> NDArray[np.float32]:
        return np.asarray(uniform_filter(values, _WINDOW_PX))

    grey = section.astype(np.float32)
    smooth = smoothed(grey)
    spread = np.sqrt(np.maximum(smoothed(grey**2) - smooth**2, 0))
    others = [smoothed(np.asarray(s, dtype=np.float32)) for s in around] or [smooth]
    pooled = np.concatenate([o[::2, ::2].ravel() for o in others])
    even = spread < _EVEN * float(np.median(spread))
    found = []
    disc = np.hypot(*np.mgrid[-3:4, -3:4]) <= 3.2
    for share in (0.5, 2.0, 5.0):  # from strict to lenient
        low, high = np.percentile(pooled, (share, 100 - share))
        for seed in (smooth > high, smooth < low):
            core = binary_closing(np.pad(seed & even, 4), disc)[4:-4, 4:-4]
            band = _long_ones(core)
            if band.any():
                found.append(_grown(section, band))
    return found


def _grown(section: NDArray[Any], band: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The band with its edge, that is neither even nor at full strength."""
    from scipy.ndimage import binary_dilation, binary_opening, gaussian_filter

    level, tissue = float(np.median(section[band])), float(np.median(section[~band]))
    near = binary_dilation(band, iterations=_EDGE_PX)
    # Half-way to the tissue beside it, not to that of the whole section: a pale cell is no edge of a crack.
    there = gaussian_filter((~near).astype(np.float32), _EDGE_PX)
    beside = gaussian_filter(np.where(near, 0, section).astype(np.float32), _EDGE_PX)
    beside = np.where(there > _SOME, beside / np.maximum(there, _SOME), tissue)
    half = 0.5 * (level + beside)
    strong = section > half if level > tissue else section < half
    grown = binary_opening(np.pad(near & (strong | band), 2), np.ones((3, 3), np.bool_))[2:-2, 2:-2]
    return np.asarray(binary_dilation(grown | band, np.ones((3, 3), np.bool_)))


def _long_ones(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from scipy.ndimage import find_objects, label

    labels, count = label(mask, structure=np.ones((3, 3), np.bool_))
    if not count:
        return np.zeros_like(mask)
    reach = _LONG * min(mask.shape)
    extent = [np.hypot(r.stop - r.start, c.stop - c.start) for r, c in find_objects(labels)]
    keep = np.concatenate([[False], np.array(extent) > reach])
    return np.asarray(keep[labels])


def _parts(band: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Connected pieces of the rest that are large enough, the largest first."""
    from scipy.ndimage import label

    labels, count = label(~band)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    order = np.argsort(-sizes)
    return [labels == n + 1 for n in order if sizes[n] >= _LEAST_PART * band.size]


def split(band: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The parts that a crack leaves.

    Parameters
    ----------
    band : ndarray (y, x) of bool
        The crack.

    Returns
    -------
    ndarray (y, x) uint8
        0 in the crack, 1, 2, ... in the parts, the largest first. Specks within the crack belong to it, holes within a
        part to the part. Parts do not overlap.

    Raises
    ------
    EmsegError
        If it does not divide the section.
    """
    from scipy.ndimage import binary_fill_holes

    pieces = _parts(band)
    if len(pieces) < 2:
        raise EmsegError(
            "the crack does not divide the section", "its mask", "draw it from one edge to another"
        )
    parts = np.zeros(band.shape, np.uint8)
    for n, piece in enumerate(pieces[:254], start=1):
        parts[binary_fill_holes(piece) & (parts == 0)] = n
    return parts


def locate(section: NDArray[Any], number: int, around: Sequence[NDArray[Any]]) -> Crack | None:
    """Find a section's crack, split it, and align each part to the neighbours.

    Parameters
    ----------
    section : ndarray (y, x)
    number : int
        Of the section.
    around : sequence of ndarray (y, x)
        The nearest good sections, at least one.

    Returns
    -------
    Crack or None
        None where no crack is found.
    """
    band = find_crack(section, around)
    if band is None:
        return None
    parts = split(band)
    reference = np.mean([np.asarray(s, dtype=np.float32) for s in around], axis=0)
    affines = tuple(estimate_affine(section, parts == n, reference) for n in range(1, int(parts.max()) + 1))
    return Crack(number, parts, affines)


def cracks_as_text(cracks: Sequence[Crack]) -> str:
    """What `read_cracks` reads: JSON that holds everything needed for the way back."""
    rows = [
        {
            "section": crack.section,
            "shape": list(crack.parts.shape),
            "parts": base64.b64encode(zlib.compress(crack.parts.tobytes(), 9)).decode("ascii"),
            "affines": [affine.tolist() for affine in crack.affines],
        }
        for crack in cracks
    ]
    return json.dumps({"format": _FORMAT, "version": 1, "cracks": rows}, indent=1)


def read_cracks(text: str, where: str) -> list[Crack]:
    """Cracks as `cracks_as_text` has written them.

    Raises
    ------
    EmsegError
        If this is something else, or damaged.
    """
    try:
        content = json.loads(text)
        if content["format"] != _FORMAT:
            raise KeyError("format")
        found = []
        for row in content["cracks"]:
            height, width = (int(n) for n in row["shape"])
            parts = np.frombuffer(zlib.decompress(base64.b64decode(row["parts"])), np.uint8)
            affines = tuple(np.array(a, dtype=np.float64).reshape(2, 3) for a in row["affines"])
            if len(affines) != int(parts.max(initial=0)) or not np.isfinite(affines).all():
                raise ValueError("affines")
            found.append(Crack(int(row["section"]), parts.reshape(height, width), affines))
        return found
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise EmsegError(
            "this is no record of cracks", where, "give the file that crack has written"
        ) from error
