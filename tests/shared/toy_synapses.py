"""Three pairs of cells at two synapses of the toy stack (`tests/ui/conftest.py`)."""

from __future__ import annotations

from napari_emseg.jobs.kept_synapses import Pair, Synapse

SURE = Pair((1, 20, 27), (1, 20, 36), True, 0.9, 0.95, 0.95)
UNSURE = Pair((2, 40, 36), (3, 40, 27), True, 0.6, 0.7, 0.86)
UNKNOWN = Pair((2, 10, 27), (2, 10, 36), False, 0.7, 0.7, 0.6)
FOUND = (
    Synapse((1, 20, 31), (1, 1), 90_000.0, (SURE, UNKNOWN)),
    Synapse((2, 40, 31), (2, 3), 120_000.0, (UNSURE,)),
)
