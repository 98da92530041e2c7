"""Look at a recipe before trusting it: samples before and after, their geometry, their grey values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.compose import draw, source_size
from napari_emseg.augment.fields import scaled
from napari_emseg.augment.greys import BLACK, WHITE
from napari_emseg.augment.honesty import Evidence, falsehoods
from napari_emseg.augment.places import Places
from napari_emseg.augment.resampling import read
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.stack import section_statistics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_emseg.augment.recipe import Augmentation

GRID_PX = 24  # distance of the lines that make the geometry visible
BINS = 64


@dataclass(frozen=True, eq=False)
class PreviewRequest:
    """What to look at.

    Parameters
    ----------
    image : ndarray (z, y, x)
        Part of a stack, larger than a sample.
    labels : ndarray (z, y, x) of int, optional
    recipe : Augmentation
    strength : float
        All strengths of the recipe are scaled by it.
    seed : int
        Sample i is drawn from (seed, i).
    count : int
        Number of samples.
    size : (z, y, x)
        Extent of a sample; less where the image is smaller.
    only_middle : bool
        Whether the network learns the middle section alone.
    """

    image: NDArray[Any]
    labels: NDArray[Any] | None
    recipe: Augmentation
    strength: float = 1.0
    seed: int = 0
    count: int = 8
    size: tuple[int, int, int] = (3, 192, 192)
    only_middle: bool = True


@dataclass(frozen=True, eq=False)
class PreviewSample:
    """One sample as it was and as it became; everything (z, y, x).

    Images are at mean 0 and standard deviation 1, labels None where there are none, grids true on lines.
    """

    before: NDArray[np.float32]
    after: NDArray[np.float32]
    labels_before: NDArray[Any] | None
    labels_after: NDArray[Any] | None
    grid_before: NDArray[np.bool_]
    grid_after: NDArray[np.bool_]
    struck: Mapping[int, str]


@dataclass(frozen=True, eq=False)
class Preview:
    """All samples, their grey values, and what is wrong with them.

    Parameters
    ----------
    histogram_before, histogram_after : ndarray (64,)
        Share of pixels between black and white.
    warnings : tuple of str
        What would teach a network something false, in words, with what to do.
    """

    samples: tuple[PreviewSample, ...]
    histogram_before: NDArray[np.float64]
    histogram_after: NDArray[np.float64]
    warnings: tuple[str, ...]


def preview(request: PreviewRequest) -> Preview:
    """Draw all samples of a request.

    Raises
    ------
    EmsegError
        If there is no image, or the recipe cannot be applied.
    """
    if request.image.ndim != 3 or not request.image.size:
        raise EmsegError(f"there is nothing to augment in {request.image.shape}", "", "pick a stack")
    recipe = scaled(request.recipe, request.strength)
    image = normalised(request.image)
    labels = None if request.labels is None else request.labels[None]
    size = _fitting(request.size, image.shape)
    seen: list[tuple[PreviewSample, Evidence]] = [
        _sample(image, labels, size, recipe, np.random.default_rng((request.seed, i)))
        for i in range(request.count)
    ]
    samples = tuple(sample for sample, _ in seen)
    return Preview(
        samples,
        _histogram([s.before for s in samples]),
        _histogram([s.after for s in samples]),
        falsehoods([evidence for _, evidence in seen], recipe, only_middle=request.only_middle),
    )


def normalised(image: NDArray[Any]) -> NDArray[np.float32]:
    """Every section at mean 0 and standard deviation 1, as in training; what is no number becomes 0."""
    out = np.empty(image.shape, np.float32)
    for z, section in enumerate(image):
        mean, std = section_statistics(section)
        out[z] = (section.astype(np.float32) - np.float32(mean)) / np.float32(std)
    return np.nan_to_num(out, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def _fitting(size: tuple[int, int, int], shape: tuple[int, ...]) -> tuple[int, int, int]:
    z, y, x = (min(a, b) for a, b in zip(size, shape, strict=True))
    return z, y, x


def _sample(
    image: NDArray[np.float32],
    labels: NDArray[Any] | None,
    size: tuple[int, int, int],
    recipe: Augmentation,
    rng: np.random.Generator,
) -> tuple[PreviewSample, Evidence]:
    spare = source_size(size, recipe)[0]
    first = _start(image.shape[0], max(size[0], min(spare, image.shape[0])), rng)
    part = slice(first, first + max(size[0], min(spare, image.shape[0])))
    stack = image[part]
    known = None if labels is None else labels[:, part]
    half = [n / 2 for n in size[1:]]
    centre = (
        float(rng.integers(int(half[0]), image.shape[1] - int(np.ceil(half[0])) + 1))
        - 0.5
        + (size[1] % 2) / 2,
        float(rng.integers(int(half[1]), image.shape[2] - int(np.ceil(half[1])) + 1))
        - 0.5
        + (size[2] % 2) / 2,
    )
    still = Places.still(size[0], size[1:]).through(np.arange(size[0]))
    still = Places(still.at, still.sections + (len(stack) - size[0]) // 2, still.shifts)
    before, labels_before, _ = read(stack, known, still, centre)
    drawn = draw(stack, known, size, centre, recipe, rng)
    after, labels_after = np.asarray(drawn.image), drawn.labels
    sample = PreviewSample(
        before,
        after,
        None if labels_before is None else labels_before[0],
        None if labels_after is None else labels_after[0],
        grid_lines(still, centre),
        grid_lines(drawn.places, centre),
        drawn.struck,
    )
    evidence = Evidence(
        before, after, sample.labels_before, sample.labels_after, drawn.inside, drawn.hidden, drawn.struck,
        _footprint(drawn.places, still),
    )  # fmt: skip
    return sample, evidence


def _start(n: int, length: int, rng: np.random.Generator) -> int:
    return int(rng.integers(0, n - length + 1))


def grid_lines(places: Places, centre: tuple[float, float], step: int = GRID_PX) -> NDArray[np.bool_]:
    """Pixels (z, y, x) of a sample through which lines of a square grid on the source pass."""
    out = np.zeros((len(places.sections), *places.size), bool)
    for z in range(len(out)):
        offset = np.asarray(centre, np.float32) + places.shifts[z]
        at = places.plane(z) + offset[:, None, None]
        if z in places.image_only:
            at = at + places.image_only[z]
        cell = np.floor(at / step).astype(np.int32)
        for axis in (0, 1):
            out[z, 1:] |= cell[axis, 1:] != cell[axis, :-1]
            out[z, :, 1:] |= cell[axis, :, 1:] != cell[axis, :, :-1]
    return out


def _footprint(places: Places, still: Places) -> NDArray[np.bool_]:
    """Pixels (y, x) of the unchanged sample that the changed one still shows somewhere in its middle section."""
    z = len(places.sections) // 2
    at = places.plane(z) + places.shifts[z][:, None, None]
    seen = np.zeros(still.size, bool)
    where = np.rint(at - still.at[:, 0, 0, 0][:, None, None]).astype(np.intp)
    inside = np.ones(seen.shape, bool)
    for axis, n in enumerate(seen.shape):
        inside &= (where[axis] >= 0) & (where[axis] < n)
    seen[where[0][inside], where[1][inside]] = True
    return seen


def _histogram(images: list[NDArray[np.float32]]) -> NDArray[np.float64]:
    counts = np.zeros(BINS)
    for image in images:
        counts += np.histogram(np.clip(image, BLACK, WHITE), BINS, (BLACK, WHITE))[0]
    total = counts.sum()
    return counts / total if total else counts
