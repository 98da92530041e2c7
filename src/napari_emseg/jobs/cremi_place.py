"""Which array of a CREMI file is meant where only the file was named: of cells, of clefts."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.cremi import VOLUMES

if TYPE_CHECKING:
    from pathlib import Path

_HOLDS = {"segmentation": "neuron_ids", "partners": "neuron_ids", "clefts": "clefts"}
"""Kind of scores to the volume that it is about. The others may be about any."""


def place_in(path: str | Path, kind: str) -> str:
    """The path as it is, with CREMI's place for this kind of scores where the file holds several arrays and that one.

    Parameters
    ----------
    path : path
        A file that holds one array, or ``main``, or names an internal path, is taken as it is.
    kind : str
        Of `napari_emseg.jobs.evaluate.ALL_KINDS`.
    """
    from napari_emseg.io.opening import open_volume
    from napari_emseg.io.paths import DataPath, parse_path

    where = parse_path(path)
    if kind not in _HOLDS or where.inner:
        return str(path)
    try:
        open_volume(path)
    except EmsegError:
        there = str(DataPath(where.path, VOLUMES[_HOLDS[kind]][0]))
        with suppress(EmsegError):
            open_volume(there)
            return there
    return str(path)
