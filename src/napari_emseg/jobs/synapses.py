"""Who synapses onto whom, from files of cells, clefts and sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Part, Silent
from napari_emseg.settings import SynapseSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_emseg.algorithms.synapses.partners import Verdict
    from napari_emseg.algorithms.synapses.places import Place
    from napari_emseg.algorithms.synapses.surroundings import Crop
    from napari_emseg.core.edit import Region
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.jobs.synapses_inputs import Inputs

_BLOCK = (32, 256, 256)
_MOST_VOXELS = 1 << 27  # around one synapse; more is no synapse
_CODES = 2**64 - 8  # the highest ids of 64 bits are codes for "nobody" in CREMI and others


@dataclass(frozen=True, eq=False)
class Found:
    """A synapse, and who its partners are.

    Parameters
    ----------
    place : Place
    start : (z, y, x)
        Voxel at which positions of the verdict begin.
    verdict : Verdict
    """

    place: Place
    start: tuple[int, int, int]
    verdict: Verdict


def synapses_file(
    cells: str | Path,
    output: str | Path,
    *,
    spacing_nm: Spacing,
    clefts: str | Path | None = None,
    sides: str | Path | None = None,
    image: str | Path | None = None,
    table: str | Path | None = None,
    labels: str | Path | None = None,
    settings: SynapseSettings | None = None,
    block: tuple[int, int, int] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Find synapses and their partners.

    Parameters
    ----------
    cells : path
        Ids of cells (z, y, x); 0 is nobody.
    output : path
        HDF5 with the sites and partners as in CREMI.
    spacing_nm : (z, y, x)
    clefts : path, optional
        Probability of clefts, a mask, or their ids.
    sides : path, optional
        Pre- and postsynaptic sides, see `SideMap`. Clefts or sides are needed; with both, clefts say where synapses are.
    image : path, optional
        Grey values; looked at for the direction where there are no sides.
    table : path, optional
        CSV with one row a pair, and one a synapse without.
    labels : path, optional
        Synapse n as n, or with sides as 2n - 1 (pre) and 2n (post).
    settings : SynapseSettings, optional
    block : (z, y, x), optional
        Voxels of a block; memory follows it, the result does not.
    progress : Progress, optional

    Returns
    -------
    dict
        ``synapses``, ``pairs``, ``undirected``, ``without_pair`` (reason to number), ``too_small``, ``unsure``.

    Raises
    ------
    EmsegError
        If a file cannot be read or written, or files do not fit together. The annotations and the table are not written
        then; labels, which are written first, may be.
    """
    from napari_emseg.jobs.scratch import scratch_folder
    from napari_emseg.jobs.synapses_inputs import open_inputs
    from napari_emseg.jobs.synapses_output import write_results

    settings, report = settings or SynapseSettings(), progress or Silent()
    if clefts is None and sides is None:
        raise EmsegError("there is nothing to find synapses from", "", "give --clefts or --sides")
    inputs = open_inputs(cells, clefts, sides, image, spacing_nm, settings)
    block = block or _BLOCK
    with scratch_folder(output) as folder:
        numbered, places, too_small = number_clefts(inputs, settings, block, folder, Part(report, 0.0, 0.5))
        found = list(judge_synapses(inputs, numbered, places, settings, Part(report, 0.5, 0.9)))
        if inputs.sides is not None:
            inputs.sides.refuse_unsigned()
        sources = {"cells": cells, "clefts": clefts, "sides": sides, "image": image}
        write_results(
            found, inputs, numbered, output, table, labels, settings=settings,
            sources={k: str(v) for k, v in sources.items() if v is not None}, progress=Part(report, 0.9, 1.0),
        )  # fmt: skip
    report.report(1.0, "done")
    return _summary(found, too_small)


def _summary(found: list[Found], too_small: int) -> dict[str, Any]:
    pairs = [pair for one in found for pair in one.verdict.pairs]
    reasons: dict[str, int] = {}
    for one in found:
        if not one.verdict.pairs:
            reasons[one.verdict.reason] = reasons.get(one.verdict.reason, 0) + 1
    return {
        "synapses": len(found),
        "pairs": len(pairs),
        "undirected": sum(not pair.is_directed for pair in pairs),
        "without_pair": reasons,
        "too_small": too_small,
        "unsure": sum(one.verdict.n_unsure for one in found),
    }


def number_clefts(
    inputs: Inputs, settings: SynapseSettings, block: tuple[int, int, int], folder: Path, progress: Progress
) -> tuple[Any, list[Place], int]:
    """Ids of synapses, where each is, and how many were too small."""
    from napari_emseg.algorithms.synapses.masks import CleftMap, SideMap
    from napari_emseg.algorithms.synapses.numbering import number_synapses
    from napari_emseg.algorithms.synapses.places import find_places
    from napari_emseg.io.cremi import IGNORE, NO_CLEFT

    mask: Any = inputs.clefts
    if mask is None and inputs.sides is not None:
        mask = inputs.sides.ids() or inputs.sides
    if isinstance(mask, CleftMap | SideMap):
        done = number_synapses(
            mask, settings, inputs.spacing_nm, block=block, folder=folder, progress=progress
        )
        return done.labels, done.places, done.too_small
    places = find_places(mask, block, without=(), progress=progress)
    special = {int(NO_CLEFT), int(IGNORE)}
    if int(NO_CLEFT) not in {place.id for place in places}:
        special.add(0)  # with CREMI's code for "no cleft", 0 is a cleft like any other
    places = [place for place in places if place.id not in special and place.id >= 0]
    if len(places) == 1 and places[0].id == 1:  # a mask that was stored as ids
        there = CleftMap(_Ones(mask), 0.5)
        done = number_synapses(
            there, settings, inputs.spacing_nm, block=block, folder=folder, progress=progress
        )
        return done.labels, done.places, done.too_small
    voxel = float(np.prod(inputs.spacing_nm))
    kept = [place for place in places if place.voxels * voxel >= settings.min_volume_nm3]
    return mask, kept, len(places) - len(kept)


class _Ones:
    """A mask stored as ids."""

    dtype = np.dtype(bool)

    def __init__(self, array: Any) -> None:
        self.shape, self._array = array.shape, array

    def __getitem__(self, box: Any) -> Any:
        return np.asarray(self._array[box]) == 1


def margin_nm(settings: SynapseSettings) -> float:
    """How far around a synapse cells are looked at."""
    from napari_emseg.algorithms.synapses.surroundings import MARGIN_NM

    return max(MARGIN_NM, settings.reach_nm + settings.gap_nm)


def judge_synapses(
    inputs: Inputs, numbered: Any, places: list[Place], settings: SynapseSettings, progress: Progress
) -> Iterator[Found]:
    """One synapse after the other, reading what surrounds it only.

    Raises
    ------
    EmsegError
        If one reaches so far that it is none.
    """
    from napari_emseg.algorithms.synapses.masks import shape_of
    from napari_emseg.algorithms.synapses.partners import find_partners
    from napari_emseg.algorithms.synapses.places import around

    margin = margin_nm(settings)
    for n, place in enumerate(places):
        progress.report(n / len(places), f"synapse {n + 1} of {len(places)}")
        region = around(place.region, margin, inputs.spacing_nm, shape_of(inputs.cells))
        if int(np.prod(region.shape, dtype=np.int64)) > _MOST_VOXELS:
            raise EmsegError(
                f"synapse {place.id} reaches over {place.region.shape} voxels",
                "clefts",
                "give each cleft its own id, or a probability, or raise --threshold",
            )
        yield Found(place, region.start, find_partners(_crop(inputs, numbered, place, region), settings))


def _crop(inputs: Inputs, numbered: Any, place: Place, region: Region) -> Crop:
    from napari_emseg.algorithms.synapses.surroundings import Crop

    box = region.slices
    names, inverse = np.unique(np.asarray(inputs.cells[box]), return_inverse=True)
    nobody = [k for k, name in enumerate(names.tolist()) if name <= 0 or name >= _CODES]
    number = np.ones(len(names), np.int64)
    number[nobody] = 0
    number = np.where(number > 0, np.cumsum(number), 0)
    ids = tuple(int(name) for k, name in enumerate(names.tolist()) if number[k] > 0)
    signed = inputs.sides.signed(box) if inputs.sides is not None else None
    return Crop(
        np.asarray(numbered[box]) == place.id, number[inverse].reshape(region.shape), ids, inputs.spacing_nm, signed,
        np.asarray(inputs.image[box]) if inputs.image is not None and signed is None else None,
    )  # fmt: skip
