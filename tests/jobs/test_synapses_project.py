"""Synapses of an open project. At the first cleft the upper cell speaks to the two below; the second has one cell on each side::

11111111111111 44444444
11111 #1 11111 4 #2 444        clefts in sections 2..4 and 3..5
2222222 333333 55555555
"""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.model_card import read_card
from napari_emseg.core.progress import Silent
from napari_emseg.core.stack import ImageStack
from napari_emseg.io import write_array
from napari_emseg.io.annotations import read_annotations
from napari_emseg.io.packed import PackedStack
from napari_emseg.jobs import synapses_project as job
from napari_emseg.jobs.kept_synapses import read_synapses, rows
from napari_emseg.jobs.synapses import synapses_file
from napari_emseg.jobs.synapses_export import NOT_SEEN, export_synapses
from napari_emseg.session import Session
from napari_emseg.settings import SynapseSettings

SPACING = (40.0, 8.0, 8.0)
OFFSET = (400.0, 80.0, 16.0)
SHAPE = (8, 60, 110)
EVERYWHERE = range(SHAPE[0])


def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells, clefts as probability times 255, and grey values."""
    cells = np.zeros(SHAPE, np.uint32)
    cells[:, :30, :60], cells[:, 30:, :28], cells[:, 30:, 28:60] = 1, 2, 3
    cells[:, :30, 60:], cells[:, 30:, 60:] = 4, 5
    clefts = np.zeros(SHAPE, np.uint8)
    clefts[2:5, 28:32, 14:42], clefts[3:6, 28:32, 75:95] = 230, 230
    grey = np.random.default_rng(0).normal(150, 10, SHAPE)
    grey[clefts > 0] -= 80
    return cells, clefts, np.clip(grey, 1, 255).astype(np.uint8)


@pytest.fixture
def project(tmp_path: Any) -> Any:
    cells, _, grey = drawn()
    image = ImageStack(grey, SPACING, "file", "toy", "", OFFSET)
    session = Session.create(tmp_path / "toy.emseg", image)
    write(session, cells)
    yield session
    session.close()


def write(session: Session, cells: np.ndarray) -> None:
    boxes = [Region((z, 0, 0), (z + 1, *SHAPE[1:])) for z in range(len(cells))]
    patches = tuple(Patch(box, session.volume.read(box), cells[box.slices]) for box in boxes)
    session.commit(Edit("segment", "model", patches))


def maps(clefts: np.ndarray) -> PackedStack:
    made = PackedStack(SHAPE, np.uint8)
    for z, section in enumerate(clefts):
        made.put(z, section)
    return made


def find(session: Session, sections: range = EVERYWHERE, **settings: Any) -> Any:
    searched = job.sections_with_cells(session, sections)
    request = job.prepare(session, searched, maps(drawn()[1]), SynapseSettings(**settings))
    return job.finish(session, sections, job.run(request, Silent()), {"clefts": "drawn"})


def named(session: Session, found: Any) -> Any:
    return rows(found, session.answers, lambda at: int(session.volume[at]))


def who(session: Session, found: Any) -> set[Any]:
    return {
        (row.pre_id, row.post_id) if row.is_directed else frozenset((row.pre_id, row.post_id))
        for row in named(session, found)
    }


def test_the_window_finds_what_the_command_finds(project: Any, tmp_path: Any) -> None:
    cells, clefts, grey = drawn()
    for name, array, is_labels in (("cells", cells, True), ("clefts", clefts, False), ("grey", grey, False)):
        write_array(tmp_path / f"{name}.h5", array, spacing_nm=SPACING, is_labels=is_labels)
    synapses_file(
        tmp_path / "cells.h5", tmp_path / "out.hdf", spacing_nm=SPACING, clefts=tmp_path / "clefts.h5",
        image=tmp_path / "grey.h5", table=tmp_path / "t.csv",
    )  # fmt: skip
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        theirs = list(csv.DictReader(file))
    found = find(project)
    assert {(1, 2), (1, 3)} < who(project, found)
    assert len(theirs) == 3
    export_synapses(project, found, tmp_path / "window.csv")
    with (tmp_path / "window.csv").open(encoding="utf-8", newline="") as file:
        ours = list(csv.DictReader(file))
    assert {row["checked"] for row in ours} == {NOT_SEEN}
    offset = dict(zip("zyx", OFFSET, strict=True))
    for one, other in zip(ours, theirs, strict=True):
        for name, value in other.items():
            if name.endswith(("z_nm", "y_nm", "x_nm")):  # the project lies at an offset, the files do not
                assert float(one[name]) == pytest.approx(float(value) + offset[name[-4]])
            elif name.endswith(("confidence", "probability")):
                assert float(one[name]) == pytest.approx(float(value), abs=1e-4)
            else:
                assert one[name] == value, name


def test_sections_and_places_are_those_of_the_stack(project: Any) -> None:
    whole, part = find(project), find(project, range(2, 7))
    assert [one.sections for one in whole] == [(2, 4), (3, 5)]
    assert part == whole
    project.set_spacing((400.0, 8.0, 8.0))  # so thick that the sections before the second are not read
    one, other = (
        job.prepare(project, tuple(sections), maps(drawn()[1]), SynapseSettings())
        for sections in (EVERYWHERE, range(3, 8))
    )
    assert (one.first, other.first) == (0, 2)
    second = job.run(other, Silent()).synapses[-1]
    assert second == job.run(one, Silent()).synapses[-1]
    assert second.pairs
    at = whole[0].at
    assert drawn()[1][at] > 0


def test_what_was_said_outlives_finding_anew_and_reopening(project: Any) -> None:
    found = find(project)
    first = named(project, found)[0]
    project.answer(first.sites, "turned", "answer: turned")
    again = find(project, join_nm=16.0, threshold=0.3)
    turned = [row for row in named(project, again) if row.verdict]
    assert [row.sites for row in turned] == [first.sites]
    folder, image = project.project.folder, project.image
    project.close()
    opened = Session.open(folder, image)
    assert read_synapses(opened) == again
    assert [row.sites for row in named(opened, again) if row.verdict == "turned"] == [first.sites]
    opened.close()


def test_wrong_ones_are_not_in_the_annotations(project: Any, tmp_path: Any) -> None:
    found = find(project)
    by_cells = {frozenset((row.pre_id, row.post_id)): row for row in named(project, found)}
    project.answer(by_cells[frozenset((1, 2))].sites, "wrong", "answer: wrong")
    project.answer(by_cells[frozenset((1, 3))].sites, "turned", "answer: turned")
    project.answer(by_cells[frozenset((4, 5))].sites, "right", "answer: right")
    words = export_synapses(project, found, tmp_path / "out.hdf")
    assert words == "2 pairs of partners; 1 wrong left out"
    made = read_annotations(f"{tmp_path / 'out.hdf'}::annotations")
    pre, post = made.pairs_nm()
    cells = drawn()[0]
    ids = [
        tuple(int(cells[tuple(((p - OFFSET) // SPACING).astype(int))]) for p in ends)
        for ends in zip(pre, post, strict=True)
    ]
    right = by_cells[frozenset((4, 5))]
    assert set(ids) == {(3, 1), (right.pre_id, right.post_id)}
    assert sum("checked: turned" in made.comments[int(k)] for k in made.ids) == 2
    export_synapses(project, found, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        table = {(row["pre_id"], row["post_id"]): row["checked"] for row in csv.DictReader(file)}
    assert table[("3", "1")] == "turned"
    assert sorted(table.values()) == ["right", "turned", "wrong"]


def test_labels_that_have_changed_are_looked_up_again(project: Any, tmp_path: Any) -> None:
    found = find(project)
    cells = drawn()[0]
    cells[cells == 2] = 22
    cells[cells == 5] = 0
    write(project, cells)
    words = export_synapses(project, found, tmp_path / "out.hdf")
    assert "1 left out where a cell is gone" in words
    export_synapses(project, found, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert {row["post_id"] for row in table if row["pre_id"] == "1"} == {"22", "3"}
    lost = [row for row in table if row["no_pair_because"]]
    assert [row["no_pair_because"] for row in lost] == ["no cell is at one of its sites any more"]
    assert "" in (lost[0]["pre_id"], lost[0]["post_id"])


def test_what_is_missing_is_said(project: Any, tmp_path: Any) -> None:
    with pytest.raises(EmsegError, match="there are no synapses yet"):
        export_synapses(project, (), tmp_path / "out.hdf")
    blank = Session.create(tmp_path / "blank.emseg", project.image)
    with pytest.raises(EmsegError, match="there are no cells yet, sections 0 to 7, segment them first"):
        job.sections_with_cells(blank, EVERYWHERE)
    blank.close()
    for z in EVERYWHERE:
        project.mark(z, "excluded", "fold")
    with pytest.raises(EmsegError, match="all sections with cells are left out"):
        job.sections_with_cells(project, EVERYWHERE)
    unknown = ImageStack(project.image.data, None, "unknown", "unknown", "")
    bare = Session.create(tmp_path / "bare.emseg", unknown)
    with pytest.raises(EmsegError, match="the voxel size is unknown"):
        job.sections_with_cells(bare, EVERYWHERE)
    bare.close()


def test_the_bundled_model_stands_in_for_one_that_finds_no_clefts(project: Any) -> None:
    project.model = "membrane-phantom"
    assert "cleft" in read_card(job.cleft_model(project)).targets


def test_no_model_that_finds_clefts(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: Any, *more: Any) -> Any:
        raise EmsegError("no such model", str(name))

    monkeypatch.setattr(job, "find_model", missing)
    assert "cleft" in read_card(job.cleft_model(project)).targets
    monkeypatch.setattr(job, "bundled_name", lambda name: None)
    with pytest.raises(EmsegError, match="no model here finds clefts"):
        job.cleft_model(project)


def test_copying_stops_when_nobody_waits(project: Any) -> None:
    with pytest.raises(Cancelled):
        job.prepare(project, (0, 1), maps(drawn()[1]), SynapseSettings(), lambda: False)
