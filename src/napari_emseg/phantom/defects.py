"""Damage of serial sections in a phantom: image and truth are damaged together, and what was done is recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.phantom.injuries import blur, crack, darken, draw_displacement, fold, pale

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
        + ["blurred"] * settings.blurred
        + ["dark"] * settings.dark
        + ["duplicated"] * settings.duplicated
    )
    count = len(sections.image)
    if len(kinds) > count:
        raise EmsegError(
            f"{len(kinds)} sections cannot be damaged", f"the phantom has {count}", "ask for fewer defects"
        )
    order = rng.permutation(np.arange(1, count - 1)) if len(kinds) <= count - 2 else rng.permutation(count)
    bad = {int(z): kind for z, kind in zip(order, kinds, strict=False)}
    for z, kind in bad.items():
        if kind in _PICTURE:
            sections.image[z] = _PICTURE[kind](rng, sections.image[z])
        elif kind == "missing":
            sections.image[z] = 0
        elif kind == "duplicated":  # of a section that is itself whole
            source = next(n for n in (*range(z - 1, -1, -1), *range(z + 1, count)) if n not in bad)
            sections.image[z] = sections.image[source]
        else:
            _displace(rng, sections, z, kind, spacing_nm)
    return dict(sorted(bad.items()))


_PICTURE = {"low contrast": pale, "dark": darken, "blurred": blur}


def _displace(
    rng: np.random.Generator,
    sections: Sections,
    z: int,
    kind: str,
    spacing_nm: tuple[float, float, float],
) -> None:
    """Hide tissue in a fold, or pull it apart at a crack; image and truth alike."""
    width, sense = (_FOLD_NM, 1) if kind == "fold" else (_CRACK_NM, -1)
    pixel = (spacing_nm[1], spacing_nm[2])
    height, breadth = sections.image.shape[1:]
    where = draw_displacement(
        rng, (height, breadth), rng.uniform(*width), sense, pixel=pixel, decay=_DECAY_NM
    )
    sections.image[z] = (fold if kind == "fold" else crack)(rng, sections.image[z], where)
    for array in (sections.labels, sections.membranes, sections.mitochondria, sections.clefts):
        array[z] = array[z][where.rows, where.columns]
    sections.damaged[z] = where.band
    if kind == "crack":
        for array in (sections.labels, sections.mitochondria, sections.clefts):
            array[z][where.band] = 0
        sections.membranes[z][where.band] = False
