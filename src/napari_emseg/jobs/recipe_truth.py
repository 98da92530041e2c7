"""Truth of one target of a recipe, from a mask or from object ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import edt
import numpy as np
from pydantic import Field, model_validator
from scipy import ndimage as ndi

from napari_emseg.algorithms.boundaries import flanks, membrane_target
from napari_emseg.algorithms.mask_side import masks_membranes
from napari_emseg.algorithms.relabel import in_32_bits
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import IGNORE, LEVELS
from napari_emseg.core.object_ids import checked_ids
from napari_emseg.core.stack import pixel_size
from napari_emseg.jobs.making import Making

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

MEMBRANE_WIDTH_NM = 25.0  # two leaflets and the cleft between them in fly neuropil
_LOOKED_AT = 3  # sections of a mask
_MOST_MEMBRANE = 0.6  # of a section; about a fifth is usual in neuropil
_FLANK_NM = 55.0  # membranes that are cut obliquely are seen that far beside a line


class TruthSource(Making):
    """Where the truth of one target comes from: a mask, or object ids."""

    path: str = Field("", description="mask: values above `above` (default 0) are the target")
    above: float = 0.0
    below_is_target: bool = Field(False, description="the mask shows what is *not* the target")
    rim_px: float = Field(
        0.0,
        ge=0,
        description="membrane masks: pixels further than this from any cell teach nothing; 0 takes all of them",
    )
    distance_nm: float = Field(
        0.0,
        ge=0,
        description="the target is not the mask, or the objects, but the distance to their border inside them, "
        "up to this",
    )
    objects: str = Field("", description="object ids; 0 is border or outside")
    ignore: int | None = Field(None, description="object id, or value of a mask, that supervises nothing")

    @model_validator(mode="after")
    def _one_file(self) -> TruthSource:
        if bool(self.path) == bool(self.objects):
            raise ValueError("give path (a mask) or objects (ids)")
        return self


def truth_of(source: TruthSource, values: NDArray[Any], spacing_nm: Spacing) -> NDArray[np.uint8]:
    """Truth (z, y, x) of one target as it travels: 0 and 1, or levels, ``IGNORE`` where nothing is known.

    Parameters
    ----------
    source : TruthSource
    values : ndarray (z, y, x)
        What its file holds: object ids, or a mask with its grey values.
    spacing_nm : (z, y, x)

    Raises
    ------
    EmsegError
        If something that is made of ids is to be made of a mask, or what is to be object ids are none.
    """
    pixel_nm = pixel_size(spacing_nm)
    if source.objects:
        _check_ids(values, source)
    if source.objects and not source.distance_nm:
        if source.make != "membrane":
            return source.truth(values, spacing_nm, source.ignore)
        return membranes_of(values, pixel_nm, ignore_id=source.ignore)
    if source.make != "membrane":
        raise EmsegError(f"{source.make} is made of object ids", source.path, "give objects instead of path")
    if values.dtype.kind == "f" and np.isnan(values).any():  # above nothing and below nothing
        raise EmsegError(
            "it holds values that are not numbers (NaN)", source.path, "replace them, or export it again"
        )
    mask = (values > source.above) != source.below_is_target
    if source.distance_nm:
        return distance_levels(
            values if source.objects else mask,
            source.distance_nm / pixel_nm,
            unknown=None if source.ignore is None else values == source.ignore,
        )
    truth = only_rim(mask, source.rim_px) if source.rim_px else mask.astype(np.uint8)
    if source.ignore is not None:
        truth[values == source.ignore] = IGNORE
    return truth


def check_mask(source: TruthSource, values: NDArray[Any], target: str) -> None:
    """Refuse what is ids, grey values or the wrong way round, where the recipe does not say that it is meant so.

    Parameters
    ----------
    source : TruthSource
    values : ndarray (z, y, x)
        What its file holds.
    target : str
        Of membranes it is known how much of a section they can be.

    Raises
    ------
    EmsegError
        If a mask has more than two values and no threshold is given, if it says that most of a section is membrane, or if
        a mask that is to show cells seems to show the membranes between them.
    """
    if source.objects:
        if source.make == "membrane" and masks_membranes(values[:_LOOKED_AT], ignore_id=source.ignore):
            raise EmsegError(
                "this mask seems to show membranes and not cells",
                source.objects,
                "give it as path instead of objects",
            )
        return
    if "above" not in source.model_fields_set:
        found = [value for value in np.unique(values) if source.ignore is None or value != source.ignore]
        if len(found) > 2:
            raise EmsegError(
                f"it holds {len(found)} different values and not two, as a mask does",
                source.path,
                "give it as objects if these are object ids, or say with above which values are the target",
            )
    if target != "membrane" or "below_is_target" in source.model_fields_set:
        return
    mask = values > source.above
    known = mask if source.ignore is None else mask[values != source.ignore]
    if known.size and known.mean() > _MOST_MEMBRANE:
        raise EmsegError(
            f"{known.mean():.0%} of it would be membrane",
            source.path,
            "add below_is_target: true where it shows cells, or below_is_target: false where it is meant so",
        )


def _check_ids(values: NDArray[Any], source: TruthSource) -> None:
    """Refuse fractions and negative numbers where object ids are expected: they would be cut off to some id."""
    checked_ids(values, source.objects, remedy="give labels, or a mask as path", ignore=source.ignore)


def distance_levels(
    objects: NDArray[Any], reach_px: float, *, unknown: NDArray[np.bool_] | None = None
) -> NDArray[np.uint8]:
    """Distance to the border of the object that a pixel lies in, section by section, as levels of `LEVELS`.

    Parameters
    ----------
    objects : ndarray (z, y, x)
        Object ids or a mask; 0 is outside and has distance 0. A border runs half-way between pixels of different ids;
        that of the section is none.
    reach_px : float
        Distance that the highest level stands for; nothing is further.
    unknown : ndarray (z, y, x) of bool, optional
        These pixels get ``IGNORE``.
    """
    out = np.empty(objects.shape, np.uint8)
    for z, section in enumerate(objects):
        ids = in_32_bits(section) if section.dtype != bool else section.astype(np.uint8)
        distance = edt.edt(np.ascontiguousarray(ids), black_border=False)
        out[z] = np.rint(np.minimum(distance / reach_px, 1) * LEVELS)
    if unknown is not None:
        out[unknown] = IGNORE
    return out


def only_rim(mask: NDArray[np.bool_], rim_px: float) -> NDArray[np.uint8]:
    """Truth from a mask of everything that is not a cell, of which only the rim is membrane for certain.

    Annotators leave glia and whatever they could not follow as "border". A network that has to call such areas
    membrane grows unsure about dark cytoplasm everywhere, so beyond the rim nothing is taught.

    Parameters
    ----------
    mask : ndarray (z, y, x) of bool
        True outside cells.
    rim_px : float
        Distance from the nearest cell, in pixels, up to which the mask is membrane.
    """
    out = mask.astype(np.uint8)
    for section, outside in zip(out, mask, strict=True):
        if outside.all():
            section[:] = IGNORE
        else:
            section[ndi.distance_transform_edt(outside) > rim_px] = IGNORE
    return out


def membranes_of(
    objects: NDArray[Any],
    pixel_nm: float,
    *,
    width_nm: float = MEMBRANE_WIDTH_NM,
    ignore_id: int | None = None,
) -> NDArray[np.uint8]:
    """Membrane truth from object ids, section by section, ``IGNORE`` where it is not known.

    Parameters
    ----------
    objects : ndarray (z, y, x)
        Object ids, 0 for border or outside; a binary mask of cells is split into its 4-connected components.
    """
    out = np.empty(objects.shape, np.uint8)
    for z, section in enumerate(objects):
        target, weight = membrane_target(section, width_nm / pixel_nm, ignore_id=ignore_id)
        out[z] = np.where(weight > 0, target, IGNORE)
    return out


def flanks_of(objects: NDArray[Any], pixel_nm: float, *, ignore_id: int | None = None) -> NDArray[np.bool_]:
    """Pixels beside the lines where objects touch, section by section: ids do not say how thick membranes are there.

    Parameters
    ----------
    objects : ndarray (z, y, x)
        Object ids, 0 for border or outside.
    """
    return np.stack([flanks(section, _FLANK_NM / pixel_nm, ignore_id=ignore_id) for section in objects])
