"""Writing CREMI files, format 0.2: volumes and synaptic annotations, see `napari_emseg.io.cremi`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.cremi import CONFIDENCE, FILE_FORMAT, PARTNERS, VOLUMES
from napari_emseg.io.refusing import refusing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.cremi import CremiAnnotations

_MOST = {"raw": 255, "neuron_ids": 2**64 - 1, "clefts": 2**64 - 1}


def write_cremi(
    path: Path,
    *,
    annotations: CremiAnnotations | None = None,
    volumes: Mapping[str, tuple[Any, Spacing, Spacing]] | None = None,
) -> None:
    """Write a CREMI file, format 0.2.

    Parameters
    ----------
    path : Path
        At which nothing exists.
    annotations : CremiAnnotations, optional
    volumes : mapping of str to (array, spacing_nm, offset_nm), optional
        ``raw`` (uint8), ``neuron_ids``, ``clefts`` (uint64): (z, y, x), read a few sections at a time.

    Raises
    ------
    EmsegError
        If a volume has another name, or annotations do not fit together.
    """
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["file_format"] = FILE_FORMAT
        for name, (array, spacing, offset) in (volumes or {}).items():
            _write_volume(file, name, array, spacing, offset, str(path))
        if annotations is not None:
            _write_annotations(file, annotations)


def write_cremi_annotations(path: Path, annotations: CremiAnnotations) -> None:
    """Write annotations in the place of those of a CREMI file; a new file holds nothing else.

    Parameters
    ----------
    path : Path
        At which a CREMI file, any other HDF5 file, or nothing is.
    annotations : CremiAnnotations

    Raises
    ------
    EmsegError
        If what is there is no HDF5 file, or annotations do not fit together.
    """
    import h5py

    with refusing(path), h5py.File(path, "a") as file:
        file.attrs["file_format"] = FILE_FORMAT
        for place in ("annotations", CONFIDENCE):
            if place in file:
                del file[place]
        _write_annotations(file, annotations)


def _write_volume(file: Any, name: str, array: Any, spacing: Spacing, offset: Spacing, where: str) -> None:
    if name not in VOLUMES:
        raise EmsegError(f"CREMI has no volume {name}", where, f"choose one of {', '.join(VOLUMES)}")
    place, dtype = VOLUMES[name]
    shape = tuple(int(n) for n in array.shape)
    chunks = tuple(min(c, n) for c, n in zip((4, 256, 256), shape, strict=True))
    dataset = file.create_dataset(place, shape=shape, dtype=dtype, chunks=chunks, compression="gzip")
    dataset.attrs["resolution"] = np.asarray(spacing, float)
    if any(offset):
        dataset.attrs["offset"] = np.asarray(offset, float)
    for part in _parts(shape[0]):
        values = np.asarray(array[part])
        if values.dtype.kind not in "bui" or (
            values.size and not 0 <= int(values.min()) <= int(values.max()) <= _MOST[name]
        ):
            raise EmsegError(f"{name} holds {values.dtype} values", where, f"CREMI wants {np.dtype(dtype)}")
        dataset[part] = values


def _parts(n: int, step: int = 4) -> Iterator[slice]:
    for z in range(0, n, step):
        yield slice(z, min(z + step, n))


def _write_annotations(file: Any, annotations: CremiAnnotations) -> None:
    import h5py

    annotations.index_of(annotations.partners.ravel())
    text = h5py.string_dtype("utf-8")
    group = file.create_group("annotations")
    if any(annotations.offset_nm):
        group.attrs["offset"] = np.asarray(annotations.offset_nm, float)
    group["ids"] = annotations.ids.astype(np.uint64)
    group.create_dataset("types", data=np.asarray(annotations.types, dtype=object), dtype=text)
    group["locations"] = annotations.locations_nm.astype(np.float64)
    if len(annotations.partners):
        group[PARTNERS] = annotations.partners.astype(np.uint64)
    if annotations.comments:
        group["comments/target_ids"] = np.asarray(list(annotations.comments), np.uint64)
        texts = np.asarray(list(annotations.comments.values()), dtype=object)
        group.create_dataset("comments/comments", data=texts, dtype=text)
    if annotations.neuron_confidence:
        flat = [n for level, ids in annotations.neuron_confidence.items() for n in (level, len(ids), *ids)]
        file[CONFIDENCE] = np.asarray(flat, np.uint64)
