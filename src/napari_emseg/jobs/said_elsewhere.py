"""What a colleague has said of sections and synapses in a copy of the project, compared with what was said here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from napari_emseg.core.codec import unpack_extras
from napari_emseg.core.conflicts import Conflict
from napari_emseg.core.edit import Answer, Region
from napari_emseg.core.moments import steps_since

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    from napari_emseg.core.answers import Sites
    from napari_emseg.core.codec import Extras
    from napari_emseg.core.journal import Journal
    from napari_emseg.core.sections import SectionState
    from napari_emseg.jobs.kept_synapses import Synapse
    from napari_emseg.session import Session

K = TypeVar("K")
V = TypeVar("V")


class Moments(NamedTuple):
    """Places in the log of a copy.

    Attributes
    ----------
    parted : int
        Up to here it is the project's own.
    seen : int
        Up to here it was brought in before; as `parted` if it never was.
    is_anew : bool
        Whether all since they parted comes in: nothing came before, or that was taken back.
    """

    parted: int
    seen: int
    is_anew: bool


def compare_states(
    session: Session, theirs: Journal, moments: Moments
) -> tuple[list[tuple[int, SectionState]], list[tuple[int, SectionState, SectionState]]]:
    """Sections whose state only they changed, with it; and those whose state both did, with both."""
    return _compared(_marked, lambda z: session.sections[z], session.journal, theirs, moments)


def compare_answers(
    session: Session, theirs: Journal, moments: Moments
) -> tuple[list[tuple[Sites, str]], list[tuple[Sites, str, str]]]:
    """Sites at synapses of which only they said something, with that; and those of which both did, with both."""
    return _compared(
        _answered, lambda sites: session.answers.get(sites, ""), session.journal, theirs, moments
    )


def _compared(
    changed: Callable[[Journal, int], dict[K, tuple[V, V]]],
    present: Callable[[K], V],
    ours: Journal,
    theirs: Journal,
    moments: Moments,
) -> tuple[list[tuple[K, V]], list[tuple[K, V, V]]]:
    """As pixels are compared: what came in before is not asked again."""
    only_they: list[tuple[K, V]] = []
    both: list[tuple[K, V, V]] = []
    mine, since = changed(ours, moments.parted), changed(theirs, moments.seen)
    for key, (begun, after) in sorted(changed(theirs, moments.parted).items()):
        here = present(key)
        if here == after:
            continue
        before = since.get(key, (after, after))[0]
        is_fresh, is_untouched = before != after, mine.get(key, (here, here))[0] == here
        if (moments.is_anew and is_untouched and begun != after) or (is_fresh and here == before):
            only_they.append((key, after))
        elif is_fresh:
            both.append((key, here, after))
    return only_they, both


def _marked(journal: Journal, position: int) -> dict[int, tuple[SectionState, SectionState]]:
    """Sections whose state was changed since: the state before, and now."""
    return _changed(journal, position, lambda extras: extras[0], lambda mark: mark.section)


def _answered(journal: Journal, position: int) -> dict[Sites, tuple[str, str]]:
    """Sites of which something else was said since: before, and now."""
    return _changed(journal, position, lambda extras: extras[3], lambda answer: answer.sites)


def _changed(
    journal: Journal,
    position: int,
    part: Callable[[Extras], tuple[Any, ...]],
    about: Callable[[Any], K],
) -> dict[K, tuple[Any, Any]]:
    """What one part of the extras of edits (`core.codec.unpack_extras`) has changed since: before, and now."""
    changed: dict[K, tuple[Any, Any]] = {}
    for number, direction in steps_since(journal, position):
        extras = str(journal.query("SELECT extras FROM edits WHERE id = ?", number)[0][0])
        steps = part(unpack_extras(extras))
        for step in steps if direction == 1 else tuple(one.inverse() for one in reversed(steps)):
            first = changed.get(about(step), (step.before, step.before))[0]
            changed[about(step)] = (first, step.after)
    return changed


def as_answers(session: Session, said: Iterable[tuple[Sites, str]]) -> tuple[Answer, ...]:
    """What a colleague has said, as changes of what is said here."""
    both = ((sites, session.answers.get(sites, ""), after) for sites, after in said)
    return tuple(Answer(sites, before, after) for sites, before, after in both if before != after)


def disputes(disputed: Iterable[tuple[Sites, str, str]], author: str) -> list[Conflict]:
    """Synapses of which both said something else, to be decided."""
    listed = []
    for sites, mine, theirs in disputed:
        z, y, x = sites[:3]
        region, nothing = Region((z, y, x), (z + 1, y + 1, x + 1)), np.zeros((0, 0), bool)
        both = Answer(sites, "", mine), Answer(sites, "", theirs)
        listed.append(Conflict(z, 0, 0, region, nothing, author, answers=both))
    return listed


def synapses_of(folder: Path, about: Collection[Sites]) -> tuple[Synapse, ...]:
    """Synapses that are kept in a project folder, with those of their pairs that have these sites."""
    from napari_emseg.jobs.kept_synapses import kept_in

    wanted = set(about)
    found = (
        replace(one, pairs=tuple(pair for pair in one.pairs if pair.sites in wanted))
        for one in (kept_in(folder) if wanted else ())
    )
    return tuple(one for one in found if one.pairs)


def take_over_pairs(session: Session, theirs: tuple[Synapse, ...]) -> tuple[Synapse, ...] | None:
    """Put pairs that a colleague has answered into the list of the project, where they are not in it.

    The same pair may have been found here at sites that are a little off: then it takes over the colleague's, and with
    them the answer.

    Returns
    -------
    tuple of Synapse or None
        The new list; None where it stays as it was.
    """
    from napari_emseg.jobs.kept_synapses import how_found, keep_synapses, read_synapses, with_answered

    mine = read_synapses(session)
    known = {pair.sites for one in mine for pair in one.pairs}
    missing = [one for one in theirs if any(pair.sites not in known for pair in one.pairs)]
    spacing_nm = session.image.spacing_nm
    if not missing or spacing_nm is None:
        return None
    asked = {pair.sites for one in missing for pair in one.pairs} - known
    said: Mapping[Sites, str] = {sites: session.answers.get(sites, "") for sites in known | asked}
    sections = range(session.volume.shape[0])
    new = with_answered(mine, missing, said, sections, lambda at: int(session.volume[at]), spacing_nm)
    keep_synapses(session, new, how_found(session.project.folder))
    return new
