"""A short text for what a network learns from, so that a training goes on with the same data or not at all."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.learning import TrainingVolume

_DIGITS = 16


Marks = list[tuple[str, dict[str, str]]]
"""Name and mark of every volume, in their order."""


def mark_of(volume: TrainingVolume) -> dict[str, str]:
    """What a volume is: its image, what is known of it, and how it is used.

    Returns
    -------
    dict of str to str
        ``image``, ``truth`` and ``sections``; the same for the same bytes.
    """
    use = repr((volume.pixel_size_nm, volume.train, volume.validate, volume.share))
    return {
        "image": _digest([volume.image, *([] if volume.statistics is None else [volume.statistics])]),
        "truth": _digest(_known(volume)),
        "sections": hashlib.sha256(use.encode()).hexdigest()[:_DIGITS],
    }


def marks_of(volumes: Sequence[TrainingVolume]) -> Marks:
    """Name and `mark_of` of every volume, in their order."""
    return [(volume.name, mark_of(volume)) for volume in volumes]


def refuse_other_data(before: Marks, now: Marks, state: Path) -> None:
    """Refuse to go on learning from something else.

    Parameters
    ----------
    before, now : list of (name, mark)
        What `marks_of` gave when the training began, and gives now.
    state : Path
        Of the training.

    Raises
    ------
    EmsegError
        Naming what has changed.
    """
    changed = [
        f"{name}: {', '.join(part for part in mark if old.get(part) != mark[part]) or 'name'}"
        for (was, old), (name, mark) in zip(before, now, strict=False)
        if (was, old) != (name, mark)
    ]
    if len(before) != len(now):
        changed.append(f"{counted(len(now), 'volume')} instead of {len(before)}")
    if changed:
        raise EmsegError(
            f"the training data have changed since this training began ({'; '.join(changed)})",
            str(state),
            "bring the former data back, or start in another folder with this model as start_from",
        )


def _known(volume: TrainingVolume) -> Iterable[NDArray[Any] | str]:
    for name in sorted(volume.truth):
        yield from (name, volume.truth[name])
    for name in sorted(volume.weights):
        yield from (name, volume.weights[name])
    for name in sorted(volume.directed):
        way = volume.directed[name]
        yield from (f"{name} {way.kind} {way.offset} {way.ignore}", way.objects)
    yield repr(sorted(volume.graded.items()))
    if volume.flanks is not None:
        yield volume.flanks


def _digest(parts: Iterable[NDArray[Any] | str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(part.encode())
            continue
        digest.update(f"{part.dtype} {part.shape}".encode())
        for section in part:
            digest.update(np.ascontiguousarray(section).data)
    return digest.hexdigest()[:_DIGITS]
