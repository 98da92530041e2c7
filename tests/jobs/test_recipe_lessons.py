"""What a recipe names is looked at before hours of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from napari_emseg.cli import main
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import read_card
from napari_emseg.core.progress import Silent
from napari_emseg.io import write_array
from napari_emseg.jobs.recipe import PhantomSource, VolumeSource, load_volumes, read_recipe
from napari_emseg.jobs.recipe_lessons import unlisted_truth
from napari_emseg.jobs.train import TrainRequest, run

SMALL = {"steps": 2, "batch": 1, "size": 32, "walls": False}
NETWORK = {"arguments": {"widths": [8, 16], "head": 4}}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Three sections of 32 x 32 pixels, four cells of 14 x 14 pixels in each, as ids and as masks.

    ``grey`` has membranes of 200, with a softer 120 beside them, and ``blank`` is one grey.
    """
    y, x = np.indices((32, 32))
    membrane = np.repeat((((y % 16) < 2) | ((x % 16) < 2))[None], 3, 0)
    ids = np.where(membrane, 0, 1 + (y // 16) * 2 + x // 16)
    files = {
        "image": 160 - 80 * membrane,
        "membrane": membrane,
        "cells": ~membrane,
        "ids": ids,
        "grey": np.where(membrane, 200, np.roll(membrane, 1, 2) * 120),
        "none": ids * 0,
        "blank": ids * 0 + 9,
    }
    for name, values in files.items():
        write_array(tmp_path / f"{name}.h5", values.astype(np.uint8), spacing_nm=(50, 4.6, 4.6))
    return tmp_path


def recipe(folder: Path, truth: dict[str, Any], *, image: str = "image.h5", **settings: Any) -> Path:
    volume = {"name": "mine", "image": image, "train": "0-1", "validate": 2, "truth": truth}
    path = folder / "recipe.yaml"
    path.write_text(
        yaml.safe_dump({"volumes": [volume], "targets": list(truth)} | SMALL | NETWORK | settings)
    )
    return path


def trained(path: Path) -> Path:
    return run(TrainRequest(path, path.with_name("out"), device="cpu"), Silent())


@pytest.mark.parametrize(
    ("truth", "says"),
    [
        ({"path": "ids.h5"}, "it holds 5 different values and not two, as a mask does, ids.h5, give it as objects"),
        ({"path": "grey.h5"}, "it holds 3 different values and not two"),
        ({"path": "cells.h5"}, "77% of it would be membrane, cells.h5, add below_is_target: true"),
        ({"path": "none.h5"}, "no pixel of the sections that teach is membrane, mine"),
        ({"path": "membrane.h5", "above": 1}, "no pixel of the sections that teach is membrane"),
        ({"path": "membrane.h5", "ignore": 0, "below_is_target": False}, "all that is known .* is membrane"),
        ({"objects": "membrane.h5"}, "this mask seems to show membranes and not cells, membrane.h5, give it as path"),
        ({"objects": "none.h5"}, "nothing is known of membrane in the sections that teach"),
    ],
)  # fmt: skip
def test_truth_that_teaches_nothing_or_the_contrary_is_refused(place, truth, says):
    with pytest.raises(EmsegError, match=says):
        trained(recipe(place, {"membrane": truth}))
    assert not (place / "out").exists()


@pytest.mark.parametrize(
    "truth",
    [
        {"path": "grey.h5", "above": 127},
        {"path": "grey.h5", "ignore": 120},
        {"path": "cells.h5", "below_is_target": True},
        {"path": "cells.h5", "below_is_target": False},
    ],
)
def test_what_the_recipe_says_is_believed(place, truth):
    _, sources = read_recipe(recipe(place, {"membrane": truth}))
    wrong_way = truth == {"path": "cells.h5", "below_is_target": False}
    (volume,) = load_volumes(sources, place)
    assert volume.truth["membrane"][0, 0, 0] == (not wrong_way)


def test_other_targets_may_fill_a_section(place):
    _, sources = read_recipe(recipe(place, {"cytoplasm": {"path": "cells.h5"}}))
    assert load_volumes(sources, place)[0].truth["cytoplasm"].mean() > 0.7


def test_a_blank_stack_and_one_without_truth_or_lessons_are_refused(place):
    truth = {"membrane": {"path": "membrane.h5"}}
    with pytest.raises(EmsegError, match="the sections that teach are blank, mine"):
        trained(recipe(place, truth, image="blank.h5"))
    with pytest.raises(EmsegError, match="no section that teaches has truth of cleft"):
        trained(recipe(place, truth, targets=["cleft"]))
    text = recipe(place, truth).read_text().replace("train: 0-1", "validate_: 0")
    (place / "recipe.yaml").write_text(
        text.replace("validate: 2", "validate: 0-2").replace("validate_: 0\n", "\n")
    )
    with pytest.raises(EmsegError, match=r"no section teaches, .*recipe\.yaml, let some sections out"):
        trained(place / "recipe.yaml")


def test_a_name_that_stands_twice_is_refused(place):
    path = recipe(place, {"membrane": {"path": "membrane.h5"}})
    path.write_text(path.read_text() + "steps: 7\n")
    with pytest.raises(EmsegError, match="steps stands twice, in lines"):
        read_recipe(path)


def test_the_volume_with_a_fault_is_named(place):
    path = place / "r.yaml"
    path.write_text("volumes: [{image: a.tif}, {name: 7, image: b.tif, colour: 3}]")
    with pytest.raises(EmsegError, match=r"r\.yaml, volume 2 \(7\), colour: there is no such setting"):
        read_recipe(path)
    path.write_text("volumes: [{name: 7, image: ~/b.tif, train: [0, 2], validate: [1]}]")
    (volume,) = read_recipe(path)[1]
    assert (volume.name, volume.train, volume.validate_) == ("7", "0,2", "1")
    path.write_text("volumes: [{image: b.tif, train: []}]")
    with pytest.raises(EmsegError, match="train: the list is empty"):
        read_recipe(path)


def test_a_path_may_begin_at_home(place, monkeypatch):
    monkeypatch.setenv("HOME", str(place))
    path = recipe(place, {"membrane": {"path": "~/membrane.h5"}}, image="~/image.h5")
    assert load_volumes(read_recipe(path)[1], Path("/nowhere"))[0].image.shape == (3, 32, 32)


def test_a_recipe_that_starts_from_a_model_has_its_network(place):
    truth = {"membrane": {"path": "membrane.h5"}}
    first = trained(recipe(place, truth, context_sections=2)).rename(place / "first")
    path = recipe(place, truth, start_from="first")
    text = yaml.safe_load(path.read_text())
    del text["arguments"]
    path.write_text(yaml.safe_dump(text))
    out = run(TrainRequest(path, place / "out", device="cpu"), Silent())
    assert read_card(out).arguments == read_card(first).arguments
    assert read_card(out).context_sections == 2
    path.write_text(yaml.safe_dump(text | {"steps": 3}))
    first.rename(place / "gone")  # nobody needs it any more
    run(TrainRequest(path, out, resume=True, device="cpu"), Silent())
    assert read_card(out).arguments == read_card(place / "gone").arguments


def test_a_network_that_takes_hardly_any_weight_over_does_not_start_from_it(place):
    truth = {"membrane": {"path": "membrane.h5"}}
    trained(recipe(place, truth, arguments={"widths": [64, 64], "head": 4})).rename(place / "first")
    with pytest.raises(
        EmsegError, match=r"hardly any of its weights fit the network, .*first, leave architecture"
    ):
        trained(recipe(place, truth, arguments={"widths": [8, 128], "head": 4}, start_from="first"))


def test_what_a_network_can_be_told_is_listed(place):
    truth = {"membrane": {"path": "membrane.h5"}}
    with pytest.raises(EmsegError, match="there is no heads, choose from widths, head"):
        trained(recipe(place, truth, arguments={"widths": [8, 16], "heads": 4}))


def test_truth_of_what_is_no_target_is_said_before_training(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence; a phantom brings truth of everything, and nothing is said of that."""
    truth = {"membrane": {"path": "membrane.h5"}, "cells": {"path": "cells.h5"}}
    assert main(["train", str(recipe(place, truth, targets=["membrane"])), str(place / "out")]) == 0
    said = "The truth of cells is not used, for targets names membrane only: add cells to learn it."
    assert capsys.readouterr().out.splitlines()[0] == said
    assert unlisted_truth(read_recipe(recipe(place, truth))[1], ["membrane", "cells"]) == ""
    assert unlisted_truth([VolumeSource(phantom=PhantomSource())], ["membrane"]) == ""
