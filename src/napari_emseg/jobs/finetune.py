"""Learn from proofread sections in the background, then let the person choose.

The new model waits in a hidden folder of the project until it is accepted; accepting gives it the next
version, discarding removes it, and rolling back returns to the model that it came from.
"""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.atomic import write_atomic
from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import IGNORE, FinetuneRequest, FinetuneResult, TrainingVolume
from napari_emseg.core.model_card import CARD, find_model, read_card

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from napari_emseg.core.model_card import ModelCard
    from napari_emseg.core.stack import ImageStack
    from napari_emseg.jobs.progress import JobProgress
    from napari_emseg.session import Session
    from napari_emseg.settings import FinetuneSettings

TARGET = "membrane"
PICTURES = "before-after.png"
_CANDIDATE = ".candidate-"


@dataclass(frozen=True, eq=False)
class ProofreadRun:
    """Neighbouring proofread sections with the sections around them.

    Parameters
    ----------
    name : str
        "sections 3-5".
    image : ndarray (z, y, x)
        Grey values, neighbours included.
    labels : ndarray (z, y, x)
        Object ids, 0 = border or outside; only the sections of `train` count.
    train : tuple of int
        Indices of the proofread sections within the arrays.
    statistics : ndarray (z, 2)
        Mean and standard deviation of the whole sections.
    """

    name: str
    image: NDArray[Any]
    labels: NDArray[Any]
    train: tuple[int, ...]
    statistics: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LearnRequest:
    """Everything that a worker needs to teach a model.

    Parameters
    ----------
    model : Path
        Folder of the model to start from.
    runs : tuple of ProofreadRun
    pixel_size_nm : float
        In-plane pixel size of the image.
    out_dir : Path
        Where the new model is written.
    sections : tuple of int
        Sections of the stack that teach.
    ignore_id : int, optional
        Object id that supervises nothing.
    with_log : bool
        Whether losses are also written to `out_dir`, for TensorBoard.
    """

    model: Path
    runs: tuple[ProofreadRun, ...]
    pixel_size_nm: float
    out_dir: Path
    settings: FinetuneSettings
    name: str
    sections: tuple[int, ...]
    ignore_id: int | None = None
    with_log: bool = False


@dataclass(frozen=True)
class Candidate:
    """A new model that waits for the person's decision, and how it compares."""

    folder: Path
    result: FinetuneResult
    sections: tuple[int, ...]


def prepare(session: Session, settings: FinetuneSettings | None = None) -> LearnRequest:
    """Copy proofread sections and their neighbours.

    Raises
    ------
    EmsegError
        If no section is proofread, or the pixel size is unknown.
    """
    sections = session.sections.proofread
    if not sections:
        raise EmsegError(
            "there is nothing to learn from",
            session.image.name,
            "mark a section proofread first",
            action="proofread",
        )
    session.commit_stroke()
    model = find_model(session.model, session.project.models)
    return prepare_from(
        session.image,
        lambda z: session.volume.read(Region((z, 0, 0), (z + 1, *session.image.shape[1:])))[0],
        sections,
        model,
        session.project.models / f"{_CANDIDATE}{uuid.uuid4().hex[:8]}",
        with_recipe(settings or session.get_settings("finetune"), session),
        name=_versioned(read_card(model).name, _next_version(session)),
    )


def with_recipe(settings: FinetuneSettings, session: Session) -> FinetuneSettings:
    """Settings whose augmentation is the recipe itself where the project holds one of that name.

    Raises
    ------
    EmsegError
        If neither the project nor the program knows the name.
    """
    from napari_emseg.augment.recipe import load_recipe, recipe_text

    saved = session.get_settings("augmentation").recipes
    recipe = load_recipe(saved.get(settings.augmentation, settings.augmentation))
    if settings.augmentation not in saved:
        return settings
    return settings.model_copy(update={"augmentation": recipe_text(recipe)})


def prepare_from(
    image: ImageStack,
    read_labels: Callable[[int], NDArray[Any]],
    sections: Iterable[int],
    model: Path,
    out_dir: Path,
    settings: FinetuneSettings,
    *,
    name: str,
    ignore_id: int | None = None,
    with_log: bool = False,
) -> LearnRequest:
    """Copy some sections of a stack, with labels, for learning.

    Parameters
    ----------
    image : ImageStack
    read_labels : callable
        Object ids (y, x) of one section.
    sections : iterable of int
        Sections that teach.

    Raises
    ------
    EmsegError
        If the pixel size is unknown.
    """
    if image.spacing_nm is None:
        raise EmsegError(
            "the voxel size is unknown", image.name, "give it before learning", action="set_spacing"
        )
    context = read_card(model).context_sections
    runs = []
    taught = tuple(sorted(sections))
    for group in _runs(taught, context):
        low, high = max(0, group[0] - context), min(image.shape[0], group[-1] + context + 1)
        part = np.array(image.data[low:high])
        labels = np.zeros(part.shape, np.uint32)
        for z in group:
            labels[z - low] = read_labels(z)
        statistics = np.array([image.statistics(z) for z in range(low, high)], dtype=np.float64)
        span = f"section {group[0]}" if len(group) == 1 else f"sections {group[0]}-{group[-1]}"
        runs.append(ProofreadRun(span, part, labels, tuple(z - low for z in group), statistics))
    pixel = (image.spacing_nm[1] + image.spacing_nm[2]) / 2
    return LearnRequest(model, tuple(runs), pixel, out_dir, settings, name, taught, ignore_id, with_log)


def run(request: LearnRequest, progress: JobProgress) -> FinetuneResult:
    """Draw membranes between the labels and teach the model, in the worker."""
    from napari_emseg.jobs.learning_log import Logged
    from napari_emseg.nn.finetune import finetune

    progress.report(0.0, "drawing membranes between the objects")
    volumes = tuple(_volume(part, request) for part in request.runs)
    work = FinetuneRequest(request.model, volumes, request.out_dir, request.settings, request.name, TARGET)
    if not request.with_log:
        return finetune(work, progress)
    with Logged(request.out_dir, progress) as logged:
        result = finetune(work, logged)
    if result.pictures:
        _write_pictures(result)
    return result


def _write_pictures(result: FinetuneResult) -> None:
    """Image, before and after side by side, beside the weights."""
    from PIL import Image

    Image.fromarray(np.concatenate(result.pictures, axis=1)).save(result.model / PICTURES)


def finish(session: Session, request: LearnRequest, result: FinetuneResult) -> Candidate:
    """The new model with its scores; nothing changes until `accept`."""
    card = read_card(result.model)
    training = card.training | {"image": session.image.uri, "proofread_sections": list(request.sections)}
    _write_card(result.model, card.model_copy(update={"training": training}))
    return Candidate(result.model, result, request.sections)


def accept(session: Session, candidate: Candidate) -> Path:
    """Make the new model a version of the project, and predict with it from now on.

    Returns
    -------
    Path
        Folder of the new version.
    """
    version = _next_version(session)
    card = read_card(candidate.folder)
    base = card.name.rpartition("-")[0] or card.name
    name = _versioned(base, version)
    card = card.model_copy(update={"name": name, "version": str(version), "parent": session.project.model})
    _write_card(candidate.folder, card)
    folder = session.project.models / name
    candidate.folder.rename(folder)
    session.model = str(folder)
    return folder


def discard(candidate: Candidate) -> None:
    """Forget the new model."""
    shutil.rmtree(candidate.folder, ignore_errors=True)


def roll_back(session: Session) -> str:
    """Predict with the model that the current one was made from; both are kept.

    Raises
    ------
    EmsegError
        If the current model was not made in this project.
    """
    card = read_card(find_model(session.model, session.project.models))
    folder = Path(session.model)
    if not card.parent or not folder.is_relative_to(session.project.models):
        raise EmsegError("there is no earlier model", card.name, "it did not learn in this project")
    session.model = card.parent
    return session.model


def sweep(session: Session) -> None:
    """Remove candidates that nobody decided about, left by a crash."""
    for left in session.project.models.glob(f"{_CANDIDATE}*"):
        shutil.rmtree(left, ignore_errors=True)


def _write_card(folder: Path, card: ModelCard) -> None:
    write_atomic(folder / CARD, (card.model_dump_json(indent=1) + "\n").encode())


def _runs(sections: Iterable[int], context: int) -> list[list[int]]:
    """Group sections whose neighbours overlap."""
    groups: list[list[int]] = []
    for z in sections:
        if groups and z - groups[-1][-1] <= 2 * context + 1:
            groups[-1].append(z)
        else:
            groups.append([z])
    return groups


def _volume(part: ProofreadRun, request: LearnRequest) -> TrainingVolume:
    from napari_emseg.jobs.recipe import membranes_of

    truth = np.full(part.image.shape, IGNORE, np.uint8)
    taught = list(part.train)
    truth[taught] = membranes_of(
        part.labels[taught],
        request.pixel_size_nm,
        width_nm=request.settings.membrane_width_nm,
        ignore_id=request.ignore_id,
    )
    return TrainingVolume(
        part.name,
        part.image,
        request.pixel_size_nm,
        {TARGET: truth},
        part.train,
        statistics=part.statistics,
    )


def _versioned(name: str, version: int) -> str:
    base = name
    head, _, tail = name.rpartition("-")
    if head and tail.isdigit():
        base = head
    return f"{base}-{version}"


def _next_version(session: Session) -> int:
    taken = [p.name.rpartition("-")[2] for p in session.project.models.glob("*-*") if p.name[0] != "."]
    return max((int(n) for n in taken if n.isdigit()), default=1) + 1
