"""The words of a prediction, shared out among the tasks of a job array."""

from __future__ import annotations

import hashlib
import shlex
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

from napari_emseg.commands.arguments import command_parser, region_of, understood
from napari_emseg.jobs.batch import PROGRAM, Blocks

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_MARK = "\0"  # no word of a command line holds it


@dataclass(frozen=True, slots=True)
class SharedOut:
    """A prediction in parts.

    Parameters
    ----------
    spans : list of (start, stop)
        Sections of each task.
    body : list of str
        Lines of shell of a task.
    join : list of str
        The command that makes one volume of the parts.
    """

    spans: list[tuple[int, int]]
    body: list[str]
    join: list[str]

    @property
    def sections(self) -> int:
        """How many there are in all."""
        return self.spans[-1][1] - self.spans[0][0]


def shared_out(command: argparse.Namespace, words: Sequence[str], tasks: int) -> SharedOut:
    """Share the sections of a prediction out.

    Parameters
    ----------
    command : argparse.Namespace
        What the words say.
    words : sequence of str
        What follows ``predict``.
    tasks : int
        At most so many.

    Raises
    ------
    EmsegError
        If there is no such stack or model, or the output cannot be written.
    """
    from napari_emseg.core.model_card import WEIGHTS, find_model, read_card
    from napari_emseg.io import open_image
    from napari_emseg.io.paths import parse_output
    from napari_emseg.io.writing import WRITERS, check_output

    check_output(command.output, command.source)
    where = region_of(command.region, open_image(command.source).shape, command.source)
    model = find_model(command.model)
    spans = Blocks(where.start[0], where.stop[0], tasks, max(1, read_card(model).depth)).spans()
    kept = _without_region(words)
    # Parts that are there are not made again, so those of another model, other settings or an older state of
    # the stack must lie elsewhere.
    told = "\0".join([*words, str(spans), _last_change(command.source)])
    content = hashlib.sha256(told.encode() + (model / WEIGHTS).read_bytes())
    place = parse_output(command.output, WRITERS).path
    folder = str(place.with_name(f"{place.name}.blocks-{content.hexdigest()[:8]}"))
    flat = ",".join(f"{a}:{b}" for a, b in zip(where.start[1:], where.stop[1:], strict=True))
    line = [shlex.quote(word) for word in kept]
    line[_place_of_output(kept)] = '"$part"'
    body = [
        f"blocks=({' '.join(f'{a}:{b}' for a, b in spans)})",
        'block="${blocks[${SLURM_ARRAY_TASK_ID:?}]}"',
        f'part={shlex.quote(folder)}/$(printf "%06d-%06d" "${{block%:*}}" "${{block#*:}}").h5',
        "# what is there was made by an earlier try: files appear whole or not at all",
        'if [ -e "$part" ]; then exit 0; fi',
        f'{PROGRAM} predict {" ".join(line)} --region "$block,{flat}" --progress json',
    ]
    sections = f"{where.start[0]}:{where.stop[0]}"
    return SharedOut(spans, body, ["cluster", "join", folder, command.output, "--sections", sections])


def _last_change(source: str) -> str:
    """When a stack was last written, as far as its file or its folder tells; of samples nothing."""
    from napari_emseg.io.paths import parse_path

    try:
        return str(parse_path(source).path.stat().st_mtime_ns)
    except OSError:
        return ""


def _without_region(words: Sequence[str]) -> list[str]:
    kept, skip = [], False
    for word in words:
        option = word.split("=")[0]
        if skip:
            skip = False
        elif len(option) > 2 and "--region".startswith(option):
            skip = "=" not in word
        else:
            kept.append(word)
    return kept


def _place_of_output(words: list[str]) -> int:
    """Which word is OUT: a model or a target may be called the same."""
    parser = command_parser("predict")[1]
    for n in reversed(range(len(words))):
        if words[n].startswith("-"):
            continue
        try:
            with redirect_stderr(StringIO()):
                tried = understood(parser, [*words[:n], _MARK, *words[n + 1 :]])
        except SystemExit:  # it is the value of an option that takes no such thing
            continue
        if tried.output == _MARK:
            return n
    raise AssertionError("the words were understood before")
