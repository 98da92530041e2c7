"""Where the files of the fly nerve cord sample come from: a local mirror, or the published repository."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from napari_emseg.core.errors import EmsegError

BASE_URL = (
    "https://raw.githubusercontent.com/unidesigner/groundtruth-drosophila-vnc/"
    "4a5f051466d24d8dc1e855ab55658bb1b1dcd6bf/"
)
"""The published data set at a fixed commit (Gerhard et al. 2013, CC BY-NC-SA 3.0)."""

MIRROR = "NAPARI_EMSEG_DATA"


def vnc_registry() -> dict[str, str]:
    """Files of the sample and their SHA256 checksums, in the order of their sections."""
    text = resources.files("napari_emseg.io").joinpath("vnc_sha256.txt").read_text("utf-8")
    rows = (line.split() for line in text.splitlines())
    return {name: checksum for checksum, name in rows}


def vnc_files(kind: str) -> list[Path]:
    """Local paths of one kind of files, in the order of their sections; fetched once where needed.

    Parameters
    ----------
    kind : {"raw", "membranes"}
        Which part of the sample.

    Raises
    ------
    EmsegError
        If they are not here and cannot be fetched.
    """
    registry = vnc_registry()
    names = sorted(n for n in registry if n.startswith(f"stack1/{kind}/"))
    mirror = os.environ.get(MIRROR)
    if mirror:
        files = [Path(mirror).expanduser() / "vnc" / name for name in names]
        if all(f.is_file() for f in files):
            return files
    return _fetch(names, registry)


def _fetch(names: list[str], registry: dict[str, str]) -> list[Path]:
    import pooch

    pooch.get_logger().setLevel("WARNING")  # one line per file is no news
    store = pooch.create(path=pooch.os_cache("napari-emseg") / "vnc", base_url=BASE_URL, registry=registry)
    try:
        return [Path(store.fetch(name)) for name in names]
    except ValueError as error:
        raise EmsegError(
            "a downloaded file of the sample is not the published one", BASE_URL, _again()
        ) from error
    except OSError as error:
        raise EmsegError(
            "the sample vnc is not on this machine and cannot be downloaded", BASE_URL, _again()
        ) from error


def _again() -> str:
    return (
        f"connect to the internet, or set {MIRROR} to a folder that holds vnc/stack1/raw, "
        "or take the sample phantom, which needs neither"
    )
