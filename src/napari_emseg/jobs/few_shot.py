"""A target that no model was trained for, from a handful of clicks on what it is and on what it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import find_model, read_card
from napari_emseg.core.normalisation import Normalisation
from napari_emseg.core.sections import Status
from napari_emseg.jobs.sections_read import read_sections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.edit import Region
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import ImageStack, Spacing
    from napari_emseg.session import Session

_MARGIN_PX = 64  # seen around what is compared, at the model's size of pixels
_MOST_PX = 4_000_000  # of that size: about ten seconds a section on two cores


@dataclass(frozen=True)
class Click:
    """A voxel, (z, y, x), and whether it belongs to the target."""

    z: int
    y: int
    x: int
    inside: bool


@dataclass(frozen=True, eq=False)
class Cutout:
    """The same box of some sections of a stack, ready to travel.

    Parameters
    ----------
    sections : mapping of int to ndarray (y, x)
        Grey values.
    statistics_of : mapping of int to (mean, std)
        Of the whole sections.
    shape : (z, y, x)
        All sections of the stack, and the extent of the box.
    name : str
    spacing_nm : (z, y, x) or None
    """

    sections: Mapping[int, NDArray[Any]]
    statistics_of: Mapping[int, tuple[float, float]]
    shape: tuple[int, int, int]
    name: str
    spacing_nm: Spacing | None

    @property
    def data(self) -> Mapping[int, NDArray[Any]]:
        """Grey values by section."""
        return self.sections

    def statistics(self, section: int) -> tuple[float, float]:
        """Mean and standard deviation of a whole section."""
        return self.statistics_of[section]


@dataclass(frozen=True, eq=False)
class FewShotRequest:
    """Clicks, and the sections to answer.

    Parameters
    ----------
    stack : ImageStack or Cutout
    clicks : tuple of Click
        In voxels of it.
    sections : tuple of int
    model : Path
        Folder of the model whose features are compared.
    box : (slice, slice), optional
        The part, in y and x, that is wanted of each section.
    skip : frozenset of int
        Excluded sections: never used as a neighbour, the section itself stands in for them.
    device : str
        Where the model computes, see `nn.device.choose_device`.
    """

    stack: ImageStack | Cutout
    clicks: tuple[Click, ...]
    sections: tuple[int, ...]
    model: Path
    box: tuple[slice, slice] = (slice(None), slice(None))
    skip: frozenset[int] = frozenset()
    device: str = "auto"


def prepare_region(session: Session, clicks: Sequence[Click], region: Region) -> FewShotRequest:
    """Copy what a worker needs to answer a region of a project, the clicked places among it.

    Parameters
    ----------
    clicks : sequence of Click
        In voxels of the stack, in any section. Those in an excluded section that cannot be read are not used.
    region : Region
        What is wanted.

    Raises
    ------
    EmsegError
        As `prepare` does, if the model cannot be applied to pixels of this size, if clicks and region lie too far apart to be
        compared at once, and if a section cannot be read that is on screen, clicked on, or beside one of them and not excluded.
    """
    image = session.image
    model = find_model(session.model, session.project.models)
    skip = frozenset(session.sections.with_status(Status.EXCLUDED))
    clicks = [c for c in clicks if c.z not in skip or _can_be_read(image, c.z)]
    prepare(image, clicks, (), model)
    places = np.array([(c.y, c.x) for c in clicks])
    card = read_card(model)
    serving = card.as_it_was(card.serving(image.spacing_nm))
    zoom = serving.usable_zoom(image.spacing_nm)
    margin = _MARGIN_PX if zoom >= 1 else round(_MARGIN_PX / zoom)
    low = np.maximum(np.minimum(region.start[1:], places.min(0)) - margin, 0)
    high = np.minimum(np.maximum(region.stop[1:], places.max(0) + 1) + margin, image.shape[1:])
    extent = high - low
    if int(extent.prod()) * zoom**2 > _MOST_PX:
        raise EmsegError(
            "the clicks and what is on screen lie too far apart to be compared",
            f"{extent[0]} x {extent[1]} px",
            "zoom in, or click closer together",
        )
    ys, xs = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    wanted = range(region.start[0], region.stop[0])
    context = serving.context_sections
    looked_at = {*wanted, *(c.z for c in clicks)}
    near = {z + n for z in looked_at for n in range(-context, context + 1)}
    seen = near & set(range(image.shape[0]))  # beyond an end the stack is mirrored
    needed = sorted(seen - (skip - looked_at))
    cut = Cutout(
        {z: read_sections(image, z, z + 1, skip, needed=looked_at, rows=ys, columns=xs)[0] for z in needed},
        {z: image.statistics(z) for z in needed},
        (image.shape[0], int(extent[0]), int(extent[1])),
        image.name,
        image.spacing_nm,
    )
    moved = tuple(Click(c.z, c.y - ys.start, c.x - xs.start, c.inside) for c in clicks)
    box = (
        slice(region.start[1] - ys.start, region.stop[1] - ys.start),
        slice(region.start[2] - xs.start, region.stop[2] - xs.start),
    )
    return FewShotRequest(cut, moved, tuple(wanted), model, box, skip, session.device)


def _can_be_read(image: ImageStack, section: int) -> bool:
    try:
        image.statistics(section)
    except EmsegError:
        return False
    return True


def prepare(
    stack: ImageStack,
    clicks: Sequence[Click],
    sections: Sequence[int] | None = None,
    model: str | Path = "membrane",
) -> FewShotRequest:
    """Check what a person pointed at.

    Parameters
    ----------
    sections : sequence of int, optional
        Default: those with clicks.

    Raises
    ------
    EmsegError
        If there is no click inside, or none outside, or one lies beyond the stack.
    """
    for click in clicks:
        if not all(0 <= at < n for at, n in zip((click.z, click.y, click.x), stack.shape, strict=True)):
            raise EmsegError(
                "a click lies outside of the stack", f"{click.z}, {click.y}, {click.x}", stack.name
            )
    if len({click.inside for click in clicks}) < 2:
        missing = "outside" if any(click.inside for click in clicks) else "on"
        raise EmsegError(f"there is no click {missing} the target", stack.name, "mark at least one of each")
    wanted = sorted({c.z for c in clicks}) if sections is None else sections
    return FewShotRequest(stack, tuple(clicks), tuple(wanted), find_model(model))


def run(request: FewShotRequest, progress: Progress) -> NDArray[np.float32]:
    """Probability of the target, (sections, y, x) in [0, 1].

    Prototypes are taken from all clicked sections and compared with every section wanted; whole sections are looked
    at in one piece.
    """
    from napari_emseg.nn.few_shot import compare_with_clicks

    stack = request.stack
    card = read_card(request.model)
    serving = card.as_it_was(card.serving(stack.spacing_nm))
    rule = Normalisation.of_card(serving).for_network(serving.name)

    def section(z: int) -> NDArray[np.float32]:
        grey = np.asarray(stack.data[z])
        mean, std = rule.of_section(stack.statistics(z), grey.dtype)
        values = (grey.astype(np.float32) - np.float32(mean)) / np.float32(std)
        return np.asarray(np.nan_to_num(values), np.float32)

    clicks = [(c.z, c.y, c.x, c.inside) for c in request.clicks]
    found = compare_with_clicks(
        request.model, section, stack.shape, clicks, request.sections, progress,
        skip=request.skip, spacing_nm=stack.spacing_nm, device=request.device,
    )  # fmt: skip
    return np.ascontiguousarray(found[(slice(None), *request.box)])
