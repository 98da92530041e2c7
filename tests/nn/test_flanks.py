"""What labels that touch leave open is decided by what the model sees, on a strip small enough to draw."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage as ndi

from napari_emseg.algorithms.boundaries import flanks, membrane_target
from napari_emseg.core.learning import IGNORE, TrainingVolume
from napari_emseg.core.progress import Silent
from napari_emseg.nn import flanks as deciding
from napari_emseg.nn.checkpoint import load_model
from napari_emseg.nn.first_look import first_look

CPU = torch.device("cpu")

LINE = "??? 11 ???? 00"  # of the truth: open, drawn, open, inside
SEEN = "0.1 0.1 0.1 0.9 0.9 0.8 0.4 0.8 0.2 0.9 0.9"


def strip(text: str) -> np.ndarray:
    values = {"?": IGNORE, "1": 1, "0": 0}
    return np.array([[values[c] for c in text if c != " "]], np.uint8)


def test_what_is_seen_beside_a_line_and_joined_to_it_is_membrane() -> None:
    truth = strip(LINE)
    probability = np.array([[float(p) for p in SEEN.split()]], np.float32)
    flank = np.array([[1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0]], bool)
    found = deciding.thickened(truth, flank, probability)
    np.testing.assert_array_equal(found, strip("??? 11 1??? 00"))
    np.testing.assert_array_equal(truth, strip(LINE))


def test_flanks_are_beside_lines_only_and_not_in_the_middle_of_a_tube() -> None:
    labels = np.ones((9, 60), int)
    labels[:, 30:] = 2
    labels[:, 40:46] = 3
    found = flanks(labels, 8)
    assert found[:, 22:29].all()
    assert not found[:, :21].any()
    assert not found[:, 29:31].any(), "the line itself"
    assert not found[:, 42:44].any(), "the middle of the tube"
    bordered = labels.copy()
    bordered[:, 29:31] = 0
    assert not flanks(bordered, 8)[:, :29].any(), "what is labelled has the thickness that it has"
    assert not flanks(labels, 8, ignore_id=2)[:, 22:29].any()
    assert not flanks(np.ones((4, 4), int), 8).any()


def test_only_sections_that_teach_are_decided(taught, make_lines) -> None:
    network, card = load_model(taught)
    volume = make_lines(2)
    parts, _ = ndi.label(volume.truth["membrane"][0] == 0)
    nearest = ndi.distance_transform_edt(parts == 0, return_distances=False, return_indices=True)
    cells = parts[tuple(nearest)]
    target, weight = membrane_target(cells, 4)
    truth = np.stack([np.where(weight > 0, target, IGNORE).astype(np.uint8)] * 2)
    flank = np.stack([flanks(cells, 8)] * 2)
    given = TrainingVolume("touching", volume.image, 4.6, {"membrane": truth}, (0,), flanks=flank)
    (found,) = first_look([given], network, card, CPU, Silent(), kept=())
    changed = found.truth["membrane"] != truth
    assert changed[0].any()
    assert not changed[1].any()
    assert not changed[~flank].any()
    (plain,) = first_look([volume], network, card, CPU, Silent(), kept=())
    assert plain is volume


@pytest.mark.parametrize("target", ["cleft"])
def test_other_targets_stay(make_lines, taught, target) -> None:
    network, card = load_model(taught)
    volume = make_lines(1)
    other = TrainingVolume(
        "other",
        volume.image,
        4.6,
        {target: volume.truth["membrane"]},
        (0,),
        flanks=np.ones(volume.image.shape, bool),
    )
    assert first_look([other], network, card, CPU, Silent(), kept=())[0] is other
