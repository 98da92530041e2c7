"""What went wrong in a worker, in words that a person can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.jobs.death import LOST

if TYPE_CHECKING:
    from napari_emseg.jobs.death import Death
    from napari_emseg.jobs.ticket import Ticket

DIED = "KilledWorker"
_CANCELLED = {"CancelledError", "FutureCancelledError"}


def has_died(error: BaseException) -> bool:
    """Whether this is Dask's way to say that the worker process has gone."""
    return type(error).__name__ == DIED


def is_lost(error: BaseException) -> bool:
    """Whether this is Dask's way to say that work was given up; of work that nobody has stopped, that its scheduler has gone."""
    return type(error).__name__ in _CANCELLED


def explained(error: BaseException, ticket: Ticket, why_it_died: Death | None = None) -> BaseException:
    """An `EmsegError` or `Cancelled` in place of whatever came back.

    Parameters
    ----------
    error : BaseException
        From Dask, or from the job itself.
    why_it_died : Death, optional
        For a dead worker.
    """
    if isinstance(error, EmsegError | Cancelled):
        return error
    name = type(error).__name__
    job = ticket.function
    where = job if isinstance(job, str) else getattr(job, "__name__", "")
    if has_died(error):
        death = why_it_died or LOST
        return EmsegError(f"the worker stopped: {death.words}", where, death.remedy)
    if is_lost(error):
        return Cancelled()
    if isinstance(error, OSError) and error.strerror:
        what = f"a file cannot be read or written ({error.strerror.lower()})"
        return EmsegError(what, str(error.filename or where), "free some space, or check the disk")
    what = f"{name}: {error}".splitlines()[0]
    found = EmsegError(what, where, "try again, or report this with --debug")
    found.__cause__ = error
    return found
