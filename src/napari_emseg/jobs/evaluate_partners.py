"""Score synaptic partners of a file against those of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from pathlib import Path

    from napari_emseg.algorithms.metrics.partners import Pairs
    from napari_emseg.core.stack import Spacing


def evaluate_partners(
    truth: str | Path,
    prediction: str | Path,
    *,
    segmentation: str | Path | None = None,
    matching_nm: float | None = None,
    spacing_nm: Spacing | None = None,
) -> dict[str, float | str | None]:
    """Compare the pairs of two files of annotations.

    Parameters
    ----------
    truth, prediction : path
        CREMI files, or skeletons of two nodes each (.nml, .json, .swc), the presynaptic one first.
    segmentation : path, optional
        True neurons; by default ``volumes/labels/neuron_ids`` of the ground-truth file.
    matching_nm : float, optional
        Distance up to which sites can be the same; 400 nm by default.
    spacing_nm : tuple of float, optional
        Voxel size (z, y, x) of the neurons; wins over the file's.

    Returns
    -------
    dict
        See `napari_emseg.algorithms.metrics.partners.partner_scores`.

    Raises
    ------
    EmsegError
        If a file cannot be read, or there is no segmentation or no voxel size for it.
    """
    from napari_emseg.algorithms.metrics.partners import MATCHING_NM, partner_scores
    from napari_emseg.io.cremi import VOLUMES
    from napari_emseg.io.opening import open_volume
    from napari_emseg.io.paths import DataPath, parse_path

    real, said = _pairs(truth), _pairs(prediction)
    where = str(segmentation or DataPath(parse_path(truth).path, VOLUMES["neuron_ids"][0]))
    try:
        neurons = open_volume(where)
    except EmsegError as error:
        if segmentation is not None:
            raise
        raise EmsegError(
            "the neurons in which partners lie are not in the ground truth",
            str(truth),
            "name them: --segmentation FILE",
        ) from error
    spacing_nm = spacing_nm or neurons.spacing_nm
    if spacing_nm is None:
        raise EmsegError("the voxel size of the segmentation is unknown", where, "give --pixel-size Z,Y,X")
    return partner_scores(
        real, said, neurons.array, spacing_nm, offset_nm=neurons.offset_nm or (0.0, 0.0, 0.0),
        matching_nm=MATCHING_NM if matching_nm is None else matching_nm,
    )  # fmt: skip


def _pairs(path: str | Path) -> Pairs:
    from napari_emseg.algorithms.metrics.partners import Pairs
    from napari_emseg.io.annotations import CREMI_INNER, detect_annotations, read_annotations
    from napari_emseg.io.cremi import CremiAnnotations
    from napari_emseg.io.cremi_layers import from_skeletons
    from napari_emseg.io.paths import DataPath, parse_path
    from napari_emseg.io.skeletons import SkeletonSet

    where = parse_path(path)
    if detect_annotations(where) is None:
        where = DataPath(where.path, CREMI_INNER)
    found = read_annotations(str(where))
    if isinstance(found, SkeletonSet):
        found = from_skeletons(found)
    if not isinstance(found, CremiAnnotations):
        raise EmsegError("there are no synaptic partners in it", str(path), "give a CREMI file or skeletons")
    return Pairs(*found.pairs_nm())
