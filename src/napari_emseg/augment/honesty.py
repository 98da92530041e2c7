"""What would teach a network something false, found in samples and said in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.greys import BLACK, WHITE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_emseg.augment.recipe import Augmentation

SMALLEST_OBJECT_PX = 30  # below this an object is a speck that any nearest-pixel reading may lose
SATURATED = 0.05  # share of pixels at black or white, beyond those of the original
FAINT = 0.25  # of the original contrast
BEYOND = 0.2  # share of a sample that lies outside the stack
LOST = 0.25  # share of the labelled pixels that must be left
_RIM_PX = 3  # of what a sample shows; an object there may be cut off rightly


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is needed to judge one sample; arrays are (z, y, x), `footprint` is (y, x).

    Parameters
    ----------
    footprint : ndarray of bool
        Pixels of the middle section before that are still shown after.
    """

    before: NDArray[np.float32]
    after: NDArray[np.float32]
    labels_before: NDArray[Any] | None
    labels_after: NDArray[Any] | None
    inside: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    struck: Mapping[int, str]
    footprint: NDArray[np.bool_]


def falsehoods(
    samples: Sequence[Evidence], recipe: Augmentation, *, only_middle: bool = True
) -> tuple[str, ...]:
    """Sentences about what is wrong, the most frequent first; empty when nothing is.

    Parameters
    ----------
    only_middle : bool
        Whether the labels of the middle section alone are learned.
    """
    n = len(samples)
    keeps = recipe.defects.hidden_labels == "keep"
    found = [
        (_count(samples, _labels_lost), "labels are nearly all gone", "lower scale, slip or rotation"),
        (_count(samples, _object_vanished), "an object that should be seen has no label left",
         "lower the scale or the elastic displacement"),
        (_count(samples, _saturated), "grey values are cut off at black or white",
         "lower contrast and brightness"),
        (_count(samples, lambda s: _faint(s, only_middle=only_middle)),
         "the tissue is too faint to be seen", "lower contrast, blur or noise"),
        (_count(samples, _beyond), "a large part lies beyond the stack and is only a mirror image",
         "lower scale, slip or translation, or take smaller samples"),
        (_count(samples, lambda s: keeps and _guesses(s, only_middle=only_middle)),
         "tissue is hidden, beside it too, but its labels are kept: the network has to guess",
         "set Labels of hidden tissue to ignore, or spare the middle section"),
        (_count(samples, lambda s: "fold" in s.struck.values() and _moved_apart(recipe)),
         "a fold moves the image and not its labels", "let the labels follow"),
    ]  # fmt: skip
    said = [(count, f"In {count} of {n} samples {what}: {remedy}.") for count, what, remedy in found if count]
    return tuple(text for _, text in sorted(said, key=lambda row: -row[0]))


def _count(samples: Sequence[Evidence], is_wrong: Any) -> int:
    return sum(bool(is_wrong(sample)) for sample in samples)


def _labels_lost(sample: Evidence) -> bool:
    if sample.labels_before is None or sample.labels_after is None:
        return False
    before, after = (sample.labels_before != 0).mean(), (sample.labels_after != 0).mean()
    return bool(before > 0.01 and after < LOST * before)


def _object_vanished(sample: Evidence) -> bool:
    """Whether the middle of an object is still shown, and no pixel of its id."""
    if sample.labels_before is None or sample.labels_after is None:
        return False
    middle = sample.labels_before[len(sample.labels_before) // 2]
    ids, counts = np.unique(middle[middle != 0], return_counts=True)
    left = set(np.unique(sample.labels_after).tolist())
    missing = [
        i for i, c in zip(ids.tolist(), counts, strict=True) if c >= SMALLEST_OBJECT_PX and i not in left
    ]
    if not missing:
        return False
    return any((_shown(sample.footprint) & (middle == i)).sum() >= SMALLEST_OBJECT_PX for i in missing)


def _shown(footprint: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels that are certainly shown: a shrunk sample shows every second one or so, and its rim is a matter of luck."""
    from scipy import ndimage as ndi

    closed = ndi.binary_closing(np.pad(footprint, 4), iterations=2)
    shown: NDArray[np.bool_] = ndi.binary_erosion(closed, iterations=_RIM_PX)[4:-4, 4:-4]
    return shown


def _visible(sample: Evidence) -> NDArray[np.bool_]:
    return ~sample.hidden


def _saturated(sample: Evidence) -> bool:
    visible = _visible(sample)
    if not visible.any():
        return False
    after, before = sample.after[visible], sample.before
    share = ((after <= BLACK + 1e-3) | (after >= WHITE - 1e-3)).mean()
    usual = ((before <= BLACK) | (before >= WHITE)).mean()
    return bool(share > usual + SATURATED)


def _faint(sample: Evidence, *, only_middle: bool) -> bool:
    """Whether a section that is learned, and that no defect struck, has lost its contrast."""
    n = len(sample.after)
    learned = [n // 2] if only_middle else range(n)
    return any(sample.after[z].std() < FAINT * sample.before.std() for z in learned if z not in sample.struck)


def _beyond(sample: Evidence) -> bool:
    return bool((~sample.inside).mean() > BEYOND)


def _guesses(sample: Evidence, *, only_middle: bool) -> bool:
    """Whether more than a tenth of the labels that are learned lie on tissue that no neighbour shows either."""
    if sample.labels_after is None:
        return False
    middle = len(sample.hidden) // 2
    part = slice(middle, middle + 1) if only_middle else slice(None)
    unknown = sample.hidden.copy()
    unknown[:-1] &= sample.hidden[1:]
    unknown[1:] &= sample.hidden[:-1]
    labelled = sample.labels_after[part] != 0
    return bool(labelled.any() and (unknown[part] & labelled).sum() > 0.1 * labelled.sum())


def _moved_apart(recipe: Augmentation) -> bool:
    return recipe.fold is not None and not recipe.fold.labels_follow and recipe.fold.strength_px > 2
