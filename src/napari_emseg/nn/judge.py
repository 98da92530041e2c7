"""Which walls of a boundary map are true: a few small networks that vote, on features of walls.

They are learned after the network, from the walls in its own predictions of sections whose truth is known. A section
has hundreds of walls and they are told from another by a few dozen numbers, so that this takes seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from napari_emseg.algorithms.contingency import contingency
from napari_emseg.algorithms.metrics.objects import MIN_SHARED_PX
from napari_emseg.algorithms.metrics.thinning import components
from napari_emseg.algorithms.wall_features import wall_features
from napari_emseg.algorithms.wall_map import redraw, wall_heights
from napari_emseg.algorithms.walls import find_walls
from napari_emseg.core.errors import EmsegError
from napari_emseg.nn.checkpoint import WALLS, tensors_of
from napari_emseg.nn.watched import unheard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_emseg.algorithms.walls import Walls
    from napari_emseg.core.model_card import ModelCard
    from napari_emseg.nn.watched import Look

MEMBRANE = "membrane"

_VOTERS = 8
_WIDTH = 96
_BATCH = 512
_RATE = 3e-3
_DECAY = 0.3
_DROPPED = 0.2
_FARTHEST = 5.0  # standard deviations: features beyond are drawn in
_REACH_NM = 36.0
_OWN = 0.3  # say of the map itself beside the voters: they know nothing of tissue that they have not seen
_SURE = 1e-3
_BLOCK, _MARGIN = 1536, 256  # pixels


@dataclass(frozen=True, eq=False)
class Lesson:
    """Walls of which it is known whether they are true.

    Parameters
    ----------
    features : ndarray (walls, features) float32
    true : ndarray of bool (walls,)
    weight : ndarray of float32 (walls,)
        How much each matters.
    """

    features: NDArray[np.float32]
    true: NDArray[np.bool_]
    weight: NDArray[np.float32]

    @classmethod
    def joined(cls, parts: Sequence[Lesson]) -> Lesson:
        """Several as one."""
        return cls(*(np.concatenate([getattr(p, k) for p in parts]) for k in ("features", "true", "weight")))

    def where(self, chosen: NDArray[np.bool_] | slice) -> Lesson:
        """A part of its walls."""
        return Lesson(self.features[chosen], self.true[chosen], self.weight[chosen])

    def some(self, most: int) -> Lesson:
        """At most so many of its walls, evenly spread."""
        return self.where(slice(None, None, -(-len(self.true) // most)))


class Judge:
    """Says how likely every wall is true.

    Parameters
    ----------
    names : tuple of str
        Features that it looks at, in order.
    others : tuple of str
        Targets beside the membrane from which features come.
    mean, scale : ndarray (features,) float32
        By which features are brought to mean 0 and deviation 1.
    layers : list of Tensor
        Weights and biases of the voters.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        others: tuple[str, ...],
        mean: NDArray[np.float32],
        scale: NDArray[np.float32],
        layers: list[Tensor],
    ) -> None:
        self.names, self.others, self.mean, self.scale, self.layers = names, others, mean, scale, layers

    def chance(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability (walls,) that walls are true, from their features (walls, features)."""
        if not len(features):
            return np.zeros(0, np.float32)
        with torch.inference_mode():
            votes = torch.sigmoid(_vote(self._standard(features)[None], self.layers))
        return np.asarray(votes.mean(0).numpy())

    def _standard(self, features: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(
            np.clip((features - self.mean) / self.scale, -_FARTHEST, _FARTHEST).astype(np.float32)
        )

    def correct(
        self, maps: Mapping[str, NDArray[np.float32]], pixel_nm: float, look: Look = unheard
    ) -> NDArray[np.float32]:
        """A boundary map whose gaps are closed and whose false walls are gone.

        Parameters
        ----------
        maps : mapping of str to ndarray (y, x) float32
            Probabilities of the membrane and of `others`.
        pixel_nm : float
        look : callable
            Called before each block of a large section; what it raises ends it.

        Returns
        -------
        ndarray (y, x) float32
            Of large sections, put together from blocks that overlap: memory follows the size of a block.
        """
        shape = maps[MEMBRANE].shape
        if max(shape) <= _BLOCK + 2 * _MARGIN:
            return self._corrected(maps, pixel_nm)
        out = np.empty(shape, np.float32)
        for y, x in product(*(range(0, n, _BLOCK) for n in shape)):
            look()
            seen = tuple(slice(max(0, a - _MARGIN), a + _BLOCK + _MARGIN) for a in (y, x))
            inner = tuple(slice(a - s.start, a - s.start + _BLOCK) for a, s in zip((y, x), seen, strict=True))
            part = {name: np.ascontiguousarray(values[seen]) for name, values in maps.items()}
            out[y : y + _BLOCK, x : x + _BLOCK] = self._corrected(part, pixel_nm)[inner]
        return out

    def _corrected(self, maps: Mapping[str, NDArray[np.float32]], pixel_nm: float) -> NDArray[np.float32]:
        boundary = maps[MEMBRANE]
        walls = find_walls(boundary)
        features, names = describe(walls, maps, self.others, pixel_nm)
        # where the map itself would join the pieces
        own = wall_heights(walls, features[:, names.index("mean")])
        odds = (1 - _OWN) * _log_odds(self.chance(features)) + _OWN * _log_odds(own)
        return redraw(boundary, walls, 1 / (1 + np.exp(-odds)), _REACH_NM / pixel_nm)

    def learn(
        self, lesson: Lesson, *, rounds: int, seed: int, rate: float = _RATE, look: Look = unheard
    ) -> Judge:
        """A judge that has seen this lesson so many times too; what `look` raises in between ends it."""
        x, y = self._standard(lesson.features), torch.from_numpy(lesson.true.astype(np.float32))
        weight = torch.from_numpy(lesson.weight / lesson.weight.mean())
        layers = [layer.clone().requires_grad_() for layer in self.layers]
        chance = torch.Generator().manual_seed(seed)
        steps = max(1, rounds * len(x) // _BATCH)
        optimiser = torch.optim.AdamW(layers, lr=rate, weight_decay=_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps + 1)
        for _ in range(steps):
            look()
            drawn = torch.randint(0, len(x), (len(layers[0]), min(_BATCH, len(x))), generator=chance)
            votes = _vote(x[drawn], layers, chance)
            loss = functional.binary_cross_entropy_with_logits(
                votes, y[drawn], weight[drawn], reduction="sum"
            )
            optimiser.zero_grad()
            (loss / drawn.shape[1]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        return Judge(self.names, self.others, self.mean, self.scale, [layer.detach() for layer in layers])

    def tensors(self) -> dict[str, Tensor]:
        """What is kept beside the weights of the network."""
        layers = {f"{WALLS}{n}": layer.contiguous() for n, layer in enumerate(self.layers)}
        return layers | {
            WALLS + "mean": torch.from_numpy(self.mean),
            WALLS + "scale": torch.from_numpy(self.scale),
        }

    @property
    def entry(self) -> dict[str, tuple[str, ...]]:
        """What the card of the model says about it."""
        return {"features": self.names, "others": self.others}

    @classmethod
    def of_model(cls, folder: Path, card: ModelCard, former: int | None = None) -> Judge | None:
        """The judge of a model, if it has one.

        Parameters
        ----------
        folder : Path
        card : ModelCard
            Of the model as it is, or of that one of its `formers` which is wanted.
        former : int, optional

        Raises
        ------
        EmsegError
            If the card tells of one and the weights hold none.
        """
        if not card.walls:
            return None
        found = {name: one.float() for name, one in tensors_of(folder, former, WALLS).items()}
        try:
            mean, scale = (found.pop(name).numpy() for name in ("mean", "scale"))
            layers = [found[str(n)] for n in range(len(found))]
            return cls(card.walls["features"], card.walls["others"], mean, scale, layers)
        except KeyError as error:
            raise EmsegError(
                f"the judge of walls is not whole (there is no {error})", str(folder), "get the model again"
            ) from error


def fresh(lesson: Lesson, names: tuple[str, ...], others: tuple[str, ...], seed: int) -> Judge:
    """A judge that knows nothing but how features are spread."""
    chance = torch.Generator().manual_seed(seed)
    sizes = (lesson.features.shape[1], _WIDTH, _WIDTH, 1)
    layers: list[Tensor] = []
    for a, b in pairwise(sizes):
        layers += [
            torch.randn(_VOTERS, a, b, generator=chance) * (2 / a) ** 0.5,
            torch.zeros(_VOTERS, 1, b),
        ]
    scale = lesson.features.std(0) + np.float32(1e-6)
    return Judge(names, others, lesson.features.mean(0), scale, layers)


def describe(
    walls: Walls, maps: Mapping[str, NDArray[np.float32]], others: Sequence[str], pixel_nm: float
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Features of walls (walls, features), and what they are called."""
    found = wall_features(walls, maps[MEMBRANE], pixel_nm, {name: maps[name] for name in others})
    return np.stack(list(found.values()), 1).astype(np.float32), tuple(found)


def lesson_of(
    maps: Mapping[str, NDArray[np.float32]],
    others: Sequence[str],
    cells: NDArray[np.bool_],
    pixel_nm: float,
    *,
    known: NDArray[np.bool_] | None = None,
    weight_each: float = 1.0,
) -> tuple[Lesson, tuple[str, ...]]:
    """What a section teaches about walls.

    Parameters
    ----------
    maps : mapping of str to ndarray (y, x)
        What the network predicts.
    others : sequence of str
        Targets beside the membrane to look at.
    cells : ndarray of bool (y, x)
        True inside cells; a cell is one 4-connected area.
    pixel_nm : float
    known : ndarray of bool (y, x), optional
        Where that is known.
    weight_each : float
        How much a wall of this section matters.
    """
    walls = find_walls(maps[MEMBRANE])
    features, names = describe(walls, maps, others, pixel_nm)
    cell = components(cells if known is None else cells & known)
    there = cell > 0
    table = contingency(walls.pieces[there].astype(np.int64), cell[there].astype(np.int64))
    order = np.argsort(table.count, kind="stable")
    most = np.zeros(walls.n_ids, np.int64)
    whose = np.full(walls.n_ids, -1, np.int64)
    most[table.a[order]], whose[table.a[order]] = table.count[order], table.b[order]
    a, b = walls.a, walls.b
    use = np.minimum(most[a], most[b]) > MIN_SHARED_PX
    weight = np.full(int(use.sum()), weight_each, np.float32)
    return Lesson(features[use], whose[a][use] != whose[b][use], weight), names


def log_loss(chance: NDArray[np.floating], true: NDArray[np.bool_]) -> float:
    """How wrong probabilities are, in nats; a certain one counts as one in a thousand."""
    return float(np.logaddexp(0, np.where(true, -1, 1) * _log_odds(chance)).mean())


def _log_odds(chance: NDArray[np.floating]) -> NDArray[np.floating]:
    sure = np.clip(chance, _SURE, 1 - _SURE)
    return np.asarray(np.log(sure / (1 - sure)))


def _vote(x: Tensor, layers: Sequence[Tensor], chance: torch.Generator | None = None) -> Tensor:
    """Log-odds (voters, walls); while learning, features of the hidden layers are dropped."""
    for weight, bias in zip(layers[:-2:2], layers[1:-2:2], strict=True):
        x = functional.relu(torch.baddbmm(bias, x.expand(len(weight), -1, -1), weight))
        if chance is not None:
            x = x * (torch.rand(x.shape, generator=chance) >= _DROPPED) / (1 - _DROPPED)
    votes: Tensor = torch.baddbmm(layers[-1], x, layers[-2])[..., 0]
    return votes
