"""Train a model from a recipe."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import CARD, find_model
from napari_emseg.jobs.recipe import first_fault, load_volumes, read_recipe, resolve

if TYPE_CHECKING:
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


def run(request: TrainRequest, progress: JobProgress) -> Path:
    """Read the data that the recipe names and train.

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
        raise EmsegError("the recipe is wrong", str(request.recipe), first_fault(error)) from error
    start_from = None
    if recipe.start_from and not request.resume:
        start_from = starting_model(recipe.start_from, request.recipe.resolve().parent)
    progress.report(0.0, "reading the training data")
    volumes = load_volumes(sources, request.recipe.resolve().parent)
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


def starting_model(text: str, base: Path) -> Path:
    """Folder of the model that a recipe starts from: a path from the recipe on, or the name of a model.

    Raises
    ------
    EmsegError
        If there is neither.
    """
    path = Path(resolve(text, base))
    return path if (path / CARD).is_file() else find_model(text)
