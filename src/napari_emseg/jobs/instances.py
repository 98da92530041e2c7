"""Separate things from a file of their probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_emseg.settings import InstanceSettings

if TYPE_CHECKING:
    from pathlib import Path

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing


def instances_file(
    source: str | Path,
    output: str | Path,
    *,
    settings: InstanceSettings | None = None,
    spacing_nm: Spacing | None = None,
    is_thickness_known: bool = True,
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
    spacing_nm : tuple of float, optional
        Voxel size (z, y, x); wins over the file's.
    is_thickness_known : bool
        False if z of ``spacing_nm`` is no measurement; the output then carries no voxel size.
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
    from napari_emseg import __version__
    from napari_emseg.algorithms.instances import find_instances
    from napari_emseg.core.progress import Silent
    from napari_emseg.io import open_array, write_array
    from napari_emseg.jobs.segment import check_probability, one_channel

    settings = settings or InstanceSettings()
    report = progress or Silent()
    array, found = open_array(source)
    spacing = spacing_nm or found
    report.report(0.0, "reading")
    chance = check_probability(one_channel(array, source)[:], source)
    report.report(0.2, "dividing")
    result = find_instances(chance, settings, spacing)
    written = spacing if is_thickness_known else None
    metadata = {
        "made_by": f"napari-emseg {__version__} instances",
        "source": str(source),
        "instances": settings.model_dump(),
    }
    write_array(output, result.labels, spacing_nm=written, metadata=metadata)
    report.report(1.0, "done")
    dropped = (
        (result.too_small, "smaller than the smallest thing and dropped"),
        (result.too_flat, "in too few sections and dropped"),
        (result.without_seed, "nowhere deep enough for a seed: each is kept as one thing"),
    )
    notes = [f"{n} part{'s' * (n != 1)} {why}" for n, why in dropped if n]
    if spacing is None:
        notes.append("voxel size unknown: lengths in the settings are taken at 5 nm a pixel")
    return {
        "things": int(result.labels.max(initial=0)),
        "too_small": result.too_small,
        "too_flat": result.too_flat,
        "without_seed": result.without_seed,
        "shape": list(result.labels.shape),
        "spacing_nm": list(written) if written else None,
        "notes": notes,
    }
