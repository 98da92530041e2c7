"""Does everything have the same pixel size? What does not is shown, with what is done about it.

Training at one resolution and predicting at another has cost people weeks; nothing here is guessed or passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from napari_emseg.core.stack import pixel_size

if TYPE_CHECKING:
    from napari_emseg.core.model_card import ModelCard
    from napari_emseg.core.stack import Spacing

_SAME = 0.01  # relative: sizes written with two digits differ by less
_UNEVEN = 1.1  # height by width of a pixel, or the other way round; what is less is rounding, or a matter of calibration
_FAR = 3.0  # beyond this, resampling cannot bring back what the model has learned to see


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing whose pixels are not those of the image.

    Attributes
    ----------
    kind : {"unknown", "model", "labels"}
    subject : str
        Name of the model or layer; empty for the image itself.
    short : str
        The same in a few words.
    text : str
        What is different and what will be done about it, in one sentence.
    is_grave : bool
        Whether a good result is not to be expected without doing something.
    """

    kind: Literal["unknown", "model", "labels"]
    subject: str
    short: str
    text: str
    is_grave: bool = False


def unknown_size() -> Finding:
    """Nobody has said how large a voxel is."""
    return Finding(
        "unknown",
        "",
        "Voxel size unknown.",
        "Voxel size unknown: models are applied as if it were theirs, and nothing can be measured in nm.",
        is_grave=True,
    )


def check_model(card: ModelCard, spacing_nm: Spacing | None, doing: str = "predicting") -> Finding | None:
    """Whether a model was made for pixels of this size.

    Parameters
    ----------
    card : ModelCard
    spacing_nm : (z, y, x) or None
        Voxel size of the image in nanometres.
    doing : str
        What is done with the model: "predicting" or "learning".

    Returns
    -------
    Finding or None
        None where the image is predicted as it is, or its size is unknown (see `unknown_size`).
    """
    if spacing_nm is None:
        return None
    zoom = card.zoom(spacing_nm)
    high, wide = spacing_nm[1:]
    if max(high, wide) > _UNEVEN * min(high, wide):
        text = (
            f"Pixels are {high:g} nm high and {wide:g} nm wide, and {card.name} looks at square ones: "
            "it sees the tissue stretched. Resample the stack to square pixels, or expect poor results."
        )
        return Finding(
            "model", card.name, f"Pixels of {high:g} x {wide:g} nm are not square.", text, is_grave=True
        )
    if zoom == 1.0:
        return None
    pixel = pixel_size(spacing_nm)
    low, high = card.pixel_size_range_nm
    text = (
        f"Model {card.name} knows pixels of {low:g} to {high:g} nm, these are {pixel:g} nm: "
        f"{doing} resamples the image to {card.pixel_size_nm:g} nm and the result back."
    )
    grave = max(zoom, 1 / zoom) > _FAR
    if grave:
        text += " That is far from what it has learned; expect poor results."
    short = f"Model for {card.pixel_size_nm:g} nm, image {pixel:g} nm: resampled while {doing}."
    return Finding("model", card.name, short, text, grave)


def check_labels(name: str, labels_nm: Spacing | None, image_nm: Spacing | None) -> Finding | None:
    """Whether a label volume has the voxels of the image.

    Parameters
    ----------
    name : str
        Of the layer or file.
    labels_nm, image_nm : (z, y, x) or None
        Voxel sizes in nanometres; None where unknown.
    """
    if labels_nm is None or image_nm is None or same_size(labels_nm, image_nm):
        return None
    factor = " × ".join(f"{b / a:.3g}" for a, b in zip(reversed(labels_nm), reversed(image_nm), strict=True))
    return Finding(
        "labels",
        name,
        f"“{name}” has voxels of {_words(labels_nm)}, not {_words(image_nm)}: taking it over resamples it.",
        f"“{name}” has voxels of {_words(labels_nm)}, the image {_words(image_nm)}: taking it over resamples it "
        f"by {factor} (x × y × z), each voxel getting the id that fills most of it.",
    )


def same_size(a: Spacing, b: Spacing) -> bool:
    """Whether two voxel sizes are the same to within rounding."""
    return all(abs(p - q) <= _SAME * max(p, q) for p, q in zip(a, b, strict=True))


def _words(spacing_nm: Spacing) -> str:
    return " × ".join(f"{size:g}" for size in reversed(spacing_nm)) + " nm"
