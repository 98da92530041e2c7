"""Synthetic electron microscopy with exact ground truth: the built-in sample and the ground for tests."""

from napari_emseg.phantom.census import Census, take_census
from napari_emseg.phantom.make import make_phantom
from napari_emseg.phantom.phantom import Phantom
from napari_emseg.phantom.settings import DefectSettings, PhantomSettings
from napari_emseg.phantom.synapses import Partner

__all__ = [
    "Census",
    "DefectSettings",
    "Partner",
    "Phantom",
    "PhantomSettings",
    "make_phantom",
    "take_census",
]
