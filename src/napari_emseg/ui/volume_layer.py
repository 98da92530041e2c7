"""A labels layer whose data is the label volume: views that would read too much of it are shown coarsely.

A section is shown as it is and can be painted. A view in 3D, or across the sections of a deep stack, would read the whole
volume or thousands of pages: it is shown from `core.pyramid`, and cannot be painted meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.layers.labels.labels import WrongSelectedLabelError, _LabelsSlicingState

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from napari_emseg.core.pyramid import CoarseLabels
    from napari_emseg.core.volume import LabelVolume

MOST_VOXELS_3D = 2**25  # 128 MB of ids, and a texture that software OpenGL still turns
MOST_SECTIONS_ACROSS = 512  # pages read at once for one row of them

_STRIP = 2**17
"""Voxels whose colours are looked up at once: the ids and what is made of them stay in the cache of a core."""


class VolumeLabels(Labels):
    """Shows a `LabelVolume`.

    Parameters
    ----------
    data : LabelVolume
    **options
        As for `napari.layers.Labels`.
    """

    is_coarse = False

    @property
    def data(self) -> Any:
        """The volume of the project."""
        return self._data

    @data.setter
    def data(self, data: Any) -> None:
        """Nothing else takes its place: what is painted into another array would be in no project."""
        raise EmsegError(
            "these labels are kept in the project, as they are", self.name,
            "duplicate the layer to change its type or its values",
        )  # fmt: skip

    @property
    def _type_string(self) -> str:
        return "labels"  # napari looks up controls and icons by this

    def _validate_label_in_range(self, label: int) -> None:
        """As napari does, which asks ``data[0]`` for its type: that would read a section with every dab of the brush."""
        limits = np.iinfo(self.data.dtype)
        if not limits.min <= label <= limits.max:
            raise WrongSelectedLabelError(
                dtype=self.data.dtype, value=label, lower_bound=limits.min, upper_bound=limits.max
            )

    def _is_here(self, coord: Any) -> bool:
        """Whether what is painted would be seen: sliders reach as far as the deepest layer.

        Beyond the last section napari raises an error from the depths; before the first one it counts from the end, and
        paints a section that nobody looks at.
        """
        hidden = self._slice_input.not_displayed
        return all(0 <= np.round(coord[axis]) < self.data.shape[axis] for axis in hidden)

    def paint(self, coord: Any, *args: Any, **kwargs: Any) -> None:
        """As napari does; nothing where the volume has no section."""
        if self._is_here(coord):
            super().paint(coord, *args, **kwargs)

    def fill(self, coord: Any, *args: Any, **kwargs: Any) -> None:
        """As napari does; nothing where the volume has no section."""
        if self._is_here(coord):
            super().fill(coord, *args, **kwargs)

    def paint_polygon(self, points: Any, *args: Any, **kwargs: Any) -> None:
        """As napari does; nothing where the volume has no section."""
        if self._is_here(points[0]):
            super().paint_polygon(points, *args, **kwargs)

    def _get_layer_slicing_state(self, data: Any, cache: bool) -> _SlicingState:
        return _SlicingState(self, data, cache)

    def _get_value(self, position: Any) -> Any:
        """The id under the cursor, from the volume itself where the view is coarse."""
        if not self.is_coarse or self._slice_input.ndisplay == 3:
            return None if self.is_coarse else super()._get_value(position)
        place = tuple(int(p) for p in np.round(position))
        inside = all(0 <= p < n for p, n in zip(place, self.data.shape, strict=True))
        return int(self.data[place]) if inside else None

    def _raw_to_displayed(self, raw: Any, data_slice: tuple[slice, ...] | None = None) -> Any:
        """As napari does, in strips: of a large section, what it makes on the way takes three times the memory of the ids.

        Empty strips, most of a section that nobody has segmented, are not worked on.
        """
        whole = data_slice is None and isinstance(raw, np.ndarray) and raw.ndim == 2
        if not whole or raw.size <= _STRIP or self.contour:
            return super()._raw_to_displayed(raw, data_slice)
        nothing = super()._raw_to_displayed(raw[:1, :1] * 0)
        shown = np.full(raw.shape, nothing[0, 0], nothing.dtype)
        step = max(1, _STRIP // raw.shape[1])
        for first in range(0, len(raw), step):
            strip = raw[first : first + step]
            if strip.any():
                shown[first : first + step] = super()._raw_to_displayed(strip)
        return shown

    def _get_value_3d(self, *args: Any, **kwargs: Any) -> Any:
        return None if self.is_coarse else super()._get_value_3d(*args, **kwargs)


class _SlicingState(_LabelsSlicingState):
    layer: VolumeLabels

    def _make_slice_request_internal(self, *, slice_input: Any, **more: Any) -> Any:
        request = super()._make_slice_request_internal(slice_input=slice_input, **more)
        coarse = coarse_view(self.layer.data, list(slice_input.displayed))
        if self.layer.is_coarse != (coarse is not None):
            self.layer.is_coarse = coarse is not None
            self.layer.editable = coarse is None
        if coarse is None:
            return request
        factors = np.array([coarse.every, 2**coarse.level, 2**coarse.level])
        return replace(
            request,
            multiscale=True,
            data_at_data_level=_Unread(coarse),
            data_at_thumbnail_level=_Unread(coarse),
            data_level=1,
            thumbnail_level=1,
            level_shapes=np.array([self.layer.data.shape, coarse.shape]),
            downsample_factors=np.array([[1, 1, 1], factors], dtype=float),
            corner_pixels=np.array([[0, 0, 0], np.array(coarse.shape) - 1]),
        )


class _Unread:
    """Coarse labels that are read only once a key leaves something out: napari crops first and picks the plane then."""

    def __init__(self, labels: CoarseLabels) -> None:
        self._labels = labels
        self.shape, self.dtype, self.ndim = labels.shape, labels.dtype, labels.ndim

    def __getitem__(self, key: Any) -> Any:
        ends = zip(key, self.shape, strict=False) if isinstance(key, tuple) else [(key, self.shape[0])]
        if all(isinstance(part, slice) and part.indices(n) == (0, n, 1) for part, n in ends):
            return self
        return self._labels[key]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self._labels.__array__(dtype, copy)


def coarse_view(volume: LabelVolume, displayed: list[int]) -> CoarseLabels | None:
    """What to show instead of the volume; None if all of it can be shown.

    Parameters
    ----------
    volume : LabelVolume
    displayed : list of int
        Axes on screen.
    """
    if len(displayed) == 2 and 0 not in displayed:
        return None
    depth = volume.shape[0]
    if len(displayed) == 2:
        every = -(-depth // MOST_SECTIONS_ACROSS)
        return volume.coarse(0, every) if every > 1 else None
    level, every = 0, 1
    while np.prod(volume.pyramid.shape(level, every), dtype=np.int64) > MOST_VOXELS_3D:
        if level < volume.pyramid.top and _is_flat(volume, level, every):
            level += 1
        elif every < depth:
            every *= 2
        else:
            level += 1
    return volume.coarse(level, every) if level or every > 1 else None


def _is_flat(volume: LabelVolume, level: int, every: int) -> bool:
    """Whether a coarse voxel is not wider in a section than it is high, so that the section may lose more."""
    z, y, _ = volume.spacing_nm or (1.0, 1.0, 1.0)
    return 2**level * y <= every * z
