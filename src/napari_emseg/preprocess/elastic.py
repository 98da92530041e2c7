"""Elastic alignment: a smooth displacement for every section, and its inverse.

A field says for each place q of the aligned section where its content comes from: ``q + u(q)``. It is given on nodes
every ``spacing_px`` pixels, is linear between them, and changes by at most half a pixel per pixel. So it is one to one:
points go back by arithmetic and forth by iteration, to any accuracy. Labels are read at the nearest pixel, there and back,
so they change along their borders, by a pixel.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEEPEST = 0.5
"""How much a displacement may change from a pixel to the next; from 1 on tissue would be folded."""

CLOSE_PX = 1e-6
_ROUNDS = 100


@dataclass(frozen=True, eq=False)
class Warp:
    """Displacements of all sections.

    Parameters
    ----------
    nodes : ndarray (z, 2, ny, nx) float32
        (dy, dx) in pixels at the nodes; beyond the last node the value stays.
    spacing_px : int
        Distance of nodes.
    shape : tuple of int
        Extent (y, x) of the sections.

    Raises
    ------
    EmsegError
        If the nodes do not cover the sections, hold values that are no numbers, or would fold tissue.
    """

    nodes: NDArray[np.float32]
    spacing_px: int
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        wanted = nodes_of(self.shape, self.spacing_px)
        if self.nodes.ndim != 4 or self.nodes.shape[1] != 2 or self.nodes.shape[2:] != wanted:
            raise EmsegError(
                f"displacements of shape {self.nodes.shape} do not cover sections of {self.shape[0]} x {self.shape[1]} px",
                "", f"give (sections, 2, {wanted[0]}, {wanted[1]})",
            )  # fmt: skip
        if not np.isfinite(self.nodes).all():
            raise EmsegError("a displacement is not a number", "the elastic alignment", "estimate it again")
        if self.steepest > STEEPEST * 1.001:
            raise EmsegError(
                f"the displacement changes by {self.steepest:.2f} px from one pixel to the next",
                "the elastic alignment",
                f"smooth it: up to {STEEPEST} nothing is folded",
            )

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def steepest(self) -> float:
        """Largest change of the displacement per pixel (Frobenius norm of its slope)."""
        return steepness(self.nodes, self.spacing_px)

    @property
    def largest_px(self) -> float:
        """Length of the longest displacement."""
        return float(np.hypot(self.nodes[:, 0], self.nodes[:, 1]).max(initial=0))

    def at(self, z: int, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Displacements (2, ...) of section `z` at places (2, ...) in pixels."""
        return displacement(self.nodes[z], self.spacing_px, places)

    def origin_of(self, z: int, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where the content at places (2, ...) of the aligned section comes from."""
        return places + self.at(z, places)

    def place_of(self, z: int, origins: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where the content of places (2, ...) of the section lies when it is aligned; inverse of `origin_of`.

        The fixed point of ``q = p - u(q)``, to `CLOSE_PX`.
        """
        found = origins - self.at(z, origins)
        for _ in range(_ROUNDS):
            better = origins - self.at(z, found)
            moved = float(np.abs(better - found).max(initial=0))
            found = better
            if moved < CLOSE_PX * (1 - STEEPEST):
                break
        return found


def nodes_of(shape: tuple[int, int], spacing_px: int) -> tuple[int, int]:
    """How many nodes (y, x) cover a section."""
    y, x = (-(-(n - 1) // spacing_px) + 1 for n in shape)
    return y, x


def steepness(nodes: NDArray[np.floating[Any]], spacing_px: int) -> float:
    """Largest change per pixel of fields (..., 2, ny, nx): an upper bound for every cell between nodes."""
    total = np.zeros((*nodes.shape[:-3], max(nodes.shape[-2] - 1, 1), max(nodes.shape[-1] - 1, 1)))
    down = np.abs(np.diff(nodes, axis=-2))
    right = np.abs(np.diff(nodes, axis=-1))
    if down.size:
        wide = np.maximum(down[..., :-1], down[..., 1:]) if down.shape[-1] > 1 else down
        total += (wide**2).sum(-3)
    if right.size:
        high = np.maximum(right[..., :-1, :], right[..., 1:, :]) if right.shape[-2] > 1 else right
        total += (high**2).sum(-3)
    return float(np.sqrt(total.max(initial=0)) / spacing_px)


def tempered(nodes: NDArray[np.float32], spacing_px: int) -> NDArray[np.float32]:
    """Fields (z, 2, ny, nx) smoothed where they would fold tissue, until they do not."""
    from scipy.ndimage import gaussian_filter

    out = nodes.astype(np.float32, copy=True)
    for field in out:
        for _ in range(20):
            if steepness(field, spacing_px) <= STEEPEST:
                break
            field[:] = gaussian_filter(field, (0, 1, 1), mode="nearest")
        over = steepness(field, spacing_px) / STEEPEST
        if over > 1:
            field /= over
    return out


def displacement(
    nodes: NDArray[np.floating[Any]], spacing_px: int, places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A field on nodes (2, ny, nx) at places (2, ...), linear between the nodes."""
    from scipy.ndimage import map_coordinates

    grid = np.asarray(places, np.float64) / spacing_px
    return np.stack(
        [map_coordinates(part.astype(np.float64), grid, order=1, mode="nearest") for part in nodes]
    )


def warp_section(section: NDArray[Any], z: int, warp: Warp, *, labels: bool = False) -> NDArray[Any]:
    """Align one section (y, x): grey values linearly, ids at the nearest pixel."""
    return _read(section, warp.origin_of(z, _grid(section.shape)), labels=labels)


def unwarp_section(section: NDArray[Any], z: int, warp: Warp, *, labels: bool = False) -> NDArray[Any]:
    """Bring what belongs to an aligned section back to where its tissue lay."""
    return _read(section, warp.place_of(z, _grid(section.shape)), labels=labels)


def _grid(shape: tuple[int, ...]) -> NDArray[np.float64]:
    return np.indices(shape, dtype=np.float64)


def _read(section: NDArray[Any], places: NDArray[np.float64], *, labels: bool) -> NDArray[Any]:
    height, width = section.shape
    if labels:  # gathered and not interpolated: ids of 64 bits do not fit into floating values
        y, x = (np.rint(p).astype(np.intp) for p in places)
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
        out = np.zeros(places.shape[1:], section.dtype)
        out[inside] = section[y[inside], x[inside]]
        return out
    from scipy.ndimage import map_coordinates

    from napari_emseg.preprocess.flow import to_type

    values = map_coordinates(
        section.astype(np.float32), places.astype(np.float32), order=1, mode="constant", cval=0
    )
    return to_type(values, section.dtype)


def warp_points(points: NDArray[np.floating[Any]], warp: Warp) -> NDArray[np.float64]:
    """Move points (n, 3), (z, y, x) in pixels, with the tissue of their section; none is lost."""
    return _moved(points, warp, back=False)


def unwarp_points(points: NDArray[np.floating[Any]], warp: Warp) -> NDArray[np.float64]:
    """The inverse of `warp_points`."""
    return _moved(points, warp, back=True)


def _moved(points: NDArray[np.floating[Any]], warp: Warp, *, back: bool) -> NDArray[np.float64]:
    moved = np.array(points, dtype=np.float64).reshape(-1, 3)
    sections = np.clip(np.floor(moved[:, 0]), 0, len(warp) - 1).astype(np.intp)
    for z in np.unique(sections):
        own = sections == z
        places = moved[own, 1:].T
        moved[own, 1:] = (warp.origin_of(z, places) if back else warp.place_of(z, places)).T
    return moved


def warp_as_bytes(warp: Warp) -> bytes:
    """A warp as the content of a file (.npz) that `read_warp` reads."""
    out = io.BytesIO()
    np.savez_compressed(
        out, nodes=warp.nodes, spacing_px=np.int64(warp.spacing_px), shape=np.asarray(warp.shape, np.int64)
    )
    return out.getvalue()


def read_warp(content: bytes, where: str) -> Warp:
    """Read what `warp_as_bytes` has written.

    Raises
    ------
    EmsegError
        If it is no such file, or the field in it cannot be used.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as held:
            nodes = np.asarray(held["nodes"], np.float32)
            shape = tuple(int(n) for n in held["shape"])
            spacing = int(held["spacing_px"])
    except (ValueError, KeyError, OSError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise EmsegError(
            "this is no elastic alignment", where, "give the file that align --elastic has written"
        ) from error
    if len(shape) != 2 or min(shape) < 1 or spacing < 1:
        raise EmsegError("this elastic alignment is damaged", where, "estimate it again")
    return Warp(nodes, spacing, (shape[0], shape[1]))
