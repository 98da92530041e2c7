"""Outputs appear whole or not at all."""

from __future__ import annotations

import errno
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array, write_array
from napari_emseg.io.atomic import atomic_output

STACK = np.arange(3 * 7 * 9, dtype=np.uint8).reshape(3, 7, 9)
SUFFIXES = (".tif", ".h5", ".zarr", "/")


class Breaking:
    """A stack whose second section cannot be read."""

    shape = (3, 7, 9)
    dtype = np.dtype(np.uint8)

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __getitem__(self, key: object) -> np.ndarray:
        first = key[0] if isinstance(key, tuple) else key
        if first != 0:
            raise self.error
        return STACK[key]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("x")])
def test_interrupted_work_leaves_what_was_there(tmp_path: Path, suffix: str, error: BaseException) -> None:
    path = f"{tmp_path}/out{suffix}"
    write_array(path, STACK)
    with pytest.raises(type(error)):
        write_array(path, Breaking(error))
    np.testing.assert_array_equal(np.asarray(open_array(path)[0]), STACK)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_output_is_replaced(tmp_path: Path, suffix: str) -> None:
    path = f"{tmp_path}/new/out{suffix}"
    write_array(path, STACK)
    write_array(path, STACK[:2] + 1)
    np.testing.assert_array_equal(np.asarray(open_array(path)[0]), STACK[:2] + 1)
    assert len(list((tmp_path / "new").iterdir())) == 1


@pytest.mark.parametrize("suffix", [".zarr", "/"])
def test_a_folder_of_something_else_is_never_replaced(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / f"out{suffix}"
    folder.mkdir()
    (folder / "thesis.txt").write_text("x")
    with pytest.raises(EmsegError, match="other things in it"):
        write_array(f"{tmp_path}/out{suffix}", STACK)
    assert (folder / "thesis.txt").exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_full_disk(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=100))
    with pytest.raises(EmsegError, match="the disk is full"):
        write_array(f"{tmp_path}/out{suffix}", STACK)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_folder_that_cannot_be_written(tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("napari_emseg.io.tiff_writing.write_tiff", refuse)
    with pytest.raises(EmsegError, match="the folder cannot be written") as error:
        write_array(tmp_path / "out.tif", STACK)
    assert error.value.where == str(tmp_path)


@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "the disk is full"), (errno.ENOENT, "no such file or directory")]
)
def test_the_long_reports_of_hdf5_become_words(
    tmp_path: Path, number: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(
            f"Unable to create file (unable to open file: errno = {number}, flags = 15, o_flags = c2)"
        )

    monkeypatch.setattr("napari_emseg.io.hdf5_writing.write_hdf5", refuse)
    with pytest.raises(EmsegError, match=said) as error:
        write_array(tmp_path / "out.h5", STACK)
    assert "o_flags" not in str(error.value)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(EmsegError, match="the folder cannot be written"):
            write_array(tmp_path / "out.tif", STACK)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("name", ["out.xyz", "out"])
def test_unknown_format(tmp_path: Path, name: str) -> None:
    with pytest.raises(EmsegError, match="names no output format"):
        write_array(tmp_path / name, STACK)


def test_what_a_format_cannot_hold_names_the_output(tmp_path: Path) -> None:
    with pytest.raises(EmsegError, match="PNG holds no float32") as error:
        write_array(f"{tmp_path}/out/", STACK.astype(np.float32))
    assert error.value.where == f"{tmp_path}/out/"
    with pytest.raises(EmsegError, match="no channels"):
        write_array(f"{tmp_path}/out/", STACK[None], axes="czyx")
    with pytest.raises(EmsegError, match="24 bits") as error:
        write_array(tmp_path / "out.vast", STACK.astype(np.uint32) + 2**24)
    assert error.value.where == f"{tmp_path / 'out.vast'}, section 0"


@pytest.mark.parametrize("shape", [(0, 4, 5), (3, 0, 5)])
@pytest.mark.parametrize("name", ["a.tif", "a.h5", "a.zarr", "a.mrc", "a.n5", "a.wk", "a.vast", "out/"])
def test_an_array_without_voxels_is_refused(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(EmsegError, match="holds no voxels"):
        write_array(f"{tmp_path}/{name}", np.zeros(shape, np.uint8), spacing_nm=(50, 4, 4))
    assert not any(tmp_path.iterdir())


def test_axes_must_fit(tmp_path: Path) -> None:
    with pytest.raises(EmsegError, match="has no axes czyx"):
        write_array(tmp_path / "a.tif", STACK, axes="czyx")
    with pytest.raises(EmsegError, match="cannot be stored"):
        write_array(tmp_path / "a.tif", STACK.astype(complex))


@pytest.mark.parametrize("shape", [(2, 1, 1), (2, 8, 1), (1, 2, 1)])
def test_tiff_refuses_sections_that_would_lose_an_axis(shape, tmp_path):
    with pytest.raises(EmsegError, match=r"cannot be kept in TIFF"):
        write_array(tmp_path / "thin.tif", np.ones(shape, np.uint8))
    assert list(tmp_path.iterdir()) == []


class InOrder:
    """A (c, z, y, x) array whose sections are computed in order; those before the last reading are gone."""

    def __init__(self, values: np.ndarray) -> None:
        self._values, self._first = values, 0
        self.shape, self.dtype, self.ndim = values.shape, values.dtype, 4

    def __getitem__(self, key):
        z = key[1].start if isinstance(key[1], slice) else key[1]
        assert z >= self._first, f"section {z} after section {self._first}"
        self._first = z
        return self._values[key]


@pytest.mark.parametrize("name", ["a.h5", "a.zarr", "a.tif"])
def test_several_channels_that_are_computed_in_order(tmp_path, monkeypatch, name):
    monkeypatch.setattr("napari_emseg.io.boxes._STEP_BYTES", 1)
    monkeypatch.setattr("napari_emseg.io.hdf5_writing._CHUNK", (2, 4, 4))
    values = np.random.default_rng(0).integers(0, 255, (3, 40, 9, 7), dtype=np.uint8)
    write_array(tmp_path / name, InOrder(values), axes="czyx", spacing_nm=(50.0, 4.0, 4.0))
    assert np.array_equal(np.asarray(open_array(tmp_path / name)[0]), values)


def test_an_output_that_its_store_still_writes_to_when_it_is_given_up_goes_all_the_same(tmp_path):
    begun = threading.Event()
    writers: list[threading.Thread] = []

    def straggle(folder: Path) -> None:
        for n in range(12):
            with suppress(OSError):
                folder.mkdir(exist_ok=True)
                (folder / f"{n}").write_bytes(b"late")
            begun.set()
            time.sleep(0.01)

    def given_up() -> None:
        with atomic_output(tmp_path / "o.zarr") as beside:
            writers.append(threading.Thread(target=straggle, args=(beside,)))
            writers[0].start()
            begun.wait()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        given_up()
    writers[0].join()
    assert not list(tmp_path.iterdir())
