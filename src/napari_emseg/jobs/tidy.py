"""Make the objects of a file tidy, or smooth a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.words import counted
from napari_emseg.io.lazy import LazyStack
from napari_emseg.jobs.grey_values import refuse_image_as_ids
from napari_emseg.jobs.labels_file import CheckedIds
from napari_emseg.jobs.scratch import scratch_folder
from napari_emseg.jobs.stack_file import FROM_FILE, VoxelSize, open_stack
from napari_emseg.settings import SmoothSettings, TidySettings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.edit import Region
    from napari_emseg.core.progress import Progress


def tidy_file(
    source: str | Path,
    output: str | Path,
    *,
    settings: TidySettings | None = None,
    voxel: VoxelSize = FROM_FILE,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Change shapes of objects, fill holes, number parts and drop crumbs; ids stay.

    Parameters
    ----------
    source : path
        Object ids (z, y, x).
    output : path
        Its suffix decides the format; appears when complete.
    settings : TidySettings, optional
    voxel : VoxelSize, optional
    progress : Progress, optional

    Returns
    -------
    dict
        ``objects``, ``vanished``, ``too_small``, ``too_large``, ``cut_off``, ``shape``, ``spacing_nm``, ``notes``.

    Raises
    ------
    EmsegError
        If the file cannot be read or holds no object ids.
    """
    from napari_emseg.algorithms.tidying import tidy
    from napari_emseg.core.progress import Part, Silent
    from napari_emseg.io import write_array
    from napari_emseg.io.origin import origin

    settings, report = settings or TidySettings(), progress or Silent()
    opened = open_stack(source, voxel)
    labels = CheckedIds(opened.stack, source)
    refuse_image_as_ids(opened.stack, source, is_labels=opened.is_labels)
    about = origin("tidy", str(source), tidy=settings.model_dump())
    with scratch_folder(output) as folder:
        found = tidy(
            labels,
            settings,
            opened.spacing_nm,
            folder=folder,
            progress=Part(report, 0.0, 0.8),
        )
        write_array(
            output, found.labels, spacing_nm=opened.written_nm, offset_nm=opened.position(output), metadata=about, is_labels=True,
            progress=Part(report, 0.8, 1.0),
        )  # fmt: skip
    numbers = {name: getattr(found, name) for name in ("vanished", "too_small", "too_large", "cut_off")}
    words = {
        "vanished": "of which the change of shape left nothing",
        "too_small": "smaller than the smallest and dropped",
        "too_large": "larger than the largest and dropped",
        "cut_off": "at the edge of the sections and dropped",
    }
    said = opened.said
    notes = [f"{counted(n, 'object')} {words[name]}" for name, n in numbers.items() if n]
    if settings.dims == 3 or settings.min_volume_um3 > 0 or settings.max_volume_um3 > 0:
        notes += opened.notes_in_3d
    return {"objects": found.n_objects, **numbers, **said, "notes": notes + said["notes"]}


def smooth_file(
    source: str | Path,
    output: str | Path,
    *,
    settings: SmoothSettings,
    voxel: VoxelSize = FROM_FILE,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Smooth a map of probability section by section; borders stay where they are.

    Parameters
    ----------
    source : path
        Probability (z, y, x), floats in [0, 1] or uint8 in 0..255.
    output : path
        Of the same type.
    settings : SmoothSettings
    voxel : VoxelSize, optional
    progress : Progress, optional

    Returns
    -------
    dict
        ``shape``, ``spacing_nm``, ``notes``.
    """
    from napari_emseg.algorithms.scale import working_spacing
    from napari_emseg.io import write_array
    from napari_emseg.io.origin import origin

    opened = open_stack(source, voxel)
    pixel_nm = working_spacing(opened.spacing_nm)[1]
    about = origin("tidy", str(source), smooth=settings.model_dump())
    smooth = _Smooth(opened.stack, settings, pixel_nm, source)
    write_array(
        output,
        smooth,
        spacing_nm=opened.written_nm,
        offset_nm=opened.position(output),
        metadata=about,
        is_labels=False,
        progress=progress,
    )
    return opened.said


class _Smooth(LazyStack):
    """A map that is smoothed when a section is read."""

    def __init__(self, array: Any, settings: SmoothSettings, pixel_nm: float, source: object) -> None:
        super().__init__(array.shape, array.dtype if array.dtype == np.uint8 else np.float32)
        self._array, self._settings, self._pixel_nm, self._source = array, settings, pixel_nm, source

    def read(self, region: Region) -> NDArray[Any]:
        """Read one box."""
        z, y, x = region.slices
        sections = [self._section(k)[y, x] for k in range(z.start, z.stop)]
        return np.stack(sections) if sections else np.zeros(region.shape, self.dtype)

    def _section(self, z: int) -> NDArray[Any]:
        from napari_emseg.algorithms.smoothing import bilateral, median
        from napari_emseg.jobs.map_file import check_probability

        section = check_probability(np.asarray(self._array[z]), self._source)
        if self._settings.median_nm > 0:
            section = median(section, max(1, round(self._settings.median_nm / self._pixel_nm)))
        if self._settings.bilateral_nm > 0:
            smooth = bilateral(section, self._settings.bilateral_nm / self._pixel_nm, self._settings.contrast)
            section = np.rint(smooth * 255).astype(np.uint8) if self.dtype == np.uint8 else smooth
        return section
