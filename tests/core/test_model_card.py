"""Models are found by name, by target and by path, also beside a damaged one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import (
    CARD,
    WEIGHTS,
    ModelCard,
    bundled_name,
    find_model,
    instead_of_bundled,
    other_names,
    read_card,
    user_models_dir,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_a_damaged_model_hides_nothing_that_others_find(tmp_path: Path) -> None:
    for name, content in (
        ("broken", "{"),
        (
            "whole",
            ModelCard(
                name="whole",
                architecture="unet",
                targets=("membrane", "vesicle"),
                pixel_size_nm=5,
                pixel_size_range_nm=(4, 6),
            ).model_dump_json(),
        ),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / CARD).write_text(content)
        (tmp_path / name / WEIGHTS).touch()
    models = {name: tmp_path / name for name in ("broken", "whole")}
    assert other_names(models) == {"membrane": tmp_path / "whole", "vesicle": tmp_path / "whole"}
    assert find_model("vesicle", tmp_path) == tmp_path / "whole"
    with pytest.raises(EmsegError, match="no such model, nonsense"):
        find_model("nonsense", tmp_path)


def test_a_name_that_hides_a_bundled_model_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_EMSEG_HOME", str(tmp_path))
    card = ModelCard(
        name="x", architecture="unet", targets=("membrane",), pixel_size_nm=5, pixel_size_range_nm=(4, 6)
    )
    bundled = find_model("membrane")
    for name in ("mine", "membrane", "cleft"):
        assert name == "mine" or bundled_name(name) == bundled
        assert instead_of_bundled(name, find_model("membrane")) == ""
        folder = user_models_dir() / name
        folder.mkdir(parents=True)
        (folder / CARD).write_text(card.model_dump_json())
        (folder / WEIGHTS).touch()
        said = instead_of_bundled(name, find_model(name))
        assert (f"{name} is your model in {folder}" in said) == (name != "mine")
        (folder / CARD).unlink()
    assert instead_of_bundled("mine", bundled) == ""


@pytest.mark.parametrize(
    ("entry", "value", "said"),
    [
        ("pixel_size_nm", 0, "pixel_size_nm: it should be greater than 0"),
        ("pixel_size_nm", -4.6, "pixel_size_nm: it should be greater than 0"),
        ("pixel_size_nm", float("inf"), "pixel_size_nm: it should be a finite number"),
        ("pixel_size_range_nm", [6, 4], "pixel_size_range_nm: give two sizes above 0, the smaller one first"),
        ("pixel_size_range_nm", [0, 4], "pixel_size_range_nm: give two sizes above 0"),
        ("context_sections", -1, "context_sections: it should be greater than or equal to 0"),
        ("unheard_of", 1, "unheard_of: extra inputs are not permitted"),
    ],
)
def test_a_card_that_makes_no_sense_says_which_entry(
    tmp_path: Path, entry: str, value: object, said: str
) -> None:
    card = {
        "name": "x", "architecture": "unet", "targets": ["membrane"], "pixel_size_nm": 5, "pixel_size_range_nm": [4, 6],
    }  # fmt: skip
    (tmp_path / CARD).write_text(json.dumps({**card, entry: value}))
    (tmp_path / WEIGHTS).touch()
    with pytest.raises(EmsegError) as caught:
        read_card(tmp_path)
    assert f"the model card cannot be read ({said}" in str(caught.value)


def test_a_card_is_read_again_only_where_its_file_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window asks with every step through the sections, of every model there is."""
    card = {
        "name": "x", "architecture": "unet", "targets": ["membrane"], "pixel_size_nm": 5, "pixel_size_range_nm": [4, 6],
    }  # fmt: skip
    (tmp_path / CARD).write_text(json.dumps(card))
    (tmp_path / WEIGHTS).touch()
    parsed: list[str] = []
    loads = json.loads
    monkeypatch.setattr(json, "loads", lambda text: (parsed.append(text), loads(text))[1])
    assert [read_card(tmp_path).name for _ in range(3)] == ["x"] * 3
    assert len(parsed) == 1
    (tmp_path / CARD).write_text(json.dumps({**card, "name": "another"}))
    assert read_card(tmp_path).name == "another"
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(EmsegError, match="no model here"):
        read_card(tmp_path)
