"""The layers of an open stack. They are held here; nobody looks one up by its name."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.boundary_map import BoundaryMap
from napari_emseg.ui.colours import label_colormap
from napari_emseg.ui.seeds_layer import seeds_points
from napari_emseg.ui.shown import shown
from napari_emseg.ui.target_maps import TargetMap, add_target_map

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.components import ViewerModel
    from napari.layers import Image, Labels, Points
    from numpy.typing import NDArray

    from napari_emseg.session import Session

_CONTRAST_PARTS = (0.5, 0.25, 0.75, 0.0)  # of the stack: sections that are asked until one tells
_SAMPLE = 512  # samples along each axis of the section that sets the contrast


@dataclass(eq=False)
class StackLayers:
    """Image, boundary probability, labels and seeds of one session."""

    image: Image
    boundary: Image
    labels: Labels
    seeds: Points
    boundary_map: BoundaryMap
    owned: list[Any] = field(default_factory=list)
    """Layers that were added here and go with the session."""
    targets: dict[str, TargetMap] = field(default_factory=dict)
    """What has been predicted beside membranes."""
    examples: Points | None = None
    """Clicks on what is looked for and beside it, once there are some; see `ui.examples`."""
    are_labels_put_away: bool = False
    """Whether the labels are hidden because the person clicks on what lies under them."""
    is_map_put_away: bool = False
    """Whether the membranes are."""
    synapses: tuple[Any, ...] = ()
    """Pairs at synapses, once there are some; see `ui.synapses.marks`."""
    rings: Any = None
    """Rings around what is being asked about, once there was something; see `ui.rings`."""

    def target_map(self, viewer: ViewerModel, target: str) -> TargetMap:
        """The map of a target; added when it is new, or when the person has removed its layer."""
        found = self.targets.get(target)
        if found is None or found.layer not in viewer.layers:
            self.bring_back(viewer, self.boundary)  # it is laid on that
            found = self.targets[target] = add_target_map(viewer, self.boundary, target)
            self.owned.append(found.layer)
        return found

    def map_of(self, target: str) -> Image:
        """The layer that shows a target that has been predicted."""
        return self.boundary if target == "membrane" else self.targets[target].layer

    def bring_back(self, viewer: ViewerModel, layer: Any) -> None:
        """Show a layer again that the person has removed from the list; what was chosen stays chosen."""
        if layer in viewer.layers:
            return
        active = viewer.layers.selection.active
        below = self.labels if layer is self.seeds else self.image
        viewer.layers.insert(1 + viewer.layers.index(below), layer)
        viewer.layers.selection.active = active

    def forget_predictions(self) -> None:
        """Empty all maps: another model makes other probabilities."""
        self.boundary_map.clear()
        self.boundary.refresh(extent=False)
        for one in self.targets.values():
            one.values.clear()
            one.layer.refresh(extent=False)

    def remove(self, viewer: ViewerModel) -> None:
        """Take the layers out of the viewer, as one: after each removal napari looks for garbage, a quarter of a second.

        Nothing stays selected meanwhile: napari would build the controls of the next layer in the middle of the
        removal of this one, and Qt has crashed on that.
        """
        viewer.layers.selection.clear()
        with viewer.layers.batched_update():
            for layer in self.owned:
                if layer in viewer.layers:
                    viewer.layers.remove(layer)

    @property
    def overlays(self) -> tuple[Any, ...]:
        """What lies over the image and can be hidden for a look at it."""
        maps = (one.layer for one in self.targets.values())
        return self.boundary, *maps, self.labels, self.seeds, *self.synapses


def add_layers(
    viewer: ViewerModel,
    session: Session,
    *,
    image: Image | None = None,
    failed: Callable[[EmsegError], None] = lambda error: None,
) -> StackLayers:
    """Show a session in a viewer.

    Parameters
    ----------
    viewer : napari viewer
        Gets the layers.
    session : Session
        Its image and label volume become layer data; nothing is copied.
    image : napari Image, optional
        A layer that shows the session's stack already; it is taken over instead of adding one.
    failed : callable, optional
        Told of a section that cannot be read; it is shown black.
    """
    from napari_emseg.ui.volume_layer import VolumeLabels  # it derives from napari's layer: a heavy import

    place = geometry(session)
    owned: list[Any] = []
    if image is None:
        image = viewer.add_image(
            shown(session.image.data, failed),
            name=session.image.name,
            contrast_limits=contrast(session.image.data),
            colormap="gray",
            multiscale=False,
            **place,
        )
        owned.append(image)
    else:
        if (forgiving := shown(session.image.data, failed)) is not image.data:
            image.data = forgiving
        image.scale, image.units, image.axis_labels = place["scale"], place["units"], place["axis_labels"]
        image.translate = place["translate"]
    boundary_map = BoundaryMap(session.image.shape)
    boundary = viewer.add_image(
        boundary_map,
        name="boundary probability",
        contrast_limits=(0, 255),
        colormap=_boundary_colormap(),
        blending="translucent",
        opacity=0.5,
        interpolation2d="nearest",
        multiscale=False,
        **place,
    )
    labels = VolumeLabels(
        session.volume,
        name="labels",
        colormap=label_colormap(),
        opacity=0.4,
        multiscale=False,
        **place,
    )
    viewer.add_layer(labels)
    seeds = viewer.add_layer(seeds_points(place))
    viewer.layers.selection.active = labels
    owned += [boundary, labels, seeds]
    return StackLayers(image, boundary, labels, seeds, boundary_map, owned)


def geometry(session: Session) -> dict[str, Any]:
    """Scale, units, position and axis names of a session's layers; voxels where the size is unknown."""
    spacing = session.image.spacing_nm
    return {
        "scale": spacing or (1.0, 1.0, 1.0),
        "translate": (session.image.offset_nm if spacing else None) or (0.0, 0.0, 0.0),
        "units": ("nm",) * 3 if spacing else ("pixel",) * 3,
        "axis_labels": ("z", "y", "x"),
    }


def contrast(data: Any) -> tuple[float, float]:
    """Grey values to show as black and white: 0.2 to 99.8 % of a sample of the middle section.

    Where that is empty or cannot be read, another one tells, and where none does the type of the values.
    """
    tissue: NDArray[Any] | None = None
    for part in _CONTRAST_PARTS:
        with suppress(EmsegError, OSError):  # said when it is looked at
            section = data[int(part * data.shape[0])]
            step = [max(1, n // _SAMPLE) for n in section.shape]
            sample: NDArray[Any] = np.asarray(section[:: step[0], :: step[1]])
            tissue = sample[sample != 0] if np.any(sample) else sample.ravel()
            if np.any(sample):
                break
    if tissue is None:
        dtype = np.dtype(data.dtype)
        return (0.0, float(np.iinfo(dtype).max)) if dtype.kind in "ui" else (0.0, 1.0)
    low, high = np.percentile(tissue, (0.2, 99.8))
    return float(low), float(max(high, low + 1e-6))


def _boundary_colormap() -> Any:
    """Inferno whose opacity grows with the probability, so that the image stays readable below it."""
    from napari.utils.colormaps import Colormap, ensure_colormap

    steps = np.linspace(0, 1, 64)
    colours = np.array(ensure_colormap("inferno").map(0.25 + 0.6 * steps))
    colours[:, 3] = np.clip(steps * 1.1 - 0.1, 0, 1)
    return Colormap(colours, name="boundary probability")
