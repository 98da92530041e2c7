"""Networks and learning: the only package that imports torch, and only in its modules, not here."""

import os

# GNU OpenMP's idle threads spin by default and starve the thread that makes the next batch: on two cores a
# training step takes twice as long. It is read once, when torch loads the library, so it is set before that.
os.environ.setdefault("GOMP_SPINCOUNT", "0")

MODELS: dict[str, str] = {
    "space_unet": "napari_emseg.nn.models.space_unet:SpaceUNet",
}
"""Architecture name to class."""

LOSSES: dict[str, str] = {
    "bce_dice": "napari_emseg.nn.losses.bce_dice:bce_dice",
}
"""Loss name to function of (logits, truth, weight) -> dict of the loss per target and named components."""
