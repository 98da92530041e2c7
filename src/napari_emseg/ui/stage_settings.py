"""Settings model of every name under which a project remembers settings."""

from __future__ import annotations

from napari_emseg.settings import (
    FinetuneSettings,
    PredictSettings,
    PropagateSettings,
    SeedSettings,
    SegmentSettings,
    Settings,
)

DEFAULTS: dict[str, type[Settings]] = {
    "predict": PredictSettings,
    "seeds": SeedSettings,
    "segment": SegmentSettings,
    "propagate": PropagateSettings,
    "finetune": FinetuneSettings,
}
