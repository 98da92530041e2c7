"""CREMI files: synaptic annotations, confidence of neurons, and the two special ids of clefts.

Locations are nanometres (z, y, x) relative to the offset of ``/annotations``. Sites are found by their ids: the
order of rows means nothing.

Source: CREMI challenge, https://cremi.org, file format 0.2.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.hdf5_heap import refuse_broken_heap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

NO_CLEFT = np.uint64(0xFFFFFFFFFFFFFFFF)
"""Id of voxels in which there is no cleft."""
IGNORE = np.uint64(0xFFFFFFFFFFFFFFFE)
"""Id of voxels that nobody looked at; they are neither cleft nor background."""
PRE, POST = "presynaptic_site", "postsynaptic_site"
FILE_FORMAT = "0.2"

_MOST_ROWS = 1 << 27  # sites of a file; a file may declare any number
_EXACT = 2.0**53  # whole numbers up to here are exact as floats
VOLUMES = {
    "raw": ("volumes/raw", np.uint8),
    "neuron_ids": ("volumes/labels/neuron_ids", np.uint64),
    "clefts": ("volumes/labels/clefts", np.uint64),
}
"""Volumes of a file: place and type."""
CONFIDENCE = "volumes/labels/neuron_ids_confidence"
PARTNERS = "presynaptic_site/partners"


@dataclass(frozen=True, eq=False)
class CremiAnnotations:
    """Synaptic sites and who is whose partner.

    Parameters
    ----------
    ids : ndarray of uint64 (n,)
        Unique; in any order.
    types : tuple of str
        What each is: ``presynaptic_site``, ``postsynaptic_site`` or something else.
    locations_nm : ndarray of float64 (n, 3)
        (z, y, x) relative to `offset_nm`.
    partners : ndarray of uint64 (m, 2)
        Ids of the pre- and the postsynaptic site of each pair.
    comments : mapping of int to str
        By id.
    offset_nm : tuple of float
        Where the locations begin, (z, y, x).
    neuron_confidence : mapping of int to tuple of int
        Level to ids of neurons of which people were so sure.
    file_format : str
        Version that the file names.
    """

    ids: NDArray[np.uint64]
    types: tuple[str, ...]
    locations_nm: NDArray[np.float64]
    partners: NDArray[np.uint64]
    comments: Mapping[int, str] = field(default_factory=dict)
    offset_nm: Spacing = (0.0, 0.0, 0.0)
    neuron_confidence: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    file_format: str = FILE_FORMAT

    @property
    def points_nm(self) -> NDArray[np.float64]:
        """Positions (z, y, x) of all sites in the world: locations plus offset."""
        return np.asarray(self.locations_nm + np.asarray(self.offset_nm))

    def index_of(self, ids: NDArray[np.uint64]) -> NDArray[np.intp]:
        """Row of each id.

        Raises
        ------
        EmsegError
            If one does not exist.
        """
        ids = np.asarray(ids, np.uint64)
        if ids.size and not self.ids.size:
            raise EmsegError(f"site {ids.flat[0]} does not exist", "annotations", "export them again")
        order = np.argsort(self.ids, kind="stable")
        place = np.minimum(np.searchsorted(self.ids, ids, sorter=order), max(self.ids.size - 1, 0))
        found = order[place] if self.ids.size else np.zeros(ids.shape, np.intp)
        lost = self.ids[found] != ids if ids.size else np.zeros(0, bool)
        if lost.any():
            raise EmsegError(
                f"site {ids[lost].flat[0]} is a partner but does not exist",
                "annotations",
                "export them again",
            )
        return found

    def pairs_nm(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Positions of the pre- and the postsynaptic sites of all pairs, found by id.

        Returns
        -------
        pre, post : ndarray of float64 (m, 3)
            (z, y, x) in the world.
        """
        points = self.points_nm
        return points[self.index_of(self.partners[:, 0])], points[self.index_of(self.partners[:, 1])]

    def distances_nm(self) -> NDArray[np.float64]:
        """Distance between the two sites of each pair."""
        pre, post = self.pairs_nm()
        return np.asarray(np.linalg.norm(pre - post, axis=1))


def no_annotations() -> CremiAnnotations:
    """Annotations of a file that has none."""
    return CremiAnnotations(np.zeros(0, np.uint64), (), np.zeros((0, 3)), np.zeros((0, 2), np.uint64))


def drop_far_pairs(
    annotations: CremiAnnotations, farthest_nm: float
) -> tuple[CremiAnnotations, NDArray[np.uint64]]:
    """Leave out pairs whose sites are too far apart to be one synapse.

    Returns
    -------
    kept : CremiAnnotations
        All sites, but only the pairs that are close enough.
    dropped : ndarray of uint64 (k, 2)
        Ids of the pairs that were left out.
    """
    far = annotations.distances_nm() > farthest_nm
    return replace(annotations, partners=annotations.partners[~far]), annotations.partners[far]


def read_cremi_annotations(path: Path) -> CremiAnnotations:
    """Read the annotations of a CREMI file.

    Parameters
    ----------
    path : Path
        HDF5. A file without ``/annotations`` has none, which is no fault.

    Returns
    -------
    CremiAnnotations

    Raises
    ------
    EmsegError
        If the file is damaged or its parts do not fit together; says which part.
    """
    with opened(path) as file:
        version = file.attrs.get("file_format", FILE_FORMAT)
        confidence = _read_confidence(file, str(path))
        if "annotations" not in file:
            found = no_annotations()
        else:
            found = _read_group(file["annotations"], f"{path}::annotations")
    return replace(found, neuron_confidence=confidence, file_format=_text(version))


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An HDF5 file, opened for reading; whatever the library raises on a damaged one becomes one sentence.

    Raises
    ------
    EmsegError
        If it is missing, damaged or no HDF5.
    """
    import h5py

    if not path.exists():
        raise EmsegError("there is no such file", str(path), "check the path")
    try:
        refuse_broken_heap(path)
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except EmsegError:
        raise
    except Exception as error:
        raise EmsegError(
            "the file is damaged, cut short or no HDF5 file", str(path), "copy or export it again"
        ) from error


def _read_group(group: Any, where: str) -> CremiAnnotations:
    try:
        ids = _array(group, "ids", np.uint64, 1)
        types = _texts(group, "types", ids.size, where) if "types" in group else ("",) * ids.size
        locations = _array(group, "locations", np.float64, 2)
        partners = _array(group, PARTNERS, np.uint64, 2) if PARTNERS in group else np.zeros((0, 2), np.uint64)
        comments: dict[int, str] = {}
        if "comments" in group and "target_ids" in group["comments"]:
            targets = _array(group, "comments/target_ids", np.uint64, 1)
            comments = dict(
                zip(targets.tolist(), _texts(group, "comments/comments", targets.size, where), strict=True)
            )
        offset = np.asarray(group.attrs.get("offset", (0.0, 0.0, 0.0)), float).ravel()
    except (KeyError, ValueError, TypeError, OSError, RuntimeError, AttributeError) as error:
        raise EmsegError(
            "a part of the annotations is missing or damaged", where, "export them again"
        ) from error
    if partners.size == 0:
        partners = partners.reshape(0, 2)
    if locations.size == 0:
        locations = locations.reshape(0, 3)
    if not (len(types) == ids.size == locations.shape[0] and locations.shape[1] == 3 and offset.size == 3):
        raise EmsegError(
            f"{ids.size} ids, {len(types)} types and locations {locations.shape} do not fit together",
            where,
            "export them again",
        )
    if partners.shape[1] != 2:
        raise EmsegError(f"partners are {partners.shape} and no pairs", where, "export them again")
    if np.unique(ids).size != ids.size:
        raise EmsegError("an id is there twice", where, "give each site its own id")
    if not (np.isfinite(locations).all() and np.isfinite(offset).all()):
        raise EmsegError("a location is no number", where, "export them again")
    z, y, x = offset.tolist()
    found = CremiAnnotations(ids, types, locations, partners, comments, (z, y, x))
    found.index_of(partners.ravel())
    return found


def _array(group: Any, name: str, dtype: Any, ndim: int) -> NDArray[Any]:
    if math.prod(group[name].shape) > _MOST_ROWS:
        raise ValueError(name)  # before any of it is read
    values = np.asarray(group[name][()])
    if values.dtype.kind not in "uif" or (values.ndim != ndim and values.size):
        raise ValueError(name)
    if np.dtype(dtype).kind == "u" and not _are_ids(values):
        raise ValueError(name)
    return values.astype(dtype)


def _texts(group: Any, name: str, count: int, where: str) -> tuple[str, ...]:
    """As many texts as there are ids; a file may declare any number, so they are counted before they are read."""
    if group[name].shape != (count,):
        raise EmsegError(
            f"{count} ids and {name} {group[name].shape} do not fit together", where, "export them again"
        )
    return tuple(_text(t) for t in group[name][()])


def _are_ids(values: NDArray[Any]) -> bool:
    """Whether numbers can be ids as they are: whole, not negative, and exact."""
    if values.dtype.kind == "f":
        return bool(np.all((values >= 0) & (values <= _EXACT) & (values == np.rint(values))))
    return values.dtype.kind == "u" or bool(values.min(initial=0) >= 0)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def _read_confidence(file: Any, where: str) -> dict[int, tuple[int, ...]]:
    """Level, number of ids, ids; and so on."""
    if CONFIDENCE not in file:
        return {}
    try:
        values = _array(file, CONFIDENCE, np.uint64, 1).ravel().tolist()
    except (ValueError, TypeError, OSError, RuntimeError, AttributeError) as error:
        raise EmsegError(
            "the confidences cannot be read", f"{where}::{CONFIDENCE}", "export them again"
        ) from error
    found: dict[int, tuple[int, ...]] = {}
    i = 0
    while i < len(values):
        count = values[i + 1] if i + 1 < len(values) else -1
        if count < 0 or i + 2 + count > len(values):
            raise EmsegError("the confidences are cut short", f"{where}::{CONFIDENCE}", "export them again")
        found[values[i]] = found.get(values[i], ()) + tuple(values[i + 2 : i + 2 + count])
        i += 2 + count
    return found


def cleft_masks(
    ids: NDArray[Any], *, has_marker: bool | None = None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which voxels are cleft, and which are to be ignored; all others are background.

    Parameters
    ----------
    ids : ndarray of uint64
        As in ``/volumes/labels/clefts``. Volumes that mark background with 0 are understood too, unless they
        hold `NO_CLEFT`: then 0 is a cleft like any other.
    has_marker : bool, optional
        Whether the volume, of which `ids` may be a part, holds `NO_CLEFT`; by default `ids` are looked through.

    Returns
    -------
    cleft, ignore : ndarray of bool
    """
    ids = np.asarray(ids)
    if ids.dtype == np.bool_:
        return ids, np.zeros(ids.shape, bool)
    if ids.dtype.kind == "i" and ids.min(initial=0) < 0:
        ids = unsigned_ids(ids)
    if ids.dtype != np.uint64:
        # No other type can hold the special ids.
        return ids != 0, np.zeros(ids.shape, bool)
    nothing, ignore = ids == NO_CLEFT, ids == IGNORE
    if not (nothing.any() if has_marker is None else has_marker):
        nothing = ids == 0
    return ~nothing & ~ignore, ignore


def unsigned_ids(ids: NDArray[Any]) -> NDArray[np.uint64]:
    """Ids of signed types: programs without unsigned ones make -1 and -2 of the special ids."""
    return ids.astype(np.int64).view(np.uint64)


def file_spacing(path: Path) -> Spacing | None:
    """Voxel size (z, y, x) of the volumes of a CREMI file, or None where it has none."""
    from napari_emseg.io.units import valid_spacing

    with opened(path) as file:
        for name, _ in VOLUMES.values():
            if name in file and "resolution" in file[name].attrs:
                return valid_spacing(file[name].attrs["resolution"])
    return None
