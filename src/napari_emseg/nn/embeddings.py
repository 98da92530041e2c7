"""What a network sees in a piece of a section: the mean of its deepest features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from napari_emseg.nn.predict import Margins

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_emseg.nn.predict import Predictor


class DeepestFeatures:
    """Collects, during a forward pass, the output of the convolution that sees the least resolution.

    Works for every network of the table: among the convolutions whose output has the fewest positions, the last
    one is taken.
    """

    def __init__(self, network: nn.Module) -> None:
        self._found: Tensor | None = None
        kinds = (nn.Conv2d, nn.Conv3d)
        self._hooks = [
            m.register_forward_hook(self._on_output) for m in network.modules() if isinstance(m, kinds)
        ]

    def _on_output(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:  # noqa: ARG002
        positions = output[0, 0].numel()
        if self._found is None or positions <= self._found[0, 0].numel():
            self._found = output.detach()

    def take(self) -> NDArray[np.float64]:
        """Mean over positions and over the batch, (channels,), of the pass that has just been made."""
        found, self._found = self._found, None
        if found is None:
            raise ValueError("no convolution has run")
        return found.double().mean([0, *range(2, found.ndim)]).cpu().numpy()

    def remove(self) -> None:
        """Leave the network as it was."""
        for hook in self._hooks:
            hook.remove()


def look_at(
    predictor: Predictor,
    windows: Iterable[NDArray[np.float32]],
    margins: Iterable[tuple[int, int, int, int]],
    zoom: float,
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float64]]]:
    """Probabilities (targets, y, x) and deepest features (channels,) of each window, one after the other.

    Parameters
    ----------
    predictor : Predictor
    windows : iterable of ndarray (sections, y, x) float32
        Normalised.
    margins : iterable of (top, bottom, left, right)
        Pixels of each window around what is wanted.
    zoom : float
        Model pixels per image pixel.
    """
    features = DeepestFeatures(predictor.network)
    try:
        for window, around in zip(windows, margins, strict=False):
            yield predictor.window(window, Margins(*around), zoom=zoom), features.take()
    finally:
        features.remove()
