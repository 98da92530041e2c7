"""Tidy the objects of the open project, one section or all of them: one edit around what people have decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.edit import Edit, Region
from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.core.leftovers import temporary_folder
from napari_emseg.core.patching import section_patches
from napari_emseg.core.sections import Status
from napari_emseg.settings import TidySettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from napari_emseg.core.edit import Patch
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.core.volume import LabelVolume
    from napari_emseg.session import Session

MOST_BYTES = 2**31
"""Of ids before and after in one edit, which is held in memory and in the history."""

_THEIRS = (Status.PROOFREAD, Status.EXCLUDED)


@dataclass(frozen=True, eq=False)
class TidyRequest:
    """What a worker needs.

    Parameters
    ----------
    labels : array-like (z, y, x)
        Ids of the sections and of those beside them that shapes depend on.
    first : int
        Section of the stack that is the first of these.
    sections : tuple of int
        Sections of the stack that are made tidy.
    settings : TidySettings
    spacing_nm : (z, y, x)
    locked : frozenset of int
        Ids that are not touched at all.
    spared : frozenset of int
        Ids that are not dropped: they also lie in sections that stay as they are, and would be left in pieces.
    too_small : frozenset of int or None
        Ids to be dropped for their size, found out before; None where all of the stack is there to count.
    """

    labels: Any
    first: int
    sections: tuple[int, ...]
    settings: TidySettings
    spacing_nm: Spacing
    locked: frozenset[int]
    spared: frozenset[int]
    too_small: frozenset[int] | None


@dataclass(frozen=True, eq=False)
class TidyResult:
    """What changes.

    Parameters
    ----------
    patches : tuple of Patch
        One for every section in which something changes.
    n_changed, n_gone : int
        Objects that change in any way, and those of them of which nothing is left in these sections.
    n_voxels : int
        Voxels that change.
    """

    patches: tuple[Patch, ...]
    n_changed: int
    n_gone: int
    n_voxels: int


def is_idle(settings: TidySettings) -> bool:
    """Whether these settings change nothing, as far as the window uses them."""
    lengths = (settings.opening_nm, settings.closing_nm, settings.erosion_nm, settings.dilation_nm)
    return not any(lengths) and not settings.fill_holes and settings.min_volume_um3 == 0


def prepare(
    session: Session,
    section: int | None,
    settings: TidySettings,
    wanted: Callable[[], bool] = lambda: True,
) -> TidyRequest:
    """Copy the labels that are needed; may be called in a thread.

    Parameters
    ----------
    session : Session
    section : int or None
        None takes the whole stack.
    settings : TidySettings
        Parts are not numbered, and only the smallest objects dropped.
    wanted : callable
        Asked before every section; False stops the copying.

    Raises
    ------
    EmsegError
        If the voxel size is unknown, there is nothing to do, or no section may change.
    """
    from napari_emseg.io.packed import PackedStack

    spacing = session.image.spacing_nm
    if spacing is None:
        raise EmsegError(
            "the voxel size is unknown",
            session.image.name,
            "give it first: nanometres need it",
            action="set_spacing",
        )
    if is_idle(settings):
        raise EmsegError("there is nothing to do yet", "", "choose what to tidy")
    used = settings.model_copy(update={"split_parts": False, "max_volume_um3": 0.0, "drop_at_edge": False})
    volume, depth = session.volume, session.volume.shape[0]
    held = sorted({z for z, _, _ in volume.occupied()}) if section is None else [section]
    sections = tuple(z for z in held if session.sections[z].status not in _THEIRS)
    if not sections:
        what = "nothing is segmented yet" if not held else "what is proofread or left out stays as it is"
        raise EmsegError(
            what, "the stack" if section is None else f"section {section}", "choose another section"
        )
    if section is None:
        packed = PackedStack(volume.shape, volume.dtype)
        spared: set[int] = set()
        for z in held:
            if not wanted():
                raise Cancelled
            ids = np.asarray(volume[z])
            packed.put(z, ids)
            if session.sections[z].status in _THEIRS:
                spared.update(np.unique(ids).tolist())
        return TidyRequest(
            packed, 0, sections, used, spacing, frozenset(session.locked), frozenset(spared), None
        )
    reach = _reach(used, spacing)
    low, high = max(section - reach, 0), min(section + reach + 1, depth)
    labels = np.stack([np.asarray(volume[z]) for z in range(low, high)])
    small = _too_small(session, section, labels[section - low], used, spacing, wanted)
    return TidyRequest(labels, low, sections, used, spacing, frozenset(session.locked), frozenset(), small)


def run(request: TidyRequest, progress: Progress) -> TidyResult:
    """Find out what changes. Pure.

    Raises
    ------
    EmsegError
        If that is too much for one edit.
    """
    from napari_emseg.algorithms.tidying import tidy

    settings = request.settings
    if request.too_small is not None:
        settings = settings.model_copy(update={"min_volume_um3": 0.0})
    patches: list[Patch] = []
    before_ids, after_ids, touched = _Ids(), _Ids(), _Ids()
    n_voxels = n_bytes = 0
    with temporary_folder("emseg-tidy") as folder:
        found = tidy(request.labels, settings, request.spacing_nm, folder=folder, progress=progress)
        dropped = {*found.dropped.tolist(), *(request.too_small or ())}
        untouched = np.array(sorted({*request.locked, *(dropped & request.spared)}), np.uint64)
        for z in request.sections:
            before = np.asarray(request.labels[z - request.first])
            after = np.asarray(found.labels[z - request.first]).astype(before.dtype)
            if dropped:
                after[np.isin(after, np.array(sorted(dropped), np.uint64))] = 0
            stay = np.isin(before, untouched) | np.isin(after, untouched)
            after[stay] = before[stay]
            changed = before != after
            n_voxels += int(changed.sum())
            touched.add(before[changed])
            touched.add(after[changed])
            before_ids.add(before)
            after_ids.add(after)
            region = Region((z, 0, 0), (z + 1, *before.shape))
            new = section_patches(region, before[None], after[None])
            n_bytes += sum(patch.nbytes for patch in new)
            if n_bytes > MOST_BYTES:
                raise EmsegError(
                    "this changes more than one edit can hold", f"up to section {z}",
                    "tidy single sections, or export the labels and use napari-emseg tidy",
                )  # fmt: skip
            patches += new
    gone = before_ids.found - after_ids.found
    return TidyResult(tuple(patches), len(touched.found), len(gone), n_voxels)


def finish(session: Session, request: TidyRequest, result: TidyResult) -> Edit:
    """Build the one edit; the caller commits it.

    Returns
    -------
    Edit
        Around sections that are proofread or left out, locked objects, and pixels that have changed since.
    """
    volume = session.volume
    session.commit_stroke()
    locked = np.fromiter(session.locked, volume.dtype)
    patches: list[Patch] = []
    for patch in result.patches:
        if session.sections[patch.region.start[0]].status in _THEIRS:
            continue
        now = volume.read(patch.region)
        stay = (now != patch.before) | np.isin(now, locked) | np.isin(patch.after, locked)
        patches += section_patches(patch.region, now, np.where(stay, now, patch.after).astype(now.dtype))
    n = len(request.sections)
    where = f"section {request.sections[0]}" if request.too_small is not None else f"{n} sections"
    return Edit(f"tidy {where}", "system", tuple(patches))


def _reach(settings: TidySettings, spacing: Spacing) -> int:
    """Sections beside one that its shapes depend on; an opening or a closing looks twice as far."""
    if settings.dims == 2:
        return 0
    far = 2 * (settings.opening_nm + settings.closing_nm) + settings.erosion_nm + settings.dilation_nm
    return int(np.ceil(far / spacing[0])) + 1 if far else 0


def _too_small(
    session: Session,
    section: int,
    ids: NDArray[Any],
    settings: TidySettings,
    spacing: Spacing,
    wanted: Callable[[], bool],
) -> frozenset[int]:
    """Objects of a section that are too small as a whole; nearby sections are counted first, until that is enough."""
    from napari_emseg.algorithms.instances import NM3_PER_UM3

    limit = settings.min_volume_um3 * NM3_PER_UM3 / float(np.prod(spacing))
    if limit <= 0:
        return frozenset()
    names, n = np.unique(ids[ids != 0], return_counts=True)
    size = {int(k): int(count) for k, count in zip(names, n, strict=True) if count < limit}
    boxes = session.volume.find(size) if size else {}
    for z in sorted(boxes, key=lambda k: abs(k - section)):
        if not wanted():
            raise Cancelled
        small = [k for k, count in size.items() if count < limit]
        if z == section or not small:
            continue
        theirs = session.sections[z].status in _THEIRS
        for k, count in _counts(session.volume, boxes[z], small).items():
            # an object that also lies in a section that stays would be left in pieces
            size[k] += int(np.ceil(limit)) if theirs else count
    return frozenset(k for k, count in size.items() if count < limit)


def _counts(volume: LabelVolume, box: Region, ids: Iterable[int]) -> dict[int, int]:
    there = volume.read(box)
    found, n = np.unique(there[np.isin(there, np.array(list(ids), there.dtype))], return_counts=True)
    return {int(k): int(count) for k, count in zip(found, n, strict=True)}


class _Ids:
    """Ids that have been seen."""

    def __init__(self) -> None:
        self.found: set[int] = set()

    def add(self, ids: NDArray[Any]) -> None:
        import fastremap

        self.found.update(int(k) for k in fastremap.unique(ids) if k)
