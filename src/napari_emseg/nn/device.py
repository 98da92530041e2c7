"""Where a network runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

import torch

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from torch import nn


def choose_device(wish: str = "auto") -> torch.device:
    """The device that a person asked for, or the best one that there is.

    Raises
    ------
    EmsegError
        If the wish names a device that this machine lacks.
    """
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    there = {"cpu": 1, "cuda": cards, "mps": int(torch.backends.mps.is_available())}
    if wish == "auto":
        return torch.device("cuda" if cards else "mps" if there["mps"] else "cpu")
    kind, colon, number = wish.partition(":")
    count = there.get(kind, 0)
    if not count or (colon and number not in map(str, range(count))):
        found = [f"{name}:{k}" if n > 1 else name for name, n in there.items() for k in range(n)]
        raise EmsegError("no such device on this machine", wish, f"choose auto or one of: {', '.join(found)}")
    return torch.device(wish)


def to_device(network: nn.Module, device: torch.device) -> nn.Module:
    """Move a network, with its weights in the channels-last order that is quickest on CPU and GPU."""
    layout = {"memory_format": torch.channels_last} if getattr(network, "dims", 2) == 2 else {}
    return cast("nn.Module", cast("Any", network).to(device, **layout))


def use_all_cores() -> None:
    """Let torch use every core that this process may run on (a worker process is started with one thread).

    A number in ``OMP_NUM_THREADS`` is respected: on a shared machine, somebody has set it for a reason.
    """
    wish = os.environ.get("OMP_NUM_THREADS", "")
    if wish.isdecimal() and int(wish) > 0:
        torch.set_num_threads(int(wish))
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(cores or 1)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that the device ran out of memory."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
