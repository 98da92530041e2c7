"""The recipes that are shipped are ones that this version can train."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from napari_emseg.core.model_card import find_model, read_card
from napari_emseg.core.resources import resource_path
from napari_emseg.jobs.recipe import read_recipe
from napari_emseg.nn.checkpoint import make_network
from napari_emseg.nn.losses.combine import TrainingLoss
from napari_emseg.nn.recipe import TrainRecipe

RECIPES = sorted(Path(resource_path("recipes")).glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_each_names_networks_losses_and_data_that_exist(path):
    settings, volumes = read_recipe(path)
    recipe = TrainRecipe.model_validate(settings)
    sections = 1 if recipe.depth else 2 * recipe.context_sections + 1
    make_network(
        recipe.architecture, recipe.arguments | {"sections": sections, "targets": len(recipe.targets)}
    )
    TrainingLoss(recipe)
    taught = {t for v in volumes for t in v.truth}
    for phantom in (v.phantom for v in volumes if v.phantom):
        taught |= {"membrane", "mitochondria", "cleft"} | ({"segment"} if phantom.segment_nm else set())
    assert set(recipe.targets) <= taught


def test_the_bundled_model_was_made_by_the_multi_target_recipe():
    path = Path(resource_path("recipes")) / "multi.yaml"
    settings, _ = read_recipe(path)
    made = read_card(find_model("membrane")).training["recipe"]
    assert made["targets"] == settings["targets"]
    for name in ("start_from", "steps", "seed", "learning_rate", "target_weights", "arguments"):
        assert made[name] == settings[name], name


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"targets": []}, "nothing to learn"),
        ({"targets": ["membrane", "membrane"]}, "targets names membrane twice"),
        (
            {"targets": ["a", "b", "c"], "exclusive": [["a", "b"], ["b", "c"]]},
            "exclusive names b twice",
        ),
        ({"target_weights": {"membrane": 0}}, "nothing to learn"),
        ({"target_weights": {"membrane": -1}}, "target_weights of membrane is below 0"),
        ({"merit": {"membrane": -1}}, "merit of membrane is below 0"),
        ({"merit": {"membrane": 0}}, "nothing to choose by"),
        ({"pixel_size_range_nm": [6.5, 3.2]}, "from the smallest to the largest"),
        ({"sampling": {"at": {"membrane": -0.5}}}, "greater than or equal to 0"),
        ({"learning_rate": float("inf")}, "finite number"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, says):
    with pytest.raises(ValidationError, match=says):
        TrainRecipe.model_validate(settings)
