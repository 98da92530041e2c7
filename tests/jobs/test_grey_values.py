"""An image is refused where labels or a probability map are wanted; what is wanted is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_emseg.cli import main
from napari_emseg.commands import animate
from napari_emseg.commands.arguments import command_parser, understood
from napari_emseg.commands.reporting import Quiet
from napari_emseg.core.errors import EmsegError
from napari_emseg.io import write_array
from napari_emseg.jobs.evaluate import evaluate_files
from napari_emseg.jobs.join import join_files
from napari_emseg.jobs.measure import measure_file
from napari_emseg.jobs.propagate_file import propagate_file
from napari_emseg.jobs.segment_file import segment_file
from napari_emseg.jobs.synapses import synapses_file
from napari_emseg.jobs.tidy import tidy_file
from napari_emseg.settings import MeasureSettings, TidySettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPACING = (40.0, 8.0, 8.0)
Y, X = np.indices((96, 96))
IMAGE = np.random.default_rng(0).normal(140, 25, (3, 96, 96)).astype(np.uint8)
OBJECTS = np.broadcast_to(1 + Y // 24 * 4 + X // 24, (3, 96, 96)).astype(np.uint8)

WANTED: dict[str, Callable[[Path, Path], Any]] = {
    "propagate": lambda source, out: propagate_file(source, out / "o.h5"),
    "anchors": lambda source, out: propagate_file(out / "ids.h5", out / "o.h5", anchors=source),
    "measure": lambda source, out: measure_file(
        source, out / "o.csv", spacing_nm=SPACING, settings=MeasureSettings(calibre=False)
    ),
    "tidy": lambda source, out: tidy_file(source, out / "o.h5", settings=TidySettings(fill_holes=True)),
    "join": lambda source, out: join_files([out / "ids.h5", source], out / "o.h5"),
    "segment": lambda source, out: segment_file(source, out / "o.h5"),
    "cells": lambda source, out: synapses_file(
        source, out / "o.h5", spacing_nm=SPACING, clefts=out / "ids.h5"
    ),
    "clefts": lambda source, out: synapses_file(
        out / "ids.h5", out / "o.h5", spacing_nm=SPACING, clefts=source
    ),
    "movie": lambda source, out: movie(out / "image.h5", source, out / "o.gif"),
    "truth": lambda source, out: evaluate_files("segmentation", source, out / "ids.h5"),
    "prediction": lambda source, out: evaluate_files("segmentation", out / "ids.h5", source),
}
MAPS = {"segment": "probability of membranes", "clefts": "probability of clefts"}


def movie(image: Path, labels: Path, out: Path) -> None:
    _, parser = command_parser("animate")
    animate.run(understood(parser, [str(image), str(labels), str(out)]), Quiet())


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_array(tmp_path / "ids.h5", OBJECTS, spacing_nm=SPACING, is_labels=True)
    write_array(tmp_path / "image.h5", IMAGE, spacing_nm=SPACING)
    return tmp_path


@pytest.mark.parametrize("command", WANTED)
def test_an_image_is_refused_before_anything_is_written(command: str, files: Path) -> None:
    before = set(files.iterdir())
    wanted = MAPS.get(command, "labels")
    with pytest.raises(EmsegError, match=f"this is an image and no {wanted}: .*, .*image.h5, .*") as refused:
        WANTED[command](files / "image.h5", files)
    assert refused.value.remedy
    assert set(files.iterdir()) == before


@pytest.mark.parametrize("command", [name for name in WANTED if name not in MAPS])
def test_eight_bits_of_object_ids_are_taken(command: str, files: Path) -> None:
    WANTED[command](files / "ids.h5", files)


def test_what_one_section_says_is_not_enough(files: Path) -> None:
    mixed = OBJECTS.copy()
    mixed[1] = IMAGE[1]
    write_array(files / "mixed.h5", mixed, spacing_nm=SPACING)
    WANTED["propagate"](files / "mixed.h5", files)


def test_what_a_model_is_unsure_about_is_still_its_map(files: Path) -> None:
    write_array(
        files / "unsure.h5", IMAGE, spacing_nm=SPACING, metadata={"program": "napari-emseg 0", "model": "new"}
    )
    assert WANTED["segment"](files / "unsure.h5", files)["shape"] == [3, 96, 96]


def test_a_map_of_floats_may_be_unsure_whoever_made_it(files: Path) -> None:
    write_array(files / "unsure.h5", (IMAGE / 255).astype(np.float32), spacing_nm=SPACING)
    assert WANTED["segment"](files / "unsure.h5", files)["shape"] == [3, 96, 96]


def test_ids_that_the_file_calls_ids_are_taken(files: Path) -> None:
    every = np.arange(1, IMAGE.size + 1, dtype=np.uint32).reshape(IMAGE.shape)[:, :40, :40]
    write_array(files / "store.zarr::labels/pixels", every, spacing_nm=SPACING, is_labels=True)
    WANTED["measure"](files / "store.zarr::labels/pixels", files)


def test_an_image_does_not_become_segments_of_vast(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vast", "export", str(files / "image.h5"), str(files / "out")]) == 1
    assert "this is an image and no labels" in capsys.readouterr().err
    assert not (files / "out").exists()
