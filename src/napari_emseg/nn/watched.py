"""A wish to stop is heard within a section, too: a large one takes seconds."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

_EVERY_S = 0.25


@contextmanager
def watched(network: nn.Module, look: Callable[[], None]) -> Iterator[None]:
    """While this lasts, call `look` between the layers of a network, at most four times a second.

    Parameters
    ----------
    look : callable
        What it raises (`Cancelled`) ends the prediction.
    """
    last = time.monotonic()

    def before_a_layer(_module: nn.Module, _inputs: Any) -> None:
        nonlocal last
        if time.monotonic() - last >= _EVERY_S:
            look()
            last = time.monotonic()

    layers = [module for module in network.modules() if next(module.children(), None) is None]
    hooks = [layer.register_forward_pre_hook(before_a_layer) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
