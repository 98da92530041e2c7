"""The form of a mitochondrion: a capsule that is bent and uneven, so that no cut of it has straight sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ALONG_SECTIONS = 1.3  # stretch of directions along z: fewer lie flat in a section
_HALF_LENGTH = (0.3, 3.2)  # in radii
_BEND = (0.25, 0.5)  # of the half length: how far the ends of the middle line lie aside of its middle
_TWIST = 0.3  # of the half length, across the bend
_UNEVEN = (0.06, 0.16)  # of the radius
_WAVES = (1.0, 0.5, 0.35)  # along the capsule, and two across the section


@dataclass(frozen=True, eq=False)
class Form:
    """A capsule about the origin. Lengths are nm, directions (z, y, x).

    Parameters
    ----------
    radius_nm, half_length_nm : float
        Of the capsule, without its caps.
    frame : ndarray (3, 3)
        Unit vectors: along it, across it within the section, across both.
    bend_nm, twist_nm : float
        Of its middle line, along the second and the third of them.
    uneven, phase : float
        Waves of the radius: how high, relative to it, and where they begin.
    """

    radius_nm: float
    half_length_nm: float
    frame: NDArray[np.float32]
    bend_nm: float
    twist_nm: float
    uneven: float
    phase: float

    @classmethod
    def draw(cls, rng: np.random.Generator, radius_nm: float) -> Form:
        """Draw a form of about that radius."""
        axis = rng.normal(0, 1, 3) * (_ALONG_SECTIONS, 1, 1)
        axis /= np.linalg.norm(axis)
        across = (
            np.array([0.0, axis[2], -axis[1]]) if np.abs(axis[1:]).max() > 1e-6 else np.array([0.0, 1, 0])
        )
        across /= np.linalg.norm(across)
        half_length = radius_nm * rng.uniform(*_HALF_LENGTH)
        return cls(
            radius_nm,
            half_length,
            np.stack([axis, across, np.cross(axis, across)]).astype(np.float32),
            half_length * rng.uniform(*_BEND) * (1 if rng.random() < 0.5 else -1),
            half_length * rng.uniform(-_TWIST, _TWIST),
            rng.uniform(*_UNEVEN),
            rng.uniform(0, 2 * np.pi),
        )

    @property
    def reach_nm(self) -> NDArray[np.float64]:
        """How far it reaches from the origin at most, (z, y, x)."""
        lengths = np.array([self.half_length_nm, abs(self.bend_nm), abs(self.twist_nm)])
        return np.asarray(lengths @ np.abs(self.frame) + self.radius_nm * (1 + sum(_WAVES) * self.uneven))

    def depth(
        self, z: NDArray[np.float32], y: NDArray[np.float32], x: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """How deep in it points lie (nm), negative outside.

        Parameters
        ----------
        z, y, x : ndarray float32
            Coordinates from its middle in nm, broadcast against each other.
        """
        whole, side, other = (z * a + y * b + x * c for a, b, c in self.frame)
        along = np.clip(whole, -self.half_length_nm, self.half_length_nm)
        part = along / np.float32(self.half_length_nm)
        side = side - np.float32(self.bend_nm) * (part * part - np.float32(1 / 3))
        other = other - np.float32(self.twist_nm) * np.sin(np.float32(np.pi / 2) * part)
        whole = whole - along
        r = np.float32(self.radius_nm)
        a, b, c = (np.float32(self.uneven * wave) for wave in _WAVES)
        phase = np.float32(self.phase)
        wave = a * np.sin(along * (np.float32(1.7) / r) + phase) + b * np.sin((2 * y + x) / r)
        wave = wave + c * np.sin((np.float32(3.3) * x - np.float32(2.1) * y) / r + phase)
        return np.asarray(
            r * (1 + wave) - np.sqrt(whole * whole + side * side + other * other), dtype=np.float32
        )
