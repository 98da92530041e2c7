"""Damage to the picture of a section, for any stack: what was done is returned, so that finding it can be tested.

Folds and cracks displace tissue along a curved line; the map that says which pixel came from where is the truth for
everything that was drawn on the section.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_DECAY = 0.4  # tissue beside a fold or crack is displaced over about this part of the section
KINDS = (
    "missing", "blurred", "dark", "low contrast", "duplicated", "shifted", "fold", "crack",
)  # fmt: skip
"""What `injure` can do to a section."""


@dataclass(frozen=True, eq=False)
class Displacement:
    """Tissue drawn together over a fold, or pulled apart at a crack.

    Parameters
    ----------
    rows, columns : ndarray (y, x) of int
        Where each pixel of the damaged section comes from.
    band : ndarray (y, x) of bool
        The fold or crack itself.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    band: NDArray[np.bool_]


def draw_displacement(
    rng: np.random.Generator,
    shape: tuple[int, int],
    width: float,
    sense: int,
    *,
    pixel: tuple[float, float] = (1.0, 1.0),
    decay: float | None = None,
) -> Displacement:
    """Draw a curved line across a section, and how tissue moves beside it.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
        (y, x).
    width : float
        Of the band, in the unit of ``pixel``; at most a fifth of the section.
    sense : {1, -1}
        1 draws tissue in from both sides and hides it, as a fold does; -1 pulls it apart, as a crack does.
    pixel : tuple of float
        Pixel size (y, x).
    decay : float, optional
        Distance over which the displacement fades; default two fifths of the section.
    """
    y, x = ((np.arange(n) + 0.5 - n / 2) * s for n, s in zip(shape, pixel, strict=True))
    turn = rng.uniform(0, np.pi)
    normal = np.array([np.sin(turn), np.cos(turn)])
    extent = float(np.abs(normal) @ (np.array(shape) * pixel))
    along = y[:, None] * normal[1] - x[None, :] * normal[0]
    bow = 0.06 * extent * np.sin(along * rng.uniform(1, 3) / extent * np.pi + rng.uniform(0, 6.28))
    across = y[:, None] * normal[0] + x[None, :] * normal[1] + bow - rng.uniform(-0.25, 0.25) * extent
    width = min(width, 0.2 * extent)
    fade = np.exp(-np.maximum(np.abs(across) - width / 2, 0) / (decay or _DECAY * extent))
    step = sense * np.sign(across) * 0.5 * width * fade
    rows = np.rint((y[:, None] + step * normal[0]) / pixel[0] + shape[0] / 2 - 0.5).astype(np.intp)
    columns = np.rint((x[None, :] + step * normal[1]) / pixel[1] + shape[1] / 2 - 0.5).astype(np.intp)
    # a fold draws in tissue from beyond the frame: mirrored
    return Displacement(_mirrored(rows, shape[0]), _mirrored(columns, shape[1]), np.abs(across) < width / 2)


def _mirrored(index: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Indices reflected at both ends."""
    index = np.where(index < 0, -1 - index, index)
    return np.clip(np.where(index >= count, 2 * count - 1 - index, index), 0, count - 1)


def fold(rng: np.random.Generator, section: NDArray[np.uint8], where: Displacement) -> NDArray[np.uint8]:
    """Lay three layers of tissue on top of each other in the band."""
    moved: NDArray[np.uint8] = section[where.rows, where.columns]
    layers = (moved / 255.0) * (np.roll(moved, 7, axis=0) / 255.0) * rng.uniform(0.35, 0.7)
    moved[where.band] = np.clip(layers[where.band] * 255, 0, 255)
    return moved


def crack(rng: np.random.Generator, section: NDArray[np.uint8], where: Displacement) -> NDArray[np.uint8]:
    """Show bare resin in the band."""
    moved: NDArray[np.uint8] = section[where.rows, where.columns]
    moved[where.band] = np.clip(rng.normal(236, 5, int(where.band.sum())), 0, 255)
    return moved


def pale(rng: np.random.Generator, section: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Take most of the contrast away and change the brightness."""
    values = section.astype(np.float32)
    faint = values.mean() + rng.uniform(0.15, 0.3) * (values - values.mean()) + rng.uniform(-30, 50)
    return np.asarray(np.clip(faint, 0, 255), dtype=np.uint8)


def darken(rng: np.random.Generator, section: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Let less than two thirds of the light through."""
    return (section * rng.uniform(0.3, 0.62)).astype(np.uint8)


def blur(rng: np.random.Generator, section: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put the section out of focus, or smear it along one axis, and take the picture again with some grain."""
    from scipy.ndimage import gaussian_filter, uniform_filter1d

    values = section.astype(np.float32)
    if rng.random() < 0.7:
        values = gaussian_filter(values, rng.uniform(1.5, 4.0))
    else:
        values = uniform_filter1d(values, int(rng.integers(9, 20)), axis=int(rng.integers(2)))
    values += rng.normal(0, 2.0, values.shape)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def shift(rng: np.random.Generator, section: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Move the section by 4 to 12 % of its shorter side; what comes in from beyond the frame is mirrored.

    Returns
    -------
    section : ndarray (y, x) uint8
    shift : tuple of int
        (dy, dx) in pixels.
    """
    side = min(section.shape)
    length, turn = rng.uniform(0.04, 0.12) * side + 4, rng.uniform(0, 2 * np.pi)
    dy, dx = round(length * np.sin(turn)), round(length * np.cos(turn))
    rows, columns = (_mirrored(np.arange(n) - d, n) for n, d in zip(section.shape, (dy, dx), strict=True))
    return section[rows][:, columns], (dy, dx)


def injure(
    image: NDArray[np.uint8], kinds: Sequence[str], rng: np.random.Generator, *, width_px: float = 24.0
) -> tuple[NDArray[np.uint8], dict[int, str]]:
    """Damage randomly chosen sections of a stack, one kind each, never two neighbours while there is room.

    Parameters
    ----------
    image : ndarray (z, y, x) uint8
        Not changed.
    kinds : sequence of str
        Of `KINDS`, one for each section to be damaged.
    rng : numpy.random.Generator
    width_px : float
        Usual width of folds and cracks; they differ by half of it.

    Returns
    -------
    image : ndarray (z, y, x) uint8
    kinds : dict of int to str
        What was done to which section.

    Raises
    ------
    EmsegError
        If there are more kinds than sections, or a kind is not known.
    """
    chosen = _choose(rng, len(image), len(kinds))
    out = image.copy()
    for z, kind in zip(chosen, kinds, strict=True):
        width = width_px * rng.uniform(0.5, 1.5)
        section = image[z]
        if kind == "missing":
            out[z] = rng.choice([0, 0, 235])
        elif kind == "duplicated":
            out[z] = image[z - 1 if z else 1]
        elif kind == "shifted":
            out[z] = shift(rng, section)[0]
        elif kind == "fold":
            out[z] = fold(rng, section, draw_displacement(rng, section.shape, width, 1))
        elif kind == "crack":
            out[z] = crack(rng, section, draw_displacement(rng, section.shape, width, -1))
        elif kind in _PICTURE:
            out[z] = _PICTURE[kind](rng, section)
        else:
            raise EmsegError(
                f"no section can be made {kind!r}", "the phantom", f"choose of {', '.join(KINDS)}"
            )
    return out, dict(sorted(zip(chosen, kinds, strict=True)))


_PICTURE: dict[str, Any] = {"low contrast": pale, "dark": darken, "blurred": blur}


def _choose(rng: np.random.Generator, count: int, wanted: int) -> list[int]:
    """Sections in random order, the outer ones and neighbours of chosen ones last."""
    if wanted > count:
        raise EmsegError(
            f"{wanted} sections cannot be damaged", f"the stack has {count}", "ask for fewer defects"
        )
    chosen: list[int] = []
    for spare in (False, True):
        for z in rng.permutation(count).tolist():
            lonely = 0 < z < count - 1 and not {z - 1, z, z + 1} & set(chosen)
            if len(chosen) < wanted and z not in chosen and (lonely or spare):
                chosen.append(int(z))
    return chosen
