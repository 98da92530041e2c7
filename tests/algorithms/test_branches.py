"""A square that divides and unites again: a loop of four sections."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from napari_emseg.algorithms.branches import BranchGraph, branch_graph
from napari_emseg.algorithms.matching import Link
from napari_emseg.algorithms.propagation import track
from napari_emseg.core.errors import EmsegError
from napari_emseg.io.branch_graph import graph_text
from napari_emseg.settings import PropagateSettings

SPACING = (50.0, 4.0, 4.0)


@pytest.fixture
def graph() -> BranchGraph:
    stack = np.zeros((4, 60, 80), np.uint32)
    stack[:, 10:40, 10:50] = 1
    stack[1:3, :, 29:31] = 0
    stack[1:3, :, 31:][stack[1:3, :, 31:] > 0] = 2
    stack[:, 45:55, 60:70] = 9
    tracks = track(stack, PropagateSettings(), SPACING)
    return branch_graph(stack, tracks.names, tracks.links, SPACING)


def test_pieces_and_links(graph: BranchGraph) -> None:
    loop = graph.only([1])
    assert loop.object_id.tolist() == [1] * 6
    assert len(loop.edges) == 6
    np.testing.assert_allclose(loop.centre_nm[0], [0, 24.5 * 4, 29.5 * 4])
    assert loop.radius_nm[0] == pytest.approx(np.sqrt(30 * 40 * 16 / np.pi))


def test_a_loop_is_a_tree_and_one_edge(graph: BranchGraph) -> None:
    parent, loops = graph.only([1]).trees()
    assert (parent == -1).sum() == 1
    assert len(loops) == 1
    assert (graph.trees()[0] == -1).sum() == 2


def test_the_least_sure_links_close_the_loops() -> None:
    """Two rings of three pieces each; the doubtful link is neither the first nor the last."""
    rings = [[0, 1], [1, 2], [0, 2], [3, 4], [4, 5], [3, 5]]
    graph = BranchGraph(
        np.ones(6, int),
        np.zeros((6, 3)),
        np.ones(6),
        np.array(rings),
        np.array([0.9, 0.2, 0.8, 0.3, 0.9, 0.8]),
    )
    parent, loops = graph.trees()
    assert parent.tolist() == [-1, 0, 0, -1, 5, 3]
    assert sorted(loops.tolist()) == [[1, 2], [3, 4]]


def test_ends_starts_and_conflicts_are_no_edges() -> None:
    stack = np.zeros((2, 30, 40), np.uint32)
    stack[:, 2:12, 2:12] = 1
    stack[0, 15:25, 2:12] = 2
    stack[1, 15:25, 20:30] = 3
    links = [
        Link(1, 1, 0.1, 0.9, 0.8, "same", 0, 1),
        Link(2, 0, 0.5, 0.5, 0.5, "end", 0, 1),
        Link(0, 3, 0.5, 0.5, 0.5, "start", 0, 1),
        Link(2, 1, 0.5, 0.5, 0.5, "conflict", 0, 1),
    ]
    found = branch_graph(stack, [{1: 10, 2: 20}, {1: 10, 3: 30}], links, SPACING)
    assert found.object_id.tolist() == [10, 20, 10, 30]
    assert found.edges.tolist() == [[0, 2]]
    assert found.confidence.tolist() == [0.8]


def test_swc_has_a_row_for_every_piece(graph: BranchGraph) -> None:
    rows = [line.split() for line in graph_text(graph, ".swc").splitlines() if not line.startswith("#")]
    assert len(rows) == graph.object_id.size
    first = [float(value) for value in rows[0]]
    assert first[:5] == pytest.approx([1, 0, 0.118, 0.098, 0])
    assert {int(row[6]) for row in rows} <= {-1, *range(1, len(rows) + 1)}
    there = graph_text(graph, ".swc", (1000.0, 200.0, 30.0)).splitlines()
    moved = next(line.split() for line in there if not line.startswith("#"))
    assert [float(value) for value in moved[2:5]] == pytest.approx([0.148, 0.298, 1])


def test_graphml_is_read_back_whole(graph: BranchGraph) -> None:
    space = "{http://graphml.graphdrawing.org/xmlns}"
    root = ET.fromstring(graph_text(graph, ".graphml"))
    nodes = root.findall(f"{space}graph/{space}node")
    edges = root.findall(f"{space}graph/{space}edge")
    assert len(nodes) == graph.object_id.size
    ends = [[int(str(e.get(end))[1:]) for end in ("source", "target")] for e in edges]
    assert ends == graph.edges.tolist()


def test_another_ending_is_refused(graph: BranchGraph) -> None:
    with pytest.raises(EmsegError, match=r"\.swc or \.graphml"):
        graph_text(graph, ".txt")


def test_parents_stand_before_their_children_in_swc() -> None:
    """A side branch that begins below the trunk's top and goes back up: its pieces come before their parents."""
    graph = BranchGraph(
        np.array([4, 7, 4, 4, 7]),
        np.array([[0, 0, 0], [0, 9, 9], [50, 0, 0], [0, 0, 5], [50, 9, 9]], float),
        np.ones(5),
        np.array([[0, 2], [3, 2], [1, 4]]),
        np.array([0.9, 0.8, 0.7]),
    )
    rows = [line.split() for line in graph_text(graph, ".swc").splitlines() if not line.startswith("#")]
    assert [int(row[0]) for row in rows] == [1, 2, 3, 4, 5]
    assert all(int(row[6]) < int(row[0]) for row in rows)
    assert [row[6] for row in rows].count("-1") == 2
    assert [float(row[4]) for row in rows] == [0, 0.05, 0, 0, 0.05]
    assert "# object 4: 1 to 3, 3 pieces" in graph_text(graph, ".swc")


def test_graphml_keeps_places_far_from_the_origin() -> None:
    graph = BranchGraph(
        np.array([2**40]), np.array([[0, 0, 1234567.25]]), np.ones(1), np.zeros((0, 2), int), np.zeros(0)
    )
    assert '<data key="x_nm">1234567.25</data>' in graph_text(graph, ".graphml")
    assert f'<data key="object">{2**40}</data>' in graph_text(graph, ".graphml")
