"""Refusals: errors that say what is wrong, where, and what to do about it."""

from __future__ import annotations

import errno
import os
import re


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


FULL_DISK = frozenset((errno.ENOSPC, errno.EDQUOT))
"""Error numbers of a disk without space."""

NO_WRITING = frozenset((errno.EACCES, errno.EPERM, errno.EROFS))
"""Error numbers of a place where this person may not write."""


def reason_of(error: Exception) -> str:
    """What the system or the database gave as its reason, in words; of several refusals the first."""
    number = getattr(error, "errno", None)
    if number is None and (found := re.search(r"\[Errno (\d+)\]", str(error))):
        number = int(found.group(1))  # what shutil tells of a folder of files
    if number in FULL_DISK:
        return "the disk is full"
    if number in NO_WRITING:
        return "the folder cannot be written"
    return os.strerror(number).lower() if number else str(error)
