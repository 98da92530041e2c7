"""From cells and organelles to grey levels: section thickness, texture, blur, flicker, grain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.phantom.cells import FAR_NM, Tissue
from napari_emseg.phantom.fields import SmoothField, pixel_centres

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.phantom.mitochondria import Mitochondria
    from napari_emseg.phantom.settings import PhantomSettings

    Plane = NDArray[np.float32]

_SOFT_NM = 2.6  # how fast a membrane's darkness falls off at its edge
_FINEST_NM = 5.5  # finer pixels are computed at half resolution: membranes are five pixels wide there


@dataclass(frozen=True)
class Appearance:
    """How one stack looks. Grey levels are fractions of white."""

    cytoplasm: float
    spread: float
    glia: float
    membrane: float
    half_width_nm: float
    granularity: float
    noise: float
    blur_nm: float
    contrast: float
    brightness: float

    @classmethod
    def draw(cls, rng: np.random.Generator, settings: PhantomSettings) -> Appearance:
        """Vary the usual appearance moderately, as microscopes and stains do."""
        u = rng.normal(0, settings.variation, 9)
        return cls(
            cytoplasm=float(0.665 + 0.012 * np.clip(u[0], -2, 2)),
            spread=float(0.056 * np.exp(0.25 * u[1])),
            glia=float(0.45 + 0.04 * np.clip(u[2], -2, 2)),
            membrane=float(np.clip(0.08 + 0.03 * u[3], 0.0, 0.2)),
            half_width_nm=float(0.5 * settings.membrane_width_nm * np.exp(0.1 * u[4])),
            granularity=float(np.exp(0.2 * u[5])),
            noise=float(0.13 * settings.noise * np.exp(0.3 * u[6])),
            blur_nm=float(settings.blur_nm * np.exp(0.25 * u[7])),
            contrast=float(settings.contrast * np.exp(0.08 * u[8])),
            brightness=float(0.535 + 0.02 * np.clip(u[8] - u[0], -2, 2)),
        )


def render_cells(
    tissue: Tissue,
    levels: NDArray[np.float32],
    look: Appearance,
    shape: tuple[int, ...],
    spacing_nm: tuple[float, ...],
) -> tuple[Plane, Plane]:
    """Membrane darkness and cytoplasm grey of every section, averaged through its thickness.

    A membrane that runs obliquely through a section sweeps over many pixels and looks wide and pale.
    The border is known at a few depths; between two of them the signed distance is taken to change
    linearly, over which the membrane's profile has a closed integral.

    Returns
    -------
    membrane, cytoplasm : ndarray (z, y, x) float32
        Fraction of the section's thickness that is membrane, and mean level of the cytoplasm.
    """
    stride = 2 if min(spacing_nm[1:]) <= _FINEST_NM else 1
    rows, columns = (
        pixel_centres(-(-n // stride), s, stride) for n, s in zip(shape[1:], spacing_nm[1:], strict=True)
    )
    parts = int(np.clip(round(spacing_nm[0] / (3.3 * min(spacing_nm[1:]))), 1, 3))
    depths = np.asarray(np.arange(shape[0] * parts + 1) * (spacing_nm[0] / parts), dtype=np.float64)
    membrane = np.zeros(shape, dtype=np.float32)
    cytoplasm = np.zeros(shape, dtype=np.float32)
    previous = None
    up = [_upsampling(n, stride) for n in shape[1:]]
    for z in range(shape[0]):
        cut = tissue.cut(depths[z * parts + (z > 0) : (z + 1) * parts + 1], rows, columns)
        owner, distance = cut.owner, cut.distance_nm
        if previous is not None:
            owner = np.concatenate([previous.owner[-1:], owner])
            distance = np.concatenate([previous.distance_nm[-1:], distance])
        end = np.where(owner[1:] == owner[:-1], distance[1:], -distance[1:])
        part = _mean_profile(distance[:-1], end, look.half_width_nm)
        level = levels[owner]
        membrane[z] = up[0] @ part.mean(axis=0) @ up[1].T
        cytoplasm[z] = up[0] @ level.mean(axis=0) @ up[1].T
        previous = cut
    return membrane, cytoplasm


def _integral(distance: Plane, half_width: float) -> Plane:
    """Antiderivative of the profile 1 / (1 + exp((|d| - h) / s)), an odd function."""
    soft = np.float32(_SOFT_NM)
    d = np.abs(distance)
    value = d - soft * np.logaddexp(np.float32(0), (d - np.float32(half_width)) / soft, dtype=np.float32)
    return np.asarray(
        np.copysign(value + soft * np.float32(np.log1p(np.exp(-half_width / _SOFT_NM))), distance)
    )


def _mean_profile(start: Plane, end: Plane, half_width: float) -> Plane:
    """Mean darkness while the signed distance goes from ``start`` to ``end``."""
    step = end - start
    small = np.abs(step) < 0.5
    step = np.where(small, np.float32(1), step)
    mean = (_integral(end, half_width) - _integral(start, half_width)) / step
    still = 1 / (1 + np.exp((np.abs(start) - np.float32(half_width)) / np.float32(_SOFT_NM)))
    out = np.where(small, still, mean)
    return np.asarray(np.where((np.abs(start) >= FAR_NM) & (np.abs(end) >= FAR_NM), 0, out), dtype=np.float32)


def _upsampling(count: int, stride: int) -> Plane:
    """Matrix that interpolates linearly from every ``stride``-th pixel to all ``count``."""
    coarse = -(-count // stride)
    position = np.clip((np.arange(count) + 0.5) / stride - 0.5, 0, coarse - 1)
    left = np.minimum(position.astype(np.intp), max(coarse - 2, 0))
    matrix = np.zeros((count, coarse), dtype=np.float32)
    rows = np.arange(count)
    matrix[rows, left] = 1 - (position - left)
    if coarse > 1:
        matrix[rows, left + 1] = position - left
    return matrix


def compose(
    rng: np.random.Generator,
    membrane: Plane,
    cytoplasm: Plane,
    roughness: Plane,
    ink: Plane,
    mitochondria: Mitochondria,
    look: Appearance,
    spacing_nm: tuple[float, float, float],
    flicker: float,
) -> NDArray[np.uint8]:
    """Put everything together, section by section, and take the picture.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    membrane, cytoplasm : ndarray (z, y, x) float32
        From `render_cells`.
    roughness : ndarray (z, y, x) float32
        How granular the cytoplasm is, 1 is usual.
    ink : ndarray (z, y, x) float32
        Darkness of small organelles and synapses.
    mitochondria : Mitochondria
        Their opacity and grey level.
    look : Appearance
        Grey levels, grain and blur.
    spacing_nm : tuple of float
        Voxel size (z, y, x).
    flicker : float
        How much brightness and contrast change between sections.
    """
    from scipy import ndimage as ndi

    shape = membrane.shape
    extent = [n * s for n, s in zip(shape, spacing_nm, strict=True)]
    patchy = SmoothField.random(rng, extent, (160.0, 170.0, 170.0))
    clumpy = SmoothField.random(rng, extent, (60.0, 55.0, 55.0))
    shadow = SmoothField.random(rng, extent, (60.0, 900.0, 900.0))
    axes = [pixel_centres(n, s) for n, s in zip(shape, spacing_nm, strict=True)]
    blur = [look.blur_nm / s for s in spacing_nm[1:]]
    out = np.empty(shape, dtype=np.uint8)
    for z in range(shape[0]):
        depth = axes[0][z : z + 1]
        patch = 0.8 * patchy(depth, axes[1], axes[2])[0] + 0.6 * clumpy(depth, axes[1], axes[2])[0]
        fine = _grain(rng, shape[1:], 4.2, spacing_nm)
        coarse = _grain(rng, shape[1:], 9.0, spacing_nm)
        # threads and clumps: more of them, and darker, where the cytoplasm is dense
        amount = np.clip(look.granularity * roughness[z] * (0.58 + 0.53 * patch), 0.1, 1.5)
        mesh = fine + 0.6 * coarse
        texture = amount * (
            0.055 * mesh
            + 0.05 * np.maximum(mesh, 0)
            + 0.05 * np.maximum(patch, 0)
            + 0.06 * np.maximum(patch - 0.8, 0)
        )
        dark = 0.45 * np.tanh(ink[z] / 0.45)
        shade = texture + dark * (1 + 0.3 * fine)
        tissue = cytoplasm[z] + 0.045 - np.where(shade > 0, 0.42 * np.tanh(shade / 0.42), shade)
        opacity = mitochondria.opacity[z]
        tissue += opacity * (mitochondria.grey[z] - 0.06 * fine - 0.03 * coarse - tissue)
        # stain takes unevenly along a membrane, and darkens the cytoplasm beside it
        stain = 1 + 0.08 * _grain(rng, shape[1:], 24.0, spacing_nm)
        tissue -= (
            0.02 * stain * ndi.gaussian_filter(membrane[z], [12.0 / s for s in spacing_nm[1:]], truncate=2.5)
        )
        edge = np.clip(membrane[z] * (1.09 * stain + 0.10 * coarse), 0, 1)
        tissue += edge * (look.membrane + 0.04 * fine - np.maximum(dark, 0) * 0.3 - tissue)
        np.clip(tissue, -0.02, 1, out=tissue)
        tissue = ndi.gaussian_filter(tissue, blur, truncate=3)
        gain = look.contrast * np.exp(0.05 * flicker * rng.normal())
        level = look.brightness + flicker * (0.02 * rng.normal() + 0.012 * shadow(depth, axes[1], axes[2])[0])
        noise = ndi.gaussian_filter(rng.standard_normal(shape[1:], dtype=np.float32), 0.75, truncate=3)
        tissue = (tissue - 0.535) * gain + level + look.noise * noise
        out[z] = np.clip(tissue * 255 + 0.5, 0, 255)
    return out


def _grain(
    rng: np.random.Generator, shape: tuple[int, ...], size_nm: float, spacing_nm: tuple[float, ...]
) -> Plane:
    """Unit noise whose grain has a standard deviation of about ``size_nm`` (cubic B-splines)."""
    extent = (1.0, shape[0] * spacing_nm[1], shape[1] * spacing_nm[2])
    step = size_nm * 1.7
    field = SmoothField.random(rng, extent, (1.0, step, step))
    flat = field.coefficients[:1] * np.float32(_SPLINE_DEPTH)
    field = SmoothField(np.repeat(flat, 5, axis=0), field.grain_nm, field.origin_nm)
    axes = [pixel_centres(n, s) for n, s in zip(shape, spacing_nm[1:], strict=True)]
    return np.asarray(field(np.zeros(1), axes[0], axes[1])[0])


_SPLINE_DEPTH = 0.4794**0.5  # no averaging along z in a single plane
