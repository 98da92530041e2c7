"""Synthetic electron microscopy with exact ground truth: the built-in sample and the ground for tests."""

from napari_emseg.phantom.phantom import Phantom, make_phantom
from napari_emseg.phantom.settings import DefectSettings, PhantomSettings
from napari_emseg.phantom.synapses import Partner

__all__ = ["DefectSettings", "Partner", "Phantom", "PhantomSettings", "make_phantom"]
