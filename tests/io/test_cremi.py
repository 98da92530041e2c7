"""CREMI annotations: a toy of two synapses that share a presynaptic site, its rows shuffled.

pre 10 at (40, 8, 0) -> post 11 at (40, 8, 100) and post 12 at (80, 8, 0); site 13 has no partner
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.annotations import (
    annotation_layers,
    annotations_from_layer,
    read_annotations,
    write_annotations,
)
from napari_emseg.io.cremi import (
    IGNORE,
    NO_CLEFT,
    POST,
    PRE,
    CremiAnnotations,
    cleft_masks,
    drop_far_pairs,
    read_cremi_annotations,
)
from napari_emseg.io.cremi_layers import cleft_labels, cremi_layers
from napari_emseg.io.cremi_writing import write_cremi, write_cremi_annotations

SPACING = (40.0, 4.0, 4.0)
TOY = CremiAnnotations(
    ids=np.array([12, 10, 13, 11], np.uint64),
    types=(POST, PRE, "ribbon", POST),
    locations_nm=np.array([[80.0, 8, 0], [40, 8, 0], [0, 0, 4], [40, 8, 100]]),
    partners=np.array([[10, 11], [10, 12]], np.uint64),
    comments={12: "sure?", 13: "µ"},
    offset_nm=(400.0, 0.0, -8.0),
    neuron_confidence={0: (5, 7), 1: ()},
)


def assert_same(a: CremiAnnotations, b: CremiAnnotations) -> None:
    order_a, order_b = np.argsort(a.ids), np.argsort(b.ids)
    np.testing.assert_array_equal(a.ids[order_a], b.ids[order_b])
    np.testing.assert_allclose(a.points_nm[order_a], b.points_nm[order_b])
    assert [a.types[i] for i in order_a] == [b.types[i] for i in order_b]
    assert a.partners.tolist() == b.partners.tolist()
    assert dict(a.comments) == dict(b.comments)


def test_everything_comes_back(tmp_path: Path) -> None:
    write_cremi(tmp_path / "s.hdf", annotations=TOY)
    back = read_cremi_annotations(tmp_path / "s.hdf")
    assert_same(TOY, back)
    assert back.offset_nm == TOY.offset_nm
    np.testing.assert_array_equal(back.locations_nm, TOY.locations_nm)
    assert back.neuron_confidence == {0: (5, 7), 1: ()}
    assert back.file_format == "0.2"
    with h5py.File(tmp_path / "s.hdf") as file:
        assert file.attrs["file_format"] == "0.2"
        assert file["annotations/ids"].dtype == np.uint64
        assert file["annotations"].attrs["offset"].tolist() == [400, 0, -8]
        assert file["volumes/labels/neuron_ids_confidence"][()].tolist() == [0, 2, 5, 7, 1, 0]


def test_volumes_and_their_special_ids(tmp_path: Path) -> None:
    clefts = np.full((5, 4, 3), NO_CLEFT, np.uint64)
    clefts[0, 0, 0], clefts[1], clefts[2, 1] = 0, IGNORE, 7
    raw = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)
    volumes = {"raw": (raw, SPACING, (0, 0, 0)), "clefts": (clefts, SPACING, (80, 0, 0))}
    write_cremi(tmp_path / "s.hdf", volumes=volumes)
    with h5py.File(tmp_path / "s.hdf") as file:
        back = file["volumes/labels/clefts"][()]
        assert file["volumes/labels/clefts"].attrs["offset"].tolist() == [80, 0, 0]
        assert "offset" not in file["volumes/raw"].attrs
        assert file["volumes/raw"].attrs["resolution"].tolist() == list(SPACING)
    cleft, ignore = cleft_masks(back)
    assert cleft.sum() == 1 + 3
    assert ignore.sum() == 12
    assert not (cleft & ignore).any()
    labels, ignored = cleft_labels(back)
    assert labels[0, 0, 0] == 8
    assert set(labels.ravel().tolist()) == {0, 7, 8}
    np.testing.assert_array_equal(ignored, ignore)
    with pytest.raises(EmsegError, match="no volume mitochondria"):
        write_cremi(tmp_path / "t.hdf", volumes={"mitochondria": (raw, SPACING, (0, 0, 0))})
    for value in (-1, 256):  # what eight bits cannot hold would come back as another grey
        wrong = raw.astype(np.int16)
        wrong[4, 1, 1] = value
        with pytest.raises(EmsegError, match="raw holds int16 values"):
            write_cremi(tmp_path / "t.hdf", volumes={"raw": (wrong, SPACING, (0, 0, 0))})


def test_masks_that_mark_background_with_zero() -> None:
    cleft, ignore = cleft_masks(np.array([0, 3, IGNORE], np.uint64))
    assert cleft.tolist() == [False, True, False]
    assert ignore.tolist() == [False, False, True]
    assert cleft_masks(np.array([0, 3], np.uint32))[0].tolist() == [False, True]


@pytest.mark.parametrize("dtype", [np.int64, np.int32])
def test_special_ids_written_with_a_sign_are_the_same_ids(dtype: type) -> None:
    cleft, ignore = cleft_masks(np.array([-1, 3, -2, -1], dtype))
    assert cleft.tolist() == [False, True, False, False]
    assert ignore.tolist() == [False, False, True, False]


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(4)), st.permutations(range(2)))
def test_the_order_of_rows_means_nothing(sites: list[int], pairs: list[int]) -> None:
    shuffled = replace(
        TOY, ids=TOY.ids[sites], types=tuple(TOY.types[i] for i in sites), locations_nm=TOY.locations_nm[sites],
        partners=TOY.partners[pairs],
    )  # fmt: skip
    distance = dict(zip(map(tuple, shuffled.partners.tolist()), shuffled.distances_nm(), strict=True))
    assert distance == {(10, 11): 100.0, (10, 12): 40.0}


def test_sites_lie_in_the_world_and_pre_comes_before_post() -> None:
    """Site 10 speaks to 11 and 12; what is said in the file counts from the offset."""
    pre, post = TOY.pairs_nm()
    assert pre.tolist() == [[440, 8, -8], [440, 8, -8]]
    assert post.tolist() == [[440, 8, 92], [480, 8, -8]]


def test_a_part_of_a_volume_with_a_marker_may_have_none() -> None:
    """Then 0 is a cleft as any other."""
    ids = np.array([0, 3], np.uint64)
    assert cleft_masks(ids, has_marker=True)[0].tolist() == [True, True]
    assert cleft_masks(ids, has_marker=False)[0].tolist() == [False, True]


def test_neurons_of_one_confidence_may_be_listed_in_parts(tmp_path: Path) -> None:
    path = broken(
        tmp_path / "s.hdf", volumes__labels__neuron_ids_confidence=np.array([0, 1, 5, 1, 0, 0, 2, 6, 7])
    )
    assert read_cremi_annotations(path).neuron_confidence == {0: (5, 6, 7), 1: ()}


def test_new_annotations_take_the_place_of_all_of_the_old(tmp_path: Path) -> None:
    write_cremi(tmp_path / "s.hdf", annotations=TOY)
    fewer = replace(
        TOY, partners=TOY.partners[:1], comments={}, neuron_confidence={}, offset_nm=(0.0, 0.0, 0.0)
    )
    write_cremi_annotations(tmp_path / "s.hdf", fewer)
    back = read_cremi_annotations(tmp_path / "s.hdf")
    assert_same(back, fewer)
    assert back.neuron_confidence == {}


@pytest.mark.parametrize("large", [2.0**53 + 2, 1.5, -1.0])
def test_ids_that_are_not_exact_are_refused(tmp_path: Path, large: float) -> None:
    path = broken(tmp_path / "s.hdf", annotations__ids=np.array([large, 10, 13, 11]))
    with pytest.raises(EmsegError, match="missing or damaged"):
        read_cremi_annotations(path)


def test_far_pairs_are_dropped_and_named() -> None:
    assert drop_far_pairs(TOY, 40.0)[0].partners.tolist() == [[10, 12]]  # as far as that is near enough
    kept, dropped = drop_far_pairs(TOY, 50.0)
    assert kept.partners.tolist() == [[10, 12]]
    assert dropped.tolist() == [[10, 11]]
    assert len(kept.ids) == 4


def broken(path: Path, **parts: object) -> Path:
    write_cremi(path, annotations=TOY)
    with h5py.File(path, "a") as file:
        for name, value in parts.items():
            place = name.replace("__", "/")
            if place in file:
                del file[place]
            if value is not None:
                file[place] = value
    return path


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"annotations__presynaptic_site__partners": np.array([[10, 99]], np.uint64)}, "site 99 is a partner but does not exist"),
        ({"annotations__ids": np.array([1, 1, 2, 3], np.uint64)}, "id is there twice"),
        ({"annotations__ids": np.array([1, 2], np.uint64)}, "do not fit together"),
        ({"annotations__locations": None}, "missing or damaged"),
        ({"annotations__locations": np.full((4, 3), np.nan)}, "is no number"),
        ({"annotations__locations": np.zeros((4, 2))}, "do not fit together"),
        ({"annotations__presynaptic_site__partners": np.zeros((2, 3), np.uint64)}, "no pairs"),
        ({"annotations__ids": np.bytes_(b"x")}, "missing or damaged"),
        ({"volumes__labels__neuron_ids_confidence": np.array([0, 9, 1], np.uint64)}, "cut short"),
    ],
)  # fmt: skip
def test_broken_annotations(tmp_path: Path, parts: dict[str, object], says: str) -> None:
    with pytest.raises(EmsegError, match=says):
        read_cremi_annotations(broken(tmp_path / "s.hdf", **parts))


def test_texts_at_which_the_library_would_stay_for_ever(tmp_path: Path) -> None:
    write_cremi(tmp_path / "s.hdf", annotations=TOY)
    content = bytearray((tmp_path / "s.hdf").read_bytes())
    first = content.index(b"GCOL") + 16
    content[first : first + 16] = bytes(16)  # an object without number and length
    (tmp_path / "s.hdf").write_bytes(content)
    with pytest.raises(EmsegError, match="its texts are broken"):
        read_cremi_annotations(tmp_path / "s.hdf")


def test_no_file_no_hdf_and_no_annotations(tmp_path: Path) -> None:
    (tmp_path / "x.hdf").write_bytes(b"nothing")
    with pytest.raises(EmsegError, match="no HDF5"):
        read_cremi_annotations(tmp_path / "x.hdf")
    with pytest.raises(EmsegError, match="no such file"):
        read_cremi_annotations(tmp_path / "y.hdf")
    h5py.File(tmp_path / "z.hdf", "w").close()
    assert read_cremi_annotations(tmp_path / "z.hdf").ids.size == 0


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_annotations_come_back(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=6, unique=True))
    text = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=8)
    made = CremiAnnotations(
        np.array(ids, np.uint64), tuple(data.draw(text) for _ in ids),
        np.array([[data.draw(st.floats(-1e6, 1e6)) for _ in range(3)] for _ in ids]),
        np.array(data.draw(st.lists(st.tuples(*[st.sampled_from(ids)] * 2), max_size=4)), np.uint64).reshape(-1, 2),
        data.draw(st.dictionaries(st.sampled_from(ids), text, max_size=3)),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("c") / "c.hdf"
    write_cremi(path, annotations=made)
    back = read_cremi_annotations(path)
    assert_same(made, back)
    np.testing.assert_array_equal(made.locations_nm, back.locations_nm)


def test_layers_and_back(tmp_path: Path) -> None:
    lines, sites = cremi_layers(TOY, "toy", SPACING)
    assert sites[1]["translate"] == TOY.offset_nm
    np.testing.assert_allclose(sites[0][0], [2, 2, 0])
    np.testing.assert_allclose(lines[0][0], [[1, 2, 0], [1, 2, 25]])
    assert_same(TOY, annotations_from_layer(sites[0], sites[1], "points", "x.hdf"))  # type: ignore[arg-type]
    drawn = annotations_from_layer(lines[0], lines[1], "shapes", "x.hdf")
    assert isinstance(drawn, CremiAnnotations)
    assert sorted(drawn.distances_nm()) == [40, 100]
    assert drawn.types == (PRE, POST, POST)


def test_a_file_through_the_tables(tmp_path: Path) -> None:
    write_annotations(tmp_path / "a.hdf", TOY)
    with h5py.File(tmp_path / "a.hdf") as file:
        assert file.attrs["file_format"] == "0.2"
    assert read_annotations(f"{tmp_path}/a.hdf::annotations").partners.tolist() == TOY.partners.tolist()  # type: ignore[union-attr]
    assert [kind for *_, kind in annotation_layers(f"{tmp_path}/a.hdf::annotations")] == ["shapes", "points"]
    write_annotations(tmp_path / "a.nml", TOY, spacing_nm=SPACING)
    write_annotations(tmp_path / "b.hdf", read_annotations(tmp_path / "a.nml"))
    back = read_cremi_annotations(tmp_path / "b.hdf")
    assert sorted(back.distances_nm()) == [40, 100]
    assert len(back.ids) == 4  # the shared presynaptic site is one again
    assert "sure?" in back.comments.values()
    with pytest.raises(EmsegError, match="names no format for this"):
        write_annotations(tmp_path / "a.tif", TOY)
