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
    from napari_emseg.nn.few_shot import compare_with_clicks

    stack = request.stack

    def section(z: int) -> NDArray[np.float32]:
        mean, std = stack.statistics(z)
        values = (np.asarray(stack.data[z], np.float32) - np.float32(mean)) / np.float32(std)
        return np.asarray(np.nan_to_num(values), np.float32)

    clicks = [(c.z, c.y, c.x, c.inside) for c in request.clicks]
    return compare_with_clicks(request.model, section, stack.shape, clicks, request.sections, progress)
