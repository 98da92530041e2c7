"""Two files that say different things of their voxels are not compared in nanometres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import write_array
from napari_emseg.jobs.agreed_spacing import agreed_spacing
from napari_emseg.jobs.evaluate import evaluate_files

if TYPE_CHECKING:
    from pathlib import Path

ISBI, CREMI = (50.0, 4.0, 4.0), (40.0, 4.0, 4.0)


def test_who_says_something_is_believed_and_small_differences_are_none():
    assert agreed_spacing(None, None, None, "p") is None
    assert agreed_spacing(None, None, CREMI, "p") == CREMI
    assert agreed_spacing(None, ISBI, None, "p") == ISBI
    assert agreed_spacing(None, ISBI, (50.0, 4.004, 3.98), "p") == ISBI
    assert agreed_spacing(CREMI, ISBI, CREMI, "p") == CREMI


@pytest.mark.parametrize(("kind", "options"), [("clefts", {}), ("segmentation", {"border_nm": 8.0})])
def test_scores_in_nanometres_want_one_voxel_size(tmp_path: Path, kind: str, options: dict[str, float]):
    ids = np.zeros((3, 20, 20), np.uint32)
    ids[:, 3:17, 3:17] = 1
    write_array(tmp_path / "t.h5", ids, spacing_nm=ISBI)
    write_array(tmp_path / "p.h5", ids, spacing_nm=CREMI)
    files = tmp_path / "t.h5", tmp_path / "p.h5"
    says = r"50 x 4 x 4 nm and those of the prediction 40 x 4 x 4 nm, .*p\.h5, give the right size with --pixel-size"
    with pytest.raises(EmsegError, match=says):
        evaluate_files(kind, *files, **options)  # type: ignore[arg-type]
    assert evaluate_files(kind, *files, spacing_nm=ISBI, **options)  # type: ignore[arg-type]
    assert evaluate_files("detection", *files)["f1"] == 1
