"""Files of blocks of sections, written by the tasks of a job array, and how they become one volume."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from napari_emseg.core.progress import Progress

_NAME = re.compile(r"(\d+)-(\d+)\.h5")


def block_name(start: int, stop: int) -> str:
    """File of a block; names sort as sections do."""
    return f"{start:06}-{stop:06}.h5"


def join_blocks(folder: Path, output: str, sections: tuple[int, int], progress: Progress) -> tuple[int, ...]:
    """Write blocks as one volume, slab by slab.

    Parameters
    ----------
    folder : Path
        Files named by `block_name`.
    output : str
        Its suffix names the format.
    sections : (start, stop)
        What the blocks are to cover, each section once.
    progress : Progress

    Returns
    -------
    tuple of int
        Shape of the volume.

    Raises
    ------
    EmsegError
        If a section is missing or there twice, or blocks differ.
    """
    from napari_emseg.io import open_volume, write_array
    from napari_emseg.io.lazy import LazyChannels
    from napari_emseg.io.stacked import Stacked

    files = _checked(folder, sections)
    opened = [open_volume(file) for file in files]
    arrays: list[Any] = [one.array for one in opened]
    whole: Any
    if isinstance(arrays[0], LazyChannels):
        whole = LazyChannels([Stacked(parts) for parts in zip(*(a.channels for a in arrays), strict=True)])
    else:
        whole = Stacked(arrays)
    write_array(
        output, whole, spacing_nm=opened[0].spacing_nm, offset_nm=opened[0].offset_nm,
        is_labels=opened[0].holds_ids, axes="zyx" if len(whole.shape) == 3 else "czyx",
        metadata=_origin(files[0]) | {"joined from": [file.name for file in files]}, progress=progress,
    )  # fmt: skip
    return tuple(int(n) for n in whole.shape)


def _checked(folder: Path, sections: tuple[int, int]) -> list[Path]:
    found = {}
    for file in folder.iterdir() if folder.is_dir() else ():
        match = _NAME.fullmatch(file.name)
        if match:
            found[int(match[1]), int(match[2])] = file
    spans = sorted(found)
    ends = [(sections[0], sections[0]), *spans, (sections[1], sections[1])]
    for (_, stop), (start, _) in pairwise(ends):
        if start > stop:
            raise EmsegError(
                f"sections {stop} to {start - 1} are not there yet", str(folder), "submit the script again"
            )
        if start < stop:
            raise EmsegError(
                f"sections {start} to {stop - 1} are there twice",
                str(folder),
                "remove blocks of another division",
            )
    return [found[span] for span in spans]


def _origin(file: Path) -> dict[str, Any]:
    """Provenance that the first block carries."""
    import h5py

    with h5py.File(file, "r") as opened:
        text = opened["main"].attrs.get("provenance", "{}")
    found: dict[str, Any] = json.loads(text)
    found.pop("region", None)
    return found
