"""How thick membranes are where labels touch: the labels do not say it, but the model that is taught has seen many.

Objects that a program has grown touch, and the line between them has no thickness. Drawn everywhere as thick, it calls
much of what is membrane the inside of cells, and thin processes membrane: a model that was right there unlearns it. So
what the starting model sees beside the line, joined to it, stays membrane. What is farther from every line is what the
labels say: inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from napari_emseg.nn.held_out import TARGET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.learning import TrainingVolume

_SEEN = 0.5  # probability from which on there is a membrane


def is_open(volume: TrainingVolume, z: int, targets: Sequence[str]) -> bool:
    """Whether what a model of these targets sees in a section decides anything."""
    if volume.flanks is None or TARGET not in volume.truth or TARGET not in targets:
        return False
    return bool(volume.flanks[z].any())


def thickened(
    truth: NDArray[np.uint8], flanks: NDArray[np.bool_], probability: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """Membrane truth of a section, with what is seen beside its lines.

    Parameters
    ----------
    truth : ndarray (y, x)
        1 membrane; other values are not looked at.
    flanks : ndarray (y, x) of bool
        Beside the lines between touching objects.
    probability : ndarray (y, x)
        Of membranes, as the model sees them.
    """
    lines = truth == 1
    seen = flanks & (probability >= _SEEN)
    out = truth.copy()
    out[ndi.binary_propagation(lines, mask=seen | lines)] = 1
    return out
