"""Predict a region: the part of the stack that it needs goes to the worker, tiles come back."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg import __version__
from napari_emseg.algorithms.tiling import Block, needed
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import WEIGHTS, find_model, read_card
from napari_emseg.core.progress import Repeated
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import pixel_size
from napari_emseg.core.timestamp import timestamp
from napari_emseg.jobs.sections_read import read_sections, statistics_of
from napari_emseg.settings import PredictSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_emseg.core.stack import ImageStack, Spacing
    from napari_emseg.jobs.progress import JobProgress
    from napari_emseg.nn.judge import Judge
    from napari_emseg.nn.predict import Predictor
    from napari_emseg.session import Session

MEMBRANE = "membrane"
_LOOK_S = 0.01  # from one look whether it is still wanted to the next


@dataclass(frozen=True, eq=False)
class PredictRequest:
    """Everything that a worker needs to predict one region.

    Parameters
    ----------
    block : Block
        The image of all tiles that the region touches, with their margins and neighbouring sections.
    region : Region
        Voxels wanted.
    model : Path
        Model folder.
    spacing_nm : (z, y, x) or None
    statistics : mapping of section to (mean, std)
        Of whole sections, for every section of the block.
    skip : frozenset of int
        Excluded sections, which are no neighbours.
    targets : tuple of str
        Channels wanted.
    """

    block: Block
    region: Region
    model: Path
    spacing_nm: Spacing | None
    statistics: Mapping[int, tuple[float, float]]
    skip: frozenset[int]
    targets: tuple[str, ...]
    settings: PredictSettings


@dataclass(frozen=True, eq=False)
class PredictResult:
    """Probabilities of one region.

    Parameters
    ----------
    probability : ndarray (targets, z, y, x) float32 in [0, 1]
        Of the shape of the region.
    device : str
        Where it was computed, for people.
    notes : tuple of str
        What had to be done differently, for people.
    """

    region: Region
    probability: NDArray[np.float32]
    targets: tuple[str, ...]
    device: str
    notes: tuple[str, ...]
    seconds: float


def prepare(
    source: Session | ImageStack,
    region: Region,
    model: str | Path | None = None,
    settings: PredictSettings | None = None,
    *,
    targets: tuple[str, ...] = (MEMBRANE,),
) -> PredictRequest:
    """Copy what the worker needs. Quick for a region on screen; the first time also reads whole sections.

    Parameters
    ----------
    source : Session or ImageStack
        A session also gives model, settings and excluded sections.
    region : Region
        Voxels wanted; clipped to the stack.
    model : str or Path, optional
        Name or folder; default: the session's, else ``"membrane"``.
    settings : PredictSettings, optional
    targets : tuple of str
        Channels wanted, in this order.

    Raises
    ------
    EmsegError
        If the region is empty or there is no such model.
    """
    from napari_emseg.core.stack import ImageStack

    if isinstance(source, ImageStack):
        image, skip = source, frozenset[int]()
        extra: tuple[Path, ...] = ()
    else:
        image, extra = source.image, (source.project.models,)
        skip = frozenset(source.sections.with_status(Status.EXCLUDED))
        model = model or source.model
        settings = settings or source.get_settings("predict")
    settings = settings or PredictSettings()
    region = region.clipped(image.shape)
    if 0 in region.shape:
        raise EmsegError("there is nothing to predict here", image.name, "move the view onto the stack")
    folder = find_model(model or MEMBRANE, *extra)
    card = read_card(folder)
    zoom = card.zoom(image.spacing_nm)
    halo = settings.halo if zoom >= 1 else round(settings.halo / zoom)
    part = needed(region, image.shape, settings.tile, halo, card.context_sections, card.depth)
    wanted = range(region.start[0], region.stop[0])
    first, last = part.start[0], part.stop[0]
    left_out = None if isinstance(source, ImageStack) else skip
    voxels = read_sections(
        image, first, last, left_out, needed=wanted, rows=part.slices[1], columns=part.slices[2]
    )
    block = Block(voxels, part.start, image.shape)
    statistics = {z: statistics_of(image, z, skip) for z in range(first, last)}
    return PredictRequest(block, region, folder, image.spacing_nm, statistics, skip, targets, settings)


def run(request: PredictRequest, progress: JobProgress) -> PredictResult:
    """Predict in the worker. Every tile is handed over as (Region, probability (targets, z, y, x)).

    Raises
    ------
    Cancelled
        Also within a tile: what nobody waits for any more must not hold up the next click.
    EmsegError
        If the model lacks a target.
    """
    from napari_emseg.jobs.shared_models import here
    from napari_emseg.nn.predict import predict_volume
    from napari_emseg.nn.watched import listening, watched

    began = time.perf_counter()
    request = replace(request, model=here(request.model))
    predictor = loaded(request.model, request.settings.device)
    judge = judge_of(request)
    targets = tuple(dict.fromkeys((*request.targets, *(judge.others if judge else ()))))
    told = Repeated(progress, "looking for membranes" if MEMBRANE in request.targets else "looking")
    with watched(predictor.serving(request.spacing_nm).network, told.again, _LOOK_S):
        probability = predict_volume(
            request.block,
            predictor,
            spacing_nm=request.spacing_nm,
            region=request.region,
            targets=targets,
            settings=request.settings,
            statistics=request.statistics.__getitem__,
            skip=request.skip,
            on_tile=lambda where, tile: progress.partial((where, tile[: len(request.targets)])),
            progress=told,
        )
    if judge:
        spacing = request.spacing_nm
        pixel_nm = pixel_size(spacing) if spacing else predictor.card.pixel_size_nm
        for z in range(probability.shape[1]):
            maps = dict(zip(targets, probability[:, z], strict=True))
            mend = partial(judge.correct, maps, pixel_nm)
            probability[targets.index(MEMBRANE), z] = listening(told.again, mend, _LOOK_S)
        probability = probability[: len(request.targets)]
    seconds = time.perf_counter() - began
    return PredictResult(
        request.region,
        probability,
        request.targets,
        predictor.device_name,
        tuple(predictor.notes),
        seconds,
    )


def judge_of(request: PredictRequest) -> Judge | None:
    """What mends the membranes of a request, if they are wanted and the model has it."""
    if not request.settings.walls or MEMBRANE not in request.targets:
        return None
    former = read_card(request.model).serving(request.spacing_nm)
    return _judge(request.model, (request.model / WEIGHTS).stat().st_mtime_ns, former)


@lru_cache(maxsize=4)
def _judge(folder: Path, changed_ns: int, former: int | None) -> Judge | None:  # noqa: ARG001 - part of the key
    from napari_emseg.nn.judge import Judge

    return Judge.of_model(folder, read_card(folder).as_it_was(former), former)


def finish(session: Session, request: PredictRequest, result: PredictResult) -> dict[str, Any]:
    """Say where a prediction came from; it changes no label, so there is nothing to undo.

    Returns
    -------
    dict
        Provenance for the layer and for exported files.
    """
    made = provenance(request.model, request.settings, result.region, request.spacing_nm)
    return made | {"image": session.image.uri, "device": result.device}


def provenance(
    model: Path, settings: PredictSettings, region: Region, spacing_nm: Spacing | None
) -> dict[str, Any]:
    """Model, what of it answered for this voxel size, version, settings, sections, program and time of a prediction."""
    card = read_card(model)
    return {
        "model": card.name,
        "answered_as": card.as_it_was(card.serving(spacing_nm)).name,
        "model_version": card.version,
        "settings": settings.model_dump(mode="json"),
        "region": [list(region.start), list(region.stop)],
        "program": f"napari-emseg {__version__}",
        "time": timestamp(),
    }


@dataclass(frozen=True)
class WarmUp:
    """What to load before the first click."""

    model: Path
    settings: PredictSettings
    spacing_nm: Spacing | None = None


def prepare_warm_up(session: Session) -> WarmUp:
    """The session's model and settings."""
    folder = find_model(session.model, session.project.models)
    return WarmUp(folder, session.get_settings("predict"), session.image.spacing_nm)


def warm_up(request: WarmUp | None, progress: JobProgress) -> str:
    """Import torch, load a model and push one empty tile through it.

    Returns
    -------
    str
        Name of the device, for people.
    """
    progress.report(0.0, "loading the network")
    request = request or WarmUp(find_model(MEMBRANE), PredictSettings())
    predictor = loaded(request.model, request.settings.device).serving(request.spacing_nm)
    extent = request.settings.tile + 2 * request.settings.halo
    sections = 2 * predictor.card.context_sections + max(1, predictor.card.depth)
    predictor.window(np.zeros((sections, extent, extent), np.float32), request.settings.halo)
    progress.report(1.0, "ready")
    return predictor.device_name


def loaded(folder: Path, device: str) -> Predictor:
    """A model ready in this process; loaded once, and again when its file changes."""
    return _loaded(folder, (folder / WEIGHTS).stat().st_mtime_ns, device)


@lru_cache(maxsize=4)
def _loaded(folder: Path, changed_ns: int, device: str) -> Predictor:  # noqa: ARG001 - part of the key
    from napari_emseg.nn.predict import Predictor

    return Predictor(folder, device)
