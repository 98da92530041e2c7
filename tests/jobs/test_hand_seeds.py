"""Seeds placed by hand, on sections of 40 x 60 pixels of 4 nm.

Walls are columns 18-19, 23-24 and 40-41. The strip between the first two is 3 pixels wide: too thin for a seed that is
found by distance::

    0       18 20 23      40        59
    |  left  || s || middle ||  right  |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.algorithms.placed_seeds import PlacedSeeds
from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.jobs import hand_seeds, segment
from napari_emseg.jobs.segment import SegmentResult
from napari_emseg.session import Session
from napari_emseg.settings import SeedSettings, SegmentSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = (2, 40, 60)
FIRST = Region((0, 0, 0), (1, 40, 60))
LEFT, STRIP, MIDDLE, RIGHT = (0, 20, 9), (0, 20, 21), (0, 20, 31), (0, 20, 50)


# Too deep for the cell of three pixels; a cell with a waist gets two seeds.
DEEP = SeedSettings(threshold=0.4, min_distance_nm=15, merge_tolerance_nm=60)


@pytest.fixture
def boundary() -> NDArray[np.float32]:
    boundary = np.zeros(SHAPE, np.float32)
    boundary[:, :, [18, 19, 23, 24, 40, 41]] = 1
    return boundary


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    image = ImageStack(np.zeros(SHAPE, np.uint8), (50.0, 4.0, 4.0), "you", "toy", str(tmp_path / "toy.tif"))
    session = Session.create(tmp_path / "toy.emseg", image)
    session.set_settings(DEEP)
    yield session
    session.close()


def run(
    session: Session,
    boundary: NDArray[np.float32],
    placed: PlacedSeeds | None = None,
    *,
    region: Region = FIRST,
    smallest_nm2: float = 2000.0,
) -> SegmentResult:
    request = segment.prepare(
        session, region, boundary[region.slices], placed=placed,
        settings=SegmentSettings(min_size_nm2=smallest_nm2),
    )  # fmt: skip
    result = segment.run(request, Silent())
    session.commit(segment.finish(session, request, result))
    return result


def paint(session: Session, ids: NDArray[np.uint32]) -> None:
    region = Region((0, 0, 0), (1, *ids.shape))
    session.commit(Edit("paint", "human", (Patch(region, session.volume.read(region), ids[None]),)))


def at(session: Session, voxel: tuple[int, int, int]) -> int:
    return int(session.volume[voxel])


def test_a_seed_in_what_was_too_thin_makes_a_new_object_and_its_neighbour_keeps_its_id(
    session: Session, boundary: NDArray[np.float32]
) -> None:
    assert run(session, boundary, smallest_nm2=1000).losses == (
        "1 area too thin for a seed went to a neighbour: a smaller seed depth keeps it apart",
    )
    before = [at(session, v) for v in (LEFT, MIDDLE, RIGHT)]
    assert at(session, STRIP) in before
    found = run(session, boundary, PlacedSeeds((STRIP,)))
    assert [at(session, v) for v in (LEFT, MIDDLE, RIGHT)] == before
    assert at(session, STRIP) not in before
    # 40 x 3 pixels are 1920 nm2: below the smallest segment, but a person wants it
    assert (session.volume[0] == at(session, STRIP)).sum() >= 120
    assert (found.n_segments, found.n_placed, found.losses) == (4, 1, ())
    session.undo()
    assert at(session, STRIP) in before


def test_every_dot_becomes_one_segment(session: Session, boundary: NDArray[np.float32]) -> None:
    # the seed that is found lies in the middle of the cell: one more above it divides the cell between the two
    found = run(session, boundary, PlacedSeeds(((0, 3, 50),)))
    labels = session.volume[0]
    assert found.n_segments == 4
    assert labels[2, 50] != labels[25, 50]
    assert set(np.unique(labels[:, 43:])) == {int(labels[2, 50]), int(labels[25, 50])}


def test_a_placed_seed_beside_a_weak_membrane_stays_apart(
    session: Session, boundary: NDArray[np.float32]
) -> None:
    boundary[:, :, 40:42] = 0.6
    assert run(session, boundary).n_segments == 2  # two small cells are one behind it
    session.undo()
    run(session, boundary, PlacedSeeds((RIGHT,)))
    assert at(session, RIGHT) not in (at(session, MIDDLE), at(session, LEFT), 0)


def test_a_seed_exactly_on_a_found_one_takes_its_place(
    session: Session, boundary: NDArray[np.float32]
) -> None:
    from napari_emseg.jobs.seed_points import SeedPointsRequest
    from napari_emseg.jobs.seed_points import run as dots

    walls = (255 * boundary[0]).astype(np.uint8)
    request = SeedPointsRequest(walls, DEEP, (50.0, 4.0, 4.0), (0, 0, 0))
    shown = np.rint(dots(request, Silent())).astype(int)
    z, y, x = shown[shown[:, 2] > 40][0].tolist()
    assert run(session, boundary, PlacedSeeds(((z, y, x),))).n_segments == 3


def test_a_struck_seed_leaves_its_cell_to_a_neighbour(
    session: Session, boundary: NDArray[np.float32]
) -> None:
    found = run(session, boundary, PlacedSeeds(struck=(RIGHT,)), smallest_nm2=1000)
    assert found.n_segments == 2
    assert at(session, RIGHT) == at(session, MIDDLE)
    assert "too thin" in found.losses[0]
    assert found.losses[0].startswith("1 area")  # the strip, and not what was struck out


def test_seeds_of_a_box_are_counted_from_its_corner() -> None:
    box = Region((1, 4, 8), (2, 10, 12))
    placed = PlacedSeeds(((1, 5, 9), (1, 5, 12), (2, 5, 9), (1, 5, 9)), struck=((1, 3, 8), (1, 7, 8)))
    found = hand_seeds.in_region(placed, box)
    assert (found.points, found.struck) == (((0, 1, 1),), ((0, 3, 0),))


def test_a_seed_beside_the_painted_part_of_an_object_grows_that_object(
    session: Session, boundary: NDArray[np.float32]
) -> None:
    ids = np.zeros((40, 60), np.uint32)
    ids[:, :18], ids[:, 25:40], ids[5:30, 43:58] = 50, 60, 70
    paint(session, ids)
    run(session, boundary, PlacedSeeds(((0, 35, 50),), struck=(RIGHT,)))
    assert at(session, (0, 35, 50)) == at(session, RIGHT) == 70


def test_alone_only_what_was_pointed_at_changes(session: Session, boundary: NDArray[np.float32]) -> None:
    ids = np.zeros((40, 60), np.uint32)
    ids[5:10, 5:10] = 70
    ids[:, 45:48] = 80
    paint(session, ids)
    found = run(session, boundary, PlacedSeeds((MIDDLE,), alone=True))
    labels = session.volume[0]
    assert (found.n_segments, found.n_placed) == (1, 1)
    assert (labels[:, 26:39] == at(session, MIDDLE)).all()
    np.testing.assert_array_equal(labels[:, :18], ids[:, :18])
    np.testing.assert_array_equal(labels[:, 42:], ids[:, 42:])
    assert session.sections[0].status is Status.UNSEEN  # the rest of the section waits to be segmented
    session.undo()
    np.testing.assert_array_equal(session.volume[0], ids)


def test_alone_one_click_takes_a_cell_with_several_found_seeds(
    session: Session, boundary: NDArray[np.float32]
) -> None:
    boundary[:, 18:22, 43:57] = 0.45  # something dark inside the cell: the distance finds two maxima
    assert run(session, boundary).n_segments == 4
    session.undo()
    found = run(session, boundary, PlacedSeeds(((0, 5, 50),), alone=True))
    assert found.n_segments == 1
    assert (session.volume[0][:, 43:] == at(session, RIGHT)).all()
    assert not session.volume[0][:, :39].any()


def test_a_seed_keeps_the_id_that_it_was_placed_on(session: Session, boundary: NDArray[np.float32]) -> None:
    ids = np.zeros((40, 60), np.uint32)
    ids[:, 41:] = 8  # wrong: all of the cell but a blob
    ids[18:23, 48:53] = 7
    paint(session, ids)
    run(session, boundary)
    assert at(session, RIGHT) == 8
    session.undo()
    run(session, boundary, PlacedSeeds((RIGHT,)))
    cell = session.volume[0][:, 43:]
    assert (cell == 7).any()
    assert at(session, RIGHT) == 7
    for alone in (True, False):
        session.undo()
        run(session, boundary, PlacedSeeds((RIGHT,), alone=alone))
        assert at(session, RIGHT) == 7


def test_a_seed_on_nothing_does_not_keep_the_next_from_its_id(
    session: Session, boundary: NDArray[np.float32]
) -> None:
    ids = np.zeros((40, 60), np.uint32)
    ids[:, 41:] = 8
    ids[18:23, 48:53] = 7
    paint(session, ids)
    run(session, boundary, PlacedSeeds((LEFT, RIGHT)))
    assert at(session, RIGHT) == 7


def test_of_two_seeds_on_one_object_the_larger_keeps_its_id(
    session: Session, boundary: NDArray[np.float32]
) -> None:
    ids = np.zeros((40, 60), np.uint32)
    ids[:, 24:] = 9
    paint(session, ids)
    run(session, boundary, PlacedSeeds((MIDDLE, RIGHT), alone=True))
    assert at(session, RIGHT) == 9
    assert at(session, MIDDLE) not in (0, 9)
    session.undo()
    # alone on the smaller part of it: the larger one stays as it is, with the id
    run(session, boundary, PlacedSeeds((MIDDLE,), alone=True))
    assert at(session, RIGHT) == 9
    assert at(session, MIDDLE) not in (0, 9)


@pytest.mark.parametrize("how", ["locked", "proofread", "excluded"])
def test_protected_seeds_do_not_grow_and_are_counted(
    session: Session, boundary: NDArray[np.float32], how: str
) -> None:
    ids = np.zeros((40, 60), np.uint32)
    ids[:, 41:] = 5
    paint(session, ids)
    if how == "locked":
        session.lock(5)
    else:
        session.mark(0, Status.PROOFREAD if how == "proofread" else Status.EXCLUDED, reason="fold")
    both = Region((0, 0, 0), (2, 40, 60))
    found = run(session, boundary, PlacedSeeds((RIGHT, (1, 20, 50))), region=both)
    assert "1 of your seeds lies in what is proofread, left out or locked and did not grow" in found.losses
    assert found.n_placed == 1
    np.testing.assert_array_equal(session.volume[0] == 5, ids == 5)
    if how != "locked":
        np.testing.assert_array_equal(session.volume[0], ids)
    assert session.volume[1].all()
    with pytest.raises(EmsegError, match="none of your seeds") as refused:
        segment.prepare(session, FIRST, boundary[:1], placed=PlacedSeeds((RIGHT,), alone=True))
    assert refused.value.action == "place_seeds"


def test_alone_without_a_seed_is_refused(session: Session, boundary: NDArray[np.float32]) -> None:
    with pytest.raises(EmsegError, match="no seed of yours"):
        segment.prepare(session, FIRST, boundary[:1], placed=PlacedSeeds(((1, 20, 50),), alone=True))


def test_through_sections_objects_are_divided_between_seeds(
    session: Session, boundary: NDArray[np.float32]
) -> None:
    whole = Region.full(SHAPE)
    settings = SeedSettings(dims=3)
    for alone, n in ((False, None), (True, 2)):
        placed = PlacedSeeds(((0, 2, 50), (1, 38, 50)), alone=alone)
        request = segment.prepare(session, whole, boundary, seeds=settings, placed=placed)
        found = segment.run(request, Silent())
        assert found.labels[0, 2, 50] != found.labels[0, 38, 50]
        assert found.labels[0, 2, 50] == found.labels[1, 2, 50]
        assert n in (None, found.n_segments) or len(np.unique(found.labels)) == n + 1


def test_empty_membranes_stay_empty_alone(session: Session, boundary: NDArray[np.float32]) -> None:
    request = segment.prepare(
        session, FIRST, boundary[:1], settings=SegmentSettings(membrane_lines=True),
        placed=PlacedSeeds((MIDDLE,), alone=True),
    )  # fmt: skip
    labels = segment.run(request, Silent()).labels[0]
    assert labels[:, 25:40].all()
    assert not labels[:, [23, 24, 40, 41]].any()


def test_the_history_says_how_many_seeds(session: Session, boundary: NDArray[np.float32]) -> None:
    for placed, name in (
        (PlacedSeeds((MIDDLE,)), "segment section 0 with 1 placed seed"),
        (PlacedSeeds((MIDDLE, RIGHT), alone=True), "grow 2 placed seeds in section 0"),
        (PlacedSeeds(struck=(RIGHT,)), "segment section 0"),
    ):
        request = segment.prepare(session, FIRST, boundary[:1], placed=placed)
        assert segment.finish(session, request, segment.run(request, Silent())).name == name
