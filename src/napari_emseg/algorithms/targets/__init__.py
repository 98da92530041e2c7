"""What networks are taught, made from labels: one target a file.

Every function of ``TARGETS`` takes labels (z, y, x) with 0 for "no object" and the voxel size in nanometres (z, y, x),
and gives a `Target`: values and weights with the channels first. Weight 0 means unknown.
"""

from __future__ import annotations

_HERE = "napari_emseg.algorithms.targets"

TARGETS: dict[str, str] = {
    "membrane": f"{_HERE}.membrane:membrane",
    "mask": f"{_HERE}.mask:mask",
    "skeleton": f"{_HERE}.skeleton:skeleton",
    "distance": f"{_HERE}.signed_distance:signed_distance",
    "affinities": f"{_HERE}.affinities:affinities",
    "direction": f"{_HERE}.direction:direction",
    "polarity": f"{_HERE}.polarity:polarity",
}
"""Name to function."""
