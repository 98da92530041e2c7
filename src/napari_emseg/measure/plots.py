"""Figures of measurements as PNG: heat map, sorted bars, scatter with its line and band, network of contacts.

Drawn without pyplot, which would keep figures for ever and ask for a window.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.colours import colours_of
from napari_emseg.measure.correlation import correlate, paired, regress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

    from napari_emseg.measure.matrix import PairMatrix

_DPI = 150
_TALLEST = 12.0  # inches: a strip of tissue would make a picture of gigabytes
_LINE = "#b2182b"
_DOT = "#2166ac"
_FEW = 40  # names on an axis that can still be read
_PANELS = 20  # small pictures side by side that can still be read


def heat_map(matrix: PairMatrix, title: str, unit: str) -> Figure:
    """Every pair as a square; a pair without a value is white.

    Parameters
    ----------
    matrix : PairMatrix
        Drawn in its order: sort it first. Names have the colours of their objects.
    title, unit : str
    """
    from matplotlib import colormaps

    rows, columns = matrix.values.shape
    figure = _figure(2.5 + 0.22 * min(columns, 2 * _FEW), 1.8 + 0.22 * min(rows, 2 * _FEW))
    axes = figure.subplots()
    colours = colormaps["viridis_r"].with_extremes(bad="white")
    image = axes.imshow(np.ma.masked_invalid(matrix.values), cmap=colours, aspect="auto", vmin=0)
    figure.colorbar(image, ax=axes, label=unit)
    axes.set_facecolor("white")
    axes.set_title(title)
    _name(axes.set_yticks, axes.get_yticklabels, matrix.rows)
    _name(axes.set_xticks, axes.get_xticklabels, matrix.columns)
    axes.tick_params(axis="x", labelrotation=90)
    return figure


def bars(
    ids: Sequence[int], values: ArrayLike, title: str, unit: str, spans: ArrayLike | None = None
) -> Figure:
    """One bar an object, the highest first; objects without a value are left out.

    Parameters
    ----------
    ids : sequence of int
    values : array-like (n,)
    title, unit : str
    spans : array-like (n, 2), optional
        Lowest and highest value, drawn as a line through the bar.
    """
    height = np.asarray(values, np.float64)
    order = sorted(np.flatnonzero(np.isfinite(height)).tolist(), key=lambda k: (-height[k], ids[k]))
    shown = order[: 2 * _FEW]
    figure = _figure(max(4.0, 1.5 + 0.22 * len(shown)), 3.5)
    axes = figure.subplots()
    names = [ids[k] for k in shown]
    axes.bar(range(len(shown)), height[shown], color=_colours(names), edgecolor="black", linewidth=0.4)
    if spans is not None:
        low, high = np.asarray(spans, np.float64)[shown].T
        axes.vlines(range(len(shown)), low, high, color="black", linewidth=0.8)
    _name(axes.set_xticks, axes.get_xticklabels, names)
    axes.tick_params(axis="x", labelrotation=90)
    axes.set_ylabel(unit)
    axes.set_title(title if len(shown) == len(order) else f"{title} (the first {len(shown)} of {len(order)})")
    return figure


def scatter(x: ArrayLike, y: ArrayLike, labels: tuple[str, str], title: str) -> Figure:
    """Pairs, the line of regression and the 95 % confidence band of its mean."""
    figure = _figure(4.5, 4.0)
    _scatter(figure.subplots(), x, y, None)
    figure.axes[0].set_xlabel(labels[0])
    figure.axes[0].set_ylabel(labels[1])
    figure.axes[0].set_title(title)
    return figure


def small_scatters(
    groups: Sequence[tuple[str, NDArray[np.float64], NDArray[np.float64]]], labels: tuple[str, str]
) -> Figure:
    """One scatter for each group, all with the same limits.

    Parameters
    ----------
    groups : sequence of (name, x, y)
    labels : (str, str)
        Of the axes.
    """
    shown = groups[:_PANELS]
    across = max(1, min(4, len(shown)))
    down = max(1, math.ceil(len(shown) / across))
    every = [paired(x, y) for _, x, y in shown]
    limits = tuple(
        1.05 * max((float(v[k].max(initial=0)) for v in every), default=1.0) or 1.0 for k in (0, 1)
    )
    figure = _figure(2.4 * across + 0.6, 2.2 * down + 0.6)
    grid: Any = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for axes in grid.flat[len(shown) :]:
        axes.set_visible(False)
    for axes, (name, x, y) in zip(grid.flat, shown, strict=False):
        _scatter(axes, x, y, (limits[0], limits[1]), size=10)
        axes.set_title(name, fontsize=8)
    figure.supxlabel(labels[0], fontsize=9)
    figure.supylabel(labels[1], fontsize=9)
    return figure


def network(contacts: Sequence[tuple[int, int, float]], title: str) -> Figure:
    """Objects on a circle, joined where they touch; a thicker line is a larger contact area.

    Parameters
    ----------
    contacts : sequence of (id, id, area)
    title : str
    """
    ids = sorted({object_id for a, b, _ in contacts for object_id in (a, b)})
    turn = {object_id: 2 * math.pi * k / len(ids) for k, object_id in enumerate(ids)}
    place = {k: (math.sin(t), math.cos(t)) for k, t in turn.items()}
    most = max((area for *_, area in contacts), default=1.0) or 1.0
    figure = _figure(5.5, 5.5)
    axes = figure.subplots()
    for a, b, area in sorted(contacts, key=lambda row: row[2]):
        axes.plot(
            *zip(place[a], place[b], strict=True),
            color="grey",
            linewidth=0.3 + 5 * area / most,
            alpha=0.5,
            zorder=1,
        )
    if ids:
        across, up = zip(*place.values(), strict=True)
        axes.scatter(across, up, s=90, c=_colours(ids), edgecolors="black", linewidths=0.5, zorder=2)
    for object_id, (x, y) in place.items() if len(ids) <= 2 * _FEW else ():
        axes.annotate(str(object_id), (1.1 * x, 1.1 * y), ha="center", va="center", fontsize=7)
    axes.set(xlim=(-1.25, 1.25), ylim=(-1.25, 1.25), aspect="equal", title=title)
    axes.axis("off")
    return figure


def picture(rgb: NDArray[np.uint8], title: str) -> Figure:
    """A picture (y, x, 3) under a title."""
    height, width = rgb.shape[:2]
    figure = _figure(6.0, 0.4 + min(6.0 * height / width, _TALLEST))
    axes = figure.subplots()
    axes.imshow(rgb)
    axes.set_title(title)
    axes.axis("off")
    return figure


def png(figure: Figure) -> bytes:
    """A figure as the content of a PNG file."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_DPI)
    return content.getvalue()


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _scatter(
    axes: Axes, x: ArrayLike, y: ArrayLike, limits: tuple[float, float] | None, *, size: float = 18
) -> None:
    one, other = paired(x, y)
    axes.scatter(one, other, s=size, color=_DOT, edgecolors="none", alpha=0.7)
    right, top = limits or tuple(1.05 * float(v.max(initial=0)) or 1.0 for v in (one, other))
    line = regress(one, other)
    if line is not None:
        at = np.linspace(float(one.min()), float(one.max()), 100)
        axes.plot(at, line.at(at), color=_LINE)
        axes.fill_between(at, *line.band(at), color=_LINE, alpha=0.2, linewidth=0)
    axes.set(xlim=(0, right), ylim=(0, top))
    found = correlate(one, other)
    words = f"n = {found.n}"
    if found.pearson_r is not None and found.spearman_rho is not None:
        words += f"\nr = {found.pearson_r:.3f} (p = {found.pearson_p:.2g})"
        words += f"\nρ = {found.spearman_rho:.3f} (p = {found.spearman_p:.2g})"
    axes.text(0.03, 0.97, words, transform=axes.transAxes, va="top", fontsize=7)


def _colours(ids: Sequence[int]) -> NDArray[np.float64]:
    return colours_of(np.asarray(ids, np.int64).reshape(-1)) / 255.0


def _name(set_ticks: Any, get_labels: Any, ids: Sequence[int]) -> None:
    """Ids beside their rows, in the colours of the objects."""
    if len(ids) > 2 * _FEW:
        return
    set_ticks(range(len(ids)), [str(k) for k in ids])
    for label, colour in zip(get_labels(), _colours(ids), strict=True):
        label.set_color(0.75 * colour)
        label.set_fontweight("bold")
