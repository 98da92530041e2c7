"""Seeds that people placed: points in a table, skeletons, or dabs of paint."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.jobs.labels_file import CheckedIds
from napari_emseg.jobs.stack_file import open_stack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

_VOXELS = (("z", "y", "x"), ("axis-0", "axis-1", "axis-2"))  # the second is how napari saves points
_NANOMETRES = ("z_nm", "y_nm", "x_nm")
_IDS = ("id", "object", "label")
_HIGHEST = np.iinfo(np.int64).max


class GivenSeeds:
    """Seeds of a volume, section by section.

    Parameters
    ----------
    shape : (z, y, x)
    voxels : ndarray of int64 (n, 3)
        Where seeds are, inside.
    ids : ndarray of int64 (n,)
        From 1.

    Attributes
    ----------
    dtype : numpy dtype
        uint32, or uint64 where ids need it.
    """

    def __init__(
        self, shape: tuple[int, int, int], voxels: NDArray[np.int64], ids: NDArray[np.int64]
    ) -> None:
        self.shape, self._voxels, self._ids = shape, voxels, ids
        is_wide = int(ids.max(initial=0)) > np.iinfo(np.uint32).max
        self.dtype: np.dtype[np.unsignedinteger[Any]] = np.dtype(np.uint64 if is_wide else np.uint32)

    def __getitem__(self, z: int) -> NDArray[np.unsignedinteger[Any]]:
        section = np.zeros(self.shape[1:], self.dtype)
        here = self._voxels[:, 0] == z
        section[tuple(self._voxels[here, 1:].T)] = self._ids[here]
        return section


def read_seeds(path: str | Path, shape: tuple[int, int, int], spacing_nm: Spacing | None) -> Any:
    """Seeds of a volume.

    Parameters
    ----------
    path : path
        A table ``.csv`` of points with columns z, y, x in voxels (or z_nm, y_nm, x_nm, or napari's axis-0, axis-1,
        axis-2) and, if several points are one seed, id; skeletons, each of which is one seed; or a volume whose ids
        other than 0 are seeds.
    shape : (z, y, x)
        Of the map in which they grow.
    spacing_nm : tuple of float or None
        Voxel size (z, y, x), for places in nanometres.

    Returns
    -------
    array-like
        ``seeds[z]`` is a section (y, x) of ids; 0 is none.

    Raises
    ------
    EmsegError
        If it cannot be read, a seed lies outside, two lie in one voxel, or an id is too large.
    """
    from napari_emseg.io.annotations import detect_annotations
    from napari_emseg.io.paths import parse_path

    if Path(path).suffix.lower() == ".csv":
        places, ids = _table(Path(path), spacing_nm)
    elif detect_annotations(parse_path(path)) is not None:
        places, ids = _skeletons(path, spacing_nm)
    else:
        volume = CheckedIds(open_stack(path).stack, path)
        if tuple(volume.shape) != tuple(shape):
            raise EmsegError(
                f"seeds are {tuple(volume.shape)}, the map {tuple(shape)}",
                str(path),
                "give a volume of one shape",
            )
        return volume
    voxels = np.rint(places).astype(np.int64)
    outside = ((voxels < 0) | (voxels >= shape)).any(axis=1)
    if outside.any():
        z, y, x = voxels[outside][0].tolist()
        raise EmsegError(
            f"{outside.sum()} of {len(voxels)} seeds lie outside, the first at {z}, {y}, {x}", str(path),
            f"the map has {shape[0]} x {shape[1]} x {shape[2]} voxels (z, y, x)",
        )  # fmt: skip
    pairs = np.unique(np.c_[voxels, ids], axis=0)
    if len(np.unique(pairs[:, :3], axis=0)) < len(pairs):
        raise EmsegError("two seeds lie in one voxel", str(path), "move one of them")
    return GivenSeeds(shape, voxels, ids)


def _table(path: Path, spacing_nm: Spacing | None) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [
                {(name or "").strip().lower(): value for name, value in row.items() if isinstance(value, str)}
                for row in csv.DictReader(file)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EmsegError(
            "the table of seeds cannot be read", str(path), "save it as .csv, in UTF-8"
        ) from error
    if not rows:
        raise EmsegError("there is no seed in it", str(path), "a row each, under a line with z, y, x")
    columns = next((k for k in (*_VOXELS, _NANOMETRES) if set(k) <= rows[0].keys()), None)
    if columns is None:
        raise EmsegError("the places of seeds are missing", str(path), "give columns z, y, x in voxels")
    named = next((k for k in _IDS if k in rows[0]), None)
    places = np.array([[_number(row, k, n, path) for k in columns] for n, row in enumerate(rows, 2)])
    if columns == _NANOMETRES:
        places = places / _known(spacing_nm)
    ids = [_id(row, named, n, path) if named else n - 1 for n, row in enumerate(rows, 2)]
    return places, np.array(ids, np.int64)


def _id(row: Mapping[str, str], name: str, line: int, path: Path) -> int:
    """An object id, exact however large; what a spreadsheet made of it (``7.0``) counts where it is exact, too."""
    text = row.get(name, "").strip()
    number = int(text) if text.isdecimal() else _number(row, name, line, path)
    if number != int(number):
        raise EmsegError("ids of seeds are whole numbers", str(path), f"check the column {name}")
    if not 1 <= number <= _HIGHEST:
        raise EmsegError("ids of seeds are not from 1 to 2^63 - 1", str(path), "number them anew")
    return int(number)


def _number(row: Mapping[str, str], name: str, line: int, path: Path) -> float:
    try:
        value = float(row[name])
    except (KeyError, ValueError):
        value = float("nan")
    if not abs(value) < 2.0**53:
        raise EmsegError(f"line {line} has no number under {name}", str(path), "fill it in")
    return value


def _skeletons(path: str | Path, spacing_nm: Spacing | None) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    from napari_emseg.io.annotations import read_annotations
    from napari_emseg.io.skeletons import SkeletonSet

    found = read_annotations(path)
    if not isinstance(found, SkeletonSet):
        raise EmsegError("these are no skeletons", str(path), "give .csv, .nml, .swc or a volume of ids")
    places = [tree.points_nm / _known(spacing_nm) for tree in found.trees]
    ids = [np.full(len(tree), n, np.int64) for n, tree in enumerate(found.trees, 1)]
    return np.concatenate([*places, np.zeros((0, 3))]), np.concatenate([*ids, np.zeros(0, np.int64)])


def _known(spacing_nm: Spacing | None) -> NDArray[np.float64]:
    if spacing_nm is None:
        raise EmsegError("the voxel size is unknown", "seeds", "give --pixel-size Z,Y,X")
    return np.asarray(spacing_nm)
