"""Copy a stack or labels into another format, part by part, so that it may be larger than memory.

The suffix of OUT decides: .zarr, .h5, .tif, .mrc, .n5, .precomputed (Neuroglancer), .wk (WEBKNOSSOS), or a
folder/ of PNG. OUT may name a place inside a file: out.h5::volumes/raw, out.zarr::labels/neurons; what the file
holds already stays. Object ids keep their 32 or 64 bits unless --dtype says otherwise, and are never wrapped.
.vast is a folder for VAST.

Skeletons and synaptic sites go between .nml (Knossos, WEBKNOSSOS), .swc (neuron.swc::nm if it counts in nm), .json
and .csv (CATMAID) and CREMI.hdf::annotations (.hdf); a training log becomes a curve in .csv.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from napari_emseg.commands.arguments import add_pixel_size, voxel_size
from napari_emseg.core.errors import EmsegError, WrongCall
from napari_emseg.core.words import counted

if TYPE_CHECKING:
    from napari_emseg.commands.reporting import Quiet

_TYPES = (
    "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32", "float64",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """IN OUT and how."""
    parser.add_argument("source", metavar="IN", help="stack or labels, with ::internal/path where needed")
    parser.add_argument("output", metavar="OUT", help="its suffix names the format")
    add_pixel_size(parser)
    parser.add_argument(
        "--dtype", choices=_TYPES, help="default: as it is; values that do not fit are refused"
    )
    parser.add_argument(
        "--window", type=window, metavar="LOW,HIGH",
        help="grey values that become the darkest and the brightest of --dtype",
    )  # fmt: skip
    parser.add_argument(
        "--offset",
        type=position,
        metavar="Z,Y,X",
        help="where the first voxel lies in nm; wins over the file's",
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--labels", action="store_true", help="the values are object ids")
    kind.add_argument("--image", action="store_true", help="the values are grey values")
    parser.add_argument(
        "--farthest", type=float, metavar="NM",
        help="synaptic partners that lie further apart are left out, and named",
    )  # fmt: skip
    parser.add_argument("--levels", type=levels, metavar="N", help="resolutions of a multiscale output")
    parser.add_argument("--ome-version", choices=("0.5", "0.4"), default="0.5", help="of an OME-Zarr output")


def window(text: str) -> tuple[float, float]:
    """Parse "0,255"."""
    low, high = numbers(text, 2)
    if not low < high:
        raise argparse.ArgumentTypeError(f"{text!r} is no window; give two numbers, the smaller one first")
    return low, high


def position(text: str) -> tuple[float, float, float]:
    """Parse "0,1200,800"."""
    z, y, x = numbers(text, 3)
    return z, y, x


def numbers(text: str, count: int) -> list[float]:
    """Parse finite numbers with commas between them."""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if len(found) != count or any(not -1e15 < n < 1e15 for n in found):
        raise argparse.ArgumentTypeError(f"{text!r} is wrong; give {count} numbers with commas between them")
    return found


def levels(text: str) -> int:
    """Parse a number of levels."""
    if not text.isdigit() or not 1 <= int(text) <= 12:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of levels; give 1 to 12")
    return int(text)


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Copy."""
    from napari_emseg.io import open_volume, write_array
    from napari_emseg.io.annotations import detect_annotations
    from napari_emseg.io.conversion import converted
    from napari_emseg.io.origin import origin
    from napari_emseg.io.paths import parse_path
    from napari_emseg.io.source import WriteOptions
    from napari_emseg.io.writing import check_output

    if detect_annotations(parse_path(args.source)):
        return _annotations(args)
    if args.farthest is not None:
        raise WrongCall("only synaptic partners can be too far apart", "--farthest", "leave it out")
    check_output(args.output, args.source)
    opened = open_volume(args.source)
    spacing, is_known = voxel_size(args.pixel_size, opened.spacing_nm)
    is_labels = True if args.labels else False if args.image else None if args.dtype else opened.is_labels
    holds_ids = opened.holds_ids if is_labels is None else is_labels
    array: Any = converted(opened.array, args.dtype, args.window, is_labels=holds_ids, where=args.source)
    write_array(
        args.output, array, spacing_nm=spacing if is_known else None,
        axes="zyx" if len(array.shape) == 3 else "czyx", metadata=origin("convert", args.source),
        offset_nm=args.offset or opened.offset_nm, is_labels=holds_ids,
        options=WriteOptions(levels=args.levels, ome_version=args.ome_version), progress=progress,
    )  # fmt: skip
    progress.close()
    size = " x ".join(str(n) for n in array.shape)
    print(f"{args.output}: {size} {array.dtype}, {_size(spacing if is_known else None)}")
    for note in getattr(opened.array, "notes", ()):
        print(note)
    return 0


def _annotations(args: argparse.Namespace) -> int:
    """Skeletons, synaptic sites and curves have no voxels to copy part by part."""
    from napari_emseg.io.annotations import describe, read_annotations, write_annotations
    from napari_emseg.io.writing import check_new

    check_new(args.output, args.source)
    spacing, is_known = voxel_size(args.pixel_size, None)
    given = spacing if is_known else None
    found = read_annotations(args.source, spacing_nm=given)
    notes: list[str] = []
    if args.farthest is not None:
        found, notes = _near_partners(found, args.farthest, args.source)
    written = write_annotations(args.output, found, spacing_nm=given)
    print(f"{args.output}: {describe(written)}")
    for note in notes:
        print(note)
    for note in getattr(found, "notes", ()):
        print(note)
    return 0


def _near_partners(found: Any, farthest_nm: float, where: str) -> tuple[Any, list[str]]:
    """Annotations without pairs that are too far apart to be one synapse, and which these were."""
    import numpy as np

    from napari_emseg.io.cremi import CremiAnnotations, drop_far_pairs

    if not isinstance(found, CremiAnnotations):
        raise EmsegError("it holds no synaptic partners", where, "leave --farthest out")
    distances = found.distances_nm()
    kept, dropped = drop_far_pairs(found, farthest_nm)
    notes: list[str] = []
    if distances.size:
        low, middle, high = np.percentile(distances, (5, 50, 95))
        notes.append(
            f"partners lie {middle:.0f} nm apart (median; 5 to 95 %: {low:.0f} to {high:.0f} nm, "
            f"at most {distances.max():.0f} nm)"
        )
    if len(dropped):
        pairs = ", ".join(f"{pre}-{post}" for pre, post in dropped.tolist())
        are = "is" if len(dropped) == 1 else "are"
        notes.append(
            f"{counted(len(dropped), 'pair')} further apart than {farthest_nm:g} nm {are} left out: {pairs}"
        )
    return kept, notes


def _size(spacing: tuple[float, float, float] | None) -> str:
    if spacing is None:
        return "voxel size unknown (--pixel-size Z,Y,X)"
    return f"voxels of {' x '.join(f'{s:g}' for s in spacing)} nm"
