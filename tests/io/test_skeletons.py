"""Skeletons of four formats: the toy below, exact; and any tree, by property.

        1 --- 2 --- 3
               \
                4 --- 5     comment at 4, branch point at 2; a second tree of one node
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.catmaid import read_catmaid_csv, read_catmaid_json, write_catmaid_csv, write_catmaid_json
from napari_emseg.io.nml import read_nml, write_nml
from napari_emseg.io.skeleton_layers import skeleton_layers, skeletons_from_layer
from napari_emseg.io.skeletons import NO_PARENT, Connector, Skeleton, SkeletonSet, parents, runs
from napari_emseg.io.swc import read_swc, write_swc

SPACING = (50.0, 4.6, 4.6)
NO_KINDS = np.zeros(5, np.int64)

TOY = Skeleton(
    id=7,
    name="a <b> & \"c\" µ 'ü'",
    node_ids=np.array([1, 2, 3, 4, 5]),
    points_nm=np.array([[0, 0, 0], [50, 4.6, 9.2], [100, 4.6, 9.2], [50, 46, 92], [50, 46, 96.6]]),
    radius_nm=np.array([4.6, 9.2, np.nan, 46, 1]),
    edges=np.array([[1, 2], [2, 3], [2, 4], [4, 5]]),
    kinds=NO_KINDS,
    comments={4: ("end? 100 %",)},
    branch_points=frozenset({2}),
    colour=(1.0, 0.5, 0.0, 1.0),
)
LONE = Skeleton(
    9,
    "lone",
    np.array([12]),
    np.array([[150.0, 0, 4.6]]),
    np.array([4.6]),
    np.zeros((0, 2), int),
    NO_KINDS[:1],
)
BOTH = SkeletonSet((TOY, LONE), SPACING)


def assert_same(a: SkeletonSet, b: SkeletonSet, *, radius: bool = True, said: bool = True) -> None:
    assert [t.id for t in a.trees] == [t.id for t in b.trees]
    for one, other in zip(a.trees, b.trees, strict=True):
        assert one.name == other.name
        place = {n: i for i, n in enumerate(other.node_ids.tolist())}
        order = [place[n] for n in one.node_ids.tolist()]
        assert len(order) == len(other)
        np.testing.assert_allclose(one.points_nm, other.points_nm[order], rtol=1e-12, atol=1e-9)
        assert {tuple(sorted(e)) for e in one.edges.tolist()} == {
            tuple(sorted(e)) for e in other.edges.tolist()
        }
        if radius:
            np.testing.assert_allclose(one.radius_nm, other.radius_nm[order], rtol=1e-12)
        if said:
            assert dict(one.comments) == dict(other.comments)


def test_parents_and_runs_of_the_toy() -> None:
    assert parents(TOY).tolist() == [NO_PARENT, 1, 2, 2, 4]
    assert sorted(tuple(r.tolist()) for r in runs(TOY)) == [(0, 1), (1, 2), (1, 3, 4)]
    loop = replace(TOY, edges=np.array([[1, 2], [2, 3], [3, 1]]))
    with pytest.raises(EmsegError, match="form a loop"):
        parents(loop)
    (around,) = runs(loop)
    assert around[0] == around[-1]
    assert len(around) == 4


def test_a_chain_is_rooted_where_no_edge_leads_to() -> None:
    backwards = replace(TOY, edges=np.array([[5, 4], [4, 2], [2, 1], [2, 3]]))
    assert parents(backwards).tolist() == [2, 4, 2, 5, NO_PARENT]


def test_nml_in_voxels_becomes_nanometres(tmp_path: Path) -> None:
    (tmp_path / "k.nml").write_text(
        '<?xml version="1.0"?><things><parameters><experiment name="e"/><scale x="4" y="5" z="40"/>'
        '<editPosition x="1" y="2" z="3"/></parameters>'
        '<thing id="1" color.r="-1." color.g="-1." color.b="-1." color.a="1." comment="axon">'
        '<nodes><node id="3" radius="1.5" x="10" y="20" z="30" inVp="0" inMag="1" time="9"/>'
        '<node id="4" radius="2" x="11" y="20" z="31"/></nodes>'
        '<edges><edge source="4" target="3"/></edges></thing>'
        '<comments><comment node="3" content="start"/></comments><branchpoints><branchpoint id="4"/></branchpoints>'
        '<groups><group id="1" name="g"/></groups></things>'
    )
    found = read_nml(tmp_path / "k.nml")
    (tree,) = found.trees
    assert found.spacing_nm == (40, 5, 4)
    assert (tree.id, tree.name, tree.colour) == (1, "axon", None)
    assert tree.points_nm.tolist() == [[1200, 100, 40], [1240, 100, 44]]
    assert tree.radius_nm.tolist() == [6, 8]
    assert tree.edges.tolist() == [[4, 3]]
    assert tree.comments == {3: ("start",)}
    assert tree.branch_points == {4}
    write_nml(tmp_path / "again.nml", found)
    text = (tmp_path / "again.nml").read_text()
    for kept in ('inVp="0"', 'inMag="1"', 'time="9"', 'name="g"', "editPosition", 'x="11"', 'radius="1.5"'):
        assert kept in text
    assert_same(found, read_nml(tmp_path / "again.nml"))


def test_nml_units_and_missing_scale(tmp_path: Path) -> None:
    text = '<things><parameters><scale x="0.004" y="0.004" z="0.04" unit="micrometer"/></parameters></things>'
    (tmp_path / "a.nml").write_text(text)
    assert read_nml(tmp_path / "a.nml").spacing_nm == (40, 4, 4)
    assert read_nml(tmp_path / "a.nml", (50, 6, 5)).spacing_nm == (50, 6, 5)  # what a person says wins
    (tmp_path / "b.nml").write_text("<things/>")
    with pytest.raises(EmsegError, match="names no voxel size"):
        read_nml(tmp_path / "b.nml")
    assert read_nml(tmp_path / "b.nml", SPACING).spacing_nm == SPACING


BOMB = (
    '<!DOCTYPE things [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]><things>&i;</things>"
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        '<!DOCTYPE things [<!ENTITY x SYSTEM "file:///etc/passwd">]><things>&x;</things>',
        '<!DOCTYPE things SYSTEM "http://127.0.0.1:9/x.dtd"><things/>',
    ],
    ids=["bomb", "file", "net"],
)
def test_xml_attacks_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.nml").write_text(text)
    with pytest.raises(EmsegError, match="entities or a document type"):
        read_nml(tmp_path / "bad.nml", SPACING)


def test_nml_may_hold_loops_and_swc_may_not(tmp_path: Path) -> None:
    loop = SkeletonSet((replace(TOY, edges=np.array([[1, 2], [2, 3], [3, 1]])),), SPACING)
    write_nml(tmp_path / "l.nml", loop)
    assert_same(loop, read_nml(tmp_path / "l.nml"))
    write_nml(tmp_path / "n.nml", replace(loop, spacing_nm=None))  # of SWC, which knows no voxels
    assert read_nml(tmp_path / "n.nml").spacing_nm == (1, 1, 1)
    with pytest.raises(EmsegError, match=r"form a loop.*write \.nml"):
        write_swc(tmp_path / "l.swc", loop)


def test_swc_by_hand(tmp_path: Path) -> None:
    (tmp_path / "n.swc").write_text("# made by hand\n 1 1 1.5 2 3 0.5 -1\n\n2 3 1 2 4 0.5 1 # tip\n")
    found = read_swc(tmp_path / "n.swc")
    (tree,) = found.trees
    assert tree.points_nm.tolist() == [[3000, 2000, 1500], [4000, 2000, 1000]]
    assert tree.radius_nm.tolist() == [500, 500]
    assert tree.edges.tolist() == [[1, 2]]
    assert tree.kinds.tolist() == [1, 3]
    assert "the file does not say it" in found.notes[0]
    assert read_swc(tmp_path / "n.swc", "nm").trees[0].points_nm[0].tolist() == [3, 2, 1.5]


@pytest.mark.parametrize(
    ("line", "factor"),
    [
        ("# unit: nm", 1),
        ("# Units = micrometer", 1000),
        ('# Meta: {"units": "1 nanometer"}', 1),
        ("# um", 1000),
        ('# Meta: {"name": "EPG", "units": "8 nanometer"}', 8),  # navis: voxels of 8 nm
        ("# Units: 0.5nm", 0.5),
    ],
)
def test_swc_units_in_comments(tmp_path: Path, line: str, factor: float) -> None:
    (tmp_path / "n.swc").write_text(f"{line}\n1 0 0 0 1 1 -1\n")
    assert read_swc(tmp_path / "n.swc").trees[0].points_nm.tolist() == [[factor, 0, 0]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("# only\n", "holds no node"),
        ("1 0 0 0 0 1\n", "line 1 is no node"),
        ("1 0 0 0 x 1 -1\n", "line 1 is no node"),
        ("1 0 0 0 nan 1 -1\n", "is no number"),
        ("1 0 0 0 0 1 inf\n", "line 1 is no node"),
        ("1 99999999999999999999 0 0 0 1 -1\n", "line 1 is no node"),
        ("99999999999999999999 0 0 0 0 1 -1\n", "line 1 is no node"),
        (f"{2**53 + 1} 0 0 0 0 1 -1\n", "line 1 is no node"),
        ("1 0 0 0 0 1 2\n", "parent 2 of node 1 does not exist"),
        ("1 0 0 0 0 1 2\n2 0 0 0 0 1 1\n", "form a loop"),
        ("1 0 0 0 0 1 1\n", "form a loop"),
        ("1 0 0 0 0 1 -1\n1 0 0 0 0 1 -1\n", "there twice"),
        ("1\0", "no text"),
    ],
)
def test_bad_swc(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "n.swc").write_text(text)
    with pytest.raises(EmsegError, match=says):
        read_swc(tmp_path / "n.swc")


def test_a_long_swc_chain_is_quick_and_not_recursive(tmp_path: Path) -> None:
    n = 20_000
    rows = [f"{i} 2 {i} 0 0 1 {i - 1 if i > 1 else -1}" for i in range(n, 0, -1)]
    (tmp_path / "n.swc").write_text("\n".join(rows))
    found = read_swc(tmp_path / "n.swc")
    assert found.n_nodes == n
    write_swc(tmp_path / "m.swc", found)
    assert read_swc(tmp_path / "m.swc").trees[0].node_ids.tolist() == list(range(1, n + 1))


def test_swc_keeps_what_it_has_no_place_for(tmp_path: Path) -> None:
    write_swc(tmp_path / "n.swc", BOTH)
    back = read_swc(tmp_path / "n.swc")
    assert_same(BOTH, back, radius=False)
    assert back.trees[0].branch_points == {2}
    assert back.trees[0].radius_nm[2] == 0


def test_catmaid_csv_as_its_client_writes_it(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(
        "skeleton_id, treenode_id, parent_treenode_id, x, y, z, r\n5,10,,1.5,2,50,0\n5,11,10,3,4,100,20\n6,1,null,0,0,0,0\n"
    )
    found = read_catmaid_csv(tmp_path / "c.csv")
    assert [t.id for t in found.trees] == [5, 6]
    assert found.trees[0].points_nm.tolist() == [[50, 2, 1.5], [100, 4, 3]]
    assert found.trees[0].edges.tolist() == [[10, 11]]
    np.testing.assert_array_equal(found.trees[0].radius_nm, [np.nan, 20])


def test_catmaid_answers(tmp_path: Path) -> None:
    nodes = [[10, None, 3, 1.5, 2, 50, -1, 5], [11, 10, 3, 3, 4, 100, 20, 4]]
    compact = [nodes, [[11, 77, 0, 3, 4, 99]], {"TODO": [11], "ends": [11, 10]}]
    (tmp_path / "one.json").write_text(json.dumps(compact))
    (tmp_path / "many.json").write_text(json.dumps({"skeletons": {"5": compact}}))
    old = {
        "10": {"location": [1.5, 2, 50], "parent_id": None},
        "11": {"location": [3, 4, 100], "parent_id": 10, "radius": 20},
    }
    synapse = {"77": {"location": [3, 4, 99], "presynaptic_to": [11]}}
    (tmp_path / "old.json").write_text(
        json.dumps({"skeletons": {"5": {"treenode": old, "connector": synapse}}})
    )
    for name in ("one", "many", "old"):
        found = read_catmaid_json(tmp_path / f"{name}.json")
        (tree,) = found.trees
        assert tree.points_nm.tolist() == [[50, 2, 1.5], [100, 4, 3]]
        assert tree.edges.tolist() == [[10, 11]]
        assert found.connectors == (Connector(11, 77, "presynaptic_to", (99, 4, 3)),)
    many = read_catmaid_json(tmp_path / "many.json")
    assert many.trees[0].comments == {11: ("TODO", "ends"), 10: ("ends",)}
    write_catmaid_json(tmp_path / "again.json", many)
    assert json.loads((tmp_path / "again.json").read_text())["skeletons"]["5"] == compact


BAD_JSON = [
    "[]", "{}", "[[[", "3", "[" * 5000, '{"skeletons": {"a": []}}', '{"skeletons": {"1": [[[1]]]}}', '{"skeletons": []}',
    "[[[99999999999999999999, null, 0,0,0,0,0,0]],[],{}]", '{"skeletons": {"1": {"treenode": 3}}}',
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_JSON, ids=range(len(BAD_JSON)))
def test_bad_catmaid_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(EmsegError):
        read_catmaid_json(tmp_path / "c.json")


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "skeleton_id,treenode_id,parent_treenode_id,x,y,z\n1,2,3\n"])
def test_bad_catmaid_csv(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(EmsegError):
        read_catmaid_csv(tmp_path / "c.csv")


BAD_NML = [
    "", "x", "<a/>", "<things", "\x00\xff", "<things><thing/></things>",
    '<things><thing id="1"><nodes><node id="x"/></nodes></thing></things>',
    '<things><thing id="1"><nodes><node id="1" x="nan" y="0" z="0"/></nodes></thing></things>',
    '<things><thing id="1"><edges><edge source="1" target="2"/></edges></thing></things>',
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_NML, ids=range(len(BAD_NML)))
def test_bad_nml(tmp_path: Path, text: str) -> None:
    (tmp_path / "n.nml").write_text(text)
    with pytest.raises(EmsegError):
        read_nml(tmp_path / "n.nml", SPACING)


names = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=12)
coordinates = st.integers(-10_000, 100_000).map(lambda n: n / 10)


@st.composite
def forests(draw: st.DrawFn) -> SkeletonSet:
    trees, first = [], 1
    for t in range(draw(st.integers(1, 3))):
        n = draw(st.integers(1, 8))
        ids = np.asarray(draw(st.permutations(range(first, first + n))))
        first += n
        edges = [(ids[draw(st.integers(0, i - 1))], ids[i]) for i in range(1, n)]
        voxels = np.asarray([[draw(coordinates) for _ in range(3)] for _ in range(n)])
        said = draw(st.dictionaries(st.sampled_from(ids.tolist()), st.tuples(names.filter(bool)), max_size=2))
        marked = draw(st.sets(st.sampled_from(ids.tolist()), max_size=2))
        radius = np.asarray([draw(st.integers(1, 500)) for _ in range(n)]) / 2 * SPACING[2]
        edges_array = np.asarray(edges, int).reshape(-1, 2)
        trees.append(
            Skeleton(t + 1, draw(names), ids, voxels * SPACING, radius, edges_array, np.zeros(n, int), said, frozenset(marked))
        )  # fmt: skip
    return SkeletonSet(tuple(trees), SPACING)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(forests())
def test_every_format_gives_every_forest_back(
    tmp_path_factory: pytest.TempPathFactory, forest: SkeletonSet
) -> None:
    folder = tmp_path_factory.mktemp("f")
    write_nml(folder / "f.nml", forest)
    assert_same(forest, read_nml(folder / "f.nml"))
    assert [t.branch_points for t in read_nml(folder / "f.nml").trees] == [
        t.branch_points for t in forest.trees
    ]
    write_swc(folder / "f.swc", forest)
    assert_same(forest, read_swc(folder / "f.swc"))
    write_catmaid_json(folder / "f.json", forest)
    assert_same(forest, read_catmaid_json(folder / "f.json"))
    write_catmaid_csv(folder / "f.csv", forest)
    assert_same(forest, read_catmaid_csv(folder / "f.csv"), said=False)
    *_, (data, meta, _) = skeleton_layers(forest, "f")
    assert_same(forest, skeletons_from_layer(data, meta, "points"))


def test_every_negative_parent_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.swc").write_text("1 0 0 0 0 1 -2\n2 0 0 0 1 1 1\n")
    (tree,) = read_swc(tmp_path / "a.swc").trees
    assert tree.edges.tolist() == [[1, 2]]
    with pytest.raises(EmsegError, match="node 1 is in two trees"):
        write_swc(tmp_path / "b.swc", SkeletonSet((tree, replace(tree, id=7))))


def test_a_node_number_is_whole(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[[[1.5, null, 0, 1, 2, 3, -1, 5]], [], {}]")
    with pytest.raises(EmsegError, match="not as CATMAID writes it"):
        read_catmaid_json(tmp_path / "a.json")


def test_a_name_that_begins_with_a_space_comes_back_from_a_table(tmp_path: Path) -> None:
    (tmp_path / "a.swc").write_text("1 0 0 0 0 1 -1\n")
    tree = replace(read_swc(tmp_path / "a.swc").trees[0], name=' "a", b')
    write_catmaid_csv(tmp_path / "a.csv", SkeletonSet((tree,)))
    assert read_catmaid_csv(tmp_path / "a.csv").trees[0].name == ' "a", b'


def test_layers_are_in_nanometres(tmp_path: Path) -> None:
    (paths, how, kind), (points, meta, _) = skeleton_layers(BOTH, "toy")
    assert kind == "shapes"
    assert how["scale"] == meta["scale"] == SPACING
    assert meta["units"] == ("nm", "nm", "nm")
    np.testing.assert_allclose(points[3], [1, 10, 20])
    assert sorted(len(p) for p in paths) == [2, 2, 3]
    assert {tuple(p) for path in paths for p in path.tolist()} <= {tuple(p) for p in points.tolist()}
    assert meta["features"]["parent"].tolist() == [-1, 1, 2, 2, 4, -1]
    assert meta["features"]["comment"][3] == "end? 100 %"


def test_without_voxel_size_one_step_is_one_section() -> None:
    layers = skeleton_layers(replace(BOTH, spacing_nm=None), "toy")
    assert layers[-1][1]["scale"] == (50, 1, 1)


def test_a_point_that_a_person_adds_and_one_that_she_deletes() -> None:
    *_, (points, meta, _) = skeleton_layers(BOTH, "toy")
    features = {k: np.append(np.delete(v, 3), v[3:4]) for k, v in meta["features"].items()}
    features["node"][-1] = 5  # napari copies the features of the last point that was selected
    moved = np.vstack([np.delete(points, 3, axis=0), [[0, 1, 2]]])
    back = skeletons_from_layer(moved, meta | {"features": features}, "points").trees[0]
    assert back.node_ids.tolist() == [1, 2, 3, 5, 13]
    assert back.edges.tolist() == [[1, 2], [2, 3]]
    assert back.comments == {}
