"""Teach a model from a few proofread sections, in about a minute on two cores, and find out whether that helped.

Of a model that is good already, first copies learn from parts of what is proofread and are scored on the rest
(`nn.held_out`). The mean of their weights then learns from everything (model soups, Wortsman et al. 2022a). How far the
weights may move from where they were is chosen by the held-out score (WiSE-FT, Wortsman et al. 2022b): where moving
does not help, they stay, and the person is told. A poor model gains for certain: where time is short all of it goes
into learning, and the output is also shifted to where membranes are cut best. How a lesson itself is kept careful is
told in `nn.lesson`. What decides between true and false membranes (`nn.judge`) learns last.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from napari_emseg.augment.recipe import load_recipe
from napari_emseg.core.ancestry import ANCESTORS, ancestors_with
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import LEARNED, STOPPED, FinetuneRequest, FinetuneResult
from napari_emseg.core.model_card import WEIGHTS, read_card
from napari_emseg.core.normalisation import Normalisation
from napari_emseg.core.progress import Part
from napari_emseg.nn.average import mixed, raised, soup
from napari_emseg.nn.checkpoint import load_model
from napari_emseg.nn.comparison import most_changed
from napari_emseg.nn.dataset import Pool
from napari_emseg.nn.device import choose_device, to_device, use_all_cores
from napari_emseg.nn.diary import Diary, about, made_by, mark
from napari_emseg.nn.experts import save_taught
from napari_emseg.nn.first_look import first_look, sections_to_see
from napari_emseg.nn.held_out import (
    TARGET,
    Answer,
    Fold,
    Question,
    answers,
    best_shift,
    cost,
    everything,
    folds_of,
    mended,
    questions,
    score,
)
from napari_emseg.nn.how_far import familiar, how_far, is_blind, is_stranger, most_steps
from napari_emseg.nn.judge import Judge
from napari_emseg.nn.keepsake import kept_targets
from napari_emseg.nn.lesson import EMPHASIS, RATE, Budget, Plan, teach
from napari_emseg.nn.verdict import Verdict, candidates, of_one, surely_worse
from napari_emseg.nn.wall_lessons import taught_on
from napari_emseg.nn.watched import listening

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from napari_emseg.core.learning import TrainingVolume
    from napari_emseg.core.progress import Progress
    from napari_emseg.nn.lesson import Taught
    from napari_emseg.nn.watched import Look

    State = dict[str, Tensor]

T = TypeVar("T")

_FOR_COPIES = 0.8  # of the time, so that they are as good as what comes of them; the rest is for learning from everything
_COPY_S, _COPY_STEPS = 20.0, 70  # what a copy needs to come to something
_MOST_COPIES = 8
_PLAIN = 0.35  # of a change: a model from which so much is tried gains, and needs all the time to learn
_FAR = 0.7  # of a change that is tried: models that need some eleven edits per 100 objects or more
_LOOKING = 0.05  # of the bar, for what is predicted before anything is learned
_GAIN = 0.98  # of the cost before: what is not below it is chance


def finetune(request: FinetuneRequest, progress: Progress) -> FinetuneResult:
    """Train a copy of a model on proofread sections, score both on held-back tissue and keep what helps.

    Parameters
    ----------
    request : FinetuneRequest
    progress : Progress
        Told loss and seconds left at every step; raising `Cancelled` there ends it and leaves nothing, or, of a
        request that can be resumed, a state.

    Returns
    -------
    FinetuneResult
        The new model's folder, its loss curve, and scores before and after on the tissue named by ``scored_on``.

    Raises
    ------
    EmsegError
        If there is nothing to learn from.
    """
    use_all_cores()
    course = about(request)
    path = request.out_dir / STOPPED if request.resumable else None
    diary = Diary(path, course, request.on_kept, finished=made_by(request.out_dir))
    try:
        result = _Course(request, progress, diary, mark(course)).run()
    except EmsegError:  # going on would end there again
        with suppress(OSError):
            diary.forget()
        raise
    except BaseException:
        diary.keep()
        raise
    diary.close()
    return result


class _Course:
    """The lessons of one request, one after the other."""

    def __init__(self, request: FinetuneRequest, progress: Progress, diary: Diary, course: str) -> None:
        self.request, self.progress, self.diary, self.course = request, progress, diary, course
        pixel = request.volumes[0].pixel_size_nm
        self.former = read_card(request.model).serving((pixel, pixel, pixel))
        self.network, self.card = load_model(request.model, self.former)
        self.device = choose_device(request.device)
        to_device(self.network, self.device)
        self.judge = Judge.of_model(request.model, self.card, self.former)
        self.start: State = {k: v.detach().clone() for k, v in self.network.state_dict().items()}
        self.stranger = self.poor = False
        self._where = 0.0, ""
        self.losses: list[float] = []
        self.seconds = 0.0
        self.pictures: tuple[Any, ...] = ()
        self.old: Sequence[Answer] = ()  # what the model said before, and says now
        self.new: Sequence[Answer] = ()

    def run(self) -> FinetuneResult:
        request = self.request
        self._say(0.0, "looking at the model as it is")
        rule = Normalisation.of_card(self.card).for_network(self.card.name)
        taught = tuple(replace(v, normalisation=rule) for v in request.volumes)
        kept = kept_targets(taught, self.card.targets)
        volumes = self._see(taught, kept)
        self._heard(lambda _: self._pool(volumes))  # says at once when there is nothing to learn from
        folds, ask, said = self._split(volumes)
        old = self._answers(self.start, ask)
        before = self.diary.once("before", lambda: self._heard(lambda look: score(old, look=look)))
        self.stranger = is_stranger(self.card, (v.pixel_size_nm for v in volumes))
        self.poor = how_far(before) == 1
        tried = how_far(before, stranger=self.stranger)
        budget = Budget(request.settings.max_seconds, request.settings.max_steps)
        if folds and tried >= _PLAIN and budget.is_short:
            folds, said = [], LEARNED
        plan = Plan(
            self.card.targets, tuple(self.card.graded), kept, load_recipe(request.settings.augmentation),
            "full" if request.settings.strategy == "auto" else request.settings.strategy,
            request.settings.learning_rate or RATE * tried, self.device, self.card.depth, tried > _FAR,
        )  # fmt: skip
        parts = [_FOR_COPIES / len(folds)] * len(folds) + [1 - _FOR_COPIES] if folds else [1.0]
        budgets = budget.parts(parts)
        copies: list[State] = []
        for n, fold in enumerate(folds):
            name = f"copy {n + 1}"
            copies.append(self._lesson(name, fold.teach, plan, budgets[n], sum(parts[:n]), parts[n]).state)
            self.network.load_state_dict(self.start)
        if folds:
            self._say(_FOR_COPIES, "scoring on what was held back")
            verdict = self._decide(old, before, folds, copies, tried)
            if verdict.share == 0:
                return self._save(self.start, verdict, said, self.judge)
            self.network.load_state_dict(soup(copies))
        end = self._lesson("all", volumes, plan, budgets[-1], 1 - parts[-1], parts[-1], adapt=not folds).state
        self._say(1.0, "scoring what it has learned")
        if not folds:
            verdict = self._decide_at_the_end(old, before, ask, end, tried)
            if verdict.share == 0:
                return self._save(self.start, verdict, said, self.judge)
        state = self._shifted(mixed(self.start, end, verdict.share), verdict.shift)
        return self._save(state, verdict, said, self._taught_judge(volumes, folds, copies, state, verdict))

    def _say(self, fraction: float, message: str) -> None:
        self._where = fraction, message
        self._look()

    def _look(self) -> None:
        """Say where it is once more, to hear whether it is to stop."""
        self.progress.report(*self._where)

    def _heard(self, work: Callable[[Look], T]) -> T:
        """What some work gives that tells nothing of where it is; a wish to stop is heard meanwhile."""
        return listening(self._look, work)

    def _see(self, taught: Sequence[TrainingVolume], kept: Sequence[str]) -> list[TrainingVolume]:
        """What the model sees before it learns; the rest of the bar is for what comes then."""
        if not sections_to_see(taught, self.card, kept):
            return list(taught)
        look = Part(self.progress, 0.0, _LOOKING)
        seen = first_look(taught, self.network, self.card, self.device, look, kept=kept)
        self.progress = Part(self.progress, _LOOKING, 1.0)
        self._say(0.0, "looking at the model as it is")
        return seen

    def _split(self, volumes: Sequence[TrainingVolume]) -> tuple[list[Fold], tuple[Question, ...], str]:
        """Folds, what is asked about, and what the scores mean."""
        if self.request.target != TARGET or TARGET not in self.card.targets:
            return [], (), ""
        if any(v.validate for v in volumes):
            return [], questions((v, z) for v in volumes for z in v.validate), "the validation sections"
        folds: list[Fold] = []
        if not self.request.settings.trust:
            folds, said = folds_of(volumes, self._most_copies())
        if folds:
            return folds, tuple(q for fold in folds for q in fold.ask), said
        ask = questions((v, z) for v in volumes for z in v.train)
        return [], ask, LEARNED if ask else ""

    def _is_one(self) -> bool:
        return sum(len(volume.train) for volume in self.request.volumes) == 1

    def _most_copies(self) -> int:
        settings = self.request.settings
        most = settings.max_steps * _FOR_COPIES / _COPY_STEPS if settings.max_steps else np.inf
        return int(min(_MOST_COPIES, max(2, min(most, settings.max_seconds * _FOR_COPIES / _COPY_S))))

    def _pool(self, volumes: Sequence[TrainingVolume]) -> Pool:
        card = self.card
        return Pool(
            volumes, card.targets, card.context_sections, card.pixel_size_nm,
            keep_size=card.pixel_size_range_nm, emphasis=EMPHASIS, depth=card.depth,
        )  # fmt: skip

    def _lesson(
        self,
        name: str,
        volumes: Sequence[TrainingVolume],
        plan: Plan,
        budget: Budget,
        begin: float,
        part: float,
        *,
        adapt: bool = True,
    ) -> Taught:
        """Teach the network in place; the whole goes from `begin` on by `part`."""
        seconds = self.request.settings.max_seconds
        if self.stranger:
            budget = budget.at_most(most_steps(self.card, volumes))

        def report(spent: float, loss: float) -> None:
            whole = begin + part * min(spent, 1.0)
            why = self.diary.trouble
            what = f"learning (what it has learned cannot be kept meanwhile: {why})" if why else "learning"
            self._where = whole, what
            self.progress.report(*self._where, loss=loss, seconds_left=seconds * (1 - whole))

        taught = self.diary.lesson(
            name,
            lambda so_far, keep: teach(
                self.network, self._heard(lambda _: self._pool(volumes)), plan, budget, report,
                seed=self.request.settings.seed, adapt=adapt, so_far=so_far, keep=keep, look=self._look,
            ),
        )  # fmt: skip
        self.network.load_state_dict(taught.state)
        self.losses += taught.losses
        self.seconds += taught.seconds
        return taught

    def _answers(self, state: State, ask: Sequence[Question]) -> list[Answer]:
        self.network.load_state_dict(state)
        found = self._heard(lambda look: answers(self.network, self.card, ask, self.device, look))
        self.network.load_state_dict(self.start)
        return found

    def _decide(
        self,
        old: list[Answer],
        before: dict[str, float],
        folds: Sequence[Fold],
        copies: Sequence[State],
        tried: float,
    ) -> Verdict:
        """Compare shares by what copies say about what they have not seen."""
        best, chosen = Verdict(0.0, 0.0, before, before), old
        compared = [{"share": 0.0, "cost": cost(before)} | before]
        for share in candidates(tried, is_one=self._is_one()):
            found = [
                answer
                for fold, copy in zip(folds, copies, strict=True)
                for answer in self._answers(mixed(self.start, copy, share), fold.ask)
            ]
            shift, after = self._cut(found)
            compared.append({"share": share, "cost": cost(after)} | after)
            limit = cost(best.after) if best.share else _GAIN * cost(before)
            if cost(after) < limit and after["edits_per_100_objects"] <= before["edits_per_100_objects"]:
                best, chosen = Verdict(share, shift, before, after), found
        self._keep(old, chosen)
        return replace(best, tried=tuple(compared))

    def _decide_at_the_end(
        self, old: list[Answer], before: dict[str, float], ask: Sequence[Question], end: State, tried: float
    ) -> Verdict:
        """Without copies: take what was tried, less of a single section, unless it does worse on what is there."""
        trust = self.request.settings.trust
        share = of_one(tried, stranger=self.stranger) if self._is_one() and not trust else tried
        found = self._answers(mixed(self.start, end, share), ask)
        shift, after = self._cut(found)
        if not trust and surely_worse(before, after):
            share, shift, after, found = 0.0, 0.0, before, old
        self._keep(old, found)
        return Verdict(share, shift, before, after)

    def _cut(self, found: Sequence[Answer]) -> tuple[float, dict[str, float]]:
        """How much to raise the membranes, and the scores then; a model that was good already knows where to cut."""
        if self.poor:
            return self._heard(lambda look: best_shift(found, look=look))
        return 0.0, self._heard(lambda look: score(found, look=look))

    def _taught_judge(
        self,
        volumes: Sequence[TrainingVolume],
        folds: Sequence[Fold],
        copies: Sequence[State],
        state: State,
        verdict: Verdict,
    ) -> Judge | None:
        """What was said about tissue before it taught, by copies or by the model as it was, teaches the judge of walls, too.

        A network that has learned a section hardly shows the doubtful walls there that it shows elsewhere.
        """
        if self.judge is None or self.request.target != TARGET:
            return self.judge
        self._say(1.0, "learning which membranes are true")
        unlearned = state if is_blind(verdict.before) else self.start
        asked = [
            (self._shifted(mixed(self.start, copy, verdict.share), verdict.shift), fold.ask)
            for fold, copy in zip(folds, copies, strict=True)
        ] or [(unlearned, questions((v, z) for v in volumes for z in v.train))]
        maps: list[Any] = []
        for weights, ask in asked:
            self.network.load_state_dict(weights)
            maps += self._everything(ask)
        self.network.load_state_dict(self.start)
        judge, seed = self.judge, self.request.settings.seed
        return self._heard(lambda look: taught_on(judge, maps, seed=seed, look=look))

    def _everything(self, ask: Sequence[Question]) -> list[Any]:
        return self._heard(lambda look: list(everything(self.network, self.card, ask, self.device, look)))

    def _keep(self, old: Sequence[Answer], new: Sequence[Answer]) -> None:
        self.old, self.new = old, new
        if old and new and new is not old:
            self.pictures = most_changed(old[0].image, old[0].probability, new[0].probability)

    def _seen(self, verdict: Verdict) -> tuple[dict[str, float], dict[str, float]]:
        """Scores of what a person gets to see, both by the first judge: the new one learned from these very answers."""

        def seen(answers: Sequence[Answer], shift: float) -> dict[str, float]:
            return self._heard(
                lambda look: score(mended(answers, self.judge, shift=shift, look=look), look=look)
            )

        before = seen(self.old, 0.0)
        return before, before if self.new is self.old else seen(self.new, verdict.shift)

    def _shifted(self, state: State, shift: float) -> State:
        targets = self.card.targets
        return raised(state, shift, targets.index(TARGET)) if TARGET in targets else state

    def _save(self, state: State, verdict: Verdict, said: str, judge: Judge | None) -> FinetuneResult:
        request, card = self.request, self.card
        before, after = self._seen(verdict)
        scored_on = said if after else ""
        training = {
            ANCESTORS: ancestors_with(card, request.model / WEIGHTS),
            "sections": {v.name: list(v.train) for v in request.volumes},
            "steps": len(self.losses),
            "seconds": round(self.seconds, 1),
            "settings": request.settings.model_dump(),
            "before": before,
            "after": after,
            "share": verdict.share,
            "shares_compared": list(verdict.tried),
            "scored_on": scored_on,
            "course": self.course,
        }
        pixels = (v.pixel_size_nm for v in request.volumes if verdict.share)
        keeps = self.stranger and verdict.share > 0 and not card.synthetic
        made = card.model_copy(
            update=familiar(card, pixels, apart=keeps) | {
                "name": request.name, "parent": card.name, "scores": {}, "training": training,
                "thresholds": card.thresholds | ({request.target: after["threshold"]} if after else {}),
            }
        )  # fmt: skip
        own = state | (judge.tensors() if judge else {})
        whole = save_taught(request.out_dir, request.model, made, own, former=self.former, keeps=keeps)
        return FinetuneResult(
            request.out_dir, len(self.losses), self.seconds, tuple(self.losses), before, after, scored_on,
            self.pictures, verdict.share, self.diary.trouble, tuple(one.name for one in whole.formers),
        )  # fmt: skip
