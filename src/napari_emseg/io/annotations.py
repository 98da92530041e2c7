"""What lies *on* stacks: skeletons, synaptic sites, curves. Found by content, written by suffix, through two tables."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.words import counted
from napari_emseg.io.atomic import atomic_output
from napari_emseg.io.cremi import CremiAnnotations
from napari_emseg.io.lookup import load_function
from napari_emseg.io.paths import DataPath, parse_output, parse_path
from napari_emseg.io.refusing import refusing
from napari_emseg.io.saving_over import refuse_losing
from napari_emseg.io.skeletons import SkeletonSet
from napari_emseg.io.training_log import LossCurve

if TYPE_CHECKING:
    from napari_emseg.core.stack import Spacing
    from napari_emseg.io.skeleton_layers import LayerData

Annotations = SkeletonSet | CremiAnnotations | LossCurve

ANNOTATION_READERS: dict[str, str] = {
    "nml": "napari_emseg.io.nml:read_nml",
    "swc": "napari_emseg.io.swc:read_swc",
    "catmaid-csv": "napari_emseg.io.catmaid:read_catmaid_csv",
    "catmaid-json": "napari_emseg.io.catmaid:read_catmaid_json",
    "cremi": "napari_emseg.io.cremi:read_cremi_annotations",
    "log": "napari_emseg.io.training_log:read_training_log",
}
"""Format to reader, ``"module:function"``; a reader takes a path."""

ANNOTATION_WRITERS: dict[str, dict[str, str]] = {
    "SkeletonSet": {
        ".nml": "napari_emseg.io.nml:write_nml",
        ".swc": "napari_emseg.io.swc:write_swc",
        ".csv": "napari_emseg.io.catmaid:write_catmaid_csv",
        ".json": "napari_emseg.io.catmaid:write_catmaid_json",
    },
    "CremiAnnotations": {
        ".hdf": "napari_emseg.io.cremi_writing:write_cremi_annotations",
        ".h5": "napari_emseg.io.cremi_writing:write_cremi_annotations",
    },
    "LossCurve": {".csv": "napari_emseg.io.training_log:write_curve"},
}
"""Kind of annotation, then suffix, to writer; a writer takes a path at which nothing exists, and the annotation."""

CREMI_INNER = "annotations"
"""What stands behind ``::`` of an HDF5 file when its annotations are meant and not a volume."""

_HEAD_BYTES = 1 << 16


def detect_annotations(where: DataPath) -> str | None:
    """Which reader serves a path, or None if it is a stack or unknown.

    The suffix names skeletons; CSV, JSON and logs are looked into. HDF5 files are stacks unless
    ``::annotations`` says otherwise.
    """
    path, suffix = where.path, where.path.suffix.lower()
    if where.inner:
        if suffix == ".swc":  # behind :: stands the unit
            return "swc"
        return "cremi" if where.inner == CREMI_INNER and suffix in (".hdf", ".h5", ".hdf5", "") else None
    if suffix in (".nml", ".swc"):
        return suffix[1:]
    if suffix not in (".csv", ".json", ".txt", ".log") or not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return None
    if suffix == ".csv":
        return "catmaid-csv" if b"treenode_id" in head.partition(b"\n")[0] else None
    if suffix == ".json":
        return "catmaid-json" if b'"skeletons"' in head or head.lstrip()[:2] in (b"[[", b"[\n") else None
    from napari_emseg.io.training_log import is_training_log

    return "log" if is_training_log(head.decode("latin-1")) else None


def read_annotations(path: str | os.PathLike[str], *, spacing_nm: Spacing | None = None) -> Annotations:
    """Read annotations of any known format.

    Parameters
    ----------
    path : str or Path
        ``sample.hdf::annotations`` for those of a CREMI file; ``neuron.swc::nm`` for coordinates in nanometres.
    spacing_nm : tuple of float, optional
        Voxel size (z, y, x), for files that count in voxels; wins over the file's.

    Raises
    ------
    EmsegError
        If it is none, or damaged.
    """
    where = parse_path(path)
    kind = detect_annotations(where)
    if kind is None:
        raise EmsegError(
            "this is no file of annotations", str(where), "give .nml, .swc, CATMAID's .csv or .json, or CREMI.hdf::annotations"
        )  # fmt: skip
    if not where.path.exists():
        raise EmsegError("there is no such file or folder", str(where.path), "check the path")
    reader = load_function(ANNOTATION_READERS[kind])
    more = {"nml": (spacing_nm,), "swc": (where.inner,)}.get(kind, ())
    with refusing(where):
        found: Annotations = reader(where.path, *more)
    return found


def write_annotations(
    path: str | os.PathLike[str], annotations: Annotations, *, spacing_nm: Spacing | None = None
) -> Annotations:
    """Write annotations; the suffix decides the format, and a file appears whole or not at all.

    What was there before is replaced, but for a file that holds volumes; ``sample.hdf::annotations`` is put into a
    CREMI file whose volumes stay.
    Synaptic partners become trees of two nodes where the format knows skeletons only, and such trees become
    partners where it knows only those.

    Returns
    -------
    SkeletonSet, CremiAnnotations or LossCurve
        As they were written.

    Raises
    ------
    EmsegError
        If the suffix names no format for them, the place cannot be written, or volumes there would be lost.
    """
    where = parse_output(path, ANNOTATION_WRITERS["CremiAnnotations"])
    target, suffix = where.path, where.path.suffix.lower()
    if where.inner not in ("", CREMI_INNER):
        raise EmsegError(
            "sites and partners have one place in a CREMI file", str(where), f"write to {target}::{CREMI_INNER}"
        )  # fmt: skip
    value = _as_kind(annotations, suffix, spacing_nm)
    writers = ANNOTATION_WRITERS[type(value).__name__]
    if suffix not in writers:
        raise EmsegError(
            f"{suffix or 'no suffix'} names no format for this",
            str(target),
            f"end it in {', '.join(writers)}",
        )
    write = load_function(writers[suffix])
    refuse_losing(path, one_array=False)
    with atomic_output(target) as place:
        if where.inner and target.is_file():
            shutil.copyfile(target, place)
        try:
            if suffix == ".nml":
                write(place, value, spacing_nm)
            else:
                write(place, value)
        except EmsegError as error:
            named = str(target) if error.where == str(place) else error.where
            raise EmsegError(error.what, named, error.remedy) from error
    return value


def _as_kind(annotations: Annotations, suffix: str, spacing_nm: Spacing | None) -> Annotations:
    from napari_emseg.io.cremi_layers import from_skeletons, to_skeletons

    if isinstance(annotations, CremiAnnotations) and suffix in ANNOTATION_WRITERS["SkeletonSet"]:
        return to_skeletons(annotations, spacing_nm)
    if isinstance(annotations, SkeletonSet) and suffix in ANNOTATION_WRITERS["CremiAnnotations"]:
        return from_skeletons(annotations)
    return annotations


def describe(annotations: Annotations) -> str:
    """What was read, in one line."""
    if isinstance(annotations, SkeletonSet):
        return f"{counted(len(annotations.trees), 'tree')}, {counted(annotations.n_nodes, 'node')}"
    if isinstance(annotations, CremiAnnotations):
        return f"{counted(len(annotations.ids), 'site')}, {counted(len(annotations.partners), 'pair')}"
    return f"{counted(len(annotations.step), 'step')}"


def annotation_layers(path: str | os.PathLike[str]) -> list[LayerData]:
    """Layers of a file of annotations, for napari.

    Raises
    ------
    EmsegError
        As `read_annotations`; also for a curve, which is no layer.
    """
    from napari_emseg.io.cremi_layers import cremi_layers
    from napari_emseg.io.skeleton_layers import skeleton_layers

    where = parse_path(path)
    found = read_annotations(path)
    if isinstance(found, SkeletonSet):
        return skeleton_layers(found, where.path.stem)
    if isinstance(found, CremiAnnotations):
        from napari_emseg.io.cremi import file_spacing

        return cremi_layers(found, where.path.stem, file_spacing(where.path))
    raise EmsegError("a training log is no layer", str(where), "convert it: napari-emseg convert LOG OUT.csv")


def annotations_from_layer(data: Any, meta: dict[str, Any], kind: str, path: str) -> Annotations:
    """Annotations of a Points or Shapes layer, of the kind that the output's suffix holds."""
    from napari_emseg.io.cremi_layers import cremi_from_layer
    from napari_emseg.io.skeleton_layers import OURS, skeletons_from_layer

    ours = dict(meta.get("metadata", {})).get(OURS, {})
    is_cremi = isinstance(ours, dict) and "cremi" in ours
    if is_cremi or Path(path).suffix.lower() in ANNOTATION_WRITERS["CremiAnnotations"]:
        return cremi_from_layer(data, meta, kind)
    return skeletons_from_layer(data, meta, kind)
