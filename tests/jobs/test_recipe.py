"""Recipes of trainings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import IGNORE
from napari_emseg.io import write_array
from napari_emseg.jobs.recipe import (
    PhantomSource,
    VolumeSource,
    load_volumes,
    read_recipe,
    resolve,
)
from napari_emseg.jobs.recipe_truth import LEVELS, TruthSource, distance_levels, only_rim, truth_of


def test_a_wide_border_teaches_only_at_its_rim():
    mask = np.ones((1, 1, 9), bool)
    mask[0, 0, :2] = False  # two pixels of cell, then seven of border
    assert only_rim(mask, 3).tolist() == [[[0, 0, 1, 1, 1, IGNORE, IGNORE, IGNORE, IGNORE]]]


def test_a_section_without_cells_teaches_nothing():
    assert (only_rim(np.ones((1, 4, 4), bool), 3) == IGNORE).all()


def test_a_recipe_reads_masks_and_objects(tmp_path, monkeypatch):
    monkeypatch.setenv("STACKS", str(tmp_path))
    image = np.random.default_rng(0).integers(1, 255, (3, 16, 20)).astype(np.uint8)
    objects = np.zeros((3, 16, 20), np.uint32)
    objects[:, :, :10], objects[:, :, 10:] = 4, 9
    mask = (image > 100).astype(np.uint8) * 200
    for name, array in (("raw", image), ("objects", objects), ("mask", mask)):
        write_array(tmp_path / f"{name}.h5", array, spacing_nm=(50, 5, 5))
    (tmp_path / "recipe.yaml").write_text(
        """
name: toy
volumes:
  - name: one
    image: ${STACKS}/raw.h5
    validate: "2"
    truth:
      membrane: {objects: objects.h5}
      cleft: {path: mask.h5, above: 127}
"""
    )
    settings, sources = read_recipe(tmp_path / "recipe.yaml")
    (volume,) = load_volumes(sources, tmp_path)
    assert settings == {"name": "toy"}
    assert (volume.train, volume.validate) == ((0, 1), (2,))
    assert volume.pixel_size_nm == 5
    np.testing.assert_array_equal(volume.truth["cleft"], image > 100)
    row = volume.truth["membrane"][0, 0]  # 25 nm are 5 pixels: two on either side, and three more left open
    assert row.tolist() == [0] * 5 + [IGNORE] * 3 + [1] * 4 + [IGNORE] * 3 + [0] * 5


def test_truth_of_another_shape_is_refused(tmp_path):
    write_array(tmp_path / "raw.h5", np.ones((2, 8, 8), np.uint8), spacing_nm=(50, 5, 5))
    write_array(tmp_path / "mask.h5", np.ones((2, 8, 9), np.uint8))
    (tmp_path / "r.yaml").write_text("volumes: [{image: raw.h5, truth: {membrane: {path: mask.h5}}}]")
    with pytest.raises(EmsegError, match="truth and image differ in shape"):
        load_volumes(read_recipe(tmp_path / "r.yaml")[1], tmp_path)


@pytest.mark.parametrize(
    ("dtype", "value", "ignore", "says"),
    [
        (np.float32, 1.5, "", "no object ids but fractions"),
        (np.float32, np.nan, "", "no object ids but fractions"),
        (np.int32, -3, "", "object ids are negative"),
        (np.float64, 4.0, "", ""),
        (np.int32, -3, ", ignore: -3", ""),
    ],
)
def test_what_are_no_object_ids_is_refused(tmp_path, dtype, value, ignore, says):
    write_array(tmp_path / "raw.h5", np.ones((2, 8, 8), np.uint8), spacing_nm=(50, 5, 5))
    ids = np.ones((2, 8, 8), dtype)
    ids[1, 2, 3] = value
    write_array(tmp_path / "ids.h5", ids)
    (tmp_path / "r.yaml").write_text(
        f"volumes: [{{image: raw.h5, truth: {{membrane: {{objects: ids.h5{ignore}}}}}}}]"
    )
    sources = read_recipe(tmp_path / "r.yaml")[1]
    if not says:
        assert load_volumes(sources, tmp_path)[0].truth["membrane"].shape == ids.shape
        return
    with pytest.raises(EmsegError, match=rf"{says}.*ids\.h5"):
        load_volumes(sources, tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("volumes: [", "not YAML"),
        ("name: x", "names no data"),
        ("volumes: [{picture: a.tif}]", "a volume of the recipe is wrong"),
        ("volumes: 5", "is no list"),
        ("volumes: {a: 1}", "is no list"),
        ("volumes: [{}]", "give image or phantom"),
        ("volumes: [{image: a.tif, phantom: {}}]", "give image or phantom"),
        ("volumes: [{phantom: {}, truth: {membrane: {path: a.tif}}}]", "brings its own truth"),
        ("volumes: [{image: a.tif, truth: {membrane: {above: 1}}}]", "give path"),
        ("volumes: [{image: a.tif, truth: {membrane: {path: a.tif, objects: b.tif}}}]", "give path"),
    ],
)
def test_wrong_recipes_get_a_sentence(tmp_path, text, says):
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(EmsegError, match=says):
        read_recipe(tmp_path / "r.yaml")


def test_one_section_needs_no_quotes(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("volumes: [{image: a.tif, train: 0, validate: 3}]", "utf-8")
    (volume,) = read_recipe(path)[1]
    assert (volume.train, volume.validate_) == ("0", "3")


def test_a_variable_that_is_not_set_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("NOT_HERE", raising=False)
    with pytest.raises(EmsegError, match="NOT_HERE"):
        resolve("${NOT_HERE}/a.tif", tmp_path)


def test_a_list_of_volumes_of_different_shape(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    (tmp_path / "truth").mkdir()
    shapes = {"a": (3, 16, 20), "b": (2, 30, 14), "c": (4, 8, 9)}
    for name, shape in shapes.items():
        image = rng.integers(1, 255, shape).astype(np.uint8)
        write_array(tmp_path / f"images/{name}.h5", image, spacing_nm=(50, 5, 5))
        write_array(tmp_path / f"truth/{name}.h5", (image > 100).astype(np.uint8), spacing_nm=(50, 5, 5))
    (tmp_path / "recipe.yaml").write_text(
        """
volumes:
  - name: em
    image: images/a.h5@b.h5@c.h5
    validate: "1"
    truth: {cleft: {path: truth/a.h5@truth/b.h5@c.h5}}
"""
    )
    _, sources = read_recipe(tmp_path / "recipe.yaml")
    volumes = load_volumes(sources, tmp_path)
    assert [v.name for v in volumes] == ["em-0", "em-1", "em-2"]
    assert [v.image.shape for v in volumes] == list(shapes.values())
    assert [v.train for v in volumes] == [(0, 2), (0,), (0, 2, 3)]
    for volume in volumes:
        np.testing.assert_array_equal(volume.truth["cleft"], volume.image > 100)
    wrong = sources[0].model_copy(update={"image": "images/a.h5@b.h5"})
    with pytest.raises(EmsegError, match="2 images and 3 files of cleft"):
        load_volumes((wrong,), tmp_path)


def test_a_section_cannot_teach_and_score(tmp_path):
    write_array(tmp_path / "image.h5", np.zeros((4, 8, 8), np.uint8), spacing_nm=(50, 5, 5))
    source = VolumeSource(name="toy", image=str(tmp_path / "image.h5"), train="0-2", validate="2-3", truth={})
    with pytest.raises(EmsegError, match="section 2 is to teach and to score, toy, name each under"):
        load_volumes([source], tmp_path)


def toy_volume(tmp_path, truth: str, **more: str) -> list:
    image = np.arange(4 * 16 * 20, dtype=np.uint16).reshape(4, 16, 20)
    mask = np.zeros(image.shape, np.uint8)
    mask[:, :, 4:8], mask[:, :, 12:] = 1, 255
    write_array(tmp_path / "raw.h5", image, spacing_nm=(50, 5, 5))
    write_array(tmp_path / "mask.h5", mask, spacing_nm=(50, 5, 5))
    source = VolumeSource.model_validate(
        {"image": "raw.h5", "truth": {"cleft": yaml.safe_load(truth)}} | more
    )
    return [source]


def test_the_unknown_part_of_a_mask_supervises_nothing(tmp_path):
    (volume,) = load_volumes(tuple(toy_volume(tmp_path, "{path: mask.h5, ignore: 255}")), tmp_path)
    row = volume.truth["cleft"][0, 0].tolist()
    assert row == [0] * 4 + [1] * 4 + [0] * 4 + [IGNORE] * 8
    (volume,) = load_volumes(
        tuple(toy_volume(tmp_path, "{path: mask.h5, ignore: 255, distance_nm: 50}")), tmp_path
    )
    assert (volume.truth["cleft"][0, 0, 12:] == IGNORE).all()
    assert (volume.truth["cleft"][0, 0, :12] != IGNORE).all()


def test_volumes_without_a_name_keep_their_scores_apart(tmp_path):
    sources = toy_volume(tmp_path, "{path: mask.h5, ignore: 255}") * 3
    assert [v.name for v in load_volumes(tuple(sources), tmp_path)] == ["volume", "volume-2", "volume-3"]


def test_a_phantom_teaches_the_sections_that_were_named():
    source = VolumeSource.model_validate({"phantom": {"shape": [5, 48, 48]}, "train": "0-1", "validate": "3"})
    (volume,) = load_volumes((source,), Path())
    assert (volume.train, volume.validate) == ((0, 1), (3,))
    assert volume.synthetic


def test_wrong_options_of_a_phantom_get_a_sentence():
    source = VolumeSource.model_validate({"name": "toy", "phantom": {"options": {"wings": 2}}})
    with pytest.raises(
        EmsegError, match=r"the options of a phantom are wrong, toy, wings: there is no such setting"
    ):
        load_volumes((source,), Path())


def test_the_pixel_of_a_recipe_is_that_of_predicting(tmp_path: Path) -> None:
    """The mean of height and width; it was the width here, and a model learned at another scale than it was applied at."""
    ids = np.zeros((1, 64, 64), np.uint8)
    ids[:, :32], ids[:, 32:] = 1, 2
    for name in ("image", "ids"):
        write_array(tmp_path / f"{name}.h5", ids * 50 if name == "image" else ids, spacing_nm=(50, 12, 4))
    source = VolumeSource(image="image.h5", truth={"membrane": TruthSource(objects="ids.h5")})
    (volume,) = load_volumes((source,), tmp_path)
    assert volume.pixel_size_nm == 8
    width_px = np.count_nonzero(volume.truth["membrane"][0, :, 30] == 1)
    assert width_px == 2, "25 nm in pixels of 8 nm; there are more of 4 nm"
    (phantom,) = load_volumes(
        (VolumeSource(phantom=PhantomSource(shape=(2, 64, 64), spacing_nm=(50, 12, 4))),), tmp_path
    )
    assert phantom.pixel_size_nm == 8


def test_distances_are_levels_up_to_the_highest_and_the_edge_of_the_section_is_no_border() -> None:
    ids = np.broadcast_to(np.array([1] * 5 + [2**40] * 4 + [0], np.uint64), (2, 3, 10)).copy()
    quarters = [4, 4, 3, 2, 1, 1, 2, 2, 1, 0]
    expected = np.rint(np.array(quarters) / 4 * LEVELS)
    assert (distance_levels(ids, 4.0) == expected).all()
    unknown = ids == 0
    assert (distance_levels(ids, 4.0, unknown=unknown)[unknown] == IGNORE).all()
    source = TruthSource(objects="ids.h5", distance_nm=20)
    assert (truth_of(source, ids, (50.0, 5.0, 5.0)) == expected).all()
    mask = distance_levels(ids > 1, 4.0)  # a mask knows no border between objects
    assert (mask == np.rint(np.array([0, 0, 0, 0, 0, 1, 2, 2, 1, 0]) / 4 * LEVELS)).all()
