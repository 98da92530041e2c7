"""Where a result comes from: what is stored with an output, and what its sources store about themselves."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from napari_emseg import __version__
from napari_emseg.core.timestamp import timestamp
from napari_emseg.io.choice import MAIN
from napari_emseg.io.paths import parse_path, split_channel
from napari_emseg.io.sections_folder import NOTE

if TYPE_CHECKING:
    from pathlib import Path

    from napari_emseg.io.paths import DataPath

OURS = "napari_emseg"
"""Key of the attributes of zarr and N5, and of the note beside sections."""

_PROGRAM = "napari-emseg"
_MOST_BYTES = 1 << 24  # of a file of attributes: what is larger was not written by us


def made_now() -> dict[str, str]:
    """Program with its version, and the time now (UTC, ISO 8601), as outputs name them."""
    return {
        "program": f"{_PROGRAM} {__version__}",
        "time": timestamp(),
    }


def origin(step: str, *sources: str | os.PathLike[str], **values: Any) -> dict[str, Any]:
    """What is stored with an output: program, time, step, sources, settings, and how the sources were made.

    Parameters
    ----------
    step : str
        What was done, the name of the command.
    *sources : str or path
        What the output was made of. What these say about themselves comes along, so that the model that saw
        membranes is still named by the objects that were grown between them.
    **values
        Settings and the like, plain values.
    """
    names = [os.fspath(source) for source in sources]
    earlier = {name: found for name in names if (found := read_origin(name))}
    return {
        **made_now(),
        "step": step,
        **({"source": names[0]} if len(names) == 1 else {"sources": names} if names else {}),
        **values,
        **({"made_from": earlier} if earlier else {}),
    }


def read_origin(source: str | os.PathLike[str]) -> dict[str, Any]:
    """What a file of ours says about where it comes from; nothing of files of others.

    Parameters
    ----------
    source : str or path
        HDF5, OME-Zarr, N5, TIFF or a folder of sections, with ``::internal/path`` where needed.
    """
    where, _ = split_channel(parse_path(source))
    try:
        found = _stored(where)
    except Exception:  # whatever is wrong with a file is said by those who read its voxels
        return {}
    is_ours = isinstance(found, dict) and str(found.get("program", "")).startswith(_PROGRAM)
    return found if is_ours else {}


def _stored(where: DataPath) -> Any:
    if where.path.is_dir():
        place = where.path / where.inner
        for name in ("zarr.json", ".zattrs", "attributes.json", NOTE):
            if (place / name).is_file():
                attributes = _read(place / name)
                return attributes.get("attributes", attributes).get(OURS)
        return None
    suffix = where.path.suffix.lower()
    if suffix in (".tif", ".tiff"):
        return _of_tiff(where.path)
    import h5py

    if not h5py.is_hdf5(where.path):
        return None
    with h5py.File(where.path, "r", locking=False) as file:  # as those who read its voxels have it open
        return json.loads(file[where.inner or MAIN].attrs.get("provenance", "null"))


def _read(path: Path) -> Any:
    if path.stat().st_size > _MOST_BYTES:
        return {}
    return json.loads(path.read_text("utf-8"))


def _of_tiff(path: Path) -> Any:
    import tifffile
    from defusedxml.ElementTree import fromstring

    with tifffile.TiffFile(path) as file:
        if file.imagej_metadata:
            return json.loads(file.imagej_metadata["Info"])
        if file.ome_metadata:
            parts = fromstring(file.ome_metadata, forbid_dtd=True).iter()
            return json.loads(next(part.text or "" for part in parts if part.tag.endswith("}Description")))
        return json.loads((file.shaped_metadata or ({},))[0].get(OURS, "null"))
