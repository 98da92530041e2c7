"""Apply a recipe to a sample: geometry in one resampling, then appearance, then defects of sections."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment import APPEARANCE, DEFECTS, GEOMETRY
from napari_emseg.augment.artefact import DefectSource, artefact
from napari_emseg.augment.defects import plan
from napari_emseg.augment.drop import drop
from napari_emseg.augment.fold import FoldShape, draw_fold, fold
from napari_emseg.augment.paste import paste
from napari_emseg.augment.places import Places
from napari_emseg.augment.resampling import read
from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from napari_emseg.augment.recipe import Augmentation


@dataclass(frozen=True, eq=False)
class Drawn:
    """One augmented sample.

    Parameters
    ----------
    image : ndarray (z, y, x)
    labels : ndarray (channels, z, y, x), or None
    inside : ndarray (z, y, x) of bool
        False where the sample reached beyond its source: the image is mirrored there and labels are `outside`.
    hidden : ndarray (z, y, x) of bool
        True where a defect hides the tissue.
    places : Places
        Where every pixel came from.
    struck : mapping of int to str
        Section to its defect.
    """

    image: NDArray[Any]
    labels: NDArray[Any] | None
    inside: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    places: Places
    struck: Mapping[int, str] = field(default_factory=dict)


def source_size(size: tuple[int, ...], recipe: Augmentation) -> tuple[int, ...]:
    """Extent that a source needs so that a sample of this extent never looks beyond it.

    Parameters
    ----------
    size : tuple of int
        (z, y, x) or (y, x) of the sample.

    Returns
    -------
    tuple of int
        With as many axes as `size`; the sample is drawn from its centre.
    """
    shape = (1, *size) if len(size) == 2 else size
    half = (np.array(shape, float) - 1) / 2
    if recipe.fold is not None and recipe.fold.per_section > 0:
        half = half + np.array([0, recipe.fold.strength_px, recipe.fold.strength_px])
    for name, where in GEOMETRY.items():
        settings = getattr(recipe, name)
        if settings is not None:
            half = import_module(where.split(":")[0]).reach(half, settings)
    # a source of the same parity has its centre at the same place between pixels
    grown = [n + 2 * int(np.ceil(h - (n - 1) / 2 - 1e-6)) for n, h in zip(shape, half, strict=True)]
    return tuple(grown[3 - len(size) :])


def augment(
    image: NDArray[Any],
    labels: NDArray[Any] | None,
    recipe: Augmentation,
    rng: np.random.Generator,
    *,
    size: tuple[int, ...] | None = None,
    outside: int = 0,
    greys: tuple[float, float] | None = None,
    source: DefectSource | None = None,
) -> Drawn:
    """Augment an image with its labels, of any shape.

    Parameters
    ----------
    image : ndarray (z, y, x) or (y, x)
        Any numeric type; never modified.
    labels : ndarray, optional
        Of the shape of the image, or with an axis of channels before it.
    size : tuple of int, optional
        Extent of the sample, cut from the centre of the image; by default all of it. See `source_size`.
    outside : int
        Label of what lies beyond the image.
    greys : (mean, standard deviation), optional
        Of the image; by default measured for whole numbers, and 0 and 1 for real ones.
    source : DefectSource, optional
        Real artefacts; by default they are synthesised.

    Returns
    -------
    Drawn
        Image and labels have the axes and types of the input.

    Raises
    ------
    EmsegError
        If shapes do not go together, or the image is empty or has no finite values.
    """
    flat = image.ndim == 2
    stack = image[None] if flat else image
    known = _channels(labels, image, flat=flat)
    if image.ndim not in (2, 3) or not image.size:
        raise EmsegError(
            f"an image of shape {image.shape} cannot be augmented", "", "give (z, y, x) or (y, x)"
        )
    mean, std = greys or _greys(image)
    normal = ((stack.astype(np.float32) - np.float32(mean)) / np.float32(std)).astype(np.float32)
    if not np.isfinite(normal).all():
        raise EmsegError("the image has values that are no numbers", "", "replace NaN and infinity first")
    shape = stack.shape if size is None else ((1, *size) if len(size) == 2 else size)
    if shape[0] > stack.shape[0]:
        raise EmsegError(f"a sample of {shape[0]} sections does not fit into {stack.shape[0]}")
    centre = ((stack.shape[1] - 1) / 2, (stack.shape[2] - 1) / 2)
    drawn = draw(
        normal, known, (shape[0], shape[1], shape[2]), centre, recipe, rng, outside=outside, source=source
    )
    grey = drawn.image * np.float32(std) + np.float32(mean)
    if image.dtype.kind in "ui":
        limits = np.iinfo(image.dtype)
        grey = np.clip(np.rint(grey), limits.min, limits.max).astype(image.dtype)
    elif image.dtype.kind == "f":
        grey = grey.astype(image.dtype)
    found = drawn.labels
    if found is not None and labels is not None:
        found = found[:, 0] if flat else found
        found = found[0] if labels.ndim == image.ndim else found
    return replace(drawn, image=grey[0] if flat else grey, labels=found)


def draw(
    image: NDArray[np.float32],
    labels: NDArray[Any] | None,
    size: tuple[int, int, int],
    centre: tuple[float, float],
    recipe: Augmentation,
    rng: np.random.Generator,
    *,
    outside: int = 0,
    zoom: float = 1.0,
    only: int | None = None,
    source: DefectSource | None = None,
) -> Drawn:
    """One sample of a normalised stack.

    Parameters
    ----------
    image : ndarray (z, y, x) float32
        At mean 0 and standard deviation 1.
    labels : ndarray (channels, z, y, x), optional
        One section only where `only` says to which section of the sample it belongs.
    size : (z, y, x)
        Extent of the sample; its sections lie in the middle of those of the image.
    centre : (y, x)
        Of the sample, in pixels of the image.
    zoom : float
        Pixels of the image per pixel of the sample.
    """
    places = place(size, recipe, rng, surplus=image.shape[0] - size[0])
    room = image.shape[0] - 1 - int(places.sections.max())
    places = replace(places, sections=places.sections + room // 2)
    struck, folds = _strike(size, recipe, rng)
    places = _with_folds(places, recipe, folds).zoomed(zoom)
    drawn, known, inside = read(
        image, labels, places, centre, interpolation=recipe.interpolation, outside=outside, only=only
    )
    drawn, known = change_appearance(drawn, recipe, rng, labels=known, outside=outside)
    drawn, hidden = _apply_defects(drawn, recipe, struck, folds, rng, source)
    if known is not None and recipe.defects.hidden_labels == "ignore":
        gone = hidden if only is None else hidden[only : only + 1]
        known[:, gone] = outside
    return Drawn(drawn, known, inside, hidden, places, struck)


def place(
    size: tuple[int, int, int], recipe: Augmentation, rng: np.random.Generator, *, surplus: int = 0
) -> Places:
    """Draw the geometry of a sample: nothing but coordinates."""
    places = Places.still(size[0], size[1:])
    for name, where in GEOMETRY.items():
        settings = getattr(recipe, name)
        if settings is None or not _happens(settings, rng):
            continue
        if name == "drop":
            places = drop(places, settings, rng, surplus)
        else:
            places = _function(where)(places, settings, rng)
    return places


def change_appearance(
    image: NDArray[np.float32],
    recipe: Augmentation,
    rng: np.random.Generator,
    *,
    labels: NDArray[Any] | None = None,
    outside: int = 0,
) -> tuple[NDArray[np.float32], NDArray[Any] | None]:
    """Apply each appearance augmentation of the recipe with its probability to an image (sections, y, x)."""
    for name, where in APPEARANCE.items():
        settings = getattr(recipe, name)
        if settings is None or not _happens(settings, rng):
            continue
        if name != "paste":
            image = _function(where)(image, settings, rng)
        elif labels is not None and labels.shape[1:] == image.shape:
            image, labels = paste(image, labels, settings, rng, outside=outside)
    return image, labels


def _happens(settings: Any, rng: np.random.Generator) -> bool:
    """Settings without a probability always apply, and draw nothing for it."""
    probability = getattr(settings, "probability", None)
    return probability is None or bool(rng.random() < probability)


def _strike(
    size: tuple[int, int, int], recipe: Augmentation, rng: np.random.Generator
) -> tuple[dict[int, str], dict[int, FoldShape]]:
    """Which sections get which defect, and the shape of the folds."""
    on = {name: getattr(recipe, name) for name in DEFECTS}
    rates = {name: settings.per_section for name, settings in on.items() if settings is not None}
    struck = plan(size[0], rates, recipe.defects, rng)
    folds: dict[int, FoldShape] = {}
    if recipe.fold is not None:
        folds = {z: draw_fold(size[1:], recipe.fold, rng) for z, name in struck.items() if name == "fold"}
    return struck, folds


def _with_folds(places: Places, recipe: Augmentation, folds: Mapping[int, FoldShape]) -> Places:
    """Places with the pull of the folds, of image and labels or of the image alone."""
    if not folds or recipe.fold is None:
        return places
    moved = {z: _in_source(places, shape.displacement) for z, shape in folds.items()}
    if not recipe.fold.labels_follow:
        return replace(places, image_only={**places.image_only, **moved})
    shared = places.at.shape[1] == 1
    at = np.repeat(places.at, len(places.sections), 1) if shared else places.at.copy()
    for z, by in moved.items():
        at[:, z] += by
    return replace(places, at=at)


def _in_source(places: Places, displacement: NDArray[np.float32]) -> NDArray[np.float32]:
    """A displacement along the axes of the sample, turned and scaled as the sample lies in its source."""
    if min(places.size) < 2:
        return displacement
    plane = places.plane(0)
    y, x = (max(n // 2, 1) for n in places.size)
    down, right = plane[:, y, x] - plane[:, y - 1, x], plane[:, y, x] - plane[:, y, x - 1]
    turned: NDArray[np.float32] = (
        down[:, None, None] * displacement[0] + right[:, None, None] * displacement[1]
    )
    return turned


def _apply_defects(
    image: NDArray[np.float32],
    recipe: Augmentation,
    struck: Mapping[int, str],
    folds: Mapping[int, FoldShape],
    rng: np.random.Generator,
    source: DefectSource | None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    hidden = np.zeros(image.shape, bool)
    out = image.copy() if struck else image
    for z, name in struck.items():
        settings = getattr(recipe, name)
        covered: NDArray[np.bool_] | None
        if name == "fold":
            out[z], covered = fold(image[z], folds[z]), folds[z].line
        elif name == "artefact":
            out[z], covered = artefact(image[z], settings, rng, source)
        else:
            out[z], covered = _function(DEFECTS[name])(image[z], settings, rng)
        if covered is not None:
            hidden[z] = covered
    return out, hidden


def _function(where: str) -> Callable[..., Any]:
    module, name = where.split(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def _channels(labels: NDArray[Any] | None, image: NDArray[Any], *, flat: bool) -> NDArray[Any] | None:
    """Labels as (channels, z, y, x)."""
    if labels is None:
        return None
    with_channels = labels if labels.ndim == image.ndim + 1 else labels[None]
    if with_channels.shape[1:] != image.shape:
        raise EmsegError(
            f"labels {labels.shape} and image {image.shape} do not go together",
            "",
            "give labels of the shape of the image, channels first",
        )
    return with_channels[:, None] if flat else with_channels


def _greys(image: NDArray[Any]) -> tuple[float, float]:
    """Mean and standard deviation of whole numbers; real numbers count as normalised."""
    if image.dtype.kind not in "ui":
        return 0.0, 1.0
    return float(image.mean(dtype=np.float64)), float(image.std(dtype=np.float64)) or 1.0
