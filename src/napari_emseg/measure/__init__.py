"""Numbers about objects: volume, surface, calibre, contact area, and how they go together. Always in nm, µm², µm³.

What one object's voxels alone tell is a function of an `ObjectCrop` in `OBJECT_MEASURES`: a new one is a file and a
line. (Calibre is measured by the same crop, and keeps its profile.) What needs the neighbours or the image is added up
block by block in one pass through the volume (`volumes`, `surfaces`, `contact`). Nothing here reads files or draws a
window.
"""

from __future__ import annotations

OBJECT_MEASURES: dict[str, str] = {
    "shape": "napari_emseg.measure.shape:shape_of",
}
"""Name to "module:function" of measurements of one object; each gives a dict of column to number or None."""
