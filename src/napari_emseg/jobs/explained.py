"""What went wrong in a worker, in words that a person can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.errors import Cancelled, EmsegError

if TYPE_CHECKING:
    from napari_emseg.jobs.ticket import Ticket

DIED = "KilledWorker"
_CANCELLED = {"CancelledError", "FutureCancelledError"}


def has_died(error: BaseException) -> bool:
    """Whether this is Dask's way to say that the worker process has gone."""
    return type(error).__name__ == DIED


def explained(error: BaseException, ticket: Ticket, why_it_died: str = "") -> BaseException:
    """An `EmsegError` or `Cancelled` in place of whatever came back.

    Parameters
    ----------
    error : BaseException
        From Dask, or from the job itself.
    why_it_died : str
        For a dead worker: how it ended.
    """
    if isinstance(error, EmsegError | Cancelled):
        return error
    name = type(error).__name__
    job = ticket.function
    where = job if isinstance(job, str) else getattr(job, "__name__", "")
    if has_died(error):
        what = f"the worker stopped: {why_it_died}"
        return EmsegError(what, where, "it was started again; try a smaller region or a smaller tile")
    if name in _CANCELLED:
        return Cancelled()
    if isinstance(error, OSError) and error.strerror:
        what = f"a file cannot be read or written ({error.strerror.lower()})"
        return EmsegError(what, str(error.filename or where), "free some space, or check the disk")
    what = f"{name}: {error}".splitlines()[0]
    found = EmsegError(what, where, "try again, or report this with --debug")
    found.__cause__ = error
    return found
