"""The tree of an object: a cell that branches, misses a section and has a crumb far away."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.algorithms.branches import BranchGraph
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.progress import Silent
from napari_emseg.core.volume import LabelVolume
from napari_emseg.io.branch_graph import graph_text
from napari_emseg.jobs.branch_view import BranchView, prepare, run
from napari_emseg.settings import PropagateSettings

SPACING = (40.0, 8.0, 8.0)


@pytest.fixture
def volume() -> LabelVolume:
    """Object 5: one disc in sections 0 and 1, two in 2 and 4 (3 is missing), and a crumb in 4. Object 6 beside it."""
    made = LabelVolume.create(None, (6, 96, 96), SPACING)
    labels = np.zeros((6, 96, 96), np.uint32)
    y, x = np.mgrid[:96, :96]
    wide = (np.abs(y - 40) < 12) & (np.abs(x - 40) < 26)
    left, right = (np.hypot(y - 40, x - c) < 10 for c in (24, 56))
    for z in (0, 1):
        labels[z][wide] = 5
    for z in (2, 4):
        labels[z][left | right] = 5
    labels[4, 85:88, 4:7] = 5
    labels[:, 70:94, 60:90] = 6
    labels[3] = 0
    made[:] = labels
    return made


@pytest.fixture
def view(volume: LabelVolume) -> BranchView:
    return run(prepare(volume, 5, SPACING, PropagateSettings()), Silent())


def test_pieces_and_links(view: BranchView) -> None:
    assert view.section.tolist() == [0, 1, 2, 2, 4, 4, 4]
    links = {tuple(e) for e in view.graph.edges.tolist()}
    assert links == {(0, 1), (1, 2), (1, 3), (2, 4), (3, 5)}
    assert view.place[6].tolist() == [86, 5]
    assert view.n_branches == 1
    assert view.n_parts == 2  # the crumb touches nothing
    assert view.lane[2] != view.lane[3]
    assert set(view.area_px[:2]) == {23 * 51}


def test_where_they_are(view: BranchView, volume: LabelVolume) -> None:
    for z, (y, x) in zip(view.section.tolist(), view.place.tolist(), strict=True):
        assert volume[z, y, x] == 5
    np.testing.assert_allclose(view.graph.centre_nm[0], [0, 40 * 8, 40 * 8])
    assert view.graph.radius_nm[6] == pytest.approx(np.sqrt(9 * 64 / np.pi))


def test_what_stays_as_it_is_is_surer_than_what_branches(view: BranchView) -> None:
    sure = {
        tuple(e): c for e, c in zip(view.graph.edges.tolist(), view.graph.confidence.tolist(), strict=True)
    }
    same = min(sure[0, 1], sure[2, 4], sure[3, 5])
    assert same > 0.99
    assert sure[1, 2] == pytest.approx(sure[1, 3])  # mirror images of each other
    assert view.doubt_below < sure[1, 2] < same  # half of it each: likely, but less sure
    assert set(view.doubtful.tolist()) == {
        k for k, c in enumerate(view.graph.confidence) if c < view.doubt_below
    }


def test_doubtful_links_come_least_certain_first() -> None:
    graph = BranchGraph(
        np.full(4, 5),
        np.zeros((4, 3)),
        np.ones(4),
        np.array([[0, 1], [1, 2], [2, 3]]),
        np.array([0.5, 0.99, 0.2]),
    )
    view = BranchView(5, graph, np.arange(4), np.zeros((4, 2), int), np.ones(4, int), np.zeros(4, int), 0.8)
    assert view.doubtful.tolist() == [2, 0]


def test_it_is_written_as_a_tree(view: BranchView) -> None:
    rows = [line.split() for line in graph_text(view.graph, ".swc").splitlines() if not line.startswith("#")]
    assert len(rows) == 7
    assert [row[-1] for row in rows].count("-1") == 2
    assert graph_text(view.graph, ".graphml").count("<edge") == 5


def test_an_object_of_one_section(volume: LabelVolume) -> None:
    volume[5, 10:20, 10:20] = 9
    view = run(prepare(volume, 9, None, PropagateSettings()), Silent())
    assert (view.section.tolist(), view.n_parts, view.n_branches, view.graph.edges.shape) == (
        [5],
        1,
        0,
        (0, 2),
    )


def test_no_such_object(volume: LabelVolume) -> None:
    with pytest.raises(EmsegError, match="no object 77"):
        prepare(volume, 77, SPACING, PropagateSettings())


def test_copying_stops_when_nobody_wants_it(volume: LabelVolume) -> None:
    assert prepare(volume, 5, SPACING, PropagateSettings(), wanted=lambda: False).pairs == ()
