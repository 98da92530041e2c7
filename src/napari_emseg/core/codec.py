"""Edits as compressed bytes and back, for the journal."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numcodecs import Zstd  # type: ignore[import-untyped]

from napari_emseg.core.edit import Answer, Edit, Lock, Mark, Patch, Region, Relabel
from napari_emseg.core.sections import SectionState, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CODEC = Zstd(level=1, checksum=True)
_PARALLEL_BYTES = 2**23  # below this, starting threads costs more than it saves
ANSWERS = "answers"
"""Key of the answers among what an edit holds beside voxels."""

_SIGNED = 2**63
_PIECE = 2**24  # voxels in one row of the journal: keeps blobs far below SQLite's limit of 1 GB


@dataclass(frozen=True, slots=True)
class PackedPatch:
    """One patch, or a part of one, as it lies in the journal."""

    region: Region
    before: bytes
    after: bytes

    @property
    def nbytes(self) -> int:
        """Compressed size."""
        return len(self.before) + len(self.after)


@dataclass(frozen=True, slots=True, eq=False)
class PackedEdit:
    """An edit that was compressed before it is committed, in a thread beside the window, say."""

    edit: Edit
    patches: list[PackedPatch]

    @classmethod
    def of(cls, edit: Edit, dtype: np.dtype[Any]) -> PackedEdit:
        """Compress it; ``dtype`` is that of the volume."""
        return cls(edit, pack(edit, dtype))


def pack(edit: Edit, dtype: np.dtype[Any]) -> list[PackedPatch]:
    """Compress the patches of an edit, in order; large ones come in several pieces along z."""
    pieces = list(_pieces(edit))
    if edit.nbytes < _PARALLEL_BYTES:
        return [_pack_piece(piece, dtype) for piece in pieces]
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:  # compression lets other threads run
        return list(pool.map(lambda piece: _pack_piece(piece, dtype), pieces))


def _pieces(edit: Edit) -> Iterator[Patch]:
    """Patches cut along z so that each fits into one row of the journal."""
    for patch in edit.patches:
        depth, height, width = patch.region.shape
        step = max(1, _PIECE // max(1, height * width))
        (z0, y0, x0), (z1, y1, x1) = patch.region.start, patch.region.stop
        for z in range(0, depth, step):
            region = Region((z0 + z, y0, x0), (min(z0 + z + step, z1), y1, x1))
            yield Patch(region, patch.before[z : z + step], patch.after[z : z + step])


def _pack_piece(piece: Patch, dtype: np.dtype[Any]) -> PackedPatch:
    return PackedPatch(piece.region, squeeze(piece.before, dtype), squeeze(piece.after, dtype))


def unpack(packed: PackedPatch, dtype: np.dtype[Any]) -> Patch:
    """Undo `pack` for one piece.

    Raises
    ------
    ValueError
        If the bytes are damaged.
    """
    shape = packed.region.shape
    return Patch(packed.region, swell(packed.before, shape, dtype), swell(packed.after, shape, dtype))


def squeeze(block: np.ndarray, dtype: np.dtype[Any]) -> bytes:
    """Ids as compressed bytes."""
    return bytes(_CODEC.encode(np.ascontiguousarray(block, dtype=dtype.newbyteorder("<"))))


def swell(raw: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """Undo `squeeze`.

    Raises
    ------
    ValueError
        If the bytes are damaged.
    """
    try:
        flat = np.frombuffer(_CODEC.decode(raw), dtype=dtype.newbyteorder("<"))
    except RuntimeError as error:
        raise ValueError(str(error)) from error
    return flat.reshape(shape).astype(dtype, copy=False)


def pack_extras(edit: Edit) -> str:
    """Marks, locks, changes of ids and answers of an edit as JSON."""
    extras: dict[str, Any] = {}
    if edit.marks or edit.locks:
        extras["marks"] = [
            [m.section, m.before.status, m.before.reason, m.after.status, m.after.reason] for m in edit.marks
        ]
        extras["locks"] = [[k.object_id, k.before, k.after] for k in edit.locks]
    if edit.relabel is not None:
        box = edit.relabel.region
        extras["relabel"] = {
            "pairs": [list(pair) for pair in edit.relabel.pairs],
            "sections": ranges(edit.relabel.sections),
            "box": [*box.start, *box.stop] if box else None,
        }
    if edit.answers:
        extras[ANSWERS] = [[list(a.sites), a.before, a.after] for a in edit.answers]
    return json.dumps(extras, separators=(",", ":")) if extras else ""


Extras = tuple[tuple[Mark, ...], tuple[Lock, ...], Relabel | None, tuple[Answer, ...]]


def unpack_extras(text: str) -> Extras:
    """Undo `pack_extras`."""
    if not text:
        return (), (), None, ()
    extras = json.loads(text)
    marks = tuple(
        Mark(section, SectionState(Status(s0), r0), SectionState(Status(s1), r1))
        for section, s0, r0, s1, r1 in extras.get("marks", ())
    )
    locks = tuple(Lock(object_id, before, after) for object_id, before, after in extras.get("locks", ()))
    answers = tuple(
        Answer((a, b, c, d, e, f), before, after)
        for (a, b, c, d, e, f), before, after in extras.get(ANSWERS, ())
    )
    change = extras.get("relabel")
    if change is None:
        return marks, locks, None, answers
    box = change["box"]
    region = Region((box[0], box[1], box[2]), (box[3], box[4], box[5])) if box else None
    sections = tuple(z for first, last in change["sections"] for z in range(first, last))
    relabel = Relabel(tuple((old, new) for old, new in change["pairs"]), sections, region)
    return marks, locks, relabel, answers


def ranges(sections: Sequence[int]) -> list[list[int]]:
    """Sorted section numbers as half-open ranges."""
    found: list[list[int]] = []
    for z in sections:
        if found and found[-1][1] == z:
            found[-1][1] = z + 1
        else:
            found.append([z, z + 1])
    return found


def signed(number: int) -> int:
    """An id for a column of SQLite, whose integers end at 2**63: higher ones are kept as negative numbers."""
    return number - 2 * _SIGNED if number >= _SIGNED else number


def unsigned(kept: int) -> int:
    """Undo `signed`."""
    return kept + 2 * _SIGNED if kept < 0 else kept
