"""Learning from proofread sections, and how samples are varied."""

from __future__ import annotations

from typing import Literal

from napari_emseg.settings.base import Settings, field


class FinetuneSettings(Settings):
    """Learning from proofread sections."""

    max_seconds: float = field(60.0, "Learn for", "time limit", unit="s", ge=5, le=86400)
    learning_rate: float = field(
        0.0, "Learning rate", "0 takes the default", more=True, zero="automatic", ge=0, le=0.1
    )
    strategy: Literal["auto", "head", "last-blocks", "low-rank", "full"] = field(
        "auto",
        "Which weights",
        "auto changes all weights, which saved most edits on the fly nerve cord",
        more=True,
        words={
            "auto": "automatic",
            "head": "the last layer (head)",
            "last-blocks": "the last layers",
            "low-rank": "small corrections (low rank)",
            "full": "all",
        },
    )
    membrane_width_nm: float = field(
        25.0, "Membrane width", "membranes drawn between touching objects", unit="nm", more=True, ge=1, le=200
    )
    max_steps: int = field(0, "Steps", "0: the clock alone decides", more=True, zero="no limit", ge=0)
    trust: bool = field(
        False,
        "Learn without checking",
        "all the time goes into learning, none into copies that are scored on what they have not seen; whatever is "
        "learned is kept",
        more=True,
    )
    seed: int = field(0, "Random seed", "same seed, same samples", more=True, ge=0)
    augmentation: str = field(
        "gentle",
        "Augmentation",
        "how samples are varied: a preset, or a recipe saved in this project",
        more=True,
    )


class AugmentationSettings(Settings):
    """Augmentation recipes that were saved in a project."""

    recipes: dict[str, str] = field({}, "Recipes", "name to recipe in YAML")
