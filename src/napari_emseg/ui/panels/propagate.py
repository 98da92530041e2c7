"""The same id for the same object in the next sections."""

from __future__ import annotations

from napari_emseg.core.words import counted
from napari_emseg.settings import PropagateSettings
from napari_emseg.ui.panels.base import StagePanel, set_words


class PropagatePanel(StagePanel):
    """How many sections, which way."""

    stage = "propagate"
    primary = "propagate"

    def build(self) -> None:
        """The generated form."""
        self.form = self.settings_form("propagate")
        self.form.changed.connect(lambda _value: self.refresh())
        self.body.addWidget(self.form)

    def hint(self) -> str:
        """Before the first time."""
        return (
            "Segments the next sections where they are not yet, around what is painted there, and gives every "
            "object the id that it has here. Proofread sections are never changed."
        )

    def refresh(self) -> None:
        """Say on the button what will happen."""
        settings = self.form.value
        assert isinstance(settings, PropagateSettings)
        n = settings.sections
        if self.desk.session is not None:  # the stack may end before
            behind = self.desk.section
            ahead = self.desk.session.volume.shape[0] - 1 - behind
            room = {"forwards": (ahead,), "backwards": (behind,), "both": (ahead, behind)}[settings.direction]
            n = sum(min(n, some) for some in room) or n
        where = {"forwards": "the next ", "backwards": "the previous ", "both": ""}[settings.direction]
        around = " before and behind" if settings.direction == "both" else ""
        set_words(self.button, self.primary, f"Carry ids to {where}{counted(n, 'section')}{around}")
