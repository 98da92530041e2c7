"""Sections lost at the microtome: the stack goes on as if they had never been."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.fields import chance, strength
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.augment.places import Places


class Drop(Settings):
    """How many sections are lost."""

    probability: float = chance(0.5)
    sections: int = strength(
        2, "Sections lost, up to", "a sample needs as many more", unit="sections", ge=0, le=16
    )


def drop(places: Places, settings: Drop, rng: np.random.Generator, surplus: int) -> Places:
    """Leave sections out of the middle of the sample; those behind them move up.

    Parameters
    ----------
    surplus : int
        Sections that the source has beyond those of the sample; as many can be lost at most.
    """
    n = len(places.sections)
    lost = min(settings.sections, surplus)
    lost = int(rng.integers(1, lost + 1)) if lost > 0 else 0
    if not lost or n < 2:
        return places
    gone = rng.choice(np.arange(1, n + lost - 1), lost, replace=False)
    return replace(places, sections=np.delete(np.arange(n + lost), gone))


def reach(half: NDArray[Any], settings: Drop) -> NDArray[Any]:
    """How far from its centre (z, y, x) a sample of half extent `half` may have to look."""
    return np.asarray(half + np.array([settings.sections / 2, 0, 0]))
