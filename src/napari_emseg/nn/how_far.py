"""How far weights may move from where they were, before anything is tried: by how well the starting model does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_emseg.core.model_card import ALIKE
from napari_emseg.nn.lesson import BATCH, SIZE
from napari_emseg.nn.verdict import chance_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari_emseg.core.learning import TrainingVolume
    from napari_emseg.core.model_card import ModelCard

_GOOD, _POOR = 4.0, 14.0  # edits per 100 objects before: little of what is learned is tried, or all of it
_BLIND = 30.0  # edits per 100 objects before: there are hardly any true membranes in what it finds
_LEAST = 0.2
_FEW_OF_STRANGER = 30.0  # objects
_LOOKS = 36.0  # at a pixel: after 36, 67, 120 of a small section 7.8, 8.0, 9.0 edits on others
_LEAST_STEPS = 80
_FEW = 80.0  # objects: fewer teach too little for the whole way (a region of 17: 20 edits on other sections, 7.5 before)


def is_stranger(card: ModelCard, pixel_sizes_nm: Iterable[float]) -> bool:
    """Whether a model has never seen anything like these stacks, however well it does on a section of them.

    That is, it learned from synthetic sections alone, or their pixels are of a size that it only sees resampled, and that
    nothing of what taught it had.
    """
    known = card.taught_pixel_sizes_nm
    return card.synthetic or any(
        card.zoom((pixel, pixel, pixel)) != 1 and not any(1 / ALIKE <= pixel / one <= ALIKE for one in known)
        for pixel in pixel_sizes_nm
    )


def familiar(card: ModelCard, pixel_sizes_nm: Iterable[float], *, apart: bool = False) -> dict[str, Any]:
    """What changes in the card of a model that has learned from stacks: it is a stranger to them no longer.

    Parameters
    ----------
    apart : bool
        Whether what it knew before is kept beside it (`nn.experts`), and it answers for these pixels alone.
    """
    new = tuple(pixel_sizes_nm)
    if not new:
        return {}
    sizes = {*(() if apart else card.taught_pixel_sizes_nm), *new}
    return {"synthetic": False, "taught_pixel_sizes_nm": tuple(sorted(sizes))}


def how_far(before: Mapping[str, float], *, stranger: bool = False) -> float:
    """How much of a learned change to try, from how well the starting model does: a fifth to all of it.

    Few objects say little about a model: it counts as one that needs as many edits as it well may. They teach little,
    too: unless it surely is a poor one, only a part of the change holds elsewhere. A stranger (`is_stranger`) gains by all of it.
    """
    if "edits_per_100_objects" not in before:
        return 1.0
    edits, objects = before["edits_per_100_objects"], before.get("objects")
    if stranger:
        return min(1.0, max(_LEAST, (objects or _FEW_OF_STRANGER) / _FEW_OF_STRANGER))
    if not objects:
        return min(1.0, max(_LEAST, _need(edits)))
    chance = chance_of(edits, objects)
    most = max(objects / _FEW, _need(edits - chance))
    return min(1.0, max(_LEAST, min(most, _need(edits + chance))))


def is_blind(before: Mapping[str, float]) -> bool:
    """Whether a model finds so little that its mistakes say nothing about those that it will make."""
    return before.get("edits_per_100_objects", 0.0) > _BLIND


def _need(edits: float) -> float:
    return (edits - _GOOD) / (_POOR - _GOOD)


def most_steps(card: ModelCard, volumes: Iterable[TrainingVolume]) -> int:
    """Steps in which a stranger learns from some sections; in more it learns them by heart."""
    area = 0.0
    for volume in volumes:
        height, width = volume.image.shape[1:]
        pixel = volume.pixel_size_nm
        area += len(volume.train) * height * width * card.zoom((pixel, pixel, pixel)) ** 2
    return max(_LEAST_STEPS, round(_LOOKS * area / (BATCH * SIZE**2)))
