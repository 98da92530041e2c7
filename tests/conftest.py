"""Fixtures shared by all rooms."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real data; tests that need it skip with the reason when it is not there."""
    value = os.environ.get("NAPARI_EMSEG_DATA", "")
    if not value:
        pytest.skip("NAPARI_EMSEG_DATA is unset: real data are not here")
    folder = Path(value).resolve()
    if not folder.is_dir():
        pytest.skip(f"NAPARI_EMSEG_DATA names no folder: {folder}")
    return folder


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Names of folders that are not there yet. To find one, ``mktemp`` lists the folders of all tests before."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def _own_home(_homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep projects and models that tests make out of the person's own folder."""
    home = next(_homes)
    home.mkdir()
    monkeypatch.setenv("NAPARI_EMSEG_HOME", str(home))


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """A small network with random weights that sees one section on each side."""
    import torch

    from napari_emseg.core.model_card import ModelCard
    from napari_emseg.nn.checkpoint import build, save_model

    card = ModelCard(
        name="toy",
        architecture="space_unet",
        arguments={"widths": [8, 16], "head": 4, "sections": 3, "targets": 2},
        targets=("membrane", "mitochondria"),
        pixel_size_nm=4.6,
        pixel_size_range_nm=(3.2, 6.5),
        context_sections=1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build(card)
    folder = tmp_path_factory.mktemp("models") / "toy"
    save_model(folder, network.state_dict(), card)
    return folder
