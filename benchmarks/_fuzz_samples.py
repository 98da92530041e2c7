"""Small valid files of every format that is read: what the fuzzing starts from."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import h5py
import numcodecs
import numpy as np
import tifffile
import zarr

from napari_emseg.io import write_array
from napari_emseg.io.source import WriteOptions

Files = dict[str, bytes]
"""Relative path to content; a single file has the path "" of its suffix, see `Sample`."""

GREY = (np.arange(3 * 20 * 24) % 251).astype(np.uint8).reshape(3, 20, 24)
IDS = (GREY.astype(np.uint64) // 16) + 5

NML = """<things><parameters><experiment name="e"/><scale x="4" y="4" z="40"/><offset x="0" y="0" z="0"/></parameters>
<thing id="1" color.r="1" color.g="0" color.b="0" color.a="1" name="axon"><nodes>
<node id="1" radius="5" x="1" y="2" z="3" inVp="0" inMag="0" time="0"/>
<node id="2" radius="5" x="4" y="5" z="6" inVp="0" inMag="0" time="0"/></nodes>
<edges><edge source="1" target="2"/></edges></thing><branchpoints/><comments><comment node="1" content="here"/>
</comments></things>"""
SWC = "# SCALE 1 1 1\n1 2 100.0 200.0 300.0 10.0 -1\n2 2 110.0 210.0 300.0 10.0 1\n3 2 120.0 220.0 340.0 10.0 2\n"
CATMAID = (
    '"skeleton_id", "treenode_id", "parent_treenode_id", "x", "y", "z", "r"\n"7", "1", "", "1", "2", "3", "-1"\n'
    '"7", "2", "1", "4", "5", "6", "-1"\n'
)
CATMAID_JSON = {"7": [[[1, None, 1, 1.0, 2.0, 3.0, -1, 5], [2, 1, 1, 4.0, 5.0, 6.0, -1, 5]], [], {}]}
BDV = """<SpimData version="0.2"><BasePath type="relative">.</BasePath><SequenceDescription>
<ImageLoader format="bdv.hdf5"><hdf5 type="relative">data.h5</hdf5></ImageLoader><ViewSetups><ViewSetup><id>0</id>
<size>24 20 3</size><voxelSize><unit>nm</unit><size>4 4 40</size></voxelSize></ViewSetup></ViewSetups>
</SequenceDescription></SpimData>"""
LOG = "[Volume 1] train_loss=0.6931 lr=0.00100\n[Volume 2] train_loss=0.5000 lr=0.00100\n"
ROI = "sections,x0,x1,y0,y1\n0-80,10809,20685,5448,11102\n81-144,9200,19076,4649,10303\n"


def samples() -> dict[str, tuple[str, Files]]:
    """Name to (path to open, relative to the folder; files)."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        opened = {**_volumes(folder), **_foreign(folder), **_texts(folder)}
        return {name: (path, _content(folder / name)) for name, path in opened.items()}


def _content(folder: Path) -> Files:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _volumes(folder: Path) -> dict[str, str]:
    """What this program writes itself."""
    opened: dict[str, str] = {}
    for suffix in (".zarr", ".h5", ".tif", ".mrc", ".n5", ".precomputed", ".wk", ".vast", "/"):
        for kind, array in (("grey", GREY), ("ids", IDS.astype(np.uint32))):
            if (suffix == ".mrc" and kind == "ids") or (suffix == ".vast" and kind == "grey"):
                continue
            name = f"{kind}-{suffix.strip('./') or 'png'}"
            write_array(
                f"{folder}/{name}/a{suffix}", array, spacing_nm=(40, 4, 4), offset_nm=(80, 8, 8),
                options=WriteOptions(levels=2),
            )  # fmt: skip
            opened[name] = f"a{suffix}".rstrip("/")
    write_array(
        f"{folder}/ome04/a.zarr",
        GREY,
        spacing_nm=(40, 4, 4),
        options=WriteOptions(levels=2, ome_version="0.4"),
    )
    opened["ome04"] = "a.zarr"
    return opened


def _foreign(folder: Path) -> dict[str, str]:
    """What other programs write."""
    for name in ("cremi", "bdv", "ilastik", "lzw", "tiled", "big-endian", "sharded", "v2-gzip", "jpeg"):
        (folder / name).mkdir()
    with h5py.File(folder / "cremi/a.hdf", "w") as file:
        file["volumes/raw"] = GREY
        file["volumes/raw"].attrs["resolution"] = (40.0, 4.0, 4.0)
        file.create_dataset("volumes/labels/clefts", data=IDS, compression="gzip", chunks=(1, 10, 12))
        file["annotations/ids"] = np.arange(4, dtype=np.uint64)
        file["annotations/types"] = np.array([b"presynaptic_site", b"postsynaptic_site"] * 2)
        file["annotations/locations"] = np.arange(12.0).reshape(4, 3)
        file["annotations/presynaptic_site/partners"] = np.array([[0, 1], [2, 3]], np.uint64)
    with h5py.File(folder / "bdv/data.h5", "w") as file:
        file.create_dataset(
            "t00000/s00/0/cells", data=GREY.astype(np.int16), compression="gzip", chunks=(2, 8, 8)
        )
        file["s00/resolutions"] = np.ones((1, 3))
        file["s00/subdivisions"] = np.full((1, 3), 8)
    (folder / "bdv/data.xml").write_text(BDV)
    with h5py.File(folder / "ilastik/em_51", "w") as file:
        data = file.create_dataset(
            "exported_data", data=GREY[..., None], chunks=(2, 10, 10, 1), compression="lzf"
        )
        data.attrs["axistags"] = json.dumps({"axes": [{"key": k, "typeFlags": 2} for k in "zyxc"]})
    tifffile.imwrite(folder / "lzw/a.tif", GREY, compression="lzw", photometric="minisblack")
    tifffile.imwrite(
        folder / "tiled/a.tif", GREY, compression="zlib", tile=(16, 16), bigtiff=True, metadata=None
    )
    tifffile.imwrite(folder / "big-endian/a.tif", GREY.astype(np.uint16), byteorder=">", imagej=True)
    zarr.create_array(str(folder / "sharded/a.zarr"), data=GREY, chunks=(1, 10, 12), shards=(3, 20, 24))
    old = zarr.create_array(
        str(folder / "v2-gzip/a.zarr"), shape=GREY.shape, dtype=">u2", chunks=(1, 10, 12), zarr_format=2,
        compressors=numcodecs.GZip(1), filters=[numcodecs.Delta(">u2")],
    )  # fmt: skip
    old[:] = GREY
    _jpeg(folder / "jpeg")
    return {
        "cremi": "a.hdf::volumes/raw", "bdv": "data.xml", "ilastik": "em_51", "lzw": "a.tif", "tiled": "a.tif",
        "big-endian": "a.tif", "sharded": "a.zarr", "v2-gzip": "a.zarr", "jpeg": "s",
    }  # fmt: skip


def _jpeg(folder: Path) -> None:
    from PIL import Image

    (folder / "s").mkdir()
    for z, section in enumerate(GREY):
        Image.fromarray(section).save(folder / f"s/s_{z}.jpg")


def _texts(folder: Path) -> dict[str, str]:
    """Annotations and lists, and a tile database."""
    written: dict[str, Any] = {
        "nml/a.nml": NML, "swc/a.swc": SWC, "catmaid-csv/a_skeleton.csv": CATMAID,
        "catmaid-json/a.json": json.dumps(CATMAID_JSON), "log/log_approx_1.txt": LOG, "roi/roi.csv": ROI,
        "tiles/tiles.json": json.dumps({
            "sections": [f"s{z}_tr{{row}}-tc{{column}}.png" for z in range(3)],
            "dimensions": {
                "depth": 3, "height": 20, "width": 24, "n_columns": 2, "n_rows": 2, "tile_size": 12,
            },
        }),
    }  # fmt: skip
    for name, text in written.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    from PIL import Image

    for z in range(3):
        for row in range(2):
            for column in range(2):
                tile = GREY[z, row * 12 : row * 12 + 12, column * 12 : column * 12 + 12]
                Image.fromarray(np.pad(tile, [(0, 12 - n) for n in tile.shape])).save(
                    folder / f"tiles/s{z}_tr{row + 1}-tc{column + 1}.png"
                )
    found = {name.split("/")[0]: name.split("/")[1] for name in written}
    return found | {"cremi-sites": _sites(folder)}


def _sites(folder: Path) -> str:
    (folder / "cremi-sites").mkdir()
    (folder / "cremi-sites/a.hdf").write_bytes((folder / "cremi/a.hdf").read_bytes())
    return "a.hdf::annotations"
