"""Train a model from a recipe."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import CARD, ModelCard, find_model, read_card
from napari_emseg.jobs.recipe import load_volumes, read_recipe, resolve
from napari_emseg.jobs.recipe_lessons import check_lessons, unlisted_truth
from napari_emseg.settings.faults import first_fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_emseg.jobs.progress import JobProgress


@dataclass(frozen=True)
class TrainRequest:
    """A training.

    Parameters
    ----------
    recipe : Path
        YAML, see `napari_emseg.jobs.recipe`.
    out_dir : Path
        Becomes the model folder.
    resume : bool
        Take up what `out_dir` holds.
    max_seconds : float
        Stop after this time, in a state that can be resumed.
    device : str
        "auto", "cpu", "cuda" or "mps".
    """

    recipe: Path
    out_dir: Path
    resume: bool = False
    max_seconds: float = math.inf
    device: str = "auto"


def run(request: TrainRequest, progress: JobProgress, tell: Callable[[str], object] = lambda _: None) -> Path:
    """Read the data that the recipe names and train.

    Parameters
    ----------
    request : TrainRequest
    progress : JobProgress
    tell : callable, optional
        Told, before anything is read, what the person may not have meant.

    Returns
    -------
    Path
        The model folder.

    Raises
    ------
    EmsegError
        If the recipe, its data or the training is wrong; says where.
    Cancelled
        When stopped; the folder then holds a state that `resume` takes up.
    """
    progress.report(0.0, "reading the recipe")
    settings, sources = read_recipe(request.recipe)
    from napari_emseg.nn.recipe import TrainRecipe  # nn is only ever imported where it runs

    try:
        recipe = TrainRecipe.model_validate(settings)
    except ValidationError as error:
        raise EmsegError(
            "the recipe is wrong", str(request.recipe), first_fault(error, TrainRecipe)
        ) from error
    start_from = None
    if recipe.start_from and not request.resume:
        start_from = starting_model(recipe.start_from, request.recipe.resolve().parent)
    begun = start_from or (request.out_dir if recipe.start_from else None)
    if begun is not None and (begun / CARD).is_file():
        recipe = recipe.model_copy(update=kept_network(recipe.model_fields_set, read_card(begun)))
    if said := unlisted_truth(sources, recipe.targets):
        tell(said)
    progress.report(0.0, "reading the training data")
    volumes = load_volumes(sources, request.recipe.resolve().parent)
    check_lessons(volumes, recipe.targets, str(request.recipe))
    from napari_emseg.jobs.learning_log import nothing_left
    from napari_emseg.nn.train import METRICS, STATE, train

    with nothing_left(request.out_dir, (CARD, STATE, METRICS)):
        return train(
            volumes,
            recipe,
            request.out_dir,
            progress,
            resume=request.resume,
            max_seconds=request.max_seconds,
            device=request.device,
            start_from=start_from,
        )


def is_over(out_dir: Path) -> bool:
    """Whether the training in a folder has come to its end; one whose time was up has not."""
    from napari_emseg.nn.train import is_over as nn_is_over

    return nn_is_over(out_dir)


def kept_network(named: set[str], card: ModelCard) -> dict[str, Any]:
    """What a recipe that starts from a model takes over of its network: all of it, unless the recipe names another one.

    Parameters
    ----------
    named : set of str
        What the recipe itself says.
    card : ModelCard
        Of the model that it starts from.
    """
    if named & {"architecture", "arguments"}:
        return {}
    left_out = ("sections", "targets", "exclusive", "encoder_weights")  # those are the recipe's own
    network: dict[str, Any] = {
        "architecture": card.architecture,
        "arguments": {name: value for name, value in card.arguments.items() if name not in left_out},
        "context_sections": card.context_sections,
        "depth": card.depth,
    }
    return {name: value for name, value in network.items() if name not in named}


def starting_model(text: str, base: Path) -> Path:
    """Folder of the model that a recipe starts from: a path from the recipe on, or the name of a model.

    Raises
    ------
    EmsegError
        If there is neither.
    """
    path = Path(resolve(text, base))
    return path if (path / CARD).is_file() else find_model(text)
