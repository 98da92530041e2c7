"""Sections as the cleaned copy will hold them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_emseg.core.progress import Silent
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import ImageStack
from napari_emseg.jobs import preprocess as job
from napari_emseg.phantom import make_phantom
from napari_emseg.phantom.injuries import crack, draw_displacement
from napari_emseg.session import Session
from napari_emseg.settings import CleanUpSettings


@pytest.fixture(scope="module")
def cracked() -> np.ndarray:
    stack = make_phantom((4, 200, 200), seed=2).image.copy()
    rng = np.random.default_rng(3)
    stack[1] = crack(rng, stack[1], draw_displacement(rng, (200, 200), 16, -1))
    return stack


def test_a_cracked_section_is_mended_once_however_often_it_is_read(cracked, monkeypatch):
    calls = []
    real = job.mend
    monkeypatch.setattr(job, "mend", lambda *words: calls.append(1) or real(*words))
    source = job.Source(cracked, (1,), CleanUpSettings(mend_cracks=True), "here")
    assert sorted(source.find_cracks(Silent())) == [1]
    first, again = source.section(1), source.section(1)
    assert len(calls) == 1
    assert np.array_equal(first, again)
    assert not np.array_equal(first, cracked[1])
    list(job.cleaned(source, 4, CleanUpSettings(mend_cracks=True, even_out=True)))
    assert len(calls) == 1


def test_the_preview_says_what_it_is_doing_and_is_what_the_copy_holds(cracked):
    said = []

    class Told(Silent):
        def report(self, fraction, message="", **values):
            said.append(message)

    settings = CleanUpSettings(mend_cracks=True)
    found = job.preview(job.PreviewRequest(1, cracked, (1,), settings), Told())
    assert said == ["looking for a crack in section 1"]
    source = job.Source(cracked, (1,), settings, "here")
    source.find_cracks()
    assert np.array_equal(found, list(job.cleaned(source, 4, settings))[1])


@pytest.mark.parametrize("even_out", [True, False])
def test_a_preview_asks_for_no_cracks_far_away(cracked, tmp_path, even_out):
    """Of a stack in memory only those sections travel to the worker that the previewed one depends on."""
    stack = np.concatenate([cracked, np.repeat(cracked[3:], 20, axis=0), cracked])
    image = ImageStack(stack, (50.0, 5.0, 5.0), "you", "toy", "sample:toy")
    session = Session.create(tmp_path / "toy.emseg", image)
    session.set_settings(CleanUpSettings(mend_cracks=True, even_out=even_out))
    for z in (1, 25):
        session.mark(z, Status.EXCLUDED, "crack")
    request = job.prepare_preview(session, image, 1)
    session.close()
    found = job.preview(request, Silent())
    source = job.Source(stack, (1, 25), request.settings, "here")
    assert sorted(source.find_cracks()) == [1, 25]
    assert np.array_equal(found, list(job.cleaned(source, len(stack), request.settings))[1])


def test_a_preview_in_the_middle_of_a_stack_is_what_the_copy_holds(tmp_path):
    stack = np.random.default_rng(0).integers(40, 200, (16, 24, 24)).astype(np.uint8)
    image = ImageStack(stack, (50.0, 5.0, 5.0), "you", "toy", "sample:toy")
    session = Session.create(tmp_path / "toy.emseg", image)
    session.set_settings(CleanUpSettings(sections=2, radius_px=5))
    session.mark(11, Status.EXCLUDED, "fold")
    request = job.prepare_preview(session, image, 10)
    session.close()
    source = job.Source(stack, (11,), request.settings, "here")
    copy = list(job.cleaned(source, len(stack), request.settings))
    assert np.array_equal(job.preview(request, Silent()), copy[10])
    known = job.deflicker_settings(request.settings)
    assert (known.sections, known.radius_px) == (2, 5)


def test_a_crack_is_judged_by_the_nearest_good_sections(monkeypatch):
    judged = {}

    def locate(section, z, around):
        judged[z] = [int(one[0, 0]) for one in around]

    monkeypatch.setattr(job, "locate", locate)
    stack = np.arange(5, dtype=np.uint8)[:, None, None].repeat(8, 1).repeat(8, 2)
    job.Source(stack, (1, 2, 4), CleanUpSettings(mend_cracks=True), "here").find_cracks()
    assert judged == {1: [0, 3], 2: [0, 3], 4: [3]}


def test_the_copy_opens_without_complaint_and_its_cracks_lie_beside_it(cracked, tmp_path):
    from napari_emseg.io import open_array
    from napari_emseg.preprocess.cracks import read_cracks

    def cleaned(bad):
        settings = CleanUpSettings(mend_cracks=True)
        request = job.CleanRequest(cracked, "here", (50.0, 5.0, 5.0), bad, settings, tmp_path / job.CLEANED)
        return job.run(request, Silent())

    assert cleaned((1,)).mended == (1,)
    found, spacing = open_array(tmp_path / job.CLEANED)  # warnings are errors here
    assert (found.shape, spacing) == (cracked.shape, (50.0, 5.0, 5.0))
    record = tmp_path / job.CRACKS
    assert [c.section for c in read_cracks(record.read_text("utf-8"), "record")] == [1]
    cleaned(())
    assert not record.exists()
