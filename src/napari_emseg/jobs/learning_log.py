"""Write what a learning run reports to its folder, for people and for TensorBoard."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

from napari_emseg.core.errors import FULL_DISK, NO_WRITING, EmsegError
from napari_emseg.core.folder_lock import OURSELVES, FolderLock
from napari_emseg.core.leftovers import remove
from napari_emseg.core.model_card import CARD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_emseg.jobs.progress import JobProgress

_LOCK = ".learning"


class Logged:
    """Progress that is also kept in ``metrics.jsonl`` and as TensorBoard events.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    progress : JobProgress
        Told everything first, so that a wish to stop acts at once.
    step : int
        After which the curve goes on: what a killed program has written of later steps comes again.
    """

    def __init__(self, folder: Path, progress: JobProgress, step: int) -> None:
        from napari_emseg.nn.curves import Curves

        self._step = step
        self._log = Curves(folder, step)
        self._progress = progress

    def report(self, fraction: float, message: str = "", **values: float) -> None:
        """Pass on, and write the values down."""
        self._progress.report(fraction, message, **values)
        if values:
            self._step += 1
            self._log.scalars(self._step, values)

    def partial(self, value: Any) -> None:
        """Pass on."""
        self._progress.partial(value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._log.close()


@contextmanager
def nothing_left(folder: Path, worth_keeping: Sequence[str]) -> Iterator[None]:
    """Take back what a learning that fails has put into its folder, and the folder where it was made for it.

    Of a place that cannot be written the curves are taken back as well: without a state nobody can go on from them. While
    this lasts no other learning can begin in the folder.

    Parameters
    ----------
    folder : Path
        Where the model was to be written.
    worth_keeping : sequence of str
        Files with which somebody can go on; while one of them is there with something in it everything stays.

    Raises
    ------
    EmsegError
        If the disk is full, the folder cannot be written, or something else learns in it.
    """
    from napari_emseg.io.atomic import explained

    before = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        lock = _alone(folder)
    except OSError as error:
        raise explained(error, folder / CARD) from error
    try:
        yield
    except BaseException as error:
        from napari_emseg.nn.curves import METRICS

        is_refused = isinstance(error, OSError) and error.errno in FULL_DISK | NO_WRITING
        kept = [name for name in worth_keeping if not (is_refused and name == METRICS)]
        if folder.is_dir() and not any(_says_something(folder / name) for name in kept):
            for path in folder.iterdir():
                if path.name not in before:
                    remove(path)
            _let_others(lock)
            with suppress(OSError):  # somebody else has put something into it
                for path in made:
                    path.rmdir()
        if isinstance(error, OSError) and is_refused:
            raise explained(error, folder / CARD) from error
        raise
    finally:
        _let_others(lock)


def _alone(folder: Path) -> FolderLock | None:
    """Keep others from learning in a folder; None where the disk knows no locks."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(folder / _LOCK)
    reason = lock.acquire()
    if not reason:
        return lock
    if holder := re.search(rf"process \d+.*|{OURSELVES}", reason):
        raise EmsegError(
            f"something else learns in this folder ({holder[0]})",
            str(folder),
            "wait for it, or choose another",
        )
    return None


def _let_others(lock: FolderLock | None) -> None:
    if lock is not None:
        lock.release()
        with suppress(OSError):
            lock.path.unlink(missing_ok=True)


def _says_something(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
