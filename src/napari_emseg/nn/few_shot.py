"""A target from a handful of clicks: learned from the clicked sections, looked for in every section wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from napari_emseg.core.model_card import read_card
from napari_emseg.nn.checkpoint import load_model
from napari_emseg.nn.dataset import neighbours
from napari_emseg.nn.device import choose_device, is_out_of_memory, to_device
from napari_emseg.nn.discriminant import Examples
from napari_emseg.nn.features import features_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.nn.features import Features


def compare_with_clicks(
    model: Path,
    section: Callable[[int], NDArray[np.float32]],
    shape: tuple[int, int, int],
    clicks: Sequence[tuple[int, int, int, bool]],
    wanted: Sequence[int],
    progress: Progress,
    *,
    skip: frozenset[int] = frozenset(),
    spacing_nm: Spacing | None = None,
    device: str = "auto",
) -> NDArray[np.float32]:
    """Probability of the clicked target, (wanted, y, x) float32 in [0, 1].

    Parameters
    ----------
    model : Path
        Folder of the model whose features are compared.
    section : callable
        Normalised section z, (y, x) float32.
    shape : (z, y, x)
        Of the stack.
    clicks : sequence of (z, y, x, is_inside)
    wanted : sequence of int
        Sections; each is looked at in one piece.
    skip : frozenset of int
        Sections that are never looked at as a neighbour: the section itself stands in for them, as in prediction.
    spacing_nm : tuple of float, optional
        Voxel size: of what the model has been, that is asked which knows pixels of this size best, and sections are
        resampled to what it knows, as in prediction.
    device : str
        Where the network computes, see `choose_device`.

    Raises
    ------
    EmsegError
        If pixels are so large or so small that the model cannot be applied, or this machine lacks the device.
    """
    network, card = load_model(model, read_card(model).serving(spacing_nm))
    to_device(network, choose_device(device))
    zoom = card.usable_zoom(spacing_nm)
    size = [n if zoom == 1 else max(int(getattr(network, "divisor", 1)), round(n * zoom)) for n in shape[1:]]

    def features(z: int) -> Features:
        around = neighbours(z, shape[0], card.context_sections)
        window = np.stack([section(z if n in skip else n) for n in around])
        block = torch.from_numpy(window)[None]
        if zoom != 1:
            block = functional.interpolate(
                block, size, mode="bilinear", antialias=zoom < 1, align_corners=False
            )
        return _features(network, block)

    def places(z: int, *, on: bool) -> NDArray[np.float64]:
        """Clicks of a section as places (y, x) in what the network sees, (n, 2)."""
        found = [(cy, cx) for cz, cy, cx, is_on in clicks if (cz, is_on) == (z, on)]
        return (np.array(found, float).reshape(-1, 2) + 0.5) * size / shape[1:] - 0.5

    examples = Examples()
    seen: tuple[int, Features] | None = None
    for z in sorted({click[0] for click in clicks}, key=lambda z: (z in wanted, z)):
        progress.report(0.0, f"the clicks in section {z + 1}")
        seen = z, features(z)
        examples.add(seen[1], places(z, on=True), places(z, on=False), seed=z)
    line = examples.line()
    out = np.empty((len(wanted), *shape[1:]), np.float32)
    for n, z in enumerate(wanted):
        progress.report(n / len(wanted), f"section {n + 1} of {len(wanted)}")
        found = seen[1] if seen is not None and seen[0] == z else features(z)
        answer = line.probability(found)
        if zoom != 1:
            answer = functional.interpolate(
                torch.from_numpy(answer)[None, None],
                list(shape[1:]), mode="bilinear", antialias=zoom > 1, align_corners=False,
            )[0, 0].numpy()  # fmt: skip
        out[n] = answer
    return out


def _features(network: nn.Module, block: Tensor) -> Features:
    """Features of a section, from where the network is; it moves to main memory where a graphics card has too little."""
    device = next(network.parameters()).device
    try:
        return features_of(network, block.to(device))
    except RuntimeError as error:
        if device.type == "cpu" or not is_out_of_memory(error):
            raise
    return features_of(to_device(network, torch.device("cpu")), block)
