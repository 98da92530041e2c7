"""Apply a model, tile by tile, to a region of a volume of any size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from napari_emseg.algorithms.specks import fill_specks
from napari_emseg.algorithms.tiling import Block, tiles
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.normalisation import Normalisation
from napari_emseg.core.progress import Silent
from napari_emseg.core.stack import section_statistics
from napari_emseg.core.words import counted
from napari_emseg.nn.checkpoint import load_model
from napari_emseg.nn.dataset import neighbours
from napari_emseg.nn.device import choose_device, is_out_of_memory, to_device, use_all_cores
from napari_emseg.nn.views import Directions, mean_over_views
from napari_emseg.nn.volumetric import AsSections, block_sections, block_tiles, mean_over_block_views
from napari_emseg.settings import PredictSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import ArrayLike3D, Spacing

MEMBRANE = "membrane"
_SMALLEST = 64  # pixels: tiles are halved down to this before the graphics card is given up


class Margins(NamedTuple):
    """Pixels around what is wanted."""

    top: int
    bottom: int
    left: int
    right: int


class Predictor:
    """A model ready to be applied.

    Parameters
    ----------
    folder : Path
        Model folder.
    device : {"auto", "cpu", "cuda", "cuda:1", ..., "mps"}
    former : int, optional
        Which of the card's `formers` is meant; default: the model as it is now.

    Attributes
    ----------
    card : ModelCard
    network : torch.nn.Module
    device_name : str
        For people: "CPU, 2 cores", "NVIDIA H100".
    notes : list of str
        What had to be done differently: smaller tiles, the CPU instead of the graphics card.
    """

    def __init__(self, folder: Path, device: str = "auto", former: int | None = None) -> None:
        use_all_cores()
        self._folder = folder
        self._formers: dict[int, Predictor] = {}
        self.network, self.card = load_model(folder, former)
        self.directions = Directions.of_card(self.card)
        self.normalisation = Normalisation.of_card(self.card).for_network(self.card.name)
        self.notes: list[str] = []
        self._move(choose_device(device))

    def _move(self, device: torch.device) -> None:
        self.device = device
        self.network = to_device(self.network, device)
        self._forward = AsSections(self.network, self.card.depth) if self.card.depth else self.network
        if device.type == "cuda":
            self.device_name = torch.cuda.get_device_name(device)
        elif device.type == "mps":
            self.device_name = "Apple graphics"
        else:
            cores = torch.get_num_threads()
            self.device_name = f"CPU, {counted(cores, 'core')}"

    def serving(self, spacing_nm: Spacing | None) -> Predictor:
        """What answers for this voxel size: itself, or what it was before it learned from pixels of another size."""
        former = self.card.serving(spacing_nm)
        if former is None:
            return self
        if former not in self._formers:
            self._formers[former] = Predictor(self._folder, str(self.device), former)
            self._formers[former].notes = self.notes
        return self._formers[former]

    def zoom(self, spacing_nm: Spacing | None) -> float:
        """Model pixels per image pixel, see `ModelCard.usable_zoom`."""
        return self.card.usable_zoom(spacing_nm)

    @torch.inference_mode()
    def window(
        self,
        window: NDArray[np.float32],
        halo: int | Margins,
        *,
        views: str = "none",
        zoom: float = 1.0,
        smallest_px: float = 0.0,
    ) -> NDArray[np.float32]:
        """Probabilities of the middle of a window.

        Parameters
        ----------
        window : ndarray (sections, y, x) float32
            Normalised image, larger than what is wanted.
        halo : int, or Margins
            By how much on each side; at the border of the volume there is nothing beyond.
        views : str
            Test-time augmentation.
        zoom : float
            Model pixels per image pixel.
        smallest_px : float
            Smaller areas between membranes are filled; 0 leaves them.

        Returns
        -------
        ndarray (targets, y, x) float32
            Without the margins. Of a 3D network (targets * depth, y, x): all sections of the first target come first.
        """
        margins = Margins(halo, halo, halo, halo) if isinstance(halo, int) else halo
        try:
            return self._window(window, margins, views, zoom, smallest_px)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or self.device.type == "cpu":
                raise
        return self._smaller(window, margins, views, zoom, smallest_px)

    def _window(
        self, window: NDArray[np.float32], margins: Margins, views: str, zoom: float, smallest_px: float
    ) -> NDArray[np.float32]:
        block = torch.from_numpy(window)[None].to(self.device)
        size = block.shape[-2:]
        if zoom != 1:
            target = [max(self._divisor, round(n * zoom)) for n in size]
            block = functional.interpolate(
                block, target, mode="bilinear", antialias=zoom < 1, align_corners=False
            )
        with torch.autocast(self.device.type, torch.float16, enabled=self.device.type == "cuda"):
            if self.card.depth:
                result = mean_over_block_views(self._forward, block, views, self.card.depth, self.directions)
            else:
                result = mean_over_views(self._forward, block, views, directions=self.directions)
        if zoom != 1:
            result = functional.interpolate(
                result, size, mode="bilinear", antialias=zoom > 1, align_corners=False
            )
        found = result[0].cpu().numpy()
        if smallest_px > 1 and MEMBRANE in self.card.targets:
            sections = max(1, self.card.depth)
            first = self.card.targets.index(MEMBRANE) * sections
            for channel in range(first, first + sections):
                found[channel] = fill_specks(found[channel], smallest_px)
        height, width = found.shape[1:]
        inner = found[:, margins.top : height - margins.bottom, margins.left : width - margins.right]
        return np.ascontiguousarray(inner)

    @property
    def _divisor(self) -> int:
        return int(getattr(self._forward, "divisor", 1))

    def _smaller(
        self, window: NDArray[np.float32], margins: Margins, views: str, zoom: float, smallest_px: float
    ) -> NDArray[np.float32]:
        """Quarter the window, or go to the CPU when that no longer helps."""
        torch.cuda.empty_cache() if self.device.type == "cuda" else None
        rows, columns = window.shape[1:]
        height, width = rows - margins.top - margins.bottom, columns - margins.left - margins.right
        if min(height, width) <= _SMALLEST:
            self._note("the graphics card ran out of memory: computing on the CPU")
            self._move(torch.device("cpu"))
            return self._window(window, margins, views, zoom, smallest_px)
        self._note("the graphics card ran out of memory: computing smaller tiles")
        out = np.empty((len(self.card.targets) * max(1, self.card.depth), height, width), np.float32)
        reach = max(margins)
        for y0, y1 in ((0, height // 2), (height // 2, height)):
            for x0, x1 in ((0, width // 2), (width // 2, width)):
                top, left = min(reach, margins.top + y0), min(reach, margins.left + x0)
                first, start = margins.top + y0 - top, margins.left + x0 - left
                last, stop = min(rows, margins.top + y1 + reach), min(columns, margins.left + x1 + reach)
                inner = Margins(top, last - margins.top - y1, left, stop - margins.left - x1)
                part = np.ascontiguousarray(window[:, first:last, start:stop])
                out[:, y0:y1, x0:x1] = self.window(
                    part, inner, views=views, zoom=zoom, smallest_px=smallest_px
                )
        return out

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def predict_volume(
    image: ArrayLike3D | Block,
    predictor: Predictor,
    *,
    spacing_nm: Spacing | None,
    region: Region | None = None,
    targets: Sequence[str] | None = None,
    settings: PredictSettings | None = None,
    statistics: Callable[[int], tuple[float, float]] | None = None,
    skip: frozenset[int] = frozenset(),
    on_tile: Callable[[Region, NDArray[np.float32]], None] | None = None,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Probabilities of a region.

    Parameters
    ----------
    image : array-like (z, y, x), or Block
        The volume, or the part of it that `algorithms.tiling.needed` names.
    predictor : Predictor
    spacing_nm : (z, y, x) or None
        Voxel size; an image outside the model's range of pixel sizes is resampled tile by tile.
    region : Region, optional
        Default: everything.
    targets : sequence of str, optional
        Channels wanted, in this order. Default: all of the model.
    settings : PredictSettings, optional
    statistics : callable of section, optional
        Mean and standard deviation of the whole section. Default: computed from `image`, which must then be
        the volume and not a part of it.
    skip : frozenset of int
        Excluded sections: never used as a neighbour, the section itself stands in for them.
    on_tile : callable (Region, ndarray (targets, 1, y, x)), optional
        Given each tile, cut to the region, as it is ready.
    progress : Progress, optional
        Reported to after each tile.

    Returns
    -------
    ndarray (targets, z, y, x) float32 in [0, 1]
        Of the shape of the region.

    Raises
    ------
    EmsegError
        If the model lacks a target.
    """
    settings = settings or PredictSettings()
    progress = progress or Silent()
    predictor = predictor.serving(spacing_nm)
    block = image if isinstance(image, Block) else Block.whole(image)
    channels = _channels(predictor, targets)
    region = (region or Region.full(block.full_shape)).clipped(block.full_shape)
    known: dict[int, tuple[float, float]] = {}

    def section_stats(z: int) -> tuple[float, float]:
        if z not in known:
            own = (
                statistics(z)
                if statistics
                else section_statistics(np.asarray(block.data[z - block.origin[0]]))
            )
            known[z] = predictor.normalisation.of_section(own, np.dtype(block.data.dtype))
        return known[z]

    zoom = predictor.zoom(spacing_nm)
    halo = settings.halo if zoom >= 1 else round(settings.halo / zoom)
    pixel_nm = (spacing_nm[1] + spacing_nm[2]) / 2 if spacing_nm else predictor.card.pixel_size_nm
    smallest_px = settings.smallest_cell_nm2 / pixel_nm**2
    out = np.empty((len(channels), *region.shape), np.float32)
    depth = predictor.card.depth
    if depth:
        plan = block_tiles(region, block.full_shape, settings.tile, depth)
    else:
        plan = tiles(region, block.full_shape, settings.tile)
    for done, tile in enumerate(plan, 1):
        window, margins = read_window(
            block, tile, settings.tile, halo, predictor.card.context_sections, section_stats, skip, depth
        )
        found = predictor.window(window, margins, views=settings.tta, zoom=zoom, smallest_px=smallest_px)
        found = found.reshape(len(predictor.card.targets), -1, *found.shape[1:])[channels]
        wanted = Region(
            tuple(max(a, b) for a, b in zip(tile.start, region.start, strict=True)),  # type: ignore[arg-type]
            tuple(min(a, b) for a, b in zip(tile.stop, region.stop, strict=True)),  # type: ignore[arg-type]
        )
        cut = found[(slice(None), *_relative(wanted, tile))]
        out[(slice(None), *_relative(wanted, region))] = cut
        if on_tile is not None:
            for n, z in enumerate(range(wanted.start[0], wanted.stop[0])):
                section = Region((z, *wanted.start[1:]), (z + 1, *wanted.stop[1:]))
                on_tile(section, cut[:, n : n + 1])
        progress.report(done / len(plan), f"part {done} of {len(plan)}")
    return out


def _channels(predictor: Predictor, targets: Sequence[str] | None) -> list[int]:
    have = predictor.card.targets
    if lacking := [t for t in targets or () if t not in have]:
        raise EmsegError(
            f"the model does not predict {', '.join(lacking)}",
            predictor.card.name,
            f"it predicts {', '.join(have)}",
        )
    return [have.index(t) for t in targets or have]


def _relative(inner: Region, outer: Region) -> tuple[slice, slice, slice]:
    z, y, x = (slice(a - o, b - o) for a, b, o in zip(inner.start, inner.stop, outer.start, strict=True))
    return z, y, x


def read_window(
    block: Block,
    tile: Region,
    size: int,
    halo: int,
    context: int,
    stats: Callable[[int], tuple[float, float]],
    skip: frozenset[int],
    depth: int = 0,
) -> tuple[NDArray[np.float32], Margins]:
    """Normalised image of a tile with its neighbours, and the margin around it.

    Parameters
    ----------
    block : Block
    tile : Region
        What is wanted: one section, or of a 3D network a block of them.
    size, halo : int
        Full extent of a tile and context around it, in pixels of the image.
    context : int
        Neighbouring sections on each side.
    stats : callable of section
        What is taken from its grey values, and what they are divided by.
    skip : frozenset of int
        Sections that are never used as a neighbour.
    depth : int
        Sections that a 3D network predicts at once, 0 for one.

    The margin ends at the border of the volume, as samples do in training. Mirrored tissue beyond it makes
    membranes meet at angles that no network has seen: on ISBI 2012, 0.005 of V_rand and 2 edits per 100 objects.
    """
    z = tile.start[0]
    rows, columns = (
        (max(a - halo, 0), min(a + size + halo, n))
        for a, n in zip(tile.start[1:], block.full_shape[1:], strict=True)
    )
    margins = Margins(
        tile.start[1] - rows[0], rows[1] - tile.stop[1], tile.start[2] - columns[0], columns[1] - tile.stop[2]
    )
    window = []
    if depth:
        sections = block_sections(z, depth, block.full_shape[0], context, skip)
    else:
        sections = [z if n in skip else n for n in neighbours(z, block.full_shape[0], context)]
    for seen in sections:
        mean, std = stats(seen)
        pixels = block.section(seen, rows, columns).astype(np.float32)
        window.append((pixels - np.float32(mean)) / np.float32(std))
    return np.nan_to_num(np.stack(window), copy=False), margins
