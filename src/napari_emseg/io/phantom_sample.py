"""The synthetic sample: made once, then kept in the person's cache."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.atomic import atomic_output
from napari_emseg.io.lookup import load_function

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

_SEED = 0
_PACKAGE = "napari_emseg.phantom"
# Looked up by name: readers may not depend on the room that makes the phantom.
_MAKE = f"{_PACKAGE}:make_phantom"


@dataclass(frozen=True, eq=False)
class PhantomArrays:
    """The parts of the phantom that the sample shows, all (z, y, x)."""

    image: NDArray[np.uint8]
    membranes: NDArray[np.bool_]
    labels: NDArray[np.uint32]
    spacing_nm: Spacing


@lru_cache(maxsize=1)
def phantom_arrays() -> PhantomArrays:
    """The sample, from the cache where it lies there: making it takes seconds, reading it a tenth of one."""
    place = _cache_file()
    try:
        with np.load(place) as kept:
            z, y, x = kept["spacing_nm"].tolist()
            return PhantomArrays(kept["image"], kept["membranes"], kept["labels"], (z, y, x))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        pass  # not there yet, or damaged: made again
    phantom = load_function(_MAKE)(seed=_SEED)
    made = PhantomArrays(
        np.asarray(phantom.image, dtype=np.uint8),
        np.asarray(phantom.membranes, dtype=bool),
        np.asarray(phantom.labels, dtype=np.uint32),
        phantom.spacing_nm,
    )
    _keep(made, place)
    return made


def _cache_file() -> Path:
    """Named after the code that makes the phantom, so that new code never finds old pixels."""
    import pooch

    code = hashlib.sha256()
    for file in sorted(resources.files(_PACKAGE).iterdir(), key=lambda f: f.name):
        if file.name.endswith(".py"):
            code.update(file.read_bytes())
    return Path(pooch.os_cache("napari-emseg")) / f"phantom-{_SEED}-{code.hexdigest()[:16]}.npz"


def _keep(made: PhantomArrays, place: Path) -> None:
    try:
        with atomic_output(place) as beside, beside.open("wb") as file:
            np.savez_compressed(
                file,
                image=made.image,
                membranes=made.membranes,
                labels=made.labels,
                spacing_nm=made.spacing_nm,
            )
    except EmsegError:
        pass  # a cache that cannot be written is only slow
