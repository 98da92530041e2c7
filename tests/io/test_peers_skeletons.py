"""Tracing libraries of the field read our skeletons, and we read theirs: nodes, edges, comments, scale.

They pin versions of their own: these tests skip where they are missing, and run in an environment with
``pip install webknossos navis``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_emseg.io.nml import read_nml, write_nml
from napari_emseg.io.skeletons import Skeleton, SkeletonSet
from napari_emseg.io.swc import read_swc, write_swc

SPACING = (50.0, 4.6, 4.6)
VOXELS = np.array([[0, 0, 0], [1, 1, 2], [2, 1, 2], [1, 10, 20], [1, 10, 21]])
TREE = Skeleton(
    id=7, name="a <b> & \"c\" µ", node_ids=np.arange(1, 6), points_nm=VOXELS * SPACING,
    radius_nm=np.array([4.6, 9.2, 4.6, 46, 9.2]), edges=np.array([[1, 2], [2, 3], [2, 4], [4, 5]]),
    kinds=np.zeros(5, np.int64), comments={4: ("end? 100 %",)}, branch_points=frozenset({2}),
)  # fmt: skip


@pytest.mark.filterwarnings("ignore")
def test_webknossos(tmp_path: Path) -> None:
    wk = pytest.importorskip("webknossos", reason="webknossos is not installed: pip install webknossos")
    write_nml(tmp_path / "ours.nml", SkeletonSet((TREE,), SPACING))
    theirs = wk.Skeleton.load(tmp_path / "ours.nml")
    assert tuple(theirs.voxel_size) == (4.6, 4.6, 50)
    (tree,) = theirs.flattened_trees()
    nodes = {n.id: n for n in tree.nodes}
    assert {i: tuple(n.position) for i, n in nodes.items()} == {
        i: tuple(v[::-1]) for i, v in zip(TREE.node_ids.tolist(), VOXELS.tolist(), strict=True)
    }
    assert sorted([a.id, b.id] for a, b in tree.edges) == TREE.edges.tolist()
    assert (nodes[4].comment, nodes[2].is_branchpoint, tree.name) == ("end? 100 %", True, TREE.name)
    theirs.save(tmp_path / "theirs.nml")
    found = read_nml(tmp_path / "theirs.nml")
    assert found.spacing_nm == SPACING
    (back,) = found.trees
    np.testing.assert_allclose(back.points_nm, TREE.points_nm)
    np.testing.assert_allclose(back.radius_nm, TREE.radius_nm)
    assert back.edges.tolist() == TREE.edges.tolist()
    assert (back.name, back.comments, back.branch_points) == (TREE.name, TREE.comments, TREE.branch_points)


@pytest.mark.filterwarnings("ignore")
def test_navis(tmp_path: Path) -> None:
    navis = pytest.importorskip("navis", reason="navis is not installed: pip install navis")
    write_swc(tmp_path / "ours.swc", SkeletonSet((TREE,)))
    theirs = navis.read_swc(tmp_path / "ours.swc")
    nodes = theirs.nodes.set_index("node_id")
    np.testing.assert_allclose(nodes[["z", "y", "x"]].to_numpy() * 1000, TREE.points_nm)
    np.testing.assert_allclose(nodes["radius"] * 1000, TREE.radius_nm)
    assert nodes["parent_id"].tolist() == [-1, 1, 2, 2, 4]
    navis.write_swc(theirs, tmp_path / "theirs.swc")
    (back,) = read_swc(tmp_path / "theirs.swc").trees
    order = np.lexsort(back.points_nm.T)
    np.testing.assert_allclose(back.points_nm[order], TREE.points_nm[np.lexsort(TREE.points_nm.T)])
    assert len(back.edges) == 4
