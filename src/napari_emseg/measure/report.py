"""A report of measurements: tables, figures and what was done, as files by name; writing them is for others."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.measure import plots
from napari_emseg.measure.columns import columns_of
from napari_emseg.measure.correlation import correlate
from napari_emseg.measure.matrix import PairMatrix, largest, pair_matrix
from napari_emseg.measure.occupancy import occupancy_percent
from napari_emseg.measure.table import csv_text, profile_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_emseg.measure.survey import Survey

_AREA = "contact_area_um2"
_CALIBRE = "calibre_of_a_nm"
_AXES = ("calibre along the contact / nm", "contact area / µm²")
_SIZES = (
    "Volume is the number of voxels times the volume of one. Surface area was estimated by Crofton's formula from crossings in "
    "13 directions, weighted by their Voronoi cells on the sphere (Legland et al. 2007).\n"
)
_CALIBRES = (
    "Calibre is the diameter of the circle with the area of the cross-section at right angles to the local axis, {step}; the "
    "axis joins the middles of level sets of the distance inside the object (after Verroust and Lazarus 2000). Cross-sections "
    "that the edge of the volume cuts off, within two radii of forks, and within a radius of free ends were left out, and so "
    "were objects and parts of objects of fewer than {least} voxels. {without} of {all} objects have no calibre{why}.\n"
)
_CONTACTS = (
    "Contact area is the sum of the voxel faces that two objects share{gap}, each with the area that its direction has on "
    "anisotropic voxels.\n"
)
_TWICE = (
    "an object on both sides: a contact counts once for each of its objects, so the pairs are not independent"
)
_CORRELATIONS = (
    "Correlations are Pearson's r and Spearman's rho over all pairs in contact, with two-sided p values; calibre is then the "
    "mean of five points along the contact.\n"
)
RECORD = "measurement.json"
"""File of a report that says where it comes from."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Which objects stand against which: axons and muscle fibres, say.

    Attributes
    ----------
    rows, columns : tuple of int
        Ids; empty takes the objects with the most contact on both sides.
    """

    rows: tuple[int, ...] = ()
    columns: tuple[int, ...] = ()


def report_files(
    found: Survey,
    groups: Groups,
    about: Mapping[str, Any],
    *,
    overlay: np.ndarray[Any, np.dtype[np.uint8]] | None = None,
) -> dict[str, bytes]:
    """Everything that a report consists of.

    Parameters
    ----------
    found : Survey
    groups : Groups
    about : mapping
        Where the measurement comes from: program, source, time and so on; plain values.
    overlay : ndarray (y, x, 3) of uint8, optional
        A section with its objects.

    Returns
    -------
    dict of str to bytes
        File name to content.
    """
    objects, contacts = columns_of(found)
    files = {"objects.csv": csv_text(found.objects, objects).encode()}
    if found.profiles:
        files["calibre_profiles.csv"] = csv_text(profile_rows(found.profiles)).encode()
        files["calibre.png"] = plots.png(_calibre_bars(found))
    numbers: dict[str, Any] = {}
    if found.settings.contact:
        files["contacts.csv"] = csv_text(found.contacts, contacts).encode()
        if found.contacts:
            more, numbers = _contact_files(found, groups)
            files |= more
    if overlay is not None:
        files["overlay.png"] = plots.png(plots.picture(overlay, "Objects that were measured"))
    record = {**about, "measure": found.settings.model_dump(), "groups": asdict(groups), **numbers}
    record |= {"spacing_nm": list(found.spacing_nm), "shape": list(found.shape)}
    if found.unread:
        record["sections_without_grey_values"] = list(found.unread)
    files["methods.txt"] = methods(found, about).encode()
    record["files"] = sorted([*files, RECORD])
    files[RECORD] = (json.dumps(record, indent=1) + "\n").encode()
    return files


def _calibre_bars(found: Survey) -> Any:
    rows = [row for row in found.objects if row["calibre_median_nm"] is not None]
    value = np.asarray([row["calibre_median_nm"] for row in rows], np.float64)
    spans = np.asarray([[row["calibre_min_nm"], row["calibre_max_nm"]] for row in rows], np.float64)
    ids = [int(row["id"] or 0) for row in rows]
    title = "Calibre: median, least and largest cross-section"
    return plots.bars(ids, value, title, "nm", spans.reshape(-1, 2))


def _contact_files(found: Survey, groups: Groups) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Tables and figures of contacts, and the correlations."""
    every = largest(found.contacts)
    rows, columns = groups.rows or groups.columns or every, groups.columns or groups.rows or every
    areas = pair_matrix(found.contacts, rows, columns, _AREA).by_total()
    share = occupancy_percent(areas)
    files = {
        "contact_area_um2.csv": matrix_text(areas).encode(),
        "contact_area.png": plots.png(plots.heat_map(areas, "Contact area; white: no contact", "µm²")),
        "occupancy.csv": csv_text(
            [
                {"id": k, "contact_area_um2": float(t), "occupancy_percent": float(s)}
                for k, t, s in zip(areas.rows, areas.totals, share, strict=True)
            ]
        ).encode(),
        "occupancy.png": plots.png(
            plots.bars(areas.rows, share, "Occupancy: share of all contact area", "%")
        ),
        "network.png": plots.png(plots.network(_edges(found, rows, columns), "Objects that touch")),
    }
    if not found.settings.calibre:
        return files, {}
    calibres = pair_matrix(found.contacts, areas.rows, areas.columns, _CALIBRE)
    files["calibre_along_contact_nm.csv"] = matrix_text(calibres).encode()
    x, y = calibres.values, areas.values
    files["scatter.png"] = plots.png(plots.scatter(x, y, _AXES, "Every pair that touches"))
    by_row = [(str(k), x[n], y[n]) for n, k in enumerate(areas.rows)]
    by_column = [(str(k), x[:, n], y[:, n]) for n, k in enumerate(areas.columns)]
    files["scatter_by_row.png"] = plots.png(plots.small_scatters(by_row, _AXES))
    files["scatter_by_column.png"] = plots.png(plots.small_scatters(by_column, _AXES))
    numbers = {
        "x": "calibre of the row object along the contact, mean of five points, nm",
        "y": "contact area, um2",
        "note": "" if set(areas.rows).isdisjoint(areas.columns) else _TWICE,
        "all": asdict(correlate(x, y)),
        "by_row": {name: asdict(correlate(a, b)) for name, a, b in by_row},
        "by_column": {name: asdict(correlate(a, b)) for name, a, b in by_column},
    }
    return files, {"correlation": numbers}


def _edges(found: Survey, rows: Sequence[int], columns: Sequence[int]) -> list[tuple[int, int, float]]:
    one, other = set(rows), set(columns)
    pairs = ((int(r["id_a"] or 0), int(r["id_b"] or 0), float(r[_AREA] or 0.0)) for r in found.contacts)
    return [(a, b, area) for a, b, area in pairs if (a in one and b in other) or (b in one and a in other)]


def matrix_text(matrix: PairMatrix) -> str:
    """A table with the row objects below each other; a pair that does not touch is blank."""
    table = [
        {
            "id": row,
            **{
                str(column): None if np.isnan(value) else float(value)
                for column, value in zip(matrix.columns, values, strict=True)
            },
        }
        for row, values in zip(matrix.rows, matrix.values, strict=True)
    ]
    return csv_text(table, ("id", *map(str, matrix.columns)))


def _greys(found: Survey) -> str:
    """A sentence on sections of the image that could not be read, or nothing."""
    if not found.unread:
        return ""
    if len(found.unread) == found.shape[0]:
        return "Grey values were not measured: the image could not be read.\n"
    which = f"section{'s' * (len(found.unread) > 1)} {', '.join(map(str, found.unread))}"
    return f"Grey values are without {which} of the image, which could not be read.\n"


def methods(found: Survey, about: Mapping[str, Any]) -> str:
    """What was measured and how, in sentences for a manuscript."""
    z, y, x = found.spacing_nm
    sections, height, width = found.shape
    settings = found.settings
    source, program = about.get("source", "the segmentation"), about.get("program", "napari-emseg")
    parts = [
        f"{len(found.objects)} objects of {source} ({sections} sections of {width} × {height} pixels; voxels of {x:g} × {y:g} × "
        f"{z:g} nm, x × y × z) were measured with {program}.\n" + _SIZES
    ]
    parts.append(_greys(found))
    if settings.calibre:
        step = f"every {settings.step_nm:g} nm" if settings.step_nm else "every half radius"
        reasons = Counter(
            str(row["no_calibre_because"]) for row in found.objects if row["no_calibre_because"]
        )
        why = "; ".join(f"{n} {reason}" for reason, n in sorted(reasons.items()))
        parts.append(
            _CALIBRES.format(
                step=step,
                least=settings.min_voxels,
                without=reasons.total(),
                all=len(found.objects),
                why=f" ({why})" if why else "",
            )
        )
    if settings.contact:
        gap = f" across gaps of at most {settings.gap_nm:g} nm" if settings.gap_nm else ""
        parts.append(_CONTACTS.format(gap=gap))
    if settings.contact and settings.calibre:
        parts.append(_CORRELATIONS)
    text = "".join(parts)
    return text + (f"\n{about['methods']}" if about.get("methods") else "")
