"""Whether what a recipe names can teach at all: seen before hours of training, and not after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import IGNORE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from napari_emseg.core.learning import TrainingVolume
    from napari_emseg.jobs.recipe import VolumeSource

_LOOK = "look at the values in its file, and at above, below_is_target and ignore in the recipe"


def check_lessons(volumes: Sequence[TrainingVolume], targets: Sequence[str], where: str) -> None:
    """Refuse stacks and truth that nothing can be learned from.

    Parameters
    ----------
    volumes : sequence of TrainingVolume
    targets : sequence of str
        What is to be learned. What no volume has truth of is none of this function's business if others are taught: a
        model that is started from may know it.
    where : str
        The recipe, for the sentence.

    Raises
    ------
    EmsegError
        If no section teaches, no volume has truth, a stack is blank, or a mask is empty or full in all sections that teach.
    """
    teaching = [volume for volume in volumes if volume.train]
    if not teaching:
        raise EmsegError(
            "no section teaches", where, "let some sections out of validate, or name them in train"
        )
    if not any(target in volume.truth for volume in teaching for target in targets):
        raise EmsegError(
            f"no section that teaches has truth of {' or '.join(targets)}",
            where,
            "add truth to its volume: masks as path, object ids as objects",
        )
    for volume in teaching:
        shown = volume.image[list(volume.train)]
        if shown.min() == shown.max():
            raise EmsegError("the sections that teach are blank", volume.name, "choose another image")
    for target in targets:
        _check_mask(target, [v for v in teaching if target in v.truth and target not in v.graded])


def unlisted_truth(sources: Iterable[VolumeSource], targets: Collection[str]) -> str:
    """What to say of truth that a recipe gives of something that is none of its targets; empty where there is none."""
    given = sorted({target for source in sources for target in source.truth} - set(targets))
    if not given:
        return ""
    names = " and ".join(given)
    return f"The truth of {names} is not used, for targets names {' and '.join(targets)} only: add {names} to learn it."


def _check_mask(target: str, volumes: Sequence[TrainingVolume]) -> None:
    """Refuse a mask that nowhere has both: what it shows and what it does not."""
    if not volumes:
        return
    truths = [volume.truth[target][list(volume.train)] for volume in volumes]
    is_somewhere = any((truth == 1).any() for truth in truths)
    is_not_somewhere = any(((truth != 1) & (truth != IGNORE)).any() for truth in truths)
    if is_somewhere and is_not_somewhere:
        return
    names = ", ".join(volume.name for volume in volumes)
    if not is_somewhere and not is_not_somewhere:
        said = f"nothing is known of {target} in the sections that teach"
    elif is_somewhere:
        said = f"all that is known in the sections that teach is {target}"
    else:
        said = f"no pixel of the sections that teach is {target}"
    raise EmsegError(said, names, _LOOK)
