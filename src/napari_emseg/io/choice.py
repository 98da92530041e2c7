"""Which array of a file that holds several is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_emseg.io.paths import DataPath

MAIN = "main"


def choose(arrays: Mapping[str, tuple[int, ...]], where: DataPath) -> str:
    """Which array of a container is meant: the named one, else the only one, else ``main``.

    Parameters
    ----------
    arrays : mapping of str to tuple of int
        Internal path to shape.
    where : DataPath
        What the person wrote.

    Raises
    ------
    EmsegError
        If there is none, or more than one could be meant.
    """
    if not arrays:
        raise EmsegError("it holds no image or label array", str(where), "check what was exported")
    inner = where.inner
    if inner in arrays:
        return inner
    inside = [name for name in arrays if not inner or name.startswith(f"{inner}/")]
    if len(inside) == 1:
        return inside[0]
    prefix = f"{inner}/" if inner else ""
    if f"{prefix}{MAIN}" in inside:
        return f"{prefix}{MAIN}"
    listed = ", ".join(f"::{n} {s}" for n, s in sorted((n, arrays[n]) for n in (inside or arrays)))
    what = "it holds several arrays" if inside else f"there is no array {inner}"
    raise EmsegError(what, str(where), f"add one of {listed}" if inside else f"choose one of {listed}")
