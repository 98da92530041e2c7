"""Where the image of a project lies, in a way that survives moving both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_emseg.core.places import absolute, candidates, relative_to

if TYPE_CHECKING:
    from pathlib import Path

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
        return candidates(self.uri, self.relative, folder)

    @classmethod
    def to(cls, image: ImageStack, folder: Path, fingerprint: str = "") -> ImageReference:
        """A reference from a project folder to an image that is open now."""
        uri = image.uri
        if uri and not uri.startswith("sample:"):
            uri = absolute(uri)
        relative = _relative(uri, folder)
        return cls(
            uri, relative, image.shape, image.spacing_nm, image.spacing_source, image.name, fingerprint
        )


def _relative(uri: str, folder: Path) -> str:
    """Relative to the project folder; empty for samples."""
    return "" if uri.startswith("sample:") or not uri else relative_to(uri, folder)
