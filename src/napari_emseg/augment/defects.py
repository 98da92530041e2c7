"""Which sections of a sample are struck, and by what.

One number is drawn for every section, as in gunpowder's DefectAugment, so that a section has one defect at most and
rates add up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_emseg.augment.fields import option
from napari_emseg.core.errors import EmsegError
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping


class Defects(Settings):
    """What holds for all defects of sections."""

    gap_sections: int = option(
        0, "Apart by", "sections that stay good after a struck one; 0 allows neighbours",
        unit="sections", ge=0, le=20,
    )  # fmt: skip
    spare_middle: bool = option(
        False, "Spare the middle section", "the one that a network with context learns"
    )
    hidden_labels: Literal["keep", "ignore"] = option(
        "keep", "Labels of hidden tissue", "keep: it is to be guessed; ignore: it teaches nothing"
    )


def plan(
    n_sections: int, rates: Mapping[str, float], settings: Defects, rng: np.random.Generator
) -> dict[int, str]:
    """Draw which sections are struck.

    Parameters
    ----------
    rates : mapping of str to float
        Name of a defect to its chance in each section; together at most 1.

    Returns
    -------
    dict of int to str
        Section to the name of its defect.

    Raises
    ------
    EmsegError
        If the rates add up to more than 1.
    """
    limits = np.cumsum(list(rates.values()))
    if not len(limits) or limits[-1] <= 0:
        return {}
    if limits[-1] > 1 + 1e-9:
        raise EmsegError(
            f"defects would strike {limits[-1]:.0%} of the sections", ", ".join(rates), "lower their rates"
        )
    names = list(rates)
    struck: dict[int, str] = {}
    free_from = 0
    for z, number in enumerate(rng.random(n_sections)):
        which = int(np.searchsorted(limits, number, side="right"))
        if which >= len(names) or z < free_from or (settings.spare_middle and z == n_sections // 2):
            continue
        struck[z] = names[which]
        free_from = z + 1 + settings.gap_sections
    return struck
