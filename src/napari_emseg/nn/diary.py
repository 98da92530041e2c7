"""What a course of lessons has done so far, so that one that was stopped or killed goes on instead of beginning anew."""

from __future__ import annotations

import hashlib
import io
import json
import time
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from napari_emseg.core.atomic import write_atomic
from napari_emseg.core.errors import EmsegError, reason_of
from napari_emseg.core.leftovers import clear
from napari_emseg.core.model_card import WEIGHTS, read_card
from napari_emseg.nn.checkpoint import save_state
from napari_emseg.nn.lesson import Stopped, Taught

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from napari_emseg.core.learning import FinetuneRequest, TrainingVolume

    Now = Callable[[], Taught]

T = TypeVar("T")

_EVERY_S = 20.0  # of learning are lost at most when the program is killed
_SOON_S = 5.0  # after which a finished lesson is written down: what comes next may take long
_SHARE = 0.01  # of the time may go into writing: where the disk is slow it is written less often,
_LATEST_S = 60.0  # but this often
_SPARE_BYTES = 2**24  # stay free on the disk: for curves, and for the model in the end


class Diary:
    """Finished parts by name, and the lesson that was stopped half-way.

    Parameters
    ----------
    path : Path, optional
        Read if it is there; written now and then while a lesson lasts, and by `keep`. Without one nothing is kept.
    about : mapping
        What the course is, see `about`: another one cannot be gone on with. Numbers, texts and lists.
    on_kept : callable, optional
        Called each time that all has been written down.
    finished : str
        What the model that lies beside the file says of the course that made it, see `mark`.

    Raises
    ------
    EmsegError
        If the file is of another course, or cannot be read.
    """

    def __init__(
        self,
        path: Path | None,
        about: Mapping[str, Any],
        on_kept: Callable[[], None] | None = None,
        *,
        finished: str = "",
    ) -> None:
        self._path, self._about, self._on_kept = path, dict(about), on_kept
        self._done: dict[str, Any] = {}
        self._stopped: dict[str, dict[str, Any]] = {}
        self._found: bytes | None = None
        self._written, self._took = time.monotonic(), 0.0
        self.trouble = ""
        """Why it could not be written down meanwhile; empty as long as that goes well."""
        if path is not None and path.is_file():
            self._read(path, finished)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """The result of a part: made now, or before it was stopped. Plain values and tensors only."""
        if name not in self._done:
            self._done[name] = make()
        result: T = self._done[name]
        return result

    def lesson(self, name: str, teach: Callable[[Taught | None, Callable[[Now], None]], Taught]) -> Taught:
        """A lesson, taken up where it was stopped.

        Parameters
        ----------
        name : str
        teach : callable
            Gets how far it came before, and what is to be called after every step with a function that says how far it
            is now.
        """
        if name in self._done:
            return Taught(**self._done[name])
        begun = self._stopped.get(name)
        try:
            taught = teach(
                Taught(**begun) if begun else None,
                lambda now: self._now_and_then(_EVERY_S, lambda: {name: vars(now())}),
            )
        except Stopped as stopped:
            self._stopped[name] = vars(stopped.so_far)
            raise (stopped.__cause__ or stopped) from None
        self._stopped.pop(name, None)
        self._done[name] = vars(taught)
        self._now_and_then(_SOON_S, dict)
        return taught

    def keep(self) -> None:
        """Write everything down.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        if self._path is not None and (self._done or self._stopped):
            self._write(self._path, self._stopped)

    def forget(self) -> None:
        """Nobody can go on from what was written down meanwhile: the file is what it was before."""
        if self._path is None:
            return
        if self._found is None:
            self.close()
        else:
            write_atomic(self._path, self._found, after_killed=True)

    def close(self) -> None:
        """The course is over: forget the file."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            clear(self._path)

    def _now_and_then(self, after_s: float, stopped: Callable[[], dict[str, dict[str, Any]]]) -> None:
        """Write everything down if that was so long ago; learning goes on where it cannot be."""
        passed = time.monotonic() - self._written
        if self._path is None or passed < max(after_s, min(self._took / _SHARE, _LATEST_S)):
            return
        try:
            self._write(self._path, stopped(), spare_bytes=_SPARE_BYTES)
        except (OSError, MemoryError) as error:
            self.trouble = (
                "there is not enough memory" if isinstance(error, MemoryError) else reason_of(error)
            )
            self._written = time.monotonic()

    def _write(self, path: Path, stopped: Mapping[str, Any], *, spare_bytes: int = 0) -> None:
        began = time.monotonic()
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"about": self._about, "done": self._done, "stopped": dict(stopped)}
        save_state(content, path, spare_bytes=spare_bytes)
        if self._on_kept is not None:
            self._on_kept()
        self._written = time.monotonic()
        self._took = self._written - began
        self.trouble = ""

    def _read(self, path: Path, finished: str) -> None:
        try:
            found = path.read_bytes()
            kept = torch.load(io.BytesIO(found), map_location="cpu", weights_only=True)
            about, done, stopped = kept["about"], kept["done"], kept["stopped"]
        except Exception as error:
            raise EmsegError(
                "what was stopped cannot be read", str(path), "remove it to begin anew"
            ) from error
        if finished and finished == mark(about):  # killed when the model was there, and this not yet removed
            return
        if changed := sorted(k for k in self._about if about.get(k) != self._about[k]):
            raise EmsegError(
                f"what was stopped here was learning something else ({', '.join(changed)})",
                str(path),
                "give the same sections and settings, or another folder",
            )
        self._done, self._stopped, self._found = done, stopped, found


def about(request: FinetuneRequest) -> dict[str, Any]:
    """What makes it the same course when it is gone on with; how long it may take is no part of that."""
    weights = request.model / WEIGHTS
    return {
        "model": request.model.name,
        "weights": hashlib.sha256(weights.read_bytes() if weights.is_file() else b"").hexdigest(),
        "sections": [[v.name, list(v.train)] for v in request.volumes],
        "image": _digest(
            request.volumes, lambda v: [v.image, *([] if v.statistics is None else [v.statistics])]
        ),
        "labels": _digest(request.volumes, _truth),
        "settings": request.settings.model_dump(mode="json", exclude={"max_seconds"}),
    }


def mark(about: Mapping[str, Any]) -> str:
    """A short text that is the same for the same course."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]


def steps_in(path: Path) -> int:
    """How many steps a state holds; 0 where there is none that can be read."""
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
        lessons = (*kept["done"].values(), *kept["stopped"].values())
        return sum(len(lesson.get("losses", ())) for lesson in lessons)
    except Exception:  # whatever a damaged file makes torch say; `Diary` refuses it
        return 0


def made_by(folder: Path) -> str:
    """The mark of the course that made the model of a folder; empty where none did."""
    try:
        return str(read_card(folder).training.get("course", ""))
    except EmsegError:
        return ""


def _truth(volume: TrainingVolume) -> list[Any]:
    taught = list(volume.train)
    return [part for name in sorted(volume.truth) for part in (name, volume.truth[name][taught])]


def _digest(volumes: tuple[TrainingVolume, ...], parts: Callable[[TrainingVolume], list[Any]]) -> str:
    digest = hashlib.sha256()
    for volume in volumes:
        for part in parts(volume):
            digest.update(part.encode() if isinstance(part, str) else np.ascontiguousarray(part).data)
    return digest.hexdigest()
