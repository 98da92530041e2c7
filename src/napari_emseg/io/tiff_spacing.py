"""Voxel sizes and positions in TIFF files: ImageJ's, OME's, and our own note in plain ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np

from napari_emseg.io.units import nanometres_per, valid_offset, valid_spacing

if TYPE_CHECKING:
    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.opened import Offset


def tiff_spacing(file: Any) -> Spacing | None:
    """Voxel size (z, y, x) in nm of an open ``tifffile.TiffFile``, or None where it does not say all three.

    The resolution tags of a plain TIFF are not believed: they are print resolutions (72 dpi) or made up,
    and say nothing about z.
    """
    if file.ome_metadata:
        return ome_spacing(file.ome_metadata)
    if file.imagej_metadata:
        return imagej_spacing(file.imagej_metadata, file.pages[0].tags)
    if file.shaped_metadata:
        return valid_spacing(file.shaped_metadata[0].get("spacing_nm"))
    return None


def imagej_spacing(metadata: dict[str, Any], tags: Any) -> Spacing | None:
    """Voxel size from ImageJ's description (z step and units) and resolution tags (pixels per unit)."""
    unit = metadata.get("unit", "")
    # those along y and z are there where they differ from the one along x
    factors = [nanometres_per(str(metadata.get(name, unit))) for name in ("zunit", "yunit", "unit")]
    if None in factors or "spacing" not in metadata:
        return None
    sizes = [float(metadata["spacing"])]
    for name in ("YResolution", "XResolution"):
        tag = tags.get(name)
        if tag is None or not tag.value[0]:
            return None
        pixels, length = tag.value
        sizes.append(length / pixels)
    return valid_spacing(np.asarray(sizes) * np.asarray(factors, dtype=float))


def ome_spacing(xml: str) -> Spacing | None:
    """Voxel size from the first ``Pixels`` element of OME-XML; the unit is micrometre unless it says so."""
    pixels = _first(xml, "Pixels")
    return None if pixels is None else valid_spacing(_lengths(pixels, "PhysicalSize{}", "µm"))


def tiff_offset(file: Any, spacing: Spacing | None) -> Offset | None:
    """Position of the first voxel (z, y, x) in nm of an open ``tifffile.TiffFile``, where it says so."""
    if file.ome_metadata:
        plane = _first(file.ome_metadata, "Plane")
        # The default unit of positions is a "reference frame", which is no length.
        return None if plane is None else valid_offset(_lengths(plane, "Position{}", ""))
    if file.imagej_metadata and spacing:
        found = file.imagej_metadata
        if any(f"{a}origin" in found for a in "xyz"):
            # ImageJ keeps the pixel that lies at the origin of the coordinates.
            return valid_offset([-float(found.get(f"{a}origin", 0)) for a in "zyx"], np.asarray(spacing))
        return None
    if file.shaped_metadata:
        return valid_offset(file.shaped_metadata[0].get("offset_nm"))
    return None


def _first(xml: str, name: str) -> Element | None:
    """The first element of a name; None where there is none or the text is no XML."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(xml)
    except (ParseError, ValueError, DefusedXmlException):
        return None
    return next((e for e in root.iter() if e.tag.rpartition("}")[2] == name), None)


def _lengths(element: Element, attribute: str, unit: str) -> list[float] | None:
    """Three lengths (z, y, x) in nm from attributes that carry their units in others."""
    sizes = []
    for axis in "ZYX":
        name = attribute.format(axis)
        factor, size = nanometres_per(element.get(f"{name}Unit", unit)), element.get(name)
        if factor is None or size is None:
            return None
        try:
            sizes.append(float(size) * factor)
        except ValueError:
            return None
    return sizes
