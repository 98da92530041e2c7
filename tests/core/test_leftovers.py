"""What killed programs leave beside an output goes with the next run; what others are making stays."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from napari_emseg.core.atomic import write_atomic
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.leftovers import beside, clear, temporary_folder
from napari_emseg.io import open_array, write_array
from napari_emseg.io.atomic import atomic_output
from napari_emseg.session import Session

FOREVER = """
import sys, time
from pathlib import Path
import numpy as np
from napari_emseg.io import write_array

class Slow:
    shape, dtype, ndim = (50, 64, 64), np.dtype("uint8"), 3
    def __getitem__(self, key):
        first = key[0] if isinstance(key, tuple) else key
        if 49 in np.arange(50)[first].ravel():
            Path(sys.argv[2]).touch()
            time.sleep(60)
        return np.random.default_rng(0).integers(0, 255, self.shape, self.dtype)[key]

write_array(sys.argv[1], Slow(), spacing_nm=(50, 4, 4))
"""


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


@pytest.fixture
def killed(tmp_path: Path) -> int:
    """Number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    return process.pid


def owned_by(path: Path, pid: int) -> Path:
    """The same name, of another process."""
    return path.with_name(path.name.replace(f"-{os.getpid()}-", f"-{pid}-"))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("name", ["out.tif", "out.zarr", "out.h5"])
def test_the_next_run_clears_what_a_killed_one_has_left(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / f".{name}.mine").touch()
    half = tmp_path / "half"
    process = subprocess.Popen([sys.executable, "-c", FOREVER, str(folder / name), str(half)])
    try:
        deadline = time.monotonic() + 60
        while not half.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        left = hidden(folder)
        assert len(left) > 1, "it was not killed half-way"
        values = np.ones((3, 8, 8), np.uint8)
        write_array(folder / name, values, spacing_nm=(50, 4, 4))
        assert hidden(folder) == left  # while it lives, what it makes is its own
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    write_array(folder / name, values, spacing_nm=(50, 4, 4))
    assert hidden(folder) == [f".{name}.mine"]
    np.testing.assert_array_equal(open_array(folder / name)[0][:], values)


def test_only_what_is_ours_and_dead_is_removed(tmp_path: Path, killed: int) -> None:
    out, other = tmp_path / "a.tif", tmp_path / "b.tif"
    mine = beside(out, "part", ".tif")
    dead = [owned_by(beside(out, kind), killed) for kind in ("part", "blocks", "frozen", "old")]
    elsewhere = owned_by(beside(out, "part"), killed)
    parts = elsewhere.name.split(".")
    parts[3] = "ffffff" + parts[3][6:]
    elsewhere = elsewhere.with_name(".".join(parts))
    foreign = owned_by(beside(other, "part"), killed)
    out.write_text("an older output")
    for path in (mine, *dead, elsewhere, foreign):
        path.mkdir()
        (path / "inside").touch()
    clear(out)
    assert {path.name for path in tmp_path.iterdir()} == {
        out.name, mine.name, elsewhere.name, foreign.name,
    }  # fmt: skip
    assert out.read_text() == "an older output"


def test_an_output_that_had_stepped_aside_gets_its_name_back(tmp_path: Path, killed: int) -> None:
    out = tmp_path / "a.zarr"
    write_array(out, np.ones((2, 4, 4), np.uint8))
    out.rename(owned_by(beside(out, "old"), killed))
    with pytest.raises(ZeroDivisionError), atomic_output(out):
        raise ZeroDivisionError
    assert open_array(out)[0][:].sum() == 32
    assert hidden(tmp_path) == []


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path, killed: int) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    owned_by(beside(tmp_path / "a.tif", "part"), killed).symlink_to(tmp_path / "precious")
    clear(tmp_path / "a.tif")
    assert hidden(tmp_path) == []
    assert (tmp_path / "precious" / "file").exists()


def test_halves_of_small_files_go_when_the_project_is_opened(tmp_path: Path) -> None:
    from napari_emseg.core.stack import ImageStack

    image = ImageStack(np.zeros((2, 8, 8), np.uint8), (50.0, 4.0, 4.0), "sample", "toy", "sample:toy")
    session = Session.create(tmp_path / "toy.emseg", image)
    session.close()
    left = session.project.folder / f".project.json.{2**22 + 1}-140.part"
    left.write_text("{")
    (session.project.folder / ".keep.part").touch()
    Session.open(session.project.folder, image).close()
    assert hidden(session.project.folder) == [".keep.part"]


KILLED_WRITING = """
import os, signal, sys
from pathlib import Path
from napari_emseg.core.atomic import write_atomic

os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
write_atomic(Path(sys.argv[1]), b"new", after_killed=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_half_of_a_small_file_goes_when_it_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "state.ckpt"
    path.write_bytes(b"old")
    process = subprocess.run([sys.executable, "-c", KILLED_WRITING, str(path)], check=False)
    assert process.returncode == -signal.SIGKILL
    assert len(hidden(tmp_path)) == 1
    assert path.read_bytes() == b"old"
    write_atomic(path, b"newer", after_killed=True)
    assert hidden(tmp_path) == []
    assert path.read_bytes() == b"newer"


KILLED_EDITING = """
import os, signal, sys
from pathlib import Path
import numpy as np
from napari_emseg.core.stack import ImageStack
from napari_emseg.jobs.versions import write_card
from napari_emseg.session import Session

def kill_at(name):
    real = os.fsync
    def fsync(handle):
        if name in os.readlink(f"/proc/self/fd/{handle}"):
            os.kill(os.getpid(), signal.SIGKILL)
        real(handle)
    os.fsync = fsync

image = ImageStack(np.zeros((2, 8, 8), np.uint8), (50.0, 4.0, 4.0), "sample", "toy", "sample:toy")
session = Session.open(Path(sys.argv[1]), image)
session.volume[1, :4] = 7
session.commit_stroke()
kill_at(sys.argv[2])
if "models" in sys.argv[2]:
    from napari_emseg.core.model_card import bundled_name, read_card
    folder = session.project.models / "mine-2"
    folder.mkdir(parents=True, exist_ok=True)
    write_card(folder, read_card(bundled_name("membrane")))
session.save()
session.volume.set_spacing((40.0, 4.0, 4.0))
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the file behind a handle is not told here")
@pytest.mark.parametrize("killed_at", ["/labels.zarr/0/c/1/", "/labels.zarr/.zarr.json", "/models/mine-2/"])
def test_a_killed_project_keeps_no_halves_of_pages_and_cards(tmp_path: Path, killed_at: str) -> None:
    from napari_emseg.core.stack import ImageStack

    image = ImageStack(np.zeros((2, 8, 8), np.uint8), (50.0, 4.0, 4.0), "sample", "toy", "sample:toy")
    folder = tmp_path / "toy.emseg"
    Session.create(folder, image).close()
    process = subprocess.run([sys.executable, "-c", KILLED_EDITING, str(folder), killed_at], check=False)
    assert process.returncode == -signal.SIGKILL
    assert len(list(folder.rglob(".*.part"))) == 1, "it was not killed half-way"
    session = Session.open(folder, image)
    assert session.volume[1, 0, 0] == 7
    session.save()
    session.close()
    assert list(folder.rglob(".*.part")) == []


KILLED_WITH_SCRATCH = """
import os, signal
from napari_emseg.core.leftovers import temporary_folder
with temporary_folder("emseg-toy") as folder:
    (folder / "block").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_temporary_files_of_a_killed_worker_go_with_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    subprocess.run([sys.executable, "-c", KILLED_WITH_SCRATCH], check=False)
    (left,) = tmp_path.iterdir()
    assert (left / "block").exists()
    with temporary_folder("emseg-other"):
        assert left.exists()  # another job's
    with temporary_folder("emseg-toy") as mine:
        assert list(tmp_path.iterdir()) == [mine]
    assert list(tmp_path.iterdir()) == []


KILLED_READING = """
import os, signal, shutil, sqlite3, sys
from pathlib import Path
from napari_emseg.core import database
from napari_emseg.jobs import corrections

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def refused(*_, **__):
    raise sqlite3.OperationalError("unable to open database file")  # a read-only disk, with a log beside the file

what, path = sys.argv[1], Path(sys.argv[2])
if what == "journal":
    database.shutil.copyfile, database.sqlite3.connect = killed, refused
    database.connect_read_only(path)
else:
    corrections.unpack_project = killed
    corrections.find_corrections(None, path)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("what", ["journal", "corrections"])
def test_what_is_copied_to_be_read_goes_with_the_next_one(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a journal on a read-only disk, and of a pack of a colleague."""
    temporary, file = tmp_path / "tmp", tmp_path / "file"
    temporary.mkdir()
    with zipfile.ZipFile(file, "w") as pack:
        pack.writestr("project.json", "{}")
    monkeypatch.setenv("TMPDIR", str(temporary))
    words = [sys.executable, "-c", KILLED_READING, what, str(file)]
    for _ in range(2):  # killed again
        assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
        assert len(list(temporary.iterdir())) == 1


def test_no_room_for_temporary_files_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    said = f"a folder for temporary files cannot be made (the disk is full), {tmp_path}, make room there"
    with pytest.raises(EmsegError, match=re.escape(said)), temporary_folder("emseg-toy"):
        pass
