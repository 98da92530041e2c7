"""Round trips of any shape, type, chunking, byte order and name; levels against a direct computation."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import HealthCheck, Phase, assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_emseg.io import open_array, open_volume, write_array
from napari_emseg.io.boxes import boxes, in_sections
from napari_emseg.io.pyramid import level_factors, shrink
from napari_emseg.io.source import WriteOptions

FEW = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # the volumes are as small as can be: nothing to shrink
)  # fmt: skip
SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=9)
INTEGERS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32")
MRC = ("uint8", "int8", "int16", "uint16", "float32", "float16")
TYPES: dict[str, tuple[str, ...]] = {
    ".zarr": (*INTEGERS, "int64", "float16", "float32", "float64"),
    ".h5": (*INTEGERS, "int64", "float16", "float32", "float64"),
    ".tif": (*INTEGERS, "float32", "float64"),
    ".mrc": MRC,
    ".n5": (*INTEGERS, "int64", "float32", "float64"),
    ".precomputed": (*INTEGERS, "float32"),
    ".wk": (*INTEGERS, "int64", "float32", "float64"),
}
NAMES = st.one_of(
    st.sampled_from(["a b", "ü µ 神経", "a.b.c", "a::b", "::", "#%&'()", "-x", "..a", "e\u0301"]),
    st.text(st.characters(codec="utf-8", exclude_characters="/\0\\", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12),
)  # fmt: skip
SPACINGS = st.tuples(*[st.floats(0.5, 500)] * 3)


@st.composite
def volumes(draw: st.DrawFn, suffix: str) -> np.ndarray:
    dtype = np.dtype(draw(st.sampled_from(TYPES[suffix])))
    elements: dict[str, Any] = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    array = draw(
        hnp.arrays(
            dtype, draw(SHAPES), elements=hnp.from_dtype(dtype, **elements), fill=st.just(dtype.type(0))
        )
    )
    order = draw(st.sampled_from("<>="))
    return array.astype(array.dtype.newbyteorder(order))


@pytest.mark.parametrize("suffix", TYPES)
@FEW
@given(data=st.data())
def test_any_volume_comes_back(suffix: str, data: st.DataObject) -> None:
    array, name, spacing = data.draw(volumes(suffix)), data.draw(NAMES), data.draw(SPACINGS)
    assume(suffix != ".tif" or array.shape[2] > 1)  # sections one pixel wide are refused
    offset = tuple(data.draw(st.integers(0, 50)) * s for s in spacing)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}{suffix}"
        write_array(path, array, spacing_nm=spacing, offset_nm=offset, options=WriteOptions(levels=2))
        opened = open_volume(path)
        assert opened.array.dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(np.asarray(opened.array), array)
        assert opened.spacing_nm == pytest.approx(spacing, rel=1e-5)
        # formats that keep 32-bit numbers round a position to a millionth
        assert opened.offset_nm == pytest.approx(offset, rel=1e-5, abs=1e-6) or not any(offset)
        key = tuple(slice(*sorted(data.draw(st.tuples(*[st.integers(0, n)] * 2)))) for n in array.shape)
        np.testing.assert_array_equal(opened.array[key], array[key])
        assert [p.name for p in Path(folder).iterdir()] == [path.name]


@FEW
@given(
    array=volumes(".h5"),
    chunk=st.integers(1, 9),
    order=st.permutations("zyx"),
    kind=st.sampled_from(["axistags", "axes"]),
)
def test_hdf5_of_any_chunking_and_order(array: np.ndarray, chunk: int, order: list[str], kind: str) -> None:
    import json

    turned = array.transpose(["zyx".index(a) for a in order])
    tags = json.dumps({"axes": [{"key": a} for a in order]}) if kind == "axistags" else "".join(order)
    with tempfile.TemporaryDirectory() as folder:
        with h5py.File(f"{folder}/em_51", "w") as file:
            data = file.create_dataset(
                "exported_data", data=turned, chunks=tuple(min(chunk, n) for n in turned.shape)
            )
            data.attrs[kind] = tags
        np.testing.assert_array_equal(np.asarray(open_array(f"{folder}/em_51")[0]), array)


@FEW
@given(array=volumes(".zarr"), chunk=st.integers(1, 9), version=st.sampled_from([2, 3]))
def test_zarr_of_any_chunking(array: np.ndarray, chunk: int, version: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        chunks = tuple(min(chunk, n) for n in array.shape)
        made = zarr.create_array(
            f"{folder}/a.zarr", shape=array.shape, dtype=array.dtype, chunks=chunks, zarr_format=version  # type: ignore[arg-type]
        )  # fmt: skip
        made[...] = array
        lazy, _ = open_array(f"{folder}/a.zarr")
        np.testing.assert_array_equal(np.asarray(lazy), array)
        assert lazy.chunks == chunks


@FEW
@given(
    array=volumes(".tif"),
    tile=st.sampled_from([None, 16, 32]),
    big=st.booleans(),
    order=st.sampled_from("<>"),
)
def test_tiff_of_any_tiling_and_order(array: np.ndarray, tile: int | None, big: bool, order: str) -> None:
    assume(min(array.shape[1:]) > 1)
    with tempfile.TemporaryDirectory() as folder:
        tifffile.imwrite(
            f"{folder}/a.tif", array.astype(array.dtype.newbyteorder("=")), bigtiff=big, byteorder=order,
            tile=(tile, tile) if tile else None, compression="zlib" if tile else None, photometric="minisblack",
            metadata={"axes": "ZYX"},
        )  # fmt: skip
        np.testing.assert_array_equal(np.asarray(open_array(f"{folder}/a.tif")[0]), array)


@settings(max_examples=60, deadline=None)
@given(shape=SHAPES, source=SHAPES, target=SHAPES, budget=st.integers(1, 2000))
def test_boxes_cover_every_voxel_once_and_cut_no_target_chunk(
    shape: tuple[int, ...], source: tuple[int, ...], target: tuple[int, ...], budget: int
) -> None:
    seen = np.zeros(shape, int)
    for box in boxes(shape, source, target, 1, budget):
        seen[box.slices] += 1
        for a, b, t, n in zip(box.start, box.stop, target, shape, strict=True):
            assert a % min(t, n) == 0
            assert b % min(t, n) == 0 or b == n
    assert (seen == 1).all()


@settings(max_examples=20, deadline=None)
@given(array=volumes(".h5"), depth=st.integers(1, 9), budget=st.integers(1, 300))
def test_sections_come_in_order_also_through_a_temporary_file(
    array: np.ndarray, depth: int, budget: int
) -> None:
    class Chunked:
        shape, dtype, chunks = array.shape, array.dtype, (depth, 3, 2)

        def __getitem__(self, key: Any) -> np.ndarray:
            return array[key]

    with tempfile.TemporaryDirectory() as folder:
        np.testing.assert_array_equal(np.stack(list(in_sections(Chunked(), Path(folder), budget))), array)


@settings(max_examples=30, deadline=None)
@given(
    array=hnp.arrays(st.sampled_from([np.uint8, np.uint64]), SHAPES, elements=st.integers(0, 3)),
    factors=st.tuples(*[st.sampled_from([1, 2])] * 3),
    is_labels=st.booleans(),
)
@example(array=np.array([[[2**63 + 1, 2**63 + 1, 5]]], np.uint64), factors=(1, 1, 2), is_labels=True)
def test_a_coarser_voxel_is_the_mean_or_the_commonest_of_its_own(
    array: np.ndarray, factors: tuple[int, int, int], is_labels: bool
) -> None:
    found = shrink(array, factors, is_labels=is_labels)
    padded = np.pad(array, [(0, -n % f) for n, f in zip(array.shape, factors, strict=True)], mode="edge")
    for at in itertools.product(*(range(n) for n in found.shape)):
        part = (
            padded[tuple(slice(a * f, a * f + f) for a, f in zip(at, factors, strict=True))].ravel().tolist()
        )
        wanted = max(part, key=part.count) if is_labels else round(sum(part) / len(part))
        assert found[at] == wanted


def test_levels_make_voxels_cubes_first() -> None:
    assert level_factors((100, 4096, 4096), (40, 4, 4)) == [(1, 2, 2)] * 3
    assert level_factors((100, 9000, 9000), (16, 4, 4)) == [
        (1, 2, 2),
        (1, 2, 2),
        (2, 2, 2),
        (2, 2, 2),
        (2, 2, 2),
    ]
    assert level_factors((100, 2000, 2000), None) == [(1, 2, 2)] * 2
    assert level_factors((1, 1, 1), (1, 1, 1), 5) == []
    assert level_factors((5, 60, 60), (8, 8, 8), 3) == [(2, 2, 2), (2, 2, 2)]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_levels_of_a_pyramid_are_shrunk_from_each_other(tmp_path: Path, version: str) -> None:
    array = np.random.default_rng(0).integers(0, 255, (5, 41, 1100), np.uint8)
    options = WriteOptions(levels=3, ome_version=version)  # type: ignore[arg-type]
    write_array(tmp_path / "a.zarr", array, spacing_nm=(8, 4, 4), options=options)
    once = shrink(array, (1, 2, 2), is_labels=False)
    np.testing.assert_array_equal(np.asarray(open_array(f"{tmp_path}/a.zarr::1")[0]), once)
    twice = shrink(once, (2, 2, 2), is_labels=False)
    np.testing.assert_array_equal(np.asarray(open_array(f"{tmp_path}/a.zarr::2")[0]), twice)
