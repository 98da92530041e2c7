"""VAST's segment table: names, colours, hierarchy, anchors and bounding boxes of all segments, as text.

One line per segment, 24 whole numbers and a quoted name::

    Nr flags  red1 green1 blue1 pattern1  red2 green2 blue2 pattern2  anchorx anchory anchorz
    parentnr childnr prevnr nextnr  collapsednr  bboxx1 bboxy1 bboxz1 bboxx2 bboxy2 bboxz2  "name"

Lines that begin with ``%`` are comments. Line 0 is the background; its nextnr is the first segment of the tree.
Anchors and boxes are voxels (x, y, z) of the full resolution, -1 where there is none; boxes include their last voxel.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.words import some_of
from napari_emseg.io.textfiles import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAMED = 12  # in an error
_NUMBERS = 24
_MOST_ID = 2**32 - 1
_COLUMNS = (
    "%Columns: Nr  flags  red1 green1 blue1 pattern1  red2 green2 blue2 pattern2  anchorx anchory anchorz  "
    'parentnr childnr prevnr nextnr   collapsednr   bboxx1 bboxy1 bboxz1 bboxx2 bboxy2 bboxz2   "name"'
)
Colour = tuple[int, int, int, int]
"""Red, green, blue and the number of the pattern."""

NOWHERE = (-1, -1, -1)


@dataclass(frozen=True, slots=True)
class VastSegment:
    """One line of the table.

    Parameters
    ----------
    id : int
        Number of the segment, which is its id in the images.
    name : str
    flags : int
        VAST's own; kept as they are.
    first, second : tuple of int
        The two colours of the segment's pattern, each with its pattern number.
    anchor : tuple of int
        Voxel (x, y, z) to which VAST jumps; (-1, -1, -1) where there is none.
    parent, child, previous, following : int
        Place in the tree: parent, first child, and siblings; 0 for none.
    collapsed : int
        The segment as which this one is shown when branches are collapsed.
    box : tuple of int
        x1, y1, z1, x2, y2, z2.
    """

    id: int
    name: str = ""
    flags: int = 0
    first: Colour = (255, 255, 255, 0)
    second: Colour = (0, 0, 0, 0)
    anchor: tuple[int, int, int] = NOWHERE
    parent: int = 0
    child: int = 0
    previous: int = 0
    following: int = 0
    collapsed: int = 0
    box: tuple[int, int, int, int, int, int] = (-1, -1, -1, -1, -1, -1)


@dataclass(frozen=True, slots=True)
class VastTable:
    """All lines of a table, in the order of the file, with the comments in front of them."""

    segments: tuple[VastSegment, ...]
    comments: tuple[str, ...] = (_COLUMNS,)
    _index: dict[int, VastSegment] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._index.update({s.id: s for s in self.segments})

    def __contains__(self, segment_id: int) -> bool:
        return segment_id in self._index

    def __getitem__(self, segment_id: int) -> VastSegment:
        return self._index[segment_id]

    def ancestors(self, segment_id: int) -> Iterator[VastSegment]:
        """The segment itself, its parent, and so on; a tree that runs in a circle ends where it began."""
        seen: set[int] = set()
        while segment_id in self._index and segment_id not in seen and segment_id != 0:
            seen.add(segment_id)
            yield self._index[segment_id]
            segment_id = self._index[segment_id].parent

    def path_of(self, segment_id: int) -> tuple[str, ...]:
        """Names from the root of the tree down to the segment: its classes, and its own name."""
        return tuple(s.name for s in reversed(list(self.ancestors(segment_id))))

    def ids_below(self, name: str) -> frozenset[int]:
        """Ids of all segments of this name (case does not matter) and of everything below them.

        Raises
        ------
        EmsegError
            If there is none; the roots of the tree are listed.
        """
        wanted = name.casefold()
        if not any(s.name.casefold() == wanted for s in self.segments):
            roots = dict.fromkeys(s.name for s in self.segments if s.id and not s.parent)
            raise EmsegError(
                f"no segment is called {name!r}", "segment table", f"there are {some_of(roots, _NAMED)}"
            )
        return frozenset(
            s.id
            for s in self.segments
            if s.id and any(a.name.casefold() == wanted for a in self.ancestors(s.id))
        )

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the hierarchy, one sentence each; VAST itself reads such tables."""
        found = []
        circles = self._circles()
        for s in self.segments:
            for word, other in (("parent", s.parent), ("child", s.child), ("sibling", s.following)):
                if other and other not in self._index:
                    found.append(f"segment {s.id} has {word} {other}, which does not exist")
            if s.id in circles:
                found.append(f"segment {s.id} is its own ancestor")
        return tuple(found)

    def _circles(self) -> set[int]:
        """Segments that come back to themselves on the way upwards; each segment is passed once."""
        passed: set[int] = set()
        found: set[int] = set()
        for s in self.segments:
            way: dict[int, None] = {}
            at = s.id
            while at and at in self._index and at not in passed:
                passed.add(at)
                way[at] = None
                at = self._index[at].parent
            if at in way:
                steps = list(way)
                found |= set(steps[steps.index(at) :])
        return found


def read_vast_table(path: Path) -> VastTable:
    """Read a segment table.

    Raises
    ------
    EmsegError
        If it is empty or no table; the line is named.
    """
    text = read_text(path, "segment table")
    comments, segments, seen = [], [], set()
    # Not splitlines: names may hold any character but a line break.
    for n, line in enumerate((x.rstrip("\r") for x in text.split("\n")), 1):
        if line.startswith("%"):
            comments.append(line)
        elif line.strip():
            segment = _segment(line)
            if segment is None:
                raise EmsegError(
                    f"line {n} is no segment",
                    str(path),
                    "a line has 24 whole numbers, the first not negative, and a name in quotes",
                )
            if segment.id in seen:
                raise EmsegError(
                    f"segment {segment.id} is there twice (line {n})", str(path), "export it again"
                )
            seen.add(segment.id)
            segments.append(segment)
    if not segments:
        raise EmsegError("the segment table holds no segment", str(path), "export it again")
    return VastTable(tuple(segments), tuple(comments))


def looks_like_vast_table(path: Path) -> bool:
    """Whether the first line of a text file that is no comment is a segment."""
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError:
        return False
    if b"\0" in head:
        return False
    lines = head.decode("latin-1").splitlines()
    return any(_segment(x) is not None for x in [x for x in lines if x.strip() and not x.startswith("%")][:1])


def _segment(line: str) -> VastSegment | None:
    numbers, quote, rest = line.partition('"')
    words = numbers.split()
    if len(words) != _NUMBERS or not quote or '"' not in rest:
        return None
    try:
        v = [int(w) for w in words]
    except ValueError:
        return None
    if not 0 <= v[0] <= _MOST_ID:
        return None
    return VastSegment(
        id=v[0],
        flags=v[1],
        first=(v[2], v[3], v[4], v[5]),
        second=(v[6], v[7], v[8], v[9]),
        anchor=(v[10], v[11], v[12]),
        parent=v[13],
        child=v[14],
        previous=v[15],
        following=v[16],
        collapsed=v[17],
        box=(v[18], v[19], v[20], v[21], v[22], v[23]),
        name=rest[: rest.rindex('"')],
    )


def write_vast_table(path: Path, table: VastTable) -> None:
    """Write a segment table.

    Raises
    ------
    EmsegError
        If a name holds a line break, for which the format has no place.
    """
    lines = list(table.comments)
    for s in table.segments:
        if set(s.name) & set("\n\r\0"):
            raise EmsegError(f"the name of segment {s.id} has several lines", str(path), "shorten it to one")
        tree = (s.parent, s.child, s.previous, s.following)
        groups = [(s.id,), (s.flags,), s.first, s.second, s.anchor, tree, (s.collapsed,), s.box]
        lines.append("   ".join(" ".join(map(str, g)) for g in groups) + f'   "{s.name}"')
    path.write_text("\n".join(lines) + "\n", "utf-8", newline="\n")


def with_boxes(
    table: VastTable, boxes: dict[int, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]
) -> VastTable:
    """A table whose segments have the anchors and boxes that were measured, and which has all of their ids.

    Parameters
    ----------
    table : VastTable
    boxes : mapping of int to (start, stop, anchor)
        Of each id, in voxels (z, y, x) of the full resolution; stop is exclusive.

    Returns
    -------
    VastTable
        Segments that the table lacked come last, as roots of the tree named "Segment N".
    """
    out = []
    for s in table.segments:
        out.append(_placed(s, *boxes[s.id]) if s.id in boxes else s)
    if not any(s.id == 0 for s in out):
        first = next((s.id for s in out if not s.parent and not s.previous), 0)
        out.insert(0, VastSegment(0, "Background", first=(0, 0, 0, 0), following=first))
    new = sorted(i for i in boxes if i and i not in table)
    place = {s.id: k for k, s in enumerate(out)}
    last = next((s.id for s in reversed(out) if s.id and not s.parent and not s.following), 0)
    for i in new:
        # The first of all follows the background.
        out[place[last]] = replace(out[place[last]], following=i)
        segment = VastSegment(i, f"Segment {i}", first=_colour(i), previous=last, collapsed=i)
        place[i] = len(out)
        out.append(_placed(segment, *boxes[i]))
        last = i
    return VastTable(tuple(out), table.comments)


def _placed(
    s: VastSegment, start: tuple[int, ...], stop: tuple[int, ...], anchor: tuple[int, ...]
) -> VastSegment:
    (z0, y0, x0), (z1, y1, x1), (z, y, x) = start, stop, anchor
    return replace(s, box=(x0, y0, z0, x1 - 1, y1 - 1, z1 - 1), anchor=(x, y, z))


def _colour(segment_id: int) -> Colour:
    """A colour that differs from those of the neighbouring numbers: the hue goes round by the golden angle."""
    import colorsys

    r, g, b = colorsys.hsv_to_rgb(segment_id * 0.618034 % 1, 0.75, 1.0)
    return round(r * 255), round(g * 255), round(b * 255), 0
