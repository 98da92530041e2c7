"""What a course of lessons has done so far, so that one that was stopped goes on instead of beginning anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import torch

from napari_emseg.core.errors import EmsegError
from napari_emseg.nn.checkpoint import save_state
from napari_emseg.nn.lesson import Stopped, Taught

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

T = TypeVar("T")


class Diary:
    """Finished parts by name, and the lesson that was stopped half-way.

    Parameters
    ----------
    path : Path, optional
        Read if it is there; `keep` writes it. Without one nothing is kept.
    about : mapping
        What the course is: another one cannot be gone on with. Numbers, texts and lists.

    Raises
    ------
    EmsegError
        If the file is of another course, or cannot be read.
    """

    def __init__(self, path: Path | None, about: Mapping[str, Any]) -> None:
        self._path, self._about = path, dict(about)
        self._done: dict[str, Any] = {}
        self._stopped: dict[str, dict[str, Any]] = {}
        if path is not None and path.is_file():
            self._read(path)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """The result of a part: made now, or before it was stopped. Plain values and tensors only."""
        if name not in self._done:
            self._done[name] = make()
        result: T = self._done[name]
        return result

    def lesson(self, name: str, teach: Callable[[Taught | None], Taught]) -> Taught:
        """A lesson, taken up where it was stopped."""
        if name in self._done:
            return Taught(**self._done[name])
        begun = self._stopped.pop(name, None)
        try:
            taught = teach(Taught(**begun) if begun else None)
        except Stopped as stopped:
            self._stopped[name] = vars(stopped.so_far)
            raise (stopped.__cause__ or stopped) from None
        self._done[name] = vars(taught)
        return taught

    def keep(self) -> None:
        """Write everything down."""
        if self._path is None or not (self._done or self._stopped):
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        save_state({"about": self._about, "done": self._done, "stopped": self._stopped}, self._path)

    def close(self) -> None:
        """The course is over: forget the file."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _read(self, path: Path) -> None:
        try:
            kept = torch.load(path, map_location="cpu", weights_only=True)
            about, self._done, self._stopped = kept["about"], kept["done"], kept["stopped"]
        except Exception as error:
            raise EmsegError(
                "what was stopped cannot be read", str(path), "remove it to begin anew"
            ) from error
        if changed := sorted(k for k in self._about if about.get(k) != self._about[k]):
            raise EmsegError(
                f"what was stopped here was learning something else ({', '.join(changed)})",
                str(path),
                "give the same sections and settings, or another folder",
            )
