"""Samples for training: which section, where in it, and how it is changed.

Sample number i of a training is a pure function of (seed, i): a resumed run, or one with more workers,
draws the same samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_emseg.augment.compose import draw
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import IGNORE, TrainingVolume
from napari_emseg.nn.directed import DirectedTruth
from napari_emseg.nn.emphasis import WEIGHT_UNIT, Emphasis
from napari_emseg.nn.sampling import Sampling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_emseg.augment.recipe import Augmentation

_REMEMBERED = 20_000  # pixels of a target, evenly spread, that importance sampling chooses from
_SPARSE = 0.5  # sections with a smaller supervised share are sampled on their supervised pixels


class Place(NamedTuple):
    """Where a sample lies: volume, middle section, and centre (y, x) in pixels of that volume."""

    volume: int
    section: int
    centre: tuple[float, float]


class Rare(NamedTuple):
    """Pixels of a target as rows (section, y, x), by volume, and how often each volume is to be chosen."""

    places: dict[int, NDArray[np.intp]]
    shares: NDArray[np.float64]


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
    sampling : Sampling, optional
        How places are chosen; default: uniformly.
    depth : int
        With a value, a sample is a block of so many sections, all of which are learned.
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
        sampling: Sampling | None = None,
        depth: int = 0,
    ) -> None:
        self.images: list[NDArray[np.float32]] = []
        self.truths: list[NDArray[Any]] = []
        self.sections: list[tuple[int, ...]] = []
        self.zooms: list[float] = []
        self.context, self.depth = context, depth
        self.targets = len(targets)
        self.sampling = sampling or Sampling()
        self._directed: list[DirectedTruth] = []
        self._has_weights = emphasis is not None or any(
            target in volume.weights for volume in volumes if volume.train for target in targets
        )
        self._known: list[NDArray[np.float64]] = []
        self._worth: list[float] = []  # of a pixel: its area times the share of its volume
        self._hidden: list[frozenset[int]] = []  # sections that validate: not even their images are shown
        areas: list[float] = []
        for volume in volumes:
            if not volume.train:
                continue
            truth = stack_truth(volume, targets)
            known = (truth[:, list(volume.train)] != IGNORE).any(0).sum((1, 2)).astype(np.float64)
            if not known.any():
                continue
            if depth:  # a block reaches into sections that do not teach
                truth[:, [z for z in range(truth.shape[1]) if z not in volume.train]] = IGNORE
            self.images.append(volume.normalised())
            directed = DirectedTruth(volume.directed, targets)
            self._directed.append(directed)
            channels: list[NDArray[Any]] = [truth]
            if self._has_weights:
                channels.append(stack_weights(volume, targets, truth, emphasis))
            channels += [ids[None] for ids in directed.ids]
            self.truths.append(np.concatenate(channels))
            self.sections.append(volume.train)
            same = keep_size[0] <= volume.pixel_size_nm <= keep_size[1]
            self.zooms.append(1.0 if same else pixel_size_nm / volume.pixel_size_nm)
            self._known.append(known)
            areas.append(volume.share * known.sum() * volume.pixel_size_nm**2)
            self._worth.append(volume.share * volume.pixel_size_nm**2)
            self._hidden.append(frozenset(volume.validate))
        if not areas:
            raise EmsegError(
                "nothing to learn from", "no section has a supervised pixel", "mark a section proofread"
            )
        self.shares = np.array(areas) / sum(areas)
        self._rare = {
            targets.index(name): (chance, self._places_of(targets.index(name)))
            for name, chance in self.sampling.at.items()
        }
        self._sparse = [self._supervised_places(v) for v in range(len(areas))]
        self._reject = targets.index(self.sampling.reject_without) if self.sampling.reject_without else None

    def window(self, volume: int, section: int) -> NDArray[np.float32]:
        """The section and its neighbours, (2 context + 1, y, x), or (depth, y, x).

        Sections that validate are left out: of single sections the section itself, in a block the nearest one that does
        not validate stands in for them, as for excluded sections in prediction.
        """
        hidden = self._hidden[volume]
        wanted = self._window(volume, section)
        stand_ins = [z for z in wanted if z not in hidden] if self.depth else [section]
        seen = [
            min(stand_ins, key=lambda other: abs(other - z)) if z in hidden and stand_ins else z
            for z in wanted
        ]
        return self.images[volume][seen]

    def _window(self, volume: int, section: int) -> list[int]:
        n_sections = len(self.images[volume])
        if not self.depth:
            return neighbours(section, n_sections, self.context)
        return block(section - self.depth // 2, self.depth, n_sections)

    def sample_size(self, wish: int) -> tuple[int, int]:
        """The extent that is wished for, or the largest multiple of 32 that fits into every section."""
        fits = min(
            int(n / zoom)
            for image, zoom in zip(self.images, self.zooms, strict=True)
            for n in image.shape[1:]
        )
        extent = max(32, min(wish, fits // 32 * 32))
        return extent, extent

    def place(self, size: tuple[int, int], rng: np.random.Generator) -> Place:
        """Draw where a sample of this size lies, without a look at what is there."""
        at = rng.random()
        for chance, rare in self._rare.values():
            if 0 <= at < chance and rare:
                v = list(rare.places)[int(rng.choice(len(rare.shares), p=rare.shares))]
                z, y, x = rare.places[v][rng.integers(len(rare.places[v]))]
                return self._around(v, int(z), (float(y), float(x)), size, 0.25, rng)
            at -= chance
        v = int(rng.choice(len(self.shares), p=self.shares))
        n = int(rng.choice(len(self.sections[v]), p=self._known[v] / self._known[v].sum()))
        z = self.sections[v][n]
        if (spots := self._sparse[v].get(z)) is not None:
            y, x = np.unravel_index(spots[rng.integers(len(spots))], self.images[v].shape[1:])
            return self._around(v, z, (float(y), float(x)), size, 0.25, rng)
        shape = self.images[v].shape[1:]
        centre = tuple(_centre(n, s * self.zooms[v], rng) for n, s in zip(shape, size, strict=True))
        return Place(v, z, (centre[0], centre[1]))

    def draw(
        self, number: int, seed: int, size: tuple[int, int], recipe: Augmentation
    ) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """Sample `number`: image (sections, y, x) float32 and truth (targets, y, x) uint8.

        With a depth, the truth is (targets, depth, y, x).
        """
        rng = np.random.default_rng((seed, number))
        for _ in range(self.sampling.tries):
            place = self.place(size, rng)
            image, truth = self._read(place, size, recipe, rng)
            if self._accepted(truth, self._possible(place, size), rng):
                break
        return image, truth

    def batch(
        self, step: int, seed: int, batch: int, size: tuple[int, int], recipe: Augmentation
    ) -> tuple[NDArray[np.float32], NDArray[Any]]:
        """The samples of one training step, stacked."""
        drawn = [self.draw(step * batch + i, seed, size, recipe) for i in range(batch)]
        return np.stack([d[0] for d in drawn]), np.stack([d[1] for d in drawn])

    def _read(
        self, place: Place, size: tuple[int, int], recipe: Augmentation, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[Any]]:
        v, z, centre = place
        image, zoom = self.window(v, z), self.zooms[v]
        extent = (len(image), *size)
        if self.depth:
            truth = self.truths[v][:, self._window(v, z)]
            found = draw(image, truth, extent, centre, recipe, rng, outside=IGNORE, zoom=zoom)
            assert found.labels is not None
            return found.image, self._turned(v, found.labels)
        truth = self.truths[v][:, z : z + 1]
        found = draw(
            image, truth, extent, centre, recipe, rng, outside=IGNORE, zoom=zoom, only=len(image) // 2
        )
        assert found.labels is not None
        return found.image, self._turned(v, found.labels)[:, 0]

    def _turned(self, volume: int, drawn: NDArray[Any]) -> NDArray[Any]:
        """Truth and weights of a sample, those that have a direction made of the ids that were drawn with it."""
        directed = self._directed[volume]
        n = self.targets * (2 if self._has_weights else 1)
        if directed:
            drawn = drawn.copy()
            directed.replace(drawn, drawn[n:])
        return drawn[:n] if self._has_weights else drawn[:n].astype(np.uint8, copy=False)

    def _possible(self, place: Place, size: tuple[int, int]) -> float:
        """Half of the supervised share that a sample can have, where little of a section is supervised."""
        known = self._known[place.volume][self.sections[place.volume].index(place.section)]
        return float(known / self.zooms[place.volume] ** 2 / (size[0] * size[1]) / 2)

    def _accepted(self, truth: NDArray[Any], possible: float, rng: np.random.Generator) -> bool:
        wanted = min(self.sampling.min_known, possible)
        if (truth[: self.targets] != IGNORE).any(0).mean() < wanted:
            return False
        if self._reject is None or (truth[self._reject] == 1).sum() >= self.sampling.enough:
            return True
        return bool(rng.random() < self.sampling.otherwise)

    def _around(
        self,
        volume: int,
        section: int,
        point: tuple[float, float],
        size: tuple[int, int],
        jitter: float,
        rng: np.random.Generator,
    ) -> Place:
        """A place that shows a point, moved at random, inside the section where that is possible."""
        centre = []
        for at, extent, wish in zip(point, self.images[volume].shape[1:], size, strict=True):
            reach = wish * self.zooms[volume]
            half = min(reach, extent) / 2
            moved = at + rng.uniform(-jitter, jitter) * reach
            centre.append(float(np.clip(moved, half, extent - half)))
        return Place(volume, section, (centre[0], centre[1]))

    def _places_of(self, channel: int) -> Rare | None:
        """Where a target is, if it is anywhere; volumes take part by its area times their share."""
        found: dict[int, NDArray[np.intp]] = {}
        areas: list[float] = []
        for v, (truth, zs) in enumerate(zip(self.truths, self.sections, strict=True)):
            at = np.argwhere(truth[channel, list(zs)] == 1)
            if not len(at):
                continue
            areas.append(len(at) * self._worth[v])
            at = at[:: max(1, len(at) // _REMEMBERED)]
            at[:, 0] = np.asarray(zs)[at[:, 0]]
            found[v] = at
        return Rare(found, np.array(areas) / sum(areas)) if found else None

    def _supervised_places(self, volume: int) -> dict[int, NDArray[np.intp]]:
        """Supervised pixels, as flat indices, of sections of which little is supervised."""
        found = {}
        extent = self.images[volume][0].size
        for z, known in zip(self.sections[volume], self._known[volume], strict=True):
            if 0 < known < _SPARSE * extent:
                spots = np.flatnonzero((self.truths[volume][: self.targets, z] != IGNORE).any(0))
                found[z] = spots[:: max(1, len(spots) // _REMEMBERED)]
        return found


def _centre(extent: int, size: float, rng: np.random.Generator) -> float:
    """Centre of a sample along one axis, mostly inside the section."""
    half = min(size, extent) / 2
    return float(rng.uniform(half, extent - half))


def block(start: int, depth: int, n_sections: int) -> list[int]:
    """Indices of `depth` sections from `start` on, moved into the stack; one that is too short is mirrored."""
    if depth <= n_sections:
        start = min(max(start, 0), n_sections - depth)
        return list(range(start, start + depth))
    period = max(1, 2 * n_sections - 2)
    return [min(z % period, period - z % period) if n_sections > 1 else 0 for z in range(depth)]


def neighbours(section: int, n_sections: int, context: int) -> list[int]:
    """Indices of a section and its neighbours; beyond an end the stack is mirrored."""
    out = []
    for z in range(section - context, section + context + 1):
        m = abs(z)
        m = 2 * (n_sections - 1) - m if m >= n_sections else m
        out.append(min(max(m, 0), n_sections - 1))
    return out


def stack_weights(
    volume: TrainingVolume, targets: Sequence[str], truth: NDArray[np.uint8], emphasis: Emphasis | None
) -> NDArray[Any]:
    """Weights of all targets, of the shape of their truth, in units of `WEIGHT_UNIT`."""
    weights: NDArray[Any] = (
        np.full(truth.shape, WEIGHT_UNIT, np.uint8) if emphasis is None else emphasis.of(truth, volume.train)
    )
    if not volume.weights:
        return weights
    weights = weights.astype(np.int32)  # more than 16 times the usual weight does not fit into a byte
    for channel, target in enumerate(targets):
        if target in volume.weights:
            weights[channel] = np.rint(weights[channel] * volume.weights[target])
    return weights


def stack_truth(volume: TrainingVolume, targets: Sequence[str]) -> NDArray[np.uint8]:
    """Truth of all targets, (targets, z, y, x) uint8, ``IGNORE`` where a volume knows nothing."""
    nothing = np.full(volume.image.shape, IGNORE, dtype=np.uint8)
    return np.stack([volume.truth.get(t, nothing) for t in targets])
