"""Random scripts of every kind of edit, with crashes and compaction, against a plain numpy array."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_emseg.core.edit import Edit, Relabel
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.stack import ImageStack
from napari_emseg.proofread.delete import delete
from napari_emseg.proofread.merge import merge
from napari_emseg.proofread.split import split
from napari_emseg.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SHAPE = (2, 520, 24)  # two pages a section


def toy() -> ImageStack:
    return ImageStack(np.zeros(SHAPE, np.uint8), (50.0, 4.6, 4.6), "sample", "toy", "sample:toy")


ids = st.integers(1, 6)
STEPS = st.one_of(
    st.tuples(
        st.just("paint"),
        st.integers(0, 1),
        st.sampled_from([0, 4, 505, 512]),
        st.integers(0, 20),
        st.integers(0, 6),
    ),
    st.tuples(st.just("merge"), ids, ids),
    st.tuples(st.just("delete"), ids),
    st.tuples(st.just("swap"), ids, ids),
    st.tuples(st.just("split"), st.integers(0, 1), st.sampled_from([0, 505])),
    st.sampled_from(
        [
            ("undo",),
            ("undo",),
            ("redo",),
            ("crash",),
            ("reopen",),
            ("flush",),
            ("save",),
            ("compact",),
            ("look",),
        ]
    ),
)


class Model:
    """What the labels must be, with copies for undo and redo; it knows nothing of pages."""

    def __init__(self) -> None:
        self.now = np.zeros(SHAPE, np.uint32)
        self.past: list[np.ndarray] = []
        self.future: list[np.ndarray] = []

    def become(self, labels: np.ndarray) -> None:
        self.past.append(self.now)
        self.future.clear()
        self.now = labels

    def undo(self) -> None:
        if self.past:
            self.future.append(self.now)
            self.now = self.past.pop()

    def redo(self) -> None:
        if self.future:
            self.past.append(self.now)
            self.now = self.future.pop()


class Here:
    """The session that is open at the moment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open()

    def open(self) -> None:
        self.session = Session.open(self.folder, toy())
        self.session.volume.pages.out.delay_s = 1e6  # written out and compacted when the script says so

    def reopen(self) -> None:
        self.session.close()
        self.open()

    def crash(self) -> None:
        self.session.volume.pages.out.may_write = False
        self.session.volume.pages.out.close()
        self.session._journal.close()
        self.session._lock.release()
        self.session._closed = True
        self.open()


def edit_of(session: Session, kind: str, what: list) -> Edit | None:
    volume = session.volume
    try:
        if kind == "merge":
            return merge(volume, what)
        if kind == "delete":
            return delete(volume, what)
        if kind == "swap":
            pairs = ((what[0], what[1]), (what[1], what[0]))
            return Edit("swap", "human", relabel=Relabel(pairs)) if what[0] != what[1] else None
        z, y = what
        return split(volume, [[(z, y, 2)], [(z, y + 3, 5)]])
    except EmsegError:
        return None


def applied(labels: np.ndarray, edit: Edit) -> np.ndarray:
    out = labels.copy()
    for patch in edit.patches:
        out[patch.region.slices] = patch.after
    for old, new in edit.relabel.pairs if edit.relabel else ():
        out[labels == old] = new
    return out


def check(session: Session, model: Model) -> None:
    np.testing.assert_array_equal(np.asarray(session.volume), model.now)
    assert (len(session.history.names()), session.can_redo) == (len(model.past), bool(model.future))


def play(here: Here, model: Model, script: list[tuple], *, look: bool) -> None:
    for kind, *what in script:
        session = here.session
        if kind == "paint":
            z, y, x, value = what
            labels = model.now.copy()
            for target in (labels, session.volume):
                target[z, y : y + 10, x : x + 8] = value
            if session.commit_stroke() is not None:
                model.become(labels)
        elif kind in ("undo", "redo"):
            getattr(session, kind)()
            getattr(model, kind)()
        elif kind == "crash":
            here.crash()
        elif kind == "reopen":
            here.reopen()
        elif kind == "flush":
            session.volume.flush()
        elif kind == "save":
            session._ledger.save()
        elif kind == "compact":
            session._ledger.compaction.run()
        elif kind == "look":
            check(session, model)
        else:
            edit = edit_of(session, kind, what)
            if edit is not None and not edit.is_empty:
                session.commit(edit)
                model.become(applied(model.now, edit))
        if look:
            check(here.session, model)


@given(script=st.lists(STEPS, max_size=40), look=st.booleans(), small=st.booleans())
@settings(max_examples=25, deadline=None)
def test_any_script_equals_the_model(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple], look: bool, small: bool
) -> None:
    """Looking brings pages up to date, so scripts run with and without it, and with a cache that drops pages."""
    folder = tmp_path_factory.mktemp("s") / "toy.emseg"
    Session.create(folder, toy()).close()
    here = Here(folder)
    if small:
        here.session.volume.pages.limit_bytes = 0
    model = Model()
    try:
        play(here, model, script, look=look)
        check(here.session, model)
        while model.past:
            here.session.undo()
            model.undo()
            check(here.session, model)
        while model.future:
            here.session.redo()
            model.redo()
        check(here.session, model)
        here.reopen()
        check(here.session, model)
    finally:
        here.session.close()
