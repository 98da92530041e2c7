"""Carrying ids from a section to its neighbours, on two cells that hardly move.

Sections are 40 x 60 pixels; the cells are squares of 16 x 16 pixels at (4, 4 + z) and (4, 34 + z).
"""

from __future__ import annotations

import csv
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.algorithms.matching import Link
from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.io import open_array, write_array
from napari_emseg.io.lazy import LazyStack
from napari_emseg.jobs import propagate, propagate_file
from napari_emseg.session import Session
from napari_emseg.settings import PropagateSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

DEPTH = 6
ROW = 10


def squares(left: int, right: int, z: int) -> NDArray[np.uint32]:
    section = np.zeros((40, 60), np.uint32)
    section[4:20, 4 + z : 20 + z] = left
    section[4:20, 34 + z : 50 + z] = right
    return section


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    image = ImageStack(
        np.zeros((DEPTH, 40, 60), np.uint8), (50.0, 4.0, 4.0), "you", "toy", str(tmp_path / "t.tif")
    )
    session = Session.create(tmp_path / "toy.emseg", image)
    labels = np.stack([squares(1 + 10 * z, 2 + 10 * z, z) for z in range(DEPTH)])
    region = Region.full(session.volume.shape)
    session.commit(Edit("segments", "model", (Patch(region, session.volume.read(region), labels),)))
    session.volume.next_ids(100)
    yield session
    session.close()


def _carry(session: Session, section: int, **settings: object) -> Edit:
    wanted = PropagateSettings.model_validate({"sections": 3, **settings})
    request = propagate.prepare(session, section, settings=wanted)
    edit = propagate.finish(session, request, propagate.run(request, Silent()))
    session.commit(edit)
    return edit


def _ids(session: Session) -> list[tuple[int, int]]:
    return [(int(session.volume[z, ROW, 6 + z]), int(session.volume[z, ROW, 36 + z])) for z in range(DEPTH)]


UNTOUCHED = [(1 + 10 * z, 2 + 10 * z) for z in range(DEPTH)]


def test_forwards_to_the_next_three(session: Session) -> None:
    edit = _carry(session, 1)
    assert _ids(session) == [UNTOUCHED[0], *[(11, 12)] * 4, UNTOUCHED[5]]
    assert edit.source == "propagation"
    session.undo()
    assert _ids(session) == UNTOUCHED


def test_backwards_and_both(session: Session) -> None:
    _carry(session, 4, direction="backwards", sections=2)
    assert _ids(session) == [*UNTOUCHED[:2], *[(41, 42)] * 3, UNTOUCHED[5]]
    _carry(session, 3, direction="both", sections=9)
    assert _ids(session) == [(41, 42)] * DEPTH


def test_what_nothing_reaches_keeps_its_id_or_gets_a_new_one(session: Session) -> None:
    box = Region((2, 30, 4), (3, 38, 12))
    extra = np.full(box.shape, 500, np.uint32)
    session.commit(Edit("paint", "human", (Patch(box, session.volume.read(box), extra),)))
    _carry(session, 1)
    assert session.volume[2, 34, 8] == 500


def _paint(session: Session, z: int, y: int, x: int, ids: int) -> None:
    box = Region((z, y, x), (z + 1, y + 8, x + 8))
    values = np.full(box.shape, ids, np.uint32)
    session.commit(Edit("paint", "human", (Patch(box, session.volume.read(box), values),)))


def test_of_several_ids_that_nothing_reaches_the_nearest_stays(session: Session) -> None:
    _paint(session, 2, 30, 4, 500)
    _paint(session, 3, 30, 4, 501)
    _carry(session, 4, direction="backwards")
    assert [int(session.volume[z, 34, 8]) for z in (2, 3)] == [501, 501]


def test_an_id_that_went_astray_is_not_given_to_two_objects(session: Session) -> None:
    """11 is carried elsewhere; 500 and 500 are two objects that nothing links."""
    _paint(session, 2, 30, 4, 11)
    _paint(session, 2, 30, 44, 500)
    _paint(session, 4, 30, 24, 500)
    _carry(session, 1)
    found = [int(session.volume[at]) for at in ((2, 34, 8), (2, 34, 48), (4, 34, 28))]
    assert found[1] == 500
    assert found[0] > 100
    assert found[2] > 100
    assert len({*found, 11}) == 4


def test_new_segments_of_the_caller_get_ids_that_nobody_has(session: Session) -> None:
    fresh = squares(1, 2, 2)
    fresh[30:38, 4:12] = 11  # a new object whose number means nothing, though the volume has an 11
    request = propagate.prepare(session, 1, labels={2: fresh}, settings=PropagateSettings(sections=1))
    session.commit(propagate.finish(session, request, propagate.run(request, Silent())))
    assert _ids(session)[2] == (11, 12)
    assert session.volume[2, 34, 8] > 100
    assert session.sections[2].status is Status.PREDICTED


def test_what_is_painted_keeps_its_id_where_nothing_reaches_it(session: Session) -> None:
    """In section 2 an object 500 is painted, in a segment that has no counterpart in section 1."""
    box = Region((2, 30, 4), (3, 34, 8))
    session.commit(
        Edit("paint", "human", (Patch(box, session.volume.read(box), np.full(box.shape, 500, np.uint32)),))
    )
    fresh = squares(1, 2, 2)
    fresh[28:38, 2:12] = 3
    fresh[24:38, 50:58] = 4
    settings = PropagateSettings(sections=1)
    request = propagate.prepare(session, 1, labels={2: fresh}, painted=(2,), settings=settings)
    session.commit(propagate.finish(session, request, propagate.run(request, Silent())))
    assert _ids(session)[2] == (11, 12)
    assert set(np.unique(session.volume[2, 28:38, 2:12])) == {500}
    assert session.volume[2, 30, 55] not in (0, 4, 500), (
        "a segment with nothing painted in it gets an id that nobody has"
    )


def test_people_win(session: Session) -> None:
    session.mark(3, Status.PROOFREAD)
    session.lock(21)
    before = session.volume[:].copy()
    _carry(session, 1)
    after = session.volume[:]
    np.testing.assert_array_equal(after[3], before[3])
    np.testing.assert_array_equal(after[1], before[1])
    np.testing.assert_array_equal(after == 21, before == 21)
    assert _ids(session)[2] == (21, 12)


def test_excluded_sections_are_bridged_and_left_alone(session: Session) -> None:
    session.mark(2, Status.EXCLUDED, "fold")
    _carry(session, 1, sections=2)
    assert _ids(session)[2] == UNTOUCHED[2]
    assert _ids(session)[3] == (11, 12)


def test_what_was_painted_meanwhile_stays(session: Session) -> None:
    request = propagate.prepare(session, 1, settings=PropagateSettings(sections=2))
    result = propagate.run(request, Silent())
    box = Region((2, ROW, 8), (3, ROW + 1, 9))
    dot = np.full(box.shape, 77, np.uint32)
    session.commit(Edit("paint", "human", (Patch(box, session.volume.read(box), dot),)))
    session.commit(propagate.finish(session, request, result))
    assert session.volume[2, ROW, 8] == 77
    assert _ids(session)[3] == (11, 12)


def test_nothing_to_carry_is_said(session: Session) -> None:
    region = Region((1, 0, 0), (DEPTH, 40, 60))
    empty = np.zeros(region.shape, np.uint32)
    session.commit(Edit("clear", "human", (Patch(region, session.volume.read(region), empty),)))
    with pytest.raises(EmsegError, match="no segments") as refusal:
        propagate.prepare(session, 0)
    assert refusal.value.action == "segment"
    with pytest.raises(EmsegError, match="no objects"):
        propagate.prepare(session, 3)


class Grey(LazyStack):
    """Every pixel says where it is; the sections that were read are kept."""

    def __init__(self, broken: int = -1) -> None:
        super().__init__((DEPTH, 40, 60), np.uint8, where="toy.tif")
        self.looked: list[int] = []
        self.broken = broken

    def read(self, region: Region) -> NDArray[np.uint8]:
        self.looked.append(region.start[0])
        if region.start[0] == self.broken:
            raise OSError("no such file")
        z, y, x = np.indices((DEPTH, 40, 60))
        return (40 * z + y + x).astype(np.uint8)[region.slices]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[NDArray[np.uint8]]:
    """What objects were compared with."""
    looked: list[NDArray[np.uint8]] = []
    monkeypatch.setattr(
        "napari_emseg.algorithms.evidence.textures",
        lambda dense, image: looked.append(image) or np.zeros((int(dense.max()), 2), np.float32),
    )
    return looked


def test_the_worker_looks_at_the_image_where_there_are_objects(session: Session, seen: list) -> None:
    session.mark(2, Status.EXCLUDED, "fold")
    missing = Region((3, 0, 0), (4, 40, 60))
    session.commit(
        Edit(
            "clear",
            "human",
            (Patch(missing, session.volume.read(missing), np.zeros(missing.shape, np.uint32)),),
        )
    )
    session.image = replace(session.image, data=Grey())
    box = Region((1, 2, 3), (2, 30, 58))
    request = propagate.prepare(session, 1, region=box, settings=PropagateSettings(sections=4))
    assert session.image.data.looked == [], "the window never waits for the disk"
    packed = pickle.dumps(request)
    result = propagate.run(pickle.loads(packed), Silent())
    z, y, x = np.indices((DEPTH, 40, 60))
    everything = (40 * z + y + x).astype(np.uint8)[:, 2:30, 3:58]
    np.testing.assert_array_equal(np.stack(seen), everything[[1, 4, 5]])
    assert result.unseen == ""
    session.commit(propagate.finish(session, request, result))
    assert _ids(session)[4:] == [(11, 12)] * 2


def test_an_image_in_memory_travels_cut_to_the_region(session: Session, seen: list) -> None:
    whole = np.random.default_rng(0).integers(0, 255, (DEPTH, 40, 60), np.uint8)
    session.image = replace(session.image, data=whole)
    request = propagate.prepare(session, 1, settings=PropagateSettings(sections=2))
    propagate.run(pickle.loads(pickle.dumps(request)), Silent())
    np.testing.assert_array_equal(np.stack(seen), whole[1:4])


def test_without_the_image_ids_are_carried_and_it_is_said(session: Session) -> None:
    session.image = replace(session.image, data=Grey(broken=2))
    request = propagate.prepare(session, 1, settings=PropagateSettings(sections=2))
    result = propagate.run(request, Silent())
    assert "no such file" in result.unseen
    session.commit(propagate.finish(session, request, result))
    assert _ids(session)[1:4] == [(11, 12)] * 3


def test_from_file_to_file_with_anchors_and_links(tmp_path: Path, session: Session) -> None:
    write_array(tmp_path / "s.h5", session.volume[:], spacing_nm=(50.0, 4.0, 4.0))
    anchors = np.zeros((DEPTH, 40, 60), np.uint32)
    anchors[2] = squares(71, 72, 2)
    write_array(tmp_path / "a.h5", anchors, spacing_nm=(50.0, 4.0, 4.0))
    said = propagate_file.propagate_file(
        tmp_path / "s.h5", tmp_path / "o.h5", anchors=tmp_path / "a.h5", links=tmp_path / "l.csv"
    )
    labels = open_array(tmp_path / "o.h5")[0][:]
    assert [int(labels[z, ROW, 6 + z]) for z in range(DEPTH)] == [71] * DEPTH
    assert (said["objects"], said["links"], said["doubtful"]) == (2, 10, 0)
    with (tmp_path / "l.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    assert {row["id"] for row in rows} == {"71", "72"}
    assert rows[0]["kind"] == "same"
    assert float(rows[0]["cost"]) < float(rows[0]["runner_up"])


def test_links_are_between_two_objects_and_unsure_ones_are_doubtful(tmp_path: Path, session: Session) -> None:
    labels = session.volume[:]
    labels[2, 30:38, 4:12] = 500  # comes and goes
    write_array(tmp_path / "s.h5", labels, spacing_nm=(50.0, 4.0, 4.0))
    settings = PropagateSettings(doubt_below=1.0)
    said = propagate_file.propagate_file(
        tmp_path / "s.h5", tmp_path / "o.h5", settings=settings, links=tmp_path / "l.csv"
    )
    with (tmp_path / "l.csv").open() as file:
        rows = list(csv.DictReader(file))
    joins = [row for row in rows if row["a"] and row["b"]]
    assert len(joins) < len(rows)
    assert (said["objects"], said["links"]) == (3, len(joins))
    assert said["doubtful"] == sum(float(row["confidence"]) < 1 for row in joins) > 0


@pytest.mark.parametrize("large", [2**32 - 1, 2**32, 720_575_940_379_279_921, 2**63 - 1])
def test_ids_of_anchors_are_carried_exactly_up_to_63_bits(
    large: int, tmp_path: Path, session: Session
) -> None:
    labels = session.volume[:].astype(np.uint64)
    labels[:, 30:36, 50:56] = 2**62 + 5  # labels of sections may be as large; here one that no anchor reaches
    write_array(tmp_path / "s.h5", labels, spacing_nm=(50.0, 4.0, 4.0))
    anchors = np.zeros((DEPTH, 40, 60), np.uint64)
    anchors[2] = np.where(squares(1, 0, 2), np.uint64(large), squares(0, 72, 2))
    write_array(tmp_path / "a.h5", anchors, spacing_nm=(50.0, 4.0, 4.0))
    propagate_file.propagate_file(
        tmp_path / "s.h5", tmp_path / "o.h5", anchors=tmp_path / "a.h5", links=tmp_path / "l.csv",
        graph=tmp_path / "g.graphml",
    )  # fmt: skip
    found = open_array(tmp_path / "o.h5")[0]
    carried = np.asarray(found[:])
    assert found.dtype == np.uint64
    assert [int(carried[z, ROW, 6 + z]) for z in range(DEPTH)] == [large] * DEPTH
    assert [int(carried[z, ROW, 36 + z]) for z in range(DEPTH)] == [72] * DEPTH
    assert {int(carried[z, 32, 52]) for z in (0, 1)} == {int(carried[0, 32, 52])}
    assert int(carried[0, 32, 52]) not in {0, 72, large}
    assert f",{large}\n" in (tmp_path / "l.csv").read_text()
    assert str(large) in (tmp_path / "g.graphml").read_text()


def test_the_image_beside_the_labels(tmp_path: Path, session: Session, seen: list[NDArray[np.uint8]]) -> None:
    write_array(tmp_path / "s.h5", session.volume[:], spacing_nm=(50.0, 4.0, 4.0))
    image = np.random.default_rng(0).integers(0, 255, (DEPTH, 40, 60), np.uint8)
    write_array(tmp_path / "i.h5", image, spacing_nm=(50.0, 4.0, 4.0))
    write_array(tmp_path / "other.h5", image[:, 1:], spacing_nm=(50.0, 4.0, 4.0))
    said = propagate_file.propagate_file(tmp_path / "s.h5", tmp_path / "o.h5", image=tmp_path / "i.h5")
    assert said["objects"] == 2
    np.testing.assert_array_equal(np.stack(seen), image)
    with pytest.raises(EmsegError, match="the image is"):
        propagate_file.propagate_file(tmp_path / "s.h5", tmp_path / "p.h5", image=tmp_path / "other.h5")
    assert not (tmp_path / "p.h5").exists()


def test_doubts_are_unsure_links_and_every_link_that_people_forbid():
    """However sure a conflict is: ids that people gave say otherwise."""
    links = [
        Link(1, 2, 0.1, 0.3, 0.9, "same"),
        Link(3, 4, 0.1, 0.3, 0.99, "conflict"),
        Link(5, 6, 0.4, 0.3, 0.6, "branch"),
        Link(7, 0, 0.3, 0.5, 0.5, "end"),
    ]
    result = propagate.PropagateResult((), np.zeros(0, np.int64), 1, tuple(links))
    assert [link.a for link in result.doubts(0.8)] == [5, 3]
