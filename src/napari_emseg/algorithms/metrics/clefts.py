"""Scores of synaptic clefts as the CREMI challenge defines them, in nanometres."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Part, Silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing

TOLERANCE_NM = 200.0
"""Distance from the other mask beyond which a voxel is false (CREMI)."""

_VOXELS = 1 << 24  # voxels of a mask whose distances are kept at once: 0.2 GB


def cleft_scores(
    truth: Any,
    prediction: Any,
    spacing_nm: Spacing,
    *,
    ignore: Any = None,
    tolerance_nm: float = TOLERANCE_NM,
    progress: Progress | None = None,
) -> dict[str, float | str | None]:
    """Compare masks of clefts by the distances of their voxels.

    Parameters
    ----------
    truth, prediction : array-like (z, y, x)
        Not zero in clefts. Read section by section: memory follows what is marked, not the volume.
    spacing_nm : tuple of float
        Voxel size (z, y, x).
    ignore : array-like (z, y, x), optional
        Voxels that count for nothing: neither as cleft nor as prediction, and no distance is measured to them.
    tolerance_nm : float
        Voxels further than this from the other mask are false.
    progress : Progress, optional

    Returns
    -------
    dict
        ``fp_voxels``, ``fn_voxels``; ``adgt`` (mean distance of predicted voxels to the ground truth), ``adf``
        (mean distance of ground truth to the prediction), ``score`` (their mean, lower is better), in nm. Where a
        mask is empty the distances are None, with a ``reason``; all voxels of the other mask are then false.

    Raises
    ------
    EmsegError
        If the shapes differ.

    References
    ----------
    CREMI challenge, https://cremi.org/metrics.
    """
    report = progress or Silent()
    masks = _Masks(truth, prediction, ignore)
    n_real, n_said = sum(masks.real.count), sum(masks.said.count)
    if not n_real or not n_said:
        which = "ground truth" if not n_real else "prediction"
        both = "ground truth and prediction" if not (n_real or n_said) else which
        return {
            "fp_voxels": n_said, "fn_voxels": n_real, "adgt": None, "adf": None, "score": None,
            "reason": f"no cleft in the {both}: there is no distance to it",
        }  # fmt: skip
    ways = (
        (masks.said, masks.real, Part(report, 0.0, 0.5)),
        (masks.real, masks.said, Part(report, 0.5, 1.0)),
    )
    (false_positive, adgt), (false_negative, adf) = (
        _far(these, others, spacing_nm, tolerance_nm, part) for these, others, part in ways
    )
    return {
        "fp_voxels": false_positive,
        "fn_voxels": false_negative,
        "adgt": adgt,
        "adf": adf,
        "score": (adgt + adf) / 2,
    }


class _Mask:
    """A mask that is read section by section, without what is ignored; what it holds in each is counted first."""

    def __init__(self, mask: Any, ignore: Any) -> None:
        self._mask, self._ignore = mask, ignore
        self.count = [int(self.section(z).sum()) for z in range(int(mask.shape[0]))]

    def section(self, z: int) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = np.asarray(self._mask[z]) != 0
        return found if self._ignore is None else found & (np.asarray(self._ignore[z]) == 0)


class _Masks:
    """Both masks of one volume."""

    def __init__(self, truth: Any, prediction: Any, ignore: Any) -> None:
        shapes = {tuple(x.shape) for x in (truth, prediction, ignore) if x is not None}
        if len(shapes) > 1:
            raise EmsegError(
                "ground truth and prediction differ in shape",
                f"ground truth {tuple(truth.shape)}, prediction {tuple(prediction.shape)}",
            )
        self.real, self.said = _Mask(truth, ignore), _Mask(prediction, ignore)


def _far(
    these: _Mask, others: _Mask, spacing_nm: Spacing, tolerance_nm: float, progress: Progress
) -> tuple[int, float]:
    """How many voxels of a mask are far from the other, and their mean distance to it."""
    far = 0

    def distances() -> Iterator[float]:
        nonlocal far
        for slab in _slabs(these.count):
            part = Part(progress, slab.start / len(these.count), slab.stop / len(these.count))
            for squares in _squared_distances(these, others, slab, spacing_nm, part):
                values = np.sqrt(squares).astype(np.float64)
                far += int((values > tolerance_nm).sum())
                yield from values.tolist()

    total = math.fsum(distances())  # exact, so that slabs change no digit
    return far, total / sum(these.count)


def _slabs(count: Sequence[int]) -> Iterator[range]:
    """Sections whose voxels are kept at once."""
    start = held = 0
    for z, n in enumerate(count):
        if held and held + n > _VOXELS:
            yield range(start, z)
            start, held = z, 0
        held += n
    yield range(start, len(count))


def _squared_distances(
    these: _Mask, others: _Mask, slab: range, spacing_nm: Spacing, progress: Progress
) -> list[NDArray[np.float32]]:
    """Squared distances of the voxels of a mask to the other, section by section in raster order.

    The distance in a volume is the least over all sections of that inside the section and the step across
    sections, so that no more than one section of distances is in memory. In single precision, as `edt` has it.
    """
    import edt

    filled = [z for z, n in enumerate(others.count) if n]
    at = {z: np.flatnonzero(these.section(z)) for z in slab if these.count[z]}
    best = {z: np.full(voxels.size, np.inf, np.float32) for z, voxels in at.items()}
    thickness = np.float32(spacing_nm[0])

    def across(z: int, other: int) -> float:
        return float(thickness * thickness) * (z - other) ** 2

    # Each section itself comes first: how far others have to be looked for is known then.
    rounds = [(other, True) for other in filled if other in at] + [(other, False) for other in filled]
    for n, (other, is_own) in enumerate(rounds):
        progress.report(n / len(rounds), f"distances, section {other}")
        near = [other] if is_own else [z for z in at if z != other and across(z, other) < best[z].max()]
        if not near:
            continue
        flat = edt.edtsq(
            np.ascontiguousarray(~others.section(other)),
            anisotropy=spacing_nm[1:],
            black_border=False,
            parallel=1,
        ).ravel()
        for z in near:  # rounded once, as `edt` does
            found = (across(z, other) + flat[at[z]].astype(np.float64)).astype(np.float32)
            np.minimum(best[z], found, out=best[z])
    return [best[z] for z in sorted(best)]
