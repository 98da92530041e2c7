"""Tidy objects: what would change in the section on screen is shown, and done there or in the whole stack with a button."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.words import counted
from napari_emseg.ui.durations import took
from napari_emseg.ui.runner import Handlers

if TYPE_CHECKING:
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_emseg.core.edit import Edit
    from napari_emseg.core.errors import EmsegError
    from napari_emseg.jobs.tidy_project import TidyResult
    from napari_emseg.ui.desk import Desk

_JOB = "napari_emseg.jobs.tidy_project:run"
_KEY, _LOOK = "tidy", "tidy_preview"
_STAGE = "proofread"
_GOES, _COMES, _OTHER = 1, 2, 3
_COLOURS = {0: "transparent", _GOES: "#d55e00", _COMES: "#009e73", _OTHER: "#56b4e9", None: "transparent"}


class TidyPreview:
    """What the settings would change in the section on screen.

    Parameters
    ----------
    desk : Desk
        With an open stack.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._layer: Labels | None = None
        self._is_wanted = self._is_behind = False
        self.words = ""

    def show(self) -> None:
        """Find out and show it, now and whenever the section or its labels change, until `hide`."""
        self._is_wanted = True
        self._look()

    def hide(self) -> None:
        """Show nothing any more."""
        self._is_wanted = False
        self._desk.runner.drop(_LOOK)
        self._say("")
        self._wipe()

    def look_again(self, changed: object = None) -> None:
        """Something has changed that it depends on."""
        if self._is_wanted:
            self._look()

    def _look(self) -> None:
        from napari_emseg.jobs import tidy_project as job

        desk = self._desk
        session, _ = desk.need_session()
        settings, section = session.get_settings("tidy"), desk.section
        if desk.runner.is_running(_LOOK):
            self._is_behind = True
            return
        self._is_behind = False
        if job.is_idle(settings):
            self._say("Choose what to tidy; what would change is shown.")
            self._wipe()
            return

        def done(result: TidyResult) -> None:
            if self._is_wanted and not self._is_behind:
                self._draw(section, result)
                self._say(_would_words(result))
            again()

        def failed(error: EmsegError) -> None:
            self._wipe()
            self._say(f"{error.what[:1].upper()}{error.what[1:]}.")
            again()

        def again() -> None:
            if self._is_behind and self._is_wanted and self._desk.session is session:
                self._look()

        desk.sweep()
        desk.runner.submit_prepared(
            _LOOK,
            lambda: job.prepare(session, section, settings),
            lambda request, **callbacks: desk.engine.submit(_JOB, request, **callbacks),
            Handlers(done, failed, again, lambda work: None),
        )

    def _say(self, words: str) -> None:
        if words != self.words:
            self.words = words
            self._desk.state_changed.emit()

    def _draw(self, section: int, result: TidyResult) -> None:
        session, layers = self._desk.need_session()
        picture = np.zeros((1, *session.volume.shape[1:]), np.uint8)
        for patch in result.patches:
            _, y, x = patch.region.slices
            picture[0, y, x] = _kinds(patch.before[0], patch.after[0])
        labels = layers.labels
        offset = np.asarray(labels.translate) + np.array([section, 0, 0]) * np.asarray(labels.scale)
        if self._layer is None or self._layer not in self._desk.viewer.layers:
            from napari.utils.colormaps import DirectLabelColormap

            active = self._desk.viewer.layers.selection.active
            self._layer = self._desk.viewer.add_labels(
                picture, name="tidy (preview)", scale=labels.scale, translate=offset, units=labels.units,
                axis_labels=labels.axis_labels, colormap=DirectLabelColormap(color_dict=_COLOURS), opacity=0.9,
            )  # fmt: skip
            self._layer.editable = False
            layers.owned.append(self._layer)
            self._desk.viewer.layers.selection.active = active
            return
        if tuple(self._layer.translate) != tuple(offset):
            self._layer.translate = offset
        self._layer.data = picture

    def _wipe(self) -> None:
        layer, self._layer = self._layer, None
        layers = self._desk.layers
        if layer is None or layers is None:
            return
        if layer in layers.owned:
            layers.owned.remove(layer)
        if layer in self._desk.viewer.layers:
            active = self._desk.viewer.layers.selection.active
            self._desk.viewer.layers.remove(layer)
            if active is layer or active is None:
                active = layers.labels
            self._desk.viewer.layers.selection.active = active


def show_tidy(desk: Desk) -> None:
    """Show the page, or the stage again."""
    desk.need_session()
    desk.asked.emit("tidy")


def tidy(desk: Desk) -> None:
    """Tidy the section on screen, or the whole stack where that was chosen, as one edit."""
    from napari_emseg.jobs import tidy_project as job

    session, layers = desk.need_session()
    settings, runner, engine = session.get_settings("tidy"), desk.runner, desk.engine
    section = None if desk.tidy_all else desk.section
    started = time.monotonic()
    number = runner.generation(_KEY) + 1
    requests: list[Any] = []

    def prepare() -> Any:
        requests.append(job.prepare(session, section, settings, lambda: runner.generation(_KEY) == number))
        return requests[0]

    def submit(request: Any, **callbacks: Any) -> Any:
        lane = "interactive" if section is not None else "background"
        return engine.submit(_JOB, request, lane=lane, **callbacks)

    def done(result: TidyResult) -> None:
        edit = job.finish(session, requests[0], result)
        where = "the whole stack" if section is None else f"section {section}"
        if edit.is_empty:
            desk.say(_STAGE, f"Nothing in {where} is to be tidied with these settings.")
            return
        session.commit(edit, tool="tidy")
        layers.labels.visible = True
        desk.say(
            _STAGE,
            f"{_done_words(edit, result.n_gone)} in {where}, {took(time.monotonic() - started)}.",
            tone="done", link="Take that back", action="undo",
        )  # fmt: skip

    desk.start(_STAGE, "reading the labels")
    runner.submit_prepared(_KEY, prepare, submit, desk.handlers(_STAGE, done))


def _kinds(before: NDArray[Any], after: NDArray[Any]) -> NDArray[np.uint8]:
    """Where something goes, comes, or becomes another object."""
    found = np.where(after == 0, _GOES, np.where(before == 0, _COMES, _OTHER))
    return np.where(before == after, 0, found).astype(np.uint8)


def _would_words(result: TidyResult) -> str:
    if not result.n_voxels:
        return "Nothing would change in this section."
    text = f"{_objects(result.n_changed)} would change here, {result.n_voxels} pixels"
    gone = f"; {result.n_gone} of them would go" if result.n_gone else ""
    return f"{text}{gone}. Red goes, green comes."


def _done_words(edit: Edit, n_gone: int) -> str:
    """What an edit changed, in numbers."""
    ids: set[int] = set()
    n = 0
    for patch in edit.patches:
        changed = patch.before != patch.after
        n += int(changed.sum())
        ids.update(np.unique(patch.before[changed]).tolist(), np.unique(patch.after[changed]).tolist())
    gone = f" {n_gone} of them gone," if n_gone else ""
    return f"{_objects(len(ids - {0}))} tidied,{gone} {counted(n, 'voxel')} changed"


def _objects(n: int) -> str:
    return counted(n, "object")
