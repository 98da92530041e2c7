"""Numbers and names in sentences."""

from __future__ import annotations

from pathlib import PureWindowsPath


def counted(n: int, thing: str, things: str = "") -> str:
    """A number and what is counted: "1 edit", "2 edits".

    Parameters
    ----------
    n : int
    thing : str
        One of them.
    things : str, optional
        Several of them; default: ``thing`` with an s.

    Examples
    --------
    >>> counted(1, "pair of cells", "pairs of cells"), counted(0, "edit")
    ('1 pair of cells', '0 edits')
    """
    return f"{n} {thing if n == 1 else things or f'{thing}s'}"


def last_name(path: str) -> str:
    r"""The last part of a path, whichever system has written it.

    Examples
    --------
    >>> last_name("models/membrane-2/"), last_name(r"C:\models\mine"), last_name("membrane")
    ('membrane-2', 'mine', 'membrane')
    """
    return PureWindowsPath(path).name
