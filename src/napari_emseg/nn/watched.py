"""A wish to stop is heard within a section and within a step, too: large ones take seconds."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from napari_emseg.core.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

    Look = Callable[[], None]

T = TypeVar("T")

_EVERY_S = 0.25
_BACK = 4  # places on the way back where it is asked: each waits until what makes samples lets Python go


def unheard() -> None:
    """In place of a look, where nobody can stop anything."""


@contextmanager
def watched(network: nn.Module, look: Look, every_s: float | None = None) -> Iterator[None]:
    """While this lasts, call `look` between the layers of a network, there and back.

    Parameters
    ----------
    look : callable
        What it raises (`Cancelled`) ends the prediction, or the step.
    every_s : float, optional
        Seconds from one look to the next, at least; default: a quarter.
    """
    apart = _EVERY_S if every_s is None else every_s
    last = time.monotonic()

    def at_a_layer(*_: Any) -> None:
        nonlocal last
        if time.monotonic() - last >= apart:
            look()
            last = time.monotonic()

    def after_a_layer(_module: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.requires_grad:
            output.register_hook(at_a_layer)  # type: ignore[no-untyped-call]

    layers = [module for module in network.modules() if next(module.children(), None) is None]
    hooks = [layer.register_forward_pre_hook(at_a_layer) for layer in layers]
    hooks += [layer.register_forward_hook(after_a_layer) for layer in layers[:: max(1, len(layers) // _BACK)]]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def listening(look: Look, work: Callable[[Look], T], every_s: float | None = None) -> T:
    """What `work` gives, which goes on in a thread while `look` is called.

    Parameters
    ----------
    look : callable
        What it raises (`Cancelled`) ends the waiting at once.
    work : callable
        Changes nothing that anybody sees: it may go on for a moment when nobody waits any longer. It is given a look of
        its own, which raises `Cancelled` then.
    every_s : float, optional
        Seconds from one look to the next; default: a quarter.
    """
    apart = _EVERY_S if every_s is None else every_s
    is_over, is_done = threading.Event(), threading.Event()
    found: list[T] = []
    errors: list[BaseException] = []

    def own_look() -> None:
        if is_over.is_set():
            raise Cancelled

    def run() -> None:
        try:
            found.append(work(own_look))
        except BaseException as error:
            errors.append(error)
        finally:
            is_done.set()

    look()
    threading.Thread(target=run, name="heard", daemon=True).start()
    try:
        while not is_done.wait(apart):
            look()
    finally:
        is_over.set()
    if errors:
        raise errors[0]
    return found[0]


class Looking:
    """Progress for what is only to listen.

    Parameters
    ----------
    look : callable
        Called at every report.
    """

    def __init__(self, look: Look) -> None:
        self._look = look

    def report(self, fraction: float, message: str = "", **values: float) -> None:  # noqa: ARG002 - as `Progress`
        """Look."""
        self._look()
