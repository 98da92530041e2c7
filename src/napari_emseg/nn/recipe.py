"""What a training is: network, samples, optimiser, length. Read from YAML and kept with the model."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from napari_emseg.augment.recipe import Augmentation
from napari_emseg.nn.emphasis import Emphasis
from napari_emseg.settings import Settings


class TrainRecipe(Settings):
    """Settings of a training, without its data."""

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
    pixel_size_nm: float = Field(4.6, gt=0)
    pixel_size_range_nm: tuple[float, float] = (3.2, 6.5)
    loss: str = "bce_dice"
    emphasis: Emphasis = Field(default_factory=Emphasis)
    start_from: str = Field("", description="model folder whose weights are taken where name and shape fit")
    steps: int = Field(2000, ge=1)
    batch: int = Field(8, ge=1)
    size: int = Field(256, ge=32, description="extent of a sample, pixels", multiple_of=16)
    optimiser: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = Field(2e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    warm_up: int = Field(50, ge=0, description="steps until the full learning rate")
    average: float = Field(
        0.998, ge=0, lt=1, description="decay of the running average of the weights, which is what is kept"
    )
    clip: float = Field(1.0, gt=0, description="largest norm of the gradient")
    validate_every: int = Field(250, ge=1)
    save_every: int = Field(100, ge=1)
    seed: int = Field(0, ge=0)
    augmentation: Augmentation = Field(default_factory=Augmentation)
    licence: str = ""
    citation: tuple[str, ...] = ()
    limits: str = ""
