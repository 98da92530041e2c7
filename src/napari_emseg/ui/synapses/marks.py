"""Pairs at synapses in the stack: two dots and an arrow each, in nanometres as everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.ui.points import limit_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel

    from napari_emseg.jobs.kept_synapses import Row
    from napari_emseg.ui.layers import StackLayers

PRE, POST, EITHER = "#e69f00", "#56b4e9", "#cccccc"  # those of CREMI's sites; Okabe and Ito 2008
_LINE, _CHOSEN = "#ffffff", "#f0e442"
_SMALL_NM, _LARGE_NM, _WIDE_NM = 16.0, 24.0, 10.0
_SITES, _ARROWS, _LINES = range(3)


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
    if not layers.synapses or any(layer not in viewer.layers for layer in layers.synapses):
        if not drawn:
            return
        _add(viewer, layers)
    voxel_nm = float(layers.labels.scale[-1]) if layers.labels.units[-1].is_compatible_with("nm") else 1.0
    _draw_sites(layers.synapses[_SITES], drawn, chosen, voxel_nm)
    for place, directed in ((_ARROWS, True), (_LINES, False)):
        some = [row for row in drawn if row.is_directed == directed]
        _draw_lines(layers.synapses[place], some, chosen, voxel_nm)


def turn_on(layers: StackLayers, is_on: bool) -> None:
    """Show or hide all of it."""
    for layer in layers.synapses:
        layer.visible = is_on


def _sections(row: Row) -> range:
    low, high = sorted((row.pre_at[0], row.post_at[0]))
    return range(low, high + 1)


def _draw_sites(layer: Any, rows: Sequence[Row], chosen: Any, voxel_nm: float) -> None:
    places, filled, colours, sizes = [], [], [], []
    for row in rows:
        ends = ((row.pre_at, PRE), (row.post_at, POST))
        for z in _sections(row):
            for at, colour in ends:
                places.append((z, *at[1:]))
                filled.append(at[0] == z)
                colours.append(colour if row.is_directed else EITHER)
                sizes.append(_LARGE_NM if row.sites == chosen else _SMALL_NM)
    layer.data = np.array(places, float).reshape(-1, 3)
    if not places:
        return
    layer.size = np.array(sizes) / voxel_nm
    layer.face_color = [c if f else "transparent" for c, f in zip(colours, filled, strict=True)]
    layer.border_color = ["#1e1e21" if f else c for c, f in zip(colours, filled, strict=True)]
    layer.border_width = np.where(filled, 0.08, 0.16)


def _draw_lines(layer: Any, rows: Sequence[Row], chosen: Any, voxel_nm: float) -> None:
    lines, colours = [], []
    for row in rows:
        (_, y0, x0), (_, y1, x1) = row.pre_at, row.post_at
        for z in _sections(row):
            lines.append(((z, y0, x0), (0, y1 - y0, x1 - x0)))
            colours.append(_CHOSEN if row.sites == chosen else _LINE)
    layer.data = np.array(lines, float).reshape(-1, 2, 3)
    layer.edge_width = _WIDE_NM / voxel_nm
    if lines:
        layer.edge_color = colours


def _add(viewer: ViewerModel, layers: StackLayers) -> None:
    from napari.layers import Points, Vectors  # heavy, and only needed once there are synapses

    labels = layers.labels
    place = {
        "scale": labels.scale, "translate": labels.translate, "units": labels.units, "axis_labels": labels.axis_labels,
        "out_of_slice_display": False, "opacity": 1.0,
    }  # fmt: skip
    arrows = Vectors(
        np.empty((0, 2, 3)), name="synapses, direction", vector_style="arrow", edge_color=_LINE, **place
    )
    lines = Vectors(
        np.empty((0, 2, 3)), name="synapses, no direction", vector_style="line", edge_color=_LINE, **place
    )
    sites = Points(np.empty((0, 3)), name="synapses", face_color=EITHER, **place)
    sites.editable = False
    limit_size(sites, 5, 60)
    active = viewer.layers.selection.active
    for layer in layers.synapses:
        if layer in viewer.layers:
            viewer.layers.remove(layer)
    for layer in (sites, lines, arrows):
        viewer.layers.append(layer)
        layers.owned.append(layer)
    layers.synapses = (sites, arrows, lines)
    viewer.layers.selection.active = active
