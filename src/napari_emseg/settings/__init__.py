"""Settings, one frozen model per stage.

Each field carries title, help text, unit and bounds: the forms of the panels and the options of the
command line are made from them. Unknown fields are refused.
"""

from napari_emseg.settings.animate import AnimateSettings
from napari_emseg.settings.base import Settings
from napari_emseg.settings.clean_up import CleanUpSettings, DeflickerSettings
from napari_emseg.settings.finetune import AugmentationSettings, FinetuneSettings
from napari_emseg.settings.instances import InstanceSettings
from napari_emseg.settings.measure import MeasureSettings
from napari_emseg.settings.predict import PredictSettings
from napari_emseg.settings.propagate import PropagateSettings
from napari_emseg.settings.seeds import SeedSettings
from napari_emseg.settings.segment import SegmentSettings
from napari_emseg.settings.synapses import SynapseSettings
from napari_emseg.settings.tidy import SmoothSettings, TidySettings

__all__ = [
    "AnimateSettings",
    "AugmentationSettings",
    "CleanUpSettings",
    "DeflickerSettings",
    "FinetuneSettings",
    "InstanceSettings",
    "MeasureSettings",
    "PredictSettings",
    "PropagateSettings",
    "SeedSettings",
    "SegmentSettings",
    "Settings",
    "SmoothSettings",
    "SynapseSettings",
    "TidySettings",
]
