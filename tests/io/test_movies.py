"""Movies frame by frame: number, time, colours, one file or none."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from napari_emseg.core.errors import EmsegError, WrongCall
from napari_emseg.io.movies import check_movie, movie

RNG = np.random.default_rng(0)
GREY = [np.repeat(RNG.integers(0, 256, (21, 33, 1), dtype=np.uint8), 3, axis=2) for _ in range(5)]


def write(
    path: Path, frames: list[np.ndarray], fps: float = 10, examples: list[np.ndarray] | None = None
) -> None:
    with movie(path, fps, examples or frames) as out:
        for frame in frames:
            out.add(frame)


def read(path: Path) -> tuple[np.ndarray, list[int]]:
    with Image.open(path) as file:
        pages = [
            (np.asarray(page.convert("RGB")), page.info["duration"]) for page in ImageSequence.Iterator(file)
        ]
    return np.stack([page for page, _ in pages]), [ms for _, ms in pages]


def test_a_grey_gif_is_exact(tmp_path: Path) -> None:
    write(tmp_path / "a.gif", GREY)
    found, durations = read(tmp_path / "a.gif")
    np.testing.assert_array_equal(found, GREY)
    assert durations == [100] * 5


def test_one_section_is_a_movie(tmp_path: Path) -> None:
    write(tmp_path / "a.gif", GREY[:1])
    with Image.open(tmp_path / "a.gif") as file:
        assert (file.n_frames, file.size) == (1, (33, 21))


@pytest.mark.parametrize("fps", [30, 7, 12.5, 0.5, 50])
def test_a_gif_takes_as_long_as_it_should(fps: float, tmp_path: Path) -> None:
    frames = [GREY[n % 5] for n in range(40)]
    write(tmp_path / "a.gif", frames, fps)
    durations = read(tmp_path / "a.gif")[1]
    assert abs(sum(durations) - 40_000 / fps) <= 5
    assert max(durations) - min(durations) <= 10


def test_a_colour_is_the_same_in_every_frame(tmp_path: Path) -> None:
    """Whatever else is in a frame: palettes of its own would move it a little from frame to frame."""
    frames = []
    for n in range(6):
        frame = RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8)
        frame[:, : 10 + n] //= 4
        frame[12:20, 20:28] = (200, 40, 90)
        frames.append(frame)
    write(tmp_path / "a.gif", frames, examples=frames[:3])
    found, _ = read(tmp_path / "a.gif")
    patch = found[:, 12:20, 20:28].astype(int)
    assert (patch == patch[:1]).all()
    assert np.abs(patch.mean(axis=(0, 1, 2)) - (200, 40, 90)).max() < 16


def test_text_stays_white_and_black(tmp_path: Path) -> None:
    frame = RNG.integers(60, 200, (64, 64, 3), dtype=np.uint8)
    write(tmp_path / "a.gif", [np.full((64, 64, 3), v, np.uint8) for v in (0, 255)], examples=[frame])
    found, _ = read(tmp_path / "a.gif")
    assert found[0].max() <= 16
    assert found[1].min() >= 239


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_nothing_is_left_of_a_movie_that_was_stopped(suffix: str, tmp_path: Path) -> None:
    if suffix == ".mp4":
        pytest.importorskip("imageio_ffmpeg", reason="imageio-ffmpeg is not installed")
    (tmp_path / f"a{suffix}").write_bytes(b"older")

    def stopped() -> None:
        with movie(tmp_path / f"a{suffix}", 10, GREY) as out:
            out.add(GREY[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]
    assert (tmp_path / f"a{suffix}").read_bytes() == b"older"


@pytest.mark.parametrize(("name", "fps"), [("a.avi", 10), ("a", 10), ("a.gif", 60)])
def test_what_cannot_be_written_is_a_wrong_call(name: str, fps: float) -> None:
    with pytest.raises(WrongCall):
        check_movie(name, fps)


def test_without_ffmpeg_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(
        EmsegError, match=r"needs the library imageio_ffmpeg, a\.mp4, pip install 'napari-emseg\[video\]'"
    ):
        check_movie("a.mp4", 10)
    assert check_movie("a.gif", 10) == ".gif"


def video(path: Path) -> tuple[np.ndarray, str]:
    """All frames, and what ffmpeg says about the file."""
    import imageio_ffmpeg

    raw = ["-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *raw], capture_output=True, check=True)
    about = done.stderr.decode()
    width, height = re.search(r"Video: h264.*?, (\d+)x(\d+)[, ]", about).groups()
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, int(height), int(width), 3), about


def test_an_mp4_has_all_frames_at_their_rate_and_in_their_colours(tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg", reason="imageio-ffmpeg is not installed")
    frames = [np.full((33, 47, 3), (200, 40 + 10 * n, 90), np.uint8) for n in range(7)]
    write(tmp_path / "a.mp4", frames, 12.5)
    found, about = video(tmp_path / "a.mp4")
    assert found.shape == (7, 34, 48, 3)  # an even number of pixels
    assert "12.50 fps" in about
    assert "yuv420p" in about  # what every player can show
    assert np.abs(found[:, :33, :47].astype(int) - frames).max() <= 4


def test_what_ffmpeg_says_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="imageio-ffmpeg is not installed")
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho it is broken >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(ffmpeg, "get_ffmpeg_exe", lambda: str(broken))
    large = np.zeros((600, 600, 3), np.uint8)  # does not fit into the pipe
    with pytest.raises(EmsegError, match=r"ffmpeg failed \(it is broken\)"):
        write(tmp_path / "a.mp4", [large] * 3)
    assert [path.name for path in tmp_path.iterdir()] == ["ffmpeg"]


def test_a_movie_that_ffmpeg_leaves_early_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends without a word and says that all went well; the rest of the sections would be lost."""
    ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="imageio-ffmpeg is not installed")
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\nexit 0\n")
    broken.chmod(0o755)
    monkeypatch.setattr(ffmpeg, "get_ffmpeg_exe", lambda: str(broken))
    large = np.zeros((600, 600, 3), np.uint8)
    with pytest.raises(EmsegError, match="ffmpeg ended before all sections were there"):
        write(tmp_path / "a.mp4", [large] * 3)
    assert [path.name for path in tmp_path.iterdir()] == ["ffmpeg"]
