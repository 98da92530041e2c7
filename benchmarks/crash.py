"""Claim: 1000 random ``kill -9`` during editing lose no durable edit, and undo stays exact.

A child process edits a project with a random script (paint, accept a prediction, propagate, merge, delete, split, cut,
mark, lock, undo, redo, save), while idle time brings its files up to date with merges and deletions. Before each edit it
tells its parent what it is about to do, and once the edit is durable it says so. The parent kills it at a random
moment, reopens the project, and compares labels, section states, locks and both undo stacks with an oracle that knows
nothing of journals: a numpy array and copies.

Run ``python benchmarks/crash.py --kills 1000``; several runs with different seeds may go side by side.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.proofread.cut import cut_along
from napari_emseg.proofread.delete import delete
from napari_emseg.proofread.lock import toggle_lock
from napari_emseg.proofread.merge import merge
from napari_emseg.proofread.split import split
from napari_emseg.session import Session

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SHAPE = (3, 520, 530)
ACKNOWLEDGED = "durable"
_LONGEST_S = 0.6  # a child lives at most this long


def toy_image() -> ImageStack:
    """A blank stack; only its shape matters here."""
    return ImageStack(np.zeros(SHAPE, np.uint8), (50.0, 4.6, 4.6), "sample", "toy", "sample:toy")


# --- the child: random edits ---------------------------------------------------------------------------


def edit_forever(folder: Path, seed: int, pipe: Connection) -> None:
    """Open the project and edit until killed."""
    session = Session.open(folder, toy_image())
    session.volume.pages.out.delay_s = 0.01  # write out all the time: more moments at which to be killed
    rng = np.random.default_rng(seed)
    session.volume.pages.limit_bytes = int(rng.choice([0, 2**22, 2**29]))  # and often drop pages all the time
    actions = [paint, paint, paint, accept, carry, unite, unite, remove, divide, cut, mark, lock]
    actions += [undo, undo, undo, redo, redo, save]
    while True:
        try:
            actions[rng.integers(len(actions))](session, rng, pipe)
        except EmsegError:
            continue  # the random script asked for something impossible; nothing happened


def paint(session: Session, rng: np.random.Generator, pipe: Connection) -> None:
    """A stroke of a few square dabs, sometimes through several sections."""
    dabs = []
    value = int(rng.integers(0, 12))
    y, x = (int(rng.integers(n)) for n in SHAPE[1:])
    z0 = int(rng.integers(0, SHAPE[0]))
    z1 = min(SHAPE[0], z0 + int(rng.integers(1, 3)))
    for _ in range(int(rng.integers(1, 8))):
        y, x = (
            int(np.clip(y + rng.integers(-20, 21), 0, 519)),
            int(np.clip(x + rng.integers(-20, 21), 0, 529)),
        )
        dabs.append((z0, z1, max(0, y - 12), y + 12, max(0, x - 12), x + 12, value))
    pipe.send(("write", "paint", dabs))
    for a, b, c, d, e, f, v in dabs:
        session.volume[a:b, c:d, e:f] = v
    if session.commit_stroke() is not None:
        pipe.send(ACKNOWLEDGED)
    else:
        pipe.send("nothing")


def accept(session: Session, rng: np.random.Generator, pipe: Connection) -> None:
    """A model's labels, written around proofread and excluded sections and locked objects."""
    y, x = int(rng.integers(0, 400)), int(rng.integers(0, 400))
    region = Region((0, y, x), (SHAPE[0], y + 120, x + 120))
    labels = np.kron(rng.integers(1, 30, (SHAPE[0], 4, 4)), np.ones((1, 30, 30), int))
    pipe.send(("accept", "accept prediction", (region.start, region.stop, labels)))
    edit = session.around_people("accept prediction", "model", region, labels)
    _commit(session, edit, pipe)


def carry(session: Session, rng: np.random.Generator, pipe: Connection) -> None:
    """Ids of one section carried to the next, around the same."""
    z = int(rng.integers(SHAPE[0] - 1))
    region = Region((z + 1, 100, 100), (z + 2, 300, 300))
    labels = np.roll(session.volume[z : z + 1, 100:300, 100:300], 3, axis=2)
    pipe.send(("accept", "carry ids", (region.start, region.stop, labels)))
    edit = session.around_people("carry ids", "propagation", region, labels)
    _commit(session, edit, pipe)


def remove(session: Session, rng: np.random.Generator, pipe: Connection) -> None:
    """Delete a random object."""
    edit = delete(session.volume, [int(rng.integers(1, 40))])
    assert edit.relabel is not None
    pipe.send(("replace", edit.name, (edit.relabel.pairs[0][0], 0)))
    _commit(session, edit, pipe)


def unite(session: Session, rng: np.random.Generator, pipe: Connection) -> None:
    """Merge two random objects."""
    ids = [int(i) for i in rng.choice(np.arange(1, 40), 2, replace=False)]
    edit = merge(session.volume, ids)
    pipe.send(("replace", edit.name, (ids[1], ids[0])))
    _commit(session, edit, pipe)


def divide(session: Session, rng: np.random.Generator, pipe: Connection) -> None:
    """Split the object under a random pixel."""
    z, y, x = (int(rng.integers(0, n - 9)) if n > 9 else int(rng.integers(n)) for n in SHAPE)
    edit = split(session.volume, [[(z, y, x)], [(z, y + 8, x + 8)]])
    pipe.send(("paste", edit.name, [(p.region.start, p.region.stop, p.after) for p in edit.patches]))
    _commit(session, edit, pipe)


def cut(session: Session, rng: np.random.Generator, pipe: Connection) -> None:
    """Cut along a random line."""
    line = rng.integers(0, 520, (2, 2)).tolist()
    edit = cut_along(session.volume, line, int(rng.integers(SHAPE[0])))
    pipe.send(("paste", edit.name, [(p.region.start, p.region.stop, p.after) for p in edit.patches]))
    _commit(session, edit, pipe)


def mark(session: Session, rng: np.random.Generator, pipe: Connection) -> None:
    """Change the state of a section."""
    section = int(rng.integers(SHAPE[0]))
    status = list(Status)[int(rng.integers(4))]
    pipe.send(("mark", f"mark section {section} {status}", (section, str(status))))
    pipe.send(ACKNOWLEDGED if not session.mark(section, status).is_empty else "nothing")


def lock(session: Session, rng: np.random.Generator, pipe: Connection) -> None:
    """Lock or unlock an object."""
    edit = toggle_lock(session.locked, int(rng.integers(1, 12)))
    pipe.send(("lock", edit.name, (edit.locks[0].object_id, edit.locks[0].after)))
    _commit(session, edit, pipe)


def undo(session: Session, _rng: np.random.Generator, pipe: Connection) -> None:
    """Take one edit back."""
    pipe.send(("undo", "", None))
    pipe.send(ACKNOWLEDGED if session.undo() is not None else "nothing")


def redo(session: Session, _rng: np.random.Generator, pipe: Connection) -> None:
    """Do one edit again."""
    pipe.send(("redo", "", None))
    pipe.send(ACKNOWLEDGED if session.redo() is not None else "nothing")


def save(session: Session, _rng: np.random.Generator, _pipe: Connection) -> None:
    """Write everything out now."""
    session.save()


def _commit(session: Session, edit: Any, pipe: Connection) -> None:
    empty = edit.is_empty
    session.commit(edit)
    pipe.send("nothing" if empty else ACKNOWLEDGED)


# --- the oracle ----------------------------------------------------------------------------------------------


@dataclass
class State:
    """Everything that a person would miss."""

    labels: np.ndarray
    statuses: list[str]
    locked: frozenset[int]

    def packed(self) -> tuple[bytes, list[str], frozenset[int]]:
        """A small copy."""
        return zlib.compress(self.labels.tobytes(), 1), list(self.statuses), self.locked

    @classmethod
    def of(cls, packed: tuple[bytes, list[str], frozenset[int]]) -> State:
        """Undo `packed`."""
        labels = np.frombuffer(zlib.decompress(packed[0]), np.uint32).reshape(SHAPE).copy()
        return cls(labels, list(packed[1]), packed[2])


@dataclass
class Oracle:
    """What the project must be: the present state, and copies of what undo and redo must give."""

    now: State = field(
        default_factory=lambda: State(np.zeros(SHAPE, np.uint32), ["unseen"] * SHAPE[0], frozenset())
    )
    past: list[tuple[str, Any]] = field(default_factory=list)
    future: list[tuple[str, Any]] = field(default_factory=list)

    def do(self, kind: str, name: str, what: Any) -> None:
        """Carry out what the child said that it would do."""
        if kind == "undo":
            name, packed = self.past.pop()
            self.future.append((name, self.now.packed()))
            self.now = State.of(packed)
            return
        if kind == "redo":
            name, packed = self.future.pop()
            self.past.append((name, self.now.packed()))
            self.now = State.of(packed)
            return
        self.past.append((name, self.now.packed()))
        self.future.clear()
        labels = self.now.labels
        if kind == "write":
            for z0, z1, y0, y1, x0, x1, value in what:
                labels[z0:z1, y0:y1, x0:x1] = value
        elif kind == "replace":
            labels[labels == what[0]] = what[1]
        elif kind == "paste":
            for start, stop, after in what:
                labels[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = after
        elif kind == "accept":
            start, stop, new = what
            box = labels[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
            free = ~np.isin(box, list(self.now.locked))
            for n, z in enumerate(range(start[0], stop[0])):
                free[n] &= self.now.statuses[z] not in ("proofread", "excluded")
            box[free] = new[free]
        elif kind == "mark":
            self.now.statuses[what[0]] = what[1]
        elif kind == "lock":
            self.now.locked = self.now.locked | {what[0]} if what[1] else self.now.locked - {what[0]}
        else:
            raise AssertionError(kind)

    def differs(self, session: Session) -> str:
        """What is different in the project, or empty."""
        if [str(state.status) for state in session.sections] != self.now.statuses:
            return "section states"
        if frozenset(session.locked) != self.now.locked:
            return "locks"
        if session.history.names() != [name for name, _ in self.past]:
            return "undo stack"
        if session.redo_name != (self.future[-1][0] if self.future else ""):
            return "redo stack"
        labels = np.asarray(session.volume)
        if not np.array_equal(labels, self.now.labels):
            return f"{np.count_nonzero(labels != self.now.labels)} voxels"
        return ""


# --- the parent --------------------------------------------------------------------------------------------------


def read_pipe(pipe: Connection) -> list[Any]:
    """Everything that the child managed to say."""
    said: list[Any] = []
    try:
        while pipe.poll():
            said.append(pipe.recv())
    except (EOFError, OSError):
        pass  # killed in the middle of a sentence
    return said


def one_kill(folder: Path, oracle: Oracle, seed: int, rng: np.random.Generator) -> tuple[int, bool]:
    """Let a child edit, kill it, and check; returns its durable edits and whether one more was found."""
    here, there = multiprocessing.Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        here.close()
        try:
            edit_forever(folder, seed, there)
        except BaseException as error:
            print("child:", repr(error), file=sys.stderr)
        os._exit(1)
    there.close()
    said: list[Any] = []
    deadline = time.monotonic() + rng.uniform(0.005, _LONGEST_S)
    while time.monotonic() < deadline:
        if here.poll(0.001):
            try:
                said.append(here.recv())
            except EOFError:
                raise AssertionError("the child ended by itself") from None
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    said += read_pipe(here)
    here.close()
    durable, pending = 0, None
    for word in said:
        if isinstance(word, tuple):
            pending = word
        else:
            if word == ACKNOWLEDGED:
                assert pending is not None
                oracle.do(*pending)
                durable += 1
            pending = None
    session = Session.open(folder, toy_image())
    try:
        difference = oracle.differs(session)
        extra = bool(difference) and pending is not None
        if extra:  # killed between becoming durable and saying so
            if pending[0] not in ("undo", "redo") or (oracle.past if pending[0] == "undo" else oracle.future):
                oracle.do(*pending)
            difference = oracle.differs(session)
        assert not difference, f"{difference} differ after kill with seed {seed}"
        if rng.random() < 0.15:
            check_undo(session, oracle, int(rng.integers(1, 30)))
    finally:
        session.close()
    return durable, extra


def check_undo(session: Session, oracle: Oracle, depth: int) -> None:
    """Undo a number of edits and redo them, comparing every state."""
    steps = min(depth, len(oracle.past))
    for kind in ["undo"] * steps + ["redo"] * steps:
        (session.undo if kind == "undo" else session.redo)()
        oracle.do(kind, "", None)
        difference = oracle.differs(session)
        assert not difference, f"{difference} differ after {kind}"


def main(argv: list[str] | None = None) -> int:
    """Kill a child many times; print what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--undo", type=int, default=300, help="how many edits to take back at the end")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    rng = np.random.default_rng(options.seed)
    oracle = Oracle()
    began = time.monotonic()
    edits = extras = 0
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "toy.emseg"
        Session.create(folder, toy_image()).close()
        for n in range(options.kills):
            durable, extra = one_kill(folder, oracle, options.seed * 100_000 + n, rng)
            edits += durable
            extras += extra
        session = Session.open(folder, toy_image())
        steps = min(len(oracle.past), options.undo)
        check_undo(session, oracle, steps)
        session.close()
    print(
        f"{options.kills} kills, {edits} durable edits, none lost; {extras} more were durable but not yet said so; "
        f"{steps} edits undone and redone exactly; {time.monotonic() - began:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
