"""Every target that a recipe can make of object ids: its truth, what happens to it when samples turn, and a tiny training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from napari_emseg.augment.affine import Affine
from napari_emseg.augment.mirror import Mirror
from napari_emseg.augment.recipe import only
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import IGNORE, LEVELS, Directed, TrainingVolume
from napari_emseg.core.model_card import read_card
from napari_emseg.core.normalisation import Normalisation
from napari_emseg.core.progress import Silent
from napari_emseg.io import write_array
from napari_emseg.jobs.recipe import load_volumes, read_recipe
from napari_emseg.nn.dataset import Pool
from napari_emseg.nn.predict import Predictor, predict_volume
from napari_emseg.nn.recipe import TrainRecipe
from napari_emseg.nn.targets import truth_and_weight
from napari_emseg.nn.train import train
from napari_emseg.nn.views import Directions
from napari_emseg.settings import PredictSettings

SHAPE = (4, 64, 64)


def blocks() -> np.ndarray:
    """Objects of 16 x 16 pixels with a gap of 2 between them; two classes, synapse sides by number."""
    labels = np.zeros(SHAPE, np.uint32)
    for n in range(9):
        y, x = divmod(n, 3)
        labels[:, 4 + 20 * y : 20 + 20 * y, 4 + 20 * x : 20 + 20 * x] = n + 1
    return labels


@pytest.fixture
def home(tmp_path: Path) -> Path:
    labels = blocks()
    noise = np.random.default_rng(0).normal(0, 8, SHAPE)
    image = np.clip(np.where(labels > 0, 150 + 6.0 * labels, 60) + noise, 0, 255).astype(np.uint8)
    write_array(tmp_path / "raw.h5", image, spacing_nm=(50, 5, 5))
    write_array(tmp_path / "ids.h5", labels, spacing_nm=(50, 5, 5), is_labels=True)
    (tmp_path / "classes.csv").write_text(
        "id,class\n" + "".join(f"{n},{'axon' if n % 2 else 'glia'}\n" for n in range(1, 10))
    )
    return tmp_path


def recipe_of(home: Path, truth: dict[str, dict], **more: object) -> tuple[TrainRecipe, TrainingVolume]:
    content = {
        "name": "toy", "targets": list(truth), "arguments": {"widths": [8, 8], "head": 4}, "steps": 2, "batch": 2,
        "size": 32, "context_sections": 0, "pixel_size_nm": 5, "pixel_size_range_nm": [4, 6], "warm_up": 0,
        "validate_every": 2, **more,
        "volumes": [{"name": "v", "image": "raw.h5", "validate": "3", "truth": truth}],
    }  # fmt: skip
    (home / "recipe.yaml").write_text(yaml.safe_dump(content))
    settings, sources = read_recipe(home / "recipe.yaml")
    return TrainRecipe.model_validate(settings), load_volumes(sources, home)[0]


MADE = {
    "membrane": ({"objects": "ids.h5"}, {}),
    "mask": ({"objects": "ids.h5", "make": "mask", "weights": {"border": 10}}, {}),
    "axons": ({"objects": "ids.h5", "make": "mask", "classes": "classes.csv", "keep": ["axon"]}, {}),
    "skeleton": ({"objects": "ids.h5", "make": "skeleton"}, {"skeleton": {"loss": "level"}}),
    "distance": ({"objects": "ids.h5", "make": "distance", "scale_nm": 30}, {"distance": {"loss": "mse"}}),
    "up": ({"objects": "ids.h5", "make": "affinity", "offset": [0, -1, 0]}, {"up": {"loss": "bce"}}),
    "dir": ({"objects": "ids.h5", "make": "direction", "axis": "x"}, {"dir": {"loss": "mse"}}),
    "pre": ({"objects": "ids.h5", "make": "pre", "weights": {"balance": 1, "balance_most": 40}}, {"pre": {"loss": "focal"}}),
    "post": ({"objects": "ids.h5", "make": "post", "weights": {"away_nm": 50}}, {}),
    "synapse": ({"objects": "ids.h5", "make": "synapse"}, {"synapse": [{"loss": "tversky"}, {"loss": "bce", "share": 0.5}]}),
    "polarity": (
        {"objects": "ids.h5", "make": "polarity"},
        {"polarity": {"loss": "mse", "arguments": {"balance_above": 0.3}}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_each_target_is_trained_by_its_name(home: Path, name: str) -> None:
    truth, losses = MADE[name]
    recipe, volume = recipe_of(home, {name: truth}, losses=losses)
    folder = train([volume], recipe, home / "out", Silent(), device="cpu")
    card = read_card(folder)
    assert card.targets == (name,)
    graded = name in ("skeleton", "distance", "dir", "polarity")
    assert (name in card.graded) == graded
    assert card.offsets == ({"up": (0, -1, 0)} if name == "up" else {})
    assert card.vectors == ((("", "", "dir"),) if name == "dir" else ())
    assert set(card.scores["v"]) & {"v_rand", f"dice_{name}", f"error_{name}"}
    found = predict_volume(
        volume.image[:1],
        Predictor(folder, "cpu"),
        spacing_nm=(50, 5, 5),
        settings=PredictSettings(tile=64, halo=0),
    )
    assert found.shape == (1, 1, 64, 64)
    assert 0 <= found.min() <= found.max() <= 1


def test_values_by_hand(home: Path) -> None:
    _, volume = recipe_of(home, {k: v[0] for k, v in MADE.items()})
    labels = blocks()[0]
    found = {name: values[0] for name, values in volume.truth.items()}
    assert np.array_equal(found["mask"], labels > 0)
    assert np.array_equal(found["axons"], labels % 2)
    assert np.array_equal(found["pre"], labels % 2)
    assert np.array_equal(found["post"], (labels > 0) & (labels % 2 == 0))
    assert np.array_equal(
        found["polarity"], np.where(labels == 0, LEVELS // 2, np.where(labels % 2, LEVELS, 0))
    )
    assert (found["up"][0] == IGNORE).all()
    assert found["up"][4, 10] == 0
    assert found["up"][5, 10] == 1
    assert found["dir"][12, 5] == LEVELS  # near the left border of an object its middle lies to the right
    assert found["dir"][12, 18] == 0
    assert found["dir"][0, 0] == LEVELS // 2
    assert found["skeleton"][labels == 0].max() == 0
    assert found["skeleton"][labels > 0].max() == LEVELS
    assert found["distance"][12, 12] > 0.9 * LEVELS
    assert found["distance"][0, 0] < 0.2 * LEVELS
    border = volume.weights["mask"][0]
    assert border[12, 21] > border[0, 0] > 0.99  # between two objects more than beside one
    assert (border[labels > 0] == 1).all()
    rare = volume.weights["pre"][0]
    share = (labels % 2 == 1).mean()
    assert rare[5, 5] == pytest.approx((1 - share) / share, rel=1e-3)
    assert rare[0, 0] == 1
    away = volume.weights["post"][0]
    assert away[5, 30] == 1
    assert away[12, 22] < 0.5 < away[0, 0]


def test_weights_above_a_byte_arrive_in_the_loss(home: Path) -> None:
    truth = {"pre": {"objects": "ids.h5", "make": "pre", "weights": {"balance": 30, "balance_most": 40}}}
    recipe, volume = recipe_of(home, truth)
    pool = Pool([volume], recipe.targets, 0, 5)
    _, drawn = pool.batch(0, 0, 2, (32, 32), only(mirror=Mirror()))
    _, weight = truth_and_weight(torch.from_numpy(drawn), recipe.targets, ())
    assert float(weight.max()) == 40  # the limit bites, and is not cut off at 255 / 16


@pytest.mark.parametrize("kind", ["affinity", "direction"])
@pytest.mark.parametrize("depth", [0, 3])
def test_what_has_a_direction_is_made_after_the_sample_has_turned(kind: str, depth: int) -> None:
    """The truth of a turned sample is that of the turned ids, which no turning of the truth gives."""
    from napari_emseg.algorithms.targets.directed import directed_truth

    labels = blocks()
    labels[:, 30:, 50:] = 77
    offset = {("affinity", 0): (0, -1, 0), ("affinity", 3): (-1, 0, 0)}.get((kind, depth), (0, 1, 0))
    one = Directed(kind, labels, offset)  # type: ignore[arg-type]
    truth = {"t": directed_truth(labels, kind, offset), "ids": labels.astype(np.uint8)}
    volume = TrainingVolume("v", labels.astype(np.float32), 5.0, truth, (0, 1, 2, 3), directed={"t": one})
    pool = Pool([volume], ("t", "ids"), 0, 5, depth=depth)
    turned = 0
    for number in range(12):
        _, drawn = pool.draw(
            number, 3, (32, 32), only(mirror=Mirror(), affine=Affine(rotation_deg=90.0, scale=1.0))
        )
        ids = drawn[1] if depth else drawn[1][None]
        made = directed_truth(np.where(ids == IGNORE, -1, ids.astype(int)), kind, offset, ignore_id=-1)
        made = made if depth else made[0]
        assert np.array_equal(drawn[0], made)
        turned += not np.array_equal(drawn[0][drawn[0] != IGNORE], made.T[made.T != IGNORE])
    assert turned


def test_a_model_with_directions_is_averaged_over_views_exactly(home: Path) -> None:
    """A network that is equivariant by construction gives the same with and without views, in all channels."""
    truth = {
        "up": {"objects": "ids.h5", "make": "affinity", "offset": [0, -1, 0]},
        "left": {"objects": "ids.h5", "make": "affinity", "offset": [0, 0, -1]},
        "vy": {"objects": "ids.h5", "make": "direction", "axis": "y"},
        "vx": {"objects": "ids.h5", "make": "direction", "axis": "x"},
    }
    recipe, volume = recipe_of(home, truth)
    folder = train([volume], recipe, home / "out", Silent(), device="cpu")
    predictor = Predictor(folder, "cpu")
    assert predictor.directions == Directions({0: (0, -1, 0), 1: (0, 0, -1)}, ((-1, 2, 3),), middle=0.5)

    class Slopes(torch.nn.Module):
        divisor = 1

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x[:, :1]
            pad = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")
            up, left = (x - pad[:, :, :-2, 1:-1]).abs(), (x - pad[:, :, 1:-1, :-2]).abs()
            vy = pad[:, :, 2:, 1:-1] - pad[:, :, :-2, 1:-1]
            vx = pad[:, :, 1:-1, 2:] - pad[:, :, 1:-1, :-2]
            return torch.cat([up, left, vy, vx], 1)

    predictor.network = predictor._forward = Slopes()
    image = np.random.default_rng(1).integers(0, 255, (1, 40, 56)).astype(np.uint8)
    found = [
        predict_volume(
            image, predictor, spacing_nm=(50, 5, 5), settings=PredictSettings(tile=64, halo=0, tta=views)
        )
        for views in ("none", "8", "16")
    ]
    for other in found[1:]:
        assert np.abs(other - found[0])[:, :, 1:-1, 1:-1].max() < 1e-5
    assert found[0].std(axis=(1, 2, 3)).min() > 0.01


@pytest.mark.parametrize(
    ("truth", "said"),
    [
        ({"objects": "ids.h5", "make": "affinity"}, "has an offset"),
        ({"objects": "ids.h5", "make": "affinity", "offset": [0, 0, 0]}, "no partner"),
        ({"objects": "ids.h5", "make": "direction"}, "has an axis"),
        ({"objects": "ids.h5", "make": "mask", "keep": ["axon"]}, "go together"),
        ({"path": "ids.h5", "make": "skeleton"}, "made of object ids"),
        ({"path": "ids.h5", "weights": {"border": 3}}, "needs their ids"),
        ({"objects": "ids.h5", "make": "skeleton", "weights": {"balance": 1}}, "only masks are rare"),
        ({"objects": "ids.h5", "make": "mask", "classes": "none.csv", "keep": ["axon"]}, "cannot be read"),
        ({"objects": "ids.h5", "make": "hats"}, "make"),
    ],
)
def test_what_does_not_go_together_is_said(home: Path, truth: dict, said: str) -> None:
    with pytest.raises(EmsegError, match=said):
        recipe_of(home, {"t": truth})


@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "as Excel writes it"])
@pytest.mark.parametrize("between", [",", "\t"])
def test_a_table_of_classes_is_read_as_everywhere(home: Path, start: str, between: str) -> None:
    """Behind a mark in front the first object of a table without a heading was taken for the heading, and went."""
    lines = [f"{n}{between}{'axon' if n % 2 else 'glia'}\n" for n in range(1, 10)]
    (home / "classes.csv").write_text(start + "".join(lines), "utf-8")
    _, volume = recipe_of(home, {"axons": MADE["axons"][0]})
    assert np.array_equal(volume.truth["axons"] > 0, blocks() % 2 == 1)


@pytest.mark.parametrize(
    "rule", [Normalisation(kind="fixed", mean=120, std=40), Normalisation(kind="range"), Normalisation()]
)
def test_training_and_prediction_see_the_same_grey_values(home: Path, rule: Normalisation) -> None:
    """The model card says how grey values were normalised, and prediction does the very same."""
    recipe, volume = recipe_of(home, {"mask": MADE["mask"][0]}, normalisation=rule.model_dump())
    folder = train([volume], recipe, home / "out", Silent(), device="cpu")
    predictor = Predictor(folder, "cpu")
    assert predictor.normalisation == rule
    seen = []

    class Watch(torch.nn.Module):
        divisor = 1

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x.numpy().copy())
            return x[:, :1]

    predictor._forward = Watch()
    predict_volume(volume.image, predictor, spacing_nm=(50, 5, 5), settings=PredictSettings(tile=64, halo=0))
    from dataclasses import replace

    taught = replace(volume, normalisation=rule).normalised()
    assert np.array_equal(np.concatenate(seen)[:, 0], taught)
    pool = Pool([replace(volume, normalisation=rule)], recipe.targets, 0, 5)
    assert np.array_equal(pool.images[0], taught)


def test_a_model_that_wants_equalised_sections_says_so(home: Path) -> None:
    with pytest.raises(ValueError, match="equalise the stack"):
        TrainRecipe(normalisation=Normalisation(clahe_clip=2))
    recipe, volume = recipe_of(home, {"mask": MADE["mask"][0]})
    folder = train([volume], recipe, home / "out", Silent(), device="cpu")
    card = read_card(folder)
    (folder / "card.json").write_text(
        card.model_copy(update={"normalisation": Normalisation(clahe_clip=2).text}).model_dump_json()
    )
    with pytest.raises(EmsegError, match="equalise the stack first"):
        Predictor(folder, "cpu")
    (folder / "card.json").write_text(card.model_copy(update={"normalisation": "magic"}).model_dump_json())
    with pytest.raises(EmsegError, match="not known"):
        Predictor(folder, "cpu")
