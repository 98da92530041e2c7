"""One voxel size for two files that are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from napari_emseg.core.stack import Spacing

_ALIKE = 0.01  # what is lost when sizes are written in micrometres with three digits


def agreed_spacing(
    given: Spacing | None, truth: Spacing | None, prediction: Spacing | None, where: str
) -> Spacing | None:
    """The voxel size (z, y, x) in nm that scores in nanometres are counted with; None where nobody knows it.

    Parameters
    ----------
    given : tuple of float, optional
        What the person says, which counts.
    truth, prediction : tuple of float, optional
        What the two files say.
    where : str
        The prediction, for the sentence.

    Raises
    ------
    EmsegError
        If the files contradict each other, and the person has said nothing.
    """
    if given is None and truth is not None and prediction is not None:
        pairs = zip(truth, prediction, strict=True)
        if any(abs(a - b) > _ALIKE * max(a, b) for a, b in pairs):
            ours, theirs = (" x ".join(f"{size:g}" for size in sizes) for sizes in (truth, prediction))
            raise EmsegError(
                f"voxels of the ground truth are {ours} nm and those of the prediction {theirs} nm",
                where,
                "give the right size with --pixel-size Z,Y,X",
            )
    return given or truth or prediction
