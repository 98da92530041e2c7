"""A project whose image is not the one that its labels were made on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_emseg.core.stack import ImageStack
from napari_emseg.io import open_image, write_array
from napari_emseg.session import Session

SHAPE = (5, 40, 50)


def stack(seed: int, uri: str = "sample:toy") -> ImageStack:
    image = np.random.default_rng(seed).integers(0, 255, SHAPE).astype(np.uint8)
    return ImageStack(image, (50.0, 4.6, 4.6), "sample", "toy", uri)


@pytest.fixture
def begun(folder: Path) -> Path:
    session = Session.create(folder, stack(0))
    session.volume[2, 5:9, 5:9] = 4
    session.close()
    return folder


def test_the_same_image_is_not_spoken_of(begun: Path) -> None:
    session = Session.open(begun, stack(0))
    assert (session.notices, session.image_change) == ([], "")
    session.close()


def test_another_sample_is_opened_and_told_until_somebody_says_that_it_fits(begun: Path) -> None:
    for _ in range(2):
        session = Session.open(begun, stack(1))
        assert int(session.volume[2, 6, 6]) == 4
        assert session.notices == [session.image_change]
        assert "sample is drawn in another way" in session.image_change
        assert "sections 0, 2 and 4" in session.image_change
        assert str(begun) in session.image_change
        session.set_spacing((40.0, 4.0, 4.0))  # what else is noted of the image does not hide it
        session.close()
    session = Session.open(begun, stack(1))
    session.keep_image()
    assert session.image_change == ""
    session.close()
    session = Session.open(begun, stack(1))
    assert session.notices == []
    session.close()


def test_a_file_that_was_replaced_by_another_of_the_same_extent_is_told(tmp_path: Path) -> None:
    write_array(tmp_path / "em.tif", np.asarray(stack(0).data), spacing_nm=(50.0, 4.6, 4.6))
    first = Session.open_or_create(open_image(tmp_path / "em.tif"))
    first.mark(1, "excluded", "fold")
    first.close()
    image = np.array(stack(0).data)
    image[4] = 255 - image[4]
    (tmp_path / "em.tif").unlink()
    write_array(tmp_path / "em.tif", image, spacing_nm=(50.0, 4.6, 4.6))
    again = Session.open_or_create(open_image(tmp_path / "em.tif"))
    assert again.project.folder == first.project.folder
    (notice,) = again.notices
    assert "not the one on which these labels were made (other grey values in section 4)" in notice
    again.close()


def test_projects_of_before_learn_it_when_they_are_opened(begun: Path) -> None:
    content = json.loads((begun / "project.json").read_text())
    del content["image"]["fingerprint"]
    (begun / "project.json").write_text(json.dumps(content))
    Session.open(begun, stack(0)).close()
    session = Session.open(begun, stack(1))
    assert len(session.notices) == 1
    session.close()


def test_a_project_in_which_nothing_was_made_takes_the_new_image_silently(folder: Path) -> None:
    Session.create(folder, stack(0)).close()
    session = Session.open(folder, stack(1))
    assert (session.notices, session.image_change) == ([], "")
    session.volume[2, 5:9, 5:9] = 4
    session.close()
    session = Session.open(folder, stack(0))
    assert len(session.notices) == 1
    session.close()


def test_reading_only_leaves_the_project_as_it_is(begun: Path) -> None:
    first = Session.open(begun, stack(0))
    second = Session.open(begun, stack(1))
    assert second.read_only
    assert second.image_change in second.notices
    second.close()
    first.close()
    third = Session.open(begun, replace(stack(0)))
    assert third.notices == []
    third.close()
