"""Movies that are written frame by frame: GIF, which needs nothing else, and MP4."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from napari_emseg.core.errors import EmsegError, WrongCall
from napari_emseg.io.atomic import atomic_output
from napari_emseg.io.extras import required

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import IO, BinaryIO

    from numpy.typing import NDArray
    from PIL import Image

    Frame = NDArray[np.uint8]

SUFFIXES = (".gif", ".mp4")

_FLAGS = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows would open a black one
_GIF_MOST_FPS = 50.0  # viewers slow frames down that are shown for less than 20 ms
_GIF_LARGEST = 65535  # pixels; sizes have two bytes
_LEARNED = 254  # colours of the palette that are learned; white and black are always there
_SAMPLE = 1 << 18  # pixels from which the palette is learned
_ENOUGH = "18"  # H.264 at this constant rate factor shows no difference to the eye
_BAYER = (
    np.array(
        [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.int16
    )
    - 7
)  # fmt: skip


class Movie(Protocol):
    """What frames are given to."""

    def add(self, frame: Frame) -> None:
        """Append one frame (y, x, 3)."""


def check_movie(path: str | os.PathLike[str], fps: float) -> str:
    """Refuse a movie that could not be written, before any work.

    Returns
    -------
    str
        Its suffix.

    Raises
    ------
    WrongCall
        If the suffix names no movie, or a GIF cannot be that quick.
    EmsegError
        If what writes MP4 is not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise WrongCall("a movie is a .gif or an .mp4", os.fspath(path), "give one of these endings")
    if suffix == ".gif" and fps > _GIF_MOST_FPS:
        raise WrongCall(
            f"viewers show a GIF with at most {_GIF_MOST_FPS:g} frames a second",
            f"--fps {fps:g}",
            "give fewer, or an .mp4",
        )
    if suffix == ".mp4":
        required("imageio_ffmpeg", "video", os.fspath(path))
    return suffix


@contextmanager
def movie(path: str | os.PathLike[str], fps: float, examples: Sequence[Frame]) -> Iterator[Movie]:
    """Write a movie; it appears under its name when it is complete.

    Parameters
    ----------
    path : str or Path
        ``.gif`` or ``.mp4``.
    fps : float
        Frames a second. A GIF counts in hundredths of a second: single frames differ by one, the whole does not.
    examples : sequence of ndarray (y, x, 3) of uint8
        Some frames, from which a GIF learns its one palette. One palette for all frames, because the
        colour of an object must not change from frame to frame.

    Yields
    ------
    Movie
        Takes the frames (y, x, 3), all of one size, and keeps none of them.
    """
    suffix = check_movie(path, fps)
    with atomic_output(Path(path)) as place:
        if suffix == ".mp4":
            with _mp4(place, fps) as video:
                yield video
        else:
            with place.open("wb") as file:
                gif = _Gif(file, fps, examples)
                yield gif
                gif.close()


class _Gif:
    """GIF89a with one palette, endless loop, and nothing kept in memory."""

    def __init__(self, file: BinaryIO, fps: float, examples: Sequence[Frame]) -> None:
        height, width = examples[0].shape[:2]
        if max(height, width) > _GIF_LARGEST:
            raise EmsegError("a GIF has at most 65535 pixels a side", f"{height} x {width}", "give --scale")
        self._file, self._fps, self._count = file, fps, 0
        self._is_grey = all((frame == frame[..., :1]).all() for frame in examples)
        self._palette, self._step = _palette(examples, self._is_grey)
        sizes = width.to_bytes(2, "little") + height.to_bytes(2, "little")
        file.write(b"GIF89a" + sizes + b"\xf7\x00\x00" + bytes(self._palette.getpalette() or ()))
        file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00")

    def add(self, frame: Frame) -> None:
        from PIL import GifImagePlugin

        picture = self._indexed(frame)
        end = round((self._count + 1) * 100 / self._fps)
        delay = end - round(self._count * 100 / self._fps)
        self._count += 1
        self._file.write(b"\x21\xf9\x04\x04" + delay.to_bytes(2, "little") + b"\x00\x00")
        for part in GifImagePlugin.getdata(picture):
            self._file.write(part)

    def _indexed(self, frame: Frame) -> Image.Image:
        from PIL import Image

        if self._is_grey:
            picture = Image.fromarray(np.ascontiguousarray(frame[..., 0]))
            picture.putpalette(self._palette.getpalette() or ())
            return picture
        # a pattern that stands still, so that mixed colours do not shimmer
        dots = np.tile(_BAYER, (-(-frame.shape[0] // 4), -(-frame.shape[1] // 4)))
        dots = dots[: frame.shape[0], : frame.shape[1], None] * self._step // 16
        shifted = (frame + dots).clip(0, 255).astype(np.uint8)
        return Image.fromarray(shifted).quantize(palette=self._palette, dither=Image.Dither.NONE)

    def close(self) -> None:
        """End the file."""
        self._file.write(b"\x3b")


def _palette(examples: Sequence[Frame], is_grey: bool) -> tuple[Image.Image, int]:
    """A picture that holds the 256 colours, and how far apart they lie, in grey levels."""
    from PIL import Image

    found = Image.new("P", (1, 1))
    if is_grey:
        found.putpalette(np.repeat(np.arange(256, dtype=np.uint8), 3).tobytes())
        return found, 0
    pixels = np.concatenate([frame.reshape(-1, 3) for frame in examples])
    pixels = pixels[:: max(1, len(pixels) // _SAMPLE)]
    learned = Image.fromarray(pixels[None]).quantize(_LEARNED, method=Image.Quantize.MEDIANCUT, kmeans=1)
    colours = np.frombuffer(bytes(learned.getpalette() or ()), np.uint8).reshape(-1, 3)
    table = np.zeros((256, 3), np.uint8)
    table[: len(colours[:_LEARNED])] = colours[:_LEARNED]
    table[-1] = 255
    found.putpalette(table.tobytes())
    shown = np.asarray(Image.fromarray(pixels[None]).quantize(palette=found, dither=Image.Dither.NONE))
    error = np.abs(table[shown[0]].astype(int) - pixels).mean()
    return found, round(2 * float(error))


class _Video:
    """Frames on their way into ffmpeg, which compresses them beside this process."""

    def __init__(self, place: Path, fps: float, said: IO[bytes]) -> None:
        self._place, self._fps, self._said = place, fps, said
        self._process: subprocess.Popen[bytes] | None = None

    def add(self, frame: Frame) -> None:
        height, width = frame.shape[:2]
        # players want colours at half the resolution, and so an even number of pixels
        even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        if self._process is None:
            self._process = self._start(even.shape[1], even.shape[0])
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(np.ascontiguousarray(even).data)
        except OSError:  # Windows calls a broken pipe an invalid argument
            self.close()
            raise EmsegError(
                "ffmpeg ended before all sections were there", "", "write a .gif instead"
            ) from None

    def close(self) -> None:
        """Wait until all is written."""
        if self._process is None:
            return
        with suppress(OSError):
            self._process.communicate()
        if self._process.returncode:
            self._said.seek(0)
            lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
            text = lines[-1] if lines else f"status {self._process.returncode}"
            if any(os.strerror(errno.ENOSPC) in line for line in lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise EmsegError(f"ffmpeg failed ({text})", "", "write a .gif instead")

    def give_up(self) -> None:
        """End it at once."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def _start(self, width: int, height: int) -> subprocess.Popen[bytes]:
        rate = str(Fraction(self._fps).limit_denominator(1001))
        program = required("imageio_ffmpeg", "video", str(self._place)).get_ffmpeg_exe()
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", rate, "-i", "-"]
        # bt709 is said and used, or players guess by the number of lines and colours shift
        colours = ["-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709", "-color_primaries", "bt709",
                   "-color_trc", "bt709"]  # fmt: skip
        packed = ["-c:v", "libx264", "-crf", _ENOUGH, "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
        return subprocess.Popen(
            [program, "-v", "error", "-y", *raw, *colours, *packed, str(self._place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            start_new_session=True,  # Ctrl-C is for this process, which then ends the other
            creationflags=_FLAGS,
        )


@contextmanager
def _mp4(place: Path, fps: float) -> Iterator[_Video]:
    with tempfile.TemporaryFile() as said:
        video = _Video(place, fps, said)
        try:
            yield video
            video.close()
        finally:
            video.give_up()
