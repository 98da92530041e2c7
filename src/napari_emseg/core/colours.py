"""Colours of object ids: the same id has the same colour for ever, also for colour-blind eyes."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LABELS = (
    "fd13fef1e30286590282eefaada468a5099abb547ff181cdcfcd8fa979008604dc8d72bfc3ba1fa03769c77a9d74d3fb"
    "328bf18cf7c9f3aaceb3f489cf6a69e19b9eb7a1f88d52c5da8c0bac584bd4d044ab4496c1b8719410fadb72d144b233"
    "d948d89e6705914d472ea0a69523bfb8549dfbb2b8a94a66149def489648ff5aaf77b788bae6a09a47aebe6b81b429e1"
    "55c8e85be0e8ea99c136e864607dd7fb8650e0708044ff5c8decd819b6e75492b6944a80b55f67d89b822080feedc673"
    "15e0b0fea3a059a3be50d1d5c70126d2694caf4f8a33e708ac289acd8164c597e02080359f19ab8eb54ca0cb50fc1e2d"
    "c967986261d89b3089f823e8cd3b3c5978a9bcadfe109a8ee84e8a33c8a290dfcce8e560d77a12c305c92fe4831cb6b0"
    "54e7fbdd3d699175e87ef0bab22e79af52aaa3dfa5aa65d00f97fb35cf67a93a5a914aed49dbd674cc86e10a1c36bd31"
    "c5e37c652dec04afd70ad7ade5942586e6e651d8e89e545415bdbff33faebd6ec8cd5e3fc92d6b8e65be2ba3f9920acc"
    "e9767c51feb14195c636fc18b3f29d1ddcbe826de65ec48d07e8bde72db9549c55d0073b50a074b5bc5b6688530c9c2f"
    "e117a3f5c30fb928890c53fb39a1e8c45a7623d99f983baab0497c8cb8612a772f017755ac28d549ea51f2d09137c9da"
    "146ccd6dcd1f941fe0f6c85eef6ce6cd879df442f367ecc1b4555e3be5daf22b3de571fdc80f4540ceaddc56dbcd1198"
    "5aab8e12b449d77a8e1cf6807ad8f52caf59e47a55bd074d52b6d00097a8d44e908bb7ef6845eccc18b61a8d72e48f40"
    "58f2929cc0f99627b418dd8054e07038a7cce091b416c3b6cf29febe0f0604e991d2703bf3739abe126dd65c043bcec4"
    "a6472dc64a7431f7e9884bc774bb756bb5080191dc177df26a6a1f5ddf32fe54f1c8398d8a79bbb17fb144c94d399dfe"
    "ae8bbdbb768aac3ad66719f7e5a197e8de1dc7230cacf14c5e8a1019a9a123a19ac7568384f1cece8a612398d4ae1092"
    "54e152e90fe336d4e06ed2cc9d3fa2eabff8e625cdfd8a673cccd0ca7ca825e0614f903e5aa38f958446"
)
"""254 colours chosen to lie far apart in Oklab as seen by normal, deuteranope and protanope eyes
(simulation of Machado et al. 2009), each as far as possible from all before it. Frozen: changing the
table would recolour everybody's projects. 254 and the background fit into an 8-bit texture."""


def label_colours() -> NDArray[np.float32]:
    """Colours of the ids 1, 2, ...; the table repeats after its last row.

    Returns
    -------
    ndarray (254, 3) of float32
        Red, green and blue in 0 to 1.
    """
    values = np.frombuffer(bytes.fromhex("".join(_LABELS)), dtype=np.uint8)
    return (values.reshape(-1, 3) / np.float32(255)).astype(np.float32)


_STEPS = (0, 25, 50, 75)  # of each channel towards the middle; with these no two shades coincide


@lru_cache(maxsize=1)
def _shades() -> NDArray[np.uint8]:
    """Colours of the ids modulo 16256: the table, then shades of it; no two rows are the same."""
    first = np.round(label_colours() * 255).astype(np.int16)
    inward = np.where(first >= 128, -1, 1)
    shades = [first + inward * np.array(steps, np.int16) for steps in product(_STEPS, repeat=3)]
    table = np.roll(np.concatenate(shades), 1, axis=0).astype(np.uint8)  # row 0 is that of id 16256
    table.flags.writeable = False
    return table


def colours_of(ids: NDArray[Any]) -> NDArray[np.uint8]:
    """Colours of objects, a function of the id alone.

    Ids up to 254 have the colours that they have in the window; every further 254 have shades of them, so that 16256
    ids differ before colours repeat.

    Parameters
    ----------
    ids : ndarray of int, any shape
        Not negative. 0 is no object and gets black; callers show the image there.

    Returns
    -------
    ndarray (..., 3) of uint8
        Red, green and blue.
    """
    values = np.asarray(ids)
    if values.dtype.itemsize == 1:
        values = values.astype(np.int16)  # bytes cannot hold the length of the table
    table = _shades()
    found: NDArray[np.uint8] = table[(values % values.dtype.type(len(table))).astype(np.intp)]
    found[values == 0] = 0
    return found
