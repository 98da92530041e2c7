"""A model of the VNC that learned from a, then from b, and is about to learn from c."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from napari_emseg.core.ancestry import ANCESTORS, ancestors_with
from napari_emseg.core.model_card import ModelCard

if TYPE_CHECKING:
    from pathlib import Path


def card(name: str, training: dict[str, Any], **more: Any) -> ModelCard:
    return ModelCard(
        name=name, architecture="space_unet", targets=("membrane",), pixel_size_nm=5, pixel_size_range_nm=(4, 6),
        training=training, **more,
    )  # fmt: skip


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "w").write_bytes(b"weights")
    return tmp_path / "w"


FIRST = {
    "program": "napari-emseg 0.1",
    "volumes": {"vnc": {"train": [0], "validate": [1]}},
    "recipe": {"steps": 9},
}
DIGEST = hashlib.sha256(b"weights").hexdigest()[:16]


def test_each_ancestor_is_one_line(weights: Path) -> None:
    first = {"name": "membrane", "version": "1", "weights": DIGEST, "taught_by": ["vnc"]}
    assert ancestors_with(card("membrane", FIRST), weights) == [first]
    second = card(
        "membrane-2", {ANCESTORS: [first], "sections": {"a": [1, 3]}}, version="2", parent="membrane"
    )
    line = {"name": "membrane-2", "version": "2", "weights": DIGEST, "taught_by": ["a"]}
    assert ancestors_with(second, weights) == [first, line]


def test_records_within_records_of_earlier_versions_are_understood(weights: Path) -> None:
    nested = {"sections": {"b": [0]}, "finetuned_from": {"sections": {"a": [1]}, "finetuned_from": FIRST}}
    found = ancestors_with(card("membrane-3", nested, version="3", parent="membrane-2"), weights)
    assert [(one.get("name"), one["taught_by"]) for one in found] == [
        (None, ["vnc"]), ("membrane-2", ["a"]), ("membrane-3", ["b"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "training", [{}, {"finetuned_from": None}, {ANCESTORS: "?"}, {"sections": [1, 2], ANCESTORS: [3]}]
)
def test_what_is_not_known_is_left_out(weights: Path, training: dict[str, Any]) -> None:
    assert ancestors_with(card("m", training), weights) == [{"name": "m", "version": "1", "weights": DIGEST}]


def test_of_very_many_the_first_and_the_last_are_listed(weights: Path) -> None:
    made = card("m-0", FIRST)
    for n in range(1, 40):
        made = card(f"m-{n}", {ANCESTORS: ancestors_with(made, weights), "sections": {"a": [n]}})
    names = [one["name"] for one in ancestors_with(made, weights)]
    assert names == ["m-0", *(f"m-{n}" for n in range(21, 40))]
