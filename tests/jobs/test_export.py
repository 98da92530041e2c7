"""What is given away says where it comes from, and claims nothing that the journal does not say."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import ModelCard
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.io import open_array
from napari_emseg.jobs.export import (
    COLUMNS,
    SomeSections,
    export_labels,
    export_methods,
    export_probabilities,
    export_sections,
)
from napari_emseg.jobs.methods import methods_text, provenance, ranges
from napari_emseg.proofread.merge import merge
from napari_emseg.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHAPE = (4, 20, 30)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    image = ImageStack(np.zeros(SHAPE, np.uint8), (50.0, 9.0, 9.0), "file", "toy", "", (100.0, 0.0, 18.0))
    made = Session.create(tmp_path / "toy.emseg", image)
    region = Region((0, 0, 0), (3, 20, 30))
    before = np.zeros(region.shape, np.uint32)
    after = before.copy()
    after[:, :10], after[:, 10:] = 1, 2
    made.commit(Edit("segment", "model", (Patch(region, before, after),)))
    made.volume[1, 2:4, 2:4] = 2
    made.commit_stroke()
    made.mark(1, Status.PROOFREAD)
    made.mark(3, Status.EXCLUDED, "fold")
    yield made
    made.close()


def test_labels_with_voxel_size_and_place(session: Session, tmp_path: Path) -> None:
    from napari_emseg.io.opening import open_volume

    assert export_labels(session, tmp_path / "out.zarr") == 4
    opened = open_volume(tmp_path / "out.zarr")
    np.testing.assert_array_equal(opened.array[:], session.volume[:])
    assert opened.spacing_nm == (50, 9, 9)
    assert opened.offset_nm == (100, 0, 18)
    assert opened.holds_ids


def test_only_proofread_sections(session: Session, tmp_path: Path) -> None:
    assert export_labels(session, tmp_path / "out.tif", proofread_only=True) == 1
    found = open_array(tmp_path / "out.tif")[0][:]
    np.testing.assert_array_equal(found[1], session.volume[1])
    assert not found[[0, 2, 3]].any()
    session.mark(1, Status.PREDICTED)
    with pytest.raises(EmsegError, match="no section is marked proofread"):
        export_labels(session, tmp_path / "none.tif", proofread_only=True)
    with pytest.raises(EmsegError, match="names no output format"):
        export_labels(session, tmp_path / "out.docx")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.tif", "toy.emseg"]


def test_some_sections_reads_like_an_array(session: Session) -> None:
    whole = session.volume[:].copy()
    whole[[0, 2, 3]] = 0
    some = SomeSections(session.volume, {1})
    for key in (0, 1, slice(None), slice(1, 3), (slice(0, 2), slice(3, 5), slice(None)), (1, slice(2, 4), 5)):
        np.testing.assert_array_equal(some[key], whole[key])


def test_probabilities(session: Session, tmp_path: Path) -> None:
    boundary = np.random.default_rng(0).integers(0, 255, SHAPE).astype(np.uint8)
    export_probabilities(session, boundary, tmp_path / "p.h5")
    np.testing.assert_array_equal(open_array(tmp_path / "p.h5")[0][:], boundary)


def test_the_table_of_sections(session: Session, tmp_path: Path) -> None:
    assert export_sections(session, tmp_path / "s.csv") == 4
    rows = list(csv.DictReader(io.StringIO((tmp_path / "s.csv").read_text("utf-8"))))
    assert tuple(rows[0]) == COLUMNS
    first, second, _, last = rows
    assert (first["state"], first["objects"], first["corrections"]) == ("unseen", "2", "0")
    assert (second["state"], second["corrections"], second["position_nm"]) == ("proofread", "1", "50.0")
    assert (last["state"], last["reason"], last["labelled_fraction"]) == ("excluded", "fold", "0.0")


def test_the_methods_paragraph_says_what_was_done(session: Session, tmp_path: Path) -> None:
    session.commit(merge(session.volume, (1, 2)))
    text = methods_text(session)
    assert (
        "the stack “toy” (4 sections of 30 × 20 pixels, voxels of 9 × 9 × 50 nm (x × y × z) as given by the file)"
        in text
    )
    assert "with the model membrane (version " in text
    assert "taken over in 1 step on " in text
    assert "the image was resampled to pixels of" in text  # the model knows smaller ones
    assert "corrected by hand on " in text
    assert "in 2 edits (merge 1, paint 1)" in text
    assert "1 of 4 sections were proofread (1), and 1 left out (3: fold)" in text
    assert "seeds: membrane above 0.5" in text
    assert "carried through" not in text  # nothing was
    session.undo()
    assert "in 1 edit (paint 1)" in methods_text(session)
    export_methods(session, tmp_path / "m.txt")
    assert (tmp_path / "m.txt").read_text("utf-8") == methods_text(session)
    with pytest.raises(EmsegError, match="cannot be written"):
        export_methods(session, tmp_path / "missing" / "m.txt")


def test_choices_are_told_in_the_words_of_the_window(session: Session) -> None:
    from napari_emseg.settings.predict import PredictSettings

    session.set_settings(PredictSettings(tta="flips"))
    assert "predict: look from 4 sides, compute on what is there, smallest cell 550 nm²" in methods_text(
        session
    )


def test_an_untouched_stack_claims_nothing(tmp_path: Path) -> None:
    image = ImageStack(np.zeros(SHAPE, np.uint8), None, "unknown", "bare", "")
    with_nothing = Session.create(tmp_path / "bare.emseg", image)
    text = methods_text(with_nothing)
    assert "voxel size unknown" in text
    assert "Nothing was corrected by hand." in text
    assert "model" not in text.split("\n\n")[0]
    with_nothing.close()


def test_provenance_goes_with_every_output(session: Session) -> None:
    about = provenance(session)
    assert about["model"]["name"] == "membrane"
    assert about["sections"] == {"predicted": [], "proofread": [1], "excluded": [3]}
    assert about["edits"] == {"human": 3, "model": 1}
    assert about["settings"]["seeds"]["threshold"] == 0.5


def test_section_numbers_for_people() -> None:
    assert ranges([7, 0, 1, 2, 3]) == "0-3, 7"
    assert ranges([]) == ""


def test_models_that_come_from_each_other_are_cited_once(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_emseg.jobs import methods

    cards = {
        name: ModelCard(
            name=name, parent=parent, architecture="unet", targets=("membrane",), pixel_size_nm=5,
            pixel_size_range_nm=(4, 6), citation=(f"Work of {name}",),
        )
        for name, parent in (("a", "b"), ("b", "a"))
    }  # fmt: skip
    monkeypatch.setattr(methods, "_card", lambda _, name: cards.get(name))
    session.project = replace(session.project, model="a")
    region = Region((0, 0, 0), (1, 1, 1))
    before = session.volume.read(region)
    session.commit(Edit("segment", "model", (Patch(region, before, before + 5),)))
    assert "To cite with it: Work of a; Work of b." in methods_text(session)
