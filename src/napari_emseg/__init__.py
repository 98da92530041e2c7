"""napari-emseg: proofread electron-microscopy stacks in a loop that learns from every correction."""

__version__ = "0.1.0"
