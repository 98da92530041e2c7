"""Colours of labels and states: the same id has the same colour for ever, also for colour-blind eyes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari.utils.colormaps import CyclicLabelColormap
    from numpy.typing import NDArray

_LABELS = (
    "fd13fef1e30286590282eefaada468a5099abb547ff181cdcfcd8fa979008604dcaa65d0e8de1da6472d31f7e98eb54c"
    "9b3089c756838bb7ef0ad7add65c046719f70191dc44ff5cbe0f068cf7c96dcd1fae1092d44e90bcadfe33c8a2d2703b"
    "652dec9175e8acf14cc7012684f1cec3ba1fac289a2ea0a6b7a1f840ceadd2694c941fe0328bf1e8e560914d4754e7fb"
    "e594257ef0bab8549d19b6e7e19b9ecf6a699f19ab2080fe36fc18bd074d7ad8f5da8c0b51feb18a79bb2ba3f9e5a197"
    "cd5e3f9627b40c53fbf5c30fa0376974d3fbe48f40bae6a0f33fae399dfe5ec48d9e6705983baa9410fad4d0441a8d72"
    "eabff86bb508a3dfa559a3be0f97fb77b788c7230c9a47ae6845ec33e708be126d9cc0f9d77a1267ecc1b17fb1149def"
    "d89b82cd3b3c9d3fa2914aedf6c85eb0497c55c8e844b2338decd8ca7ca839a1e8fea3a06a6a1f8e65be920accb3f489"
    "b22e795ddf32e47a5551d8e8c77a9de571fdcf29fee10a1c23d99f9523bfb3f29d944a8054e15236bd3186e6e619a9a1"
    "ef6ce6e90fe35e8a109e54543bcec4cc18b6e07080c5e37cb5bc5bb928891cb6b0fe54f1b429e10c9c2f2a772f3be5da"
    "4195c6e9767cf2d091c1b871af4f8a16c3b6c967986261d84f903e0177555be0e82398d42caf5958f29235cf67ab4496"
    "52b6d023a19aac28d5d0073b15e0b036d4e0a94a66fc1e2d1cf680fb86505978a9f442f3cd879d884bc7be6b8107e8bd"
    "37c9daa93a5af22b3dedc673fd8a678d72bf04afd7177df28d52c5bb768a90dfcc6688533cccd0c8398d49ea518cb861"
    "5492b604e991f823e8c305c95aab8e1ddcbe208035489648c597e0a0cb5074bb750097a8c92d6bdc56dbac3ad6e84e8a"
    "fbb2b849dbd695844612b44936e86444c94daf52aac80f45db72d1826de65aa38fc64a746ed2cce625cdcd81642fe483"
    "f3739acd1198ac584b15bdbf607dd774cc86c45a7650d1d5e72db9ce8a6125e061d77a8ed948d8e091b4f3aaceb4555e"
    "ae8bbde117a318dd8038a7cc549c5550a074ff5aaf146ccdea99c154e070b55f67109a8edd3d69bd6ec8"
)
"""254 colours chosen to lie far apart in Oklab as seen by normal, deuteranope and protanope eyes
(simulation of Machado et al. 2009), ordered so that successive ids differ strongly. Frozen: changing
the table would recolour everybody's projects. 254 and the background fit into an 8-bit texture."""


def label_colours() -> NDArray[np.float32]:
    """Colours of the ids 1, 2, ...; the table repeats after its last row.

    Returns
    -------
    ndarray (254, 3) of float32
        Red, green and blue in 0 to 1.
    """
    values = np.frombuffer(bytes.fromhex("".join(_LABELS)), dtype=np.uint8)
    return (values.reshape(-1, 3) / np.float32(255)).astype(np.float32)


def label_colormap() -> CyclicLabelColormap:
    """The colours as napari wants them, with a transparent background in front."""
    from napari.utils.colormaps import CyclicLabelColormap

    rgb = label_colours()
    rgba = np.ones((len(rgb) + 1, 4), dtype=np.float32)
    rgba[1:, :3] = rgb
    rgba[0] = 0
    return CyclicLabelColormap(colors=rgba, background_value=0, name="emseg ids")
