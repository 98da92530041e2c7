"""Lists and annotations made to deceive, or by a program with other ideas: refused in one sentence, or read right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import imageio.v3 as iio
import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.annotations import annotation_layers, read_annotations
from napari_emseg.io.cremi import read_cremi_annotations
from napari_emseg.io.cremi_writing import write_cremi
from napari_emseg.io.opening import open_volume
from napari_emseg.io.roi_table import read_roi_table
from napari_emseg.io.units import valid_offset, valid_spacing
from napari_emseg.io.vast import label_look
from napari_emseg.io.vast_table import read_vast_table


@pytest.fixture
def cremi(tmp_path: Path) -> Any:
    """Makes a CREMI file of three sites, with some parts replaced."""

    def make(**parts: Any) -> Path:
        path = tmp_path / "sites.hdf"
        with h5py.File(path, "w") as file:
            file["annotations/ids"] = parts.get("ids", np.array([0, 1, 2**63 + 5], np.uint64))
            types = ["presynaptic_site", "postsynaptic_site", "other"]
            file.create_dataset("annotations/types", data=types, dtype=h5py.string_dtype())
            file["annotations/locations"] = np.ones((3, 3))
            if "partners" in parts:
                file["annotations/presynaptic_site/partners"] = parts["partners"]
            if "confidence" in parts:
                file["volumes/labels/neuron_ids_confidence"] = parts["confidence"]
        return path

    return make


@pytest.mark.parametrize(
    "ids", [[-1, 0, 1], [0.5, 1, 2], [np.nan, 1, 2], [np.inf, 1, 2], [0.0, 1.0, 2.0**60]]
)
def test_numbers_that_are_no_ids_are_not_made_to_look_like_some(cremi: Any, ids: list[float]) -> None:
    with pytest.raises(EmsegError, match="a part of the annotations is missing or damaged"):
        read_cremi_annotations(cremi(ids=np.array(ids)))


def test_ids_of_64_bits_stay_as_they_are(cremi: Any) -> None:
    large = 2**64 - 7
    found = read_cremi_annotations(
        cremi(
            confidence=np.array([1, 2, large, 5], np.uint64), partners=np.array([[0, 2**63 + 5]], np.uint64)
        )
    )
    assert found.neuron_confidence == {1: (large, 5)}
    assert found.ids.tolist() == [0, 1, 2**63 + 5]
    assert found.partners.tolist() == [[0, 2**63 + 5]]


def test_texts_without_end_are_not_read(cremi: Any) -> None:
    """A file of a few kilobytes may declare a thousand billion of them: counted before they are read."""
    path = cremi()
    with h5py.File(path, "a") as file:
        del file["annotations/types"]
        file.create_dataset("annotations/types", (2**40,), h5py.string_dtype(), chunks=(1024,))
    with pytest.raises(EmsegError, match="do not fit together"):
        read_cremi_annotations(path)


def test_negative_ids_are_not_written_as_something_else(tmp_path: Path) -> None:
    one = (1.0, 1.0, 1.0)
    with pytest.raises(EmsegError, match="neuron_ids holds int64 values"):
        write_cremi(tmp_path / "out.hdf", volumes={"neuron_ids": (np.full((2, 4, 4), -3), one, one)})


def test_a_list_of_sites_without_end_is_not_read(cremi: Any) -> None:
    path = cremi()
    with h5py.File(path, "r+") as file:
        del file["annotations/ids"]
        file.create_dataset("annotations/ids", shape=(2**36,), dtype="u8", chunks=(1024,))
    with pytest.raises(EmsegError, match="missing or damaged"):
        read_cremi_annotations(path)


NODE = [1, None, 0, 1, 2, 3, -1, 5]


@pytest.mark.parametrize(
    "skeleton",
    [
        [[NODE, [2.5, 1, 0, 1, 2, 3, -1, 5]], [], {}],
        [[NODE, [2**64, 1, 0, 1, 2, 3, -1, 5]], [], {}],
        [[NODE], [[1, 9, 0, float("nan"), 1, 1]], {}],
        [[NODE], [[1, 9, 0, 1, 1, float("inf")]], {}],
        [[NODE], [[1, 0.5, 0, 1, 1, 1]], {}],
    ],
)
def test_numbers_in_catmaids_json_that_mean_nothing(tmp_path: Path, skeleton: Any) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"skeletons": {"1": skeleton}}))
    with pytest.raises(EmsegError, match="a skeleton is not as CATMAID writes it"):
        annotation_layers(path)


def test_a_tag_of_a_node_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"skeletons": {"1": [[NODE], [], {"odd": [1, 77]}]}}))
    assert read_annotations(path).trees[0].comments == {1: ("odd",)}


def test_a_tree_number_beyond_63_bits(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"skeletons": {str(2**70): [[NODE], [], {}]}}))
    with pytest.raises(EmsegError, match="the number of a tree is beyond 63 bits"):
        annotation_layers(path)


def nml(path: Path, *, unit: str = "nanometer", colour: str = "1", radius: str = "1") -> Path:
    path.write_text(
        f'<things><parameters><scale x="4" y="4" z="50" unit="{unit}"/></parameters>'
        f'<thing id="1" color.r="{colour}" color.g="0" color.b="0.5" color.a="1"><nodes>'
        f'<node id="1" x="1" y="1" z="1" radius="{radius}"/></nodes></thing></things>'
    )
    return path


def test_a_voxel_size_in_an_unknown_unit_is_asked_for(tmp_path: Path) -> None:
    path = nml(tmp_path / "a.nml", unit="parsec")
    with pytest.raises(EmsegError, match="names no voxel size"):
        read_annotations(path)
    assert read_annotations(path, spacing_nm=(50, 4, 4)).spacing_nm == (50, 4, 4)


def test_a_colour_with_one_part_that_is_none(tmp_path: Path) -> None:
    path = nml(tmp_path / "a.nml", colour="0.5")
    path.write_text(path.read_text().replace('color.g="0"', 'color.g="nan"'))
    assert read_annotations(path).trees[0].colour is None


@pytest.mark.parametrize(("said", "shown"), [("inf", (1, 0, 0.5, 1)), ("255", (1, 0, 0.5, 1)), ("nan", None)])
def test_colours_that_are_none(tmp_path: Path, said: str, shown: tuple[float, ...] | None) -> None:
    assert read_annotations(nml(tmp_path / "a.nml", colour=said)).trees[0].colour == shown


@pytest.mark.parametrize("radius", ["inf", "-3"])
def test_a_radius_that_cannot_be_drawn(tmp_path: Path, radius: str) -> None:
    with pytest.raises(EmsegError, match="a radius is negative or infinite"):
        read_annotations(nml(tmp_path / "a.nml", radius=radius))


def test_a_position_beyond_all_numbers_is_refused_without_a_warning(tmp_path: Path) -> None:
    (tmp_path / "a.swc").write_text("1 0 1e307 1 1 1 -1\n")
    with pytest.raises(EmsegError, match="the position of node 1 is no number"):
        read_annotations(tmp_path / "a.swc")


def test_as_many_trees_as_nodes(tmp_path: Path) -> None:
    """Synapses are exported as nodes of their own: this took time with the square of their number."""
    n = 20_000
    (tmp_path / "a.swc").write_text("\n".join(f"{i} 0 {i} 0 0 1 -1" for i in range(1, n + 1)))
    trees = read_annotations(tmp_path / "a.swc::nm").trees
    assert len(trees) == n
    assert [t.points_nm.tolist() for t in trees[:2]] == [[[0, 0, 1]], [[0, 0, 2]]]


def test_nodes_of_several_trees_in_any_order(tmp_path: Path) -> None:
    lines = [
        "5 0 5 0 0 1 9",
        "2 0 2 0 0 1 -1",
        "9 0 9 0 0 1 -1",
        "7 0 7 0 0 1 5",
        "1 0 1 0 0 1 2",
        "4 0 4 0 0 1 -1",
    ]
    (tmp_path / "a.swc").write_text("\n".join(lines))
    trees = {t.id: t for t in read_annotations(tmp_path / "a.swc::nm").trees}
    assert {i: t.node_ids.tolist() for i, t in trees.items()} == {2: [2, 1], 9: [5, 9, 7], 4: [4]}
    assert {i: t.edges.tolist() for i, t in trees.items()} == {2: [[2, 1]], 9: [[9, 5], [5, 7]], 4: []}
    assert trees[9].points_nm[:, 2].tolist() == [5, 9, 7]


def test_tile_numbers_of_a_vast_export_that_speak_of_billions(tmp_path: Path) -> None:
    for name in ("tr1-tc1", "tr1-tc900000", "tr900000-tc1", "tr900000-tc900000"):
        iio.imwrite(tmp_path / f"0001_{name}.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(EmsegError, match="its tile numbers speak of 810000000000 tiles, and 4 are there"):
        open_volume(f"{tmp_path}::vast")


def vast_line(number: int, parent: int = 0) -> str:
    return f'{number} 0  255 0 0 0  0 0 0 0  1 1 1  {parent} 0 0 0  {number}  0 0 0 1 1 1  "s{number}"'


@pytest.mark.parametrize("number", [-1, 2**32, 10**30])
def test_vast_segments_with_numbers_that_are_no_ids(tmp_path: Path, number: int) -> None:
    (tmp_path / "t.txt").write_text(vast_line(number))
    with pytest.raises(EmsegError, match="line 1 is no segment"):
        read_vast_table(tmp_path / "t.txt")


def test_only_segments_in_a_circle_are_their_own_ancestors(tmp_path: Path) -> None:
    lines = [vast_line(1, 2), vast_line(2, 1), vast_line(3, 1), vast_line(4, 5), vast_line(5, 99)]
    (tmp_path / "t.txt").write_text("\n".join(lines))
    assert read_vast_table(tmp_path / "t.txt").problems() == (
        "segment 1 is its own ancestor",
        "segment 2 is its own ancestor",
        "segment 5 has parent 99, which does not exist",
    )


def test_a_very_deep_vast_tree_is_shown(tmp_path: Path) -> None:
    n = 20_000
    (tmp_path / "t.txt").write_text("\n".join(vast_line(i, i - 1) for i in range(1, n + 1)))
    table = read_vast_table(tmp_path / "t.txt")
    assert table.problems() == ()
    classes = label_look(table)["features"]["class"]
    assert classes[2] == "s1 / s2"
    assert classes[-1].endswith(f"s{n - 2} / s{n - 1}")


def test_numbers_of_a_roi_table_that_no_stack_has(tmp_path: Path) -> None:
    (tmp_path / "roi.csv").write_text(f"0,{10**12},0,10,0,10\n")
    with pytest.raises(EmsegError, match="a number of line 1 is too large"):
        read_roi_table(tmp_path / "roi.csv")
    (tmp_path / "roi.csv").write_text(f"0,5,0,{'9' * 5000},0,10\n")  # more digits than Python reads
    with pytest.raises(EmsegError, match="a number of line 1 is too large"):
        read_roi_table(tmp_path / "roi.csv")


@pytest.mark.parametrize("size", [1e-300, 1e-4, 2e9, 1e300])
def test_sizes_that_no_voxel_has_are_unknown(size: float) -> None:
    assert valid_spacing((size, 4, 4)) is None
    assert valid_spacing((0.05, 0.004, 0.004)) == (0.05, 0.004, 0.004)


def test_places_beyond_the_world_are_unknown() -> None:
    assert valid_offset((1e300, 0, 0)) is None
    assert valid_offset((-1e12, 0, 0)) == (-1e12, 0, 0)
