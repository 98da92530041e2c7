from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array, open_image

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
    with pytest.raises(EmsegError, match="cannot be decoded"):
        array[4:7]


@pytest.mark.parametrize(
    ("numbers", "says"), [([0, 1, 3], "section 2 is missing"), ([0, 1, 5, 6], "sections 2, 3, 4 are missing")]
)
def test_missing_numbers_are_named(tmp_path: Path, numbers: list[int], says: str) -> None:
    with pytest.raises(EmsegError, match=says):
        open_array(save(tmp_path / "s", [f"{z:03d}.png" for z in numbers]))


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
