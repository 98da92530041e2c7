"""What is on screen, in voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from napari import Viewer
    from napari.layers import Layer

_AROUND = 3.0  # times the extent of a thing are shown to see it well
_TOO_MUCH = 3.0  # times of that: a thing is hard to find
_HALF = 0.5  # voxel n covers data coordinates n - 0.5 to n + 0.5


def canvas_size(viewer: Viewer) -> tuple[float, float]:
    """Height and width in logical pixels of the canvas, or of one part of it where layers lie side by side in a grid."""
    height, width = viewer.window._qt_viewer.canvas.size
    if viewer.canvas.grid.enabled:
        rows, columns = viewer.canvas.grid.actual_shape(viewer.layers)
        height, width = height / rows, width / columns
    return float(height), float(width)


def visible_region(viewer: Viewer, layer: Layer, *, size: tuple[float, float] | None = None) -> Region:
    """The box of voxels of a layer that the canvas shows, clipped to the layer.

    Zoom, pan, the current section, reordered axes and the layer's scale are all considered. Axes that
    are not on screen give one voxel at the position of their slider.

    Parameters
    ----------
    viewer : napari.Viewer
        Its camera and sliders say what is shown.
    layer : napari layer (z, y, x)
        The stack whose voxels are meant.
    size : tuple of float, optional
        Canvas height and width in logical pixels; asked from the window by default.

    Returns
    -------
    Region
        In (z, y, x), never empty.

    Raises
    ------
    EmsegError
        If the view is three-dimensional, or shows nothing of the layer.
    """
    if viewer.dims.ndisplay != 2:
        raise EmsegError(
            "the view is three-dimensional", "", "switch to sections with Ctrl+Y", action="show_sections"
        )
    height, width = size or canvas_size(viewer)
    world = np.asarray(viewer.dims.point, dtype=float)
    low, high = world.copy(), world.copy()
    half = np.array([height, width]) / (2 * viewer.scene.camera.zoom)
    shown = list(viewer.dims.displayed)
    low[shown] = np.asarray(viewer.scene.camera.center)[-2:] - half
    high[shown] = np.asarray(viewer.scene.camera.center)[-2:] + half
    corners = np.array([_corner(layer, low, high, shown, pick) for pick in ((0, 0), (0, 1), (1, 0), (1, 1))])
    start = np.floor(corners.min(axis=0) + _HALF).astype(int)
    stop = np.ceil(corners.max(axis=0) + _HALF).astype(int)
    for axis in set(range(3)) - {a - (viewer.dims.ndim - 3) for a in shown}:
        start[axis] = int(np.round(corners[0, axis]))
        stop[axis] = start[axis] + 1
    region = Region(tuple(start.tolist()), tuple(stop.tolist())).clipped(tuple(layer.data.shape))
    if viewer.dims.ndim - 3 not in shown:
        _need_its_sections(viewer, layer)
    if 0 in region.shape:
        raise EmsegError("nothing of the stack is on screen", layer.name, "show all of it with Ctrl+R")
    return region


def need_sections(viewer: Viewer) -> None:
    """Refuse turned axes: what is seen of a section is one line then, and nothing can be grown from it or said of it.

    Raises
    ------
    EmsegError
        If something else than sections from above is on screen.
    """
    dims = viewer.dims
    if dims.ndisplay == 2 and sorted(dims.displayed) != [dims.ndim - 2, dims.ndim - 1]:
        raise EmsegError(
            "the stack is seen from the side, one line of every section", "", "go back to sections",
            action="show_sections",
        )  # fmt: skip


def is_beyond(viewer: Viewer, layer: Layer) -> bool:
    """Whether the section slider stands where a stack has no section: another layer reaches farther."""
    z = np.round(float(layer.world_to_data(viewer.dims.point)[-3]))
    return not 0 <= z < layer.data.shape[-3]


def _need_its_sections(viewer: Viewer, layer: Layer) -> None:
    if is_beyond(viewer, layer):
        raise EmsegError(
            "the slider stands beyond the stack", f"which has sections 0 to {layer.data.shape[-3] - 1}",
            "go back to them", action="show_sections",
        )  # fmt: skip


def need_one_section(viewer: Viewer, layer: Layer) -> None:
    """Refuse every view that does not show one section of a stack as a whole.

    Raises
    ------
    EmsegError
        If something else than one section from above is on screen, or none of the stack's.
    """
    if viewer.dims.ndisplay != 2:
        raise EmsegError(
            "the view is three-dimensional and shows no single section", "", "go back to sections",
            action="show_sections",
        )  # fmt: skip
    need_sections(viewer)
    _need_its_sections(viewer, layer)


def current_section(viewer: Viewer, layer: Layer) -> int:
    """Section (z) that the sliders point at, clipped to the layer."""
    z = float(layer.world_to_data(viewer.dims.point)[-3])
    return int(np.clip(np.round(z), 0, layer.data.shape[-3] - 1))


def go_to_section(viewer: Viewer, layer: Layer, section: int) -> None:
    """Move the section slider; the rest of the view stays."""
    here = np.asarray(layer.world_to_data(viewer.dims.point), dtype=float)
    here[-3] = section
    world = layer.data_to_world(here)
    viewer.dims.set_point(viewer.dims.ndim - 3, float(world[-3]))


def go_to(viewer: Viewer, layer: Layer, voxel: tuple[int, int, int], *, fill: bool = False) -> None:
    """Move sliders and camera so that a voxel (z, y, x) of a layer is in the middle, whatever axes are on screen.

    A negative coordinate leaves its axis where it is.

    Parameters
    ----------
    fill : bool
        For places that are marked: near the border of the layer it fills the canvas, rather than that the voxel is in
        the middle and half of the canvas is blank.
    """
    here = np.asarray(layer.world_to_data(viewer.dims.point), dtype=float)
    wanted = np.asarray(voxel, dtype=float)
    data = np.where(wanted >= 0, wanted, here[-3:])
    world = np.asarray(layer.data_to_world(data), dtype=float)
    first = viewer.dims.ndim - 3
    shown = list(viewer.dims.displayed)
    centre = list(viewer.scene.camera.center)
    half = _half_canvas(viewer) if fill else None
    for axis in range(first, viewer.dims.ndim):
        if wanted[axis - first] < 0:
            continue
        if axis in shown:
            place = shown.index(axis) - len(shown)
            edge = (
                abs(layer.extent.step[axis - first]) / 2
            )  # the extent ends in the middle of the last voxels
            low, high = layer.extent.world[:, axis - first] + (-edge, edge)
            wish = float(world[axis - first])
            centre[place] = wish if half is None else _without_blank(wish, low, high, half[place])
        else:
            viewer.dims.set_point(axis, float(world[axis - first]))
    viewer.scene.camera.center = tuple(centre)


def zoom_to(viewer: Viewer, layer: Layer, extent: tuple[float, float]) -> None:
    """Zoom so that so many pixels of a layer fill the canvas.

    Parameters
    ----------
    extent : (height, width)
        In pixels along y and x; another order of axes on the screen leaves the zoom as it is.
    """
    if list(viewer.dims.displayed)[-2:] != [viewer.dims.ndim - 2, viewer.dims.ndim - 1]:
        return
    height, width = canvas_size(viewer)
    scale = np.asarray(layer.scale, dtype=float)[-2:]
    viewer.scene.camera.zoom = min(height / (extent[0] * scale[0]), width / (extent[1] * scale[1]))


def zoom_around(viewer: Viewer, layer: Layer, extent: tuple[int, ...], least_px: tuple[float, float]) -> None:
    """Zoom so that a thing is well seen, with what lies around it; a zoom at which it is stays.

    Parameters
    ----------
    extent : (height, width)
        Of the thing, in pixels of a layer.
    least_px : (height, width)
        That are shown at least: small things are told by what is around them.
    """
    if viewer.dims.ndisplay != 2:
        return
    wanted = [max(_AROUND * a, b) for a, b in zip(extent, least_px, strict=True)]
    scale = np.asarray(layer.scale, dtype=float)[-2:]
    shown = np.array(canvas_size(viewer)) / viewer.scene.camera.zoom / scale
    if any(shown < np.array(extent)) or all(shown > _TOO_MUCH * np.array(wanted)):
        zoom_to(viewer, layer, (wanted[0], wanted[1]))


def _half_canvas(viewer: Viewer) -> tuple[float, float] | None:
    """Half of what the canvas shows down and across, in world units; None for 3D views and viewers without a window."""
    if viewer.dims.ndisplay != 2 or not hasattr(viewer, "window"):
        return None
    height, width = canvas_size(viewer)
    return height / (2 * viewer.scene.camera.zoom), width / (2 * viewer.scene.camera.zoom)


def _without_blank(wanted: float, low: float, high: float, half: float) -> float:
    """Where to look so that a span is seen as far as there is room, and the place that is wanted is on the canvas."""
    if high - low <= 2 * half:
        return (low + high) / 2
    return min(max(wanted, low + half), high - half)


def _corner(
    layer: Layer, low: np.ndarray, high: np.ndarray, shown: list[int], pick: tuple[int, int]
) -> np.ndarray:
    point = low.copy()
    for axis, use_high in zip(shown, pick, strict=True):
        point[axis] = high[axis] if use_high else low[axis]
    return np.asarray(layer.world_to_data(point), dtype=float)[-3:]
