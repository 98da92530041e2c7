"""SLURM jobs, and workers on other machines.

cluster write [RESOURCES] -- COMMAND ...    a batch script that runs a command of napari-emseg; --array N shares the
                                            sections of `predict` out among N tasks, and writes a second script that
                                            joins what they have made
cluster submit SCRIPT [SCRIPT ...]          give scripts to SLURM, each to run after the one before it succeeded
cluster join BLOCKS OUT --sections A:B      what the second script does
cluster start [--slurm RESOURCES]           a Dask scheduler and its workers, here or as jobs of SLURM, until Ctrl-C;
                                            `predict --scheduler FILE` then computes there, with the same code
"""

from __future__ import annotations

import argparse
import hashlib
import shlex
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_emseg.commands import COMMANDS
from napari_emseg.commands.arguments import command_parser, understood
from napari_emseg.core.errors import EmsegError, WrongCall
from napari_emseg.core.words import counted
from napari_emseg.jobs.batch import PROGRAM, Resources, script

if TYPE_CHECKING:
    from napari_emseg.commands.reporting import Quiet

STEPS = {
    "write": "write a batch script for SLURM that runs a command",
    "submit": "give scripts to SLURM, each to run after the one before it succeeded",
    "join": "make one volume of the blocks that an array of tasks has written",
    "start": "start a Dask scheduler and workers, and keep them until Ctrl-C",
}

_FILE = "cluster.json"
_SEAL = "# as written: "
_LOOK_S = 0.2
_MOST_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One sub-command a step."""
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    made = {}
    for name, text in STEPS.items():
        made[name] = step = steps.add_parser(name, help=text, description=text)
        step.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        step.add_argument(
            "--progress", choices=("auto", "bar", "json", "none"), default=argparse.SUPPRESS, help="as above"
        )
    _add_write(made["write"])
    made["submit"].add_argument("scripts", metavar="SCRIPT", nargs="+")
    join = made["join"]
    join.add_argument("blocks", metavar="BLOCKS", type=Path, help="folder of blocks")
    join.add_argument("output", metavar="OUT", help="its suffix names the format")
    join.add_argument("--sections", type=_span, required=True, metavar="A:B", help="what there is to be")
    _add_start(made["start"])


def _add_write(write: argparse.ArgumentParser) -> None:
    write.add_argument("words", metavar="COMMAND", nargs="+", help="after --: a command and its words")
    write.add_argument("--script", type=Path, metavar="FILE", help="where to write (default COMMAND.sh)")
    write.add_argument(
        "--array", type=_number, metavar="N", help="predict: share the sections out among N tasks"
    )
    _add_resources(write)


def _add_start(start: argparse.ArgumentParser) -> None:
    start.add_argument(
        "--workers", type=_number, default=1, metavar="N", help="processes, or jobs (default 1)"
    )
    start.add_argument(
        "--slurm", action="store_true", help="workers are jobs of SLURM; needs the options below"
    )
    start.add_argument(
        "--file", type=Path, default=Path(_FILE), metavar="FILE",
        help=f"where to write what --scheduler takes (default {_FILE}); whoever can read it can run code on the workers",
    )  # fmt: skip
    start.add_argument(
        "--host", default="", metavar="ADDRESS",
        help="where the scheduler listens (default: for this machine alone; with --slurm, for the network)",
    )  # fmt: skip
    start.add_argument("--port", type=_port, default=0, metavar="N", help="default: any that is free")
    start.add_argument(
        "--shared", type=Path, default=Path(), metavar="DIR",
        help="with --slurm: a folder that all machines see, for the keys of the workers (default: this one)",
    )  # fmt: skip
    _add_resources(start)


def _add_resources(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("resources of a job (default: the cluster's own)")
    group.add_argument("--partition", default="", metavar="NAME")
    group.add_argument("--account", default="", metavar="NAME")
    group.add_argument("--constraint", default="", metavar="NAME", help="kind of machine")
    group.add_argument("--time", default="", metavar="D-HH:MM:SS", help="how long it may take")
    group.add_argument("--memory", default="", metavar="64G")
    group.add_argument("--cores", type=int, default=0, metavar="N")
    group.add_argument("--gpus", type=int, default=0, metavar="N")
    group.add_argument("--gpu-type", default="", metavar="NAME")
    group.add_argument(
        "--setup", action="append", default=[], metavar="LINE",
        help="a line of shell that comes first, such as 'module load cuda'; may be given several times",
    )  # fmt: skip


def _number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 10000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number; give 1 or more")
    return int(text)


def _port(text: str) -> int:
    """Parse a port; the system would take a larger number modulo 65536 without a word."""
    if not text.isdecimal() or not 0 <= int(text) <= _MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give 1 to {_MOST_PORT}, or 0 for any")
    return int(text)


def _span(text: str) -> tuple[int, int]:
    start, _, stop = text.partition(":")
    if not (start.isdecimal() and stop.isdecimal() and int(start) < int(stop)):
        raise argparse.ArgumentTypeError(f"{text!r} are no sections; write 0:100")
    return int(start), int(stop)


def run(args: argparse.Namespace, progress: Quiet) -> int:
    """Do one step."""
    if args.step == "write":
        return _write(args)
    if args.step == "submit":
        from napari_emseg.jobs.submission import submit

        for name, job in submit([Path(script) for script in args.scripts]):
            print(f"job {job}: {name}")
        return 0
    return _join(args, progress) if args.step == "join" else _start(args)


def _resources(args: argparse.Namespace, **other: Any) -> Resources:
    if args.cores < 0 or args.gpus < 0:
        raise WrongCall("a number is negative", "--cores, --gpus", "give 0 or more")
    names = ("partition", "account", "constraint", "time", "memory", "cores", "gpus", "gpu_type")
    return Resources(**{name: getattr(args, name) for name in names} | other)


# ---- write ------------------------------------------------------------------------------------------------


def _write(args: argparse.Namespace) -> int:
    name, *rest = args.words
    if name not in COMMANDS or name == "cluster":
        raise WrongCall(f"{name} is no command that a job could run", "", "see napari-emseg --help")
    resources = _resources(args)
    try:  # a wrong call is told now, and not after hours in the queue
        command = understood(command_parser(name)[1], rest)
    except SystemExit as leaving:
        return int(leaving.code or 0)
    file = args.script or Path(f"{name}.sh")
    if args.array is None:
        _check_ours(file)
        _save(file, script(args.words, resources, setup=args.setup))
        print(f"{file}: napari-emseg {name}")
        print(f"{PROGRAM} cluster submit {shlex.quote(str(file))}")
        return 0
    if name != "predict":
        raise WrongCall("only sections of predict are shared out among tasks", name, "leave --array out")
    from napari_emseg.commands.array_words import shared_out

    found = shared_out(command, rest, args.array)
    second = file.with_name(f"{file.stem}-join{file.suffix}")
    _check_ours(file, second)
    _save(file, script(args.words, resources, setup=args.setup, body=found.body, tasks=len(found.spans)))
    _save(
        second, script(found.join, _resources(args, gpus=0, gpu_type=""), name="emseg-join", setup=args.setup)
    )
    print(
        f"{file}: {counted(found.sections, 'section')} in {counted(len(found.spans), 'task')}; {second} joins them"
    )
    print(f"{PROGRAM} cluster submit {shlex.quote(str(file))} {shlex.quote(str(second))}")
    return 0


def _save(file: Path, text: str) -> None:
    """Write a script, with what tells next time whether somebody has changed it."""
    from napari_emseg.io.atomic import atomic_output

    with atomic_output(file) as place:
        place.write_text(_sealed(text), "utf-8")
        place.chmod(0o755)


def _check_ours(*files: Path) -> None:
    """Refuse to write over a script that was changed by hand, or is of somebody else."""
    for file in files:
        if file.is_file():
            text = file.read_text("utf-8", "replace")
            if text != _sealed(text.rpartition(_SEAL)[0]):
                why = "it was changed by hand, or is no script of this program"
                raise EmsegError(why, str(file), "move it away, or give another name with --script")


def _sealed(text: str) -> str:
    return f"{text}{_SEAL}{hashlib.sha256(text.encode()).hexdigest()[:16]}\n"


# ---- join, start ------------------------------------------------------------------------------------------


def _join(args: argparse.Namespace, progress: Quiet) -> int:
    from napari_emseg.io.writing import check_output
    from napari_emseg.jobs.block_files import join_blocks

    check_output(args.output)
    shape = join_blocks(args.blocks, args.output, args.sections, progress)
    progress.close()
    print(f"{args.output}: {' x '.join(map(str, shape))}")
    return 0


def _start(args: argparse.Namespace) -> int:
    from napari_emseg.io.atomic import check_place
    from napari_emseg.jobs.open_cluster import Workers, open_cluster, wait_for_worker
    from napari_emseg.jobs.slurm_workers import Slurm

    check_place(args.file)
    slurm = Slurm(_resources(args), args.setup, args.shared) if args.slurm else None
    failures: list[str] = []
    gpus = 0 if slurm else args.gpus
    workers = Workers(args.workers, gpus, args.host, args.port, failures.append)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a job's end is as good as Ctrl-C
    with open_cluster(args.file, workers, slurm) as cluster:
        kind = "as jobs of SLURM" if slurm else "on this machine"
        print(f"{counted(args.workers, 'worker')} {kind}, {cluster.scheduler_address}", flush=True)
        print(f"{PROGRAM} predict IN OUT --scheduler {shlex.quote(str(args.file))}", flush=True)
        if wait_for_worker(cluster, failures):
            print("ready; Ctrl-C ends it", flush=True)
        while not failures:
            time.sleep(_LOOK_S)
    raise EmsegError(
        f"a worker cannot be started ({failures[0]})", "this computer", "mend that and start again"
    )
