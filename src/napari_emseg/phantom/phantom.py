"""Synthetic electron microscopy of neural tissue with exact ground truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.phantom.cells import Tissue, draw_tissue
from napari_emseg.phantom.cytoplasm import draw_cytoplasm
from napari_emseg.phantom.identity import label_cells
from napari_emseg.phantom.image import Appearance, compose, render_cells
from napari_emseg.phantom.mitochondria import draw_mitochondria
from napari_emseg.phantom.scene import Scene
from napari_emseg.phantom.settings import PhantomSettings
from napari_emseg.phantom.synapses import Partner, draw_synapses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing


@dataclass(frozen=True, eq=False)
class Phantom:
    """A synthetic stack and everything that is true of it. Arrays are (z, y, x).

    Parameters
    ----------
    image : ndarray uint8
        Grey sections.
    labels : ndarray uint32
        Ids of neurites and glia, 1 .. n. Every voxel belongs to a cell; every id is one 26-connected object.
    membranes : ndarray bool
        True where a border between two ids lies within half the given width, measured in the section.
    mitochondria : ndarray uint32
        Instances, 0 elsewhere.
    clefts : ndarray uint32
        Instances of synaptic clefts, 0 elsewhere.
    partners : tuple of Partner
        Pre- and postsynaptic cell of each contact; a cleft has one or more.
    vesicles_nm : ndarray (n, 3) float32
        Centres of synaptic vesicles.
    shifts : ndarray (z, 2) int
        By how many pixels (y, x) each section's content was moved.
    bad_sections : mapping of int to str
        What is wrong with a section: "fold", "crack", "low contrast" or "missing".
    spacing_nm : tuple of float
        Voxel size (z, y, x).
    seed : int
        Seed that makes the same stack again.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint32]
    membranes: NDArray[np.bool_]
    mitochondria: NDArray[np.uint32]
    clefts: NDArray[np.uint32]
    partners: tuple[Partner, ...]
    vesicles_nm: NDArray[np.float32]
    shifts: NDArray[np.int64]
    spacing_nm: Spacing
    seed: int
    bad_sections: Mapping[int, str] = field(default_factory=dict)


def make_phantom(
    shape: tuple[int, int, int] = (20, 512, 512),
    spacing_nm: Spacing = (50.0, 4.6, 4.6),
    *,
    seed: int = 0,
    settings: PhantomSettings | None = None,
) -> Phantom:
    """Make a synthetic ssTEM stack.

    Parameters
    ----------
    shape : tuple of int
        Extent (z, y, x) in voxels.
    spacing_nm : tuple of float
        Voxel size (z, y, x).
    seed : int
        Same seed, same bytes.
    settings : PhantomSettings, optional
        Geometry, appearance and defects.

    Returns
    -------
    Phantom
        Image and ground truth.

    Raises
    ------
    EmsegError
        If the shape or the voxel size makes no sense.

    Examples
    --------
    >>> phantom = make_phantom((4, 64, 64), seed=1)
    >>> phantom.labels.shape, int(phantom.labels.min())
    ((4, 64, 64), 1)
    """
    if len(shape) != 3 or min(shape) < 1 or len(spacing_nm) != 3 or not min(spacing_nm) > 0:
        raise EmsegError(
            "a phantom needs three positive extents and voxel sizes",
            f"shape {shape}, spacing {spacing_nm}",
            "give both as (z, y, x)",
        )
    settings = settings or PhantomSettings()
    z, y, x = spacing_nm
    spacing = (float(z), float(y), float(x))
    # one stream per concern: more noise or fewer synapses leave the cells as they are
    streams = dict(zip(_CONCERNS, np.random.default_rng(seed).spawn(len(_CONCERNS)), strict=True))
    look = Appearance.draw(streams["look"], settings)
    calibre = settings.calibre_nm * float(np.exp(0.15 * settings.variation * streams["look"].normal()))
    extent = (shape[0] * z, shape[1] * y, shape[2] * x)
    tissue = draw_tissue(streams["cells"], extent, calibre, settings.glia)
    scene = _label(tissue, shape, spacing)
    levels = streams["look"].normal(look.cytoplasm, look.spread, tissue.glia_index + 1).astype(np.float32)
    levels[-1] = look.glia
    rough = streams["look"].lognormal(-0.08, 0.4, len(scene.owner_of)).astype(np.float32)[scene.labels]
    membrane, cytoplasm = render_cells(tissue, levels, look, shape, spacing)
    mitochondria = draw_mitochondria(streams["mitochondria"], scene, settings.mitochondria_per_um3)
    occupied = mitochondria.opacity > 0.1
    ink = np.zeros(shape, dtype=np.float32)
    synapses = draw_synapses(streams["synapses"], ink, scene, occupied, settings.synapses_per_um3)
    draw_cytoplasm(streams["cytoplasm"], ink, scene, lambda voxel: ~occupied[voxel])
    image = compose(
        streams["image"], membrane, cytoplasm, rough, ink, mitochondria.opacity, mitochondria.grey,
        look, spacing, settings.flicker,
    )  # fmt: skip
    return Phantom(
        image=image,
        labels=scene.labels,
        membranes=scene.border_nm < settings.truth_width_nm / 2,
        mitochondria=mitochondria.ids,
        clefts=synapses.clefts,
        partners=synapses.partners,
        vesicles_nm=synapses.vesicles_nm,
        shifts=np.zeros((shape[0], 2), dtype=np.int64),
        spacing_nm=spacing,
        seed=seed,
    )


_CONCERNS = ("look", "cells", "mitochondria", "synapses", "cytoplasm", "image", "defects")


def _label(tissue: Tissue, shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Scene:
    """Cut the tissue in the middle of each section, and name its cells."""
    import edt

    z, y, x = ((np.arange(n) + 0.5) * s for n, s in zip(shape, spacing, strict=True))
    owner = np.concatenate([tissue.cut(z[k : k + 1], y, x).owner for k in range(shape[0])])
    labels, owner_of = label_cells(owner)
    half = 0.5 * min(
        spacing[1:]
    )  # the border runs between pixels, the transform measures between their centres
    border = np.stack([edt.edt(section, anisotropy=spacing[1:]) - half for section in labels])
    return Scene(labels, owner_of, tissue.glia_index, border.astype(np.float32), spacing)
