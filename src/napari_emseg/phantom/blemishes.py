"""Blemishes of a section that leave its tissue in its place: torn away bands, dirt, grain, uneven light.

They are drawn otherwise than the augmentations of the same names, so that a network can be tested on what it was not taught.
Where a blemish hides tissue, that is returned too: nobody can know from the picture what lies there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.phantom.injuries import blur, darken, draw_displacement, fold, pale

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Change = Callable[[np.random.Generator, NDArray[np.uint8]], NDArray[np.uint8]]
    Cover = Callable[[np.random.Generator, NDArray[np.uint8]], tuple[NDArray[np.uint8], NDArray[np.bool_]]]


class Blemished(NamedTuple):
    """A spoiled section (y, x), what was drawn on it, and where its tissue is hidden."""

    section: NDArray[np.uint8]
    truth: NDArray[np.bool_]
    hidden: NDArray[np.bool_]


def tear(rng: np.random.Generator, section: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Take a curved band of tissue away, 1.5 to 4 % of the section wide; black or resin shows there."""
    width = rng.uniform(0.015, 0.04) * min(section.shape)
    height, breadth = section.shape
    band = draw_displacement(rng, (height, breadth), width, -1).band
    out = section.copy()
    out[band] = np.clip(rng.normal(rng.choice([6, 236]), 4, int(band.sum())), 0, 255)
    return out, band


def soil(rng: np.random.Generator, section: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Drop precipitate on it: some forty dark ragged grains of 3 to 16 pixels radius."""
    out = section.astype(np.float32)
    hidden = np.zeros(section.shape, bool)
    reach = 26
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    for _ in range(int(rng.integers(30, 50))):
        at = [int(rng.integers(n)) for n in section.shape]
        turn, ragged = np.arctan2(y, x), rng.normal(0, 0.18, 5)
        radius = rng.uniform(3, 16) * (1 + sum(a * np.cos((n + 2) * turn + n) for n, a in enumerate(ragged)))
        cover = np.clip(0.5 + (radius - np.hypot(y, x)) / 2, 0, 1)
        rows, columns = (
            slice(max(0, c - reach), min(n, c + reach + 1)) for c, n in zip(at, section.shape, strict=True)
        )
        cut = cover[
            rows.start - at[0] + reach : rows.stop - at[0] + reach,
            columns.start - at[1] + reach : columns.stop - at[1] + reach,
        ]
        out[rows, columns] = out[rows, columns] * (1 - cut) + rng.uniform(5, 50) * cut
        hidden[rows, columns] |= cut > 0.5
    return np.clip(out, 0, 255).astype(np.uint8), hidden


def grain(rng: np.random.Generator, section: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Count too few electrons: Poisson noise of 8 to 20 electrons in a white pixel."""
    electrons = rng.uniform(8, 20)
    counted = rng.poisson(section / 255.0 * electrons) / electrons
    return np.asarray(np.clip(counted * 255, 0, 255), np.uint8)


def shade(rng: np.random.Generator, section: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Light it unevenly: two to three times as bright on one side as on the other, and darker towards the corners."""
    y, x = (np.linspace(-1, 1, n) for n in section.shape)
    turn = rng.uniform(0, 2 * np.pi)
    slope = np.sin(turn) * y[:, None] + np.cos(turn) * x[None, :]
    light = np.exp(0.5 * np.log(rng.uniform(2, 3)) * slope / 1.4) * (
        1 - 0.2 * (y[:, None] ** 2 + x[None] ** 2) / 2
    )
    return np.asarray(np.clip(section * light / light.mean(), 0, 255), np.uint8)


_SEEN_THROUGH: dict[str, Change] = {
    "low contrast": pale,
    "blurred": blur,
    "noisy": grain,
    "dark": darken,
    "uneven light": shade,
}
_OPAQUE: dict[str, Cover] = {"band missing": tear, "stained": soil}

IN_PLACE = ("band missing", "low contrast", "blurred", "stained", "noisy", "dark", "uneven light")
"""Kinds that leave the tissue where it is."""

BLEMISHES = (*IN_PLACE, "fold")
"""Everything that `blemish` can do."""


def blemish(
    section: NDArray[np.uint8],
    truth: NDArray[np.bool_],
    kind: str,
    rng: np.random.Generator,
    *,
    width_px: float = 24.0,
) -> Blemished:
    """Spoil one section, with what was drawn on it.

    Parameters
    ----------
    section : ndarray (y, x) uint8
        Not changed.
    truth : ndarray (y, x) of bool
        Membranes, say; they follow the tissue over a fold, and stay where it is hidden.
    kind : str
        Of `BLEMISHES`.
    rng : numpy.random.Generator
    width_px : float
        Of a fold.

    Returns
    -------
    Blemished
        Hidden are a band that is missing, the inner half of the rim of a grain of dirt and all within it, and the
        layers of a fold.

    Raises
    ------
    EmsegError
        If the kind is not known.
    """
    if kind in _OPAQUE:
        spoiled, hidden = _OPAQUE[kind](rng, section)
        return Blemished(spoiled, truth, hidden)
    if kind in _SEEN_THROUGH:
        return Blemished(_SEEN_THROUGH[kind](rng, section), truth, np.zeros(section.shape, bool))
    if kind != "fold":
        raise EmsegError(
            f"no section can be made {kind!r}", "the phantom", f"choose of {', '.join(BLEMISHES)}"
        )
    height, breadth = section.shape
    where = draw_displacement(rng, (height, breadth), width_px, 1)
    return Blemished(fold(rng, section, where), truth[where.rows, where.columns], where.band)
