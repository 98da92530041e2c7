"""Models are found by name, by target and by path, also beside a damaged one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import CARD, WEIGHTS, ModelCard, find_model, other_names

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
