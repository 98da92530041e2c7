"""Pre- and postsynaptic sites: synapse n is 2n - 1 on its presynaptic side and 2n on the postsynaptic one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_emseg.algorithms.targets.target import Target

if TYPE_CHECKING:
    from numpy.typing import NDArray

Form = Literal["channels", "tanh", "classes"]


def encode(synapses: NDArray[Any], is_post: NDArray[np.bool_]) -> NDArray[Any]:
    """Polarity labels from synapse numbers (1, 2, ...; 0 is none) and the side of each voxel, in a type that holds them."""
    dtype = np.promote_types(synapses.dtype, np.min_scalar_type(2 * int(synapses.max(initial=0))))
    return np.where(synapses == 0, 0, 2 * synapses.astype(dtype) - 1 + is_post).astype(dtype)


def decode(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Synapse numbers and side (true: postsynaptic) from polarity labels; the inverse of `encode`."""
    return labels // 2 + labels % 2, (labels != 0) & (labels % 2 == 0)


def polarity(
    labels: NDArray[Any],
    spacing_nm: tuple[float, float, float],  # noqa: ARG001 - all targets are called alike
    *,
    form: Form = "channels",
    ignore_id: int | None = None,
) -> Target:
    """What a network learns of polarity labels (z, y, x).

    Parameters
    ----------
    form : {"channels", "tanh", "classes"}
        channels: three of 0 and 1, presynaptic, postsynaptic, either. tanh: one, 1 is presynaptic, -1 postsynaptic, 0
        neither. classes: one, 0 neither, 1 presynaptic, 2 postsynaptic.
    """
    known = np.ones(labels.shape, np.float32)
    if ignore_id is not None:
        known[labels == ignore_id] = 0
    any_side = (labels != 0) & (known > 0)
    post = any_side & (labels % 2 == 0)
    pre = any_side & ~post
    if form == "channels":
        values = np.stack([pre, post, any_side]).astype(np.uint8)
        return Target(values, np.repeat(known[None], 3, 0), ("pre", "post", "synapse"))
    if form == "tanh":
        signed = pre.astype(np.float32) - post.astype(np.float32)
        return Target(signed[None], known[None], ("polarity",))
    return Target((pre + 2 * post).astype(np.uint8)[None], known[None], ("polarity class",))
