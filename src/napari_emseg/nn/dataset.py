"""Samples for training: which section, where in it, and how it is changed.

Sample number i of a training is a pure function of (seed, i): a resumed run, or one with more workers,
draws the same samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.augment.recipe import Augmentation, draw_sample
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import IGNORE, TrainingVolume
from napari_emseg.nn.emphasis import Emphasis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_TRIES = 20  # places looked at before a poorly supervised sample is taken after all


class Pool:
    """Sections that teach, ready to be drawn from.

    Parameters
    ----------
    volumes : sequence of TrainingVolume
    targets : sequence of str
        Output channels; a volume that lacks one supervises nothing there.
    context : int
        Neighbouring sections on each side; the stack is mirrored at its ends.
    pixel_size_nm : float
        Pixel size of the samples.
    keep_size : (low, high)
        Volumes whose pixel size lies in this range are not resampled.
    emphasis : Emphasis, optional
        Adds as many channels again to the truth of every sample: weights, in units of `WEIGHT_UNIT`.
    """

    def __init__(
        self,
        volumes: Sequence[TrainingVolume],
        targets: Sequence[str],
        context: int,
        pixel_size_nm: float,
        *,
        keep_size: tuple[float, float] = (0.0, float("inf")),
        emphasis: Emphasis | None = None,
    ) -> None:
        self.images: list[NDArray[np.float32]] = []
        self.truths: list[NDArray[np.uint8]] = []
        self.sections: list[tuple[int, ...]] = []
        self.zooms: list[float] = []
        self.context = context
        self.targets = len(targets)
        shares: list[float] = []
        for volume in volumes:
            if not volume.train:
                continue
            truth = stack_truth(volume, targets)
            known = int((truth[:, list(volume.train)] != IGNORE).any(0).sum())
            if not known:
                continue
            self.images.append(volume.normalised())
            self.truths.append(
                np.concatenate([truth, emphasis.of(truth, volume.train)]) if emphasis else truth
            )
            self.sections.append(volume.train)
            same = keep_size[0] <= volume.pixel_size_nm <= keep_size[1]
            self.zooms.append(1.0 if same else pixel_size_nm / volume.pixel_size_nm)
            shares.append(volume.share * known)
        if not shares:
            raise EmsegError(
                "nothing to learn from", "no section has a supervised pixel", "mark a section proofread"
            )
        self.shares = np.array(shares) / sum(shares)

    def window(self, volume: int, section: int) -> NDArray[np.float32]:
        """The section and its neighbours, (2 context + 1, y, x)."""
        return self.images[volume][neighbours(section, len(self.images[volume]), self.context)]

    def sample_size(self, wish: int) -> tuple[int, int]:
        """The extent that is wished for, or the largest multiple of 32 that fits into every section."""
        fits = min(
            int(n / zoom)
            for image, zoom in zip(self.images, self.zooms, strict=True)
            for n in image.shape[1:]
        )
        extent = max(32, min(wish, fits // 32 * 32))
        return extent, extent

    def draw(
        self, number: int, seed: int, size: tuple[int, int], recipe: Augmentation, *, min_known: float = 0.3
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Sample `number`: image (sections, y, x) float32 and truth (targets, y, x) uint8."""
        rng = np.random.default_rng((seed, number))
        for _ in range(_TRIES):
            v = int(rng.choice(len(self.shares), p=self.shares))
            z = int(rng.choice(self.sections[v]))
            shape = self.images[v].shape[1:]
            centre = tuple(_centre(n, s * self.zooms[v], rng) for n, s in zip(shape, size, strict=True))
            image, truth = draw_sample(
                self.window(v, z),
                self.truths[v][:, z],
                (centre[0], centre[1]),
                size,
                recipe,
                rng,
                zoom=self.zooms[v],
            )
            if (truth[: self.targets] != IGNORE).any(0).mean() >= min_known:
                break
        return image, truth

    def batch(
        self, step: int, seed: int, batch: int, size: tuple[int, int], recipe: Augmentation
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """The samples of one training step, stacked."""
        drawn = [self.draw(step * batch + i, seed, size, recipe) for i in range(batch)]
        return np.stack([d[0] for d in drawn]), np.stack([d[1] for d in drawn])


def _centre(extent: int, size: float, rng: np.random.Generator) -> float:
    """Centre of a sample along one axis, mostly inside the section."""
    half = min(size, extent) / 2
    return float(rng.uniform(half, extent - half))


def neighbours(section: int, n_sections: int, context: int) -> list[int]:
    """Indices of a section and its neighbours; beyond an end the stack is mirrored."""
    out = []
    for z in range(section - context, section + context + 1):
        m = abs(z)
        m = 2 * (n_sections - 1) - m if m >= n_sections else m
        out.append(min(max(m, 0), n_sections - 1))
    return out


def stack_truth(volume: TrainingVolume, targets: Sequence[str]) -> NDArray[np.uint8]:
    """Truth of all targets, (targets, z, y, x) uint8, ``IGNORE`` where a volume knows nothing."""
    nothing = np.full(volume.image.shape, IGNORE, dtype=np.uint8)
    return np.stack([volume.truth.get(t, nothing) for t in targets])
