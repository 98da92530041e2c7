"""Probabilities of membranes (or what else a model knows) for a stack.

The output is (z, y, x) for one target and (target, z, y, x) for several, in [0, 1], or 0-255 with uint8.
It is written section by section, so stacks may be larger than memory.
Several stacks, as a.h5@b.h5 with names joined to the folder of the first, go to OUT/volume_0.h5, volume_1.h5 ...
"""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import (
    add_pixel_size,
    add_settings,
    region,
    region_of,
    settings_from,
    voxel_size,
)
from napari_emseg.settings import PredictSettings

if TYPE_CHECKING:
    from napari_emseg.commands.reporting import Quiet
    from napari_emseg.core.edit import Region
    from napari_emseg.core.model_card import ModelCard
    from napari_emseg.core.stack import ImageStack
    from napari_emseg.io.opened import Offset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """IN OUT and how."""
    parser.add_argument("source", metavar="IN", help="stack, with ::internal/path where needed")
    parser.add_argument("output", metavar="OUT", help=".zarr, .h5, .tif, or a folder/ of PNG (uint8)")
    parser.add_argument(
        "--model",
        default="membrane",
        metavar="NAME_OR_PATH",
        help="see napari-emseg models (default membrane)",
    )
    parser.add_argument("--targets", metavar="A,B", help="default: the target that the model is named after")
    parser.add_argument("--region", type=region, metavar="z0:z1,y0:y1,x0:x1", help="default: everything")
    parser.add_argument(
        "--dtype",
        choices=("float32", "float16", "uint8"),
        default="float32",
        help="of the output; uint8 is 0-255 (default float32)",
    )
    parser.add_argument(
        "--scheduler",
        metavar="FILE_OR_ADDRESS",
        help="what cluster start has written, the address of a Dask scheduler, or 'local' for a worker process; "
        "default: in this process",
    )
    add_pixel_size(parser)
    # --targets says what else is wanted, and nothing comes on screen
    add_settings(parser, PredictSettings, skip=("also", "ahead"), tta="flips")


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Predict and write."""
    from napari_emseg.io.volume_list import split_volumes

    volumes = split_volumes(args.source)
    if len(volumes) > 1:
        parts = [
            argparse.Namespace(
                **vars(args) | {"source": one, "output": str(Path(args.output) / f"volume_{k}.h5")}
            )
            for k, one in enumerate(volumes)
        ]
        for part in parts:  # refuse before hours of work on the others, not after
            _prepared(part)
        for part in parts:
            run(part, progress)
        return 0
    from napari_emseg.core.model_card import instead_of_bundled
    from napari_emseg.core.pixel_guard import check_model
    from napari_emseg.io import write_array
    from napari_emseg.io.origin import read_origin
    from napari_emseg.jobs.predict import provenance
    from napari_emseg.jobs.predict_stack import PredictedStack

    folder, card, targets, stack, is_known, where = _prepared(args)
    settings = settings_from(args, PredictSettings)
    spacing = stack.spacing_nm
    other_pixels = check_model(card, spacing)
    for note in (instead_of_bundled(args.model, folder), other_pixels.text if other_pixels else ""):
        if note:
            print(note, flush=True)  # before hours of work, too
    with _engine(args.scheduler) as engine:
        found = PredictedStack(
            stack, folder, region=where, targets=targets, settings=settings, dtype=args.dtype,
            progress=progress, engine=engine,
        )  # fmt: skip
        earlier = read_origin(args.source)
        metadata = provenance(folder, settings, where, stack.spacing_nm) | {
            "image": stack.uri,
            "targets": list(targets),
            **({"made_from": {stack.uri: earlier}} if earlier else {}),
        }
        axes = "zyx" if len(targets) == 1 else "czyx"
        write_array(
            args.output,
            found,
            spacing_nm=spacing if is_known else None,
            offset_nm=_position(args.output, stack, where) if is_known else None,
            axes=axes,
            metadata=metadata,
        )
    progress.close()
    size = " x ".join(str(n) for n in found.shape)
    print(f"{args.output}: {', '.join(targets)}, {size}, computed on {found.device}")
    for note in found.notes:
        print(note)
    if spacing is None:
        print("the voxel size is unknown: the pixels were taken as the model's own (--pixel-size)")
    return 0


def _prepared(
    args: argparse.Namespace,
) -> tuple[Path, ModelCard, tuple[str, ...], ImageStack, bool, Region]:
    """What there is to do: model and its card, targets, the stack, whether its voxel size is known, and the region.

    Raises
    ------
    EmsegError
        If anything of it cannot be done.
    """
    from napari_emseg.core.model_card import find_model, read_card
    from napari_emseg.core.stack import ImageStack
    from napari_emseg.io import open_image
    from napari_emseg.io.writing import check_output

    check_output(args.output, args.source)
    settings_from(args, PredictSettings)
    folder = find_model(args.model)
    card = read_card(folder)
    targets = wanted_targets(args.targets, args.model, card.targets)
    stack = open_image(args.source)
    spacing, is_known = voxel_size(args.pixel_size, stack.spacing_nm)
    card.usable_zoom(spacing)
    stack = ImageStack(stack.data, spacing, stack.spacing_source, stack.name, stack.uri, stack.offset_nm)
    return folder, card, targets, stack, is_known, region_of(args.region, stack.shape, args.source)


def _position(output: str, stack: ImageStack, where: Region) -> Offset | None:
    """Where the first voxel of a region lies."""
    from napari_emseg.io.grid import position_kept

    if stack.spacing_nm is None or (stack.offset_nm is None and not any(where.start)):
        return None
    first = stack.offset_nm or (0.0, 0.0, 0.0)
    z, y, x = (o + n * s for o, n, s in zip(first, where.start, stack.spacing_nm, strict=True))
    return position_kept(output, (z, y, x), stack.spacing_nm)


def wanted_targets(text: str | None, model: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Targets asked for; by default the one that the model is asked for by name, else its first.

    Raises
    ------
    EmsegError
        If the model has no such target.
    """
    from napari_emseg.core.errors import EmsegError

    if text is None:
        return (model,) if model in known else known[:1]
    targets = tuple(part.strip() for part in text.split(",") if part.strip())
    if not targets:
        raise EmsegError(
            "no target is named", "--targets", f"name some of {', '.join(known)}, or leave it out"
        )
    lacking = [target for target in targets if target not in known]
    if lacking:
        what = ", ".join(lacking)
        raise EmsegError(f"the model does not predict {what}", model, f"it predicts {', '.join(known)}")
    if len(set(targets)) < len(targets):
        raise EmsegError("a target is named twice", text, "name each once")
    return targets


def _engine(scheduler: str | None):  # type: ignore[no-untyped-def]  # an Engine, or None within a context
    if scheduler is None:
        return nullcontext(None)
    from napari_emseg.jobs.engine import Engine

    return Engine(scheduler)
