"""Making a phantom: cells, organelles, synapses, picture, damage."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.phantom.cells import Tissue, draw_tissue
from napari_emseg.phantom.cytoplasm import draw_cytoplasm
from napari_emseg.phantom.defects import Sections, damage_sections, draw_shifts, margin_px, shift_sections
from napari_emseg.phantom.fields import pixel_centres
from napari_emseg.phantom.identity import label_cells
from napari_emseg.phantom.image import Appearance, compose, render_cells
from napari_emseg.phantom.mitochondria import draw_mitochondria
from napari_emseg.phantom.phantom import Phantom
from napari_emseg.phantom.scene import Scene
from napari_emseg.phantom.settings import PhantomSettings
from napari_emseg.phantom.synapses import Partner, Synapses, draw_synapses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

_CONCERNS = ("look", "cells", "mitochondria", "synapses", "cytoplasm", "image", "defects")


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
        If the shape or the voxel size makes no sense, or more sections are to be damaged than there are.

    Examples
    --------
    >>> phantom = make_phantom((4, 64, 64), seed=1)
    >>> phantom.labels.shape, int(phantom.labels.min())
    ((4, 64, 64), 1)
    """
    given = [*shape, *spacing_nm]
    if len(given) != 6 or not min(given) > 0:
        raise EmsegError(
            "a phantom needs three positive extents and voxel sizes",
            f"shape {shape}, spacing {spacing_nm}",
            "give both as (z, y, x)",
        )
    settings = settings if settings is not None else PhantomSettings()
    spacing = (float(spacing_nm[0]), float(spacing_nm[1]), float(spacing_nm[2]))
    # one stream per concern: more noise or fewer synapses leave the cells as they are
    streams = dict(zip(_CONCERNS, np.random.default_rng(seed).spawn(len(_CONCERNS)), strict=True))
    margin = margin_px(settings.defects, spacing)
    full = (shape[0], shape[1] + 2 * margin[0], shape[2] + 2 * margin[1])

    look = Appearance.draw(streams["look"], settings)
    calibre = settings.calibre_nm * float(np.exp(0.15 * settings.variation * streams["look"].normal()))
    extent = (full[0] * spacing[0], full[1] * spacing[1], full[2] * spacing[2])
    tissue = draw_tissue(streams["cells"], extent, calibre, settings.glia)
    scene = _label(tissue, full, spacing)
    mitochondria = draw_mitochondria(streams["mitochondria"], scene, settings.mitochondria_per_um3)
    occupied = (mitochondria.opacity > 0.1) | (mitochondria.ids > 0)
    ink = np.zeros(full, dtype=np.float32)
    synapses = draw_synapses(streams["synapses"], ink, scene, occupied, settings.synapses_per_um3)
    draw_cytoplasm(streams["cytoplasm"], ink, scene, occupied)

    levels = streams["look"].normal(look.cytoplasm, look.spread, tissue.glia_index + 1).astype(np.float32)
    levels[-1] = look.glia
    rough = streams["look"].lognormal(-0.08, 0.4, len(scene.owner_of)).astype(np.float32)[scene.labels]
    membrane, cytoplasm = render_cells(tissue, levels, look, full, spacing)
    image = compose(
        streams["image"], membrane, cytoplasm, rough, ink, mitochondria, look, spacing, settings.flicker
    )

    whole = Sections(
        image,
        scene.labels,
        scene.border_nm < settings.truth_width_nm / 2,
        mitochondria.ids,
        synapses.clefts,
        np.zeros(full, dtype=np.bool_),
    )
    shifts = draw_shifts(streams["defects"], shape[0], settings.defects, spacing)
    sections = shift_sections(whole, shifts, margin)
    synapses = _moved(synapses, sections, shifts, margin, spacing)
    bad = damage_sections(streams["defects"], sections, settings.defects, spacing)
    return Phantom(
        image=sections.image,
        labels=sections.labels,
        membranes=sections.membranes,
        mitochondria=sections.mitochondria,
        clefts=sections.clefts,
        partners=synapses.partners,
        vesicles_nm=synapses.vesicles_nm,
        glia=frozenset(np.flatnonzero(scene.is_glia).tolist()),
        shifts=shifts,
        bad_sections=bad,
        damaged=sections.damaged,
        spacing_nm=spacing,
        seed=seed,
    )


def _label(tissue: Tissue, shape: tuple[int, int, int], spacing: Spacing) -> Scene:
    """Cut the tissue in the middle of each section, and name its cells."""
    import edt

    z, y, x = (pixel_centres(n, s) for n, s in zip(shape, spacing, strict=True))
    owner = np.concatenate([tissue.owners(z[k : k + 1], y, x) for k in range(shape[0])])
    labels, owner_of = label_cells(owner)
    # the border runs between pixels, the transform measures between their centres
    half = 0.5 * min(spacing[1:])
    border = np.stack([edt.edt(section, anisotropy=spacing[1:]) - half for section in labels])
    return Scene(labels, owner_of, tissue.glia_index, border.astype(np.float32), spacing)


def _moved(
    synapses: Synapses,
    sections: Sections,
    shifts: NDArray[np.int64],
    margin: tuple[int, int],
    spacing: Spacing,
) -> Synapses:
    """Synapses in the frame of the shifted sections; what left the frame is left out."""
    if margin == (0, 0):
        return synapses
    size = np.array(sections.image.shape) * spacing

    def move(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        section = np.clip((points[:, 0] / spacing[0]).astype(np.intp), 0, len(shifts) - 1)
        out = points.copy()
        out[:, 1:] += (shifts[section] - margin) * spacing[1:]
        return out, np.asarray(((out >= 0) & (out < size)).all(axis=1))

    vesicles, inside = move(synapses.vesicles_nm.astype(np.float64))
    present = set(np.unique(sections.clefts).tolist())
    partners: list[Partner] = []
    for partner in synapses.partners:
        (pre, post), both = move(np.array([partner.pre_point_nm, partner.post_point_nm]))
        if both.all() and partner.cleft_id in present:
            partners.append(
                replace(
                    partner,
                    pre_point_nm=(float(pre[0]), float(pre[1]), float(pre[2])),
                    post_point_nm=(float(post[0]), float(post[1]), float(post[2])),
                )
            )
    return Synapses(synapses.clefts, tuple(partners), vesicles[inside].astype(np.float32))
