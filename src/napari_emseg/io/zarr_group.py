"""Adding an image to a zarr store that exists, as OME-Zarr wants its labels listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from pathlib import Path

    from napari_emseg.io.paths import DataPath

_LABELS = "labels"
_MARKS = {"zarr.json": 3, ".zgroup": 2, ".zarray": 2}


def format_around(path: Path) -> int | None:
    """Version of the zarr store in which a folder lies; None where it lies in none."""
    for folder in path.parents:
        for name, version in _MARKS.items():
            if (folder / name).is_file():
                return version
    return None


def levels_of(group: Path) -> int | None:
    """How many levels the image in a group has; None where there is none."""
    import zarr

    try:
        attributes: Any = zarr.open_group(group, mode="r").attrs
        return len(attributes.get("ome", attributes)["multiscales"][0]["datasets"]) or None
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None


def check_inner(where: DataPath) -> None:
    """Refuse an internal path that leaves the store or lies in an array.

    Raises
    ------
    EmsegError
        If it is no path of a new image.
    """
    parts = where.inner.split("/")
    if any(p in ("", ".", "..") or p.startswith((".", "__")) or "\\" in p for p in parts):
        raise EmsegError(f"{where.inner} is no name in a zarr store", str(where), "choose another name")
    import zarr

    for n in range(len(parts)):
        folder = where.path.joinpath(*parts[:n])
        if any((folder / name).is_file() for name in _MARKS) and isinstance(
            zarr.open(folder, mode="r"), zarr.Array
        ):
            raise EmsegError(f"{folder.name} is an array and no group", str(where), "choose another name")


def adopt_group(store: Path, inner: str) -> None:
    """Make the groups above an image that was put into a store, and list it among the labels of its image.

    Parameters
    ----------
    store : Path
        Root of the zarr store.
    inner : str
        Where the image was put, for instance "labels/neurons".
    """
    import zarr

    parts = inner.split("/")
    image = store.joinpath(*parts)
    version = 3 if (image / "zarr.json").is_file() else 2
    for n in range(len(parts)):
        folder = store.joinpath(*parts[:n])
        if not any((folder / name).is_file() for name in _MARKS):
            zarr.open_group(folder, mode="a", zarr_format=3 if version == 3 else 2)
    if len(parts) < 2 or parts[-2] != _LABELS:
        return
    group = zarr.open_group(image.parent, mode="r+")
    if version == 3:
        said: Any = group.attrs.get("ome", {"version": "0.5"})
        ome = dict(said)
        ome[_LABELS] = sorted({*ome.get(_LABELS, ()), parts[-1]})
        group.attrs["ome"] = ome
    else:
        listed: Any = group.attrs.get(_LABELS, ())
        group.attrs[_LABELS] = sorted({*listed, parts[-1]})
