"""What HDF5 files of the field say about their datasets: axes, voxel size, offset, levels."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

import numpy as np

from napari_emseg.io.hdf5_heap import refuse_broken_heap
from napari_emseg.io.units import lengths_along, nanometres_per, valid_offset, valid_spacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.opened import Offset

_NM_ATTRIBUTES = ("resolution", "spacing", "voxel_size")
_UM_ATTRIBUTES = ("element_size_um",)
_BDV = re.compile(r"t(\d{5,})/s(\d{2,})/(\d+)/cells")
BDV_XML_BYTES = 16 << 20  # a description of a data set; more is none


def axes_of(dataset: Any) -> str:
    """Letters of the axes of a dataset: vigra's ``axistags`` (ilastik), ``axes``, or its dimension labels.

    Empty where it does not say, or says nonsense.
    """
    letters: list[str] = []
    attributes = dataset.attrs
    try:
        if "axistags" in attributes:
            letters = [str(tag["key"]) for tag in json.loads(_text(_attribute(dataset, "axistags")))["axes"]]
        elif "axes" in attributes:
            value = _attribute(dataset, "axes")
            letters = [_text(v) for v in value] if isinstance(value, np.ndarray) else list(_text(value))
        else:
            labels = "DIMENSION_LABELS" in attributes  # only then has the library texts to walk through
            letters = [_text(v) for v in _attribute(dataset, "DIMENSION_LABELS")] if labels else []
    except (KeyError, TypeError, ValueError):
        return ""
    if len(letters) != dataset.ndim or any(len(letter) != 1 for letter in letters):
        return ""
    return "".join(letters).lower()


def _attribute(holder: Any, name: str) -> Any:
    """One attribute; where it is text of any length, the file's texts are looked at first.

    Raises
    ------
    EmsegError
        If the library would stay at them for ever.
    """
    if holder.attrs.get_id(name).dtype.hasobject:
        refuse_broken_heap(Path(holder.file.filename))
    return holder.attrs[name]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def spacing_of(dataset: Any, axes: str) -> Spacing | None:
    """Voxel size from the attributes of a dataset, along its axes, or of the group that holds it, (z, y, x)."""
    for holder, order in ((dataset, axes), (dataset.parent, "")):
        for name in (*_NM_ATTRIBUTES, *_UM_ATTRIBUTES):
            if name in holder.attrs:
                units = "um" if name in _UM_ATTRIBUTES else _units(holder)
                spacing = valid_spacing(lengths_along(_attribute(holder, name), order, units))
                if spacing:
                    return spacing
    return None


def offset_of(dataset: Any, axes: str) -> Offset | None:
    """Where a dataset begins, as CREMI says it: attribute ``offset``, in nm unless it says so."""
    if "offset" not in dataset.attrs:
        return None
    return valid_offset(lengths_along(_attribute(dataset, "offset"), axes, _units(dataset)))


def _units(holder: Any) -> Any:
    return next((_attribute(holder, name) for name in ("units", "unit") if name in holder.attrs), None)


def is_bdv(names: Iterable[str]) -> bool:
    """Whether datasets are named as BigDataViewer does: ``t00000/s00/0/cells``."""
    found = list(names)
    return bool(found) and all(
        _BDV.fullmatch(name) or re.fullmatch(r"s\d{2,}/(resolutions|subdivisions)", name) for name in found
    )


def bdv_default(datasets: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The full-resolution datasets of the first time point, one for each setup."""
    cells = {name: found for name in datasets if (found := _BDV.fullmatch(name))}
    first = min(int(found[1]) for found in cells.values())
    return {
        name: datasets[name] for name, found in cells.items() if int(found[1]) == first and int(found[3]) == 0
    }


def bdv_spacing(file: Any, name: str, path: Path) -> Spacing | None:
    """Voxel size of a BigDataViewer dataset: from the XML beside the file, times the level's subsampling."""
    found = _BDV.fullmatch(name)
    sizes = bdv_voxel_sizes(path.with_suffix(".xml"))
    if found is None or int(found[2]) not in sizes:
        return None
    factors = np.ones(3)
    table = file.get(f"s{found[2]}/resolutions")
    if table is not None and table.ndim == 2 and table.shape[1] == 3 and int(found[3]) < table.shape[0]:
        factors = np.asarray(table[int(found[3])], dtype=float)[::-1]  # stored as x, y, z
    return valid_spacing(np.asarray(sizes[int(found[2])]) * factors)


def bdv_voxel_sizes(xml: Path) -> dict[int, Spacing]:
    """Voxel sizes (z, y, x) in nm by setup, from the XML file of a BigDataViewer data set."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import parse

    try:
        if xml.stat().st_size > BDV_XML_BYTES:
            return {}
        root = parse(xml).getroot()
    except (OSError, ParseError, ValueError, DefusedXmlException):
        return {}
    sizes: dict[int, Spacing] = {}
    for setup in root.iter("ViewSetup") if root is not None else ():
        factor = nanometres_per(setup.findtext("voxelSize/unit"))
        size = (setup.findtext("voxelSize/size") or "").split()
        number = (setup.findtext("id") or "").strip()
        spacing = valid_spacing(size[::-1], factor) if factor else None
        if number.isdigit() and spacing:
            sizes[int(number)] = spacing
    return sizes
