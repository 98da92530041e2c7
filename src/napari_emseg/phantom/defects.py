"""Damage of serial sections: shifts, folds, cracks, low contrast, missing sections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.phantom.settings import DefectSettings

_T = TypeVar("_T", bound=np.generic)

_DECAY_NM = 700.0  # tissue beside a fold or crack is displaced over about this distance
_FOLD_NM = (70.0, 200.0)
_CRACK_NM = (30.0, 130.0)


@dataclass(frozen=True, eq=False)
class Sections:
    """The arrays of a stack, (z, y, x), that are damaged together."""

    image: NDArray[np.uint8]
    labels: NDArray[np.uint32]
    membranes: NDArray[np.bool_]
    mitochondria: NDArray[np.uint32]
    clefts: NDArray[np.uint32]
    damaged: NDArray[np.bool_]


def margin_px(settings: DefectSettings, spacing_nm: tuple[float, float, float]) -> tuple[int, int]:
    """How much more tissue (y, x) is needed on each side so that shifted sections are filled."""
    y, x = (int(np.ceil(settings.max_shift_nm / s)) for s in spacing_nm[1:])
    return y, x


def draw_shifts(
    rng: np.random.Generator, sections: int, settings: DefectSettings, spacing_nm: tuple[float, float, float]
) -> NDArray[np.int64]:
    """Whole-pixel displacements (y, x) of each section, (z, 2)."""
    limit = np.array(margin_px(settings, spacing_nm))
    return rng.integers(-limit, limit + 1, (sections, 2))


def shift_sections(sections: Sections, shifts: NDArray[np.int64], margin: tuple[int, int]) -> Sections:
    """Cut the wanted frame out of sections that have a margin, moving the content by ``shifts``."""
    if margin == (0, 0):
        return sections

    def moved(array: NDArray[_T]) -> NDArray[_T]:
        height, width = array.shape[1] - 2 * margin[0], array.shape[2] - 2 * margin[1]
        return np.stack(
            [
                section[margin[0] - y : margin[0] - y + height, margin[1] - x : margin[1] - x + width]
                for section, (y, x) in zip(array, shifts, strict=True)
            ]
        )

    return Sections(
        moved(sections.image),
        moved(sections.labels),
        moved(sections.membranes),
        moved(sections.mitochondria),
        moved(sections.clefts),
        moved(sections.damaged),
    )


def damage_sections(
    rng: np.random.Generator,
    sections: Sections,
    settings: DefectSettings,
    spacing_nm: tuple[float, float, float],
) -> dict[int, str]:
    """Damage randomly chosen sections in place, one kind of damage each.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    sections : Sections
        Image and truth; both follow the displacement of the tissue.
    settings : DefectSettings
        How many sections get which damage.
    spacing_nm : tuple of float
        Voxel size (z, y, x).

    Returns
    -------
    dict of int to str
        Kind of damage of each damaged section.

    Raises
    ------
    EmsegError
        If more sections are to be damaged than there are.
    """
    kinds = (
        ["fold"] * settings.folds
        + ["crack"] * settings.cracks
        + ["low contrast"] * settings.low_contrast
        + ["missing"] * settings.missing
    )
    count = len(sections.image)
    if len(kinds) > count:
        raise EmsegError(
            f"{len(kinds)} sections cannot be damaged", f"the phantom has {count}", "ask for fewer defects"
        )
    order = rng.permutation(np.arange(1, count - 1)) if len(kinds) <= count - 2 else rng.permutation(count)
    bad = {int(z): kind for z, kind in zip(order, kinds, strict=False)}
    for z, kind in bad.items():
        if kind == "low contrast":
            section = sections.image[z].astype(np.float32)
            faint = (
                section.mean() + rng.uniform(0.15, 0.3) * (section - section.mean()) + rng.uniform(-30, 50)
            )
            sections.image[z] = np.clip(faint, 0, 255)
        elif kind == "missing":
            sections.image[z] = 0
        else:
            _displace(rng, sections, z, kind, spacing_nm)
    return dict(sorted(bad.items()))


def _displace(
    rng: np.random.Generator,
    sections: Sections,
    z: int,
    kind: str,
    spacing_nm: tuple[float, float, float],
) -> None:
    """Hide tissue in a fold, or pull it apart at a crack, along a curved line."""
    shape = sections.image.shape[1:]
    y, x = ((np.arange(n) + 0.5 - n / 2) * s for n, s in zip(shape, spacing_nm[1:], strict=True))
    turn = rng.uniform(0, np.pi)
    normal = np.array([np.sin(turn), np.cos(turn)])
    extent = np.abs(normal) @ (np.array(shape) * spacing_nm[1:])
    along = y[:, None] * normal[1] - x[None, :] * normal[0]
    bow = 0.06 * extent * np.sin(along * rng.uniform(1, 3) / extent * np.pi + rng.uniform(0, 6.28))
    across = y[:, None] * normal[0] + x[None, :] * normal[1] + bow - rng.uniform(-0.25, 0.25) * extent
    width = rng.uniform(*(_FOLD_NM if kind == "fold" else _CRACK_NM))
    width = min(width, 0.2 * extent)
    band = np.abs(across) < width / 2
    sense = 1.0 if kind == "fold" else -1.0
    step = (
        sense * np.sign(across) * 0.5 * width * np.exp(-np.maximum(np.abs(across) - width / 2, 0) / _DECAY_NM)
    )
    rows = np.rint((y[:, None] + step * normal[0]) / spacing_nm[1] + shape[0] / 2 - 0.5).astype(np.intp)
    columns = np.rint((x[None, :] + step * normal[1]) / spacing_nm[2] + shape[1] / 2 - 0.5).astype(np.intp)
    # a fold draws in tissue from beyond the frame: mirrored, image and truth alike
    rows, columns = _mirrored(rows, shape[0]), _mirrored(columns, shape[1])
    for array in (
        sections.image,
        sections.labels,
        sections.membranes,
        sections.mitochondria,
        sections.clefts,
    ):
        array[z] = array[z][rows, columns]
    sections.damaged[z] = band
    section = sections.image[z]
    if kind == "fold":  # three layers of tissue on top of each other
        layers = (section / 255.0) * (np.roll(section, 7, axis=0) / 255.0) * rng.uniform(0.35, 0.7)
        section[band] = np.clip(layers[band] * 255, 0, 255)
        return
    section[band] = np.clip(rng.normal(236, 5, int(band.sum())), 0, 255)  # bare resin
    for array in (sections.labels, sections.mitochondria, sections.clefts):
        array[z][band] = 0
    sections.membranes[z][band] = False


def _mirrored(index: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Indices reflected at both ends."""
    index = np.where(index < 0, -1 - index, index)
    return np.clip(np.where(index >= count, 2 * count - 1 - index, index), 0, count - 1)
