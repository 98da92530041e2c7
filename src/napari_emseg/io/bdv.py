"""BigDataViewer data sets, opened by their XML file: the voxels lie in HDF5 or N5 beside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.hdf5 import read_hdf5
from napari_emseg.io.hdf5_layout import BDV_XML_BYTES, bdv_voxel_sizes
from napari_emseg.io.n5 import read_n5
from napari_emseg.io.paths import DataPath
from napari_emseg.io.units import valid_spacing

if TYPE_CHECKING:
    from napari_emseg.io.opened import Opened

_SETUP = re.compile(r"(?:setup|s)(\d+)")


def read_bdv(where: DataPath) -> Opened:
    """Open the voxels that an XML file describes; the internal path is that in the HDF5 or N5 file.

    Raises
    ------
    EmsegError
        If the description is damaged, or its voxels lie in another folder or format.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import parse

    try:
        if where.path.stat().st_size > BDV_XML_BYTES:
            raise EmsegError("the description is too long to be one", str(where), "give the data file itself")
        root = parse(where.path).getroot()
    except (ParseError, ValueError, DefusedXmlException) as error:
        raise EmsegError(
            "the description cannot be understood", str(where), "give the data file itself"
        ) from error
    if root is None:
        raise EmsegError("the description is empty", str(where), "give the data file itself")
    for kind, read in (("hdf5", read_hdf5), ("n5", read_n5)):
        named = root.find(f".//ImageLoader/{kind}")
        text = (named.text or "").strip() if named is not None else ""
        if text:
            file = where.path.parent / text
            parts = Path(text).parts
            if Path(text).is_absolute() or ".." in parts or not file.exists():
                raise EmsegError(
                    f"its voxels ({text}) do not lie beside it", str(where), "copy both files into one folder"
                )
            opened = read(DataPath(file, where.inner))
            return opened if opened.spacing_nm else _with_spacing(opened, where)
    raise EmsegError("it names no HDF5 or N5 file", str(where), "give the data file itself")


def _with_spacing(opened: Opened, where: DataPath) -> Opened:
    """The voxel size of the setup that the internal path names, else of the only one."""
    sizes = bdv_voxel_sizes(where.path)
    named = _SETUP.search(where.inner)
    setup = int(named[1]) if named else next(iter(sizes), -1)
    if setup not in sizes or (not named and len(sizes) > 1):
        return opened
    return opened._replace(spacing_nm=valid_spacing(np.asarray(sizes[setup])))
