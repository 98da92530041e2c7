"""Separate things from a file of their probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_emseg.core.words import counted
from napari_emseg.jobs.scratch import scratch_folder
from napari_emseg.jobs.stack_file import FROM_FILE, VoxelSize, open_stack
from napari_emseg.settings import InstanceSettings

if TYPE_CHECKING:
    from pathlib import Path

    from napari_emseg.core.progress import Progress


def instances_file(
    source: str | Path,
    output: str | Path,
    *,
    settings: InstanceSettings | None = None,
    voxel: VoxelSize = FROM_FILE,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Divide what is likely into separate things.

    Parameters
    ----------
    source : path
        Probability (z, y, x), floats in [0, 1] or uint8 in 0..255.
    output : path
        Its suffix decides the format; appears when complete.
    settings : InstanceSettings, optional
    voxel : VoxelSize, optional
    progress : Progress, optional

    Returns
    -------
    dict
        ``things``, ``too_small``, ``too_flat``, ``without_seed``, ``shape``, ``spacing_nm``, ``notes``.

    Raises
    ------
    EmsegError
        If the file cannot be read or is not one channel of probability.
    """
    from napari_emseg.algorithms.instance_slabs import find_in_slabs
    from napari_emseg.core.progress import Part, Silent
    from napari_emseg.io import write_array
    from napari_emseg.io.origin import origin
    from napari_emseg.jobs.map_file import CheckedMap

    settings = settings or InstanceSettings()
    report = progress or Silent()
    opened = open_stack(source, voxel)
    metadata = origin("instances", str(source), instances=settings.model_dump())
    with scratch_folder(output) as folder:
        result = find_in_slabs(
            CheckedMap(opened.stack, source),
            settings,
            opened.spacing_nm,
            folder=folder,
            progress=Part(report, 0.0, 0.8),
        )
        write_array(
            output, result.labels, spacing_nm=opened.written_nm, offset_nm=opened.position(output), metadata=metadata,
            is_labels=True, progress=Part(report, 0.8, 1.0),
        )  # fmt: skip
    dropped = (
        (result.too_small, "smaller than the smallest thing and dropped"),
        (result.too_flat, "in too few sections and dropped"),
        (result.without_seed, "nowhere deep enough for a seed: each is kept as one thing"),
    )
    notes = [f"{counted(n, 'part')} {why}" for n, why in dropped if n]
    said = opened.said
    said["notes"] = notes + opened.notes_in_3d + said["notes"]
    return {
        "things": result.n_things,
        "too_small": result.too_small,
        "too_flat": result.too_flat,
        "without_seed": result.without_seed,
        **said,
    }
