"""A target from a handful of clicks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_emseg.cli import main
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent
from napari_emseg.core.stack import ImageStack
from napari_emseg.io import open_array, write_array
from napari_emseg.jobs import few_shot
from napari_emseg.jobs.few_shot import Click
from napari_emseg.nn import few_shot as nn_few_shot


def stack_of(volume):
    return ImageStack(volume.image, (50, 4.6, 4.6), "you", "toy", "toy.tif")


CLICKS = [Click(0, 16, 24, True), Click(0, 40, 17, True), Click(0, 24, 24, False), Click(0, 40, 40, False)]


MORE = [
    Click(0, y, x, on)
    for y, x, on in (
        (33, 8, True), (56, 48, True), (8, 33, True), (5, 49, True),
        (8, 8, False), (28, 19, False), (44, 60, False), (37, 45, False),
    )
]  # fmt: skip


def test_a_handful_of_clicks_finds_the_lines_of_another_section(taught, make_lines):
    """They are two pixels wide. Everything as foreground gives 0.38."""
    volume = make_lines()
    truth = volume.truth["membrane"][2] == 1

    def dice(clicks):
        found = few_shot.run(few_shot.prepare(stack_of(volume), clicks, [2], taught), Silent())
        assert found.shape == (1, 64, 64)
        said = found[0] > 0.5
        return 2 * (said & truth).sum() / (said.sum() + truth.sum())

    assert 0.5 < dice(CLICKS) < dice(CLICKS + MORE)
    assert dice(CLICKS + MORE) > 0.8


def test_clicks_have_to_be_of_both_kinds_and_inside(taught, make_lines):
    stack = stack_of(make_lines())
    with pytest.raises(EmsegError, match="no click outside the target"):
        few_shot.prepare(stack, CLICKS[:2], model=taught)
    with pytest.raises(EmsegError, match="outside of the stack, 9, 0, 0"):
        few_shot.prepare(stack, [*CLICKS, Click(9, 0, 0, True)], model=taught)


def test_the_command(taught, make_lines, tmp_path, capsys):
    write_array(tmp_path / "raw.h5", make_lines().image, spacing_nm=(50, 4.6, 4.6))
    rows = "\n".join(f"{c.z}, {c.y}, {c.x}, {int(c.inside)}" for c in CLICKS)
    (tmp_path / "clicks.csv").write_text("z, y, x, inside\n" + rows + "\n")
    words = ["fewshot", str(tmp_path / "raw.h5"), str(tmp_path / "out.h5"), "--model", str(taught)]
    assert main([*words, "--clicks", str(tmp_path / "clicks.csv")]) == 0
    found = np.asarray(open_array(tmp_path / "out.h5")[0][:])
    assert found.shape == (3, 64, 64)
    for bad in ("1, 2, 3", "1, 2, 3, 2", "1, 2, 3, -1", "1, 2, inf, 1"):
        (tmp_path / "bad.csv").write_text(f"0, 2, 3, 1\n{bad}\n")
        assert main([*words, "--clicks", str(tmp_path / "bad.csv")]) == 1
        assert "not a click" in (said := capsys.readouterr().err)
        assert "line 2" in said


def test_a_card_with_too_little_memory_leaves_it_to_the_processor(monkeypatch):
    """A device that computes nothing takes the place of the card."""
    seen = []

    def features_of(network, block):
        seen.append(block.device.type)
        if block.device.type != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return "features"

    monkeypatch.setattr(nn_few_shot, "features_of", features_of)
    monkeypatch.setattr(nn_few_shot, "to_device", lambda network, device: network)
    found = nn_few_shot._features(torch.nn.Conv2d(1, 1, 1, device="meta"), torch.ones(1, 1, 4, 4))
    assert seen == ["meta", "cpu"]
    assert found == "features"
