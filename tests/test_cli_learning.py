"""Models of a project, and fine-tuning, as a shell sees them."""

from __future__ import annotations

import numpy as np
import pytest
from shell import SPACING, noise, run

from napari_emseg.core.learning import FinetuneResult
from napari_emseg.io import write_array


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Three sections of 96 x 128 px of noise."""
    return noise(tmp_path_factory.mktemp("stack"))


def test_versions_of_a_project_are_shown_chosen_and_taken_in(model, stack, tmp_path, capsys):
    from napari_emseg.io import open_image
    from napari_emseg.session import Session

    project = tmp_path / "p.emseg"
    session = Session.create(project, open_image(stack))
    session.model = str(model)
    session.close()
    assert run(capsys, "models", "tree", project)[1] == f"* {model.name}\n"
    status, out, _ = run(capsys, "models", "accept", project, model)
    assert (status, out) == (0, f"  {model.name}\n*   toy-2\n")
    status, out, _ = run(capsys, "models", "use", project, model.name)
    assert (status, out) == (0, f"* {model.name}\n    toy-2\n")
    status, _, err = run(capsys, "models", "use", project, "toy-7")
    assert (status, "choose one of: toy, toy-2" in err) == (1, True)
    status, _, err = run(capsys, "models", "use", project)
    assert (status, "takes PROJECT VERSION" in err) == (2, True)


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.tif"
    ids = np.kron(np.arange(1, 13).reshape(3, 4), np.ones((32, 32))).astype(np.uint16)
    write_array(path, np.stack([ids, ids, np.zeros_like(ids)]), spacing_nm=SPACING)
    return path


def test_finetune_refuses_sections_without_labels(model, stack, labels, tmp_path, capsys):
    words = ("finetune", model, stack, labels, tmp_path / "out", "--sections", "1-2")
    status, _, err = run(capsys, *words)
    assert (status, err.count("\n")) == (1, 1)
    assert "no labels in section 2" in err
    assert not (tmp_path / "out").exists()


def test_finetune_resumes_only_what_is_there(model, stack, labels, tmp_path, capsys):
    status, _, err = run(capsys, "finetune", model, stack, labels, tmp_path / "out", "--resume")
    assert status == 1
    assert "no model to go on from" in err
    status, _, err = run(capsys, "finetune", "toy", stack, labels, model)
    assert status == 1
    assert "a model here already" in err


def test_finetune_takes_lists_of_stacks(model, stack, labels, tmp_path, capsys):
    lists = (f"{stack}@{stack}", f"{labels}@{labels}")
    status, _, err = run(capsys, "finetune", model, lists[0], labels, tmp_path / "out")
    assert (status, "2 images and 1 file of labels" in err) == (1, True)
    status, _, err = run(capsys, "finetune", model, *lists, tmp_path / "out", "--sections", "0@1@0")
    assert (status, "2 images and 3 lists of sections" in err) == (1, True)
    status, _, err = run(capsys, "finetune", model, *lists, tmp_path / "out", "--sections", "0@2")
    assert (status, "no labels in section 2" in err) == (1, True)


@pytest.mark.parametrize(("size", "is_said"), [("4.6", False), ("20", True)])
def test_finetune_says_when_pixels_are_not_the_models(
    model, stack, labels, tmp_path, capsys, monkeypatch, size, is_said
):
    done = FinetuneResult(tmp_path / "out", 1, 1.0, ())
    monkeypatch.setattr("napari_emseg.jobs.finetune.run", lambda *_: done)
    words = ("finetune", model, stack, labels, tmp_path / "out", "--sections", "1", "--pixel-size", size)
    status, out, err = run(capsys, *words)
    assert (status, err) == (0, "")
    assert ("these are 20 nm: learning resamples the image" in out) is is_said


def test_finetune_says_when_labels_leave_most_of_a_section_empty(
    model, stack, labels, tmp_path, capsys, monkeypatch
):
    done = FinetuneResult(tmp_path / "out", 1, 1.0, ())
    monkeypatch.setattr("napari_emseg.jobs.finetune.run", lambda *_: done)
    few = np.zeros((3, 96, 128), np.uint16)
    few[1, 8:24, 8:40] = 3  # a twenty-fourth
    write_array(tmp_path / "few.tif", few, spacing_nm=SPACING)
    few[few == 0] = 9
    write_array(tmp_path / "known.tif", few, spacing_nm=SPACING)
    for path, more, much in (
        (labels, [], ""), (tmp_path / "few.tif", [], "4 % of what teaches"),
        (tmp_path / "known.tif", ["--ignore", "9"], ""),
        (tmp_path / "few.tif", ["--region", "0:3,8:24,8:40"], ""),
    ):  # fmt: skip
        status, out, err = run(
            capsys, "finetune", model, stack, path, tmp_path / "out", "--sections", "1", *more
        )
        assert (status, err) == (0, "")
        assert ("is labelled. The border" in out) is bool(much)
        assert much in out
