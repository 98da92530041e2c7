"""Refusals: errors that say what is wrong, where, and what to do about it."""

from __future__ import annotations


class EmsegError(Exception):
    """Something that a person can understand and mend.

    Parameters
    ----------
    what : str
        What is wrong, without a trailing full stop.
    where : str
        The file, section, object or setting concerned.
    remedy : str
        What to do about it.
    action : str
        Name of a user-interface action that mends it, or empty.
    """

    def __init__(self, what: str, where: str = "", remedy: str = "", *, action: str = "") -> None:
        super().__init__(what, where, remedy)
        self.what = what
        self.where = where
        self.remedy = remedy
        self.action = action

    def __str__(self) -> str:
        return ", ".join(part for part in (self.what, self.where, self.remedy) if part)


class WrongCall(EmsegError):  # noqa: N818 - reads as what happened
    """What was asked for on the command line makes no sense, whatever the files hold: usage is shown."""


class Cancelled(Exception):  # noqa: N818 - not an error: the person pressed stop
    """Raised inside long work when the person asked for it to stop."""
