"""Arguments that several commands share, and options made from settings."""

from __future__ import annotations

import argparse
import re
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

from napari_emseg.core.edit import Region
from napari_emseg.core.errors import EmsegError, WrongCall

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import ModuleType

    from napari_emseg.core.stack import Spacing
    from napari_emseg.settings import Settings

S = TypeVar("S", bound="Settings")


def command_parser(name: str) -> tuple[ModuleType, argparse.ArgumentParser]:
    """The module of a command, and what understands its words."""
    module = import_module(f"napari_emseg.commands.{name}")
    parser = argparse.ArgumentParser(
        f"napari-emseg {name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    add_common(parser)
    return module, parser


def understood(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """What the words of a command say; leaves as argparse does where they make no sense."""
    # Options may stand between the files; argparse cannot do that where a command has commands of its own.
    parse = parser.parse_intermixed_args if parser._subparsers is None else parser.parse_args
    return parse(words)


def step_parser(parser: argparse.ArgumentParser, args: argparse.Namespace) -> argparse.ArgumentParser:
    """What understands the words of the command of a command that was called; the parser itself where it has none."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return step_parser(action.choices[getattr(args, action.dest)], args)
    return parser


def add_common(parser: argparse.ArgumentParser) -> None:
    """Arguments of every command."""
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")
    parser.add_argument(
        "--progress",
        choices=("auto", "bar", "json", "none"),
        default="auto",
        help="progress on standard error: a bar on a terminal (auto), or JSON lines",
    )


def out_folder(text: str) -> Path:
    """A folder to write into; a name that is empty, as that of a variable which is not set, is not the present folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("an output has a name")
    return Path(text)


def add_pixel_size(parser: argparse.ArgumentParser) -> None:
    """``--pixel-size``."""
    parser.add_argument(
        "--pixel-size",
        type=pixel_size,
        metavar="NM",
        help="pixel size in nm (the section thickness is the file's), or voxel size as Z,Y,X; wins over what the file says",
    )


def pixel_size(text: str) -> tuple[float, ...]:
    """Parse "4.6" (in the section) or "50,4.6,4.6" (z, y, x)."""
    try:
        sizes = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; give 4.6 or 50,4.6,4.6") from error
    if len(sizes) not in (1, 3) or any(not 0 < size < 1e9 for size in sizes):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; give 4.6 or 50,4.6,4.6")
    return sizes


def voxel_size(given: tuple[float, ...] | None, found: Spacing | None) -> tuple[Spacing | None, bool]:
    """Voxel size (z, y, x) from the command line and the file.

    Parameters
    ----------
    given : tuple of float, optional
        One number is the pixel size in the section; the section thickness then is the file's.
    found : tuple of float, optional
        What the file says.

    Returns
    -------
    spacing_nm : tuple of float or None
    is_known : bool
        False where the section thickness had to be filled in with the pixel size; it must not be written.
    """
    if given is None:
        return found, found is not None
    if len(given) == 3:
        return (given[0], given[1], given[2]), True
    (pixel,) = given
    return ((found[0], pixel, pixel), True) if found else ((pixel, pixel, pixel), False)


def section_list(text: str) -> str:
    """Check that it reads ``3,5-7``, or a list of these with @ between them; how many sections there are is seen later."""
    parts = [part.strip() for one in text.split("@") for part in one.split(",")]
    if not all(re.fullmatch(r"(\d+(-\d+)?)?", part) for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of sections; write it like 3,5-7")
    return text


def region(text: str) -> tuple[tuple[int | None, int | None], ...]:
    """Parse ``z0:z1,y0:y1,x0:x1``; each number may be left out."""
    parts = text.split(",")
    spans = [re.fullmatch(r"(\d*):(\d*)", part.strip() or ":") for part in parts]
    if len(parts) != 3 or not all(spans):
        raise argparse.ArgumentTypeError(f"{text!r} is no region; write z0:z1,y0:y1,x0:x1")
    return tuple(
        (int(span[1]) if span[1] else None, int(span[2]) if span[2] else None) for span in spans if span
    )


def region_of(
    spans: tuple[tuple[int | None, int | None], ...] | None, shape: tuple[int, int, int], where: str
) -> Region:
    """The region meant for a stack of this shape.

    Raises
    ------
    EmsegError
        If it is empty or reaches beyond the stack.
    """
    if spans is None:
        return Region.full(shape)
    start = [a or 0 for a, _ in spans]
    stop = [n if b is None else b for (_, b), n in zip(spans, shape, strict=True)]
    if any(not 0 <= a < b <= n for a, b, n in zip(start, stop, shape, strict=True)):
        wanted = ",".join(f"{a}:{b}" for a, b in zip(start, stop, strict=True))
        raise EmsegError(
            f"the region {wanted} is not in the stack", where, f"it has {shape} voxels (z, y, x)"
        )
    return Region((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def add_settings(
    parser: argparse.ArgumentParser, kind: type[Settings], *, skip: Collection[str] = (), **defaults: Any
) -> None:
    """One option per field of a settings model; help, unit, choices and default come from the field.

    Parameters
    ----------
    skip : collection of str
        Fields that are not offered; lists are no single word.
    **defaults
        Defaults that differ from the model's.
    """
    for name, field in kind.model_fields.items():
        if name in skip:
            continue
        default = defaults.get(name, field.default)
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        unit = f" [{extra['unit']}]" if extra.get("unit") else ""
        text = f"{field.description or field.title}{unit} (default {default})".replace("%", "%%")
        option = "--" + name.removesuffix("_nm").removesuffix("_nm2").replace("_", "-")
        if field.annotation is bool:
            action = argparse.BooleanOptionalAction if default else "store_true"
            parser.add_argument(option, dest=name, action=action, default=default, help=text)
        elif get_origin(field.annotation) is Literal:
            choices = get_args(field.annotation)
            parser.add_argument(
                option, dest=name, choices=choices, type=type(choices[0]), default=default, help=text
            )
        else:
            kind_of = field.annotation if field.annotation in (int, float) else str
            parser.add_argument(
                option,
                dest=name,
                type=kind_of,  # type: ignore[arg-type]
                default=default,
                metavar="NAME" if kind_of is str else "N",
                help=text,
            )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Where the model computes, for commands that do not take all that prediction does."""
    from napari_emseg.settings import PredictSettings

    others = [name for name in PredictSettings.model_fields if name != "device"]
    add_settings(parser, PredictSettings, skip=others)


def settings_from(args: argparse.Namespace, kind: type[S]) -> S:
    """Settings from what `add_settings` has offered.

    Raises
    ------
    WrongCall
        If a value is out of bounds.
    """
    from pydantic import ValidationError

    values = {name: getattr(args, name) for name in kind.model_fields if hasattr(args, name)}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        option = "--" + str(fault["loc"][0]).removesuffix("_nm").removesuffix("_nm2").replace("_", "-")
        reason = fault["msg"].replace("Input should be", "give a value that is")
        raise WrongCall(f"{option} {fault['input']} is out of bounds", "", reason) from error


def seconds(text: str) -> float:
    """Parse a time; infinity is one."""
    with suppress(ValueError):
        if (value := float(text)) > 0:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is no time; give a number of seconds above 0")
