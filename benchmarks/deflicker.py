"""Deflickering: time against a plain scipy version in the same run, memory of the streaming form, and what is removed.

The peer does the same sums on every pixel with ``scipy.ndimage`` and ``numpy.median``. Flicker is measured on a
phantom that is made with and without it: what is left of the difference after both were deflickered to the same
reference.

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
    for name, function in (
        ("batch, two threads", lambda: deflicker(stack, threads=2)),
        ("batch, one thread", lambda: deflicker(stack, threads=1)),
        ("streaming", lambda: np.stack(list(deflicker_sections(stack)))),
        ("plain scipy", lambda: peer(stack)),
    ):
        started = time.perf_counter()
        result = function()
        seconds[name] = time.perf_counter() - started
        print(f"  {name:20} {seconds[name]:6.2f} s")
        if name == "batch, two threads":
            ours = result
        elif name == "streaming":
            print(f"  streaming equals batch: {np.array_equal(result, ours)}")
    apart = np.abs(ours.astype(int) - result)
    print(f"  plain scipy / ours: {seconds['plain scipy'] / seconds['batch, two threads']:.1f} x")
    print(f"  grey levels apart from the plain version: mean {apart.mean():.4f}, most {apart.max()}")

    tracemalloc.start()
    for _ in deflicker_sections(section.copy() for section in stack[:12]):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"  streaming, most memory: {peak / stack[0].nbytes:.1f} sections")

    still = make_phantom((20, 384, 384), seed=3, settings=PhantomSettings(flicker=0)).image
    static = np.repeat(still[:1], 20, axis=0)
    for name, patches in (("gain and level of sections", 0.0), ("and patches of 3 grey levels", 3.0)):
        before = flickered(static, np.random.default_rng(5), patches)
        for settings in (DeflickerSettings(), DeflickerSettings(sections=10)):
            after = deflicker(before, settings)
            overall, local = flicker_left(before, after, static)
            print(
                f"still phantom, {name}, {2 * settings.sections + 1} sections: removed {1 - overall:.1%} of section means, "
                f"{1 - local:.1%} of local means; gradient correlation {gradient_correlation(after, before):.4f}"
            )
    reference = DeflickerSettings(mean=float(still.mean()), std=float(still.std()))
    before = make_phantom((20, 384, 384), seed=3, settings=PhantomSettings(flicker=1)).image
    after, quiet = deflicker(before, reference), deflicker(still, reference)
    overall, local = flicker_left(before, after, quiet)
    print(
        f"phantom's own flicker: the means of sections vary {after.mean((1, 2)).std():.2f} grey levels after, "
        f"{before.mean((1, 2)).std():.2f} before; against the phantom without flicker, treated alike, removed "
        f"{1 - overall:.1%} of section means, {1 - local:.1%} of local means"
    )
    print(f"  gradient correlation {gradient_correlation(after, before):.4f}")


if __name__ == "__main__":
    main()
