"""Batch scripts for SLURM: text that a person can read, change and submit again."""

from __future__ import annotations

import itertools
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_emseg.core.errors import WrongCall

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "napari-emseg"

_TIME = re.compile(r"\d+(:\d+){0,2}|\d+-\d+(:\d+){0,2}")  # minutes, hours:minutes:seconds, days-hours ...
_MEMORY = re.compile(r"\d+[KMGT]?", re.IGNORECASE)
_WORD = re.compile(r"[\w.,:+@=-]+")


@dataclass(frozen=True, slots=True)
class Resources:
    """What a job asks for; what is left out is the cluster's own default.

    Parameters
    ----------
    partition, account, constraint : str
        Names on that cluster.
    time : str
        As SLURM writes it: 90 (minutes), 12:00:00, 3-00:00:00.
    memory : str
        Of a job: 50000M, 64G.
    cores, gpus : int
        0 leaves cores to the cluster, and asks for no GPU.
    gpu_type : str
        Of these GPUs.
    """

    partition: str = ""
    account: str = ""
    constraint: str = ""
    time: str = ""
    memory: str = ""
    cores: int = 0
    gpus: int = 0
    gpu_type: str = ""

    def __post_init__(self) -> None:
        for name, pattern, example in (
            ("time", _TIME, "12:00:00 or 3-00:00:00"), ("memory", _MEMORY, "64G"), ("partition", _WORD, "a name"),
            ("account", _WORD, "a name"), ("constraint", _WORD, "a name"), ("gpu_type", _WORD, "a name"),
        ):  # fmt: skip
            value = getattr(self, name)
            if value and not pattern.fullmatch(value):
                option = name.replace("_", "-")
                raise WrongCall(f"SLURM does not understand --{option} {value}", "", f"give {example}")
        if self.gpu_type and not self.gpus:
            raise WrongCall("a kind of GPU was given and no number", "", "give --gpus")

    def options(self) -> list[str]:
        """Options of sbatch, one an item."""
        kind = f"{self.gpu_type}:" if self.gpu_type else ""
        rows = (
            ("partition", self.partition), ("account", self.account), ("constraint", self.constraint),
            ("time", self.time), ("mem", self.memory), ("cpus-per-task", self.cores or ""),
            ("gres", f"gpu:{kind}{self.gpus}" if self.gpus else ""),
        )  # fmt: skip
        return [f"--{name}={value}" for name, value in rows if value]


@dataclass(frozen=True, slots=True)
class Blocks:
    """Sections of a stack that are shared out among the tasks of a job array.

    Parameters
    ----------
    start, stop : int
        Sections.
    tasks : int
    unit : int
        Blocks start at multiples of it, except the first: sections that a network predicts at once.
    """

    start: int
    stop: int
    tasks: int
    unit: int = 1

    def spans(self) -> list[tuple[int, int]]:
        """Sections of each task, of nearly equal number; together each section once."""
        low, high = self.start // self.unit, -(-self.stop // self.unit)
        count = min(self.tasks, high - low)
        cuts = [(low + (high - low) * n // count) * self.unit for n in range(count + 1)]
        cuts[0], cuts[-1] = self.start, self.stop
        return list(itertools.pairwise(cuts))


def script(
    command: Sequence[str],
    resources: Resources,
    *,
    name: str = "",
    setup: Sequence[str] = (),
    body: Sequence[str] = (),
    tasks: int = 0,
) -> str:
    """A batch script that runs one command, or one for each task of an array.

    Nothing in it names a place on this machine but what the command names itself: the job runs in the folder
    from which it is submitted.

    Parameters
    ----------
    command : sequence of str
        Words after ``napari-emseg``.
    name : str
        Of the job; default: of the command.
    setup : sequence of str
        Lines of shell that come first, such as ``module load cuda``.
    body : sequence of str
        Lines of shell instead of the command alone.
    tasks : int
        Of the array; 0 is no array.

    Returns
    -------
    str
        Bash.
    """
    options = [f"--job-name={name or f'emseg-{command[0]}'}", "--nodes=1", "--ntasks=1", *resources.options()]
    if tasks:
        options += [f"--array=0-{tasks - 1}", "--output=%x-%A-%a.log"]
    else:
        options.append("--output=%x-%j.log")
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH {option}" for option in options),
        "set -eo pipefail",
        *setup,
        "set -u",  # after the setup, because conda and modules look at variables that nobody has set
        'export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-1}"',
        f"command -v {PROGRAM} >/dev/null || {{",
        f'    echo "error: {PROGRAM} is not on the PATH of this job, write the script with --setup" >&2',
        "    exit 1",
        "}",
        *(body or [words([*command, "--progress", "json"])]),
    ]
    return "\n".join(lines) + "\n"


def words(command: Sequence[str]) -> str:
    """A command as a line of shell."""
    return f"{PROGRAM} {shlex.join(command)}"
