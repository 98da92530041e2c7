"""Compare two segmentations, and go to where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.words import last_name
from napari_emseg.io.lazy import LazyStack
from napari_emseg.io.packed import PackedStack
from napari_emseg.jobs.compare import CompareRequest
from napari_emseg.ui.shown import as_it_is
from napari_emseg.ui.unplaced import lay_on
from napari_emseg.ui.view import go_to, zoom_to

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari import Viewer
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_emseg.algorithms.metrics.object_errors import ObjectErrors, Place
    from napari_emseg.core.stack import Spacing
    from napari_emseg.ui.desk import Desk

MARK = "napari-emseg comparison"
"""Key of a layer's metadata that says it only shows a comparison."""

TITLE = "Compare two segmentations"
_ROOM = 3.0  # how much more than the object is shown
_LEAST_PX = 96  # a tiny object is shown with at least this much around it


def compare(desk: Desk) -> None:
    """Open the panel as a tab beside the main dock."""
    from napari_emseg.ui.comparing.widget import CompareSegmentations

    for there in desk.viewer.window._qt_window.findChildren(CompareSegmentations):
        if there.viewer is desk.viewer:
            there.parent().show()
            there.parent().raise_()
            return
    widget = CompareSegmentations(desk.viewer, engine=lambda: desk.engine)
    dock = desk.viewer.window.add_dock_widget(
        widget, name=TITLE, area="right", tabify=True, add_vertical_stretch=False
    )
    dock.raise_()


def candidates(viewer: Viewer) -> list[Labels]:
    """Label layers that can be compared: those that show no comparison themselves."""
    from napari.layers import Labels

    return [
        layer
        for layer in viewer.layers
        if isinstance(layer, Labels) and MARK not in layer.metadata and layer.ndim == 3
    ]


def open_file(viewer: Viewer, path: str) -> Labels:
    """Show a segmentation of a file as a layer; it is read where it is looked at.

    Raises
    ------
    EmsegError
        If it cannot be read, or holds no ids.
    """
    from napari_emseg.io.opening import open_volume
    from napari_emseg.jobs.cremi_place import place_in
    from napari_emseg.jobs.stack_file import one_channel
    from napari_emseg.ui.colours import label_colormap

    path = place_in(path, "segmentation")
    found = open_volume(path)
    array = one_channel(found.array, path)
    if np.dtype(array.dtype).kind not in "bui":
        raise EmsegError("these are no object ids", path, "choose a segmentation")
    place: dict[str, Any] = {}
    if found.spacing_nm is not None:  # an offset in nanometres says nothing where pixels have no size
        place = {"scale": found.spacing_nm, "units": ("nm",) * 3}
        place["translate"] = found.offset_nm or (0.0, 0.0, 0.0)
    layer = viewer.add_labels(
        array, name=last_name(path), colormap=label_colormap(), opacity=0.4,
        multiscale=False, axis_labels=("z", "y", "x"), **place,
    )  # fmt: skip
    layer.editable = False
    for other in candidates(viewer):
        lay_on(layer, other)
    return layer


def data_of(layer: Labels) -> Any:
    """The finest level of a layer."""
    return layer.data[0] if layer.multiscale else as_it_is(layer.data)


def spacing_of(layer: Labels) -> Spacing | None:
    """Voxel size (z, y, x) in nm, or None where a layer has none."""
    from napari_emseg.ui.as_stack import spacing_of as of_layer

    found: Spacing | None = of_layer(layer)
    return found


def request_of(
    truth: Labels,
    other: Labels,
    region: Region,
    border_nm: float,
    wanted: Callable[[], bool] = lambda: True,
) -> Callable[[], CompareRequest]:
    """What copies the two segmentations into a request; it may be called in a thread.

    Files are not copied: the worker opens them itself. Everything else is compressed section by section.

    Parameters
    ----------
    wanted : callable
        Asked before every section; False stops the copying.

    Raises
    ------
    EmsegError
        If the two do not fit.
    """
    if truth is other:
        raise EmsegError(
            "this is the same layer twice", truth.name, "choose another one, or open a file beside it"
        )
    one, two = data_of(truth), data_of(other)
    if tuple(one.shape) != tuple(two.shape):
        raise EmsegError(
            "the two segmentations differ in shape",
            f"“{truth.name}” is {tuple(one.shape)}, “{other.name}” {tuple(two.shape)}",
            "compare the same sections of the same stack",
        )
    spacing = spacing_of(truth) or spacing_of(other)

    def prepare() -> CompareRequest:
        return CompareRequest(
            _copied(one, region, wanted), _copied(two, region, wanted), region, spacing, border_nm
        )

    return prepare


def _copied(data: Any, region: Region, wanted: Callable[[], bool]) -> Any:
    if isinstance(data, LazyStack):
        return data
    z, y, x = (int(n) for n in data.shape)
    packed = PackedStack((z, y, x), data.dtype)
    for section in range(region.start[0], region.stop[0]):
        if not wanted():
            raise Cancelled
        packed.put(section, np.asarray(data[section]))
    return packed


def add_error_map(viewer: Viewer, like: Labels, errors: PackedStack) -> Labels:
    """Show the map of errors over everything else; an earlier one is taken away."""
    from napari.utils.colormaps import DirectLabelColormap

    from napari_emseg.ui.comparing.words import COLOURS

    hide(viewer)
    active = viewer.layers.selection.active
    colours: dict[int | None, Any] = {None: "transparent", 0: "transparent"}
    for number, colour in COLOURS.items():
        colours[number] = colour  # noqa: PERF403 - the keys are of a wider type
    layer = viewer.add_labels(
        errors,
        name="errors",
        colormap=DirectLabelColormap(color_dict=colours),
        opacity=0.75,
        multiscale=False,
        metadata={MARK: "errors"},
        **_place_of(like),
    )
    layer.editable = False
    viewer.layers.selection.active = active
    return layer


def hide(viewer: Viewer, what: str | None = None) -> None:
    """Take layers of a comparison away: all, or those of one kind ("errors", "outline")."""
    gone = [one for one in viewer.layers if MARK in one.metadata and what in (None, one.metadata[MARK])]
    if gone:
        with viewer.layers.batched_update():
            for layer in gone:
                viewer.layers.remove(layer)


def go_there(viewer: Viewer, truth: Labels, other: Labels, row: ObjectErrors, place: Place) -> None:
    """Show the error of an object: its section in the middle of the canvas, with outlines.

    Parameters
    ----------
    truth, other : napari Labels
        The layers that were compared.
    row : ObjectErrors
    place : (z, y, x)
        One of its places.
    """
    z = place[0]
    inside = np.asarray(data_of(truth)[z])
    segments = np.asarray(data_of(other)[z])
    here = inside == row.object_id if row.object_id else segments == row.main_segment
    if not here[place[1:]]:  # a merger is seen where the other object is
        here = here | (inside == inside[place[1:]]) if inside[place[1:]] else here
    box = _box(here, place)
    zoom_to(viewer, truth, _roomy(box, inside.shape))
    go_to(viewer, truth, (z, (box[0] + box[2]) // 2, (box[1] + box[3]) // 2))
    active = viewer.layers.selection.active
    hide(viewer, "outline")
    if row.object_id:
        _outline(viewer, truth, inside == row.object_id, z, "white", f"object {row.object_id}")
    if row.main_segment:
        mask = segments == row.main_segment
        _outline(viewer, truth, mask, z, "#009e73", f"segment {row.main_segment}")
    viewer.layers.selection.active = active


def _outline(viewer: Viewer, like: Labels, mask: NDArray[np.bool_], z: int, colour: str, name: str) -> None:
    from napari.utils.colormaps import DirectLabelColormap

    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return
    y, x = int(rows[0]), int(columns[0])
    cut = mask[y : rows[-1] + 1, x : columns[-1] + 1]
    place = _place_of(like)
    place["translate"] = like.data_to_world((z, y, x))
    layer = viewer.add_labels(
        cut.astype(np.uint8)[None],
        name=name,
        colormap=DirectLabelColormap(color_dict={None: "transparent", 1: colour}),
        opacity=1.0,
        metadata={MARK: "outline"},
        **place,
    )
    layer.contour = 2
    layer.editable = False


def _place_of(layer: Labels) -> dict[str, Any]:
    return {
        "scale": layer.scale, "translate": layer.translate, "units": layer.units, "axis_labels": layer.axis_labels,
    }  # fmt: skip


def _box(mask: NDArray[np.bool_], place: Place) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return place[1], place[2], place[1] + 1, place[2] + 1
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _roomy(box: tuple[int, int, int, int], shape: Sequence[int]) -> tuple[float, float]:
    """Height and width in pixels that show an object and what is around it, but not more than the section."""
    height, width = (max(_ROOM * (box[k + 2] - box[k]), _LEAST_PX) for k in (0, 1))
    return min(height, float(shape[0])), min(width, float(shape[1]))
