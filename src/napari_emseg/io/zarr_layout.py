"""What zarr stores say about their arrays: axes, voxel size and position, of OME multiscales and bare arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.io.units import lengths_along, nanometres_per, valid_offset, valid_spacing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.opened import Offset

_SPACINGS = ("resolution", "spacing_nm", "voxel_size")
_OFFSETS = ("offset", "offset_nm")


def level_path(group: str, dataset: Mapping[str, Any]) -> str:
    """Path of a level in the store."""
    path = str(dataset["path"]).strip("/")
    return f"{group}/{path}" if group else path


def level_axes(multiscale: Mapping[str, Any]) -> str:
    """Letters of the axes of a multiscale image; empty where it does not say (versions before 0.3)."""
    names = [str(a.get("name", "") if isinstance(a, dict) else a) for a in multiscale.get("axes", ())]
    return "".join(names) if all(len(n) == 1 for n in names) else ""


def level_placement(
    multiscale: Mapping[str, Any], path: str, letters: str
) -> tuple[Spacing | None, Offset | None]:
    """Voxel size and position of a level in nm; None where the axes have no unit of length, or nothing says a scale."""
    axes = multiscale.get("axes", ())
    if len(axes) != len(letters):
        return None, None
    scale, shift = np.ones(len(letters)), np.zeros(len(letters))
    is_scaled = is_shifted = False
    level: Mapping[str, Any] = next(
        (d for d in multiscale["datasets"] if str(d["path"]).strip("/") == path), {}
    )
    for transforms in (level.get("coordinateTransformations"), multiscale.get("coordinateTransformations")):
        for transform in transforms or ():
            if transform.get("type") == "scale":
                factor = np.asarray(transform["scale"], dtype=float)
                scale, shift, is_scaled = scale * factor, shift * factor, True
            elif transform.get("type") == "translation":
                shift = shift + np.asarray(transform["translation"], dtype=float)
                is_shifted = True
    units = {
        letter: nanometres_per(axis.get("unit") if isinstance(axis, dict) else None)
        for letter, axis in zip(letters, axes, strict=True)
    }
    found = [units.get(a) for a in "zyx"]
    if any(f is None for f in found) or not is_scaled:
        return None, None
    order = [letters.index(a) for a in "zyx"]
    factors = np.asarray(found, dtype=float)
    return valid_spacing(scale[order] * factors), (
        valid_offset(shift[order] * factors) if is_shifted else None
    )


def bare_axes(array: Any) -> str:
    """Letters of a bare array's axes: zarr 3's dimension names, xarray's or funlib's; else empty."""
    names: Sequence[Any] = (
        getattr(array.metadata, "dimension_names", None)
        or array.attrs.get("_ARRAY_DIMENSIONS")
        or array.attrs.get("axis_names")
        or ()
    )
    letters = [str(n).rstrip("^").lower()[:1] if n else "" for n in names]
    known = all(letter and letter in "tczyx" for letter in letters) and len(set(letters)) == len(letters)
    return "".join(letters) if known else ""


def bare_placement(array: Any, axes: str) -> tuple[Spacing | None, Offset | None]:
    """Voxel size and position of a bare array, from attributes as CREMI and funlib name them; in nm unless they say so."""
    found = dict(array.attrs)
    units = found.get("units", found.get("unit"))
    sizes, places = (
        [lengths_along(found[n], axes, units) for n in names if n in found] for names in (_SPACINGS, _OFFSETS)
    )
    spacing = next((s for values in sizes if (s := valid_spacing(values))), None)
    offset = next((o for values in places if (o := valid_offset(values))), None)
    return spacing, offset
