"""Everything that changes during a training: weights, their average, optimiser, schedule."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import read_card
from napari_emseg.nn.average import Average
from napari_emseg.nn.checkpoint import make_network, save_model, save_state, take_over
from napari_emseg.nn.curves import side_by_side
from napari_emseg.nn.data_mark import marks_of, refuse_other_data
from napari_emseg.nn.dataset import Pool
from napari_emseg.nn.device import is_out_of_memory, to_device
from napari_emseg.nn.interrupts import uninterrupted
from napari_emseg.nn.losses.combine import TrainingLoss
from napari_emseg.nn.optimiser import optimiser_of
from napari_emseg.nn.recipe import TrainRecipe
from napari_emseg.nn.schedule import Schedule
from napari_emseg.nn.slopes import quick_slopes
from napari_emseg.nn.targets import graded_targets, truth_and_weight
from napari_emseg.nn.training_card import card_of, untaught
from napari_emseg.nn.validate import predict_sections, validate, zoom_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_emseg.core.learning import TrainingVolume

STATE = "last.ckpt"
_PATIENCE = 10  # steps in a row whose loss or gradient is no number
_SHOWN_PX = 512  # extent of the pictures of validation sections
MAY_CHANGE = frozenset(
    {
        "steps",
        "learning_rate",
        "clip",
        "validate_every",
        "save_every",
        "stop_after",
        "accumulate",
        "start_from",
        "walls",
    }
    | {"name", "licence", "citation", "limits"}
)
"""Settings with which a training can be resumed although they differ from those with which it began."""


class Run:
    """A training between two steps.

    Parameters
    ----------
    volumes : sequence of TrainingVolume
    recipe : TrainRecipe
    out_dir : Path
    device : torch.device
    start_from : Path, optional
        Folder of the model that the recipe starts from, if it does; default: ``recipe.start_from`` as a path.
    """

    def __init__(
        self,
        volumes: Sequence[TrainingVolume],
        recipe: TrainRecipe,
        out_dir: Path,
        device: torch.device,
        start_from: Path | None = None,
    ) -> None:
        volumes = [replace(v, normalisation=recipe.normalisation) for v in volumes]
        if lacking := untaught(volumes, recipe):
            raise EmsegError(
                f"nothing teaches {', '.join(lacking)}",
                recipe.name,
                "add its truth, or leave it out of targets",
            )
        self.volumes, self.recipe, self.out_dir, self.device = volumes, recipe, out_dir, device
        self.size = (recipe.size, recipe.size)
        self.graded = graded_targets(volumes, recipe.targets)
        self.card = card_of(recipe, volumes, self.graded)
        for volume in volumes:
            pixel = volume.pixel_size_nm
            self.card.usable_zoom((pixel, pixel, pixel))
        self.pool = Pool(
            volumes,
            recipe.targets,
            recipe.context_sections,
            recipe.pixel_size_nm,
            keep_size=recipe.pixel_size_range_nm,
            emphasis=recipe.emphasis if recipe.emphasis.matters else None,
            sampling=recipe.sampling,
            depth=recipe.depth,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.network: nn.Module = to_device(
                make_network(recipe.architecture, self.card.arguments), device
            )
        self.network.depth = recipe.depth  # type: ignore[assignment]
        dims = getattr(self.network, "dims", 2)
        if (dims == 3) != bool(recipe.depth):
            wish = "set depth in the recipe" if dims == 3 else "leave depth out of the recipe"
            raise EmsegError(f"this is a {dims}D network", recipe.architecture, wish)
        if recipe.start_from and not (out_dir / STATE).exists():
            start_from = start_from or Path(recipe.start_from)
            take_over(self.network, start_from, targets=recipe.targets)
            first = read_card(start_from)
            self._learned_from(first.synthetic, first.taught_pixel_sizes_nm)
        self._forward = _over_all_devices(self.network, device)
        self.average = Average(self.network, recipe.average)
        self.optimiser = optimiser_of(self.network, recipe)
        self.loss = TrainingLoss(recipe)
        self.schedule = Schedule(recipe)
        self.parts = recipe.accumulate
        self.step = 0
        self.scored = 0  # the step after which it was validated last
        self.best: float | None = None
        self._sick = 0
        self._data = marks_of(self.volumes)
        self._half = _half_type(recipe.precision, device)
        self._scaler = torch.amp.GradScaler(device.type, enabled=self._half is torch.float16)

    def learn(self, image: NDArray[np.float32], truth: NDArray[np.uint8]) -> dict[str, float]:
        """One step; its loss and the components of it.

        A step whose loss or gradient is no number changes nothing.

        Raises
        ------
        EmsegError
            If that happens ten times in a row, or a single sample does not fit into memory.
        """
        self.network.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(self.step)
        buffers = [b.clone() for b in self.network.buffers()]
        try:
            total, parts = self._gradients(image, truth, buffers)
            self._scaler.unscale_(self.optimiser)
            norm = float(clip_grad_norm_(self.network.parameters(), self.recipe.clip))
        except BaseException:
            self._restore(buffers)
            raise
        with uninterrupted():
            self.step += 1
            if math.isfinite(total) and (math.isfinite(norm) or self._half is torch.float16):
                self._scaler.step(self.optimiser)
                self._scaler.update()
                self.average.update(self.network, self.step)
                self._sick = 0
                return {"loss": total} | parts
            self._scaler.update()  # it has unscaled the gradients, and would refuse to do so again
            self._restore(buffers)
            self._sick += 1
        if self._sick >= _PATIENCE:
            raise EmsegError(
                "the loss is no longer a number",
                f"step {self.step}",
                "lower learning_rate in the recipe and resume, or look at the images for infinite values",
            )
        return {"skipped": 1.0}

    def _gradients(
        self, image: NDArray[np.float32], truth: NDArray[np.uint8], buffers: list[Tensor]
    ) -> tuple[float, dict[str, float]]:
        """Gradients of a batch, in as many parts as memory needs."""
        while True:
            try:
                return self._backward(image, truth)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._restore(buffers)
                if self.parts >= len(image):
                    raise EmsegError(
                        "a single sample does not fit into memory",
                        str(self.device),
                        "lower size in the recipe, or train on the CPU",
                    ) from error
            self.parts = min(2 * self.parts, len(image))
            if self.device.type == "cuda":
                torch.cuda.empty_cache()

    def _backward(
        self, image: NDArray[np.float32], truth: NDArray[np.uint8]
    ) -> tuple[float, dict[str, float]]:
        self.optimiser.zero_grad(set_to_none=True)
        summed, components = 0.0, dict[str, float]()
        quick = self.device.type == "cpu" and self._half is None
        with torch.random.fork_rng(devices=[]), quick_slopes(self.network, wanted=quick):
            torch.manual_seed(self.recipe.seed * 1_000_003 + self.step)  # dropout, the same after a resume
            for rows in np.array_split(np.arange(len(image)), min(self.parts, len(image))):
                part = slice(int(rows[0]), int(rows[-1]) + 1)
                share = len(rows) / len(image)
                total, parts = self._loss(image[part], truth[part])
                self._scaler.scale(total * share).backward()  # type: ignore[no-untyped-call]
                summed += share * float(total.detach())
                for name, value in parts.items():
                    components[name] = components.get(name, 0.0) + share * float(value)
        return summed, components

    def _loss(self, image: NDArray[np.float32], truth: NDArray[np.uint8]) -> tuple[Tensor, dict[str, Tensor]]:
        x = torch.from_numpy(image).to(self.device, non_blocking=True)
        if self.recipe.depth:
            x = x[:, None]
        else:
            x = x.contiguous(memory_format=torch.channels_last)
        drawn = torch.from_numpy(truth).to(self.device, non_blocking=True)
        target, weight = truth_and_weight(drawn, self.recipe.targets, tuple(self.graded))
        with torch.autocast(self.device.type, self._half or torch.bfloat16, enabled=self._half is not None):
            outputs: Any = self._forward(x)
        several = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
        weight = self.recipe.emphasis.by_errors(several[0], target, weight)
        weight = self.recipe.emphasis.by_place(weight)
        return self.loss([o.float() for o in several], target, weight)

    def _restore(self, buffers: list[Tensor]) -> None:
        """Normalisation statistics as they were before a step that is not taken."""
        with torch.no_grad():
            for own, old in zip(self.network.buffers(), buffers, strict=True):
                own.copy_(old)

    @property
    def is_over(self) -> bool:
        """Whether all steps are done, or validation has not improved for too long."""
        return self.step >= self.recipe.steps or self.schedule.is_over

    @property
    def must_score(self) -> bool:
        """Whether this step is one to validate after, and that has not been done: it may have been stopped before."""
        due = self.step % self.recipe.validate_every == 0 or self.step == self.recipe.steps
        return due and self.step > self.scored

    def score(self) -> dict[str, float]:
        """Validate the averaged weights, and keep them if they are the best so far."""
        with self.average.applied(self.network):
            scores = validate(self.network, self.volumes, self.recipe, self.device)
        merit = scores.get("merit")
        if merit is not None and (self.best is None or merit > self.best):
            self.keep(scores)
            self.best = merit
        with uninterrupted():
            self.scored = self.step
            if merit is not None:
                self.schedule.observe(merit)
        return scores

    def pictures(self) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """A validation section of every volume beside what the averaged weights say about it, under its tag."""
        with self.average.applied(self.network):
            for volume in self.volumes:
                if volume.validate:
                    crop = volume.normalised()[:, :_SHOWN_PX, :_SHOWN_PX]
                    z = volume.validate[0]
                    zoom = zoom_of(self.recipe, volume)
                    maps = predict_sections(
                        self.network, crop, [z], self.recipe.context_sections, self.device, zoom
                    )
                    yield f"validation/{volume.name}", side_by_side(crop[z], maps[:, 0])

    def keep(self, scores: dict[str, float]) -> None:
        """Write the averaged weights as the model of `out_dir`. Beside a model alone nobody can go on: a state comes first."""
        if not (self.out_dir / STATE).exists():
            self.save()
        table: dict[str, dict[str, float]] = {}
        thresholds: dict[str, float] = {}
        for key, value in scores.items():
            data, _, name = key.partition("/")
            if name:
                table.setdefault(data, {})[name] = round(value, 5)
            elif data.startswith("threshold_"):
                thresholds[data.removeprefix("threshold_")] = value
        training = self.card.training | {"steps": self.step}
        card = self.card.model_copy(update={"scores": table, "thresholds": thresholds, "training": training})
        save_model(self.out_dir, self.average.state, card)

    def save(self) -> None:
        """Write the state from which the training can be taken up again."""
        self.out_dir.mkdir(parents=True, exist_ok=True)
        state = {
            "step": self.step,
            "scored": self.scored,
            "best": self.best,
            "parts": self.parts,
            "network": self.network.state_dict(),
            "average": self.average.state,
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state(),
            "scaler": self._scaler.state_dict(),
            "recipe": self.recipe.model_dump_json(),
            "data": self._data,
            "synthetic": self.card.synthetic,
            "taught_pixel_sizes_nm": list(self.card.taught_pixel_sizes_nm),
            "is_over": self.is_over,
        }
        with uninterrupted():
            save_state(state, self.out_dir / STATE)

    def load(self) -> None:
        """Take up the state that `out_dir` holds.

        Raises
        ------
        EmsegError
            If there is none, it cannot be read, or the recipe or the data have changed so that it is another training.
        """
        path = self.out_dir / STATE
        if not path.is_file():
            raise EmsegError("there is no training to resume", str(self.out_dir), "start it without resume")
        try:
            self._take_up(torch.load(path, map_location=self.device, weights_only=True), path)
        except EmsegError:
            raise
        except Exception as error:  # whatever a damaged file makes torch say
            raise EmsegError(
                "the state of this training cannot be read", str(path), "start in another folder"
            ) from error

    def _take_up(self, state: dict[str, Any], path: Path) -> None:
        if changed := changes(json.loads(state["recipe"]), self.recipe):
            raise EmsegError(
                f"the recipe has changed since this training began ({', '.join(changed)})",
                str(path),
                "start in another folder",
            )
        if "data" in state:  # states of earlier versions do not say
            refuse_other_data(state["data"], self._data, path)
        self.network.load_state_dict(state["network"])
        self.average.load(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        if "schedule" in state:
            self.schedule.load(state["schedule"])
            self._scaler.load_state_dict(state["scaler"])
        self.parts = state.get("parts", self.parts)
        self.step, self.best = state["step"], state["best"]
        self.scored = state.get("scored", self.step)
        self._learned_from(state.get("synthetic", False), state.get("taught_pixel_sizes_nm", ()))

    def _learned_from(self, synthetic: bool, pixel_sizes_nm: Sequence[float]) -> None:
        """Note what taught the weights that it goes on with."""
        sizes = {*self.card.taught_pixel_sizes_nm, *pixel_sizes_nm}
        self.card = self.card.model_copy(
            update={
                "synthetic": self.card.synthetic and synthetic,
                "taught_pixel_sizes_nm": tuple(sorted(sizes)),
            }
        )


def changes(saved: dict[str, Any], recipe: TrainRecipe) -> list[str]:
    """Settings in which a recipe differs from the saved one so that it cannot resume that training.

    Settings that did not exist yet when the training began count as their defaults.
    """
    known = {name: value for name, value in saved.items() if name in TrainRecipe.model_fields}
    old = TrainRecipe.model_validate(known).model_dump(mode="json")
    new = recipe.model_dump(mode="json")
    return [name for name in new if new[name] != old[name] and name not in MAY_CHANGE]


def _over_all_devices(network: nn.Module, device: torch.device) -> nn.Module:
    """Spread batches over all visible graphics cards."""
    if str(device) == "cuda" and torch.cuda.device_count() > 1:  # one was not asked for by number
        return torch.nn.DataParallel(network)
    return network


def _half_type(precision: str, device: torch.device) -> torch.dtype | None:
    """16-bit type to compute in, where that pays: on graphics cards, bfloat16 on those that know it."""
    if precision == "full" or (precision == "auto" and device.type != "cuda"):
        return None
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16
