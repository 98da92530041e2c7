"""Two real processes on one project: one writes, the other reads, says so, and does not stay behind."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_emseg.core.chronicle import events
from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.following import is_free
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHAPE = (4, 40, 60)

# Does what it is told on standard input, one word a line, and says "done" after each.
WRITER = """
import sys
from pathlib import Path
import numpy as np
from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.session import Session
image = ImageStack(np.zeros((4, 40, 60), np.uint8), (50.0, 5.0, 5.0), "file", "toy", "")
session = Session.open(Path(sys.argv[1]), image)
def paint(z, value):
    region = Region((z, 5, 5), (z + 1, 15, 25))
    before = session.volume.read(region)
    session.commit(Edit("paint", "human", (Patch(region, before, np.full_like(before, value)),)))
print("open", flush=True)
for line in sys.stdin:
    word, *rest = line.split()
    if word == "paint":
        paint(int(rest[0]), int(rest[1]))
    elif word == "mark":
        session.mark(int(rest[0]), Status.PROOFREAD)
    elif word == "lock":
        session.lock(int(rest[0]))
    elif word == "undo":
        session.undo()
    elif word == "save":
        session._ledger.save()
    elif word == "close":
        session.close()
    print("done", flush=True)
"""


class Writer:
    """The other process."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._line() == "open", self.process.stderr.read() if self.process.stderr else ""

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def do(self, *words: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")
        self.process.stdin.flush()
        assert self._line() == "done", self.process.stderr.read() if self.process.stderr else ""

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def image() -> ImageStack:
    return ImageStack(np.zeros(SHAPE, np.uint8), (50.0, 5.0, 5.0), "file", "toy", "")


@pytest.fixture
def writer(tmp_path: Path, image: ImageStack) -> Iterator[Writer]:
    Session.create(tmp_path / "toy.emseg", image).close()
    made = Writer(tmp_path / "toy.emseg")
    yield made
    made.kill()


def test_the_second_reads_only_follows_and_may_write_when_the_first_has_gone(
    writer: Writer, tmp_path: Path, image: ImageStack
) -> None:
    folder = tmp_path / "toy.emseg"
    writer.do("paint", 1, 7)
    reader = Session.open(folder, image)
    seen: list[Any] = []
    reader.edited.connect(seen.append)
    assert reader.read_only
    assert reader.notices[0].startswith(
        f"This project is read-only: it is open in process {writer.process.pid}"
    )
    assert int(reader.volume[1, 10, 10]) == 7
    # it refuses to write
    region = Region((0, 0, 0), (1, 1, 1))
    one = np.ones((1, 1, 1), np.uint32)
    with pytest.raises(EmsegError, match="read-only"):
        reader.commit(Edit("paint", "human", (Patch(region, one * 0, one),)))
    with pytest.raises(EmsegError, match="read-only"):
        reader.volume[0, 0, 0] = 3
    # nothing new: nothing happens
    assert reader.refresh() == 0
    # what the other does is seen, undo included, and so are marks and locks
    writer.do("paint", 2, 9)
    writer.do("mark", 2)
    writer.do("lock", 9)
    writer.do("paint", 1, 8)
    writer.do("undo")
    assert int(reader.volume[2, 10, 10]) == 0
    assert reader.refresh() == 5
    assert (int(reader.volume[2, 10, 10]), int(reader.volume[1, 10, 10])) == (9, 7)
    assert reader.sections[2].status is Status.PROOFREAD
    assert reader.locked == {9}
    assert len(seen) == 5
    assert [e.name for e in events(reader.journal)][:2] == ["paint", "lock object 9"]
    assert not is_free(folder / "lock")
    # also after the other has written everything out and emptied what it does not need any more
    writer.do("paint", 3, 4)
    writer.do("save")
    assert reader.refresh() == 1
    assert int(reader.volume[3, 10, 10]) == 4
    writer.do("close")
    assert is_free(folder / "lock")
    reader.close()
    again = Session.open(folder, image)
    assert not again.read_only
    assert int(again.volume[3, 10, 10]) == 4
    again.close()


def test_a_reader_that_missed_emptied_patches_loads_everything_again(
    writer: Writer, tmp_path: Path, image: ImageStack
) -> None:
    """Undone and replaced work is emptied from the journal once the labels on disk are past it."""
    reader = Session.open(tmp_path / "toy.emseg", image)
    writer.do("paint", 0, 5)
    writer.do("undo")
    writer.do("paint", 1, 6)  # the first is dropped now
    writer.do("save")
    writer.do("paint", 2, 7)
    assert reader.refresh() >= 1
    assert [int(reader.volume[z, 10, 10]) for z in range(3)] == [0, 6, 7]
    reader.close()


def test_a_killed_writer_leaves_the_project_free(writer: Writer, tmp_path: Path, image: ImageStack) -> None:
    writer.do("paint", 1, 7)
    writer.kill()
    assert is_free(tmp_path / "toy.emseg" / "lock")
    session = Session.open(tmp_path / "toy.emseg", image)
    assert not session.read_only
    assert int(session.volume[1, 10, 10]) == 7
    session.close()
