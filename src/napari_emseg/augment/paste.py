"""Cut and paste: copies of small objects (mitochondria, nuclei, vesicles) elsewhere in the same sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.augment.fields import chance, option, strength
from napari_emseg.augment.mirror import Mirror, draw_rule
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Paste(Settings):
    """How many objects are copied, and which."""

    probability: float = chance(0.3)
    count: int = strength(2, "Copies up to", ge=0, le=50)
    min_area_px: int = option(50, "Smallest object", "per section", unit="px", ge=1, le=100000, more=True)
    max_share: float = option(0.1, "Largest object", "of the section", ge=0.001, le=1, more=True)
    rim_px: int = option(
        2, "Rim", "of the surroundings that is copied along, faded", unit="px", ge=0, le=20, more=True
    )


def paste(
    image: NDArray[np.float32],
    labels: NDArray[Any],
    settings: Paste,
    rng: np.random.Generator,
    *,
    outside: int = 0,
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Copy objects of the first channel, with all labels on them, to where they fit.

    Parameters
    ----------
    image : ndarray (z, y, x)
    labels : ndarray (channels, z, y, x) of int
        The first channel says what the objects are: ids, or a mask of ones whose connected parts are taken one by one. A
        copy of an id gets an id of its own; a copy from a mask stays mask.
    outside : int
        Label that is not an object.
    """
    from scipy import ndimage as ndi

    objects = _objects(labels[0], outside)
    ids = _candidates(objects, settings)
    out, marked = image.copy(), labels.copy()
    if not ids.size or settings.count < 1:
        return out, marked
    is_mask = _is_mask(labels[0], outside)
    for _ in range(int(rng.integers(1, settings.count + 1))):
        chosen = int(rng.choice(ids))
        box = ndi.find_objects((objects == chosen).astype(np.uint8))[0]
        _paste_one(
            out, marked, image, labels, objects, chosen, box, settings, rng, outside=outside, is_mask=is_mask
        )
    return out, marked


def _objects(channel: NDArray[Any], outside: int) -> NDArray[Any]:
    """Object ids; a mask is split into its parts."""
    from scipy import ndimage as ndi

    ids = np.where(channel == outside, 0, channel)
    return np.asarray(ndi.label(ids)[0]) if _is_mask(channel, outside) else ids


def _is_mask(channel: NDArray[Any], outside: int) -> bool:
    """Whether there are only ones and zeros."""
    return bool(((channel == 0) | (channel == 1) | (channel == outside)).all())


def _candidates(objects: NDArray[Any], settings: Paste) -> NDArray[Any]:
    """Objects of the right size that do not touch the border of the sample."""
    ids, counts = np.unique(objects[objects != 0], return_counts=True)
    area = counts / len(objects)
    good = (area * len(objects) >= settings.min_area_px) & (area <= settings.max_share * objects[0].size)
    edge = np.unique(np.concatenate([objects[:, (0, -1)].ravel(), objects[:, :, (0, -1)].ravel()]))
    return np.asarray(ids[good & ~np.isin(ids, edge)])


def _paste_one(
    out: NDArray[np.float32],
    marked: NDArray[Any],
    image: NDArray[np.float32],
    labels: NDArray[Any],
    objects: NDArray[Any],
    chosen: int,
    box: tuple[slice, ...],
    settings: Paste,
    rng: np.random.Generator,
    *,
    outside: int,
    is_mask: bool,
) -> None:
    from scipy import ndimage as ndi

    rim = settings.rim_px
    rows, columns = (
        slice(max(0, s.start - rim), min(n, s.stop + rim))
        for s, n in zip(box[1:], objects.shape[1:], strict=True)
    )
    cut = (box[0], rows, columns)
    rule = draw_rule(Mirror(sections=False), rng)
    mask = rule.forward(objects[cut] == chosen)
    grey = rule.forward(image[cut])
    height, width = mask.shape[1:]
    if height > out.shape[1] or width > out.shape[2]:
        return
    y, x = int(rng.integers(out.shape[1] - height + 1)), int(rng.integers(out.shape[2] - width + 1))
    there = (box[0], slice(y, y + height), slice(x, x + width))
    soft = mask.astype(np.float32)
    if rim:
        distance = np.stack(
            [ndi.distance_transform_edt(~m) if m.any() else np.full(m.shape, rim + 1.0) for m in mask]
        )
        soft = np.clip(1 - distance / (rim + 1), 0, 1).astype(np.float32)
    out[there] = out[there] * (1 - soft) + grey * soft
    cut_labels = rule.forward(labels[(slice(None), *cut)])
    target = marked[(slice(None), *there)]
    target[:, mask] = cut_labels[:, mask]
    if not is_mask:
        target[0][mask] = _fresh_id(marked[0][marked[0] != outside])


def _fresh_id(channel: NDArray[Any]) -> int:
    """An id that nothing has; where the type has no more, the largest stays shared."""
    return min(int(channel.max()) + 1, int(np.iinfo(channel.dtype).max))
