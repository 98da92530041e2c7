"""What a layer of napari is as a stack: whether it can be worked on, where it comes from, and its place in space."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_emseg.core.stack import Spacing
    from napari_emseg.ui.desk import Desk

ORIGIN = "napari-emseg"
"""Key of a layer's metadata under which our readers say where the stack came from."""


def ours(desk: Desk) -> Image | None:
    """A layer that came through our own readers or samples; None where one file has brought several."""
    found = [layer for layer in candidates(desk) if ORIGIN in layer.metadata]
    files = [place_of(layer).partition("::")[0] for layer in found]
    return found[0] if found and files.count(files[0]) == 1 else None


def place_of(layer: Image) -> str:
    """Where a layer that our readers or samples gave comes from, also inside its file; empty for others."""
    return str(layer.metadata.get(ORIGIN, {}).get("uri", ""))


def candidates(desk: Desk) -> list[Image]:
    """Grey stacks in the viewer that could be worked on."""
    from napari.layers import Image

    return [layer for layer in desk.viewer.layers if isinstance(layer, Image) and not unfit(layer)]


def offered(desk: Desk) -> Image | None:
    """The stack that the first panel offers to work on: the chosen layer if it is one, else the first."""
    found = candidates(desk)
    active = desk.viewer.layers.selection.active
    return active if active in found else next(iter(found), None)


def unfit(layer: Image) -> str:
    """Why an image of the viewer cannot be worked on, in a sentence; empty if it can."""
    if layer.rgb:
        return f"“{layer.name}” is a colour image: convert it to grey values first."
    if layer.multiscale:
        return f"“{layer.name}” is shown at several resolutions: open the file itself with the button above."
    if layer.ndim != 3:
        return f"“{layer.name}” has {layer.ndim} axes, a stack has three (z, y, x): open its file with the button above."
    return ""


def spacing_of(layer: Image) -> Spacing | None:
    """Voxel size in nanometres (z, y, x) if the layer's units are lengths, else None."""
    sizes = []
    for scale, unit in zip(layer.scale[-3:], layer.units[-3:], strict=True):
        if not unit.is_compatible_with("nm"):
            return None
        sizes.append(float((scale * unit).to("nm").magnitude))
    return sizes[0], sizes[1], sizes[2]


def offset_of(layer: Image) -> tuple[float, float, float]:
    """Where the first voxel of a layer lies (z, y, x) in nanometres; its units must be lengths."""
    z, y, x = (
        float((place * unit).to("nm").magnitude)
        for place, unit in zip(layer.translate[-3:], layer.units[-3:], strict=True)
    )
    return z, y, x
