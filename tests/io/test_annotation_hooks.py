"""Annotations as napari opens and saves them: through the manifest, without a window."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from npe2 import PluginManager, PluginManifest

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.annotation_hooks import _narrow, write_points, write_shapes, write_vast_labels
from napari_emseg.io.annotations import read_annotations, write_annotations
from napari_emseg.io.cremi import IGNORE, NO_CLEFT, POST, PRE, CremiAnnotations
from napari_emseg.io.cremi_writing import write_cremi
from napari_emseg.io.napari_hooks import get_reader, write_image, write_labels
from napari_emseg.io.vast_table import read_vast_table

SITES = CremiAnnotations(
    np.array([1, 2], np.uint64), (PRE, POST), np.array([[40.0, 4, 4], [40, 8, 8]]),
    np.array([[1, 2]], np.uint64), offset_nm=(40, 0, 0),
)  # fmt: skip
NM = {"scale": (50, 4, 4), "units": ("nm",) * 3, "name": "drawn"}


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    return PluginManifest.from_distribution("napari-emseg")


def test_the_manifest_offers_them(manifest: PluginManifest) -> None:
    pm = PluginManager()
    pm.register(manifest)
    for name in ("a.nml", "b.swc", "c.json", "skeletons.csv", "d.hdf::annotations", "e.hdf"):
        assert [r.command for r in pm.iter_compatible_readers([name])] == ["napari-emseg.read"], name
    offered = {w.command: w.filename_extensions for w in manifest.contributions.writers or []}
    assert offered["napari-emseg.write_points"] == [".nml", ".swc", ".json", ".hdf"]
    assert offered["napari-emseg.write_vast"] == [".vast"]


@pytest.mark.parametrize("suffix", [".nml", ".swc", ".json"])
def test_points_are_saved_and_opened_again(tmp_path: Path, suffix: str) -> None:
    path = str(tmp_path / f"p{suffix}")
    assert write_points(path, np.array([[1, 2, 3], [4, 5, 6]]), NM) == [path]
    reader = get_reader(path)
    assert reader is not None
    (points, meta, kind) = reader(path)[-1]
    assert kind == "points"
    np.testing.assert_allclose(points * meta["scale"], [[50, 8, 12], [200, 20, 24]])


def test_paths_become_trees_and_lines_become_partners(tmp_path: Path) -> None:
    lines = [np.array([[1, 2, 3], [1, 2, 13]]), np.array([[2, 0, 0], [3, 0, 0]])]
    write_shapes(str(tmp_path / "s.nml"), lines, NM)
    assert [len(t) for t in read_annotations(tmp_path / "s.nml").trees] == [2, 2]  # type: ignore[union-attr]
    write_shapes(str(tmp_path / "s.hdf"), lines, NM)
    found = read_annotations(f"{tmp_path}/s.hdf::annotations")
    assert found.distances_nm().tolist() == [40, 50]  # type: ignore[union-attr]


def test_a_layer_in_pixels_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(EmsegError, match="no unit of length"):
        write_points(str(tmp_path / "p.nml"), np.zeros((1, 3)), {"scale": (1, 1, 1), "units": ("pixel",) * 3})
    assert list(tmp_path.iterdir()) == []


def test_everything_in_a_cremi_file(tmp_path: Path) -> None:
    raw = np.arange(5 * 6 * 7, dtype=np.uint8).reshape(5, 6, 7)
    neurons = raw.astype(np.uint64) + 3
    clefts = np.full(raw.shape, NO_CLEFT, np.uint64)
    clefts[2, 2], clefts[3] = 9, IGNORE
    here, there = (40.0, 4.0, 4.0), (40.0, 0.0, 0.0)
    volumes = {
        "raw": (raw, here, (0, 0, 0)),
        "neuron_ids": (neurons, here, there),
        "clefts": (clefts, here, there),
    }
    write_cremi(tmp_path / "sample.hdf", annotations=SITES, volumes=volumes)
    reader = get_reader(str(tmp_path / "sample.hdf"))
    assert reader is not None
    layers = {
        meta["name"]: (np.asarray(data), meta, kind)
        for data, meta, kind in reader(str(tmp_path / "sample.hdf"))
    }
    assert {n: k for n, (_, _, k) in layers.items()} == {
        "sample raw": "image", "sample neuron_ids": "labels", "sample clefts": "labels",
        "sample clefts to ignore": "labels", "sample partners": "shapes", "sample sites": "points",
    }  # fmt: skip
    np.testing.assert_array_equal(layers["sample raw"][0], raw)
    assert layers["sample neuron_ids"][0].dtype == np.uint32
    np.testing.assert_array_equal(layers["sample neuron_ids"][0], neurons)
    assert set(np.unique(layers["sample clefts"][0])) == {0, 9}
    assert layers["sample clefts to ignore"][0][3].all()
    assert layers["sample clefts"][1]["translate"] == layers["sample sites"][1]["translate"] == there
    data, meta, _ = layers["sample sites"]
    # sites are pairs, also in a format that holds skeletons only
    write_points(str(tmp_path / "sites.nml"), data, meta)
    (tree,) = read_annotations(tmp_path / "sites.nml").trees  # type: ignore[union-attr]
    assert tree.points_nm.tolist() == [[80, 4, 4], [80, 8, 8]]
    assert len(tree.edges) == 1
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        file["main"] = raw
    assert len(get_reader(str(tmp_path / "plain.h5"))(str(tmp_path / "plain.h5"))) == 1  # type: ignore[misc]


def test_a_file_with_more_in_it_is_not_saved_over(tmp_path: Path) -> None:
    path, ids = tmp_path / "em.h5", np.ones((2, 3, 4), np.uint32)
    with h5py.File(path, "w") as file:
        file["raw"] = np.ones((2, 3, 4), np.uint8)
    with pytest.raises(EmsegError, match=r"holds raw, and all of it.*em\.h5::annotations"):
        write_annotations(path, SITES)
    write_labels(str(path), ids, NM)  # one array takes the place of one
    assert not write_annotations(f"{path}::annotations", SITES).comments  # type: ignore[union-attr]
    before = path.read_bytes()
    for write, data in ((write_labels, ids), (write_image, ids), (write_points, np.ones((1, 3)))):
        with pytest.raises(EmsegError, match=r"this file holds main, annotations, and all of it would be"):
            write(str(path), data, NM)
        assert path.read_bytes() == before
    write_labels(str(path) + "::ids", ids, NM)
    with h5py.File(path) as file:
        assert {"main", "ids", "annotations"} <= set(file)


@pytest.mark.parametrize("large", [2**32 - 1, 2**32])
def test_neurons_are_as_wide_as_their_largest_id(large: int) -> None:
    ids = np.array([[[1, 2]], [[3, large]]], np.uint64)
    shown = _narrow(ids)
    assert shown.dtype == (np.uint32 if large < 2**32 else np.uint64)
    np.testing.assert_array_equal(shown, ids)


def test_a_vast_folder_has_names_and_colours_and_is_saved_with_them(tmp_path: Path) -> None:
    ids = np.array([[[1, 70_000], [0, 1]]], np.uint32)
    write_vast_labels(str(tmp_path / "a.vast"), ids, NM)
    table = read_vast_table(tmp_path / "a.vast/segments.txt")
    assert [s.name for s in table.segments] == ["Background", "Segment 1", "Segment 70000"]
    named = (tmp_path / "a.vast/segments.txt").read_text().replace("Segment 70000", "axon µ")
    (tmp_path / "a.vast/segments.txt").write_text(named)
    reader = get_reader(str(tmp_path / "a.vast"))
    assert reader is not None
    ((data, meta, kind),) = reader(str(tmp_path / "a.vast"))
    assert kind == "labels"
    np.testing.assert_array_equal(data, ids)
    assert tuple(meta["scale"]) == (50, 4, 4)
    assert meta["features"]["name"].tolist() == ["Segment 1", "axon µ"]
    write_vast_labels(str(tmp_path / "b.vast"), data, meta)
    assert read_vast_table(tmp_path / "b.vast/segments.txt")[70_000].name == "axon µ"


def test_notes_are_said_aloud(tmp_path: Path) -> None:
    from napari_emseg.io.vast_writing import VastExport, write_vast

    write_vast(tmp_path / "v", np.ones((1, 4, 4), np.uint8), None, VastExport("%d_tr%d-tc%d.png", 2))
    (tmp_path / "v/0_tr1-tc2.png").unlink()
    reader = get_reader(str(tmp_path / "v"))
    assert reader is not None
    with pytest.warns(UserWarning, match="1 of 4 tiles is missing"):
        reader(str(tmp_path / "v"))
