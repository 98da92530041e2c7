"""Workers as jobs of SLURM, submitted through dask-jobqueue."""

from __future__ import annotations

import logging
import math
import shutil
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.leftovers import private_folder
from napari_emseg.jobs.shared_models import THREADS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from dask_jobqueue.slurm import SLURMCluster
    from distributed.security import Security

    from napari_emseg.jobs.batch import Resources

_SBATCH_SAYS = "sbatch: error:"


@dataclass(frozen=True, slots=True)
class Slurm:
    """Workers as jobs of SLURM.

    Parameters
    ----------
    resources : Resources
        Of each.
    setup : sequence of str
        Lines of shell that come first in a job.
    shared : Path
        Folder that all machines see; credentials of workers lie there while they run.
    """

    resources: Resources
    setup: Sequence[str]
    shared: Path


def on_slurm(
    slurm: Slurm, count: int, listening: tuple[str, int], security: Security, stack: ExitStack
) -> SLURMCluster:
    """Start a scheduler here, and workers as jobs.

    Parameters
    ----------
    slurm : Slurm
    count : int
        Jobs.
    listening : (host, port)
        Of the scheduler; empty and 0 for what Dask takes.
    security : Security
    stack : ExitStack
        Ends jobs and scheduler when it is closed.

    Raises
    ------
    EmsegError
        If resources lack, or SLURM does not take the jobs.
    """
    from distributed.core import Status

    wanted, (host, port) = slurm.resources, listening
    lacking = [f"--{name}" for name in ("memory", "time", "cores") if not getattr(wanted, name)]
    if lacking:
        raise EmsegError("jobs of workers need a size", ", ".join(lacking), "give these too")
    if shutil.which("sbatch") is None:
        raise EmsegError("there is no sbatch on this machine", "--slurm", "start it on the cluster")
    try:
        keys = stack.enter_context(private_folder(slurm.shared.resolve() / "emseg-keys"))
    except OSError as error:
        what = f"the folder cannot be written ({(error.strerror or str(error)).lower()})"
        raise EmsegError(what, str(slurm.shared), "name one that all machines see with --shared") from error
    named = {"partition", "account", "time", "mem", "cpus-per-task"}
    extra = [option for option in wanted.options() if option[2:].split("=")[0] not in named]
    cluster = _slurm_cluster()(
        cores=wanted.cores, processes=1, memory=in_bytes(wanted.memory), job_mem=wanted.memory, walltime=wanted.time,
        queue=wanted.partition or None, account=wanted.account or None, job_extra_directives=extra,
        job_script_prologue=[*slurm.setup, f"export {THREADS}={wanted.cores}"], job_name="emseg-worker", log_directory=None,
        # one thing at a time on all cores of the job, and SLURM watches the memory
        worker_extra_args=["--nthreads", "1", "--memory-limit", "0", "--no-dashboard"], death_timeout=60,
        scheduler_options={"dashboard": False, "port": port, **({"host": host} if host else {})},
        protocol="tls://", security=security, shared_temp_directory=str(keys), silence_logs=logging.CRITICAL,
    )  # fmt: skip
    stack.callback(_remove_keys, cluster)
    stack.callback(cluster.close)
    for _ in range(count):
        cluster.worker_spec.update(cluster.new_worker_spec())  # type: ignore[no-untyped-call]
    try:
        # what `scale` does, but waiting: otherwise nobody hears that a job was refused
        cluster.sync(cluster._correct_state)  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        for job in cluster.workers.values():
            if job.status == Status.created:
                job.status = Status.failed  # or closing the cluster would stumble over it
        what = f"SLURM refuses the jobs ({_reason_in(str(error))})"
        raise EmsegError(what, "--slurm", "change the resources") from error
    return cluster


def _reason_in(text: str) -> str:
    """What sbatch says of its reason; else the last line of all that was said."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    of_sbatch = (line for line in lines if line.startswith(_SBATCH_SAYS))
    return next(of_sbatch, lines[-1] if lines else "no reason given").removeprefix(_SBATCH_SAYS).strip()


def _slurm_cluster() -> type[SLURMCluster]:
    """Import dask-jobqueue, which makes Ctrl-C leave the program at once, and take that back."""
    before = signal.getsignal(signal.SIGINT)
    from dask_jobqueue.slurm import SLURMCluster

    signal.signal(signal.SIGINT, before)
    return SLURMCluster


def _remove_keys(cluster: SLURMCluster) -> None:
    """Close the files of keys, which removes them; otherwise they would miss their folder when the cluster is collected."""
    for name in ("_job_ca_file", "_job_cert", "_job_key"):
        file = getattr(cluster, name, None)
        if file is not None:
            file.close()


def in_bytes(memory: str) -> int:
    """Bytes of what SLURM understands; a number alone counts in megabytes."""
    powers = {"K": 1, "M": 2, "G": 3, "T": 4}
    unit = memory[-1].upper()
    number, power = (memory[:-1], powers[unit]) if unit in powers else (memory, 2)
    return int(number) * math.prod([1024] * power)
