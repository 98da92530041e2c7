"""What a training is: network, samples, optimiser, length. Read from YAML and kept with the model."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from napari_emseg.augment.recipe import Augmentation
from napari_emseg.core.normalisation import Normalisation
from napari_emseg.nn.emphasis import Emphasis
from napari_emseg.nn.sampling import Sampling
from napari_emseg.settings import Settings


class LossTerm(Settings):
    """One term of a target's loss."""

    loss: str
    share: float = Field(1.0, gt=0, description="factor before it is added to the others")
    arguments: dict[str, Any] = Field(default_factory=dict)


class TrainRecipe(Settings):
    """Settings of a training, without its data."""

    model_config = ConfigDict(allow_inf_nan=False, coerce_numbers_to_str=True)

    name: str = "model"
    targets: tuple[str, ...] = ("membrane",)
    target_weights: dict[str, float] = Field(
        default_factory=dict, description="weight of a target's loss, 1 if absent"
    )
    architecture: str = "space_unet"
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="passed to the network beside sections and targets"
    )
    context_sections: int = Field(1, ge=0, le=8)
    depth: int = Field(
        0,
        ge=0,
        le=256,
        description="sections of a sample of a 3D network; 0: the middle section alone is learned",
    )
    pixel_size_nm: float = Field(4.6, gt=0)
    pixel_size_range_nm: tuple[float, float] = (3.2, 6.5)
    normalisation: Normalisation = Field(
        default_factory=Normalisation,
        description="of grey values, in training and whenever the model is used",
    )
    loss: str = "bce_dice"
    losses: dict[str, tuple[LossTerm, ...]] = Field(
        default_factory=dict, description="terms of a target's loss; targets that are not named take `loss`"
    )
    exclusive: tuple[tuple[str, ...], ...] = Field(
        (),
        description="groups of targets of which a pixel has at most one; their default loss is categorical",
    )
    auxiliary: float = Field(0.5, ge=0, description="weight of each further output of deep supervision")
    merit: dict[str, float] = Field(
        default_factory=dict,
        description="how much the validation of a target counts in choosing the best weights; "
        "default: membranes alone where there are any, else all targets alike",
    )
    sampling: Sampling = Field(default_factory=Sampling)
    emphasis: Emphasis = Field(default_factory=Emphasis)
    start_from: str = Field("", description="model folder whose weights are taken where name and shape fit")
    steps: int = Field(2000, ge=1)
    batch: int = Field(8, ge=1)
    size: int = Field(256, ge=32, description="extent of a sample, pixels", multiple_of=16)
    optimiser: Literal["adamw", "amsgrad", "muon", "sgd"] = "adamw"
    learning_rate: float = Field(2e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    warm_up: int = Field(50, ge=0, description="steps until the full learning rate")
    average: float = Field(
        0.998, ge=0, lt=1, description="decay of the running average of the weights, which is what is kept"
    )
    schedule: Literal["cosine", "plateau", "constant"] = Field(
        "cosine", description="of the learning rate, after the warm-up"
    )
    plateau_factor: float = Field(
        0.1, gt=0, lt=1, description="plateau: factor when the merit has stopped rising"
    )
    plateau_patience: int = Field(5, ge=1, description="plateau: validations without a rise until then")
    lowest_rate: float = Field(1e-7, ge=0, description="plateau: the learning rate falls no further")
    stop_after: int = Field(0, ge=0, description="validations without a rise after which to stop; 0: never")
    clip: float = Field(1.0, gt=0, description="largest norm of the gradient")
    accumulate: int = Field(
        1, ge=1, description="a batch is worked on in so many parts, one after the other, to save memory"
    )
    precision: Literal["auto", "full", "mixed"] = Field(
        "auto", description="mixed: 16 bit where that loses nothing; auto: on graphics cards"
    )
    validate_every: int = Field(250, ge=1)
    save_every: int = Field(100, ge=1)
    walls: bool = Field(
        True, description="at the end, learn which walls between pieces of a membrane map are true"
    )
    seed: int = Field(0, ge=0)
    augmentation: Augmentation = Field(default_factory=Augmentation)
    licence: str = ""
    citation: tuple[str, ...] = ()
    limits: str = ""

    @field_validator("losses", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        """A single term need not be a list."""
        if not isinstance(value, dict):
            return value
        return {target: [terms] if isinstance(terms, dict) else terms for target, terms in value.items()}

    @model_validator(mode="after")
    def _names_its_targets(self) -> TrainRecipe:
        named: dict[str, Iterable[str]] = {
            "losses": self.losses,
            "target_weights": self.target_weights,
            "merit": self.merit,
            "exclusive": [target for group in self.exclusive for target in group],
            "sampling.at": self.sampling.at,
            "sampling.reject_without": {self.sampling.reject_without} - {""},
        }
        for where, names in named.items():
            if unknown := sorted(set(names) - set(self.targets)):
                raise ValueError(f"{where} names {unknown[0]}, which is none of the targets")
        if self.normalisation.clahe_clip:
            raise ValueError("equalise the stack before training: preprocess normalize --kind clahe")
        if sum(self.sampling.at.values()) > 1:
            raise ValueError("the chances of sampling.at add up to more than 1")
        return self

    @model_validator(mode="after")
    def _says_what_counts(self) -> TrainRecipe:
        lists = {"targets": self.targets, "exclusive": [t for group in self.exclusive for t in group]}
        for where, names in lists.items():
            if twice := [name for n, name in enumerate(names) if name in names[:n]]:
                raise ValueError(f"{where} names {twice[0]} twice")
        if not self.targets:
            raise ValueError("targets names nothing to learn")
        for where, shares in {"target_weights": self.target_weights, "merit": self.merit}.items():
            if below := [target for target, share in shares.items() if not 0 <= share < math.inf]:
                raise ValueError(f"{where} of {below[0]} is below 0, or no number")
        if not any(self.target_weights.get(target, 1.0) for target in self.targets):
            raise ValueError("target_weights leaves nothing to learn: at least one must be above 0")
        if self.merit and not any(self.merit.values()):
            raise ValueError("merit leaves nothing to choose by: at least one must be above 0")
        low, high = self.pixel_size_range_nm
        if not 0 < low <= high:
            raise ValueError("pixel_size_range_nm goes from the smallest to the largest, both above 0")
        return self

    def terms(self, target: str) -> tuple[LossTerm, ...]:
        """The terms of a target's loss."""
        exclusive = any(target in group for group in self.exclusive)
        return self.losses.get(target) or (LossTerm(loss="categorical" if exclusive else self.loss),)
