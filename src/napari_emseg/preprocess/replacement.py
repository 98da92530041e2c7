"""What stands in for a bad section: its nearest good neighbour, or a picture between the two neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_emseg.core.errors import EmsegError
from napari_emseg.preprocess.flow import between, to_type

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_emseg.core.stack import ArrayLike3D

Method = Literal["nearest", "flow"]


@dataclass(frozen=True)
class Replacement:
    """Where a bad section is taken from.

    Parameters
    ----------
    section : int
        The bad one.
    sources : tuple of int
        One good section that is copied, or the two good ones on both sides that it is interpolated between.
    """

    section: int
    sources: tuple[int, ...]

    @property
    def words(self) -> str:
        """For people and records."""
        if len(self.sources) == 1:
            return f"section {self.section} replaced by {self.sources[0]}"
        return f"section {self.section} interpolated between {self.sources[0]} and {self.sources[1]}"


def plan_replacements(bad: Iterable[int], count: int, method: Method = "nearest") -> tuple[Replacement, ...]:
    """Where each bad section is taken from; never from a bad one.

    Parameters
    ----------
    bad : iterable of int
        Sections to be replaced.
    count : int
        Number of sections of the stack.
    method : {"nearest", "flow"}
        Of two good sections that are equally near the earlier one is copied, or the later one where the earlier one stands in
        for another section already: three in a row would be the same. Interpolation needs a good section on both sides; at the
        ends of the stack the nearest is copied.

    Raises
    ------
    EmsegError
        If a section does not exist, or none is good.

    Examples
    --------
    >>> [r.words for r in plan_replacements([1, 2], 5)]
    ['section 1 replaced by 0', 'section 2 replaced by 3']
    """
    wrong = sorted(set(bad))
    outside = [z for z in wrong if not 0 <= z < count]
    if outside:
        raise EmsegError(
            f"there is no section {outside[0]}", f"the stack has {count}", "sections are counted from 0"
        )
    good = np.setdiff1d(np.arange(count), wrong)
    if wrong and not len(good):
        raise EmsegError("every section is bad", "the stack", "keep at least one to take the others from")
    plan: list[Replacement] = []
    for z in wrong:
        before, after = good[good < z], good[good > z]
        if method == "flow" and len(before) and len(after):
            plan.append(Replacement(z, (int(before[-1]), int(after[0]))))
        else:
            away = np.abs(good - z)
            nearest = good[away == away.min()].tolist()
            copied = plan[-1].sources if plan else ()
            plan.append(Replacement(z, (nearest[-1] if nearest[0] in copied else nearest[0],)))
    return tuple(plan)


def replaced_section(stack: ArrayLike3D, replacement: Replacement, *, labels: bool = False) -> NDArray[Any]:
    """The section that stands in for a bad one.

    Parameters
    ----------
    stack : array-like (z, y, x)
        Only the sources are read.
    replacement : Replacement
    labels : bool
        Ids cannot be interpolated: the nearer source is copied.

    Returns
    -------
    ndarray (y, x)
        Of the stack's type.
    """
    z, sources = replacement.section, replacement.sources
    if len(sources) == 1 or labels:
        nearest = min(sources, key=lambda n: (abs(n - z), n))
        return np.array(stack[nearest])
    a, b = sources
    first, last = np.asarray(stack[a]), np.asarray(stack[b])
    return to_type(between(first, last, (z - a) / (b - a)), first.dtype)


def replacements_as_rows(plan: Iterable[Replacement]) -> list[dict[str, Any]]:
    """Plain values for JSON."""
    return [{"section": r.section, "sources": list(r.sources)} for r in plan]


def replacements_from_rows(rows: Iterable[dict[str, Any]], count: int) -> tuple[Replacement, ...]:
    """The inverse of `replacements_as_rows`.

    Raises
    ------
    EmsegError
        If a row is no replacement, a section does not exist, or a source is itself replaced.
    """
    try:
        plan = tuple(Replacement(int(r["section"]), tuple(int(n) for n in r["sources"])) for r in rows)
    except (KeyError, TypeError, ValueError) as error:
        raise EmsegError("this is no list of replacements", "", 'rows are {"section", "sources"}') from error
    bad = {r.section for r in plan}
    for r in plan:
        wrong = [n for n in (r.section, *r.sources) if not 0 <= n < count]
        if wrong or len(r.sources) not in (1, 2):
            raise EmsegError("a replacement names no section of this stack", r.words, f"it has {count}")
        if bad & set(r.sources):
            raise EmsegError("a section would be replaced by a bad one", r.words, "take a good one")
    return plan
