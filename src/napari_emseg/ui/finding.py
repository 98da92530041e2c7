"""What a person may look for, read from one line of text. No Qt."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_emseg.core.stack import Spacing
    from napari_emseg.session import Session

Kind = Literal["object", "section", "place", "mark", "edit", "point"]

MOST = 30
"""Edits and points that are listed."""

EXAMPLES = "27 · s 12 · 12 340 560 · 600 1564 2576 nm · x 560 y 340 · fold"
"""Shown before anything is typed."""

_ROUNDING = 1e-6
_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_UNITS = {"nm": 1.0, "um": 1000.0, "µm": 1000.0, "μm": 1000.0}
_OBJECT = re.compile(r"(?:object|id|o|#)\s*(\d+)", re.IGNORECASE)
_SECTION = re.compile(r"(?:section|sec|s|z)\.?\s*(\d+)", re.IGNORECASE)
_LETTERS = re.compile(rf"([zyx])\s*[=:]?\s*({_NUMBER})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """Something to go to.

    Parameters
    ----------
    kind : str
    title, more : str
        In words; ``more`` may be empty.
    place : (z, y, x)
        Voxel; a negative coordinate stays as it is.
    object_id : int
        For objects, whose place is looked up when one goes there.
    """

    kind: Kind
    title: str
    more: str = ""
    place: tuple[int, int, int] = (-1, -1, -1)
    object_id: int = 0


def read(
    text: str, shape: tuple[int, int, int], spacing_nm: Spacing | None, offset_nm: Spacing = (0.0, 0.0, 0.0)
) -> tuple[Found, ...]:
    """Objects, sections and places that a text may mean, the likeliest first.

    Parameters
    ----------
    text : str
        "27", "object 27", "s 12", "12, 340, 560" (voxels z y x), "600 1564 2576 nm", "x 560 y 340 z 12".
    shape : (z, y, x)
        Of the stack; what lies outside of it is not offered.
    spacing_nm : (z, y, x) or None
        Needed for nanometres.
    offset_nm : (z, y, x)
        Where the stack begins, as in tables of places; what is given in voxels counts from there.
    """
    text = text.strip()
    if match := _OBJECT.fullmatch(text):
        return (_object(int(match[1])),)
    if match := _SECTION.fullmatch(text):
        return _section(int(match[1]), shape)
    if text.isdecimal():
        return (*((_object(int(text)),) if int(text) else ()), *_section(int(text), shape))
    bare, scale = _without_unit(text)
    if scale is not None and spacing_nm is None:
        return ()
    steps, start = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
    if scale is not None and spacing_nm is not None:
        steps, start = spacing_nm, offset_nm
    if wanted := _coordinates(bare):
        # Voxel n covers n to n + 1 voxel sizes; 0.6 um are 12 x 50 nm in spite of rounding.
        place = [
            -1 if v is None else math.floor((v * (scale or 1.0) - first) / step + _ROUNDING)
            for v, step, first in zip(wanted, steps, start, strict=True)
        ]
        inside = all(v is None or 0 <= p < n for v, p, n in zip(wanted, place, shape, strict=True))
        if inside:
            z, y, x = place
            words = ", ".join(f"{a} {p}" for a, p in zip("zyx", place, strict=True) if p >= 0)
            return (Found("place", f"Place {words}", "voxels", (z, y, x)),)
    return ()


def look_up(text: str, session: Session, points: Iterable[tuple[str, Any]] = ()) -> tuple[Found, ...]:
    """Everything that a text may mean in a project: as `read`, and words of marks, edits and points.

    Parameters
    ----------
    text : str
    session : Session
    points : iterable of (words, (z, y, x))
        Notes of other layers, in voxels.
    """
    image = session.image
    found = read(text, session.volume.shape, image.spacing_nm, image.offset_nm or (0.0, 0.0, 0.0))
    word = text.strip().casefold()
    if found or len(word) < 2:
        return found
    return (*_marks(word, session), *_points(word, points), *_edits(word, session))


def _marks(word: str, session: Session) -> tuple[Found, ...]:
    """Sections whose mark, or the reason for it, has the word in it."""
    out = []
    for z, state in enumerate(session.sections):
        words = f"{state.status.value} {state.reason}".strip()
        if word in words.casefold() and state.status.value != "unseen":
            out.append(Found("mark", f"Section {z}", words, (z, -1, -1)))
    return tuple(out)


def _edits(word: str, session: Session) -> tuple[Found, ...]:
    """The newest edits that have the word in their name."""
    from napari_emseg.core.chronicle import event

    like = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    rows = session.journal.query(
        "SELECT id FROM edits WHERE name LIKE ? ESCAPE '\\' ORDER BY id DESC LIMIT ?", like, MOST
    )
    events = [event(session.journal, int(row[0])) for row in rows]
    return tuple(
        Found(
            "edit", e.name[:1].upper() + e.name[1:], f"edit {e.id}{', undone' if e.undone else ''}", e.place
        )
        for e in events
        if e is not None and e.place is not None
    )


def _points(word: str, points: Iterable[tuple[str, Any]]) -> tuple[Found, ...]:
    out = []
    for words, place in points:
        if word in words.casefold():
            z, y, x = (round(float(v)) for v in place)
            out.append(Found("point", words, f"section {z}", (max(z, 0), max(y, 0), max(x, 0))))
            if len(out) == MOST:
                break
    return tuple(out)


def _object(number: int) -> Found:
    return Found("object", f"Object {number}", object_id=number)


def _section(number: int, shape: tuple[int, int, int]) -> tuple[Found, ...]:
    if not 0 <= number < shape[0]:
        return ()
    return (Found("section", f"Section {number}", f"of {shape[0]}", (number, -1, -1)),)


def _without_unit(text: str) -> tuple[str, float | None]:
    """The text without a unit at its end, and how many nanometres that is; None for voxels."""
    match = re.search(r"\s*(nm|um|µm|μm|px|voxels?|vx)\s*$", text, re.IGNORECASE)
    if match is None:
        return text, None
    return text[: match.start()], _UNITS.get(match[1].lower().replace("μ", "µ"))


def _coordinates(text: str) -> tuple[float | None, float | None, float | None] | None:
    """Values for z, y and x; None where one was not given."""
    named = _LETTERS.findall(text)
    if named and not _LETTERS.sub("", text).strip(" ,;"):
        value = {name.lower(): float(number) for name, number in named}
        return (value.get("z"), value.get("y"), value.get("x")) if len(value) == len(named) else None
    parts = [p for p in re.split(r"[\s,;()]+", text) if p]
    if len(parts) != 3 or not all(re.fullmatch(_NUMBER, p) for p in parts):
        return None
    z, y, x = map(float, parts)
    return z, y, x
