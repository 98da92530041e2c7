"""Random changes of training samples: numpy only, so that people can look at them before trusting them.

A sample is an image (z, y, x) float32 at mean 0 and standard deviation 1 with labels (channels, z, y, x). What changes
it stands in three tables, one augmentation a file. Those of ``GEOMETRY`` only move coordinates, and the stack is read
once after the last of them; those of ``APPEARANCE`` change grey values of the whole sample; those of ``DEFECTS``
strike single sections. No function modifies its input, all draw only from the generator that they are given.
`recipe` says which are on; `compose` applies them.
"""

from __future__ import annotations

_HERE = "napari_emseg.augment"

GEOMETRY: dict[str, str] = {
    "elastic": f"{_HERE}.elastic:elastic",
    "smooth_noise": f"{_HERE}.smooth_noise:smooth_noise",
    "piecewise_affine": f"{_HERE}.piecewise_affine:piecewise_affine",
    "pincushion": f"{_HERE}.pincushion:pincushion",
    "perspective": f"{_HERE}.perspective:perspective",
    "affine": f"{_HERE}.affine:affine",
    "geometry": f"{_HERE}.geometry:geometry",
    "drop": f"{_HERE}.drop:drop",
    "mirror": f"{_HERE}.mirror:mirror",
    "slip": f"{_HERE}.slip:slip",
}
"""Name to function of what changes places, from the sample towards the source."""

APPEARANCE: dict[str, str] = {
    "paste": f"{_HERE}.paste:paste",
    "intensity": f"{_HERE}.intensity:intensity",
    "elektronn": f"{_HERE}.elektronn:elektronn",
    "scale_shift": f"{_HERE}.scale_shift:scale_shift",
    "clahe": f"{_HERE}.clahe:clahe",
    "blur": f"{_HERE}.blur:blur",
    "defocus": f"{_HERE}.defocus:defocus",
    "motion_blur": f"{_HERE}.motion_blur:motion_blur",
    "median": f"{_HERE}.median:median",
    "sharpen": f"{_HERE}.sharpen:sharpen",
    "emboss": f"{_HERE}.emboss:emboss",
    "noise": f"{_HERE}.noise:noise",
    "shot_noise": f"{_HERE}.shot_noise:shot_noise",
    "charging": f"{_HERE}.charging:charging",
    "stains": f"{_HERE}.stains:stains",
    "compression": f"{_HERE}.compression:compression",
    "missing": f"{_HERE}.missing:missing",
}
"""Name to function of what changes grey values, in the order in which they are applied."""

DEFECTS: dict[str, str] = {
    "lost": f"{_HERE}.lost:lost",
    "low_contrast": f"{_HERE}.low_contrast:low_contrast",
    "artefact": f"{_HERE}.artefact:artefact",
    "fold": f"{_HERE}.fold:fold",
    "partial": f"{_HERE}.partial:partial",
}
"""Name to function of what strikes single sections; one of them at most."""
