"""Lists of volumes in one word: ``a.h5@b.h5@c.h5``, names joined to one folder."""

from __future__ import annotations

from pathlib import Path

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.paths import SAMPLE, parse_path

SEPARATOR = "@"


def split_volumes(text: str, base: Path | None = None) -> tuple[str, ...]:
    """Paths of a list of volumes.

    Parameters
    ----------
    text : str
        One path, or several with ``@`` between them. The names after the first start at the folder of the first
        unless they are absolute; ``images/a.h5@b.h5`` are ``images/a.h5`` and ``images/b.h5``. Where that is not
        a file but the name starts at `base` is one, that is meant: ``images/a.h5@images/b.h5``.
    base : Path, optional
        Folder at which relative paths start.

    Returns
    -------
    tuple of str
        At least one. A path that exists as it is written is one volume, whatever is in its name.

    Raises
    ------
    EmsegError
        If a name between two ``@`` is empty.

    Examples
    --------
    >>> split_volumes("data/a.h5::raw@b.h5::raw")
    ('data/a.h5::raw', 'data/b.h5::raw')
    """
    start = base or Path()
    if SEPARATOR not in text or text.startswith(SAMPLE):
        return (text,)
    if _exists(start / text) and SEPARATOR not in parse_path(start / text).inner:
        return (text,)
    names = text.split(SEPARATOR)
    if not all(n.strip() for n in names):
        raise EmsegError("a name in the list of volumes is empty", text, "write a.h5@b.h5")
    folder = parse_path(start / names[0]).path.parent
    shown = Path(names[0]).parent
    out = [names[0]]
    for name in names[1:]:
        beside = _exists(folder / name)
        if Path(name).is_absolute() or (not beside and _exists(start / name)):
            out.append(name)
        else:
            out.append(str(shown / name))
    return tuple(out)


def _exists(path: Path) -> bool:
    try:
        return parse_path(path).path.exists()
    except (OSError, ValueError):
        return False
