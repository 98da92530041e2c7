"""Reading HDF5 files: one dataset of a file, found by its internal path."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.axes import PlacedStack, split_channels, stack_axes
from napari_emseg.io.choice import choose
from napari_emseg.io.hdf5_layout import axes_of, bdv_default, bdv_spacing, is_bdv, offset_of, spacing_of
from napari_emseg.io.memory import refuse_large_pieces
from napari_emseg.io.opened import Opened

if TYPE_CHECKING:
    from pathlib import Path

    from napari_emseg.io.paths import DataPath

_LABEL_GROUPS = ("volumes/labels/", "labels/")
_ANNOTATIONS, _SITES = "annotations/", "annotations/locations"
_MOST_NAMES = 20_000  # a file with more is no volume, and listing it would take minutes


class Hdf5Stack(PlacedStack):
    """One channel of one dataset; the file is opened when first read, and again in another process.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Internal path of the dataset.
    unsigned : bool
        Whether signed 16-bit values are meant as unsigned, as BigDataViewer stores them.
    """

    def __init__(self, path: Path, name: str, *, unsigned: bool = False, **layout: Any) -> None:
        super().__init__(where=f"{path}::{name}", **layout)
        self._path, self._name, self._unsigned = path, name, unsigned

    def open(self) -> Any:
        """The dataset."""
        return open_file(self._path)[self._name]

    def take(self, key: tuple[Any, ...]) -> Any:
        """Read from the chunks that the key touches."""
        values = super().take(key)
        return values.view(values.dtype.str.replace("i", "u")) if self._unsigned else values


def open_file(path: Path) -> Any:
    """Open an HDF5 file for reading, without a lock, so that read-only folders and network disks work."""
    import h5py

    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        if isinstance(error, PermissionError):
            raise
        raise EmsegError("the file is damaged or cut short", str(path), "copy or export it again") from error


def read_hdf5(where: DataPath) -> Opened:
    """Open one dataset of an HDF5 file.

    Without an internal path it is the only dataset, ``main``, or what BigDataViewer shows first.

    Raises
    ------
    EmsegError
        If the file is damaged, or the dataset is missing or ambiguous; the choices are listed.
    """
    with open_file(where.path) as file:
        datasets = volumes_in(file, where)
        inner = where.inner
        if is_bdv(datasets) and inner not in datasets:
            datasets = bdv_default(datasets)
        name = choose(datasets, where)
        return dataset_of(file, name, where)


def volumes_in(file: Any, where: DataPath) -> dict[str, tuple[int, ...]]:
    """All datasets of an open file that could be volumes: name to shape; sites of CREMI and their partners only by name."""
    import h5py

    datasets: dict[str, tuple[int, ...]] = {}
    seen = 0

    def note(name: str, item: Any) -> None:
        nonlocal seen
        seen += 1
        if seen > _MOST_NAMES:
            raise EmsegError("it holds too many datasets to list", str(where), "give an internal path")
        if isinstance(item, h5py.Dataset) and 2 <= item.ndim <= 5 and item.dtype.kind in "buif":
            datasets[name] = tuple(item.shape)

    direct = file.get(where.inner) if where.inner else None
    if isinstance(direct, h5py.Dataset):
        note(where.inner, direct)
        return datasets
    file.visititems(note)
    has_sites = _SITES in file
    return {
        name: shape for name, shape in datasets.items() if not (has_sites and name.startswith(_ANNOTATIONS))
    }


def dataset_of(file: Any, name: str, where: DataPath) -> Opened:
    """One dataset of an open file as a volume."""
    dataset = file[name]
    full, dtype = tuple(int(n) for n in dataset.shape), dataset.dtype
    _refuse_hostile(dataset, where)
    is_bdv_cell = is_bdv([name])
    axes = stack_axes(axes_of(dataset), full, dtype, str(where))
    unsigned = is_bdv_cell and dtype.kind == "i"
    array = split_channels(
        lambda channel: Hdf5Stack(
            where.path, name, unsigned=unsigned, axes=axes, full=full, channel=channel,
            dtype=np.dtype(f"u{dtype.itemsize}") if unsigned else dtype, pieces=dataset.chunks,
        ),
        axes, full, str(where),
    )  # fmt: skip
    spacing = bdv_spacing(file, name, where.path) if is_bdv_cell else spacing_of(dataset, axes)
    is_labels = True if name.startswith(_LABEL_GROUPS) else None
    return Opened(array, spacing, offset_of(dataset, axes), is_labels)


def _refuse_hostile(dataset: Any, where: DataPath) -> None:
    """Refuse what only a broken or malicious file holds, and filters that are not installed."""
    import h5py

    if dataset.external:
        raise EmsegError("its voxels lie in other files", str(where), "export it again as one file")
    if dataset.chunks:
        refuse_large_pieces(dataset.chunks, dataset.dtype, str(where))
    plist = dataset.id.get_create_plist()
    for i in range(plist.get_nfilters()):
        code, _, _, label = plist.get_filter(i)
        if h5py.h5z.filter_avail(code):
            continue
        with suppress(ImportError):
            import hdf5plugin  # noqa: F401 - importing it registers LZ4, Blosc, Zstandard and others
        if not h5py.h5z.filter_avail(code):
            raise EmsegError(
                f"it is compressed with {label.decode(errors='replace') or code}, which is not installed",
                str(where), "pip install hdf5plugin, or save it with gzip",
            )  # fmt: skip
