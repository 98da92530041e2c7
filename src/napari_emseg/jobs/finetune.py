"""Learn from proofread sections in the background; what becomes of the new model is decided in `jobs.versions`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import IGNORE, STOPPED, FinetuneRequest, FinetuneResult, TrainingVolume
from napari_emseg.core.leftovers import remove
from napari_emseg.core.model_card import CARD, find_model, read_card
from napari_emseg.core.sections import Status
from napari_emseg.core.stack import pixel_size
from napari_emseg.jobs.kept_learning import PICTURES, Noted, folder_name
from napari_emseg.jobs.sections_read import read_sections
from napari_emseg.jobs.versions import Candidate, next_version, versioned, write_card

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_emseg.core.stack import ImageStack
    from napari_emseg.jobs.progress import JobProgress
    from napari_emseg.session import Session
    from napari_emseg.settings import FinetuneSettings

TARGET = "membrane"


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
    pixel_size_nm : float
        In-plane.
    """

    name: str
    image: NDArray[Any]
    labels: NDArray[Any]
    train: tuple[int, ...]
    statistics: NDArray[np.float64]
    pixel_size_nm: float


@dataclass(frozen=True, eq=False)
class Teacher:
    """A stack with labels, and which sections of it teach.

    Parameters
    ----------
    image : ImageStack
    read_labels : callable
        Object ids (y, x) of one section.
    sections : iterable of int
    excluded : collection of int, optional
        Sections of a project that are left out: beside one of them the section that teaches stands in, as in prediction.
    """

    image: ImageStack
    read_labels: Callable[[int], NDArray[Any]]
    sections: Iterable[int]
    excluded: Collection[int] | None = None


@dataclass(frozen=True, eq=False)
class LearnRequest:
    """Everything that a worker needs to teach a model.

    Parameters
    ----------
    model : Path
        Folder of the model to start from.
    runs : tuple of ProofreadRun
    out_dir : Path
        Where the new model is written.
    sections : tuple of int
        Sections of the stack that teach.
    ignore_id : int, optional
        Object id that supervises nothing.
    with_log : bool
        Whether losses are also written to `out_dir`, for TensorBoard, and a state when it is stopped.
    parent : str
        Name of the model to start from, as the project has it; default: that of its card.
    resumable : bool
        Whether a state is left in `out_dir` when it is stopped, and gone on with from there.
    device : str
        Where it learns, see `nn.device.choose_device`.
    """

    model: Path
    runs: tuple[ProofreadRun, ...]
    out_dir: Path
    settings: FinetuneSettings
    name: str
    sections: tuple[int, ...]
    ignore_id: int | None = None
    with_log: bool = False
    parent: str = ""
    resumable: bool = False
    device: str = "auto"

    @property
    def share_labelled(self) -> float:
        """Which part of the pixels that teach has an id, 0 to 1."""
        taught = [part.labels[list(part.train)] for part in self.runs]
        known = sum(labels.size - np.count_nonzero(labels == self.ignore_id) for labels in taught)
        ids = sum(np.count_nonzero((labels != 0) & (labels != self.ignore_id)) for labels in taught)
        return float(ids / known) if known else 0.0


_FEW_LABELS = 0.25
"""Of the pixels that teach: cells fill four fifths of neuropil, mitochondria less than a tenth."""


def about_few_labels(request: LearnRequest) -> str:
    """What is to be said before learning from labels that leave most of their sections empty; mostly nothing."""
    share = request.share_labelled
    if share >= _FEW_LABELS:
        return ""
    much = f"{share:.0%}".replace("%", " %") if share >= 0.01 else "Less than 1 %"
    return (
        f"{much} of what teaches is labelled. The border of every labelled object is learned as a membrane: right for cells, "
        "wrong for mitochondria."
    )


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
    read_labels = lambda z: session.volume.read(Region((z, 0, 0), (z + 1, *session.image.shape[1:])))[0]  # noqa: E731
    request = prepare_from(
        [Teacher(session.image, read_labels, sections, session.sections.with_status(Status.EXCLUDED))],
        model,
        session.project.models,
        with_recipe(settings or session.get_settings("finetune"), session),
        name=versioned(read_card(model).name, next_version(session)),
        parent=session.project.model,
    )
    folder = session.project.models / folder_name(request)
    return replace(request, out_dir=folder, resumable=True, device=session.device)


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
    teachers: Sequence[Teacher],
    model: Path,
    out_dir: Path,
    settings: FinetuneSettings,
    *,
    name: str,
    ignore_id: int | None = None,
    with_log: bool = False,
    parent: str = "",
) -> LearnRequest:
    """Copy some sections of stacks, with labels, for learning.

    Parameters
    ----------
    teachers : sequence of Teacher
        At least one.

    Raises
    ------
    EmsegError
        If the pixel size is unknown.
    """
    card = read_card(model)
    context = card.context_sections + card.depth  # blocks of a 3D network reach into what is around
    runs: list[ProofreadRun] = []
    for n, teacher in enumerate(teachers):
        begin = f"{teacher.image.name} ({n + 1}), " if len(teachers) > 1 else ""
        runs += _runs_of(teacher, context, begin)
    taught = tuple(sorted(z for teacher in teachers for z in teacher.sections))
    return LearnRequest(model, tuple(runs), out_dir, settings, name, taught, ignore_id, with_log, parent)


def _runs_of(teacher: Teacher, context: int, begin: str) -> Iterator[ProofreadRun]:
    image = teacher.image
    if image.spacing_nm is None:
        raise EmsegError(
            "the voxel size is unknown", image.name, "give it before learning", action="set_spacing"
        )
    pixel = pixel_size(image.spacing_nm)
    excluded = teacher.excluded or ()
    for group in _runs(sorted(teacher.sections), context, excluded):
        low, high = max(0, group[0] - context), min(image.shape[0], group[-1] + context + 1)
        part = read_sections(image, low, high, teacher.excluded, needed=group)
        shown = [_stand_in(z, group, excluded) for z in range(low, high)]
        part = part[np.array(shown) - low]
        labels = np.zeros(part.shape, np.uint32)
        for z in group:
            labels[z - low] = teacher.read_labels(z)
        statistics = np.array([image.statistics(z) for z in shown], dtype=np.float64)
        span = f"section {group[0]}" if len(group) == 1 else f"sections {group[0]}-{group[-1]}"
        train = tuple(z - low for z in group)
        yield ProofreadRun(f"{begin}{span}", part, labels, train, statistics, pixel)


def run(request: LearnRequest, progress: JobProgress) -> FinetuneResult:
    """Draw membranes between the labels and teach the model, in the worker."""
    from napari_emseg.jobs.learning_log import Logged, nothing_left
    from napari_emseg.nn.finetune import finetune
    from napari_emseg.nn.watched import listening

    volumes = listening(
        lambda: progress.report(0.0, "drawing membranes between the objects"),
        lambda look: tuple(_volume(part, request, look) for part in request.runs),
    )
    _with_membranes(volumes)
    noted = Noted(progress, request)
    work = FinetuneRequest(
        request.model, volumes, request.out_dir, request.settings, request.name, TARGET,
        request.with_log or request.resumable, noted.note, request.device,
    )  # fmt: skip
    with nothing_left(request.out_dir, (CARD, STOPPED)):
        try:
            if request.with_log:
                with Logged(request.out_dir, noted, noted.steps) as logged:
                    result = finetune(work, logged)
            else:
                result = finetune(work, noted)
        except EmsegError:
            noted.take_back()
            raise
        except OSError:  # the state is that of before, and so is its note
            raise
        except BaseException:
            noted.note()
            raise
        finally:
            noted.tidy()
        if request.resumable:  # complete by itself: the window may be gone by now
            _tell_teachers(request, result)
        if result.pictures:
            _write_pictures(result)
    return result


def _with_membranes(volumes: Sequence[TrainingVolume]) -> None:
    """Refuse labels from which a model learns that there are no membranes at all."""
    known = [np.unique(volume.truth[TARGET][list(volume.train)]) for volume in volumes]
    if any(0 in values for values in known) and not any(1 in values for values in known):
        raise EmsegError(
            "nothing here teaches where membranes are: every pixel that is known lies in an object",
            ", ".join(volume.name for volume in volumes),
            "label cells that touch, or leave the membranes between them empty and do not ignore 0",
        )


def _write_pictures(result: FinetuneResult) -> None:
    """Image, before and after side by side, beside the weights; a model is whole without."""
    from PIL import Image

    path = result.model / PICTURES
    try:
        Image.fromarray(np.concatenate(result.pictures, axis=1)).save(path)
    except OSError:
        remove(path)


def _tell_teachers(request: LearnRequest, result: FinetuneResult, **more: Any) -> None:
    card = read_card(result.model)
    training = card.training | more | {"proofread_sections": list(request.sections)}
    write_card(result.model, card.model_copy(update={"training": training, "parent": request.parent}))


def finish(session: Session, request: LearnRequest, result: FinetuneResult) -> Candidate:
    """The new model with its scores; nothing changes until `accept`."""
    _tell_teachers(request, result, image=session.image.uri)
    return Candidate(result.model, result, request.sections)


def _stand_in(z: int, group: Sequence[int], excluded: Collection[int]) -> int:
    """The section that is shown for another one: the nearest that teaches, where that one is left out."""
    return min(group, key=lambda taught: abs(taught - z)) if z in excluded and z not in group else z


def _runs(sections: Iterable[int], context: int, excluded: Collection[int] = ()) -> list[list[int]]:
    """Group sections whose neighbours overlap; not across a section that is left out, which each has its own stand-in for."""
    groups: list[list[int]] = []
    for z in sections:
        near = bool(groups) and z - groups[-1][-1] <= 2 * context + 1
        if near and not any(groups[-1][-1] < out < z for out in excluded):
            groups[-1].append(z)
        else:
            groups.append([z])
    return groups


def _volume(
    part: ProofreadRun, request: LearnRequest, look: Callable[[], None] = lambda: None
) -> TrainingVolume:
    from napari_emseg.jobs.recipe_truth import flanks_of, membranes_of

    look()
    truth = np.full(part.image.shape, IGNORE, np.uint8)
    taught = list(part.train)
    truth[taught] = membranes_of(
        part.labels[taught],
        part.pixel_size_nm,
        width_nm=request.settings.membrane_width_nm,
        ignore_id=request.ignore_id,
    )
    flanks = np.zeros(part.image.shape, np.bool_)
    flanks[taught] = flanks_of(part.labels[taught], part.pixel_size_nm, ignore_id=request.ignore_id)
    return TrainingVolume(
        part.name,
        part.image,
        part.pixel_size_nm,
        {TARGET: truth},
        part.train,
        statistics=part.statistics,
        flanks=flanks,
    )
