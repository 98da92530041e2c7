"""Segmenting what is on screen, on a section of 40 x 60 pixels with three cells.

The membranes are columns 19-20 and 39-40; every cell is 40 x 19 pixels.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.io import open_array, write_array
from napari_emseg.jobs import segment
from napari_emseg.jobs.segment_file import segment_file
from napari_emseg.session import Session
from napari_emseg.settings import SeedSettings, SegmentSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = (2, 40, 60)


@pytest.fixture
def boundary() -> NDArray[np.float32]:
    boundary = np.zeros(SHAPE, np.float32)
    boundary[:, :, [19, 20, 39, 40]] = 1
    return boundary


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    image = ImageStack(np.zeros(SHAPE, np.uint8), (50.0, 4.0, 4.0), "you", "toy", str(tmp_path / "toy.tif"))
    session = Session.create(tmp_path / "toy.emseg", image)
    yield session
    session.close()


def _segment(session: Session, region: Region, boundary: NDArray[np.float32]) -> Edit:
    request = segment.prepare(session, region, boundary[region.slices])
    edit = segment.finish(session, request, segment.run(request, Silent()))
    session.commit(edit)
    return edit


def _write(session: Session, region: Region, ids: NDArray[np.uint32]) -> None:
    session.commit(Edit("paint", "human", (Patch(region, session.volume.read(region), ids),)))


def test_three_cells_get_three_ids(session: Session, boundary: NDArray[np.float32]) -> None:
    edit = _segment(session, Region((0, 0, 0), (1, 40, 60)), boundary)
    labels = session.volume[0]
    assert [np.unique(labels[:, k : k + 18]).size for k in (0, 21, 41)] == [1, 1, 1]
    assert len({int(labels[0, 0]), int(labels[0, 30]), int(labels[0, 59])}) == 3
    assert labels.min() > 0
    assert session.sections[0].status is Status.PREDICTED
    assert edit.source == "model"
    session.undo()
    assert session.volume[0].max() == 0
    assert session.sections[0].status is Status.UNSEEN


def test_segmenting_again_keeps_the_ids(session: Session, boundary: NDArray[np.float32]) -> None:
    _segment(session, Region((0, 0, 0), (1, 40, 60)), boundary)
    first = session.volume[0].copy()
    assert _segment(session, Region((0, 0, 0), (1, 40, 60)), boundary).is_empty
    _segment(session, Region((0, 5, 5), (1, 30, 50)), boundary)
    np.testing.assert_array_equal(session.volume[0], first)


def test_objects_go_on_across_the_edge_of_the_region(session: Session, boundary: NDArray[np.float32]) -> None:
    _segment(session, Region((0, 0, 0), (1, 20, 60)), boundary)
    _segment(session, Region((0, 20, 0), (1, 40, 60)), boundary)
    labels = session.volume[0]
    np.testing.assert_array_equal(labels[10], labels[30])
    assert np.unique(labels).size == 3
    _segment(
        session, Region((1, 20, 30), (2, 40, 60)), boundary
    )  # and to the other sides, in another section
    _segment(session, Region((1, 0, 30), (2, 20, 60)), boundary)
    _segment(session, Region((1, 0, 0), (2, 40, 30)), boundary)
    labels = session.volume[1]
    np.testing.assert_array_equal(labels[10], labels[30])
    assert np.unique(labels).size == 3


def test_locked_objects_stay_and_do_not_grow(session: Session, boundary: NDArray[np.float32]) -> None:
    region = Region((0, 0, 0), (1, 40, 10))
    _write(session, region, np.full(region.shape, 77, np.uint32))
    session.lock(77)
    _segment(session, Region((0, 0, 0), (1, 40, 60)), boundary)
    np.testing.assert_array_equal(session.volume[0] == 77, np.arange(60)[None].repeat(40, 0) < 10)


def test_a_locked_object_does_not_grow_into_the_region(
    session: Session, boundary: NDArray[np.float32]
) -> None:
    """It ends at the edge of the region, where others go on; a strip of the right cell is known as 5."""
    region = Region((0, 20, 0), (1, 40, 30))
    _write(session, region, np.full(region.shape, 77, np.uint32))
    strip = Region((0, 0, 50), (1, 20, 60))
    _write(session, strip, np.full(strip.shape, 5, np.uint32))
    session.lock(77)
    _segment(session, Region((0, 0, 0), (1, 20, 60)), boundary)
    assert (session.volume[0] == 77).sum() == 20 * 30
    assert session.volume[0, 10, [5, 30, 45]].min() > 0
    assert session.volume[0, 10, 45] == 5


@pytest.mark.parametrize("dims", [2, 3])
def test_what_goes_on_from_a_proofread_section_keeps_its_id(
    session: Session, boundary: NDArray[np.float32], dims: int
) -> None:
    everything = Region.full(SHAPE)
    ids = np.zeros(SHAPE, np.uint32)
    ids[:, :, :20], ids[:, :, 20:40], ids[:, :, 40:] = 5, 7, 6
    ids[1, 3:, :20] = 0  # little of it is there
    _write(session, everything, ids)
    session.mark(0, Status.PROOFREAD)
    seeds = session.get_settings("seeds").model_copy(update={"dims": dims})
    request = segment.prepare(session, everything, boundary, seeds=seeds)
    session.commit(segment.finish(session, request, segment.run(request, Silent())))
    np.testing.assert_array_equal(session.volume[0], ids[0])
    assert [session.volume[1, 20, k] for k in (5, 30, 55)] == [5, 7, 6]


def test_a_proofread_section_stays(session: Session, boundary: NDArray[np.float32]) -> None:
    session.mark(0, Status.PROOFREAD)
    _segment(session, Region((0, 0, 0), (2, 40, 60)), boundary)
    assert session.volume[0].max() == 0
    assert session.volume[1].max() > 0
    assert session.sections[0].status is Status.PROOFREAD


def test_what_was_painted_meanwhile_stays(session: Session, boundary: NDArray[np.float32]) -> None:
    whole, dot = Region((0, 0, 0), (1, 40, 60)), Region((0, 4, 4), (1, 6, 6))
    request = segment.prepare(session, whole, boundary[whole.slices])
    result = segment.run(request, Silent())
    _write(session, dot, np.full(dot.shape, 99, np.uint32))
    session.commit(segment.finish(session, request, result))
    assert (session.volume[0] == 99).sum() == 4


def test_what_was_painted_before_it_was_asked_for_stays_too(
    session: Session, boundary: NDArray[np.float32]
) -> None:
    """A stroke while the membranes are looked for is protected; what it belongs to keeps its id."""
    whole, dot = Region((0, 0, 0), (1, 40, 60)), Region((0, 4, 4), (1, 6, 6))
    _write(session, whole, np.full(whole.shape, 5, np.uint32))
    _write(session, dot, np.full(dot.shape, 99, np.uint32))
    request = segment.prepare(session, whole, boundary[whole.slices])
    stroke = np.zeros(whole.shape, bool)
    stroke[:, 4:8, 4:6] = True  # two rows of it as 5
    request = replace(request, protected=stroke)
    session.commit(segment.finish(session, request, segment.run(request, Silent())))
    assert (session.volume[0] == 99).sum() == 4
    assert session.volume[0, 6, 4] == 5
    assert (session.volume[0] == 5).sum() > 300


def test_two_objects_through_sections_do_not_share_an_id(
    session: Session, boundary: NDArray[np.float32]
) -> None:
    """An id that had gone astray lies left in section 0 and in the middle of section 1; the left one had more of it."""
    everything = Region.full(SHAPE)
    ids = np.zeros(SHAPE, np.uint32)
    ids[0, :, :19], ids[1, :30, 21:39], ids[0, :, 41:] = 5, 5, 6
    _write(session, everything, ids)
    seeds = session.get_settings("seeds").model_copy(update={"dims": 3})
    request = segment.prepare(session, everything, boundary, seeds=seeds)
    session.commit(segment.finish(session, request, segment.run(request, Silent())))
    left, middle, right = (np.unique(session.volume[:, 5:35, k : k + 10]).tolist() for k in (3, 25, 45))
    assert (left, right) == ([5], [6])
    assert len(middle) == 1
    assert middle[0] > 6


def test_a_probability_of_another_size_is_refused(session: Session, boundary: NDArray[np.float32]) -> None:
    with pytest.raises(EmsegError, match="does not fill"):
        segment.prepare(session, Region((0, 0, 0), (1, 10, 10)), boundary)


@pytest.mark.parametrize("dims", [2, 3])
def test_from_file_to_file(tmp_path: Path, boundary: NDArray[np.float32], dims: int) -> None:
    write_array(tmp_path / "p.h5", boundary, spacing_nm=(50.0, 4.0, 4.0))
    seeds = segment.SeedSettings(dims=dims)  # type: ignore[arg-type]
    said = segment_file(tmp_path / "p.h5", tmp_path / "s.h5", seeds=seeds)
    labels, spacing = open_array(tmp_path / "s.h5")
    assert said["segments"] == {2: 6, 3: 3}[dims]
    assert spacing == (50.0, 4.0, 4.0)
    assert labels.shape == SHAPE
    assert not said["notes"]


def test_values_that_are_no_probabilities_are_refused(tmp_path: Path) -> None:
    write_array(tmp_path / "p.h5", np.full((1, 4, 4), 3, np.float32), spacing_nm=(50.0, 4.0, 4.0))
    with pytest.raises(EmsegError, match="no probabilities"):
        segment_file(tmp_path / "p.h5", tmp_path / "s.h5")
    write_array(tmp_path / "n.h5", np.full((1, 4, 4), np.nan, np.float32), spacing_nm=(50.0, 4.0, 4.0))
    with pytest.raises(EmsegError, match="not numbers"):
        segment_file(tmp_path / "n.h5", tmp_path / "s.h5")


def test_a_file_in_blocks_is_the_file_at_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    boundary = np.zeros((6, 40, 44), np.float32)
    boundary[:, :, 20:23] = boundary[:, 18:21] = 0.95
    boundary = np.clip(boundary + rng.normal(0, 0.02, boundary.shape), 0, 1).astype(np.float32)
    write_array(tmp_path / "p.h5", boundary, spacing_nm=(20, 10, 10))
    found = []
    for n, block in enumerate([None, (3, 15, 20)]):
        said = segment_file(tmp_path / "p.h5", tmp_path / f"{n}.h5", seeds=SeedSettings(dims=3), block=block)
        assert (said["segments"], said["notes"]) == (4, [])
        found.append(np.asarray(open_array(tmp_path / f"{n}.h5")[0][:]))
    np.testing.assert_array_equal(*found)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0.h5", "1.h5", "p.h5"]


def test_empty_membranes_in_three_dimensions(tmp_path: Path) -> None:
    boundary = np.zeros((3, 20, 43), np.float32)
    boundary[:, :, 20:23] = 0.95
    write_array(tmp_path / "p.h5", boundary, spacing_nm=(20, 10, 10))
    segment_file(
        tmp_path / "p.h5", tmp_path / "o.h5", seeds=SeedSettings(dims=3),
        settings=SegmentSettings(membrane_lines=True), block=(2, 20, 15),
    )  # fmt: skip
    labels = np.asarray(open_array(tmp_path / "o.h5")[0][:])
    np.testing.assert_array_equal(labels == 0, boundary > 0.4)


def test_areas_that_no_seed_fits_into_are_counted(tmp_path: Path) -> None:
    # A cell of 60 pixels and a corridor of one: the corridor is no place for a seed of depth 15 nm.
    boundary = np.zeros((2, 60, 70), np.float32)
    boundary[:, :, 60:64] = boundary[:, :, 65:] = 0.95
    write_array(tmp_path / "p.h5", boundary, spacing_nm=(50, 10, 10))
    deep, small = SeedSettings(min_distance_nm=15), SegmentSettings(min_size_nm2=100)
    said = segment_file(tmp_path / "p.h5", tmp_path / "o.h5", seeds=deep, settings=small)
    assert said["segments"] == 2
    words = "2 areas too thin for a seed went to a neighbour: a smaller --min-distance keeps them apart"
    assert said["notes"][0] == words


@pytest.mark.parametrize("dims", [2, 3])
def test_stopping_leaves_nothing(tmp_path: Path, dims: int) -> None:
    class Stopping:
        def report(self, fraction: float, message: str = "", **values: float) -> None:
            if fraction > 0.3:
                raise KeyboardInterrupt

    write_array(tmp_path / "p.h5", np.zeros((4, 20, 20), np.float32))
    with pytest.raises(KeyboardInterrupt):
        segment_file(tmp_path / "p.h5", tmp_path / "o.h5", seeds=SeedSettings(dims=dims), progress=Stopping())
    assert [p.name for p in tmp_path.iterdir()] == ["p.h5"]


def test_a_mask_of_zeros_and_ones_is_membrane_or_none(tmp_path: Path, boundary: NDArray[np.float32]) -> None:
    """Ones of 255 would be no membrane at all: one cell in every section."""
    for n, values in enumerate((boundary, boundary.astype(np.uint8), boundary > 0)):
        write_array(tmp_path / f"p{n}.h5", values.astype(values.dtype), spacing_nm=(50.0, 4.0, 4.0))
        for dims in (2, 3):
            seeds = SeedSettings(dims=dims)
            said = segment_file(tmp_path / f"p{n}.h5", tmp_path / f"s{n}.h5", seeds=seeds)
            assert said["segments"] == {2: 6, 3: 3}[dims], (n, dims)


def test_what_means_nothing_in_three_dimensions_is_said(
    tmp_path: Path, boundary: NDArray[np.float32]
) -> None:
    write_array(tmp_path / "p.h5", boundary, spacing_nm=(50.0, 4.0, 4.0))
    settings = SegmentSettings(compactness=2)
    for dims, notes in ((2, []), (3, ["--min-distance, --compactness: of single sections, not used in 3D"])):
        seeds = SeedSettings(dims=dims, min_distance_nm=5)
        said = segment_file(tmp_path / "p.h5", tmp_path / "s.h5", seeds=seeds, settings=settings)
        assert said["notes"] == notes


def test_one_channel_of_one_is_not_read_before_it_is_asked_for() -> None:
    from napari_emseg.io.lazy import LazyChannels, LazyStack
    from napari_emseg.jobs.stack_file import one_channel

    class Huge(LazyStack):
        def read(self, region: Region) -> NDArray[np.uint8]:
            raise AssertionError("nobody asked for voxels")

    whole = LazyChannels([Huge((100000, 100000, 100000), np.uint8)])
    assert one_channel(whole, "huge.h5").shape == (100000, 100000, 100000)
