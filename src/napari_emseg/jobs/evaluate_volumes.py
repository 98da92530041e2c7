"""Score a segmentation in a file against ground truth, section by section."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.lazy import LazyStack
from napari_emseg.jobs.agreed_spacing import agreed_spacing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.algorithms.metrics.object_errors import ObjectErrors
    from napari_emseg.core.edit import Region
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.packed import PackedStack
    from napari_emseg.jobs.compare import Scores


class Picked(LazyStack):
    """Some sections of a stack.

    Parameters
    ----------
    array : array-like (z, y, x)
    sections : sequence of int
    """

    def __init__(self, array: Any, sections: Sequence[int]) -> None:
        super().__init__((len(sections), *array.shape[1:]), array.dtype)
        self._array, self._sections = array, tuple(sections)

    def read(self, region: Region) -> NDArray[Any]:
        """Read one box."""
        z, y, x = region.slices
        return np.stack([np.asarray(self._array[k, y, x]) for k in self._sections[z]])


def evaluate_volumes(
    truth: str | Path,
    prediction: str | Path,
    *,
    sections: Sequence[int] | None = None,
    border_nm: float = 0.0,
    spacing_nm: Spacing | None = None,
    is_thickness_known: bool = True,
    skeletons: str | Path | None = None,
    objects: Path | None = None,
    error_map: str | Path | None = None,
    progress: Progress | None = None,
) -> Scores:
    """The scores of ``evaluate segmentation``; see `napari_emseg.jobs.evaluate.evaluate_files`."""
    from napari_emseg.algorithms.metrics.error_map import MEANINGS
    from napari_emseg.io import open_volume, write_array
    from napari_emseg.io.grid import position_kept, position_moved
    from napari_emseg.io.origin import origin
    from napari_emseg.io.packed import PackedStack
    from napari_emseg.jobs.compare import compare
    from napari_emseg.jobs.evaluate_runs import run_length, write_object_errors
    from napari_emseg.jobs.grey_values import refuse_image_as_ids
    from napari_emseg.jobs.stack_file import one_channel

    array, spacing, offset, truth_says = open_volume(truth)
    reference = one_channel(array, truth)
    other, spacing_there, _, prediction_says = open_volume(prediction)
    values = one_channel(other, prediction)
    refuse_image_as_ids(reference, truth, is_labels=truth_says)
    refuse_image_as_ids(values, prediction, is_labels=prediction_says)
    if border_nm or skeletons is not None:
        spacing_nm = agreed_spacing(spacing_nm, spacing, spacing_there, str(prediction))
    spacing_nm = spacing_nm or spacing or spacing_there
    if sections is not None:
        reference, values = pick(reference, values, sections, str(truth))
    refuse_other_shape(reference, values, str(prediction))
    errors: PackedStack | None = None
    if objects is not None or error_map is not None:
        errors = PackedStack(tuple(reference.shape), np.uint8)
    found = compare(
        reference, values, spacing_nm=spacing_nm, border_nm=border_nm, errors=errors, progress=progress
    )
    scores = dict(found.scores)
    if skeletons is not None:
        if spacing_nm is None:
            raise EmsegError("the voxel size is unknown", "ground truth", "give --pixel-size Z,Y,X")
        scores |= run_length(skeletons, values, spacing_nm, sections, offset_nm=offset)
    if objects is not None:
        write_object_errors(objects, _renumbered(found.rows, sections))
    if error_map is not None and errors is not None:
        meanings = {str(value): words for value, words in MEANINGS.items()}
        about = origin("evaluate", str(truth), str(prediction), error_map=meanings)
        written_nm = spacing_nm if is_thickness_known else None
        chosen = sections or range(int(reference.shape[0]))
        if chosen[-1] - chosen[0] + 1 == len(chosen):  # sections with gaps lie at no one place
            first = offset or ((0.0, 0.0, 0.0) if chosen[0] else None)
            place = position_moved(first, written_nm, (chosen[0], 0, 0))
        else:
            place = None
        write_array(
            error_map, errors, spacing_nm=written_nm, offset_nm=position_kept(error_map, place, written_nm),
            metadata=about, is_labels=True,
        )  # fmt: skip
    return scores


def pick(truth: Any, other: Any, sections: Sequence[int], where: str) -> tuple[Any, Any]:
    """Some sections of the truth, and the same of a prediction that is as long as it.

    Raises
    ------
    EmsegError
        If the truth has no such section.
    """
    n = int(truth.shape[0])
    wrong = [z for z in sections if not 0 <= z < n]
    if wrong:
        raise EmsegError(f"there is no section {wrong[0]}", where, f"it has 0 to {n - 1}")
    return Picked(truth, sections), Picked(other, sections) if int(other.shape[0]) == n else other


def refuse_other_shape(truth: Any, other: Any, where: str) -> None:
    """Compare what has the same size only.

    Raises
    ------
    EmsegError
        If the two differ in shape.
    """
    if tuple(truth.shape) != tuple(other.shape):
        raise EmsegError(
            f"ground truth is {tuple(truth.shape)}, prediction {tuple(other.shape)}",
            where,
            "give the same sections, or name those that the prediction holds with --sections",
        )


def _renumbered(rows: Sequence[ObjectErrors], sections: Sequence[int] | None) -> list[ObjectErrors]:
    """Places in sections of the ground truth's file."""
    if sections is None:
        return list(rows)

    def moved(place: tuple[int, int, int] | None) -> tuple[int, int, int] | None:
        return None if place is None else (sections[place[0]], *place[1:])

    return [replace(row, place=moved(row.place), other_place=moved(row.other_place)) for row in rows]
