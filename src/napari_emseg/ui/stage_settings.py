"""Settings model of every name under which a project remembers settings."""

from __future__ import annotations

from napari_emseg.settings import (
    CleanUpSettings,
    FinetuneSettings,
    MeasureSettings,
    PredictSettings,
    PropagateSettings,
    SeedSettings,
    SegmentSettings,
    Settings,
    SynapseSettings,
    TidySettings,
)

DEFAULTS: dict[str, type[Settings]] = {
    "cleanup": CleanUpSettings,
    "predict": PredictSettings,
    "seeds": SeedSettings,
    "segment": SegmentSettings,
    "propagate": PropagateSettings,
    "finetune": FinetuneSettings,
    "measure": MeasureSettings,
    "tidy": TidySettings,
    "synapses": SynapseSettings,
}
