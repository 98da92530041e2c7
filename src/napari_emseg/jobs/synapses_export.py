"""Synapses of the open project as files: as they stand, with what people said of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError
from napari_emseg.jobs.kept_synapses import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from napari_emseg.core.stack import Spacing
    from napari_emseg.jobs.kept_synapses import Row, Synapse, Voxel
    from napari_emseg.jobs.synapses import Found
    from napari_emseg.measure.table import Value
    from napari_emseg.session import Session

NOT_SEEN = "not seen"
"""In the column ``checked``: nobody has said anything of this pair."""

_NOBODY = "no cell is at one of its sites any more"


def export_synapses(session: Session, synapses: Sequence[Synapse], path: Path) -> str:
    """Write all pairs as a table, or those that are not wrong as CREMI annotations; by the suffix.

    Parameters
    ----------
    session : Session
    synapses : sequence of Synapse
    path : Path
        ``.csv``, or ``.hdf`` and ``.h5``.

    Returns
    -------
    str
        What was written, in words.

    Raises
    ------
    EmsegError
        If there is nothing to write, the voxel size is unknown, or the place cannot be written.
    """
    from napari_emseg.io.atomic import atomic_output

    spacing = session.image.spacing_nm
    if not synapses:
        raise EmsegError("there are no synapses yet", "", "find them first")
    if spacing is None:
        raise EmsegError(
            "the voxel size is unknown", session.image.name, "give it first", action="set_spacing"
        )
    offset = session.image.offset_nm or (0.0, 0.0, 0.0)
    volume = session.volume
    found = rows(synapses, session.answers, lambda at: int(volume[at]))
    if path.suffix.lower() == ".csv":
        text = table_text(synapses, found, spacing, offset)
        with atomic_output(path) as place:
            place.write_text(text, "utf-8", newline="")
        return f"{len(found)} pairs at {len(synapses)} synapses"
    return _write_cremi(synapses, found, spacing, offset, path)


def table_text(
    synapses: Sequence[Synapse], found: Sequence[Row], spacing_nm: Spacing, offset_nm: Spacing
) -> str:
    """The table: as ``synapses --table`` writes it, and what was said of each pair.

    Parameters
    ----------
    synapses : sequence of Synapse
    found : sequence of Row
        All of their pairs.
    """
    from napari_emseg.jobs.synapses_output import COLUMNS, rows_of
    from napari_emseg.measure.table import csv_text

    lines: list[dict[str, Value]] = []
    at = _by_synapse(found)
    for number, synapse in enumerate(synapses, 1):
        own = at.get(number, [])
        for line, row in zip(
            rows_of([_found(number, synapse, own, spacing_nm)], spacing_nm, offset_nm),
            own or (None,), strict=True,
        ):  # fmt: skip
            if row is not None:
                line["checked"] = row.verdict or NOT_SEEN
                line["pre_id"], line["post_id"] = row.pre_id or None, row.post_id or None
                if not (row.pre_id and row.post_id):
                    line["no_pair_because"] = _NOBODY
            lines.append(line)
    return csv_text(lines, (*COLUMNS, "checked"))


def _write_cremi(
    synapses: Sequence[Synapse], found: Sequence[Row], spacing_nm: Spacing, offset_nm: Spacing, path: Path
) -> str:
    from napari_emseg.io.annotations import ANNOTATION_WRITERS
    from napari_emseg.io.atomic import atomic_output
    from napari_emseg.io.lookup import load_function
    from napari_emseg.jobs.synapses_output import annotations_of

    right = [row for row in found if row.verdict != "wrong"]
    kept = [row for row in right if row.pre_id and row.post_id]
    at = _by_synapse(kept)
    held = [(n, one, at.get(n, [])) for n, one in enumerate(synapses, 1)]
    made = annotations_of((_found(n, one, own, spacing_nm) for n, one, own in held), spacing_nm, offset_nm)
    comments = dict(made.comments)
    for k, row in enumerate(row for _, _, own in held for row in own):
        if row.verdict:
            for site in (2 * k + 1, 2 * k + 2):
                comments[site] += f", checked: {row.verdict}"
    write = load_function(ANNOTATION_WRITERS["CremiAnnotations"][".h5"])
    with atomic_output(path) as place:
        write(place, replace(made, comments=comments))
    text = f"{len(made.partners)} pairs of partners"
    if undirected := sum(not row.is_directed for row in kept):
        text += f", {undirected} without a direction"
    if wrong := len(found) - len(right):
        text += f"; {wrong} wrong left out"
    if lost := len(right) - len(kept):
        text += f"; {lost} left out where a cell is gone"
    return text


def _by_synapse(found: Iterable[Row]) -> dict[int, list[Row]]:
    """Pairs by the number of their synapse, the likeliest first as they were found."""
    groups: dict[int, list[Row]] = {}
    for row in found:
        groups.setdefault(row.number, []).append(row)
    for own in groups.values():
        own.sort(key=lambda row: row.synapse.pairs.index(row.pair))
    return groups


def _found(number: int, synapse: Synapse, own: Sequence[Row], spacing_nm: Spacing) -> Found:
    """A synapse as the command has it when it writes."""
    from napari_emseg.algorithms.synapses.partners import Pair, Verdict
    from napari_emseg.algorithms.synapses.places import Place
    from napari_emseg.jobs.synapses import Found

    def nm(at: Voxel) -> tuple[float, float, float]:
        z, y, x = ((a + 0.5) * s for a, s in zip(at, spacing_nm, strict=True))
        return z, y, x

    pairs = tuple(
        Pair(
            row.pre_id, row.post_id, row.is_directed, row.pair.confidence, row.pair.partner_probability,
            row.pair.direction_probability, nm(row.pre_at), nm(row.post_at),
        )
        for row in own
    )  # fmt: skip
    first, last = synapse.sections
    region = Region((first, 0, 0), (last + 1, 1, 1))
    voxels = round(synapse.volume_nm3 / float(np.prod(spacing_nm)))
    return Found(Place(number, region, voxels), (0, 0, 0), Verdict(pairs, 0, synapse.reason))
