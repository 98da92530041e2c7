"""Correct, and say which sections are right."""

from __future__ import annotations

from qtpy.QtWidgets import QPushButton

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.ui.flows import proofreading
from napari_emseg.ui.panels.base import StagePanel, action_button, faint, heading, row, set_words
from napari_emseg.ui.panels.leaving_out import WhyLeftOut
from napari_emseg.ui.tools import ClickTool

_PAINT = (("paint", "Paint", "P"), ("erase", "Erase", "E"), ("fill", "Fill", "F"), ("pick", "Pick", "L"))
_HELP = {
    "paint": "Brush with the chosen id; [ and ] change its size",
    "erase": "Brush that takes ids away",
    "fill": "Give a whole region the chosen id",
    "pick": "Choose the id under the cursor",
}
_STATUS = {
    Status.UNSEEN: "not segmented yet",
    Status.PREDICTED: "segmented, not proofread",
    Status.PROOFREAD: "proofread, teaches the model",
    Status.EXCLUDED: "left out",
}


class ProofreadPanel(StagePanel):
    """Tools, the section's state, and one button to go on with."""

    stage = "proofread"
    primary = "mark_proofread"
    primary_waits = False

    def build(self) -> None:
        """Two rows of tools, history, the section."""
        self.paint_buttons: dict[str, QPushButton] = {}
        for mode, words, key in _PAINT:
            button = QPushButton(f"{words}  {key}")
            button.setObjectName(f"mode_{mode}")
            button.setCheckable(True)
            button.setToolTip(_HELP[mode])
            button.clicked.connect(lambda _on, m=mode: self._on_mode(m))
            self.paint_buttons[mode] = button
        self.tool_buttons = {name: action_button(self.desk, name) for name in ("merge", "cut")}
        for button in self.tool_buttons.values():
            button.setCheckable(True)
        self.new = action_button(self.desk, "new_object")
        self.lock = action_button(self.desk, "lock")
        for button in (*self.paint_buttons.values(), *self.tool_buttons.values(), self.new, self.lock):
            button.setProperty("role", "tool")
        self.undo = action_button(self.desk, "undo")
        self.redo = action_button(self.desk, "redo")
        self.body.addLayout(row(*self.paint_buttons.values()))
        self.body.addLayout(row(*self.tool_buttons.values(), self.new, self.lock, equal=False))
        self.body.addLayout(row(self.undo, self.redo))
        self.section = heading("")
        self.status = faint()
        line = row(self.section, self.status)
        line.setStretch(0, 0)
        self.body.addLayout(line)
        self.desk.tool_changed.connect(self._on_tool)
        self.desk.asked.connect(self._on_asked)
        self.desk.section_changed.connect(lambda _z: self.refresh())
        self.desk.session_changed.connect(self._on_session)

    def after_button(self) -> None:
        """What else can be done with a section, and the answers to a doubt."""
        self.exclude = action_button(self.desk, "exclude")
        self.unmark = action_button(self.desk, "mark_unseen")
        self.suggest = action_button(self.desk, "suggest")
        self.column.addLayout(row(self.exclude, self.unmark))
        self.branches = action_button(self.desk, "show_branches")
        self.tidy = action_button(self.desk, "show_tidy")
        self.column.addLayout(row(self.suggest, self.branches, self.tidy, equal=False))
        self.why = WhyLeftOut()
        self.why.answered.connect(self._on_reason)
        self.why.ended.connect(self.refresh)
        self.column.addWidget(self.why)
        self.answers = [action_button(self.desk, n) for n in ("accept_doubt", "reject_doubt", "decide_later")]
        for button in self.answers:
            button.setProperty("role", "tool")
        self.column.addLayout(row(*self.answers, equal=False))

    def hint(self) -> str:
        """Before the first correction."""
        return (
            "Paint, merge and cut until this section is right, then mark it: marked sections teach the model."
        )

    def refresh(self) -> None:
        """Follow section, history and napari's tool."""
        session, layers = self.desk.session, self.desk.layers
        widgets = [
            *self.paint_buttons.values(),
            *self.tool_buttons.values(),
            self.new,
            self.lock,
            self.exclude,
            self.suggest,
            self.branches,
            self.tidy,
        ]
        for widget in widgets:
            widget.setEnabled(session is not None)
        asking = session is not None and not self.why.isHidden()
        doubt = self.desk.doubt
        for button in self.answers:  # a doubt is answered where it is seen
            button.setVisible(doubt is not None and self.desk.section in doubt.sections and not asking)
        self.why.setVisible(asking)
        self.why.show_section(self.desk.section)
        self.suggest.setVisible(not asking)
        self.branches.setVisible(not asking)
        self.tidy.setVisible(not asking)
        if session is None or layers is None:
            self.undo.setEnabled(False)
            self.redo.setEnabled(False)
            self.section.setText("")
            self.status.setText("")
            self.unmark.setVisible(False)
            return
        self.undo.setEnabled(session.can_undo)
        self.redo.setEnabled(session.can_redo)
        self.undo.setToolTip(
            f"Take back: {session.undo_name}" if session.can_undo else "Nothing to take back"
        )
        self.redo.setToolTip(
            f"Make again: {session.redo_name}" if session.can_redo else "Nothing to make again"
        )
        state = session.sections[self.desk.section]
        self.section.setText(f"Section {self.desk.section}")
        why = f" ({state.reason})" if state.reason else ""
        self.status.setText(_STATUS[state.status] + why)
        done = state.status is Status.PROOFREAD
        set_words(
            self.button, self.primary, "Go on to the next section" if done else "Mark section proofread"
        )
        marked = state.status in (Status.PROOFREAD, Status.EXCLUDED)
        self.unmark.setVisible(marked and not asking)
        self.exclude.setVisible(state.status is not Status.EXCLUDED and not asking)
        for mode, button in self.paint_buttons.items():
            button.setChecked(self.desk.tool is None and str(layers.labels.mode) == mode)

    def _on_session(self) -> None:
        if self.desk.layers is not None:
            self.desk.layers.labels.events.mode.connect(lambda _event: self.refresh())

    def _on_mode(self, mode: str) -> None:
        try:
            proofreading.paint_with(self.desk, mode)
        except EmsegError as error:
            self.desk.fail(self.stage, error)
        self.refresh()

    def _on_tool(self, tool: ClickTool | None) -> None:
        for name, button in self.tool_buttons.items():
            button.setChecked(tool is not None and tool.name == name)
        self.refresh()

    def _on_asked(self, question: str) -> None:
        if question == "exclude":
            if self.why.isHidden():
                self.why.ask(self.desk.viewer.window._qt_viewer.canvas.native)
            else:
                self.why.end()
            self.refresh()

    def _on_reason(self, reason: str) -> None:
        try:
            proofreading.exclude_because(self.desk, reason)
        except EmsegError as error:
            self.desk.fail(self.stage, error)
        self.desk.state_changed.emit()
