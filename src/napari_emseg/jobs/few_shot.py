"""A target that no model was trained for, from a handful of clicks on what it is and on what it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import find_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import ImageStack

_ROWS = 64  # of a section that are compared at a time


@dataclass(frozen=True)
class Click:
    """A voxel, (z, y, x), and whether it belongs to the target."""

    z: int
    y: int
    x: int
    inside: bool


@dataclass(frozen=True, eq=False)
class FewShotRequest:
    """Clicks, and the sections to answer.

    Parameters
    ----------
    stack : ImageStack
    clicks : tuple of Click
    sections : tuple of int
    model : Path
        Folder of the model whose features are compared.
    """

    stack: ImageStack
    clicks: tuple[Click, ...]
    sections: tuple[int, ...]
    model: Path


def prepare(
    stack: ImageStack,
    clicks: Sequence[Click],
    sections: Sequence[int] | None = None,
    model: str | Path = "membrane",
) -> FewShotRequest:
    """Check what a person pointed at.

    Parameters
    ----------
    sections : sequence of int, optional
        Default: those with clicks.

    Raises
    ------
    EmsegError
        If there is no click inside, or none outside, or one lies beyond the stack.
    """
    for click in clicks:
        if not all(0 <= at < n for at, n in zip((click.z, click.y, click.x), stack.shape, strict=True)):
            raise EmsegError(
                "a click lies outside of the stack", f"{click.z}, {click.y}, {click.x}", stack.name
            )
    if len({click.inside for click in clicks}) < 2:
        missing = "outside" if any(click.inside for click in clicks) else "on"
        raise EmsegError(f"there is no click {missing} the target", stack.name, "mark at least one of each")
    wanted = sorted({c.z for c in clicks}) if sections is None else sections
    return FewShotRequest(stack, tuple(clicks), tuple(wanted), find_model(model))


def run(request: FewShotRequest, progress: Progress) -> NDArray[np.float32]:
    """Probability of the target, (sections, y, x) in [0, 1].

    Prototypes are taken from all clicked sections and compared with every section wanted; whole sections are looked
    at in one piece.
    """
    import torch

    from napari_emseg.nn.checkpoint import load_model
    from napari_emseg.nn.dataset import neighbours
    from napari_emseg.nn.prototypes import features_of, nearest, prototypes_at

    network, card = load_model(request.model)
    stack, total = request.stack, len(request.sections)

    def features(z: int) -> torch.Tensor:
        window = []
        for n in neighbours(z, stack.shape[0], card.context_sections):
            mean, std = stack.statistics(n)
            window.append((np.asarray(stack.data[n], np.float32) - np.float32(mean)) / np.float32(std))
        return features_of(network, torch.from_numpy(np.nan_to_num(np.stack(window)))[None])

    marks: dict[bool, list[torch.Tensor]] = {True: [], False: []}
    for z in sorted({click.z for click in request.clicks}):
        found = features(z)
        for inside in marks:
            points = [(c.y, c.x) for c in request.clicks if c.z == z and c.inside == inside]
            marks[inside].append(prototypes_at(found, points))
    foreground, background = (torch.cat(marks[inside], 1) for inside in (True, False))
    out = np.empty((total, *stack.shape[1:]), np.float32)
    for n, z in enumerate(request.sections):
        progress.report(n / total, f"section {n + 1} of {total}")
        found = features(z)
        for y in range(0, found.shape[2], _ROWS):
            part = nearest(found[:, :, y : y + _ROWS], foreground, background)
            out[n, y : y + _ROWS] = part[0, 0].numpy()
    return out
