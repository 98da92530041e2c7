"""Which array of a file that holds several is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_emseg.io.paths import DataPath

MAIN = "main"


class SeveralArrays(EmsegError):  # noqa: N818 - reads as what happened
    """More than one array of a file could be meant.

    Parameters
    ----------
    where : DataPath
        What the person wrote.
    arrays : mapping of str to tuple of int
        Internal path to shape of those that could be meant.
    """

    def __init__(self, where: DataPath, arrays: Mapping[str, tuple[int, ...]]) -> None:
        super().__init__("it holds several arrays", str(where), f"add one of {_listed(arrays)}")
        self._where = where
        self.path = where.path
        self.arrays = dict(sorted(arrays.items()))

    def __reduce__(self) -> tuple[type[SeveralArrays], tuple[DataPath, dict[str, tuple[int, ...]]]]:
        return SeveralArrays, (self._where, self.arrays)


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
    if inside:
        raise SeveralArrays(where, {name: arrays[name] for name in inside})
    raise EmsegError(f"there is no array {inner}", str(where), f"choose one of {_listed(arrays)}")


def _listed(arrays: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"::{name} {shape}" for name, shape in sorted(arrays.items()))
