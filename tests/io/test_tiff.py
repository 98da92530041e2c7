from __future__ import annotations

import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array, open_image, open_volume, write_array
from napari_emseg.io.tiff_chain import has_loop

STACK = np.arange(4 * 11 * 13, dtype=np.uint16).reshape(4, 11, 13)


def test_imagej_voxel_size_in_micrometres(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    metadata = {"axes": "ZYX", "spacing": 0.05, "unit": "um"}
    tifffile.imwrite(path, STACK, imagej=True, resolution=(1 / 0.004, 1 / 0.005), metadata=metadata)
    array, spacing = open_array(path)
    assert spacing == pytest.approx((50, 5, 4))
    np.testing.assert_array_equal(np.asarray(array), STACK)


def test_imagej_without_a_unit_of_length_says_unknown(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    metadata = {"axes": "ZYX", "spacing": 1, "unit": "pixel"}
    tifffile.imwrite(path, STACK, imagej=True, resolution=(1, 1), metadata=metadata)
    assert open_array(path)[1] is None


def test_print_resolution_is_no_voxel_size(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", resolution=(72, 72), resolutionunit="inch")
    stack = open_image(path)
    assert stack.spacing_nm is None
    assert stack.spacing_source == "unknown"


def test_ome_default_unit_is_micrometre(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    sizes = {"PhysicalSizeX": 0.004, "PhysicalSizeY": 0.005, "PhysicalSizeZ": 0.05}
    tifffile.imwrite(path, STACK, metadata={"axes": "ZYX", **sizes})
    assert open_array(path)[1] == pytest.approx((50, 5, 4))


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 16)}, {"rowsperstrip": 3}])
def test_plain_stacks(tmp_path: Path, byteorder: str, options: dict) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, byteorder=byteorder, photometric="minisblack", metadata=None, **options)
    array, spacing = open_array(path)
    assert spacing is None
    assert array.dtype.isnative
    np.testing.assert_array_equal(array[1:3, 2:5], STACK[1:3, 2:5])


def test_one_section_is_a_stack_of_one(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK[0])
    assert open_array(tmp_path / "a.tif")[0].shape == (1, 11, 13)


def test_grey_saved_as_colour_is_grey_again(tmp_path: Path) -> None:
    grey = STACK.astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", np.stack([grey] * 3, axis=-1), photometric="rgb")
    np.testing.assert_array_equal(np.asarray(open_image(tmp_path / "a.tif").data), grey)


def test_colour_is_refused(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (4, 11, 13, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", rgb, photometric="rgb")
    with pytest.raises(EmsegError, match="colour image"):
        open_image(tmp_path / "a.tif")


@pytest.mark.filterwarnings("ignore:.*photometric:DeprecationWarning")
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 16)}])
@pytest.mark.parametrize("n", [3, 4])
def test_three_or_four_sections_that_tifffile_took_for_planes_of_colour(
    tmp_path: Path, n: int, options: dict
) -> None:
    planes = np.random.default_rng(0).integers(0, 255, (n, 11, 13), np.uint8)
    planes[1] = planes[2] = planes[0]  # were these grey in colour, the fourth would be opacity
    tifffile.imwrite(tmp_path / "a.tif", planes, **options)
    array, _ = open_array(tmp_path / "a.tif")
    assert array.shape == (n, 11, 13)
    np.testing.assert_array_equal(np.asarray(array), planes)


def test_planes_of_colour_of_other_programs_are_told_apart(tmp_path: Path) -> None:
    planes = np.random.default_rng(0).integers(0, 255, (3, 11, 13), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", metadata=None)
    with pytest.raises(EmsegError, match="write sections as grey values"):
        open_image(tmp_path / "a.tif")


def test_time_and_depth_together_are_refused(tmp_path: Path) -> None:
    movie = np.zeros((2, 3, 1, 11, 13), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", movie, imagej=True, metadata={"axes": "TZCYX"})
    with pytest.raises(EmsegError, match="T 2, Z 3"):
        open_array(tmp_path / "a.tif")


def test_pages_of_different_size_are_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(STACK[0])
        file.write(STACK[0, :5])
    with pytest.raises(EmsegError, match="differ in size"):
        open_array(tmp_path / "a.tif")


def test_one_coloured_mark_is_seen_when_it_is_opened(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (3, 300, 300, 1), np.uint8)
    colours = np.repeat(grey, 3, axis=-1)
    tifffile.imwrite(tmp_path / "grey.tif", colours, photometric="rgb")
    assert open_image(tmp_path / "grey.tif").shape == (3, 300, 300)
    colours[:, 200:220, 200:220] = 255, 0, 0
    tifffile.imwrite(tmp_path / "marked.tif", colours, photometric="rgb", rowsperstrip=16)
    with pytest.raises(EmsegError, match="colour image"):
        open_image(tmp_path / "marked.tif")


def test_several_series_are_listed_and_can_be_chosen(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(STACK, photometric="minisblack")
        file.write(STACK[:2, :5], photometric="minisblack")
    with pytest.raises(EmsegError, match=r"::0 \(4, 11, 13\), ::1 \(2, 5, 13\)"):
        open_array(tmp_path / "a.tif")
    np.testing.assert_array_equal(np.asarray(open_array(f"{tmp_path}/a.tif::1")[0]), STACK[:2, :5])
    with pytest.raises(EmsegError, match="no series 2"):
        open_array(f"{tmp_path}/a.tif::2")


@pytest.mark.parametrize("keep", [0.2, 0.6, 0.9])
@pytest.mark.parametrize("kind", ["imagej", "plain", "compressed"])
def test_a_file_cut_short_is_refused(tmp_path: Path, kind: str, keep: float) -> None:
    path = tmp_path / "a.tif"
    noise = np.random.default_rng(0).integers(0, 255, (5, 40, 50), np.uint8)
    options = {"imagej": {"imagej": True}, "plain": {"metadata": None}, "compressed": {"compression": "zlib"}}
    tifffile.imwrite(path, noise, photometric="minisblack", **options[kind])
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(EmsegError, match="damaged or cut short"):
        open_array(path)


def test_numbers_that_are_no_grey_values_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((2, 8, 8), np.complex64), photometric="minisblack")
    with pytest.raises(EmsegError, match="unknown type"):
        open_array(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint64])
def test_what_is_larger_than_a_tiff_can_be_is_a_big_one(
    tmp_path: Path, dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_emseg.io.tiff_writing._IMAGEJ_LIMIT", 100)
    array = np.arange(200, dtype=dtype).reshape(2, 10, 10)
    write_array(tmp_path / "a.tif", array, spacing_nm=(50, 6, 4))
    assert (tmp_path / "a.tif").read_bytes()[:3] == b"II\x2b"  # the version of BigTIFF
    lazy, spacing = open_array(tmp_path / "a.tif")
    np.testing.assert_array_equal(lazy[:], array)
    assert spacing == (50, 6, 4)


def test_every_channel_lies_at_the_same_place(tmp_path: Path) -> None:
    write_array(
        tmp_path / "a.tif",
        np.zeros((2, 3, 8, 8), np.uint8),
        axes="czyx",
        spacing_nm=(50, 6, 4),
        offset_nm=(7, 8, 9),
    )
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        planes = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]["Plane"]
    found = [(p["TheC"], p["TheZ"], p["PositionZ"], p["PositionY"], p["PositionX"]) for p in planes]
    assert found == [(c, z, 7 + 50 * z, 8, 9) for c in range(2) for z in range(3)]


@pytest.mark.parametrize(
    ("sizes", "known"),
    [
        ({"PhysicalSizeX": 0.004, "PhysicalSizeY": 0.004, "PhysicalSizeZ": 0.05}, True),
        ({"PhysicalSizeX": 0.004, "PhysicalSizeY": 0.004, "PhysicalSizeZ": "thick"}, False),
        ({"PhysicalSizeX": 0.004, "PhysicalSizeY": 0.004}, False),
        (
            {"PhysicalSizeX": 1, "PhysicalSizeXUnit": "pixel", "PhysicalSizeY": 0.004, "PhysicalSizeZ": 0.05},
            False,
        ),
    ],
)
def test_ome_sizes_and_positions_without_a_length_are_unknown(
    tmp_path: Path, sizes: dict, known: bool
) -> None:
    """Positions have no unit here: OME's own is a frame of reference, and no length."""
    attributes = "".join(f' {name}="{value}"' for name, value in sizes.items())
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        f'DimensionOrder="XYZCT" Type="uint8" SizeX="8" SizeY="8" SizeZ="2" SizeC="1" SizeT="1"{attributes}>'
        '<TiffData/><Plane TheZ="0" TheC="0" TheT="0" PositionX="1" PositionY="2" PositionZ="3"/></Pixels></Image></OME>'
    )
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        np.zeros((2, 8, 8), np.uint8),
        description=xml,
        metadata=None,
        photometric="minisblack",
    )
    opened = open_volume(tmp_path / "a.ome.tif")
    assert opened.spacing_nm == (pytest.approx((50, 4, 4)) if known else None)
    assert opened.offset_nm is None


def test_a_resolution_of_nothing_is_no_voxel_size(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((2, 8, 8), np.uint8), imagej=True, resolution=((0, 1), (1, 4)),
        metadata={"spacing": 50, "unit": "nm", "axes": "ZYX"},
    )  # fmt: skip
    assert open_array(tmp_path / "a.tif")[1] is None


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(
    ("after", "loops"), [((40, 90, 0), False), ((40, 90, 40), True), ((40, 90, 90), True)]
)
def test_a_chain_of_pages_that_leads_back_is_seen(
    tmp_path: Path, order: str, big: bool, after: tuple[int, ...], loops: bool
) -> None:
    where = "Q" if big else "I"
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}H", 43 if big else 42)
    if big:
        head += struct.pack(f"{order}HH", 8, 0)
    content = bytearray((head + struct.pack(f"{order}{where}", after[0])).ljust(140, b"\7"))
    for offset, following in pairwise(after):  # pages of one tag, of which nothing is read
        count = struct.pack(f"{order}{where if big else 'H'}", 1)
        page = count + bytes(20 if big else 12) + struct.pack(f"{order}{where}", following)
        content[offset : offset + len(page)] = page
    (tmp_path / "a.tif").write_bytes(content)
    assert has_loop(tmp_path / "a.tif") is loops
    (tmp_path / "a.tif").write_bytes(content[:45])  # cut short: no loop
    assert not has_loop(tmp_path / "a.tif")
