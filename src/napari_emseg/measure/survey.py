"""All measurements of a volume: one pass through its voxels, then one look at every object."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Part, Silent
from napari_emseg.measure import OBJECT_MEASURES
from napari_emseg.measure.blocks import block_at, core_size, cores, count_cores
from napari_emseg.measure.calibre import calibre_row
from napari_emseg.measure.contact import ContactTally, contact_sums
from napari_emseg.measure.five_points import five_along, mean_of
from napari_emseg.measure.grey import GreySections
from napari_emseg.measure.masks import MaskStore
from napari_emseg.measure.profile import NOTHING, Profile, profile
from napari_emseg.measure.surfaces import SurfaceTally
from napari_emseg.measure.volumes import VolumeTally

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.measure.crop import ObjectCrop
    from napari_emseg.settings import MeasureSettings

Row = dict[str, float | int | str | None]
_PASS = 0.5  # of the whole work, roughly, for the pass through the voxels


@dataclass(frozen=True, eq=False)
class Survey:
    """What was measured.

    Attributes
    ----------
    objects, contacts : tuple of dict
        One row an object, and one a pair that touches; units are in the names, None where nothing could be measured.
    profiles : dict of int to Profile
        Calibre along every object.
    spacing_nm : (z, y, x)
    shape : (z, y, x)
        Of the volume in voxels.
    settings : MeasureSettings
    unread : tuple of int
        Sections of the image that could not be read: grey values are those of the others.
    """

    objects: tuple[Row, ...]
    contacts: tuple[Row, ...]
    profiles: dict[int, Profile]
    spacing_nm: Spacing
    shape: tuple[int, int, int]
    settings: MeasureSettings
    unread: tuple[int, ...] = ()


def survey(
    labels: Any,
    spacing_nm: Spacing,
    settings: MeasureSettings,
    *,
    image: Any = None,
    objects: Collection[int] | None = None,
    block: tuple[int, int, int] | None = None,
    around_damage: bool = False,
    progress: Progress | None = None,
) -> Survey:
    """Measure the objects of a volume, block by block: it may be larger than memory.

    Parameters
    ----------
    labels : array-like (z, y, x) of int
        Object ids; 0 is none.
    spacing_nm : (z, y, x)
        Voxel size.
    settings : MeasureSettings
    image : array-like (z, y, x), optional
        Grey values; adds their mean and standard deviation.
    objects : collection of int, optional
        Measure these only; their contacts with others are listed too.
    block : (z, y, x), optional
        Voxels of a block; changes nothing of the result.
    around_damage : bool
        Go around sections of the image that cannot be read instead of raising.
    progress : Progress, optional

    Raises
    ------
    EmsegError
        If image and labels differ in shape, these are no object ids, or one that is asked for is not there.
    """
    progress = progress or Silent()
    shape = tuple(int(n) for n in labels.shape)
    if image is not None and tuple(int(n) for n in image.shape) != shape:
        raise EmsegError(
            "image and objects differ in shape", f"{tuple(image.shape)} and {shape}", "give the same stack"
        )
    tallies = _Tallies(spacing_nm, settings, objects)
    size = (shape[0], shape[1], shape[2])
    part = Part(progress, 0.0, _PASS if settings.calibre else 1.0)
    grey = None if image is None else GreySections(image, around_damage=around_damage)
    _pass(labels, grey, size, tallies, block, part)
    unread = grey.unread if grey else ()
    rows = tallies.rows(size, grey is not None and len(unread) < shape[0], objects)
    contacts = tallies.contact_rows(objects)
    _check_there(objects, rows)
    profiles: dict[int, Profile] = {}
    if settings.calibre:
        profiles = _calibres(rows, tallies, size, Part(progress, _PASS, 1.0))
        _along_contacts(contacts, tallies, profiles)
    return Survey(tuple(rows), tuple(contacts), profiles, spacing_nm, size, settings, unread)


class _Tallies:
    """What a pass through the voxels adds up."""

    def __init__(
        self, spacing_nm: Spacing, settings: MeasureSettings, objects: Collection[int] | None
    ) -> None:
        self.spacing_nm, self.settings = spacing_nm, settings
        self.volumes = VolumeTally()
        self.surfaces = SurfaceTally(spacing_nm)
        self.contacts = ContactTally(spacing_nm, settings.gap_nm) if settings.contact else None
        self.masks = MaskStore(objects) if settings.calibre else None

    @property
    def margin(self) -> tuple[int, int, int]:
        each = [self.surfaces.margin, *([self.contacts.margin] if self.contacts else [])]
        z, y, x = (max(sizes) for sizes in zip(*each, strict=True))
        return z, y, x

    def rows(
        self, shape: tuple[int, int, int], with_grey: bool, objects: Collection[int] | None
    ) -> list[Row]:
        ids = self.volumes.ids
        rows = self.volumes.rows(self.spacing_nm, shape, with_grey=with_grey)
        areas = self.surfaces.areas_um2(ids).tolist()
        touched = contact_sums(self.contacts.rows()) if self.contacts else {}
        for row, area in zip(rows, areas, strict=True):
            row["surface_area_um2"] = area
            if self.contacts:
                row["contact_area_um2"], row["neighbours"] = touched.get(int(row["id"] or 0), (0.0, 0))
        wanted = None if objects is None else set(objects)
        return [row for row in rows if wanted is None or row["id"] in wanted]

    def contact_rows(self, objects: Collection[int] | None) -> list[Row]:
        if self.contacts is None:
            return []
        wanted = None if objects is None else set(objects)
        return [
            row
            for row in self.contacts.rows()
            if wanted is None or row["id_a"] in wanted or row["id_b"] in wanted
        ]


def _pass(
    labels: Any,
    grey: GreySections | None,
    shape: tuple[int, int, int],
    tallies: _Tallies,
    block: tuple[int, int, int] | None,
    progress: Progress,
) -> None:
    chunks = getattr(labels, "chunks", None)
    if chunks is not None and not all(isinstance(n, int) for n in chunks):  # those of Dask are lists
        chunks = None
    block = block or core_size(shape, chunks=chunks)
    count = count_cores(shape, block)
    before = tallies.contacts.before if tallies.contacts else 0
    for k, core in enumerate(cores(shape, block)):
        progress.report(k / count, f"counting sections {core.start[0]} to {core.stop[0] - 1}")
        here = block_at(labels, core, tallies.margin, before=before)
        tallies.volumes.add(here, *(grey.read(core.slices) if grey else ()))
        tallies.surfaces.add(here)
        if tallies.contacts:
            tallies.contacts.add(here)
        if tallies.masks is not None:
            tallies.masks.add(here)
    progress.report(1.0, "counted")


def _check_there(objects: Collection[int] | None, rows: list[Row]) -> None:
    missing = sorted(set(objects or ()) - {int(row["id"] or 0) for row in rows})
    if missing:
        some = ", ".join(map(str, missing[:5])) + (" ..." if len(missing) > 5 else "")
        raise EmsegError(f"there is no object {some}", "the segmentation", "look at its ids")


def _calibres(
    rows: list[Row], tallies: _Tallies, shape: tuple[int, int, int], progress: Progress
) -> dict[int, Profile]:
    """Fill the columns of calibre in, for objects that are large enough to have an axis."""
    profiles: dict[int, Profile] = {}
    functions = [_function(name) for name in OBJECT_MEASURES.values()]
    assert tallies.masks is not None
    for k, row in enumerate(rows):
        object_id = int(row["id"] or 0)
        progress.report(k / len(rows), f"calibre of object {object_id}")
        if int(row["voxels"] or 0) < tallies.settings.min_voxels:
            row |= calibre_row(NOTHING)
            continue
        crop = tallies.masks.crop(object_id, tallies.spacing_nm, shape)
        profiles[object_id] = profile(crop, tallies.settings.step_nm, tallies.settings.min_voxels)
        row |= calibre_row(profiles[object_id])
        row["calibre_pixel_nm"] = crop.spacing_nm[2]
        for function in functions:
            row |= function(crop, tallies.settings)
    progress.report(1.0, "measured")
    return profiles


def _function(target: str) -> Callable[[ObjectCrop, MeasureSettings], Row]:
    module, name = target.split(":")
    found: Callable[[ObjectCrop, MeasureSettings], Row] = getattr(importlib.import_module(module), name)
    return found


def _along_contacts(contacts: list[Row], tallies: _Tallies, profiles: dict[int, Profile]) -> None:
    """The five-point calibre of both objects of a pair along the stretch where they touch."""
    if tallies.contacts is None:
        return
    places = tallies.contacts.places()
    for row in contacts:
        pair = int(row["id_a"] or 0), int(row["id_b"] or 0)
        for side, object_id in zip("ab", pair, strict=True):
            found = profiles.get(object_id)
            five = [] if found is None else five_along(found, places[pair])
            row[f"calibre_of_{side}_nm"] = mean_of(five)
