"""The desk: what the panels share. It knows the session, the layers and the work in progress; no Qt."""

from __future__ import annotations

import importlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.jobs.doubts import open_doubts
from napari_emseg.ui import labelled
from napari_emseg.ui.actions import ACTIONS
from napari_emseg.ui.bench import Bench, sentence
from napari_emseg.ui.flows import closing, doubting, seeding, synapse_queue
from napari_emseg.ui.flows.asking import refuse_reader
from napari_emseg.ui.hand import Hand
from napari_emseg.ui.labels_layer import LabelsAdapter
from napari_emseg.ui.layers import StackLayers, add_layers
from napari_emseg.ui.runner import Runner
from napari_emseg.ui.settled import Settled
from napari_emseg.ui.shown import forgive
from napari_emseg.ui.state import STAGES
from napari_emseg.ui.synapses.held import HeldSynapses
from napari_emseg.ui.unplaced import lay_on

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from pathlib import Path

    from napari import Viewer
    from napari.layers import Image, Layer

    from napari_emseg.core.edit import Edit
    from napari_emseg.core.sections import SectionState
    from napari_emseg.core.stack import ImageStack
    from napari_emseg.io.choice import SeveralArrays
    from napari_emseg.jobs.doubts import Doubt, Verdict
    from napari_emseg.jobs.suggest import Suggestion, Suggestions
    from napari_emseg.session import Session
    from napari_emseg.settings import Settings
    from napari_emseg.ui.seeds_layer import SeedsLayer
    from napari_emseg.ui.tools import ClickTool


class Desk(Bench):
    """One open stack and the work on it.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the stack is shown.
    post : callable
        Runs a function on the window's thread; may be called from any thread.
    executor : concurrent.futures.Executor
        For short work in this process.
    engine : callable, optional
        Makes the engine when it is first needed.
    """

    session_changed = Signal()
    section_changed = Signal(int)
    opened = Signal(str)
    settings_changed = Signal(str)
    tool_changed = Signal(object)
    asked = Signal(str)
    learned = Signal()
    predicted = Signal()
    cleaned = Signal()

    def __init__(
        self,
        viewer: Viewer,
        *,
        post: Callable[[Callable[[], object]], None],
        executor: Executor,
        engine: Callable[[], Any] | None = None,
    ) -> None:
        super().__init__(Runner(post, executor))
        self.viewer = viewer
        self.post = post
        self.session: Session | None = None
        self.layers: StackLayers | None = None
        self.stage = "data"
        self.tool: ClickTool | None = None
        self.learning: Any = None
        self.version = ""
        self.cleaning: Any = None
        self.aligning: Any = None
        self.doubts: frozenset[int] = frozenset()
        self.doubt: Doubt | None = None
        self.void_doubts: set[tuple[int, ...]] = set()
        self.answered: dict[int, tuple[Doubt, Verdict]] = {}
        self.settled = Settled()
        self.suggestions: Suggestions | None = None
        self.suggested: Suggestion | None = None
        self.labelled: set[int] = set()
        self.seeds: SeedsLayer | None = None
        self.seeds_wanted = False
        self.joining: Any = None
        self.tidy_all = False
        self.is_free = False
        self.without_image: Path | None = None
        self.damaged: tuple[Path, ImageStack | None] | None = None
        self.several: SeveralArrays | None = None
        self.closed: tuple[Path, ImageStack, int] | None = None
        self.conflict = -1
        self.exported: set[str] = set()
        self.measured: Any = None
        self.synapses = HeldSynapses()
        self.device = ""
        self.losses: list[tuple[float, float]] = []
        self._adapter: LabelsAdapter | None = None
        self._hand: Hand | None = None
        self._make_engine = engine
        self._engine: Any = None
        self._section = 0
        self._closed = False
        viewer.dims.events.current_step.connect(self._on_stepped)
        viewer.dims.events.ndisplay.connect(self._on_stepped)
        viewer.dims.events.order.connect(self._on_stepped)
        viewer.layers.events.inserted.connect(self._on_layer_inserted)
        for layer in viewer.layers:
            forgive(layer, self._on_layer_unreadable)

    def signals(self) -> tuple[Any, ...]:
        """All signals of this desk."""
        return (
            self.session_changed, self.section_changed, self.state_changed, self.said, self.amended, self.worked,
            self.opened, self.settings_changed, self.tool_changed, self.asked, self.learned, self.predicted, self.cleaned,
        )  # fmt: skip

    # ------------------------------------------------------------------ what is open

    @property
    def engine(self) -> Any:
        """The engine, started when it is first asked for."""
        if self._engine is None:
            if self._make_engine is None:
                raise EmsegError("there is no engine", "this window", "restart the program")
            self._engine = self._make_engine()
        return self._engine

    @property
    def section(self) -> int:
        """Section on screen."""
        return self._section

    @property
    def measurement(self) -> Any:
        """The numbers that were measured last, also on an earlier day; None if there are none."""
        return None if self.measured is None else self.measured.survey

    def need_session(self) -> tuple[Session, StackLayers]:
        """The open session and its layers.

        Raises
        ------
        EmsegError
            If no stack is open.
        """
        if self.session is None or self.layers is None:
            raise EmsegError("no stack is open", "", "open one in the first panel", action="stage:data")
        return self.session, self.layers

    def show(self, session: Session, *, image: Image | None = None) -> None:
        """Put a session on the desk; an earlier one is closed first, or stays if the disk refuses what was painted last."""
        if self.session is not None and (error := self.session.unsaved()) is not None:
            session.close()
            raise closing.with_way_out(self, error)
        session.notices += self.clear()
        self.closed = self.damaged = self.several = self.without_image = None
        self.session = session
        self.layers = add_layers(self.viewer, session, image=image, failed=self.on_unreadable)
        self._adapter = LabelsAdapter(
            self.layers.labels, session, later=self.post, failed=lambda e: self.fail("proofread", closing.with_way_out(self, e)),
            recovered=lambda: self.say("proofread", "Everything that was painted is saved now.", tone="done"),
        )  # fmt: skip
        self._hand = Hand(self)
        seeding.take_up(self)
        self.labelled = labelled.at_opening(session)
        self.doubts = frozenset(doubt.sections[1] for doubt in open_doubts(session))
        self.answered = doubting.answered(session)
        synapse_queue.take_up(self)
        session.edited.connect(self._on_edited)
        session.sections.changed.connect(self._on_section_state)
        session.notice.connect(self._on_notice)
        self.viewer.layers.events.removed.connect(self._on_layer_removed)
        self.layers.labels.events.editable.connect(
            lambda _event: self.state_changed.emit()
        )  # goes with the layer
        self._on_stepped()
        self.session_changed.emit()
        self.state_changed.emit()

    def clear(self, *, remove_layers: bool = True) -> list[str]:
        """Close the session, if there is one, and take its layers away; what could not be written, in sentences."""
        self.runner.close()
        self.end_all()
        self.set_tool(None)
        if self.session is None:
            return []
        session, layers = self.session, self.layers
        self.sweep()
        self.viewer.layers.events.removed.disconnect(self._on_layer_removed)
        if self._adapter is not None:
            self._adapter.disconnect()
        if self._hand is not None:
            self._hand.let_go()
        seeding.let_go(self)
        session.edited.disconnect(self._on_edited, missing_ok=True)
        session.sections.changed.disconnect(self._on_section_state, missing_ok=True)
        session.notice.disconnect(self._on_notice, missing_ok=True)
        self.session = self.layers = self._adapter = self._hand = None
        self.cleaning = self.aligning = None
        self.labelled, self.doubts, self.learning, self.losses = set(), frozenset(), None, []
        self.doubt = None
        self.void_doubts.clear()
        self.answered.clear()
        self.settled.clear()
        self.suggestions = self.suggested = None
        self.is_free, self.conflict = False, -1
        self.exported.clear()
        self.measured = None
        self.synapses = HeldSynapses()
        self.sayings.clear()
        if layers is not None and remove_layers:
            layers.remove(self.viewer)
        left = closing.end(session)
        self.session_changed.emit()
        self.state_changed.emit()
        return left

    def close(self, *, remove_layers: bool = True) -> None:
        """Close everything; the desk is not used afterwards. A second call does nothing.

        Parameters
        ----------
        remove_layers : bool
            False while the window is being torn down: the layers have lost their canvas already.
        """
        if self._closed:
            return
        self._closed = True
        self.viewer.dims.events.current_step.disconnect(self._on_stepped)
        self.viewer.dims.events.ndisplay.disconnect(self._on_stepped)
        self.viewer.dims.events.order.disconnect(self._on_stepped)
        self.viewer.layers.events.inserted.disconnect(self._on_layer_inserted)
        self.clear(remove_layers=remove_layers)  # what cannot be saved has been asked about: `ui/leaving.py`
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def sweep(self, *, ends_outline: bool = True) -> None:
        """Make an edit of a stroke that has not become one yet; an outline that is being drawn ends, or goes on."""
        if self._adapter is not None:
            self._adapter.sweep(ends_outline=ends_outline)

    @property
    def waits_for_disk(self) -> bool:
        """Whether something that was painted has been refused, and not been saved since."""
        return self._adapter is not None and self._adapter.waits

    def save_what_waits(self) -> None:
        """Save it, if that goes now; it is said once it has gone."""
        if self._adapter is not None:
            self._adapter.try_again()

    def undo(self) -> Edit | None:
        """Take the last edit back; None where that was refused, which has been said then."""
        self.need_session()
        return self._adapter.undo() if self._adapter is not None else None

    def redo(self) -> Edit | None:
        """Make the last undone edit again; None where that was refused, which has been said then."""
        self.need_session()
        return self._adapter.redo() if self._adapter is not None else None

    def new_object(self) -> int:
        """Paint with a fresh id."""
        self.need_session()
        assert self._adapter is not None
        return self._adapter.new_object()

    # ------------------------------------------------------------------ doing

    def do(self, name: str) -> None:
        """Do an action of the table, or open a stage ("stage:predict"); refusals are said in its panel."""
        if name.startswith("stage:"):
            self.open_stage(name.removeprefix("stage:"))
            return
        action = ACTIONS[name]
        module, function = action.target.split(":")
        stage = action.stage or self.stage
        try:
            self.sweep()
            if action.writes:
                refuse_reader(self)
            getattr(importlib.import_module(module), function)(self)
        except EmsegError as error:
            self.open_stage(stage)
            self.fail(stage, error)
        self.state_changed.emit()

    def open_stage(self, name: str) -> None:
        """Open one stage; the others close."""
        if name in {stage for stage, _, _ in STAGES} and name != self.stage:
            self.stage = name
            self.opened.emit(name)

    def set_tool(self, tool: ClickTool | None) -> None:
        """Put a click tool into the person's hand, or take it away."""
        if self.tool is not None:
            self.tool.put_down()
        self.tool = tool
        if tool is not None:
            tool.take_up()
        self.tool_changed.emit(tool)

    def settings(self, stage: str) -> Settings:
        """Settings of a stage as the project remembers them."""
        session, _ = self.need_session()
        return session.get_settings(stage)

    def set_settings(self, stage: str, value: Settings) -> None:
        """Remember settings in the project; where the disk refuses, they hold until the window is closed, and that is said."""
        session, _ = self.need_session()
        try:
            session.set_settings(value)
        except EmsegError as error:
            self.fail(self.stage, error)
        self.settings_changed.emit(stage)

    # ------------------------------------------------------------------ what happens elsewhere

    def _on_stepped(self, event: object = None) -> None:
        if self.layers is None or self.layers.image not in self.viewer.layers:
            return  # without layers the sliders stand nowhere
        from napari_emseg.ui.view import current_section, need_one_section

        with suppress(EmsegError):
            need_one_section(self.viewer, self.layers.image)
            self.settle("show_sections")
        section = current_section(self.viewer, self.layers.image)
        if section != self._section:
            self.sweep()
        self._section = section
        synapse_queue.follow_section(self)
        self.section_changed.emit(section)

    def _on_edited(self, edit: Edit) -> None:
        self.unlink("undo", "redo")
        if self.session is not None:
            self.labelled = labelled.after(self.labelled, edit, self.session.volume)
            doubting.follow(self, edit)
            synapse_queue.follow(self, edit)
        self.state_changed.emit()

    def _on_section_state(self, section: int, state: SectionState) -> None:
        if state.status is not Status.PROOFREAD:
            self.settle("stage:train", "proofread")  # it offers to learn from what has no mark any more
        self.state_changed.emit()

    def _on_notice(self, text: str) -> None:
        self.say(self.stage, text, tone="error")

    def on_unreadable(self, error: EmsegError) -> None:
        """What cannot be read is black on the canvas; said when the view has been drawn, and not twice."""
        self._tell_black(f"{sentence(error)} It is shown black.")

    def _on_layer_unreadable(self, layer: Layer, error: EmsegError) -> None:
        how = "empty" if layer._type_string == "labels" else "black"
        self._tell_black(f"{sentence(error)} “{layer.name}” is shown {how} there.")

    def _tell_black(self, text: str) -> None:
        def tell() -> None:
            said = self.sayings.get(self.stage)
            if not self._closed and (said is None or said.text != text):
                self.say(self.stage, text, tone="error")

        self.post(tell)

    def _on_layer_inserted(self, event: Any) -> None:
        forgive(event.value, self._on_layer_unreadable)
        if self.layers is None:
            return
        from napari_emseg.ui.view import go_to_section

        section = self.section
        if lay_on(event.value, self.layers.image):  # napari takes the slider along to another place
            go_to_section(self.viewer, self.layers.image, section)

    def _on_layer_removed(self, event: Any) -> None:
        if self.layers is not None:
            self.post(lambda: closing.close_after_removal(self))
