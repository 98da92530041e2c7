from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_image, phantom_sample
from napari_emseg.io.samples import VNC_SPACING_NM, sample_truth
from napari_emseg.io.vnc import vnc_files, vnc_registry


def test_registry_lists_sections_0_to_15() -> None:
    names = list(vnc_registry())
    assert [n for n in names if "raw" in n] == [f"stack1/raw/{z:02d}.tif" for z in range(16)]
    assert [n for n in names if "membranes" in n] == [f"stack1/membranes/{z:02d}.png" for z in range(16)]
    assert all(len(c) == 64 for c in vnc_registry().values())


def test_unknown_sample_lists_those_that_exist() -> None:
    with pytest.raises(EmsegError, match="no such sample, brain, choose one of: phantom, vnc"):
        open_image("sample:brain")


def test_offline_without_a_mirror_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAPARI_EMSEG_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("napari_emseg.io.vnc.BASE_URL", "http://127.0.0.1:9/")  # nobody listens there
    with pytest.raises(EmsegError, match="set NAPARI_EMSEG_DATA to a folder") as error:
        open_image("sample:vnc")
    assert "\n" not in str(error.value)


def test_a_mirror_with_other_content_is_not_trusted_blindly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An incomplete mirror is passed over, not half used."""
    (tmp_path / "vnc/stack1/raw").mkdir(parents=True)
    (tmp_path / "vnc/stack1/raw/00.tif").write_bytes(b"x")
    monkeypatch.setenv("NAPARI_EMSEG_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("napari_emseg.io.vnc.BASE_URL", "http://127.0.0.1:9/")
    with pytest.raises(EmsegError, match="cannot be downloaded"):
        open_image("sample:vnc")


def test_vnc_from_a_mirror(data_dir: Path) -> None:
    stack = open_image("sample:vnc")
    assert stack.shape == (16, 1024, 1024)
    assert (stack.spacing_nm, stack.spacing_source, stack.uri) == (VNC_SPACING_NM, "sample", "sample:vnc")
    first = vnc_files("raw")[0]
    assert hashlib.sha256(first.read_bytes()).hexdigest() == vnc_registry()["stack1/raw/00.tif"]
    assert data_dir in first.resolve().parents


def test_vnc_truth(data_dir: Path) -> None:
    truth = sample_truth("vnc")
    assert truth.membranes.shape == truth.labels.shape == (16, 1024, 1024)
    np.testing.assert_array_equal(truth.labels == 0, truth.membranes)
    assert not set(np.unique(truth.labels[0])[1:]) & set(np.unique(truth.labels[1])[1:])
    assert 0.1 < truth.membranes.mean() < 0.4


def test_phantom_is_made_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small stand-in is enough: what is tested is the cache, not the phantom."""
    made: list[int] = []

    def make(*, seed: int) -> SimpleNamespace:
        made.append(seed)
        image = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
        return SimpleNamespace(image=image, membranes=image > 5, labels=image, spacing_nm=(50, 4, 4))

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(phantom_sample, "load_function", lambda _: make)
    first = phantom_sample.phantom_arrays.__wrapped__()
    again = phantom_sample.phantom_arrays.__wrapped__()
    assert made == [0]
    np.testing.assert_array_equal(first.image, again.image)
    assert (again.labels.dtype, again.membranes.dtype, again.spacing_nm) == (np.uint32, bool, (50, 4, 4))
    for file in (tmp_path / "napari-emseg").iterdir():
        file.write_bytes(b"damaged")
    phantom_sample.phantom_arrays.__wrapped__()
    assert made == [0, 0]


def test_phantom_needs_no_network() -> None:
    stack = open_image("sample:phantom")
    truth = sample_truth("phantom")
    assert stack.shape == truth.labels.shape == truth.membranes.shape
    assert stack.spacing_nm == (50, 4.6, 4.6)
    assert truth.labels.max() > 10
    assert truth.membranes.any()
