"""Make the next batches in a thread while the network works on this one."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

T = TypeVar("T")

_AHEAD = 2  # batches are held ready
_PATIENCE_S = 10.0
"""How long the thread is waited for at the end; it goes with the program, should Ctrl-C have left it waiting for a lock."""


def prefetched(make: Callable[[int], T]) -> Callable[[int, int], Generator[T, None, None]]:
    """Turn ``make(step)`` into a generator over steps that works ahead.

    Parameters
    ----------
    make : callable of int
        Called in a thread of its own, for one step after the other. Its errors are raised in the caller.

    Returns
    -------
    callable (start, stop) -> generator
        Close the generator to end the thread.
    """

    def batches(start: int, stop: int) -> Generator[T, None, None]:
        ready: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(_AHEAD)
        over = threading.Event()

        def put(item: tuple[T | None, BaseException | None]) -> None:
            while not over.is_set():
                try:
                    ready.put(item, timeout=0.1)
                except queue.Full:
                    continue
                return

        def work() -> None:
            try:
                for step in range(start, stop):
                    if over.is_set():
                        return
                    put((make(step), None))
            except BaseException as error:
                put((None, error))

        thread = threading.Thread(target=work, name="samples", daemon=True)
        thread.start()
        try:
            for _ in range(start, stop):
                batch, error = ready.get()
                if error is not None:
                    raise error
                yield batch  # type: ignore[misc]
        finally:
            over.set()
            thread.join(_PATIENCE_S)

    return batches
