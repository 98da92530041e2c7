"""Random changes of training samples: numpy only, so that people can look at them before trusting them.

One sample is an image (sections, y, x) float32 at mean 0 and standard deviation 1, and a truth
(targets, y, x) uint8. Geometry is composed into a single resampling (see `geometry`); everything in
``APPEARANCE`` then changes the image alone. No function modifies its input, all draw only from the
generator that they are given.
"""

APPEARANCE: dict[str, str] = {
    "intensity": "napari_emseg.augment.intensity:intensity",
    "blur": "napari_emseg.augment.blur:blur",
    "noise": "napari_emseg.augment.noise:noise",
    "stains": "napari_emseg.augment.stains:stains",
    "missing": "napari_emseg.augment.missing:missing",
}
"""Name to function of the appearance augmentations, in the order in which they are applied."""
