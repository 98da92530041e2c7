"""Which stack, and how large is a voxel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QFormLayout, QLabel, QPushButton, QWidget

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.array_list import ArrayList
from napari_emseg.ui.as_stack import offered
from napari_emseg.ui.decimal_box import DecimalBox
from napari_emseg.ui.flows import opening, other_stack, sharing
from napari_emseg.ui.long_words import NameButton, Words
from napari_emseg.ui.notes import foreign_labels
from napari_emseg.ui.panels.base import StagePanel, action_button, faint, row, set_role, set_words
from napari_emseg.ui.project_drops import ProjectDrops
from napari_emseg.ui.recent_list import RecentProjects
from napari_emseg.ui.saving import may_replace

if TYPE_CHECKING:
    from napari.layers import Image
    from qtpy.QtGui import QShowEvent

    from napari_emseg.core.recent import Recent
    from napari_emseg.session import Session

_FILES = "EM stacks and packs (*.tif *.tiff *.h5 *.hdf *.hdf5 *.zarr *.png *.mrc *.emseg.zip);;All files (*)"
_LARGEST_NM = 1e5
_VOXEL_DIGITS = 6  # after the point; calibrated pixels are of 3.7425 nm, and of 1/240 µm


class DataPanel(StagePanel):
    """Empty: what to do first. Afterwards: what is open, and the voxel size if nobody knows it."""

    stage = "data"

    def build(self) -> None:
        """Buttons that open something; rows about what is open; the question."""
        self._adoptable: Image | None = None
        self._described: tuple[tuple[str, str], ...] = ()
        self.phantom = action_button(self.desk, "open_phantom", primary=True)
        self.adopt = NameButton()
        self.adopt.setObjectName("adopt")
        self.adopt.setProperty("role", "primary")
        self.adopt.clicked.connect(self._on_adopt)
        self.vnc = action_button(self.desk, "open_vnc")
        self.file = QPushButton("Open a stack ...")
        self.file.setObjectName("open_file")
        self.file.setToolTip("TIFF stack, HDF5 or zarr file")
        self.file.clicked.connect(self._on_open_file)
        self.folder = QPushButton("Open a folder ...")
        self.folder.setObjectName("open_folder")
        self.folder.setToolTip("A folder of PNG or TIFF sections, a zarr folder, or a project (NAME.emseg)")
        self.folder.clicked.connect(self._on_open_folder)
        self.facts = QFormLayout()
        self.facts.setHorizontalSpacing(12)
        self.facts.setVerticalSpacing(3)
        self.question = self._build_question()
        self.copy, self.pack, self.corrections = (
            action_button(self.desk, name, text=f"{words} ...")
            for name, words in (
                ("save_copy", "Save a copy"), ("pack", "Pack for a colleague"),
                ("import_corrections", "Import corrections"),
            )
        )  # fmt: skip
        self.take = action_button(self.desk, "take_labels", kind=NameButton)
        self.find_image = action_button(self.desk, "find_image", primary=True, text="Find the image ...")
        self.desk.asked.connect(self._on_asked)
        self.drops = ProjectDrops(self.desk, self.desk.viewer.window._qt_viewer, self)
        self.arrays = ArrayList()
        self.arrays.picked.connect(lambda path: opening.open_path(self.desk, path))
        self.recent = RecentProjects(self.desk)
        self.recent.picked.connect(self._on_recent)
        self.desk.session_changed.connect(self._load_recent)
        self.where = faint()
        self.where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        for part in (self.find_image, self.adopt, self.phantom):
            self.body.addWidget(part)
        self.body.addLayout(self.facts)
        self.body.addWidget(self.question)
        self.body.addLayout(row(self.file, self.folder))
        self.body.addWidget(self.arrays)
        self.body.addWidget(self.vnc)
        self.body.addWidget(self.recent)
        self.body.addWidget(self.where)
        self.body.addWidget(self.take)
        self.body.addLayout(row(self.copy, self.corrections))
        self.body.addWidget(self.pack)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """What is on the disks may have changed."""
        super().showEvent(event)
        self._load_recent()

    def _load_recent(self) -> None:
        if self.desk.session is None:
            self.recent.load()
        else:
            self.recent.setVisible(False)

    def _on_recent(self, one: Recent, there: bool) -> None:
        if there:
            opening.open_path(self.desk, one.folder)
            return
        self.desk.say(
            "data", f"There is no project at {one.folder} any more; the disk may not be connected.",
            tone="error", link="Take it off the list", action="forget_missing",
        )  # fmt: skip

    def hint(self) -> str:
        """The very first words that a new person reads."""
        return (
            "Start here: open a stack of EM sections. New to this? The phantom is a small synthetic stack to "
            "try everything on. Nothing you do can be lost: every edit is kept at once."
        )

    def refresh(self) -> None:
        """Show rows, question or first steps."""
        session = self.desk.session
        self._show_what_is_here(session)
        self._show_ways_to_open(session)
        asks = session is not None and session.image.spacing_nm is None
        for button in (self.copy, self.pack, self.corrections):
            button.setVisible(session is not None and not asks)  # no room for all on a small screen
        self.corrections.setEnabled(session is not None and not session.read_only)
        busy = "data" in self.desk.work
        for opener in (self.phantom, self.vnc, self.file, self.folder, self.adopt, self.copy, self.pack):
            opener.setEnabled(not busy)
        self.recent.setEnabled(not busy)
        self.arrays.show_arrays(None if busy else self.desk.several)
        self._show_facts(session)
        self.where.setVisible(session is not None)
        self.question.setVisible(asks)

    def _show_what_is_here(self, session: Session | None) -> None:
        """Offer what other layers of the window hold."""
        self._adoptable = other_stack.other(self.desk) if session else offered(self.desk)
        self.adopt.setVisible(self._adoptable is not None)
        set_role(self.adopt, "" if session else "primary")
        if self._adoptable is not None:
            self.adopt.setText(f"Work on “{self._adoptable.name}”{' instead' if session else ''}")
        others = foreign_labels(self.desk) if session is not None else []
        self.take.setVisible(bool(others))
        if others:
            set_words(self.take, "take_labels", f"Take over the labels of “{others[-1].name}”")

    def _show_ways_to_open(self, session: Session | None) -> None:
        """Samples for who has opened nothing yet, files and folders for everybody."""
        self.phantom.setVisible(session is None and self._adoptable is None)
        self.vnc.setVisible(session is None)
        missing = session is None and self.desk.without_image is not None
        self.find_image.setVisible(missing)
        set_role(self.phantom, "" if missing else "primary")
        self.file.setText("Another stack ..." if session else "Open a stack ...")
        self.folder.setText("Another folder ..." if session else "Open a folder ...")

    def _show_facts(self, session: Session | None) -> None:
        rows = () if session is None else opening.describe(session)
        if rows != self._described:  # what somebody marks to copy it stays marked
            self._described = rows
            self._fill_facts(rows)
        if session is not None:
            lies = "The project lies in" if session.read_only else "Edits are kept in"
            self.where.setText(f"{lies} {session.project.folder}")

    def _fill_facts(self, rows: tuple[tuple[str, str], ...]) -> None:
        while self.facts.rowCount():
            self.facts.removeRow(0)
        for name, value in rows:
            left, right = faint(name), Words(value)
            right.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self.facts.addRow(left, right)

    def _build_question(self) -> QWidget:
        box = QWidget()
        form = QFormLayout(box)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(QLabel("How large is a voxel?"))
        self.sizes: list[DecimalBox] = []
        for name, words, first in (("x", "Pixel width (x)", 4.0), ("y", "Pixel height (y)", 4.0),
                                   ("z", "Section thickness (z)", 50.0)):  # fmt: skip
            size = DecimalBox()
            size.setObjectName(f"voxel_{name}")
            size.setRange(0.01, _LARGEST_NM)
            size.setDecimals(_VOXEL_DIGITS)
            size.setValue(first)
            size.setSuffix(" nm")
            size.setButtonSymbols(size.ButtonSymbols.NoButtons)
            form.addRow(words, size)
            self.sizes.append(size)
        self.sizes[0].valueChanged.connect(self.sizes[1].setValue)
        use = QPushButton("Use this voxel size")
        use.setObjectName("use_voxel_size")
        use.setProperty("role", "primary")
        use.clicked.connect(self._on_use_size)
        form.addRow(use)
        return box

    def _on_use_size(self) -> None:
        for size in self.sizes:  # what was typed last may not have been taken yet
            size.interpretText()
        x, y, z = (size.value() for size in self.sizes)
        try:
            opening.set_spacing(self.desk, (z, y, x))
        except EmsegError as error:
            self.desk.fail(self.stage, error)

    def _on_open_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a stack", "", _FILES)
        if path:
            opening.open_path(self.desk, path)

    def _on_open_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Open a folder of sections")
        if path:
            opening.open_path(self.desk, path)

    def _on_asked(self, question: str) -> None:
        """Questions of `flows.sharing` that a file dialog answers."""
        ask = {
            "save_copy": self._ask_copy, "pack": self._ask_pack, "find_image": self._ask_image,
            "import_corrections": self._ask_corrections,
        }.get(question)  # fmt: skip
        if ask is None:
            return
        try:
            ask()
        except EmsegError as error:
            self.desk.fail("data", error)

    def _ask_copy(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save a copy", self._beside("-copy.emseg"), "*.emseg")
        if path:
            sharing.copy_to(self.desk, Path(path if path.endswith(".emseg") else f"{path}.emseg"))

    def _ask_pack(self) -> None:
        choice = "With the image (*.emseg.zip)", "Without the image (*.emseg.zip)"
        title = "Pack for a colleague"
        path, chosen = QFileDialog.getSaveFileName(self, title, self._beside(".emseg.zip"), ";;".join(choice))
        if not path:
            return
        target = Path(path if path.endswith(".zip") else f"{path.removesuffix('.emseg')}.emseg.zip")
        # Of a name as typed the dialog has asked.
        if path.endswith(".zip") or may_replace(self, title, target):
            sharing.pack_to(self.desk, target, with_image=chosen != choice[1])

    def _ask_corrections(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Import corrections: a pack, or project.json inside a copy", "",
            "Packs and projects (*.zip project.json)",
        )  # fmt: skip
        if path:
            found = Path(path)
            sharing.import_from(self.desk, found.parent if found.name == "project.json" else found)

    def _ask_image(self) -> None:
        folder = self.desk.without_image
        path, _ = QFileDialog.getOpenFileName(
            self, "Find the image: of a folder, choose any file in it", "", _FILES
        )
        if path and folder is not None:
            opening.open_with_image(self.desk, folder, path)

    def _beside(self, ending: str) -> str:
        session, _ = self.desk.need_session()
        folder = session.project.folder
        return str(folder.with_name(folder.stem + ending))

    def _on_adopt(self) -> None:
        if self._adoptable is not None:
            opening.adopt_or_say(self.desk, self._adoptable)
