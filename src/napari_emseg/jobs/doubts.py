"""Doubtful links, kept in the project until a person has looked at them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_emseg.core.atomic import write_atomic
from napari_emseg.core.edit import Edit, Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.patching import section_patches

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.core.volume import LabelVolume
    from napari_emseg.jobs.propagate import PropagateRequest, PropagateResult
    from napari_emseg.session import Session

Verdict = Literal["", "right", "wrong", "later"]

FILE = "doubts.json"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Doubt:
    """One link that a person should look at.

    Attributes
    ----------
    at_a, at_b : (z, y, x)
        A voxel inside each of the two objects: ids are read from the volume, so they follow every correction.
    kind : str
        As in `napari_emseg.algorithms.matching.Link`; a "conflict" is a link that was not made.
    confidence : float
        Probability that the link is right.
    verdict : str
        "" nobody has looked yet; "right", "wrong", "later".
    edit, answer : int, str
        The edit that answered it and with which verdict, so that undoing the edit takes the answer back; 0 and "" if no
        label was changed.
    """

    at_a: tuple[int, int, int]
    at_b: tuple[int, int, int]
    kind: str
    confidence: float
    verdict: Verdict = ""
    edit: int = 0
    answer: Verdict = ""

    @property
    def key(self) -> tuple[int, ...]:
        """What makes two doubts the same one."""
        return (*self.at_a, *self.at_b)

    @property
    def sections(self) -> tuple[int, int]:
        """The two sections."""
        return self.at_a[0], self.at_b[0]


def doubts_of(request: PropagateRequest, result: PropagateResult) -> tuple[Doubt, ...]:
    """The doubtful links of a result, least certain first.

    Parameters
    ----------
    request, result
        Of one run of `napari_emseg.jobs.propagate`.
    """
    z0, y0, x0 = request.region.start
    links = result.doubts(request.settings.doubt_below)
    ends: dict[int, set[int]] = {}
    for link in links:
        ends.setdefault(link.section_a, set()).add(link.a)
        ends.setdefault(link.section_b, set()).add(link.b)
    places = {section: _insides(request.labels[section - z0], names) for section, names in ends.items()}
    found = []
    for link in links:
        points = []
        for section, name in ((link.section_a, link.a), (link.section_b, link.b)):
            y, x = places[section][name]
            points.append((section, y0 + y, x0 + x))
        found.append(Doubt(points[0], points[1], link.kind, round(link.confidence, 4)))
    return tuple(found)


def remember(session: Session, fresh: Sequence[Doubt], sections: Iterable[int]) -> tuple[Doubt, ...]:
    """Keep doubts in the project; those between the same sections of an earlier run are replaced.

    Parameters
    ----------
    session : Session
    fresh : sequence of Doubt
    sections : iterable of int
        Sections that were linked anew. What people have decided stays decided.

    Returns
    -------
    tuple of Doubt
        All that are kept now.
    """
    linked = set(sections)
    old = read_doubts(session)
    decided = {doubt.key: doubt for doubt in old if doubt.verdict or doubt.edit}
    kept = [d for d in old if not linked.issuperset(d.sections)]
    for d in fresh:
        known = decided.get(d.key)
        kept.append(replace(d, verdict=known.verdict, edit=known.edit, answer=known.answer) if known else d)
    return _write(session, kept)


def read_doubts(session: Session) -> tuple[Doubt, ...]:
    """All doubts of the project, least certain first; none if there is no file or it cannot be read."""
    try:
        content = json.loads(_path(session).read_text(encoding="utf-8"))
        found = [_from_json(item) for item in content["doubts"]]
    except (OSError, ValueError, KeyError, TypeError):
        # A queue that cannot be read is rebuilt by carrying ids once more: no reason not to open the project.
        return ()
    return tuple(sorted(found, key=lambda d: (d.confidence, d.key)))


def open_doubts(session: Session) -> tuple[Doubt, ...]:
    """Doubts that nobody has settled: unseen ones first, then those put off.

    None between proofread sections, and none with an end in a section that is left out.
    """
    from napari_emseg.core.sections import Status

    waiting = [
        d
        for d in read_doubts(session)
        if d.verdict in ("", "later")
        and not all(session.sections[z].status is Status.PROOFREAD for z in d.sections)
        and not any(session.sections[z].status is Status.EXCLUDED for z in d.sections)
    ]
    return tuple(sorted(waiting, key=lambda d: (d.verdict == "later", d.confidence, d.key)))


def decide(session: Session, doubt: Doubt, verdict: Verdict, *, edit: int | None = None) -> tuple[Doubt, ...]:
    """Write down what a person thinks of a link; the labels are not changed here.

    Parameters
    ----------
    session : Session
    doubt : Doubt
    verdict : str
    edit : int, optional
        Id in the history of the edit by which the labels follow this verdict, 0 if there is none; by default what was
        known of it stays.

    Raises
    ------
    EmsegError
        If the project has no such doubt any more.
    """
    known = read_doubts(session)
    if all(d.key != doubt.key for d in known):
        raise EmsegError(
            "this doubt is gone", f"section {doubt.sections[1]}", "ids were carried anew meanwhile"
        )
    answer: dict[str, Any] = {} if edit is None else {"edit": edit, "answer": verdict if edit else ""}
    return _write(
        session, [replace(d, verdict=verdict, **answer) if d.key == doubt.key else d for d in known]
    )


def part(volume: LabelVolume, doubt: Doubt) -> Edit:
    """Undo a wrong link: what goes on from its second object becomes an object of its own.

    Parameters
    ----------
    volume : LabelVolume
        Read only; one of its free ids is used.
    doubt : Doubt
        A link that was made.

    Returns
    -------
    Edit
        By a human. Everything of the object that hangs together with ``at_b`` in the sections on its side
        gets a new id.

    Raises
    ------
    EmsegError
        If the two voxels are not of one object (any more).
    """
    import cc3d

    (za, *_), (zb, yb, xb) = doubt.at_a, doubt.at_b
    name_a, name_b = (int(volume[p]) for p in (doubt.at_a, doubt.at_b))
    if name_a != name_b or not name_b:
        raise EmsegError("these are two objects already", f"sections {za} and {zb}")
    sections = range(zb, volume.shape[0]) if zb > za else range(zb + 1)
    boxes = volume.find([name_b], sections)
    start = tuple(min(box.start[k] for box in boxes.values()) for k in range(3))
    stop = tuple(max(box.stop[k] for box in boxes.values()) for k in range(3))
    region = Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    before = volume.read(region)
    parts = cc3d.connected_components((before == name_b).astype(np.uint8), connectivity=26)
    mine = parts == parts[zb - start[0], yb - start[1], xb - start[2]]
    after = np.where(mine, volume.dtype.type(volume.next_ids(1)), before)
    edit_name = f"part object {name_b} between sections {za} and {zb}"
    return Edit(edit_name, "human", section_patches(region, before, after))


def _insides(labels: NDArray[Any], names: Collection[int]) -> dict[int, tuple[int, int]]:
    """The pixel of each of some objects of a section that lies nearest to its centre; the section is gone through once."""
    mask = np.isin(labels, list(names))
    at, ids = np.argwhere(mask), labels[mask]
    order = np.argsort(ids, kind="stable")  # so that of two pixels as near, the first one is taken
    found, starts = np.unique(ids[order], return_index=True)
    places = {}
    for name, own in zip(found.tolist(), np.split(at[order], starts[1:]), strict=True):
        y, x = own[int(((own - own.mean(0)) ** 2).sum(1).argmin())]
        places[name] = int(y), int(x)
    return places


def _path(session: Session) -> Path:
    return session.project.folder / FILE


def _write(session: Session, doubts: Sequence[Doubt]) -> tuple[Doubt, ...]:
    if not session.read_only:
        content = {"version": _VERSION, "doubts": [asdict(d) for d in doubts]}
        try:
            write_atomic(_path(session), json.dumps(content, indent=1).encode())
        except OSError as error:
            raise EmsegError(
                f"the list of doubts is not kept ({error.strerror})",
                str(_path(session)),
                "free space or mend the permissions",
            ) from error
    return tuple(sorted(doubts, key=lambda d: (d.confidence, d.key)))


def _from_json(item: dict[str, Any]) -> Doubt:
    za, ya, xa = item["at_a"]
    zb, yb, xb = item["at_b"]
    return Doubt(
        (int(za), int(ya), int(xa)),
        (int(zb), int(yb), int(xb)),
        str(item["kind"]),
        float(item["confidence"]),
        item["verdict"],
        int(item.get("edit", 0)),
        item.get("answer", ""),
    )
