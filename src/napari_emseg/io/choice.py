"""Which array of a file that holds several is meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.paths import with_channel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    what : str
        What the file holds, in words.
    names : mapping of str to str, optional
        Internal path to what it is called beside that.
    kind : str
        "array", "channel" or "sections": what is chosen.
    """

    def __init__(
        self,
        where: DataPath,
        arrays: Mapping[str, tuple[int, ...]],
        what: str = "it holds several arrays",
        names: Mapping[str, str] | None = None,
        kind: str = "array",
    ) -> None:
        self.names, self.kind = dict(names or {}), kind
        super().__init__(what, str(where), f"add one of {_listed(arrays, self.names)}")
        self._where = where
        self.path = where.path
        self.arrays = {name: arrays[name] for name in sorted(arrays, key=_by_number)}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._where, self.arrays, self.what, self.names, self.kind)


def several_channels(where: DataPath, shape: tuple[int, ...], targets: Sequence[str] = ()) -> SeveralArrays:
    """The refusal of a file with channels where one channel is wanted.

    Parameters
    ----------
    where : DataPath
        What the person wrote.
    shape : (c, z, y, x)
    targets : sequence of str
        What each channel shows, where the file says that.
    """
    paths = [with_channel(where, n).inner for n in range(shape[0])]
    names = dict(zip(paths, targets, strict=True)) if len(targets) == len(paths) else {}
    size = tuple(int(n) for n in shape[1:])
    return SeveralArrays(
        where, dict.fromkeys(paths, size), f"it has {shape[0]} channels and not one", names, "channel"
    )


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


def _listed(arrays: Mapping[str, tuple[int, ...]], names: Mapping[str, str] | None = None) -> str:
    called = {path: f" {name}" for path, name in (names or {}).items()}
    ordered = sorted(arrays, key=_by_number)
    return ", ".join(f"::{path}{called.get(path, '')} {arrays[path]}" for path in ordered)


def _by_number(name: str) -> list[tuple[int, str]]:
    """Names in the order in which people count: 2 before 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
