from __future__ import annotations

import struct
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array, open_volume, write_array

STACK = np.arange(3 * 5 * 7, dtype=np.int16).reshape(3, 5, 7)


def make(path: Path, array: np.ndarray = STACK, **header: object) -> Path:
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(array)
        for name, value in header.items():
            file.header[name] = value
    return path


def test_bytes_are_signed_unless_imod_says_otherwise(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mrc", np.array([[[-128, -1, 0, 127]]], np.int8))
    assert np.asarray(open_array(path)[0]).tolist() == [[[-128, -1, 0, 127]]]
    content = bytearray(path.read_bytes())
    content[152:160] = struct.pack("<ii", 1146047817, 0)  # IMOD's stamp, and its flag for signed bytes unset
    path.write_bytes(content)
    array = open_array(path)[0]
    assert array.dtype == np.uint8
    assert np.asarray(array).tolist() == [[[128, 255, 0, 127]]]


def test_other_orders_of_axes_are_turned(tmp_path: Path) -> None:
    # columns are z, rows x, sections y
    path = make(tmp_path / "a.map", STACK, mapc=3, mapr=1, maps=2)
    np.testing.assert_array_equal(np.asarray(open_array(path)[0]), STACK.transpose(2, 0, 1))


def test_the_first_voxel_is_counted_along_columns_rows_and_sections(tmp_path: Path) -> None:
    """Columns are z, rows x and sections y; the voxel size is along x, y and z. One of them begins at 0."""
    path = make(tmp_path / "a.map", STACK, mapc=3, mapr=1, maps=2, nxstart=2, nystart=-3, nzstart=0)
    with mrcfile.open(path, mode="r+") as file:
        file.header.cella.x, file.header.cella.y, file.header.cella.z = 40, 60, 500
        file.header.mx = file.header.my = file.header.mz = 1
    opened = open_volume(path)
    assert opened.spacing_nm == (50, 6, 4)
    assert opened.offset_nm == (100, 0, -12)


def test_one_side_of_one_ångström_is_a_size(tmp_path: Path) -> None:
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(STACK)
        file.voxel_size = (1.0, 1.0, 5.0)
    assert open_volume(tmp_path / "a.mrc").spacing_nm == pytest.approx((0.5, 0.1, 0.1))


def test_a_cell_of_one_ångström_a_voxel_says_nothing(tmp_path: Path) -> None:
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(STACK)
        file.voxel_size = 1.0
    assert open_volume(tmp_path / "a.mrc").spacing_nm is None


def test_a_cell_without_a_sampling_says_nothing(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mrc", mz=0)
    assert open_volume(path).spacing_nm is None


def test_the_header_knows_the_grey_values(tmp_path: Path) -> None:
    write_array(tmp_path / "a.mrc", STACK - 9)
    with mrcfile.open(tmp_path / "a.mrc") as file:
        assert (file.header.dmin, file.header.dmax) == (-9, 95)
        assert file.header.dmean == pytest.approx(43)
        assert file.header.rms == pytest.approx(STACK.std())


def test_big_endian_and_extended_header(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mrc")
    content = path.read_bytes()
    order = np.frombuffer(content[:208], "<i4").astype(">i4").tobytes()
    header = bytearray(order + content[208:1024])
    header[92:96] = struct.pack(">i", 80)  # length of the extended header
    header[212:216] = b"\x11\x11\0\0"
    header[216:224] = np.frombuffer(content[216:224], "<i4").astype(">i4").tobytes()
    path.write_bytes(bytes(header) + bytes(80) + STACK.astype(">i2").tobytes())
    np.testing.assert_array_equal(np.asarray(open_array(path)[0]), STACK)


def test_old_files_without_the_mark_are_known_by_their_suffix(tmp_path: Path) -> None:
    path = make(tmp_path / "a.rec", map=b"\0\0\0\0", machst=(0x44, 0x44, 0, 0))
    np.testing.assert_array_equal(np.asarray(open_array(path)[0]), STACK)
    with pytest.raises(EmsegError, match="not known"):
        open_array(path.rename(tmp_path / "a.bin"))


def test_unsigned_bytes_stay_bytes_for_us_and_are_16_bit_for_others(tmp_path: Path) -> None:
    write_array(tmp_path / "a.mrc", np.full((2, 3, 4), 200, np.uint8))
    assert open_array(tmp_path / "a.mrc")[0].dtype == np.uint8
    with mrcfile.open(tmp_path / "a.mrc") as file:
        assert file.data.dtype == np.uint16


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"nz": 400}, "cut short"), ({"nx": -3}, "damaged"), ({"mode": 4}, "MRC mode 4"),
        ({"mapc": 2}, "are not 1, 2 and 3"), ({"nsymbt": -4}, "damaged"),
    ],
)  # fmt: skip
def test_damaged_headers(tmp_path: Path, header: dict, says: str) -> None:
    with pytest.raises(EmsegError, match=says):
        open_array(make(tmp_path / "a.mrc", **header))


def test_ids_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EmsegError, match="MRC holds no uint32"):
        write_array(tmp_path / "a.mrc", STACK.astype(np.uint32))
    assert not list(tmp_path.iterdir())
