"""One stretch of learning: a network changes in place until its time is up, and can be stopped half-way.

Several things keep it careful. Normalisation statistics are adapted to the new stack (AdaBN, Li et al. 2016)
only where that lowers the loss: it bridges a foreign contrast, and spoils a familiar one. Weights are drawn
back to where they came from (L2-SP, Li et al. 2018). Lines along the middle of membranes weigh more than their
flanks, because a gap merges two cells, and the gaps and false lines that merge or tear cells at this moment
weigh most. What else the network finds is held where it was, see `nn.keepsake`. Kernels of a poor
model go by orthogonal steps (`nn.muon`): 150 of them left 8.7 edits per 100 objects where AdamW's left 11.1, from the
phantom to VNC; from ISBI to VNC they were no better, and there are fewer in a minute. The averaged weights are kept,
not the last ones.
"""

from __future__ import annotations

import math
import time
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_

from napari_emseg.core.errors import EmsegError
from napari_emseg.nn.average import Average
from napari_emseg.nn.device import is_out_of_memory
from napari_emseg.nn.emphasis import Emphasis
from napari_emseg.nn.interrupts import uninterrupted
from napari_emseg.nn.losses import load_loss
from napari_emseg.nn.muon import Muon
from napari_emseg.nn.normalisation import adapt_if_better
from napari_emseg.nn.prefetch import prefetched
from napari_emseg.nn.slopes import quick_slopes
from napari_emseg.nn.strategies import weights_to_learn
from napari_emseg.nn.targets import truth_and_weight
from napari_emseg.nn.watched import unheard, watched

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_emseg.augment.recipe import Augmentation
    from napari_emseg.nn.dataset import Pool
    from napari_emseg.nn.watched import Look

    Batch = tuple[NDArray[Any], NDArray[Any]]
    Batches = Callable[[int, int], Generator[Batch, None, None]]

BATCH = 2  # small ones, and more of them: 9.9 edits per 100 objects instead of 10.2 with 4, from the phantom to VNC
SIZE = 256  # pixels: extent of a sample, less on smaller sections
RATE = 3e-3
_LENGTH = 0.1  # of the steps of kernels: half of what training from the beginning takes
EMPHASIS = Emphasis(inside=1.0, centreline=3.0, leak=8.0, tear=4.0)
_ANCHOR = 1e-3  # strength of the pull back to the starting weights
_AVERAGE = 0.98  # decay of the running average of the weights
_ADAPT = 8  # batches from which the normalisation statistics are re-estimated
_WARM_UP = 8  # steps
_PATIENCE = 10  # steps in a row whose loss or slope is no number
_NEVER = 10_000_000  # steps: the budget ends a lesson
_ENOUGH_S, _ENOUGH_STEPS = 180.0, 600  # with more there is time to find out how much, too


@dataclass(frozen=True)
class Budget:
    """How long a lesson may take: until the clock or the count of steps runs out.

    Parameters
    ----------
    seconds : float
    steps : int
        0: the clock alone decides.
    """

    seconds: float
    steps: int = 0

    @property
    def is_short(self) -> bool:
        """Whether copies that are scored on what they have not seen would take the time that learning needs."""
        return bool(self.steps and self.steps < _ENOUGH_STEPS) or self.seconds < _ENOUGH_S

    def spent(self, seconds: float, steps: int) -> float:
        """Share that is used up, 1 or more at the end.

        The clock counts where it is ahead of the step that comes: else a count of steps would not say what is learned.
        """
        clock = seconds / self.seconds
        return clock if not self.steps or clock > (steps + 1) / self.steps else steps / self.steps

    def at_most(self, steps: int) -> Budget:
        """The same, with so many steps or fewer."""
        return Budget(self.seconds, min(self.steps or steps, steps))

    def parts(self, shares: Sequence[float]) -> list[Budget]:
        """Split it; the steps of the parts add up, and no part has none."""
        if not self.steps:
            return [Budget(self.seconds * share) for share in shares]
        edges = [round(self.steps * sum(shares[:n])) for n in range(len(shares) + 1)]
        counts = [max(1, b - a) for a, b in pairwise(edges)]
        return [Budget(self.seconds * share, n) for share, n in zip(shares, counts, strict=True)]


@dataclass
class Taught:
    """What a lesson has come to; enough to go on from there.

    Parameters
    ----------
    losses : list of float
        One a step.
    seconds : float
    state : dict
        Weights; of a lesson that was stopped also their average, and the optimiser's state.
    """

    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    state: dict[str, Any] = field(default_factory=dict)


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """A lesson was interrupted; carries how far it came. What interrupted it is its cause."""

    def __init__(self, so_far: Taught) -> None:
        super().__init__("stopped")
        self.so_far = so_far


@dataclass(frozen=True, eq=False)
class Plan:
    """What is the same for all lessons of a course.

    Parameters
    ----------
    targets, graded : tuple of str
        Output channels, and those of them whose truth is a level.
    kept : tuple of str
        Targets whose truth is what the starting model says.
    recipe : Augmentation
    strategy : str
        See `strategies.weights_to_learn`.
    rate : float
        Learning rate at its highest.
    depth : int
        Sections of a sample of a 3D network, else 0.
    is_far : bool
        Whether the model is far from what it has to learn: its kernels go by orthogonal steps then.
    """

    targets: tuple[str, ...]
    graded: tuple[str, ...]
    kept: tuple[str, ...]
    recipe: Augmentation
    strategy: str
    rate: float
    device: torch.device
    depth: int = 0
    is_far: bool = False

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Loss of a batch, summed over targets."""
        image, drawn = batch
        x = torch.from_numpy(image).to(self.device)
        logits = network(x[:, None] if self.depth else x.contiguous(memory_format=torch.channels_last))
        truth, weight = truth_and_weight(
            torch.from_numpy(drawn).to(self.device), self.targets, (*self.graded, *self.kept)
        )
        weight = EMPHASIS.by_errors(logits, truth, weight)
        learned = [c for c, name in enumerate(self.targets) if name not in self.kept]
        terms = load_loss("bce_dice")(logits[:, learned], truth[:, learned], weight[:, learned])
        total = terms["per_target"].sum()
        if kept := [c for c, name in enumerate(self.targets) if name in self.kept]:
            total = (
                total
                + load_loss("level")(logits[:, kept], truth[:, kept], weight[:, kept])["per_target"].sum()
            )
        return total

    def backward(self, network: nn.Module, batch: Batch, parts: int) -> float:
        """Add the slopes of the loss of a batch, worked on in so many parts; the loss."""
        summed = 0.0
        with quick_slopes(network, wanted=self.device.type == "cpu"):
            for rows in np.array_split(np.arange(len(batch[0])), parts):
                loss = self.loss(network, (batch[0][rows], batch[1][rows])) * (len(rows) / len(batch[0]))
                loss.backward()  # type: ignore[no-untyped-call]
                summed += float(loss.detach())
        return summed


def teach(
    network: nn.Module,
    pool: Pool,
    plan: Plan,
    budget: Budget,
    report: Callable[[float, float], None],
    *,
    seed: int,
    adapt: bool,
    so_far: Taught | None = None,
    keep: Callable[[Callable[[], Taught]], None] | None = None,
    look: Look = unheard,
) -> Taught:
    """Change a network in place.

    Parameters
    ----------
    report : callable (share of the budget that is spent, loss)
        Called at every step; what it raises ends the lesson.
    adapt : bool
        Whether normalisation statistics may be adapted first.
    so_far : Taught, optional
        Where an earlier lesson of the same kind was stopped.
    keep : callable, optional
        Called after every step with a function that says how far the lesson is then, enough to go on from there.
    look : callable
        Called within long steps; what it raises ends the lesson, too.

    Raises
    ------
    Stopped
        When interrupted.
    """
    out = so_far or Taught()
    size = pool.sample_size(SIZE)
    samples = prefetched(lambda step: pool.batch(step, seed, BATCH, size, plan.recipe))
    if adapt and so_far is None:
        with closing(samples(0, _ADAPT)) as batches, watched(network, look):
            adapt_if_better(network, list(batches), plan.loss, plan.device)
    network.eval()  # statistics stay; dropout is off: both cost more than they give in a minute
    with watched(network, look), weights_to_learn(network, plan.strategy) as taught:
        anchor = [p.detach().clone() for p in taught]
        optimiser: torch.optim.Optimizer = (
            Muon(taught, lr=plan.rate, length=_LENGTH)
            if plan.is_far
            else torch.optim.AdamW(taught, lr=plan.rate, weight_decay=0.0)
        )
        average = Average(network, _AVERAGE)
        if so_far is not None:
            anchor = so_far.state["anchor"]
            network.load_state_dict(so_far.state["network"])
            optimiser.load_state_dict(so_far.state["optimiser"])
            average.load(so_far.state["average"])

        def now() -> Taught:
            own = {k: v.detach().clone() for k, v in network.state_dict().items()}
            others = {"optimiser": optimiser.state_dict(), "average": average.state, "anchor": anchor}
            return Taught(out.losses, out.seconds, {"network": own} | others)

        def after_step(spent: float, loss: float) -> None:
            report(spent, loss)
            if keep is not None:
                keep(now)

        try:
            _steps(network, samples, plan, budget, after_step, out, taught, anchor, optimiser, average)
        except BaseException as error:
            raise Stopped(now()) from error
        network.load_state_dict(average.state)
    out.state = {k: v.detach().clone() for k, v in network.state_dict().items()}
    return out


def _steps(
    network: nn.Module,
    samples: Batches,
    plan: Plan,
    budget: Budget,
    report: Callable[[float, float], None],
    out: Taught,
    taught: Sequence[nn.Parameter],
    anchor: Sequence[Tensor],
    optimiser: torch.optim.Optimizer,
    average: Average,
) -> None:
    """Learn until the budget is spent; `out` counts along. A step whose slopes are no numbers changes nothing."""
    parts = sick = 0
    began = time.monotonic() - out.seconds
    with closing(samples(len(out.losses), _NEVER)) as batches:
        for batch in batches:
            spent = budget.spent(time.monotonic() - began, len(out.losses))
            if spent >= 1:
                break
            warm = min(1.0, (len(out.losses) + 1) / _WARM_UP)
            scale = warm * (0.02 + 0.98 * (1 + math.cos(math.pi * spent)) / 2)
            for group in optimiser.param_groups:
                group["lr"] = plan.rate * scale
            optimiser.zero_grad(set_to_none=True)
            try:
                loss = plan.backward(network, batch, max(1, parts))
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error) or parts == len(batch[0]):
                    raise
                parts = len(batch[0])  # from now on sample by sample
                optimiser.zero_grad(set_to_none=True)
                loss = plan.backward(network, batch, parts)
            sound = math.isfinite(loss) and math.isfinite(float(clip_grad_norm_(taught, 1.0)))
            sick = 0 if sound else sick + 1
            if sick == _PATIENCE:
                raise EmsegError(
                    "the loss is no longer a number",
                    f"step {len(out.losses) + 1}",
                    "lower the learning rate, or look at the image for values that are not numbers",
                )
            with uninterrupted(), torch.no_grad():
                if sound:
                    optimiser.step()
                    for weight, start in zip(taught, anchor, strict=True):
                        weight.lerp_(start, _ANCHOR * plan.rate * scale / RATE)
                out.losses.append(loss if sound else (out.losses or [0.0])[-1])
                average.update(network, len(out.losses))
                out.seconds = time.monotonic() - began
            report(spent, out.losses[-1])
