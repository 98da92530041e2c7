"""The models that are shipped."""

from __future__ import annotations

import imageio.v3 as iio
import numpy as np
import pytest

from napari_emseg.algorithms.metrics.boundary import boundary_scores
from napari_emseg.core.edit import Region
from napari_emseg.core.model_card import WEIGHTS, find_model, list_models, read_card
from napari_emseg.nn.predict import Predictor, predict_volume
from napari_emseg.settings import PredictSettings

MODELS = ("membrane", "membrane-isbi", "membrane-phantom")


@pytest.mark.parametrize("name", MODELS)
def test_each_has_a_card_that_says_where_it_comes_from(name):
    folder = list_models()[name]
    card = read_card(folder)
    assert card.name == name
    assert card.licence
    assert card.limits
    assert card.training["volumes"]
    assert card.scores
    assert (folder / WEIGHTS).stat().st_size < 10e6


@pytest.mark.parametrize("target", ["membrane", "mitochondria", "cleft", "segment"])
def test_targets_are_names_too(target):
    assert target in read_card(find_model(target)).targets


def test_training_and_validation_sections_are_apart():
    for volume in read_card(find_model("membrane")).training["volumes"].values():
        assert not set(volume["train"]) & set(volume["validate"])


def test_membranes_of_a_section_that_it_never_saw(data_dir):
    """Section 22 of the ISBI stack validated; the card's scores are means over five such sections."""
    files = sorted((data_dir / "isbi2012/train/image").glob("*.png"))
    image = np.stack([iio.imread(f) for f in files])
    cells = iio.imread(data_dir / "isbi2012/train/label/22.png") > 0
    predictor = Predictor(find_model("membrane"), "cpu")
    found = predict_volume(
        image,
        predictor,
        spacing_nm=(50, 4, 4),
        region=Region((22, 0, 0), (23, 512, 512)),
        targets=["membrane"],
        settings=PredictSettings(tta="flips"),
    )
    scores = boundary_scores(cells[None], found[0])
    assert scores["v_rand"] > 0.96
    assert scores["v_info"] > 0.96
