"""What the stages say, and the long work that they have begun; no Qt, and no session."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.actions import ACTIONS
from napari_emseg.ui.runner import Handlers, Runner, Work
from napari_emseg.ui.saying import Saying

if TYPE_CHECKING:
    from collections.abc import Callable

_TELL_EVERY_S = 0.25  # every change of the dock redraws the canvas beside it

_MENDS = {"set_spacing": "stage:data", "choose_model": "stage:predict", "proofread": "stage:proofread"}
"""Errors of other rooms name what mends them; here is where that is done."""


class Bench:
    """Sayings and work of all stages.

    Parameters
    ----------
    runner : Runner
        Starts work and drops what nobody waits for any more.
    """

    state_changed = Signal()
    said = Signal(str, Saying)
    amended = Signal(str, Saying, Saying)
    """What a stage said, and what is left of that: shown where the former is seen, nowhere else."""
    worked = Signal(str, object)

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.work: dict[str, Work] = {}
        self.sayings: dict[str, Saying] = {}
        self._told: dict[str, tuple[float, float]] = {}

    def say(self, stage: str, text: str, **more: Any) -> None:
        """Say something in a stage's panel."""
        self.sayings[stage] = Saying(text, **more)
        self.said.emit(stage, self.sayings[stage])

    def settle(self, action: str, *stages: str) -> None:
        """What offered an action that is done or out of place by now is not said any longer, in all stages or in some."""
        self._amend((action,), lambda _said: Saying(""), stages)

    def unlink(self, *actions: str) -> None:
        """Offer actions no longer that would do something else by now."""
        self._amend(actions, lambda said: replace(said, link="", action=""))

    def _amend(
        self, actions: tuple[str, ...], change: Callable[[Saying], Saying], stages: tuple[str, ...] = ()
    ) -> None:
        found = [(stage, said) for stage, said in self.sayings.items() if said.action in actions]
        for stage, said in found:
            if stages and stage not in stages:
                continue
            self.sayings[stage] = change(said)
            self.amended.emit(stage, said, self.sayings[stage])

    def fail(self, stage: str, error: EmsegError) -> None:
        """Say what went wrong, with the step that mends it where there is one."""
        action = _MENDS.get(error.action, error.action)
        known = action in ACTIONS or action.startswith("stage:")
        text = sentence(error)
        if known:
            link = ACTIONS[action].title if action in ACTIONS else "Take me there"
            self.say(stage, text, tone="error", link=link, action=action)
        else:
            self.say(stage, text, tone="error")

    # ------------------------------------------------------------------ long work

    def handlers(
        self,
        stage: str,
        done: Callable[[Any], None],
        *,
        partial: Callable[[Any], None] | None = None,
        unwanted: Callable[[Any], None] | None = None,
    ) -> Handlers:
        """What every stage does with what comes back: progress shown, failures said, then `done`."""

        def finished(value: Any) -> None:
            self._end(stage)
            try:
                done(value)
            except EmsegError as error:
                self.fail(stage, error)
            self.state_changed.emit()

        def failed(error: EmsegError) -> None:
            self._end(stage)
            self.fail(stage, error)
            self.state_changed.emit()

        def stopped() -> None:
            self._end(stage)
            self.say(stage, "Stopped. What was finished stays.")
            self.state_changed.emit()

        return Handlers(
            finished, failed, stopped, lambda work: self._progress(stage, work), partial, stage, unwanted
        )

    def start(self, stage: str, message: str) -> None:
        """Show that a stage's work has begun; what went wrong before is not said any longer."""
        if stage in self.sayings and self.sayings[stage].tone == "error":
            self.say(stage, "")
        self._progress(stage, Work(-1, message, None, {}))
        self.state_changed.emit()

    def stop(self, stage: str) -> None:
        """Stop a stage's work."""
        self.runner.stop(stage)
        self.runner.stop_stage(stage)

    def end_all(self) -> None:
        """Show no work any more: nobody waits for its answers."""
        for stage in tuple(self.work):
            self._end(stage)

    def _progress(self, stage: str, work: Work) -> None:
        before = self.work.get(stage)
        self.work[stage] = work
        now = time.monotonic()
        told_at, told = self._told.get(stage, (0.0, -1.0))
        if before is not None and now - told_at < _TELL_EVERY_S:
            return
        self._told[stage] = now, work.fraction
        self.worked.emit(stage, work)
        if before is None or round(100 * told) != round(100 * work.fraction):
            self.state_changed.emit()

    def _end(self, stage: str) -> None:
        self.work.pop(stage, None)
        self.worked.emit(stage, None)


def sentence(error: EmsegError) -> str:
    """A refusal as people read it: what, where in brackets, what to do."""
    what = error.what[:1].upper() + error.what[1:]
    # which of our functions failed says nothing to a person at the window
    where = f" ({error.where})" if error.where and not error.where.startswith("napari_emseg.") else ""
    remedy = f": {error.remedy}" if error.remedy else ""
    return f"{what}{where}{remedy}."
