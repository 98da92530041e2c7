"""Numbers and names in sentences."""

from __future__ import annotations

from pathlib import PureWindowsPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


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


def some_of(names: Iterable[str], most: int) -> str:
    """Names with commas between them, and how many are left out.

    Examples
    --------
    >>> some_of(["axon", "glia", "soma"], 3), some_of(["axon", "glia", "soma"], 1)
    ('axon, glia, soma', 'axon and 2 more')
    """
    listed = list(names)
    left = len(listed) - most
    return f"{', '.join(listed[:most])} and {left} more" if left > 0 else ", ".join(listed)


def last_name(path: str) -> str:
    r"""The last part of a path, whichever system has written it.

    Examples
    --------
    >>> last_name("models/membrane-2/"), last_name(r"C:\models\mine"), last_name("membrane")
    ('membrane-2', 'mine', 'membrane')
    """
    return PureWindowsPath(path).name


def file_name(text: str) -> str:
    """What every system takes as the name of a file or a folder; empty where nothing is left.

    Examples
    --------
    >>> file_name("nerve cord: 2nd/try?"), file_name("..."), file_name("membrane-2")
    ('nerve cord- 2nd-try-', '', 'membrane-2')
    """
    return "".join(c if c.isalnum() or c in "-_. " else "-" for c in text).strip(". ")
