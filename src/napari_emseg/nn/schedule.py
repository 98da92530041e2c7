"""Learning rate over a training, and when to stop it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_emseg.nn.recipe import TrainRecipe


class Schedule:
    """Warm-up, then half a cosine down to a hundredth, or steps down when validation has stopped improving.

    Parameters
    ----------
    recipe : TrainRecipe
    """

    def __init__(self, recipe: TrainRecipe) -> None:
        self._recipe = recipe
        self._scale = 1.0
        self._best: float | None = None
        self._waited = 0  # validations without a rise, for the learning rate
        self._idle = 0  # the same, for stopping

    def rate(self, step: int) -> float:
        """Learning rate of the step after step number `step`."""
        recipe = self._recipe
        full = recipe.learning_rate * min(1.0, (step + 1) / max(1, recipe.warm_up))
        if recipe.schedule == "cosine":
            return full * (0.01 + 0.99 * (1 + math.cos(math.pi * step / recipe.steps)) / 2)
        if recipe.schedule == "plateau":
            return max(full * self._scale, min(full, recipe.lowest_rate))
        return full

    @property
    def is_over(self) -> bool:
        """Whether validation has not improved for as long as the recipe waits."""
        return bool(self._recipe.stop_after) and self._idle >= self._recipe.stop_after

    def observe(self, merit: float) -> None:
        """Take in the merit of a validation."""
        if self._best is None or merit > self._best:
            self._best, self._waited, self._idle = merit, 0, 0
            return
        self._waited, self._idle = self._waited + 1, self._idle + 1
        if self._waited >= self._recipe.plateau_patience:
            self._scale, self._waited = self._scale * self._recipe.plateau_factor, 0

    def state(self) -> dict[str, float | int | None]:
        """What a resumed training needs."""
        return {"scale": self._scale, "best": self._best, "waited": self._waited, "idle": self._idle}

    def load(self, state: dict[str, float | int | None]) -> None:
        """Take up what `state` gave."""
        self._scale, self._best = float(state["scale"] or 1.0), state["best"]
        self._waited, self._idle = int(state["waited"] or 0), int(state["idle"] or 0)
