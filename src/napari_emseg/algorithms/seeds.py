"""Seeds from the distance to the nearest membrane."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from napari_emseg.algorithms.peaks import hills
from napari_emseg.algorithms.scale import working_spacing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing
    from napari_emseg.settings import SeedSettings

_Pixel = TypeVar("_Pixel", bound=np.generic)

# Distances are either zero or at least a pixel: anything in between tells them apart.
_ABOVE_GROUND_NM = 1e-6
# Parts of a cell this far from membranes that touch at a corner are one cell.
_FAR_PX = 3.0


def distance_seeds(
    boundary: NDArray[Any],
    settings: SeedSettings,
    spacing_nm: Spacing | None,
    *,
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint32]:
    """Place one seed in every part of a cell that is joined to the rest by a neck only.

    Parameters
    ----------
    boundary : ndarray (y, x) or (z, y, x)
        Membrane probability: floats in [0, 1] or uint8 in 0..255.
    settings : SeedSettings
        Threshold, smoothing, depth and merge tolerance. With ``dims`` 2 every section of a stack is seeded
        on its own, and ids do not repeat between sections.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x). None takes 5 nm on all axes.
    mask : ndarray of bool, same shape, optional
        Seeds are placed inside only. Its border counts as membrane.

    Returns
    -------
    ndarray of uint32, same shape
        Seed ids from 1. A seed is the part of a cell that lies at least ``min_distance_nm`` from the
        membrane; where that part has necks, it is cut at those that are narrower than the smaller side by
        ``merge_tolerance_nm``.

    Examples
    --------
    >>> from napari_emseg.settings import SeedSettings
    >>> boundary = np.array([[0, 0, 0, 1, 0, 0, 0]], np.float32)
    >>> distance_seeds(boundary, SeedSettings(min_distance_nm=2, merge_tolerance_nm=1), (1, 1, 1))
    array([[1, 1, 0, 0, 0, 2, 2]], dtype=uint32)
    """
    spacing = working_spacing(spacing_nm)
    if boundary.ndim == 3 and settings.dims == 2:
        seeds = np.zeros(boundary.shape, np.uint32)
        last = 0
        for z, section in enumerate(boundary):
            found = distance_seeds(section, settings, spacing, mask=None if mask is None else mask[z])
            np.add(found, last, out=seeds[z], where=found > 0)
            last = max(last, int(seeds[z].max(initial=0)))
        return seeds
    cells = cell_mask(boundary, settings, spacing)
    if mask is not None:
        cells &= mask
    return seeds_in(Cells(cells, spacing), settings)


def cell_mask(boundary: NDArray[Any], settings: SeedSettings, spacing_nm: Spacing) -> NDArray[np.bool_]:
    """Pixels whose (smoothed) membrane probability is below the threshold.

    Parameters and axes as in `distance_seeds`.
    """
    threshold = settings.threshold * (255 if boundary.dtype == np.uint8 else 1)
    if settings.sigma_nm > 0:
        from scipy import ndimage as ndi

        sigma = [settings.sigma_nm / s for s in spacing_nm[-boundary.ndim :]]
        boundary = ndi.gaussian_filter(boundary.astype(np.float32), sigma)
    cells: NDArray[np.bool_] = boundary < threshold
    return cells


def distance_to_membrane(cells: NDArray[np.bool_], spacing_nm: Spacing) -> NDArray[np.float32]:
    """Distance of every cell pixel to the nearest membrane pixel, in nm; the image's edge is no membrane.

    Parameters
    ----------
    cells : ndarray of bool (y, x) or (z, y, x)
    spacing_nm : tuple of float
        Voxel size (z, y, x).

    Returns
    -------
    ndarray of float32
        0 on membrane. Where there is no membrane at all, the size of the image.
    """
    import edt

    spacing = spacing_nm[-cells.ndim :]
    distance: NDArray[np.float32] = edt.edt(
        np.ascontiguousarray(cells), anisotropy=spacing, black_border=False, parallel=1
    )
    size = max(n * s for n, s in zip(cells.shape, spacing, strict=True))
    return np.minimum(distance, np.float32(size))


class Cells:
    """Where cells are, and how far from the nearest membrane; each distance is measured once, when it is needed.

    Parameters
    ----------
    inside : ndarray of bool (y, x) or (z, y, x)
    spacing_nm : tuple of float
        Voxel size (z, y, x).
    """

    def __init__(self, inside: NDArray[np.bool_], spacing_nm: Spacing) -> None:
        self.inside = inside
        self.spacing_nm = spacing_nm

    @cached_property
    def depth(self) -> NDArray[np.float32]:
        """Distance to the nearest membrane pixel in nm."""
        return distance_to_membrane(self.inside, self.spacing_nm)

    @cached_property
    def halved(self) -> NDArray[np.float32]:
        """The same for pixels taken two by two, 0 where one of them is membrane: a quarter of the time."""
        whole = _of_fours(np.logical_and, self.inside, beyond=True)
        z, y, x = self.spacing_nm
        return distance_to_membrane(whole, (z, 2 * y, 2 * x))


def seeds_in(cells: Cells, settings: SeedSettings) -> NDArray[np.uint32]:
    """Seeds of cells; see `distance_seeds`.

    Parameters
    ----------
    cells : Cells
    settings : SeedSettings

    Returns
    -------
    ndarray of uint32, of the cells' shape
        Seed ids from 1.
    """
    pixel = min(cells.spacing_nm[-cells.inside.ndim :])
    # All cells lie as deep as their nearest pixel.
    deep = cells.inside if settings.min_distance_nm <= pixel else cells.depth >= settings.min_distance_nm
    areas = _areas_of(deep, corners=settings.min_distance_nm >= _FAR_PX * max(cells.spacing_nm[1:]))
    return _cut_at_necks(areas, cells.halved, max(settings.merge_tolerance_nm, _ABOVE_GROUND_NM))


def _areas_of(inside: NDArray[np.bool_], *, corners: bool = False) -> NDArray[np.uint32]:
    """Areas, or volumes, that are connected over edges, or faces; over corners too where that is asked for."""
    import cc3d

    connectivity: Literal[4, 6, 8, 26]
    if inside.ndim == 2:
        connectivity = 8 if corners else 4
    else:
        connectivity = 26 if corners else 6
    parts = cc3d.connected_components(
        np.ascontiguousarray(inside), connectivity=connectivity, out_dtype=np.uint32
    )
    return np.asarray(parts)


def _cut_at_necks(
    areas: NDArray[np.uint32], height: NDArray[np.float32], tolerance: float
) -> NDArray[np.uint32]:
    """Areas, divided into their hills; the height is that of pixels taken two by two."""
    # Where two areas meet in four pixels there is a membrane, and the height is 0.
    whose = _of_fours(np.maximum, areas, beyond=0)
    # Where no peak rises above the ground by the tolerance, no pass can be lower than a peak by it.
    tall = _tallest(whose, height) >= tolerance
    tall[0] = False
    if not tall.any():
        return areas
    whose *= tall[whose]
    # Pixels beside a membrane belong to a hill too: necks are as narrow as one of them.
    hill = hills(np.where(whose > 0, np.maximum(height, _ABOVE_GROUND_NM), 0), tolerance, areas=whose)
    numbers = np.cumsum(~tall, dtype=np.uint32) - np.uint32(1)
    hill[hill > 0] += numbers[-1]
    numbers[tall] = 0
    # Of four pixels, those of another area are left to the watershed.
    fine = _each_of_four(hill.astype(np.uint32), areas.shape)
    fine *= _each_of_four(whose, areas.shape) == areas
    fine += numbers[areas]
    return fine


def _of_fours(join: np.ufunc, values: NDArray[_Pixel], *, beyond: Any) -> NDArray[_Pixel]:
    """Pixels of every section two by two; what is missing at its end is ``beyond``."""
    rows, columns = values.shape[-2:]
    if rows % 2 or columns % 2:
        edges = [(0, 0)] * (values.ndim - 2) + [(0, rows % 2), (0, columns % 2)]
        values = np.pad(values, edges, constant_values=beyond)
    rowed = join(values[..., ::2, :], values[..., 1::2, :])
    joined: NDArray[_Pixel] = join(rowed[..., ::2], rowed[..., 1::2])
    return joined


def _each_of_four(values: NDArray[_Pixel], shape: tuple[int, ...]) -> NDArray[_Pixel]:
    return values.repeat(2, axis=-1)[..., : shape[-1]].repeat(2, axis=-2)[..., : shape[-2], :]


def _tallest(areas: NDArray[np.uint32], height: NDArray[np.float32]) -> NDArray[np.float32]:
    """Largest height in each area, (largest number + 1,)."""
    tallest = np.zeros(int(areas.max(initial=0)) + 1, np.float32)
    np.maximum.at(tallest, areas.ravel(), height.ravel())
    return tallest


def count_unseeded(
    boundary: NDArray[Any],
    seeds: NDArray[np.uint32],
    settings: SeedSettings,
    spacing_nm: Spacing | None,
    *,
    min_area_px: float = 0.0,
    mask: NDArray[np.bool_] | None = None,
) -> int:
    """Number of areas between membranes in which no seed lies: neighbours will take them.

    Parameters
    ----------
    boundary : ndarray (y, x)
        Membrane probability: floats in [0, 1] or uint8 in 0..255.
    seeds : ndarray of int, same shape
    settings : SeedSettings
        What counts as membrane.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x).
    min_area_px : float
        Smaller areas are specks and not counted.
    mask : ndarray of bool, same shape, optional
        Areas are looked for inside.
    """
    areas = _areas(boundary, settings, spacing_nm, mask)
    size = np.bincount(areas.ravel())
    bare = size >= max(min_area_px, 1)
    bare[0] = False
    bare[areas[seeds > 0]] = False
    return int(bare.sum())


def seed_every_area(
    boundary: NDArray[Any],
    seeds: NDArray[np.uint32],
    settings: SeedSettings,
    spacing_nm: Spacing | None,
    *,
    mask: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint32]:
    """Seeds, and one more in every area between membranes that is too thin for one.

    Without it two cells on either side of such an area meet in its middle, where there is no membrane between them.

    Parameters
    ----------
    boundary, seeds, settings, spacing_nm, mask
        As in `count_unseeded`.

    Returns
    -------
    ndarray of uint32 (y, x)
        A copy; new seeds fill their areas and are numbered above the others.
    """
    areas = _areas(boundary, settings, spacing_nm, mask)
    bare = np.ones(int(areas.max(initial=0)) + 1, bool)
    bare[0] = False
    bare[areas[seeds > 0]] = False
    return np.where(bare[areas], areas + seeds.max(initial=0), seeds).astype(np.uint32)


def _areas(
    boundary: NDArray[Any], settings: SeedSettings, spacing_nm: Spacing | None, mask: NDArray[np.bool_] | None
) -> NDArray[np.uint32]:
    """Areas between membranes, numbered."""
    cells = cell_mask(boundary, settings, working_spacing(spacing_nm))
    return _areas_of(cells if mask is None else cells & mask)
