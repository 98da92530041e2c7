"""Join pieces on screen with a slider: what would be one object is shown at once, and kept with a button."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.core.words import counted
from napari_emseg.ui.view import visible_region

if TYPE_CHECKING:
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_emseg.algorithms.agglomeration import MergeTree
    from napari_emseg.ui.desk import Desk


class JoinPreview:
    """The pieces on screen, joined across borders weaker than a threshold.

    Parameters
    ----------
    desk : Desk
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._layer: Labels | None = None
        self._region: Region | None = None
        self._pieces: NDArray[Any] | None = None
        self._dense: NDArray[np.uint32] | None = None
        self._ids: NDArray[Any] | None = None
        self._walls: NDArray[np.uint8] | None = None
        self._locked: frozenset[int] = frozenset()
        self._tree: MergeTree | None = None
        self.threshold = 0.0
        self.n_pieces = self.n_objects = 0

    @property
    def is_shown(self) -> bool:
        """Whether a preview lies over the image now."""
        return self._layer is not None

    def show(self, threshold: float) -> None:
        """Show what is one object below a threshold; 0 shows the labels as they are.

        Raises
        ------
        EmsegError
            If the section is proofread or its membranes are not known.
        """
        if threshold <= 0:
            self.hide()
            return
        _, layers = self._desk.need_session()
        tree = self._up_to_date(visible_region(self._desk.viewer, layers.image))
        assert self._dense is not None
        assert self._ids is not None
        self.threshold = threshold
        root = tree.at(threshold)
        self.n_pieces = self._ids.size - 1
        self.n_objects = int(np.unique(root[1:]).size)
        self._draw(self._ids[root][self._dense])

    def hide(self) -> None:
        """Show the labels themselves again."""
        self.threshold = 0.0
        layers, layer, self._layer = self._desk.layers, self._layer, None
        if layer is None or layers is None:
            return
        if layer in layers.owned:
            layers.owned.remove(layer)
        if layer in self._desk.viewer.layers:
            self._desk.viewer.layers.remove(layer)
            self._desk.viewer.layers.selection.active = layers.labels
        layers.labels.visible = True

    def is_stale(self) -> bool:
        """Whether the labels, the locked objects or the section have changed under the preview."""
        session = self._desk.session
        if self._layer is None or self._region is None or self._pieces is None or session is None:
            return False
        if self._desk.section != self._region.start[0] or session.locked != self._locked:
            return True
        return not np.array_equal(session.volume.read(self._region)[0], self._pieces)

    def apply(self) -> int:
        """Keep what is shown as one edit, also where the view was moved meanwhile.

        Returns
        -------
        int
            How many pieces became part of another.

        Raises
        ------
        EmsegError
            If nothing joins.
        """
        session, _ = self._desk.need_session()
        if self.threshold <= 0 or self._region is None or self.n_objects == self.n_pieces:
            raise EmsegError(
                "nothing joins yet", "", "move the slider until pieces of one cell have one colour"
            )
        root = self._up_to_date(self._region).at(self.threshold)
        assert self._ids is not None
        joined = root != np.arange(root.size)
        if not joined.any():
            raise EmsegError(
                "nothing joins any more", "", "what lies here has changed: move the slider again"
            )
        names = dict(zip(self._ids[joined].tolist(), self._ids[root[joined]].tolist(), strict=True))
        z = self._region.start[0]
        # Pieces go on beyond the edge of the view: all of them in this section.
        box = session.volume.find(names, [z])[z]
        labels = session.volume.read(box)
        old, inverse = np.unique(labels, return_inverse=True)
        new = np.array([names.get(int(k), int(k)) for k in old], labels.dtype)[inverse].reshape(labels.shape)
        n = int(joined.sum())
        edit = session.around_people(f"join {counted(n, 'piece')} of section {z}", "human", box, new)
        self.hide()
        session.commit(edit)
        return n

    def _up_to_date(self, region: Region) -> MergeTree:
        from napari_emseg.algorithms.agglomeration import merge_tree

        session, layers = self._desk.need_session()
        z = region.start[0]
        if region.shape[0] != 1:
            raise EmsegError("sections are not on screen", "", "show the stack section by section")
        if session.sections[z].status is Status.PROOFREAD:
            raise EmsegError(
                "this section is proofread and stays as it is", f"section {z}", "go to another one"
            )
        if not layers.boundary_map.covers(region):
            raise EmsegError(
                "the membranes on screen are not all known", f"section {z}", "predict them", action="predict"
            )
        self._desk.sweep()
        pieces, walls = session.volume.read(region)[0], layers.boundary_map.walls(region)[0]
        if (
            self._tree is None
            or self._pieces is None
            or self._walls is None
            or region != self._region
            or session.locked != self._locked
            or not np.array_equal(pieces, self._pieces)
            or not np.array_equal(walls, self._walls)
        ):
            import fastremap

            self._region, self._pieces, self._walls = region, pieces, walls
            self._locked = frozenset(session.locked)
            free = np.where(np.isin(pieces, np.fromiter(self._locked, pieces.dtype)), 0, pieces)
            dense, mapping = fastremap.renumber(free, preserve_zero=True, in_place=False)
            self._dense = dense.astype(np.uint32)
            self._ids = np.zeros(int(dense.max(initial=0)) + 1, pieces.dtype)
            self._ids[[int(n) for n in mapping.values()]] = list(mapping.keys())
            self._tree = merge_tree(self._dense, walls)
        return self._tree

    def _draw(self, joined: NDArray[Any]) -> None:
        _, layers = self._desk.need_session()
        assert self._region is not None
        assert self._pieces is not None
        shown = np.where(joined > 0, joined, self._pieces)[None]
        labels = layers.labels
        offset = np.asarray(labels.translate) + np.array(self._region.start) * np.asarray(labels.scale)
        if self._layer is None or self._layer not in self._desk.viewer.layers:
            self._layer = self._desk.viewer.add_labels(
                shown, name="joined (preview)", scale=labels.scale, translate=offset, units=labels.units,
                axis_labels=labels.axis_labels, colormap=labels.colormap, opacity=labels.opacity,
            )  # fmt: skip
            self._layer.editable = False
            layers.owned.append(self._layer)
            labels.visible = False
            self._desk.viewer.layers.selection.active = labels
            return
        if tuple(self._layer.translate) != tuple(offset):
            self._layer.translate = offset
        self._layer.data = shown


def join_shown(desk: Desk) -> None:
    """Keep what the slider shows."""
    desk.need_session()
    if desk.joining is None:
        raise EmsegError("nothing joins yet", "", "open Seeds & segments and move the slider Join below")
    n = desk.joining.apply()
    desk.say("segment", f"{counted(n, 'piece')} joined.", tone="done", link="Take that back", action="undo")
