"""What a model found before it learns something else: answers to hold on to.

Fine-tuning supervises membranes alone, and the outputs beside them would drift with the features that they share.
So the starting model's own answers about the other targets become truth on the sections that teach (learning without
forgetting, Li and Hoiem 2016).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.learning import IGNORE, LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.learning import TrainingVolume


def kept_targets(volumes: Iterable[TrainingVolume], targets: Iterable[str]) -> tuple[str, ...]:
    """Targets of a model that no volume supervises."""
    learned = {target for volume in volumes for target in volume.truth}
    return tuple(target for target in targets if target not in learned)


def nothing_known(volume: TrainingVolume, kept: Iterable[str]) -> dict[str, NDArray[np.uint8]]:
    """Truth (z, y, x) of targets of which nothing is known yet."""
    return {target: np.full(volume.image.shape, IGNORE, np.uint8) for target in kept}


def levels(found: NDArray[np.floating], known: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The model's answer as graded truth of a section.

    Parameters
    ----------
    found : ndarray (y, x)
        Probabilities.
    known : sequence of ndarray (y, x) uint8
        Truth of what is taught: where nothing of it is known, nothing is kept either.
    """
    somewhere = np.any([values != IGNORE for values in known], axis=0)
    return np.asarray(np.where(somewhere, np.rint(found * LEVELS), IGNORE), np.uint8)
