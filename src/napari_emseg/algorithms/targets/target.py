"""The value that every target function gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Target:
    """What a network is taught.

    Parameters
    ----------
    values : ndarray (channels, z, y, x)
        uint8 for yes and no, float32 for anything else.
    weight : ndarray (channels, z, y, x) float32
        0 where the value is not known.
    channels : tuple of str
        What each channel is.
    """

    values: NDArray[Any]
    weight: NDArray[Any]
    channels: tuple[str, ...]
