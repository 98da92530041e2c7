"""Segment a file of membrane probability, larger than memory or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.jobs.grey_values import refuse_image_as_probability
from napari_emseg.jobs.map_file import CheckedMap, Inside
from napari_emseg.jobs.scratch import scratch_folder
from napari_emseg.jobs.stack_file import FROM_FILE, VoxelSize, open_stack
from napari_emseg.settings import SeedSettings, SegmentSettings

if TYPE_CHECKING:
    from pathlib import Path

    from napari_emseg.algorithms.block_store import RenamedBlocks
    from napari_emseg.algorithms.unseeded import Unseeded
    from napari_emseg.algorithms.watershed import Losses
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing


def segment_file(
    source: str | Path,
    output: str | Path,
    *,
    seeds: SeedSettings | None = None,
    settings: SegmentSettings | None = None,
    voxel: VoxelSize = FROM_FILE,
    block: tuple[int, int, int] | None = None,
    mask: str | Path | None = None,
    given: str | Path | None = None,
    unseeded: Unseeded = "neighbour",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Segment a file of membrane probability, larger than memory or not, into a label volume.

    Parameters
    ----------
    source : path
        Probability (z, y, x), floats in [0, 1] or uint8 in 0..255.
    output : path
        Its suffix decides the format; appears when complete. Blocks are kept beside it meanwhile.
    seeds, settings : optional
        ``seeds.dims`` 2 segments every section by itself, 3 through sections with agglomeration.
    voxel : VoxelSize, optional
    block : (z, y, x), optional
        With three dimensions: voxels of the blocks in which it is done. The result does not depend on it.
    mask : path, optional
        Of the same shape; nothing is segmented where it is 0.
    given : path, optional
        Seeds that people placed, see `napari_emseg.jobs.given_seeds.read_seeds`: they grow and keep their ids.
    unseeded : "neighbour", "empty" or "segment"
        With given seeds, what cells without one become.
    progress : Progress, optional

    Returns
    -------
    dict
        ``segments``, ``shape``, ``spacing_nm`` and, where something has to be said, ``notes``.

    Raises
    ------
    EmsegError
        If the file cannot be read, or is an image or anything else but one channel of probability.
    """
    from napari_emseg.algorithms.watershed import Losses
    from napari_emseg.core.progress import Part, Silent
    from napari_emseg.io import write_array

    seeds, settings = seeds or SeedSettings(), settings or SegmentSettings()
    opened = open_stack(source, voxel)
    refuse_image_as_probability(opened.stack, source)
    report, losses, notes = progress or Silent(), Losses(), list[str]()
    with scratch_folder(output) as folder:
        work = Part(report, 0.0, 0.9)
        map_ = CheckedMap(opened.stack, source)
        inside = None if mask is None else Inside(mask, map_.shape)
        labels: Any
        if given is not None:
            from napari_emseg.jobs.grow_given import grow_given

            labels = grow_given(
                map_, given, seeds, settings, opened.spacing_nm, inside, folder, work, unseeded=unseeded
            )
            notes = [*labels.notes]
        elif seeds.dims == 3:
            labels = _volume(map_, seeds, settings, opened.spacing_nm, block, folder, inside, work)
        else:
            labels = _sections(map_, seeds, settings, opened.spacing_nm, folder, losses, inside, work)
        write_array(
            output, labels, spacing_nm=opened.written_nm, offset_nm=opened.position(output),
            metadata=_provenance(source, seeds, settings, given, unseeded),
            progress=Part(report, 0.9, 1.0),
        )  # fmt: skip
    said = opened.said
    if seeds.dims == 3:
        notes += opened.notes_in_3d
    notes += [*losses.words("--min-distance"), *_unused(seeds, settings, given is not None), *said["notes"]]
    return {"segments": labels.n_ids, **said, "notes": notes}


def _unused(seeds: SeedSettings, settings: SegmentSettings, given: bool) -> list[str]:
    """What was asked for and means nothing here, in words."""
    names, why = (
        (_OF_PLACED_SEEDS, "of seeds that are placed, not used with given ones")
        if given
        else (_OF_SECTIONS if seeds.dims == 3 else (), "of single sections, not used in 3D")
    )
    models: tuple[SeedSettings | SegmentSettings, ...] = (seeds, settings)
    asked = [
        "--" + name.removesuffix("_nm").removesuffix("_nm2").replace("_", "-")  # as the command calls it
        for model in models
        for name in names
        if name in type(model).model_fields and getattr(model, name) != type(model).model_fields[name].default
    ]
    return [f"{', '.join(asked)}: {why}"] if asked else []


_OF_SECTIONS = ("min_distance_nm", "merge_tolerance_nm", "compactness", "small_segment_nm2", "weak_membrane")
_OF_PLACED_SEEDS = (
    "min_distance_nm", "merge_tolerance_nm", "sigma_nm", "min_size_nm2", "small_segment_nm2", "weak_membrane",
    "merge_threshold", "joining",
)  # fmt: skip


def _volume(
    boundary: CheckedMap,
    seeds: SeedSettings,
    settings: SegmentSettings,
    spacing_nm: Spacing | None,
    block: tuple[int, int, int] | None,
    folder: Path,
    mask: Any,
    progress: Progress,
) -> RenamedBlocks:
    from napari_emseg.algorithms.volumes import BLOCK, segment_blocks

    found = segment_blocks(
        boundary,
        seeds,
        settings,
        spacing_nm,
        block=block or BLOCK,
        folder=folder,
        mask=mask,
        progress=progress,
    )
    line = seeds.threshold * (255 if boundary.dtype == np.uint8 else 1)
    return found.without(boundary, line) if settings.membrane_lines else found


def _sections(
    boundary: CheckedMap,
    seeds: SeedSettings,
    settings: SegmentSettings,
    spacing_nm: Spacing | None,
    folder: Path,
    losses: Losses,
    mask: Any,
    progress: Progress,
) -> RenamedBlocks:
    from napari_emseg.algorithms.block_store import BlockStore, RenamedBlocks
    from napari_emseg.algorithms.watershed import each_section
    from napari_emseg.core.edit import Region

    z, y, x = boundary.shape
    store, last = BlockStore((z, y, x), (1, max(y, 1), max(x, 1)), folder), 0
    sections = each_section(
        boundary, seeds, settings, spacing_nm, mask=mask, losses=losses, progress=progress
    )
    for k, section in enumerate(sections):
        store.write(Region((k, 0, 0), (k + 1, y, x)), section[None])
        last = max(last, int(section.max(initial=0)))
    return RenamedBlocks(store, np.arange(last + 1, dtype=np.uint32))


def _provenance(
    source: object, seeds: SeedSettings, settings: SegmentSettings, given: object, unseeded: Unseeded
) -> dict[str, Any]:
    from napari_emseg.io.origin import origin

    placed = {} if given is None else {"given_seeds": str(given), "unseeded": unseeded}
    return origin("segment", str(source), **placed, seeds=seeds.model_dump(), segment=settings.model_dump())
