"""Separate things, such as mitochondria or clefts, from their probability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.algorithms.flood import flood
from napari_emseg.algorithms.peaks import hills
from napari_emseg.algorithms.scale import working_spacing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing
    from napari_emseg.settings import InstanceSettings

_LEVELS = 63
NM3_PER_UM3 = 1e9
_GROUND = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Instances:
    """Things that were found, and what was left out on the way.

    Attributes
    ----------
    labels : ndarray of uint32 (z, y, x)
        Ids from 1 without gaps.
    too_small : int
        Connected parts that were dropped for their size.
    too_flat : int
        Connected parts that were dropped because they show in too few sections.
    without_seed : int
        Connected parts in which no seed lies; each is one thing all the same.
    """

    labels: NDArray[np.uint32]
    too_small: int
    too_flat: int
    without_seed: int


def find_instances(
    probability: NDArray[Any], settings: InstanceSettings, spacing_nm: Spacing | None
) -> Instances:
    """Divide what is likely into separate things.

    Parameters
    ----------
    probability : ndarray (z, y, x)
        Floats in [0, 1] or uint8 in 0..255. Not changed.
    settings : InstanceSettings
    spacing_nm : tuple of float or None
        Voxel size (z, y, x); None takes 5 nm on all axes.

    Returns
    -------
    Instances

    Notes
    -----
    Smoothed, cut at the threshold, areas of unlikely size taken out of every section (VESICLE, Roncal et al. 2015,
    doi:10.5244/C.29.81), parts connected over faces, then divided at necks of the distance transform by watershed.
    """
    import cc3d

    spacing = working_spacing(spacing_nm)
    mask = likely_voxels(probability, settings, spacing)
    parts = np.asarray(cc3d.connected_components(mask, connectivity=6, out_dtype=np.uint32), np.uint32)
    size = np.bincount(parts.ravel())
    big = size * np.prod(spacing) >= settings.min_volume_um3 * NM3_PER_UM3
    tall = _n_sections(parts, size.size) >= settings.min_sections
    big[0] = tall[0] = True
    parts[~(big & tall)[parts]] = 0
    labels, without_seed = divide_parts(parts, settings, spacing)
    return Instances(labels, int((~big).sum()), int((big & ~tall).sum()), without_seed)


def likely_voxels(
    probability: NDArray[Any], settings: InstanceSettings, spacing: Spacing
) -> NDArray[np.bool_]:
    """Where things are likely: smoothed, cut at the threshold, areas of unlikely size taken out of every section."""
    mask: NDArray[np.bool_] = _smooth(probability, settings, spacing) > settings.threshold
    for section in mask:
        _plausible_areas(section, settings, spacing)
    return mask


def _smooth(probability: NDArray[Any], settings: InstanceSettings, spacing: Spacing) -> NDArray[np.float32]:
    from scipy import ndimage as ndi

    chance = probability.astype(np.float32) / (255 if probability.dtype == np.uint8 else 1)
    sigma = (settings.sigma_z_nm / spacing[0], settings.sigma_nm / spacing[1], settings.sigma_nm / spacing[2])
    smooth = ndi.gaussian_filter(chance, sigma) if any(sigma) else chance
    return np.asarray(smooth, np.float32)


def _plausible_areas(section: NDArray[np.bool_], settings: InstanceSettings, spacing: Spacing) -> None:
    """Clear 4-connected areas that are too small or too large, in place."""
    import cc3d

    if settings.min_area_nm2 <= 0 and settings.max_area_nm2 <= 0:
        return
    areas = cc3d.connected_components(section, connectivity=4, out_dtype=np.uint32)
    size = np.bincount(areas.ravel()) * (spacing[1] * spacing[2])
    wrong = size < settings.min_area_nm2
    if settings.max_area_nm2 > 0:
        wrong |= size > settings.max_area_nm2
    wrong[0] = False
    section[wrong[areas]] = False


def _n_sections(parts: NDArray[np.uint32], n: int) -> NDArray[np.int64]:
    shown = np.zeros(n, np.int64)
    for section in parts:
        shown[np.unique(section)] += 1
    return shown


def divide_parts(
    parts: NDArray[np.uint32], settings: InstanceSettings, spacing: Spacing
) -> tuple[NDArray[np.uint32], int]:
    """Parts cut at their necks, and the number of parts in which no seed lies."""
    import edt
    import fastremap
    from scipy import ndimage as ndi

    if settings.split_tolerance_nm <= 0 or not parts.any():
        return fastremap.renumber(parts)[0].astype(np.uint32), 0
    depth = edt.edt(np.ascontiguousarray(parts), anisotropy=spacing, black_border=False, parallel=1)
    depth = np.minimum(depth, np.float32(max(n * s for n, s in zip(parts.shape, spacing, strict=True))))
    deep = depth >= max(settings.seed_depth_nm, _GROUND)
    height = np.where(deep, depth, np.float32(0))
    seeds = hills(height, settings.split_tolerance_nm, areas=parts).astype(np.uint32)
    seeds[~deep] = 0
    bare = np.setdiff1d(np.unique(parts), np.unique(parts[seeds > 0]))
    bare = bare[bare > 0]
    last = int(seeds.max(initial=0))
    names = np.zeros(int(parts.max()) + 1, np.uint32)
    names[bare] = last + 1 + np.arange(bare.size, dtype=np.uint32)
    seeds = np.where(names[parts] > 0, names[parts], seeds)
    # Each part by its own depth: how it is cut does not depend on what else there is.
    deepest = np.asarray(ndi.maximum(depth, parts, np.arange(int(parts.max()) + 1)), np.float32)
    steep = depth / np.maximum(deepest, np.float32(_GROUND))[parts]
    grown = flood(seeds, ((1 - steep) * _LEVELS).astype(np.uint8), parts > 0)
    return fastremap.renumber(grown)[0].astype(np.uint32), int(bare.size)
