"""Predict a whole stack section by section, as an array that is computed while it is written."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import read_card
from napari_emseg.jobs import predict
from napari_emseg.jobs.predict import MEMBRANE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import ImageStack
    from napari_emseg.jobs.engine import Answer, Engine
    from napari_emseg.jobs.ticket import Ticket
    from napari_emseg.settings import PredictSettings

_IN_FLIGHT = 8  # sections under way on a scheduler; bounds memory here and there
_AROUND_PX = (
    192  # model pixels; what lies further from a region changes no wall in it (measured on ISBI 2012)
)


class PredictedStack:
    """Probabilities (z, y, x), or (targets, z, y, x), that are computed when they are read.

    Sections have to be read in order; those of the last reading are kept, so a writer may go through the
    targets of a slab one after the other. Memory is bounded by what is read at once.

    Parameters
    ----------
    image : ImageStack
    model : Path
        Model folder.
    region : Region
        Part of the stack; coordinates of this array start at its corner. Where membranes are mended, what lies around
        it is predicted as well, so that it has the values that it has in the whole stack.
    targets : tuple of str
        One gives (z, y, x), several give (targets, z, y, x).
    settings : PredictSettings
    dtype : {"float32", "float16", "uint8"}
        Values in [0, 1], or 0..255 for uint8.
    progress : Progress
    engine : Engine, optional
        Where to compute; default: in this process.
    """

    def __init__(
        self,
        image: ImageStack,
        model: Path,
        *,
        region: Region,
        targets: tuple[str, ...],
        settings: PredictSettings,
        dtype: str,
        progress: Progress,
        engine: Engine | None = None,
    ) -> None:
        self._image, self._model, self._region = image, model, region
        self._targets, self._settings, self._progress = targets, settings, progress
        self._engine = engine
        self.dtype = np.dtype(dtype)
        self.shape = region.shape if len(targets) == 1 else (len(targets), *region.shape)
        self.notes: list[str] = []
        self.device = ""
        self._kept: dict[int, NDArray[Any]] = {}
        self._next = 0
        card = read_card(model)
        wide = region
        if settings.walls and MEMBRANE in targets and card.walls:
            wide = _with_surroundings(region, image.shape, round(_AROUND_PX / card.zoom(image.spacing_nm)))
        self._rows, self._columns = (
            slice(region.start[axis] - wide.start[axis], region.stop[axis] - wide.start[axis])
            for axis in (1, 2)
        )
        self._requests = _blocks(wide, max(1, card.depth))
        self._sections = self._local() if engine is None else self._remote(engine)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        keys = key if isinstance(key, tuple) else (key,)
        channel: Any = 0
        if self.ndim == 4:
            channel, keys = (keys[0], keys[1:]) if keys else (slice(None), ())
        keys = keys + (slice(None),) * (3 - len(keys))
        z, rest = keys[0], keys[1:]
        wanted = range(*z.indices(self._region.shape[0])) if isinstance(z, slice) else [int(z)]
        self._read(wanted)
        if not isinstance(z, slice):
            return np.asarray(self._kept[wanted[0]][(channel, *rest)])
        axis = 1 if isinstance(channel, slice) else 0
        return np.stack([self._kept[n][(channel, *rest)] for n in wanted], axis=axis)

    def _read(self, wanted: range | list[int]) -> None:
        for n in [kept for kept in self._kept if kept < min(wanted, default=0)]:
            del self._kept[n]
        for n in wanted:
            if n in self._kept:
                continue
            if n < self._next:
                raise EmsegError("sections of a prediction are read in order", f"section {n}")
            while self._next <= n:
                found = next(self._sections)
                for section in range(found.probability.shape[1]):
                    if self._next in wanted or self._next > n:
                        inner = found.probability[:, section, self._rows, self._columns]
                        self._kept[self._next] = self._converted(inner)
                    self._next += 1
                self.device = found.device
                self.notes = list(dict.fromkeys([*self.notes, *found.notes]))

    def _converted(self, probability: NDArray[np.float32]) -> NDArray[Any]:
        if self.dtype == np.uint8:
            return np.rint(probability * 255).astype(np.uint8)
        return probability.astype(self.dtype, copy=False)

    def _request(self, n: int) -> predict.PredictRequest:
        return predict.prepare(
            self._image, self._requests[n], self._model, self._settings, targets=self._targets
        )

    def _local(self) -> Iterator[predict.PredictResult]:
        for n in range(len(self._requests)):
            yield predict.run(self._request(n), _Part(self._progress, n, len(self._requests)))

    def _remote(self, engine: Engine) -> Iterator[predict.PredictResult]:
        """Keep several sections under way, give them back in order."""
        total, sent = len(self._requests), 0
        model = engine.share(self._model)
        waiting: deque[tuple[Ticket, Answer]] = deque()
        try:
            for n in range(total):
                while sent < min(total, n + _IN_FLIGHT):
                    waiting.append(
                        engine.promise(
                            "napari_emseg.jobs.predict:run", replace(self._request(sent), model=model)
                        )
                    )
                    sent += 1
                result = waiting.popleft()[1]()
                self._progress.report((n + 1) / total, f"section {n + 1} of {total}")
                yield result
        finally:
            for ticket, _ in waiting:
                ticket.cancel()


def _with_surroundings(region: Region, shape: tuple[int, int, int], margin: int) -> Region:
    """A region and what of its sections lies around it."""
    (z0, y0, x0), (z1, y1, x1) = region.start, region.stop
    low = (z0, max(y0 - margin, 0), max(x0 - margin, 0))
    return Region(low, (z1, min(y1 + margin, shape[1]), min(x1 + margin, shape[2])))


def _blocks(region: Region, depth: int) -> list[Region]:
    """A region cut between the sections that a network predicts at once, which start at multiples of `depth`."""
    (z0, *low), (z1, *high) = region.start, region.stop
    cuts = [z0, *range((z0 // depth + 1) * depth, z1, depth), z1]
    return [Region((a, low[0], low[1]), (b, high[0], high[1])) for a, b in pairwise(cuts)]


class _Part:
    """Progress of one section within all."""

    def __init__(self, whole: Progress, n: int, total: int) -> None:
        self._whole, self._n, self._total = whole, n, total

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        """Pass on as a part of the whole."""
        text = f"section {self._n + 1} of {self._total}, {message}"
        self._whole.report((self._n + fraction) / self._total, text, **values)

    def partial(self, value: Any) -> None:
        """Tiles are not wanted: whole sections are written."""
