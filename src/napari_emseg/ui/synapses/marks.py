"""Pairs at synapses in the stack: two dots and an arrow each, in nanometres as everything else."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.ui.points import limit_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari.components import ViewerModel
    from numpy.typing import NDArray

    from napari_emseg.jobs.kept_synapses import Row
    from napari_emseg.ui.layers import StackLayers

PRE, POST, EITHER = "#e69f00", "#56b4e9", "#cccccc"  # those of CREMI's sites; Okabe and Ito 2008
_LINE, _CHOSEN, _RIM = "#ffffff", "#f0e442", "#1e1e21"
_SMALL_NM, _LARGE_NM, _WIDE_NM = 16.0, 24.0, 10.0
_SITES, _ARROWS, _LINES = range(3)
_STYLES = (("synapses", ""), ("synapses, direction", "arrow"), ("synapses, no direction", "line"))
_COLOURS = ("_face", "_border", "_edge")  # of napari's layers; each tells of its changes by itself
_IN_THUMBNAIL = 200  # marks: napari takes longer to draw more of them small than in the stack


def show_pairs(viewer: ViewerModel, layers: StackLayers, rows: Sequence[Row], chosen: Any) -> None:
    """Draw pairs; those that are wrong are not drawn unless they are looked at.

    Sites lie in neighbouring sections as often as not, so a pair is drawn in each section from one to the other: the dot of
    the site that lies there is filled, the other one is a ring.

    Parameters
    ----------
    viewer : napari viewer
    layers : StackLayers
        Holds the three layers; they are added when there is something to draw for the first time.
    rows : sequence of Row
    chosen : tuple of int or None
        Sites of the pair that is looked at.
    """
    drawn = [row for row in rows if row.verdict != "wrong" or row.sites == chosen]
    if not are_there(viewer, layers):
        if not drawn:
            return
        while add_next(viewer, layers):
            pass
    voxel_nm = float(layers.labels.scale[-1]) if layers.labels.units[-1].is_compatible_with("nm") else 1.0
    _draw_sites(layers.synapses[_SITES], drawn, chosen, voxel_nm)
    for place, directed in ((_ARROWS, True), (_LINES, False)):
        some = [row for row in drawn if row.is_directed == directed]
        _draw_lines(layers.synapses[place], some, chosen, voxel_nm)


def are_there(viewer: ViewerModel, layers: StackLayers) -> bool:
    """Whether there are layers for them, and nobody has removed one."""
    return len(layers.synapses) == len(_STYLES) and all(layer in viewer.layers for layer in layers.synapses)


def turn_on(layers: StackLayers, is_on: bool) -> None:
    """Show or hide all of it."""
    for layer in layers.synapses:
        if layer.visible != is_on:  # napari draws anew also where nothing changes
            layer.visible = is_on


@contextmanager
def _at_once(layer: Any) -> Iterator[None]:
    """Draw a layer once, when all of it is set: napari draws anew with each property."""
    with ExitStack() as silent:
        for one in (layer, *(getattr(layer, name) for name in _COLOURS if hasattr(layer, name))):
            silent.enter_context(one.events.blocker_all())
        silent.enter_context(layer._block_refresh())
        yield
    layer.refresh(thumbnail=len(layer.data) <= _IN_THUMBNAIL)


def _sections(row: Row) -> range:
    low, high = sorted((row.pre_at[0], row.post_at[0]))
    return range(low, high + 1)


def _draw_sites(layer: Any, rows: Sequence[Row], chosen: Any, voxel_nm: float) -> None:
    places: list[tuple[int, int, int]] = []
    kinds: list[int] = []
    filled: list[bool] = []
    sizes: list[float] = []
    for row in rows:
        pre, post, is_directed = row.pre_at, row.post_at, row.is_directed
        size = _LARGE_NM if row.sites == chosen else _SMALL_NM
        for z in _sections(row):
            places += ((z, *pre[1:]), (z, *post[1:]))
            filled += (pre[0] == z, post[0] == z)
            kinds += (0, 1) if is_directed else (2, 2)
            sizes += (size, size)
    is_filled = np.array(filled, bool)
    colours = _rgba(PRE, POST, EITHER)[np.array(kinds, int)]
    with _at_once(layer):
        layer.data = np.array(places, float).reshape(-1, 3)
        if places:
            layer.size = np.array(sizes) / voxel_nm
            layer.face_color = np.where(is_filled[:, None], colours, np.zeros(4))
            layer.border_color = np.where(is_filled[:, None], _rgba(_RIM), colours)
            layer.border_width = np.where(is_filled, 0.08, 0.16)


def _draw_lines(layer: Any, rows: Sequence[Row], chosen: Any, voxel_nm: float) -> None:
    lines, is_chosen = [], []
    for row in rows:
        (_, y0, x0), (_, y1, x1) = row.pre_at, row.post_at
        for z in _sections(row):
            lines.append(((z, y0, x0), (0, y1 - y0, x1 - x0)))
            is_chosen.append(row.sites == chosen)
    if not lines and not len(layer.data):
        return
    with _at_once(layer):
        layer.data = np.array(lines, float).reshape(-1, 2, 3)
        layer.edge_width = _WIDE_NM / voxel_nm
        if lines:
            layer.edge_color = _rgba(_LINE, _CHOSEN)[np.array(is_chosen, int)]


def _rgba(*colours: str) -> NDArray[np.float64]:
    """Colours (n, 4) in [0, 1]: looked up once, and not by napari for each mark."""
    return np.array([[int(c[k : k + 2], 16) / 255 for k in (1, 3, 5)] + [1.0] for c in colours])


def add_next(viewer: ViewerModel, layers: StackLayers) -> bool:
    """Add the next of the three layers; False where all are there. One takes napari longer than a blink."""
    from napari.layers import Points, Vectors  # heavy, and only needed once there are synapses

    if are_there(viewer, layers):
        return False
    active = viewer.layers.selection.active
    if any(layer not in viewer.layers for layer in layers.synapses):  # somebody has removed one
        with viewer.layers.batched_update():
            for left in layers.synapses:
                if left in viewer.layers:
                    viewer.layers.remove(left)
        layers.synapses = ()
    labels = layers.labels
    place = {
        "scale": labels.scale, "translate": labels.translate, "units": labels.units, "axis_labels": labels.axis_labels,
        "out_of_slice_display": False, "opacity": 1.0,
    }  # fmt: skip
    name, style = _STYLES[len(layers.synapses)]
    layer: Any
    if style:
        layer = Vectors(np.empty((0, 2, 3)), name=name, vector_style=style, edge_color=_LINE, **place)
    else:
        layer = Points(np.empty((0, 3)), name=name, face_color=EITHER, **place)
        layer.editable = False
        limit_size(layer, 5, 60)
    viewer.layers.append(layer)
    layers.owned.append(layer)
    layers.synapses = (*layers.synapses, layer)
    viewer.layers.selection.active = active
    return not are_there(viewer, layers)
