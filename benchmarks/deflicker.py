"""Deflickering: time against a plain scipy version in the same run, memory of the streaming form, and what is removed.

The peer does the sums of the published setting (31 x 31 pixels, median of five sections) on every pixel with
``scipy.ndimage`` and ``numpy.median``; ours is timed with that setting and with the default. Flicker is measured on a
phantom that is made with and without it: what is left of the difference after both were deflickered to the same
reference. Beside it stands by how many grey levels local means of the phantom without flicker are changed: that is tissue.

Run: ``python benchmarks/deflicker.py [--sections 100] [--side 1024]``
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, uniform_filter

from napari_emseg.phantom import PhantomSettings, make_phantom
from napari_emseg.preprocess.deflicker import deflicker, deflicker_sections
from napari_emseg.settings import DeflickerSettings

FIVE = DeflickerSettings(sections=2, radius_px=15)
"""As published."""


class File:
    """A stack whose sections are new arrays whenever they are read."""

    def __init__(self, stack: NDArray[np.uint8]) -> None:
        self._stack = stack

    def __len__(self) -> int:
        return len(self._stack)

    def __getitem__(self, z: int) -> NDArray[np.uint8]:
        return self._stack[z].copy()


def peer(stack: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The formula as it is written, on every pixel."""
    mean, std = stack[0].mean(), stack[0].std()
    levelled = np.empty(stack.shape, np.float32)
    local = np.empty(stack.shape, np.float32)
    for z, section in enumerate(stack):
        levelled[z] = (section - section.mean()) / section.std() * std + mean
        local[z] = uniform_filter(levelled[z], 31, mode="mirror")
    padded = np.concatenate([local[2:0:-1], local, local[-2:-4:-1]])
    out = np.empty_like(stack)
    for z in range(len(stack)):
        steady = np.median(padded[z : z + 5], axis=0)
        out[z] = np.clip(np.rint(levelled[z] + uniform_filter(steady - local[z], 31, mode="mirror")), 0, 255)
    return out


def flickered(stack: NDArray[np.uint8], rng: np.random.Generator, patches: float) -> NDArray[np.uint8]:
    """Change gain and level of every section as a whole, and brightness in patches by this many grey levels."""
    out = np.empty_like(stack)
    for z, section in enumerate(stack):
        patch = gaussian_filter(rng.normal(size=section.shape), 80)
        gain, level = np.exp(0.1 * rng.normal()), 10 * rng.normal()
        values = (section - 128.0) * 0.8 * gain + 128 + level + patches * patch / patch.std()
        out[z] = np.clip(np.rint(values), 0, 255)
    return out


def flicker_left(before: NDArray[Any], after: NDArray[Any], still: NDArray[Any]) -> tuple[float, float]:
    """Part of the flicker that is left: of the means of sections, and of local means (31 x 31)."""

    def maps(stack: NDArray[Any]) -> NDArray[np.float64]:
        return np.stack([uniform_filter(s.astype(np.float32), 31)[::8, ::8] for s in stack]).astype(float)

    def wobble(a: NDArray[np.float64]) -> NDArray[np.float64]:
        """What changes between sections but not in the still stack, up to one gain and level for all."""
        gain = 1.0 / max(np.polyfit(maps_still.ravel(), a.ravel(), 1)[0], 1e-6)
        difference = a * gain - maps_still
        return np.asarray(difference - difference.mean(axis=0))

    maps_still = maps(still)
    a, b = wobble(maps(before)), wobble(maps(after))
    overall = b.mean(axis=(1, 2)).std() / a.mean(axis=(1, 2)).std()
    return float(overall), float(b.std() / a.std())


def gradient_correlation(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Mean over sections of the correlation of the gradients."""
    found = []
    for x, y in zip(a, b, strict=True):
        gradients = [np.stack(np.gradient(s.astype(np.float32))).ravel() for s in (x, y)]
        found.append(np.corrcoef(*gradients)[0, 1])
    return float(np.mean(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sections", type=int, default=100)
    parser.add_argument("--side", type=int, default=1024)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    tile = make_phantom((8, 256, 256), seed=1, settings=PhantomSettings(flicker=0)).image
    times = -(-given.side // 256)
    still = np.tile(tile, (-(-given.sections // 8), times, times))[
        : given.sections, : given.side, : given.side
    ]
    stack = np.ascontiguousarray(
        np.clip(
            still * rng.uniform(0.9, 1.1, (given.sections, 1, 1)) + rng.normal(0, 8, (given.sections, 1, 1)),
            0,
            255,
        )
    ).astype(np.uint8)

    print(f"{given.sections} x {given.side} x {given.side} uint8")
    seconds = {}
    ours = stack
    for name, function in (
        ("default, two threads", lambda: deflicker(stack, threads=2)),
        ("default, one thread", lambda: deflicker(stack, threads=1)),
        ("default, streaming", lambda: np.stack(list(deflicker_sections(stack)))),
        ("published, two threads", lambda: deflicker(stack, FIVE, threads=2)),
        ("plain scipy", lambda: peer(stack)),
    ):
        started = time.perf_counter()
        result = function()
        seconds[name] = time.perf_counter() - started
        print(f"  {name:24} {seconds[name]:6.2f} s")
        if name == "default, streaming":
            print(f"  streaming equals batch: {np.array_equal(result, ours)}")
        if name != "plain scipy":
            ours = result
    apart = np.abs(ours.astype(int) - result)
    print(f"  plain scipy / ours: {seconds['plain scipy'] / seconds['default, two threads']:.1f} x")
    print(f"  grey levels apart from the plain version: mean {apart.mean():.4f}, most {apart.max()}")

    for words, sections, settings in (
        ("default, of a file", File(stack[:30]), DeflickerSettings()),
        ("default, of a source that can be read once", iter(File(stack[:30])), DeflickerSettings()),
        ("published, of a source that can be read once", iter(File(stack[:30])), FIVE),
    ):
        tracemalloc.start()
        for _ in deflicker_sections(sections, settings):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"  streaming, {words}: at most {peak / stack[0].nbytes:.1f} sections in memory")

    still = make_phantom((20, 384, 384), seed=3, settings=PhantomSettings(flicker=0)).image
    static = np.repeat(still[:1], 20, axis=0)
    for name, patches in (("gain and level of sections", 0.0), ("and patches of 3 grey levels", 3.0)):
        before = flickered(static, np.random.default_rng(5), patches)
        for settings in (DeflickerSettings(), FIVE):
            after = deflicker(before, settings)
            overall, local = flicker_left(before, after, static)
            print(
                f"still phantom, {name}, {words_of(settings)}: removed {1 - overall:.1%} of section means, "
                f"{1 - local:.1%} of local means; gradient correlation {gradient_correlation(after, before):.4f}"
            )
    for seed in (3, 1, 2):
        still = make_phantom((20, 384, 384), seed=seed, settings=PhantomSettings(flicker=0)).image
        before = make_phantom((20, 384, 384), seed=seed, settings=PhantomSettings(flicker=1)).image
        own = {"mean": float(still.mean()), "std": float(still.std())}
        for settings in (DeflickerSettings(), FIVE):
            settings = settings.model_copy(update=own)
            after, quiet = deflicker(before, settings), deflicker(still, settings)
            overall, local = flicker_left(before, after, quiet)
            print(
                f"phantom {seed}, its own flicker, {words_of(settings)}: removed {1 - overall:.1%} of section means, "
                f"{1 - local:.1%} of local means; gradient correlation {gradient_correlation(after, before):.4f}; "
                f"tissue changed by {np.std(quiet.astype(float) - still):.1f} grey levels"
            )


def words_of(settings: DeflickerSettings) -> str:
    """A setting in a few words."""
    side = 2 * settings.radius_px + 1
    return f"{side} x {side} px over {2 * settings.sections + 1} sections"


if __name__ == "__main__":
    main()
