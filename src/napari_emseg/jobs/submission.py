"""Give batch scripts to SLURM."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_PATIENCE_S = 60.0  # a busy controller answers within seconds


def submit(scripts: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Submit scripts, each to run after the one before it succeeded.

    Yields
    ------
    script : Path
    job : str
        Number that SLURM has given it.

    Raises
    ------
    EmsegError
        If there is no SLURM here, or it refuses a script. Those submitted before stay submitted.
    """
    for script in scripts:
        if not script.is_file():
            raise EmsegError("there is no such script", str(script), "write it with cluster write")
    program = shutil.which("sbatch")
    if program is None:
        raise EmsegError(
            "there is no sbatch on this machine",
            str(scripts[0]),
            "submit it on the cluster, or use cluster start",
        )
    before = ""
    for script in scripts:
        after = [f"--dependency=afterok:{before}"] if before else []
        before = _sbatch([program, "--parsable", *after, str(script)], script)
        yield script, before


def _sbatch(command: list[str], script: Path) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise EmsegError("SLURM does not answer", str(script), "try again later") from error
    except OSError as error:
        raise EmsegError(f"sbatch cannot be started ({error.strerror})", command[0], "mend that") from error
    job = done.stdout.strip().split(";")[0]  # the number, and on a federation the cluster
    if done.returncode or not job.isdigit():
        lines = (done.stderr or done.stdout).strip().splitlines()
        reason = lines[-1].removeprefix("sbatch: error: ") if lines else f"status {done.returncode}"
        raise EmsegError(f"SLURM refuses it ({reason})", str(script), "change the script or its resources")
    return job
