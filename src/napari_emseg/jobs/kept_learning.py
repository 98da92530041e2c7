"""What was learned stays: a learning that was interrupted goes on, and a new model waits until somebody decides about it.

Both lie in hidden folders of the project's models. The name of such a folder says what is being learned, so that the
same sections and settings find what they have begun.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg import __version__
from napari_emseg.core.atomic import write_atomic
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import STOPPED, FinetuneResult
from napari_emseg.core.leftovers import clear
from napari_emseg.core.model_card import CARD, read_card
from napari_emseg.jobs.versions import CANDIDATE, Candidate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.jobs.finetune import LearnRequest
    from napari_emseg.jobs.progress import JobProgress
    from napari_emseg.session import Session

PICTURES = "before-after.png"
_NOTE = "stopped.json"


@dataclass(frozen=True)
class Interrupted:
    """A learning that was stopped, by a person or with the window.

    Parameters
    ----------
    folder : Path
    fraction : float
        How far it was, 0 to 1.
    sections : tuple of int
        That teach it.
    """

    folder: Path
    fraction: float
    sections: tuple[int, ...]


class Noted:
    """Progress that remembers how far the work is.

    Parameters
    ----------
    progress : JobProgress
        Told everything.
    request : LearnRequest
        What is being learned.
    """

    def __init__(self, progress: JobProgress, request: LearnRequest) -> None:
        self._progress, self._request = progress, request
        self.fraction = 0.0
        self._before, kept = _steps_of(request.out_dir)
        self.steps = self._before + kept
        """Steps of the curve so far; of a model that learns further, with those before it."""
        path = request.out_dir / _NOTE
        self._found = path.read_bytes() if path.is_file() else None

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        """Pass on."""
        self._progress.report(fraction, message, **values)
        self.fraction = fraction

    def partial(self, value: Any) -> None:
        """Pass on."""
        self._progress.partial(value)

    def note(self) -> None:
        """Write beside a state that was kept how far it is."""
        folder = self._request.out_dir
        if (folder / STOPPED).is_file():
            sections = list(self._request.sections)
            content = {"fraction": self.fraction, "sections": sections, "steps_before": self._before}
            with suppress(OSError):  # the state itself is what counts
                write_atomic(folder / _NOTE, json.dumps(content).encode(), after_killed=True)

    def take_back(self) -> None:
        """The note is what it was before, as the state is of a learning that cannot go on."""
        if self._found is not None:
            with suppress(OSError):
                write_atomic(self._request.out_dir / _NOTE, self._found, after_killed=True)

    def tidy(self) -> None:
        """Remove the note of a state that is no longer there."""
        folder = self._request.out_dir
        if not (folder / STOPPED).is_file():
            with suppress(OSError):
                (folder / _NOTE).unlink(missing_ok=True)
            clear(folder / _NOTE)


def _steps_of(folder: Path) -> tuple[int, int]:
    """How many steps were made before the learning whose state a folder holds, and how many until that was kept."""
    from napari_emseg.nn.curves import METRICS, last_step
    from napari_emseg.nn.diary import steps_in

    kept = steps_in(folder / STOPPED)
    if not kept:
        return last_step(folder / METRICS), 0
    try:
        return int(_note(folder)["steps_before"]), kept
    except (OSError, ValueError, KeyError, TypeError):  # killed before the first note
        return (last_step(folder / METRICS) - kept if (folder / CARD).is_file() else 0), kept


def _note(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / _NOTE).read_text("utf-8"))
    return content


def folder_name(request: LearnRequest) -> str:
    """The same for the same model, sections, image, labels and settings; how long it may take is no part of that."""
    digest = hashlib.blake2b(digest_size=6)
    settings = request.settings.model_dump(mode="json", exclude={"max_seconds"})
    about = [__version__, str(request.model), request.parent, request.ignore_id, settings]
    digest.update(json.dumps(about, sort_keys=True).encode())
    for run in request.runs:
        digest.update(json.dumps([run.name, run.train]).encode())
        digest.update(np.ascontiguousarray(run.labels[list(run.train)]).data)
        digest.update(np.ascontiguousarray(run.statistics).data)  # the cleaned copy is another image
    return CANDIDATE + digest.hexdigest()


def interrupted(session: Session) -> Interrupted | None:
    """The learning of this project that can go on, None if there is none."""
    found = [folder for folder in _kept(session) if (folder / STOPPED).is_file()]
    if not found:
        return None
    folder = max(found, key=lambda place: (place / STOPPED).stat().st_mtime)
    try:
        note = _note(folder)
        return Interrupted(folder, float(note["fraction"]), tuple(int(z) for z in note["sections"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Interrupted(folder, 0.0, ())


def forget_others(request: LearnRequest) -> None:
    """Remove what other learnings of the project have left half done: one at a time is enough."""
    for folder in request.out_dir.parent.glob(f"{CANDIDATE}*"):
        if folder != request.out_dir and (folder / STOPPED).is_file():
            shutil.rmtree(folder, ignore_errors=True)


def waiting(session: Session) -> Candidate | None:
    """The new model that nobody has decided about yet, with its scores; None if there is none."""
    for folder in sorted(_kept(session), reverse=True):
        if not (folder / STOPPED).is_file() and (found := _candidate(folder)) is not None:
            return found
    return None


def tidy(session: Session) -> None:
    """Remove candidates that are neither finished nor can go on, left by a crash."""
    if session.read_only:
        return
    for folder in _kept(session):
        if not (folder / STOPPED).is_file() and _candidate(folder) is None:
            shutil.rmtree(folder, ignore_errors=True)


def _kept(session: Session) -> Iterator[Path]:
    if session.read_only or not session.project.models.is_dir():
        return iter(())
    return session.project.models.glob(f"{CANDIDATE}*")


def _candidate(folder: Path) -> Candidate | None:
    try:
        training = read_card(folder).training
        sections = tuple(int(z) for z in training["proofread_sections"])
        result = FinetuneResult(
            folder, int(training["steps"]), float(training["seconds"]), (), dict(training["before"]),
            dict(training["after"]), str(training["scored_on"]), _pictures(folder / PICTURES), float(training["share"]),
        )  # fmt: skip
    except (EmsegError, KeyError, TypeError, ValueError):
        return None
    return Candidate(folder, result, sections)


def _pictures(path: Path) -> tuple[NDArray[np.uint8], ...]:
    """Image, map before and map after, which lie beside each other in the file."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return tuple(np.array_split(np.asarray(picture, dtype=np.uint8), 3, axis=1))
    except (OSError, ValueError):
        return ()
