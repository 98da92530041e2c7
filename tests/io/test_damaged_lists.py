"""Whatever is in a file: it is read, or refused in one sentence. Nothing else may come out of a reader."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.annotations import read_annotations
from napari_emseg.io.catmaid import read_catmaid_csv
from napari_emseg.io.classes import read_classes
from napari_emseg.io.cremi import POST, PRE, CremiAnnotations, read_cremi_annotations
from napari_emseg.io.cremi_writing import write_cremi
from napari_emseg.io.nml import read_nml
from napari_emseg.io.paths import parse_path
from napari_emseg.io.roi_table import check_roi_table, read_roi_table
from napari_emseg.io.swc import read_swc
from napari_emseg.io.tile_database import read_tile_database
from napari_emseg.io.training_log import read_training_log
from napari_emseg.io.vast_table import read_vast_table

NML = (
    b'<things><parameters><scale x="4" y="4" z="40"/></parameters><thing id="1" name="a"><nodes>'
    b'<node id="1" x="1" y="2" z="3" radius="2"/><node id="2" x="1" y="2" z="4"/></nodes>'
    b'<edges><edge source="1" target="2"/></edges></thing><comments><comment node="1" content="c"/></comments></things>'
)
SWC = b"# unit: nm\n1 1 0 0 0 1 -1\n2 2 1 1 1 1 1\n"
CSV = b"skeleton_id, treenode_id, parent_treenode_id, x, y, z, r\n1,1,,0,0,0,1\n1,2,1,0,0,0,1\n"
COMPACT = json.dumps(
    {"skeletons": {"1": [[[1, None, 0, 1, 2, 3, 4, 5]], [[1, 2, 0, 1, 2, 3]], {"t": [1]}]}}
).encode()
TABLE = b'0 0 0 0 0 0 0 0 0 0 -1 -1 -1 0 0 0 1 0 -1 -1 -1 -1 -1 -1 "Background"\n'
ROI = b"0-80: 109-208, 5-61\n81-99: 92-191, 4-60\n"
LOG = b"[Volume 3] train_loss=0.5 lr=0.001\n"
DATABASE = json.dumps(
    {"sections": ["{row}.png"], "dimensions": dict.fromkeys(["depth", "height", "width", "n_rows", "n_columns", "tile_size"], 1)}
).encode()  # fmt: skip

READERS: list[tuple[str, bytes, Callable[[Path], object]]] = [
    ("a.nml", NML, read_nml),
    ("a.swc", SWC, read_swc),
    ("a.csv", CSV, read_catmaid_csv),
    ("a.json", COMPACT, read_annotations),
    ("t.txt", TABLE, read_vast_table),
    ("r.txt", ROI, lambda p: check_roi_table(read_roi_table(p))),
    ("l.txt", LOG, read_training_log),
    ("c.txt", b"id,class\n1,axon\n", read_classes),
    ("d.json", DATABASE, lambda p: read_tile_database(parse_path(p))),
]


def refusal(read: Callable[[], object]) -> str:
    """What a reader says, or nothing if it reads; any other error is a fault of ours."""
    try:
        read()
    except EmsegError as error:
        return str(error)
    return ""


def damaged(data: st.DataObject, good: bytes) -> bytes:
    """Cut short, bytes replaced, or a piece doubled."""
    content = bytearray(good[: data.draw(st.integers(0, len(good)))] if data.draw(st.booleans()) else good)
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            at = data.draw(st.integers(0, len(content) - 1))
            piece = data.draw(
                st.one_of(
                    st.binary(max_size=3),
                    st.sampled_from([b"99999999999999999999", b"-", b"nan", b'"', b"{", b"\0"]),
                )
            )
            content[at : at + data.draw(st.integers(0, 4))] = piece
    return bytes(content)


@pytest.mark.parametrize(("name", "good", "reader"), READERS, ids=[n for n, *_ in READERS])
def test_text_that_was_damaged(
    tmp_path: Path, name: str, good: bytes, reader: Callable[[Path], object]
) -> None:
    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def check(data: st.DataObject) -> None:
        (tmp_path / name).write_bytes(damaged(data, good))
        assert "\n" not in refusal(lambda: reader(tmp_path / name))

    check()


def test_annotations_in_damaged_hdf5(tmp_path: Path) -> None:
    made = CremiAnnotations(
        np.array([1, 2], np.uint64), (PRE, POST), np.zeros((2, 3)), np.array([[1, 2]], np.uint64), {1: "c"},
        neuron_confidence={0: (1,)},
    )  # fmt: skip
    write_cremi(tmp_path / "good.hdf", annotations=made)
    good = (tmp_path / "good.hdf").read_bytes()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def check(data: st.DataObject) -> None:
        (tmp_path / "bad.hdf").write_bytes(damaged(data, good))
        assert "\n" not in refusal(lambda: read_cremi_annotations(tmp_path / "bad.hdf"))

    check()
