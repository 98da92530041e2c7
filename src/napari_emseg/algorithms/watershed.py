"""From seeds to segments: watershed on the membrane probability."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np

from napari_emseg.algorithms.cleanup import join_small, join_weak
from napari_emseg.algorithms.dividing import divide_shared, sharing
from napari_emseg.algorithms.flood import flood
from napari_emseg.algorithms.placed_seeds import middles_of, with_placed
from napari_emseg.algorithms.scale import working_spacing
from napari_emseg.algorithms.seeds import count_unseeded, distance_seeds
from napari_emseg.algorithms.volumes import segment_blocks
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.object_ids import checked_ids
from napari_emseg.core.progress import Silent
from napari_emseg.core.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_emseg.algorithms.placed_seeds import PlacedSeeds
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import ArrayLike3D, Spacing
    from napari_emseg.settings import SeedSettings, SegmentSettings

# Water rises in steps of 1/32 of probability: finer steps change no border on real maps.
_LEVELS = 31


def grow(
    boundary: NDArray[Any],
    seeds: NDArray[Any],
    *,
    mask: NDArray[np.bool_] | None = None,
    compactness: float = 0.0,
    fixed: NDArray[Any] | None = None,
    fixed_grow: bool = False,
) -> NDArray[np.unsignedinteger]:
    """Grow every seed until it meets another on a membrane.

    Parameters
    ----------
    boundary : ndarray (y, x) or (z, y, x)
        Membrane probability: floats in [0, 1] or uint8 in 0..255.
    seeds : ndarray of int, same shape
        Ids that grow; every id keeps its number and all its pixels that are not fixed.
    mask : ndarray of bool, same shape, optional
        Nothing grows outside.
    compactness : float
        Higher gives rounder segments (and takes scikit-image's slower watershed).
    fixed : ndarray of int or bool, same shape, optional
        Non-zero pixels are kept as they are, and nothing grows through them: what people drew.
        Their own ids do not grow unless they are also seeds elsewhere, or `fixed_grow` is given.
    fixed_grow : bool
        Fixed pixels are seeds too: their ids grow into what is free beside them.

    Returns
    -------
    ndarray of uint32, same shape; uint64 where an id needs it
        Ids; 0 outside the mask and where no seed can get to.

    Raises
    ------
    EmsegError
        If the shapes differ, an id is negative, or pixels without ids are to grow.
    """
    boundary, seeds = np.asarray(boundary), np.asarray(seeds)
    for name, other in (("seeds", seeds), ("mask", mask), ("fixed", fixed)):
        if other is not None and other.shape != boundary.shape:
            raise EmsegError(f"boundary and {name} differ in shape", f"{boundary.shape} and {other.shape}")
    free = np.ones(boundary.shape, bool) if mask is None else np.array(mask, dtype=bool)
    if fixed is not None:
        free &= fixed == 0
    given = None if fixed is None or fixed.dtype == bool else fixed
    if fixed_grow and given is None:
        raise EmsegError("pixels without ids cannot grow", "fixed", "give the ids that people drew")
    dtype = _unsigned(seeds, given)
    start = np.where(free, seeds, 0).astype(dtype)
    if given is not None and fixed_grow:
        start = np.where(given != 0, given, start).astype(dtype)
    # Large ids grow under small numbers: cut to 32 bits, two of them could be one, or one of them none.
    dense, ids = _dense(start) if compactness > 0 or dtype != np.uint32 else (start, None)
    if compactness > 0:
        from skimage.segmentation import watershed

        inside = free | (dense > 0)
        grown = np.asarray(
            watershed(boundary.astype(np.float32), dense, mask=inside, compactness=compactness)
        )
    else:
        grown = flood(dense.astype(np.uint32, copy=False), _levels(boundary), free)
    named = grown if ids is None else ids[grown]
    if given is not None:
        named = np.where(given != 0, given, named)
    return np.asarray(named, dtype=dtype)


def _unsigned(*ids: NDArray[Any] | None) -> np.dtype[np.unsignedinteger]:
    """The type that holds all ids: 32 bits unless that is too little."""
    there = [k for k in ids if k is not None and k.size]
    for ids_there in there:
        if ids_there.dtype.kind == "i":
            checked_ids(ids_there, "seeds")
    top = max((int(k.max()) for k in there), default=0)
    return np.dtype(np.uint32 if top <= np.iinfo(np.uint32).max else np.uint64)


def segment_section(
    boundary: NDArray[Any],
    seeds: NDArray[Any],
    settings: SegmentSettings,
    spacing_nm: Spacing | None,
    *,
    threshold: float = 0.5,
    mask: NDArray[np.bool_] | None = None,
    fixed: NDArray[Any] | None = None,
    stay: NDArray[Any] | None = None,
    shared: Sequence[NDArray[np.integer]] = (),
) -> NDArray[np.uint32]:
    """Watershed from given seeds, then the clean-up that the settings ask for.

    Parameters
    ----------
    boundary, seeds, mask, fixed
        As in `grow`; (y, x) or (z, y, x).
    settings : SegmentSettings
        Smallest size (per section; a volume must reach it in one section on average), compactness, lines.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x); None takes 5 nm on all axes.
    threshold : float
        Membrane threshold: what lies below is no membrane, however weak, and not left empty.
    stay : ndarray of int (n,), optional
        Seeds whose segments are never too small: those that people placed.
    shared : sequence of ndarray of int, optional
        Seeds that lie in one cell, which is divided between them along the faintest membrane.

    Returns
    -------
    ndarray of uint32, same shape
    """
    spacing = working_spacing(spacing_nm)
    labels = grow(boundary, seeds, mask=mask, compactness=settings.compactness, fixed=fixed)
    if shared and settings.compactness == 0:
        labels = divide_shared(np.asarray(labels, np.uint32), boundary, seeds, shared)
    dense, ids = _dense(labels)
    keep = None
    if fixed is not None and fixed.dtype != bool:
        keep = np.flatnonzero(np.isin(ids, np.unique(fixed)))
    large = None if stay is None else np.flatnonzero(np.isin(ids, stay[stay > 0]))
    smallest = settings.min_size_nm2 / (spacing[1] * spacing[2])
    dense = join_small(dense, boundary, smallest, keep=keep, large=large)
    scale = 255 if boundary.dtype == np.uint8 else 1
    if dense.ndim == 2 and settings.small_segment_nm2 > 0:
        small = settings.small_segment_nm2 / (spacing[1] * spacing[2])
        own = [numbers for numbers in (keep, large) if numbers is not None]
        weak = threshold * scale, settings.weak_membrane * scale
        dense = join_weak(dense, boundary, small, weak, keep=np.concatenate(own) if own else None)
    labels = ids[dense]
    if settings.membrane_lines:
        line = boundary >= threshold * scale
        labels[line if fixed is None else line & (fixed == 0)] = 0
    return labels


@dataclass(eq=False)
class Losses:
    """What a segmentation left out.

    Attributes
    ----------
    unseeded : int
        Areas between membranes, no smaller than the smallest segment, in which no seed lies: they went to a neighbour.
    joined : list of (z, y, x)
        Middles of seeds whose segments were small and joined a neighbour.
    """

    unseeded: int = 0
    joined: list[tuple[float, float, float]] = field(default_factory=list)

    def words(self, depth: str = "seed depth") -> list[str]:
        """One sentence for each kind of loss; ``depth`` is what the setting is called where it is read."""
        n = self.unseeded
        what = f"{counted(n, 'area')} too thin for a seed went to a neighbour"
        return [f"{what}: a smaller {depth} keeps {'it' if n == 1 else 'them'} apart"] if n else []


class Given(TypedDict, total=False):
    """What may be given to segment sections.

    Attributes
    ----------
    mask, fixed : ndarray (z, y, x)
        As in `grow`.
    losses : Losses
        Added up here.
    progress : Progress
        Told after every section.
    placed : PlacedSeeds
        What a person changed about the seeds.
    """

    mask: NDArray[np.bool_] | None
    fixed: NDArray[Any] | None
    losses: Losses | None
    progress: Progress | None
    placed: PlacedSeeds | None


def segment_sections(
    boundary: ArrayLike3D,
    seed_settings: SeedSettings,
    settings: SegmentSettings,
    spacing_nm: Spacing | None,
    **given: Unpack[Given],
) -> NDArray[np.uint32]:
    """Segment every section by itself.

    Parameters
    ----------
    boundary : ndarray (z, y, x)
        Membrane probability: floats in [0, 1] or uint8 in 0..255. Read section by section, so a lazy
        array will do.
    seed_settings, settings
        How seeds are placed and grown.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x); None takes 5 nm on all axes.
    **given
        See `Given`.

    Returns
    -------
    ndarray of uint32 (z, y, x)
        Ids from 1 that do not repeat between sections, without gaps unless ids were fixed.
    """
    labels = np.zeros(boundary.shape, np.uint32)
    for z, found in enumerate(each_section(boundary, seed_settings, settings, spacing_nm, **given)):
        labels[z] = found
    return labels


def each_section(
    boundary: ArrayLike3D,
    seed_settings: SeedSettings,
    settings: SegmentSettings,
    spacing_nm: Spacing | None,
    *,
    mask: NDArray[np.bool_] | None = None,
    fixed: NDArray[Any] | None = None,
    losses: Losses | None = None,
    progress: Progress | None = None,
    placed: PlacedSeeds | None = None,
) -> Iterator[NDArray[np.uint32]]:
    """The sections of `segment_sections`, one after the other: memory does not follow their number.

    Yields
    ------
    ndarray of uint32 (y, x)
    """
    report = progress or Silent()
    flat = seed_settings.model_copy(update={"dims": 2})
    last = 0 if fixed is None else int(np.asarray(fixed).max(initial=0))
    pixel = working_spacing(spacing_nm)
    for z in range(boundary.shape[0]):
        section = np.asarray(boundary[z])
        inside = None if mask is None else mask[z]
        kept = None if fixed is None else fixed[z]
        free = inside if kept is None else (kept == 0) if inside is None else inside & (kept == 0)
        seeds = distance_seeds(section, flat, spacing_nm, mask=free)
        seeded, stay = seeds, None
        shared: list[NDArray[Any]] = []
        if placed:
            seeds, stay = with_placed(seeds, *placed.of(z), mask=free)
            shared = [group + last for group in sharing(seeded, seeds, only=stay)]
            seeded = np.maximum(seeds, seeded)  # what a person struck out is no area that was overlooked
            stay = stay[stay > 0] + np.uint32(last)
        if losses is not None:
            smallest = settings.min_size_nm2 / (pixel[1] * pixel[2])
            losses.unseeded += count_unseeded(
                section, seeded, flat, spacing_nm, min_area_px=smallest, mask=free
            )
        np.add(seeds, last, out=seeds, where=seeds > 0)
        found = segment_section(
            section, seeds, settings, spacing_nm, threshold=flat.threshold, mask=inside, fixed=kept, stay=stay,
            shared=shared,
        )  # fmt: skip
        if losses is not None:
            losses.joined += [(float(z), y, x) for y, x in _without_segment(seeds, found)]
        if fixed is None:
            dense, ids = _dense(found)
            found = np.where(dense > 0, dense + np.uint32(last), np.uint32(0))
            last += ids.size - 1
        else:
            last = max(last, int(found.max(initial=0)))
        report.report((z + 1) / boundary.shape[0], f"section {z + 1} of {boundary.shape[0]}")
        yield found


def _without_segment(seeds: NDArray[np.uint32], labels: NDArray[np.uint32]) -> list[tuple[float, float]]:
    """Middles (y, x) of the seeds of a section that gave no segment its number."""
    there = np.zeros(int(max(seeds.max(initial=0), labels.max(initial=0))) + 1, bool)
    there[labels.ravel()] = True
    gone = np.where(there[seeds], np.uint32(0), seeds)
    return [(float(y), float(x)) for y, x in middles_of(gone)[1]] if gone.any() else []


def segment_volume(
    boundary: NDArray[Any],
    seed_settings: SeedSettings,
    settings: SegmentSettings,
    spacing_nm: Spacing | None,
    *,
    mask: NDArray[np.bool_] | None = None,
    progress: Progress | None = None,
) -> NDArray[np.uint32]:
    """Segment through sections: pieces of cells in three dimensions, then agglomeration.

    Parameters
    ----------
    boundary : ndarray (z, y, x)
        Membrane probability: floats in [0, 1] or uint8 in 0..255.
    seed_settings, settings
        Membrane threshold and smoothing; how pieces are joined, smallest size, lines.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x); None takes 5 nm on all axes.
    mask : ndarray of bool, same shape, optional
        As in `grow`.
    progress : Progress, optional

    Returns
    -------
    ndarray of uint32 (z, y, x)
        Ids from 1 without gaps; the same as those of `volumes.segment_blocks`.
    """
    boundary = np.asarray(boundary)
    if boundary.size == 0:
        return np.zeros(boundary.shape, np.uint32)
    found = segment_blocks(boundary, seed_settings, settings, spacing_nm, mask=mask, progress=progress)
    if settings.membrane_lines:
        found = found.without(boundary, seed_settings.threshold * (255 if boundary.dtype == np.uint8 else 1))
    return found[:]


def _levels(boundary: NDArray[Any]) -> NDArray[np.uint8]:
    levels = np.empty(boundary.shape, np.uint8)
    if boundary.dtype == np.uint8:
        levels[:] = boundary >> 3
    else:
        levels[:] = np.clip(boundary, 0, 1) * _LEVELS
    return levels


def _dense(labels: NDArray[np.unsignedinteger]) -> tuple[NDArray[np.uint32], NDArray[np.unsignedinteger]]:
    """Ids without gaps, and the table that gives the old ones back; 0 stays 0."""
    import fastremap

    dense, mapping = fastremap.renumber(labels, preserve_zero=True, in_place=False)
    ids = np.zeros(len(mapping) + 1, labels.dtype)
    for old, new in mapping.items():
        ids[int(new)] = old
    return dense.astype(np.uint32, copy=False), ids[: int(dense.max(initial=0)) + 1]
