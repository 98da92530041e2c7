"""Maps of clefts and of sides, as a network might give them, from what is true of a phantom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.phantom.phantom import Phantom


@dataclass(frozen=True)
class Noise:
    """How far maps are from the truth.

    Parameters
    ----------
    grain : float
        Standard deviation of smooth noise in all maps.
    weakest : float
        Every synapse shows between this and full strength.
    invented : float
        Clefts that are none, for each true one; their sides are noise.
    leak : float
        Part of each side that shows on the other.
    blur_nm : float
    """

    grain: float
    weakest: float
    invented: float
    leak: float
    blur_nm: float


LEVELS = {
    "true": Noise(0.0, 1.0, 0.0, 0.0, 0.0),
    "noisy": Noise(0.15, 0.5, 0.4, 0.15, 8.0),
    "bad": Noise(0.17, 0.4, 0.8, 0.3, 12.0),
}


def side_truth(phantom: Phantom, depth_nm: float = 30.0) -> NDArray[np.uint32]:
    """Polarity labels, 2n - 1 in the presynaptic and 2n in the postsynaptic cells up to this far from cleft n."""
    sides = np.zeros(phantom.clefts.shape, np.uint32)
    pre = {p.cleft_id: p.pre_id for p in phantom.partners}
    for n, box in enumerate(ndi.find_objects(phantom.clefts.astype(np.int32)), 1):
        if box is None or n not in pre:
            continue
        pad = [0, *(int(np.ceil(depth_nm / s)) + 1 for s in phantom.spacing_nm[1:])]
        wide = tuple(slice(max(b.start - p, 0), b.stop + p) for b, p in zip(box, pad, strict=True))
        mask, cells = phantom.clefts[wide] == n, phantom.labels[wide]
        step = (1e6, *phantom.spacing_nm[1:])  # sections on their own
        near = ndi.distance_transform_edt(~mask, step) <= depth_nm
        post = [p.post_id for p in phantom.partners if p.cleft_id == n]
        view = sides[wide]
        view[near & (cells == pre[n])] = 2 * n - 1
        view[near & np.isin(cells, post)] = 2 * n
    return sides


def maps(
    phantom: Phantom, noise: Noise, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probability of clefts (z, y, x) and of the two sides (2, z, y, x)."""
    sides = side_truth(phantom)
    known = np.unique(sides[sides > 0] + 1) // 2
    gain = np.zeros(int(phantom.clefts.max()) + 1)
    gain[1:] = rng.uniform(noise.weakest, 1.0, gain.size - 1)
    strength = np.zeros(gain.size)
    strength[known] = gain[known]
    cleft = gain[phantom.clefts].astype(np.float32)
    pre, post = (np.where(sides % 2 == k, strength[(sides + 1) // 2], 0).astype(np.float32) for k in (1, 0))
    shape, spacing = cleft.shape, phantom.spacing_nm
    false = _invented(phantom, round(noise.invented * (gain.size - 1)), rng)
    cleft = np.maximum(cleft, false * rng.uniform(noise.weakest, 1.0))
    sigma = (0.0, *(noise.blur_nm / s for s in spacing[1:]))
    soft = (0.0, *(14.0 / s for s in spacing[1:]))

    def grain() -> NDArray[np.float32]:
        field = ndi.gaussian_filter(rng.standard_normal(shape, np.float32), soft)
        return (field / max(float(field.std()), 1e-9) * noise.grain).astype(np.float32)

    doubt = ndi.gaussian_filter(
        rng.standard_normal(shape, np.float32), (1.0, *(60.0 / s for s in spacing[1:]))
    )
    doubt *= 0.5 * false / max(float(doubt.std()), 1e-9)
    pre, post = (
        pre + noise.leak * post + np.maximum(doubt, 0),
        post + noise.leak * pre + np.maximum(-doubt, 0),
    )
    found = [
        np.clip(ndi.gaussian_filter(m, sigma) * (1.15 if noise.blur_nm else 1.0) + grain(), 0, 1)
        for m in (cleft, pre, post)
    ]
    return found[0], np.stack(found[1:])


def _invented(phantom: Phantom, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Discs on membranes where there is no synapse."""
    out = np.zeros(phantom.labels.shape, np.float32)
    y, x = (np.diff(phantom.labels, axis=k) != 0 for k in (1, 2))
    border = np.zeros(out.shape, bool)
    border[:, 1:] |= y
    border[:, :, 1:] |= x
    free = border & (ndi.distance_transform_edt(phantom.clefts == 0, phantom.spacing_nm) > 250)
    places = np.argwhere(free)
    if not len(places):
        return out
    grids = [((np.arange(m) + 0.5) * s) for m, s in zip(out.shape, phantom.spacing_nm, strict=True)]
    thick = np.stack([ndi.distance_transform_edt(~b, phantom.spacing_nm[1:]) <= 16 for b in border])
    for k in rng.choice(len(places), min(n, len(places)), replace=False):
        centre = [g[i] for g, i in zip(grids, places[k], strict=True)]
        radius = rng.uniform(70, 130)
        far = sum(
            ((g - c) ** 2).reshape([-1 if a == b else 1 for b in range(3)])
            for a, (g, c) in enumerate(zip(grids, centre, strict=True))
        )
        out[(far < radius**2) & thick] = 1
    return out
