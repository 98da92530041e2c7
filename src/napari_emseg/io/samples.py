"""Samples: stacks that anybody can open, with the truth about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.stack import ImageStack
from napari_emseg.io.lookup import load_function
from napari_emseg.io.sections_folder import open_files

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

VNC_SPACING_NM: Spacing = (50.0, 4.6, 4.6)
"""Gerhard et al. 2013, doi:10.6084/m9.figshare.856713: 4.6 nm pixels, sections of 45 to 50 nm."""


@dataclass(frozen=True, eq=False)
class SampleTruth:
    """What is known about a sample.

    Parameters
    ----------
    membranes : ndarray (z, y, x) of bool
        Pixels that people, or the phantom's maker, call membrane.
    labels : ndarray (z, y, x) of uint32
        Object ids. Real samples have membranes only: their ids are the 4-connected components between them,
        different in every section.
    """

    membranes: NDArray[np.bool_]
    labels: NDArray[np.uint32]


def open_sample(name: str) -> ImageStack:
    """Open a sample by name.

    Raises
    ------
    EmsegError
        If there is no such sample, or it cannot be had without network.
    """
    if name not in SAMPLES:
        raise EmsegError("there is no such sample", name, f"choose one of: {', '.join(SAMPLES)}")
    stack: ImageStack = load_function(SAMPLES[name][0])()
    return stack


def sample_truth(name: str) -> SampleTruth:
    """The truth about a sample.

    Raises
    ------
    EmsegError
        As `open_sample`.
    """
    if name not in SAMPLES:
        raise EmsegError("there is no such sample", name, f"choose one of: {', '.join(SAMPLES)}")
    truth: SampleTruth = load_function(SAMPLES[name][1])()
    return truth


SAMPLES: dict[str, tuple[str, str]] = {
    "phantom": ("napari_emseg.io.samples:open_phantom", "napari_emseg.io.samples:phantom_truth"),
    "vnc": ("napari_emseg.io.samples:open_vnc", "napari_emseg.io.samples:vnc_truth"),
}
"""Sample to (what opens it, what gives its truth)."""


def open_phantom() -> ImageStack:
    """The built-in synthetic stack; it needs no network."""
    from napari_emseg.io.phantom_sample import phantom_arrays

    made = phantom_arrays()
    return ImageStack(made.image, made.spacing_nm, "sample", "phantom", "sample:phantom")


def phantom_truth() -> SampleTruth:
    """Exact truth of the built-in synthetic stack."""
    from napari_emseg.io.phantom_sample import phantom_arrays

    made = phantom_arrays()
    return SampleTruth(made.membranes, made.labels)


def open_vnc() -> ImageStack:
    """Sections 0 to 15 of the fly nerve cord stack.

    The last four labelled sections of the published stack are left out: they are a test set.
    """
    from napari_emseg.io.vnc import vnc_files

    return ImageStack(
        open_files(vnc_files("raw"), "sample:vnc"), VNC_SPACING_NM, "sample", "vnc", "sample:vnc"
    )


def vnc_truth() -> SampleTruth:
    """Membranes drawn by people, and the components between them."""
    from napari_emseg.io.vnc import vnc_files

    membranes = np.asarray(open_files(vnc_files("membranes"), "sample:vnc")) > 0
    labels = np.zeros(membranes.shape, np.uint32)
    last = 0
    for section, drawn in zip(labels, membranes, strict=True):
        found, n = ndimage.label(~drawn)  # 4-connected: two cells that touch at a corner are two
        section[:] = np.where(found > 0, found + last, 0)
        last += n
    return SampleTruth(membranes, labels)
