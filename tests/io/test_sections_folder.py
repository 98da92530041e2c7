from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array, open_image, write_array
from napari_emseg.io.choice import SeveralArrays
from napari_emseg.io.napari_hooks import read_layers
from napari_emseg.session import Session

STACK = np.arange(12 * 7 * 9, dtype=np.uint16).reshape(12, 7, 9).astype(np.uint8)


def save(folder: Path, names: list[str], sections: np.ndarray = STACK) -> Path:
    folder.mkdir(exist_ok=True)
    for name, section in zip(names, sections, strict=False):
        if name.endswith((".tif", ".tiff")):
            tifffile.imwrite(folder / name, section)
        else:
            Image.fromarray(section).save(folder / name)
    return folder


@pytest.mark.parametrize(
    "pattern",
    ["{}.png", "em_{}.tif", "seg_s{:03d}.png", "mito2_s{:04d}_tr1-tc1.png", "{:d}0.tiff", "a_{}.PNG"],
)
def test_order_is_by_number_and_not_by_letter(tmp_path: Path, pattern: str) -> None:
    folder = save(tmp_path / "s", [pattern.format(z) for z in range(12)])
    array, spacing = open_array(folder)
    np.testing.assert_array_equal(np.asarray(array), STACK)
    assert spacing is None


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    folder = save(tmp_path / "s", [f"{z}.png" for z in range(12)])
    (folder / "notes.txt").write_text("x")
    (folder / ".hidden.png").write_text("x")
    (folder / "stack.json").write_text("[1]")
    assert open_array(folder)[0].shape == STACK.shape


def test_sections_are_decoded_only_when_looked_at(tmp_path: Path) -> None:
    folder = save(tmp_path / "s", [f"{z}.png" for z in range(12)])
    array, _ = open_array(folder)
    (folder / "5.png").unlink()
    np.testing.assert_array_equal(array[6, 2:4], STACK[6, 2:4])
    with pytest.raises(EmsegError, match="is gone"):
        array[4:7]


@pytest.mark.parametrize(
    ("numbers", "says"), [([0, 1, 3], "section 2 is missing"), ([0, 1, 5, 6], "sections 2, 3, 4 are missing")]
)
def test_missing_numbers_are_named(tmp_path: Path, numbers: list[int], says: str) -> None:
    with pytest.raises(EmsegError, match=says):
        open_array(save(tmp_path / "s", [f"{z:03d}.png" for z in numbers]))


def test_what_is_in_the_place_of_missing_sections_is_chosen(tmp_path: Path) -> None:
    """Once black images had to be made by hand."""
    folder = save(tmp_path / "s", [f"{z:03d}.png" for z in (3, 4, 7)])
    with pytest.raises(SeveralArrays, match="sections 5, 6 are missing") as refused:
        open_image(folder)
    assert refused.value.arrays == {"filled": (5, 7, 9), "joined": (3, 7, 9)}
    there, none = list(STACK[:3]), np.zeros((7, 9), np.uint8)
    np.testing.assert_array_equal(
        np.asarray(open_array(f"{folder}::filled")[0]), [*there[:2], none, none, there[2]]
    )
    np.testing.assert_array_equal(np.asarray(open_array(f"{folder}::joined")[0]), there)
    session = Session.open_or_create(open_image(f"{folder}::filled"), tmp_path / "s.emseg")
    assert [state.reason for state in session.sections] == ["", "", "missing", "missing", ""]
    session.close()
    ((layer, options, _),) = read_layers(str(folder))  # dropped into the window
    assert layer.shape == (5, 7, 9)
    assert open_image(options["metadata"]["napari-emseg"]["uri"]).shape == (5, 7, 9)


def test_two_stacks_in_one_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EmsegError, match=r"no single series: em_0.png, seg_0.png"):
        open_array(save(tmp_path / "s", ["em_0.png", "em_1.png", "seg_0.png"]))


def test_names_without_a_counting_number_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EmsegError, match="no number in the names"):
        open_array(save(tmp_path / "s", ["a1_b1.png", "a1_b2.png", "a2_b1.png", "a2_b2.png"]))


def test_mixed_sizes_are_refused(tmp_path: Path) -> None:
    folder = save(tmp_path / "s", ["0.png", "1.png"])
    Image.fromarray(STACK[0, :5]).save(folder / "2.png")
    with pytest.raises(EmsegError, match=r"0.png is \(7, 9\), 2.png is \(5, 9\)"):
        open_array(folder)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_grey_saved_as_colour_is_grey_again(tmp_path: Path, mode: str) -> None:
    (tmp_path / "s").mkdir()
    for z in range(3):
        Image.fromarray(STACK[z]).convert(mode).save(tmp_path / "s" / f"{z}.png")
    np.testing.assert_array_equal(np.asarray(open_image(tmp_path / "s").data), STACK[:3])


def test_colour_is_refused(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (2, 7, 9, 3), np.uint8)
    with pytest.raises(EmsegError, match="colour image"):
        open_image(save(tmp_path / "s", ["0.png", "1.png"], rgb))


def test_two_level_images_give_0_and_255_like_the_8_bit_masks_beside_them(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    mask = (STACK[0] > 30).astype(np.uint8) * 255
    Image.fromarray(mask > 0).save(tmp_path / "s/0.png")
    Image.fromarray(mask).save(tmp_path / "s/1.png")
    np.testing.assert_array_equal(open_array(tmp_path / "s")[0][:], [mask, mask])


@pytest.mark.parametrize("order", [("uint8", "uint16", "uint8"), ("uint16", "uint8", "uint8")])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_mixed_bit_depths_keep_every_value(tmp_path: Path, order: tuple[str, ...], suffix: str) -> None:
    (tmp_path / "s").mkdir()
    deep = STACK[:3].astype(np.uint16) * 200
    sections = [d if t == "uint16" else s for t, d, s in zip(order, deep, STACK, strict=False)]
    for z, section in enumerate(sections):
        save(tmp_path / "s", [f"{z}.{suffix}"], section[None])
    array, _ = open_array(tmp_path / "s")
    assert array.dtype == np.uint16
    np.testing.assert_array_equal(array[:], np.stack(sections))


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("suffix", ["jpg", "JPEG"])
def test_jpeg_sections_are_grey_within_what_jpeg_loses(tmp_path: Path, mode: str, suffix: str) -> None:
    (tmp_path / "s").mkdir()
    smooth = np.add.outer(np.arange(32), np.arange(48)).astype(np.uint8) * 3
    for z in range(11):
        Image.fromarray(smooth + np.uint8(z)).convert(mode).save(tmp_path / f"s/em_{z}.{suffix}", quality=95)
    array, _ = open_array(tmp_path / "s")
    assert array.shape == (11, 32, 48)
    assert array.dtype == np.uint8
    for z in (0, 2, 10):
        assert np.abs(array[z].astype(int) - smooth - z).max() <= 6


def test_a_tinted_jpeg_is_colour(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    rgb = np.full((16, 16, 3), (90, 100, 140), np.uint8)
    Image.fromarray(rgb).save(tmp_path / "s/0.jpg")
    with pytest.raises(EmsegError, match="colour image"):
        open_array(tmp_path / "s")[0][0]


def test_a_colour_png_of_16_bits_is_refused_and_not_cut_to_8(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s/0.png").write_bytes(deep_colour_png())
    with pytest.raises(EmsegError, match="would lose half of them"):
        open_array(tmp_path / "s")


def deep_colour_png() -> bytes:
    """A PNG of 2 x 2 pixels with 16 bits a channel, by hand: Pillow cannot write one."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + bytes(12) for _ in range(2))
    head = struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def test_a_section_that_says_it_is_larger_than_the_memory(tmp_path: Path) -> None:
    head = struct.pack(">IIBBBBB", 2**30, 2**30, 8, 0, 0, 0, 0)
    body = struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    (tmp_path / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body + deep_colour_png()[33:])
    with pytest.raises(EmsegError, match="GB of memory"):
        open_array(tmp_path / "0.png")


def test_sections_larger_than_pillows_own_limit_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save(tmp_path / "s", [f"{z}.png" for z in range(12)])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    np.testing.assert_array_equal(open_array(folder)[0][:], STACK)
    assert Image.MAX_IMAGE_PIXELS == 20


def test_a_note_that_somebody_edited(tmp_path: Path) -> None:
    folder = save(tmp_path / "s", [f"{z}.png" for z in range(3)])
    (folder / "stack.json").write_text('{"napari_emseg": {}, "dtype": "object", "offset_nm": [1, "a", 3]}')
    with pytest.raises(EmsegError, match="names no type of voxels"):
        open_array(folder)


def test_one_image_file_is_a_stack_of_one(tmp_path: Path) -> None:
    save(tmp_path, ["only.png"])
    assert open_array(tmp_path / "only.png")[0].shape == (1, 7, 9)


def test_empty_folder_and_broken_section(tmp_path: Path) -> None:
    with pytest.raises(EmsegError, match="holds no sections"):
        open_array(tmp_path)
    (tmp_path / "0.png").write_bytes(b"no image")
    with pytest.raises(EmsegError, match="cannot be decoded"):
        open_array(tmp_path)


def test_real_sections(data_dir: Path) -> None:
    raw, _ = open_array(data_dir / "vnc/stack1/raw")
    drawn, _ = open_array(data_dir / "vnc/stack1/membranes")
    assert raw.shape == drawn.shape
    assert raw.shape[1:] == (1024, 1024)
    assert set(np.unique(drawn[3])) == {0, 255}


def test_grey_sections_are_grey_in_other_programs_too(tmp_path: Path) -> None:
    for dtype, mode in ((np.uint8, "L"), (np.uint16, "I;16"), (np.uint32, "RGB")):
        write_array(f"{tmp_path}/{mode[0]}/", np.full((2, 3, 4), 7, dtype))
        names = sorted(p.name for p in (tmp_path / mode[0]).glob("*.png"))
        assert names == ["0000.png", "0001.png"]
        with Image.open(tmp_path / mode[0] / names[0]) as picture:
            assert picture.mode == mode


def test_the_note_of_another_program_says_nothing_here(tmp_path: Path) -> None:
    write_array(f"{tmp_path}/a/", np.zeros((2, 3, 4), np.uint8), spacing_nm=(50, 6, 4))
    assert open_array(tmp_path / "a")[1] == (50, 6, 4)
    (tmp_path / "a/stack.json").write_text('{"spacing_nm": [1, 2, 3], "encoding": "ids"}')
    array, spacing = open_array(tmp_path / "a")
    assert (array.dtype, spacing) == (np.uint8, None)


def test_a_section_of_several_pages_is_none(tmp_path: Path) -> None:
    for z in range(2):
        tifffile.imwrite(tmp_path / f"{z}.tif", STACK[:2], photometric="minisblack")
    with pytest.raises(EmsegError, match=r"section 1 measures \(2, 7, 9\) and not \(7, 9\)"):
        open_array(tmp_path)[0][1]
