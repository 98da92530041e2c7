"""Voxel sizes in TIFF files: ImageJ's, OME's, and our own note in plain ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from napari_emseg.io.units import nanometres_per, valid_spacing

if TYPE_CHECKING:
    from napari_emseg.core.stack import Spacing


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
    """Voxel size from ImageJ's description (z step and unit) and resolution tags (pixels per unit)."""
    factor = nanometres_per(str(metadata.get("unit", "")))
    if factor is None or "spacing" not in metadata:
        return None
    sizes = [float(metadata["spacing"])]
    for name in ("YResolution", "XResolution"):
        tag = tags.get(name)
        if tag is None or not tag.value[0]:
            return None
        pixels, length = tag.value
        sizes.append(length / pixels)
    return valid_spacing(sizes, factor)


def ome_spacing(xml: str) -> Spacing | None:
    """Voxel size from the first ``Pixels`` element of OME-XML; the unit is micrometre unless it says so."""
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return None
    pixels = next((e for e in root.iter() if e.tag.rpartition("}")[2] == "Pixels"), None)
    if pixels is None:
        return None
    sizes = []
    for axis in "ZYX":
        factor = nanometres_per(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        size = pixels.get(f"PhysicalSize{axis}")
        if factor is None or size is None:
            return None
        sizes.append(float(size) * factor)
    return valid_spacing(sizes)
