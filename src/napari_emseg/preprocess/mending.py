"""Put the parts of a cracked section where they belong and fill the gap; and the way back for what was drawn on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.preprocess.affine import inverse, pull
from napari_emseg.preprocess.flow import flow_between, sample, to_type

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.preprocess.cracks import Crack

_SEAM_PX = 6.0  # parts that overlap are blended over this distance from their edges
_FEATHER_PX = 1.5
_REACH_PX = 24.0  # flow in the gap is that of its surroundings, within about this distance
_GRAIN_PX = 1.2  # what is filled in has the grain of two sections; it is smoothed by this much


def mend(
    section: NDArray[Any], crack: Crack, before: NDArray[Any] | None, after: NDArray[Any] | None
) -> NDArray[Any]:
    """The section with its parts in place and the gap filled.

    Parameters
    ----------
    section : ndarray (y, x)
        The cracked section.
    crack : Crack
    before, after : ndarray (y, x) or None
        The nearest good sections. With one of them the gap shows that one, with none it stays black.

    Returns
    -------
    ndarray (y, x)
        Of the section's type and size.
    """
    placed, weight = _placed(section, crack)
    covered = np.clip(weight / _FEATHER_PX, 0, 1)
    filling = fill_gap(placed, weight > 0, before, after)
    return to_type(covered * placed + (1 - covered) * filling, section.dtype)


def _placed(section: NDArray[Any], crack: Crack) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """All parts where they belong, blended by their distance from their own edges, and the largest distance."""
    total = np.zeros(section.shape, np.float32)
    weights = np.zeros(section.shape, np.float32)
    most = np.zeros(section.shape, np.float32)
    for back, depth in _moved_parts(crack):
        share = np.minimum(depth, _SEAM_PX)
        total += share * pull(section, back)
        weights += share
        np.maximum(most, depth, out=most)
    placed = np.divide(total, weights, out=np.zeros_like(total), where=weights > 0)
    return placed, most


def _moved_parts(crack: Crack) -> list[tuple[NDArray[np.float64], NDArray[np.float32]]]:
    """Of every part: the way from the mended section to it, and there the distance to the part's edge."""
    import edt

    found = []
    for n, affine in enumerate(crack.affines, start=1):
        mask = crack.parts == n
        # the frame cuts a part off, but is no edge of it; the crack is
        depth = np.asarray(edt.edt(np.ascontiguousarray(mask), black_border=False), dtype=np.float32)
        back = inverse(affine)
        inside = pull(mask, back, order=0)
        found.append((back, np.where(inside, pull(np.minimum(depth, 64), back), 0).astype(np.float32)))
    return found


def fill_gap(
    section: NDArray[np.floating],
    known: NDArray[np.bool_],
    before: NDArray[Any] | None,
    after: NDArray[Any] | None,
) -> NDArray[np.float32]:
    """What a section would show where it shows nothing, from its neighbours.

    Parameters
    ----------
    section : ndarray (y, x)
        Grey values, valid where `known`.
    known : ndarray (y, x) of bool
    before, after : ndarray (y, x) or None
        Neighbours.

    Returns
    -------
    ndarray (y, x) float32
        The mean of both neighbours, each moved along the flow that the section's own tissue around the gap has against
        it, carried smoothly into the gap; slightly smoothed, and as bright as the section.
    """
    from scipy.ndimage import gaussian_filter

    neighbours = [np.asarray(s) for s in (before, after) if s is not None]
    if not neighbours:
        return np.zeros(section.shape, np.float32)
    first = np.mean(
        neighbours, axis=0, dtype=np.float32
    )  # only to have something there; its flow is not used
    guess = np.where(known, section, first).astype(np.float32)
    moved = []
    for other in neighbours:
        flow = flow_between(guess, other)
        moved.append(sample(other, np.stack([_carried(part, known) for part in flow])))
    filled = gaussian_filter(np.mean(moved, axis=0), _GRAIN_PX)
    seen = known & (filled > 0)
    if seen.sum() > 100:
        filled += section[seen].mean() - filled[seen].mean()
    return np.asarray(filled, dtype=np.float32)


def _carried(flow: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Flow outside the gap as it is, inside it a weighted mean of that around it."""
    from scipy.ndimage import gaussian_filter

    share = gaussian_filter(known.astype(np.float32), _REACH_PX)
    mean = gaussian_filter(np.where(known, flow, 0).astype(np.float32), _REACH_PX)
    return np.where(known, flow, mean / np.maximum(share, 1e-4)).astype(np.float32)


def mend_labels(labels: NDArray[Any], crack: Crack) -> NDArray[Any]:
    """Labels that were drawn on the cracked section, where they belong; 0 in the gap.

    Parameters
    ----------
    labels : ndarray (y, x) of integers

    Returns
    -------
    ndarray (y, x)
        Of the same type. Where parts overlap, the one whose edge is further away wins.
    """
    out = np.zeros_like(labels)
    best = np.zeros(labels.shape, np.float32)
    for back, depth in _moved_parts(crack):
        wins = depth > best
        out[wins] = pull(labels, back, order=0)[wins]
        best[wins] = depth[wins]
    return out


def unmend(values: NDArray[Any], crack: Crack, *, labels: bool) -> NDArray[Any]:
    """The way back for labels or predictions made on the mended section.

    Parameters
    ----------
    values : ndarray (y, x)
    crack : Crack
    labels : bool
        True takes the nearest id, False interpolates.

    Returns
    -------
    ndarray (y, x)
        Of the same type, in the frame of the cracked section. What was made in the filled gap goes nowhere: it is
        left out, and the crack holds 0.
    """
    out = np.zeros_like(values)
    for n, affine in enumerate(crack.affines, start=1):
        mask = crack.parts == n
        found = pull(values, affine, order=0 if labels else 1)
        out[mask] = found[mask] if labels else to_type(found[mask], values.dtype)
    return out
