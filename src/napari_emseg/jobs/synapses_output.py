"""Synapses and their partners as CREMI annotations, as a table, and as labels."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from napari_emseg.algorithms.synapses.masks import SideMap
    from napari_emseg.core.progress import Progress
    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.cremi import CremiAnnotations
    from napari_emseg.jobs.synapses import Found
    from napari_emseg.jobs.synapses_inputs import Inputs
    from napari_emseg.measure.table import Value
    from napari_emseg.settings import SynapseSettings

UNDIRECTED = "synaptic_site"
"""Type of sites of which nobody knows whether they are pre- or postsynaptic."""

COLUMNS = (
    "synapse", "pre_id", "post_id", "direction", "confidence", "partner_probability", "direction_probability",
    "pre_z_nm", "pre_y_nm", "pre_x_nm", "post_z_nm", "post_y_nm", "post_x_nm", "volume_nm3", "first_section",
    "last_section", "no_pair_because",
)  # fmt: skip


def write_results(
    found: list[Found],
    inputs: Inputs,
    numbered: Any,
    output: str | Path,
    table: str | Path | None,
    labels: str | Path | None,
    *,
    settings: SynapseSettings,
    sources: Mapping[str, str],
    progress: Progress | None = None,
) -> None:
    """Write what was found; the annotations appear last."""
    from napari_emseg.io import write_array
    from napari_emseg.io.annotations import ANNOTATION_WRITERS
    from napari_emseg.io.atomic import atomic_output
    from napari_emseg.io.lookup import load_function
    from napari_emseg.io.origin import origin
    from napari_emseg.measure.table import csv_text

    if labels is not None:
        metadata = origin("synapses", *sources.values(), synapses=settings.model_dump(), **sources)
        write_array(
            labels, _Labels(numbered, found, inputs.sides), spacing_nm=inputs.spacing_nm, metadata=metadata,
            offset_nm=inputs.offset_nm if any(inputs.offset_nm) else None, is_labels=True, progress=progress or Silent(),
        )  # fmt: skip
    write = load_function(ANNOTATION_WRITERS["CremiAnnotations"][".h5"])
    with ExitStack() as together:
        place = together.enter_context(atomic_output(Path(output)))
        if table is not None:
            rows = csv_text(rows_of(found, inputs.spacing_nm, inputs.offset_nm), COLUMNS)
            together.enter_context(atomic_output(Path(table))).write_text(rows, "utf-8", newline="")
        write(place, annotations_of(found, inputs.spacing_nm, inputs.offset_nm))


def annotations_of(found: Iterable[Found], spacing_nm: Spacing, offset_nm: Spacing) -> CremiAnnotations:
    """Sites and partners as CREMI keeps them.

    Every pair has two sites of its own. A pair without a direction is no pair of CREMI's: its sites are of type
    ``synaptic_site``, and each names the other in its comment.
    """
    from napari_emseg.io.cremi import POST, PRE, CremiAnnotations

    ids: list[int] = []
    types: list[str] = []
    places: list[tuple[float, ...]] = []
    partners: list[tuple[int, int]] = []
    comments: dict[int, str] = {}
    for one in found:
        start = np.asarray(one.start) * np.asarray(spacing_nm)
        for pair in one.verdict.pairs:
            a, b = len(ids) + 1, len(ids) + 2
            ids += [a, b]
            places += [tuple((start + at).tolist()) for at in (pair.pre_nm, pair.post_nm)]
            said = f"synapse {one.place.id}, confidence {pair.confidence:.3f}"
            if pair.is_directed:
                types += [PRE, POST]
                partners.append((a, b))
                comments |= {a: f"{said}, cell {pair.pre_id}", b: f"{said}, cell {pair.post_id}"}
            else:
                types += [UNDIRECTED] * 2
                comments |= {
                    a: f"{said}, cell {pair.pre_id}, direction unknown, partner {b}",
                    b: f"{said}, cell {pair.post_id}, direction unknown, partner {a}",
                }
    return CremiAnnotations(
        np.asarray(ids, np.uint64), tuple(types), np.asarray(places, float).reshape(-1, 3),
        np.asarray(partners, np.uint64).reshape(-1, 2), comments, offset_nm,
    )  # fmt: skip


def rows_of(found: Iterable[Found], spacing_nm: Spacing, offset_nm: Spacing) -> Iterable[dict[str, Value]]:
    """Rows of the table: one a pair, in order, and one a synapse without."""
    voxel = float(np.prod(spacing_nm))
    for one in found:
        common: dict[str, Value] = {
            "synapse": one.place.id,
            "volume_nm3": one.place.voxels * voxel,
            "first_section": one.place.region.start[0],
            "last_section": one.place.region.stop[0] - 1,
        }
        start = np.asarray(one.start) * np.asarray(spacing_nm) + np.asarray(offset_nm)
        for pair in one.verdict.pairs:
            row: dict[str, Value] = {
                **common, "pre_id": pair.pre_id, "post_id": pair.post_id,
                "direction": "pre to post" if pair.is_directed else "unknown",
                "confidence": pair.confidence, "partner_probability": pair.partner_probability,
                "direction_probability": pair.direction_probability,
            }  # fmt: skip
            for side, at in (("pre", pair.pre_nm), ("post", pair.post_nm)):
                for axis, value in zip("zyx", (start + at).tolist(), strict=True):
                    row[f"{side}_{axis}_nm"] = value
            yield row
        if not one.verdict.pairs:
            yield {**common, "no_pair_because": one.verdict.reason}


class _Labels:
    """Synapses as labels, made section by section."""

    ndim = 3

    def __init__(self, numbered: Any, found: list[Found], sides: SideMap | None) -> None:
        self.shape = tuple(int(n) for n in numbered.shape)
        self._numbered, self._sides = numbered, sides
        self._kept = np.asarray(sorted(one.place.id for one in found), np.uint64)
        highest = (int(self._kept[-1]) if self._kept.size else 0) * (2 if sides is not None else 1)
        self.dtype = np.dtype(np.uint32 if highest < 2**32 else np.uint64)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        from napari_emseg.algorithms.synapses.numbering import side_labels
        from napari_emseg.core.indexing import box_key

        found = box_key(key, (self.shape[0], self.shape[1], self.shape[2]))
        box = found.region.slices
        ids = np.asarray(self._numbered[box]).astype(np.uint64)
        ids = np.where(np.isin(ids, self._kept), ids, np.uint64(0))
        named = ids if self._sides is None else side_labels(ids, self._sides, box)
        result: NDArray[Any] = named.astype(self.dtype)[found.local]
        return result
