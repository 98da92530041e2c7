"""What jobs on files share: one channel in, its voxel size, and what is said about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.opened import Offset


@dataclass(frozen=True, slots=True)
class VoxelSize:
    """What the caller knows of the voxel size.

    Attributes
    ----------
    spacing_nm : (z, y, x), optional
        Wins over the file's.
    is_thickness_known : bool
        False if z of ``spacing_nm`` is no measurement; outputs then carry no voxel size.
    """

    spacing_nm: Spacing | None = None
    is_thickness_known: bool = True


FROM_FILE = VoxelSize()


@dataclass(frozen=True, slots=True, eq=False)
class StackFile:
    """An opened stack (z, y, x).

    Attributes
    ----------
    stack : array-like (z, y, x)
        Lazy.
    spacing_nm : (z, y, x) or None
        To compute with.
    written_nm : (z, y, x) or None
        What outputs carry.
    offset_nm : (z, y, x) or None
        Where the first voxel lies, if the file says so.
    is_labels : bool or None
        Whether the file says that its values are object ids; None where it does not say.
    """

    stack: Any
    spacing_nm: Spacing | None
    written_nm: Spacing | None
    offset_nm: Offset | None = None
    is_labels: bool | None = None

    @property
    def notes_in_3d(self) -> list[str]:
        """What has to be said of results that depend on how thick sections are, where nobody knows that."""
        if self.written_nm is not None:
            return []
        return [
            "sections are taken to be as thick as pixels are wide: --pixel-size Z,Y,X says how thick they are"
        ]

    def position(self, output: str | Path) -> Offset | None:
        """Where an output of the same extent lies: where this does, if its format can say so."""
        from napari_emseg.io.grid import position_kept

        return position_kept(output, self.offset_nm, self.written_nm)

    @property
    def said(self) -> dict[str, Any]:
        """Entries of a job's report: ``shape``, ``spacing_nm``, ``notes``."""
        unknown = "voxel size unknown: lengths in the settings are taken at 5 nm a pixel"
        return {
            "shape": [int(n) for n in self.stack.shape],
            "spacing_nm": list(self.written_nm) if self.written_nm else None,
            "notes": [] if self.spacing_nm else [unknown],
        }


def open_stack(source: str | Path, voxel: VoxelSize = FROM_FILE) -> StackFile:
    """Open a file of one channel.

    Raises
    ------
    EmsegError
        If it cannot be read or has several channels.
    """
    from napari_emseg.io.opening import open_volume

    opened = open_volume(source)
    spacing = voxel.spacing_nm or opened.spacing_nm
    written = spacing if voxel.is_thickness_known else None
    return StackFile(one_channel(opened.array, source), spacing, written, opened.offset_nm, opened.is_labels)


def one_channel(array: Any, source: object) -> Any:
    """Array (z, y, x), also from a file with a channel axis of length one.

    Raises
    ------
    SeveralArrays
        If there are several channels.
    """
    from napari_emseg.io.choice import several_channels
    from napari_emseg.io.lazy import LazyChannels
    from napari_emseg.io.origin import read_origin
    from napari_emseg.io.paths import parse_path

    if len(array.shape) == 3:
        return array
    if array.shape[0] == 1:
        # A number as the key would read the whole channel.
        return array.channels[0] if isinstance(array, LazyChannels) else array[0]
    where = parse_path(str(source))
    raise several_channels(where, array.shape, read_origin(str(source)).get("targets", ()))
