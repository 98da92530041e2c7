"""Artefacts blended over a section: cut from real ones, or synthesised (precipitate, scratches, dirt)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.fields import chance, option, strength
from napari_emseg.augment.mirror import Mirror, draw_rule
from napari_emseg.core.errors import EmsegError
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TRIES = 30  # places of the source looked at for enough artefact
_HIDDEN = 0.5  # share of artefact in a pixel above which its tissue cannot be seen


class Artefact(Settings):
    """How often, and how much of a section is covered."""

    per_section: float = chance(0.03, "Of the sections", "chance of each")
    cover: float = strength(
        0.15, "Covered up to", "share of the section, of synthesised artefacts", ge=0.005, le=1, neutral=0.005
    )
    min_masked: float = option(
        0.05, "Real artefacts from", "share of a cut-out that must be artefact", ge=0, le=1, more=True
    )


@dataclass(frozen=True, eq=False)
class DefectSource:
    """Sections with real artefacts.

    Parameters
    ----------
    images : ndarray (n, y, x) float32
        At mean 0 and standard deviation 1, as samples are.
    masks : ndarray (n, y, x) float32
        How much of a pixel is artefact, 0 to 1.
    """

    images: NDArray[np.float32]
    masks: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.images.shape != self.masks.shape or self.images.ndim != 3 or not self.images.size:
            raise EmsegError(
                f"artefacts {self.images.shape} and their masks {self.masks.shape} do not go together",
                "",
                "give both as (n, y, x)",
            )

    def draw(
        self, size: tuple[int, int], min_masked: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """A cut-out (y, x) of image and mask, in a random orientation, with enough artefact in it.

        A source smaller than the sample is mirrored at its borders; when many tries find too little, the best is
        taken.
        """
        best: tuple[float, Any, Any] | None = None
        for _ in range(_TRIES):
            n = int(rng.integers(len(self.images)))
            rule = draw_rule(Mirror(sections=False), rng)
            image, mask = (rule.forward(_padded(a[n], max(size))) for a in (self.images, self.masks))
            y, x = (int(rng.integers(m - s + 1)) for m, s in zip(mask.shape, size, strict=True))
            cut = np.s_[y : y + size[0], x : x + size[1]]
            masked = float(mask[cut].mean())
            if best is None or masked > best[0]:
                best = masked, image[cut], mask[cut]
            if masked >= min_masked:
                break
        assert best is not None
        return best[1], best[2]


def artefact(
    section: NDArray[np.float32],
    settings: Artefact,
    rng: np.random.Generator,
    source: DefectSource | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Blend an artefact over one section (y, x): ``I * (1 - a) + A * a``.

    Returns
    -------
    section : ndarray (y, x)
    hidden : ndarray (y, x) of bool
        Where more than half of a pixel is artefact.
    """
    size = (section.shape[0], section.shape[1])
    if source is None:
        over, alpha = synthesise(size, settings.cover, rng)
    else:
        over, alpha = source.draw(size, settings.min_masked, rng)
    return section * (1 - alpha) + over * alpha, alpha > _HIDDEN


def synthesise(
    size: tuple[int, int], cover: float, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Texture and opacity (y, x) of precipitate, dirt or a scratch that covers at most this share of a section."""
    from scipy import ndimage as ndi

    scale = float(rng.uniform(0.02, 0.08)) * max(size)
    rough = ndi.gaussian_filter(rng.standard_normal(size), scale)
    if rng.random() < 0.3:  # scratches are long and thin
        rough = ndi.gaussian_filter(rng.standard_normal(size), (0.1 * scale + 0.5, 4 * scale))
        rough = rough if rng.random() < 0.5 else ndi.zoom(rough.T, np.divide(size, rough.T.shape), order=1)
    share = float(rng.uniform(0.2, 1)) * cover
    level = np.quantile(rough, 1 - share)
    spread = rough.std() or 1.0
    alpha = np.clip((rough - level) / (0.3 * spread), 0, 1).astype(np.float32)
    grain = ndi.gaussian_filter(rng.standard_normal(size), 1.0)
    shade = -2.0 if rng.random() < 0.7 else 2.0  # most of it is dense to electrons
    texture = shade + grain / (grain.std() or 1.0) * 0.4
    return texture.astype(np.float32), alpha


def _padded(array: NDArray[np.float32], least: int) -> NDArray[np.float32]:
    lacking = [(0, max(0, least - n)) for n in array.shape]
    return np.pad(array, lacking, mode="symmetric") if any(b for _, b in lacking) else array
