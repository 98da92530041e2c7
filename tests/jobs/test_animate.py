"""Section movies: what is in each frame, and how much memory that takes."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from PIL import Image, ImageSequence

from napari_emseg.algorithms.overlay import fill
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.jobs import frames
from napari_emseg.jobs.animate import animate
from napari_emseg.settings import AnimateSettings

PLAIN = AnimateSettings(caption=False, dark=0, bright=100, opacity=1)


def read(path):
    with Image.open(path) as file:
        return np.stack([np.asarray(page.convert("RGB")) for page in ImageSequence.Iterator(file)])


@pytest.fixture
def ramp():
    """Three sections of 4 x 6 pixels with all greys from 1 to 255 between them."""
    return np.linspace(1, 255, 72).round().astype(np.uint8).reshape(3, 4, 6)


def test_every_section_is_a_frame_in_one_contrast(ramp, tmp_path):
    found = animate(ramp, tmp_path / "a.gif", settings=PLAIN)
    assert (found.sections, found.size, found.pixel_nm) == (3, (4, 6), None)
    wanted = np.rint((ramp.astype(float) - 1) * 255 / 254)
    np.testing.assert_allclose(read(tmp_path / "a.gif")[..., 0], wanted, atol=1)


def test_contrast_is_that_of_percentiles(tmp_path):
    image = np.tile(np.arange(1, 102, dtype=np.uint16) * 100, (2, 3, 1))
    animate(image, tmp_path / "a.gif", settings=PLAIN.model_copy(update={"dark": 10, "bright": 90}))
    row = read(tmp_path / "a.gif")[1, 1, :, 0]
    assert (row[:11] == 0).all()
    assert (row[90:] == 255).all()
    assert row[50] == pytest.approx(127.5, abs=1)


def test_what_is_no_number_and_black_margins_do_not_count(tmp_path):
    image = np.zeros((1, 8, 8), np.float32)
    image[0, 2:6, 2:6] = np.linspace(0.5, 1, 16).reshape(4, 4)
    image[0, 0] = np.nan
    assert frames.contrast(list(image), 0, 100) == (0.5, 1.0)
    animate(image, tmp_path / "a.gif", settings=PLAIN)
    assert read(tmp_path / "a.gif")[0, 5, 5, 0] == 255


def test_a_blank_stack_is_a_movie_too(tmp_path):
    animate(np.zeros((2, 5, 5), np.uint8), tmp_path / "a.gif", settings=PLAIN)
    assert (read(tmp_path / "a.gif") == 0).all()


def test_an_object_keeps_its_colour_when_others_come_and_go(tmp_path):
    """The colour once followed the rank among those present, and gaps in the ids stayed black."""
    labels = np.zeros((4, 24, 24), np.uint32)
    labels[:, 4:12, 4:12] = 1000
    labels[1:, 14:20, 4:12] = 3
    labels[2:, 4:12, 14:20] = 70_000
    found = animate(np.full(labels.shape, 90, np.uint8), tmp_path / "a.gif", labels=labels, settings=PLAIN)
    assert found.sections == 4
    shown = read(tmp_path / "a.gif").astype(int)
    patch = shown[:, 4:12, 4:12]
    assert (patch == patch[:1]).all()
    assert np.abs(patch - fill(np.zeros((1, 1), np.uint8), np.array([[1000]]), 1)[0, 0]).max() <= 12
    for place in ((3, 16, 6), (3, 6, 16)):
        assert shown[place].max() > 40


def test_an_object_that_no_example_shows_has_its_colour_too(tmp_path):
    labels = np.zeros((60, 16, 16), np.uint16)
    labels[5] = 2
    animate(np.full(labels.shape, 90, np.uint8), tmp_path / "a.gif", labels=labels, settings=PLAIN)
    wanted = fill(np.zeros((1, 1), np.uint8), np.array([[2]]), 1)[0, 0]
    assert np.abs(read(tmp_path / "a.gif")[5].astype(int) - wanted).max() <= 24


def test_outlines_and_dots_leave_the_inside_free():
    labels = np.zeros((20, 20), np.uint32)
    labels[2:18, 2:18] = 5
    grey = np.full((20, 20), 128, np.uint8)
    scene = frames.Scene((20, 20), None, 0, 255, PLAIN.model_copy(update={"outlines": True, "dots": True}))
    shown = frames.frame(scene, grey, labels, 0)
    colour = fill(grey, labels, 1)[2, 2]
    assert (shown[2, 2:18] == colour).all()
    assert (shown[9, 9] == colour).all()
    assert (shown[4:6, 4:6] == 128).all()


def test_a_region_is_numbered_as_in_the_stack(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(frames, "captioned", lambda picture, text, nm: seen.append((text, nm)) or picture)
    image = np.arange(6 * 8 * 10, dtype=np.uint16).reshape(6, 8, 10)
    found = animate(
        image, tmp_path / "a.gif", region=Region((2, 1, 3), (4, 7, 9)), spacing_nm=(50.0, 4.0, 4.0),
        settings=AnimateSettings(dark=0, bright=100),
    )  # fmt: skip
    assert (found.sections, found.size, found.pixel_nm) == (2, (6, 6), 4.0)
    assert seen[-2:] == [("section 2", 4.0), ("section 3", 4.0)]


@pytest.mark.parametrize(
    ("shape", "spacing", "largest", "size", "pixel_nm"),
    [
        ((512, 1024), (50.0, 4.0, 4.0), 256, (128, 256), 16.0),
        ((512, 1024), None, 4096, (512, 1024), None),
        ((100, 100), (50.0, 8.0, 4.0), 1000, (100, 50), 8.0),  # pixels are square on the screen
        ((100, 3), None, 20, (20, 1), None),
    ],
)
def test_frames_are_fitted_and_never_enlarged(shape, spacing, largest, size, pixel_nm):
    assert frames.frame_size(shape, spacing, largest) == (size, pixel_nm)


def test_smaller_frames_average_greys_and_keep_ids():
    grey = np.array([[0, 200, 40, 40], [200, 0, 40, 40]], np.uint8)
    assert frames._shrunk(grey, (1, 2)).tolist() == [[100, 40]]
    ids = np.array([[7, 7, 7, 900], [7, 7, 900, 900]])
    assert set(frames.thinned(ids, (1, 2)).ravel()) <= {7, 900}


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.zeros((3, 4, 5), np.uint8), "do not fit"),
        (np.zeros((3, 4, 6), np.float32), "whole numbers"),
        (np.full((3, 4, 6), -1, np.int32), "negative"),
    ],
)
def test_labels_that_are_none_are_refused(ramp, labels, said, tmp_path):
    with pytest.raises(EmsegError, match=said):
        animate(ramp, tmp_path / "a.gif", labels=labels)
    assert not list(tmp_path.iterdir())


class Endless:
    """A stack of as many sections as you like, made when they are read."""

    dtype = np.dtype(np.uint8)

    def __init__(self, n):
        self.shape = (n, 200, 200)

    def __getitem__(self, key):
        z = key[0]
        count = 1 if isinstance(z, int) else z.stop - z.start
        first = z if isinstance(z, int) else z.start
        block = (np.arange(count * 40000).reshape(count, 200, 200) + first) % 251
        return block.astype(np.uint8)[0 if isinstance(z, int) else slice(None)][..., key[1], key[2]]


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_memory_does_not_grow_with_the_number_of_sections(suffix, tmp_path, monkeypatch):
    if suffix == ".mp4":
        pytest.importorskip("imageio_ffmpeg", reason="imageio-ffmpeg is not installed")

    monkeypatch.setattr("napari_emseg.io.boxes._STEP_BYTES", 200_000)  # sections are read some at a time

    def peak(n):
        tracemalloc.start()
        animate(Endless(n), tmp_path / f"{n}{suffix}", labels=Endless(n), settings=PLAIN)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10)  # what is loaded once
    assert peak(100) < 1.1 * peak(10)


def test_objects_are_turned_around_with_all_their_sections(tmp_path):
    labels = np.zeros((6, 20, 30), np.uint64)
    labels[:, 3:6, 4:8] = 3
    labels[2, 12:15, 20:25] = 2**63 + 40
    settings = AnimateSettings(turn=True, scale=200, fps=5, caption=False)
    found = animate(
        labels > 0, tmp_path / "a.gif", labels=labels, spacing_nm=(50.0, 10.0, 10.0), settings=settings
    )
    shown = read(tmp_path / "a.gif")
    assert (found.sections, len(shown), shown.shape[1:3]) == (30, 30, found.size)
    coloured = (np.ptp(shown.astype(int), axis=3) > 40).sum(axis=(1, 2))
    assert coloured.max() == 7 * 5  # a dot of five pixels for every object of every section


@pytest.mark.parametrize(("labels", "said"), [(None, "no objects"), (np.full((3, 4, 6), -1), "negative")])
def test_what_cannot_be_turned_is_refused(ramp, labels, said, tmp_path):
    with pytest.raises(EmsegError, match=said):
        animate(ramp, tmp_path / "a.gif", labels=labels, settings=AnimateSettings(turn=True))
    assert not list(tmp_path.iterdir())


def test_nothing_turned_is_an_empty_box(ramp, tmp_path):
    animate(
        ramp,
        tmp_path / "a.gif",
        labels=np.zeros(ramp.shape, np.uint8),
        settings=AnimateSettings(turn=True, scale=64),
    )
    assert read(tmp_path / "a.gif").any()
