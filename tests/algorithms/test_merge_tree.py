"""Joining by the mean border against the plainest way to do it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_emseg.algorithms.agglomeration import merge_graph
from napari_emseg.algorithms.contacts import Contacts

EDGES = st.dictionaries(
    st.tuples(st.integers(1, 8), st.integers(1, 8)).filter(lambda pair: pair[0] < pair[1]),
    st.tuples(st.integers(1, 5), st.integers(0, 64)),
    max_size=16,
)
"""Two segments to faces and the sum of the border along them, in parts of 1 in 64: sums of these are exact."""


def plainly(edges: dict[tuple[int, int], tuple[int, int]], threshold: float, min_faces: int) -> list[int]:
    group = list(range(9))
    while True:
        borders: dict[tuple[int, int], tuple[int, float]] = {}
        for (a, b), (faces, total) in edges.items():
            pair = (min(group[a], group[b]), max(group[a], group[b]))
            if pair[0] != pair[1]:
                old = borders.get(pair, (0, 0.0))
                borders[pair] = (old[0] + faces, old[1] + faces * (total / 64))
        ranked = sorted(
            (total / faces, *pair) for pair, (faces, total) in borders.items() if faces >= min_faces
        )
        if not ranked or ranked[0][0] >= threshold:
            return group
        _, kept, gone = ranked[0]
        group = [kept if g == gone else g for g in group]


@given(edges=EDGES, threshold=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.5]), min_faces=st.sampled_from([1, 3]))
def test_the_weakest_border_first_until_all_are_as_strong(
    edges: dict[tuple[int, int], tuple[int, int]], threshold: float, min_faces: int
) -> None:
    pairs = sorted(edges)
    a, b = (np.array([pair[k] for pair in pairs], np.int64) for k in (0, 1))
    faces = np.array([edges[pair][0] for pair in pairs], np.int64)
    mean = np.array([edges[pair][1] / 64 for pair in pairs])
    tree = merge_graph(Contacts(a, b, faces, mean), 8, below=threshold, min_faces=min_faces)
    assert tree.at(threshold).tolist() == plainly(edges, threshold, min_faces)
    assert (np.diff(tree.height) >= 0).all()
