"""Copies and packs hold everything; what a stranger sends is not trusted."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import stat
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.chronicle import events
from napari_emseg.core.copying import copy_project, freeze
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.packing import MANIFEST, pack_project, unpack_project
from napari_emseg.core.project import load_project
from napari_emseg.io import open_image, write_array
from napari_emseg.session import Session

SHAPE = (3, 40, 50)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A closed project of an image file, with two strokes of which one is undone, and a model."""
    home = tmp_path / "home"
    home.mkdir()
    image = np.arange(np.prod(SHAPE), dtype=np.uint8).reshape(SHAPE)
    write_array(home / "em.tif", image, spacing_nm=(50.0, 4.0, 4.0))
    session = Session.create(home / "em.emseg", open_image(home / "em.tif"))
    session.volume[1, 5:9, 5:9] = 7
    session.commit_stroke()
    session.volume[2, 5:9, 5:9] = 8
    session.commit_stroke()
    session.undo()
    session.close()
    (home / "em.emseg" / "models" / "mine").mkdir()
    (home / "em.emseg" / "models" / "mine" / "card.json").write_text("{}")
    return home / "em.emseg"


def same_work(folder: Path) -> None:
    session = Session.open(folder)
    labels = session.volume.read(Region.full(SHAPE))
    assert int(labels[1, 6, 6]) == 7
    assert int(labels.sum()) == 7 * 16
    assert [e.state for e in events(session.journal)] == ["undone", "done"]
    session.redo()
    assert int(session.volume[2, 6, 6]) == 8
    assert int(session.image.data[0, 0, 7]) == 7
    session.close()
    assert (folder / "models" / "mine" / "card.json").read_text() == "{}"


# ---------------------------------------------------------------- copies


def test_a_copy_lives_on_its_own_and_finds_the_image(folder: Path, tmp_path: Path) -> None:
    copy = copy_project(folder, tmp_path / "elsewhere" / "copy.emseg")
    origin = load_project(copy).origin
    assert origin is not None
    assert (origin.position, origin.max_id) == (3, 8)
    assert load_project(copy).identity == load_project(folder).identity
    same_work(copy)
    same_work(folder)  # untouched by what was done in the copy
    assert sorted(p.name for p in copy.parent.iterdir()) == ["copy.emseg"]


def test_a_copy_with_its_image_can_go_anywhere(folder: Path, tmp_path: Path) -> None:
    copy = copy_project(folder, tmp_path / "copy.emseg", with_image=True)
    (folder.parent / "em.tif").unlink()
    moved = copy.rename(tmp_path / "moved.emseg")
    same_work(moved)


def test_folder_and_image_move_together(folder: Path, tmp_path: Path) -> None:
    home = folder.parent.rename(tmp_path / "another disk")
    same_work(home / "em.emseg")


def test_a_frozen_state_stays_while_work_goes_on(folder: Path, tmp_path: Path) -> None:
    frozen = tmp_path / "frozen"
    frozen.mkdir()
    session = Session.open(folder)
    session.save()
    freeze(folder, frozen)
    session.volume[0, :, :] = 3
    session.commit_stroke()
    session.close()
    same_work(copy_project(folder, tmp_path / "copy.emseg", source=frozen))


def test_a_copy_that_cannot_be_made_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "taken.emseg").mkdir()
    with pytest.raises(EmsegError, match="already something here"):
        copy_project(folder, tmp_path / "taken.emseg")
    (folder.parent / "em.tif").unlink()
    with pytest.raises(EmsegError, match="image of this project is gone"):
        copy_project(folder, tmp_path / "copy.emseg", with_image=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "taken.emseg"]


# ---------------------------------------------------------------- packs


@pytest.mark.parametrize("with_image", [True, False])
def test_a_pack_comes_out_as_it_went_in(folder: Path, tmp_path: Path, with_image: bool) -> None:
    pack = pack_project(folder, tmp_path / "em.emseg.zip", with_image=with_image)
    assert not any(p.name.startswith(".") for p in tmp_path.iterdir())
    there = tmp_path / "colleague"
    there.mkdir()
    unpacked = unpack_project(pack, there / "em.emseg")
    if with_image:
        (folder.parent / "em.tif").unlink()
    else:
        assert str(tmp_path) not in (unpacked / "project.json").read_text()
        (folder.parent / "em.tif").rename(there / "em.tif")  # where it is looked for
    same_work(unpacked)


def test_a_pack_takes_the_place_of_another_only_when_it_is_complete_and_may(
    folder: Path, tmp_path: Path
) -> None:
    pack = tmp_path / "em.emseg.zip"
    pack.write_bytes(b"of last week")
    with pytest.raises(EmsegError, match="already something here"):
        pack_project(folder, pack)
    (folder / "models" / "mine" / "run.py").write_text("")
    with pytest.raises(EmsegError, match=r"run\.py"):
        pack_project(folder, pack, replaces=True)
    assert pack.read_bytes() == b"of last week"
    (folder / "models" / "mine" / "run.py").unlink()
    same_work(unpack_project(pack_project(folder, pack, replaces=True), tmp_path / "there.emseg"))
    with pytest.raises(EmsegError, match="already something here"):
        pack_project(folder, tmp_path / "there.emseg", replaces=True)  # a folder is no pack


@pytest.mark.skipif(sys.platform == "win32", reason="the other tests show it there")
def test_only_what_may_be_written_is_synced(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def as_windows(handle: int) -> None:
        is_read_only = fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
        if is_read_only and not stat.S_ISDIR(os.fstat(handle).st_mode):
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "fsync", as_windows)
    assert pack_project(folder, tmp_path / "em.emseg.zip").is_file()


def test_the_default_name_is_that_of_the_pack(folder: Path, tmp_path: Path) -> None:
    pack = pack_project(folder, tmp_path / "em.emseg.zip")
    assert unpack_project(pack) == tmp_path / "em.emseg"
    with pytest.raises(EmsegError, match="already something here"):
        unpack_project(pack)
    with pytest.raises(EmsegError, match="already something here"):
        pack_project(folder, pack)


def test_a_zarr_image_goes_with_its_folder(tmp_path: Path) -> None:
    image = np.arange(np.prod(SHAPE), dtype=np.uint8).reshape(SHAPE)
    write_array(tmp_path / "em.zarr", image, spacing_nm=(50.0, 4.0, 4.0))
    Session.create(tmp_path / "em.emseg", open_image(tmp_path / "em.zarr")).close()
    pack = pack_project(tmp_path / "em.emseg", tmp_path / "em.emseg.zip")
    session = Session.open(unpack_project(pack, tmp_path / "out.emseg"))
    np.testing.assert_array_equal(session.image.data[:], image)
    assert "out.emseg" in session.image.uri
    session.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no file can be called so there")
@pytest.mark.parametrize("name", ["scan 12:30.tif", "a\\b.tif"])
def test_an_image_that_nobody_could_unpack_is_refused_when_packing(tmp_path: Path, name: str) -> None:
    write_array(tmp_path / name, np.zeros(SHAPE, np.uint8), spacing_nm=(50.0, 4.0, 4.0))
    Session.create(tmp_path / "em.emseg", open_image(tmp_path / name)).close()
    with pytest.raises(EmsegError, match="nobody could unpack it: a name in it leads elsewhere"):
        pack_project(tmp_path / "em.emseg", tmp_path / "em.zip")
    assert not any(path.name.startswith(".") or path.suffix == ".zip" for path in tmp_path.iterdir())
    pack = pack_project(tmp_path / "em.emseg", tmp_path / "em.zip", with_image=False)
    unpack_project(pack, tmp_path / "out.emseg")


def test_a_program_in_the_folder_of_a_project_is_refused_when_packing(folder: Path, tmp_path: Path) -> None:
    (folder / "figure.py").write_text("print()")
    with pytest.raises(EmsegError, match=r"could run programs \('figure\.py'\)"):
        pack_project(folder, tmp_path / "em.zip")
    (folder / "figure.py").unlink()
    unpack_project(pack_project(folder, tmp_path / "em.zip"), tmp_path / "out.emseg")


def remade(pack: Path, change: Callable[[dict[str, bytes], dict[str, Any]], None], **entry: int) -> Path:
    """The pack with other content, and a manifest that agrees unless ``change`` makes it lie."""
    with zipfile.ZipFile(pack) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name != MANIFEST}
        manifest = json.loads(archive.read(MANIFEST))
    lies: dict[str, Any] = {}
    change(files, lies)
    manifest["files"] = [
        {"path": n, "size": len(b), "sha256": hashlib.sha256(b).hexdigest()} for n, b in files.items()
    ]
    manifest |= {k: v for k, v in lies.items() if k in ("format", "version")}
    for listed in manifest["files"]:
        listed |= lies.get(listed["path"], {})
    out = pack.with_name("bad.zip")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (
                entry.get("mode", 0o644) << 16 if name == lies.get("special") else 0o644 << 16
            )
            archive.writestr(info, content)
        archive.writestr(MANIFEST, json.dumps(manifest))
    return out


HOSTILE = {
    "a path upwards": ("leads elsewhere", lambda f, _: f.update({"../evil.txt": b"x"})),
    "an absolute path": ("leads elsewhere", lambda f, _: f.update({"/tmp/evil.txt": b"x"})),
    "a drive": ("leads elsewhere", lambda f, _: f.update({"C:/evil.txt": b"x"})),
    "backslashes": ("leads elsewhere", lambda f, _: f.update({"..\\evil.txt": b"x"})),
    "a dot in between": ("leads elsewhere", lambda f, _: f.update({"models/./evil.txt": b"x"})),
    "a pickle": ("could run programs", lambda f, _: f.update({"models/m/weights.pkl": b"x"})),
    "a bomb": ("no project does", lambda f, _: f.update({"models/zeros": b"\0" * 100_000_000})),
    "a lie about a size": ("not as large", lambda f, lies: lies.update({"project.json": {"size": 5}})),
    "a damaged file": ("is damaged", lambda f, lies: lies.update({"project.json": {"sha256": "0" * 64}})),
    "another manifest": ("not ours", lambda f, lies: lies.update(format="something")),
    "a newer pack": ("a newer napari-emseg", lambda f, lies: lies.update(version=99)),
    "no journal": ("no project in it", lambda f, _: f.pop("journal.sqlite")),
    "a journal that is none": ("journal is damaged", lambda f, _: f.update({"journal.sqlite": b"x" * 5000})),
    "a project of a newer version": (
        "a newer napari-emseg",
        lambda f, _: f.update({"project.json": f["project.json"].replace(b'"version": 2', b'"version": 99')}),
    ),
    "two names that differ in capitals": ("capitals", lambda f, _: f.update({"Project.json": b"{}"})),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_packs_are_refused_and_leave_nothing(folder: Path, tmp_path: Path, name: str) -> None:
    words, change = HOSTILE[name]
    pack = remade(pack_project(folder, tmp_path / "em.emseg.zip", with_image=False), change)
    place = tmp_path / "place"
    place.mkdir()
    with pytest.raises(EmsegError, match=words):
        unpack_project(pack, place / "em.emseg")
    assert list(place.iterdir()) == []
    assert not (tmp_path / "evil.txt").exists()


def test_links_and_triggers_are_refused(folder: Path, tmp_path: Path) -> None:
    pack = pack_project(folder, tmp_path / "em.emseg.zip", with_image=False)

    def link(files: dict[str, bytes], lies: dict[str, Any]) -> None:
        files["models/link"] = b"/etc/passwd"
        lies["special"] = "models/link"

    with pytest.raises(EmsegError, match="no file"):
        unpack_project(remade(pack, link, mode=stat.S_IFLNK | 0o777), tmp_path / "a.emseg")

    def trigger(files: dict[str, bytes], _: dict[str, Any]) -> None:
        place = tmp_path / "j.sqlite"
        place.write_bytes(files["journal.sqlite"])
        db = sqlite3.connect(place)
        db.execute("CREATE TRIGGER t AFTER INSERT ON log BEGIN DELETE FROM edits; END")
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        files["journal.sqlite"] = place.read_bytes()

    with pytest.raises(EmsegError, match="more than data"):
        unpack_project(remade(pack, trigger), tmp_path / "b.emseg")


def test_files_that_are_no_packs_are_one_sentence(folder: Path, tmp_path: Path) -> None:
    pack = pack_project(folder, tmp_path / "em.emseg.zip", with_image=False)
    whole = pack.read_bytes()
    bad = tmp_path / "bad.zip"
    for content in (b"", b"hello", whole[: len(whole) // 2], whole[:-30]):
        bad.write_bytes(content)
        with pytest.raises(EmsegError, match="damaged, or no pack"):
            unpack_project(bad, tmp_path / "x.emseg")
    broken = bytearray(whole)
    broken[len(whole) // 3] ^= 0xFF
    bad.write_bytes(bytes(broken))
    with pytest.raises(EmsegError):
        unpack_project(bad, tmp_path / "x.emseg")
    with pytest.raises(EmsegError, match="no such file"):
        unpack_project(tmp_path / "nothing.zip")
    assert not (tmp_path / "x.emseg").exists()
