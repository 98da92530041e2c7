"""Numbers in sentences."""

from __future__ import annotations


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
