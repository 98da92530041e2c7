"""What is known of a model before it has learned anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg import __version__
from napari_emseg.core.model_card import ModelCard
from napari_emseg.nn.checkpoint import build
from napari_emseg.nn.targets import offsets_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_emseg.core.learning import TrainingVolume
    from napari_emseg.nn.recipe import TrainRecipe


def card_of(recipe: TrainRecipe, volumes: Sequence[TrainingVolume], graded: dict[str, float]) -> ModelCard:
    """The card of the model that a recipe makes of these volumes, without scores.

    Parameters
    ----------
    recipe : TrainRecipe
    volumes : sequence of TrainingVolume
    graded : dict of str to float
        See `targets.graded_targets`.
    """
    arguments = recipe.arguments | {
        "sections": 1 if recipe.depth else 2 * recipe.context_sections + 1,
        "targets": len(recipe.targets),
    }
    if recipe.exclusive:
        arguments["exclusive"] = [[recipe.targets.index(t) for t in group] for group in recipe.exclusive]
    offsets, vectors = offsets_of(volumes, recipe.targets)
    card = ModelCard(
        name=recipe.name,
        architecture=recipe.architecture,
        arguments=arguments,
        targets=recipe.targets,
        graded=graded,
        offsets=offsets,
        vectors=vectors,
        normalisation=recipe.normalisation.text,
        pixel_size_nm=recipe.pixel_size_nm,
        pixel_size_range_nm=recipe.pixel_size_range_nm,
        context_sections=recipe.context_sections,
        depth=recipe.depth,
        synthetic=all(volume.synthetic for volume in volumes),
        taught_pixel_sizes_nm=tuple(sorted({v.pixel_size_nm for v in volumes if v.train})),
        training={
            "program": f"napari-emseg {__version__}",
            "volumes": {v.name: {"train": list(v.train), "validate": list(v.validate)} for v in volumes},
            "recipe": recipe.model_dump(mode="json", exclude={"licence", "citation", "limits"}),
        },
        licence=recipe.licence,
        citation=recipe.citation,
        limits=recipe.limits,
    )
    return card.model_copy(update={"parameters": sum(p.numel() for p in build(card).parameters())})


def untaught(volumes: Sequence[TrainingVolume], recipe: TrainRecipe) -> list[str]:
    """Targets that no volume has any truth for; a model that is started from may know them."""
    taught = {target for volume in volumes if volume.train for target in volume.truth}
    none_at_all = not taught & set(recipe.targets)  # which is said in other words
    return [] if recipe.start_from or none_at_all else [t for t in recipe.targets if t not in taught]
