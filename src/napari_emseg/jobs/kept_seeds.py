"""Seeds that a person placed, kept in the project until they are taken away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from napari_emseg.algorithms.placed_seeds import NOTHING_PLACED, PlacedSeeds
from napari_emseg.core.atomic import write_atomic
from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from napari_emseg.algorithms.placed_seeds import Voxel
    from napari_emseg.session import Session

FILE = "seeds.json"
_VERSION = 1


def kept_seeds(session: Session) -> PlacedSeeds:
    """What was placed in a project, in voxels of the stack; nothing where there is no file or it cannot be read."""
    try:
        content = json.loads((session.project.folder / FILE).read_text(encoding="utf-8"))
        if content["version"] != _VERSION:
            return NOTHING_PLACED
        points, struck = (_voxels(content[name], session) for name in ("placed", "struck"))
        return PlacedSeeds(points, struck, bool(content["alone"]))
    except (OSError, ValueError, KeyError, TypeError):
        return NOTHING_PLACED  # they can be placed anew: no reason not to open the project


def keep_seeds(session: Session, placed: PlacedSeeds) -> None:
    """Keep them; a project that can only be read stays as it is.

    Raises
    ------
    EmsegError
        If the disk refuses. What was kept before is kept then.
    """
    path = session.project.folder / FILE
    if session.read_only or (not placed and not placed.alone and not path.exists()):
        return
    content = {
        "version": _VERSION, "alone": placed.alone, "placed": placed.points, "struck": placed.struck,
    }  # fmt: skip
    try:
        write_atomic(path, json.dumps(content).encode())
    except OSError as error:
        raise EmsegError(
            f"your seeds are not kept in the project ({error.strerror})", str(path),
            "they can be used until the window is closed",
        ) from error  # fmt: skip


def _voxels(rows: object, session: Session) -> tuple[Voxel, ...]:
    if not isinstance(rows, list):
        raise TypeError(rows)
    found = [(int(z), int(y), int(x)) for z, y, x in rows]
    return tuple(v for v in found if all(0 <= a < n for a, n in zip(v, session.image.shape, strict=True)))
