"""Where the image of a project lies, in a way that survives moving both."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_emseg.core.stack import ImageStack


@dataclass(frozen=True)
class ImageReference:
    """The image that a project belongs to.

    Parameters
    ----------
    uri : str
        Where it was when the project was last saved: ``sample:NAME`` or an absolute path, with optional
        ``::internal/path``.
    relative : str
        The same relative to the project folder; empty for samples and for other drives.
    shape : tuple of int
        (z, y, x); an image of another shape is refused.
    spacing_nm, spacing_source : voxel size (z, y, x) and where it comes from.
    name : str
        For people.
    fingerprint : str
        Of its grey values when the labels were begun, see `core.fingerprint`; empty where nobody has looked.
    """

    uri: str
    relative: str
    shape: tuple[int, int, int]
    spacing_nm: tuple[float, float, float] | None
    spacing_source: str
    name: str
    fingerprint: str = ""

    def candidates(self, folder: Path) -> list[str]:
        """Places to look for the image, best first: relative to the folder, then where it was."""
        if self.uri.startswith("sample:") or not self.relative:
            return [self.uri]
        path, colons, internal = self.relative.partition("::")
        moved = os.path.normpath(folder / path) + colons + internal
        return [moved] if moved == self.uri else [moved, self.uri]

    @classmethod
    def to(cls, image: ImageStack, folder: Path, fingerprint: str = "") -> ImageReference:
        """A reference from a project folder to an image that is open now."""
        uri = image.uri
        if uri and not uri.startswith("sample:"):
            path, colons, internal = uri.partition("::")
            uri = str(Path(path).expanduser().resolve()) + colons + internal
        relative = _relative(uri, folder)
        return cls(
            uri, relative, image.shape, image.spacing_nm, image.spacing_source, image.name, fingerprint
        )


def _relative(uri: str, folder: Path) -> str:
    """A path with optional internal path, relative to the project folder; empty where that is impossible."""
    if uri.startswith("sample:") or not uri:
        return ""
    path, colons, internal = uri.partition("::")
    try:
        return Path(os.path.relpath(path, folder)).as_posix() + colons + internal
    except ValueError:  # another drive
        return ""
