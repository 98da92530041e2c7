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
    "bce": "napari_emseg.nn.losses.bce:bce",
    "bce_dice": "napari_emseg.nn.losses.bce_dice:bce_dice",
    "border_dice": "napari_emseg.nn.losses.dice:border_dice",
    "categorical": "napari_emseg.nn.losses.exclusive:categorical",
    "decided": "napari_emseg.nn.losses.graded:decided",
    "dice": "napari_emseg.nn.losses.dice:dice",
    "focal": "napari_emseg.nn.losses.focal:focal",
    "focal_bce_dice": "napari_emseg.nn.losses.focal:focal_bce_dice",
    "focal_dice": "napari_emseg.nn.losses.focal:focal_dice",
    "generalised_dice": "napari_emseg.nn.losses.dice:generalised_dice",
    "hardness_dice": "napari_emseg.nn.losses.dice:hardness_dice",
    "level": "napari_emseg.nn.losses.graded:level",
    "mse": "napari_emseg.nn.losses.graded:mse",
    "ohem_bce": "napari_emseg.nn.losses.ohem:ohem_bce",
    "ohem_mse": "napari_emseg.nn.losses.ohem:ohem_mse",
    "sensitivity_specificity": "napari_emseg.nn.losses.tversky:sensitivity_specificity",
    "tversky": "napari_emseg.nn.losses.tversky:tversky",
}
"""Loss name to function of (logits, truth, weight) -> dict of the loss per target and named components."""
