"""What the manifest promises, called as napari calls it but without napari."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from npe2 import PluginManifest

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array, write_array
from napari_emseg.io.napari_hooks import get_reader, write_image, write_labels

STACK = np.arange(3 * 7 * 9, dtype=np.uint8).reshape(3, 7, 9)
ROOT = Path(__file__).resolve().parents[2]


def layers(path: Path | str) -> list[tuple]:
    reader = get_reader(str(path))
    assert reader is not None
    return reader(str(path))


@pytest.mark.parametrize("suffix", [".tif", ".h5", ".zarr", "/"])
def test_an_image_comes_with_scale_units_and_axes(tmp_path: Path, suffix: str) -> None:
    write_array(f"{tmp_path}/a{suffix}", STACK, spacing_nm=(50, 4, 4))
    [(data, options, kind)] = layers(f"{tmp_path}/a{suffix}")
    assert kind == "image"
    assert options["scale"] == pytest.approx((50, 4, 4))
    assert options["units"] == ("nm", "nm", "nm")
    assert options["axis_labels"] == ("z", "y", "x")
    assert options["metadata"]["napari-emseg"]["spacing_source"] == "file"
    np.testing.assert_array_equal(np.asarray(data), STACK)


def test_an_unknown_voxel_size_gives_no_scale(tmp_path: Path) -> None:
    write_array(tmp_path / "a.h5", STACK)
    [(_, options, _)] = layers(tmp_path / "a.h5")
    assert "scale" not in options
    assert "units" not in options


def test_ids_become_labels_in_memory(tmp_path: Path) -> None:
    write_array(tmp_path / "a.h5", STACK.astype(np.uint32))
    [(data, _, kind)] = layers(tmp_path / "a.h5")
    assert kind == "labels"
    assert isinstance(data, np.ndarray)


def test_channels_become_layers(tmp_path: Path) -> None:
    write_array(tmp_path / "a.h5", np.stack([STACK, STACK]).astype(np.float32), axes="czyx")
    assert [(o["name"], k) for _, o, k in layers(tmp_path / "a.h5")] == [("a 0", "image"), ("a 1", "image")]


def test_what_is_not_ours_is_left_to_others(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_text("text")
    assert get_reader(str(tmp_path / "a.tif")) is None
    assert get_reader(str(tmp_path / "none.tif")) is None
    assert get_reader(["a.tif", "b.tif"]) is None


@pytest.mark.parametrize(("write", "dtype"), [(write_image, np.uint8), (write_labels, np.uint32)])
def test_saving_a_layer_keeps_its_voxel_size(tmp_path: Path, write: object, dtype: type) -> None:
    path = str(tmp_path / "a.zarr")
    meta = {"name": "x", "scale": np.array([0.05, 0.004, 0.004]), "units": ("micrometer",) * 3}
    assert write(path, STACK.astype(dtype), meta) == [path]  # type: ignore[operator]
    array, spacing = open_array(path)
    assert spacing == pytest.approx((50, 4, 4))
    np.testing.assert_array_equal(np.asarray(array), STACK)


def test_a_layer_in_pixels_has_no_voxel_size(tmp_path: Path) -> None:
    write_image(str(tmp_path / "a.h5"), STACK[0], {"name": "x", "scale": (1, 1), "units": ("pixel", "pixel")})
    array, spacing = open_array(tmp_path / "a.h5")
    assert spacing is None
    assert array.shape == (1, 7, 9)


def test_the_manifest_names_things_that_exist() -> None:
    manifest = PluginManifest.from_file(ROOT / "napari.yaml")
    assert manifest.name == "napari-emseg"
    manifest.validate_imports()
    assert {s.key for s in manifest.contributions.sample_data or ()} == {"phantom", "vnc"}


def test_layers_can_be_saved_under_every_suffix_that_results_may_have() -> None:
    manifest = PluginManifest.from_file(ROOT / "src/napari_emseg/napari.yaml")
    offered = {w.command: set(w.filename_extensions) for w in manifest.contributions.writers or []}
    for command in ("napari-emseg.write_image", "napari-emseg.write_labels"):
        assert {".zarr", ".h5", ".hdf", ".hdf5", ".tif", ".tiff"} <= offered[command]


def test_a_folder_of_sections_that_vanishes_is_one_sentence(tmp_path: Path) -> None:
    """napari alone asks for a section and has nobody to catch an error: black, and a warning, which it shows as a note."""
    write_array(f"{tmp_path}/a/", STACK)
    [(data, options, _)] = layers(tmp_path / "a")
    np.testing.assert_array_equal(data[1], STACK[1])
    (tmp_path / "a").rename(tmp_path / "b")
    with pytest.warns(UserWarning, match=r"is gone, .*; it is shown black$") as told:
        black = data[2]
    assert len(told) == 1
    assert (black.shape, black.dtype, int(black.max())) == ((7, 9), np.uint8, 0)
    np.testing.assert_array_equal(data[2], black)  # not said twice
    with pytest.raises(EmsegError, match="gone"):  # black would be a lie in a file
        write_image(str(tmp_path / "c.tif"), data, options)
    assert not (tmp_path / "c.tif").exists()
    (tmp_path / "b").rename(tmp_path / "a")
    np.testing.assert_array_equal(data[2], STACK[2])


def test_napari_alone_steps_over_sections_that_are_gone(tmp_path: Path) -> None:
    from napari.components import ViewerModel
    from napari.layers import Layer

    write_array(f"{tmp_path}/a/", np.zeros((9, 7, 9), np.uint8))
    viewer = ViewerModel()
    [found] = layers(tmp_path / "a")
    viewer.add_layer(Layer.create(*found))
    (tmp_path / "a").rename(tmp_path / "b")
    for z in (2, 6):  # the first, the middle and the last one were read for the contrast
        with pytest.warns(UserWarning, match="is gone"):
            viewer.dims.set_current_step(0, z)
    assert viewer.dims.current_step[0] == 6
