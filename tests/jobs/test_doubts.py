"""A queue of doubtful links: two squares in five sections; the second shrinks to a crumb and moves aside."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.jobs import doubts, propagate
from napari_emseg.session import Session
from napari_emseg.settings import PropagateSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    image = ImageStack(
        np.zeros((5, 40, 60), np.uint8), (50.0, 4.0, 4.0), "you", "toy", str(tmp_path / "t.tif")
    )
    session = Session.create(tmp_path / "toy.emseg", image)
    labels = np.zeros((5, 40, 60), np.uint32)
    for z in range(5):
        labels[z, 4:20, 4:20] = 1 + 10 * z
        labels[z, 22:38, 34:50] = 2 + 10 * z
    labels[2, 22:38, 34:50] = 0
    labels[2, 30:38, 44:56] = 22
    region = Region.full(session.volume.shape)
    session.commit(Edit("segments", "model", (Patch(region, session.volume.read(region), labels),)))
    session.volume.next_ids(100)
    yield session
    session.close()


@pytest.fixture
def queue(session: Session) -> tuple[doubts.Doubt, ...]:
    request = propagate.prepare(session, 0, settings=PropagateSettings(sections=4, doubt_below=0.999))
    result = propagate.run(request, Silent())
    session.commit(propagate.finish(session, request, result))
    return doubts.remember(session, doubts.doubts_of(request, result), range(5))


def test_least_certain_first_with_voxels_inside(session: Session, queue: tuple[doubts.Doubt, ...]) -> None:
    assert queue
    assert [d.confidence for d in queue] == sorted(d.confidence for d in queue)
    for doubt in queue:
        assert session.volume[doubt.at_a] > 0
        assert session.volume[doubt.at_b] > 0


def test_kept_in_the_project(session: Session, queue: tuple[doubts.Doubt, ...]) -> None:
    folder, image = session.project.folder, session.image
    session.close()
    again = Session.open(folder, image)
    assert doubts.read_doubts(again) == queue
    again.close()


def test_verdicts_stay_when_ids_are_carried_again(session: Session, queue: tuple[doubts.Doubt, ...]) -> None:
    first, *others = queue
    doubts.decide(session, first, "right")
    assert first.key not in {d.key for d in doubts.open_doubts(session)}
    bare = [doubts.Doubt(d.at_a, d.at_b, d.kind, d.confidence) for d in queue]
    again = doubts.remember(session, bare, range(5))
    assert [d.verdict for d in again] == ["right", *("" for _ in others)]


def test_later_comes_last(session: Session, queue: tuple[doubts.Doubt, ...]) -> None:
    doubts.decide(session, queue[0], "later")
    assert doubts.open_doubts(session)[-1].key == queue[0].key


def test_other_sections_keep_their_doubts(session: Session, queue: tuple[doubts.Doubt, ...]) -> None:
    left = doubts.remember(session, (), [0, 1])
    assert {d.sections for d in left} == {d.sections for d in queue} - {(0, 1)}


def test_settled_sections_have_none(session: Session, queue: tuple[doubts.Doubt, ...]) -> None:
    for z in range(5):
        session.mark(z, Status.PROOFREAD)
        assert {d.sections for d in doubts.open_doubts(session)} == {
            d.sections for d in queue if max(d.sections) > z
        }


def test_what_leads_to_a_section_that_is_left_out_is_not_asked(
    session: Session, queue: tuple[doubts.Doubt, ...]
) -> None:
    assert any(1 in d.sections for d in doubts.open_doubts(session))
    session.mark(1, Status.EXCLUDED, "fold")
    assert {d.sections for d in doubts.open_doubts(session)} == {
        d.sections for d in queue if 1 not in d.sections
    }


def test_a_wrong_link_is_parted_and_undone(session: Session) -> None:
    request = propagate.prepare(session, 0, settings=PropagateSettings(sections=4))
    session.commit(propagate.finish(session, request, propagate.run(request, Silent())))
    before = session.volume.read(Region.full(session.volume.shape))
    doubt = doubts.Doubt((1, 19, 19), (2, 19, 19), "same", 0.7)
    session.commit(doubts.part(session.volume, doubt))
    column = [int(session.volume[z, 10, 10]) for z in range(5)]
    assert column[0] == column[1] == 1
    assert column[2] == column[3] == column[4] > 100
    with pytest.raises(EmsegError, match="two objects already"):
        doubts.part(session.volume, doubt)
    session.undo()
    np.testing.assert_array_equal(session.volume.read(Region.full(session.volume.shape)), before)


def test_a_broken_file_is_an_empty_queue(session: Session, queue: tuple[doubts.Doubt, ...]) -> None:
    (session.project.folder / doubts.FILE).write_text("{")
    assert doubts.read_doubts(session) == ()
    with pytest.raises(EmsegError, match="gone"):
        doubts.decide(session, queue[0], "right")


def test_a_full_disk_is_said(
    session: Session, queue: tuple[doubts.Doubt, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    doubts.remember(session, queue, range(3))
    monkeypatch.setattr(doubts, "write_atomic", full)
    with pytest.raises(EmsegError, match=r"the list of doubts is not kept \(No space left on device\)"):
        doubts.decide(session, queue[0], "right")


def test_sections_are_gone_through_once_however_many_doubts_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """This is done on the window's thread."""
    from types import SimpleNamespace

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 9, (3, 30, 40)).astype(np.uint32)
    links = [
        SimpleNamespace(section_a=z, a=a, section_b=z + 1, b=b, kind="one", confidence=0.5)
        for z in (4, 5)
        for a in range(1, 9)
        for b in range(1, 9)
    ]
    request = SimpleNamespace(
        region=Region((4, 5, 6), (7, 35, 46)), labels=labels, settings=SimpleNamespace(doubt_below=0.9)
    )
    looked = []
    plain = np.argwhere
    monkeypatch.setattr(np, "argwhere", lambda mask: looked.append(1) or plain(mask))
    found = doubts.doubts_of(request, SimpleNamespace(doubts=lambda below: links))
    assert len(looked) <= 3
    assert len(found) == 128
    for doubt, link in zip(found, links, strict=True):
        for place, section, name in (
            (doubt.at_a, link.section_a, link.a),
            (doubt.at_b, link.section_b, link.b),
        ):
            at = plain(labels[section - 4] == name)
            nearest = at[int(((at - at.mean(0)) ** 2).sum(1).argmin())]
            assert place == (section, 5 + nearest[0], 6 + nearest[1])
