"""A Dask scheduler and workers that serve whoever holds the file written for them, until they are closed."""

from __future__ import annotations

import json
import socket
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from napari_emseg.core.errors import EmsegError
from napari_emseg.jobs.cluster import (
    LOOPBACK,
    be_quiet,
    instructions,
    private_cluster,
    scheduler_settings,
)
from napari_emseg.jobs.meeting import own_credentials, write_meeting
from napari_emseg.jobs.processes import WorkerProcess, cores
from napari_emseg.jobs.slurm_workers import on_slurm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from distributed import LocalCluster
    from distributed.deploy.cluster import Cluster
    from distributed.security import Security

    from napari_emseg.jobs.slurm_workers import Slurm

_KEPT_EVENTS = 20  # as for the private scheduler: tiles are 256 KB each
_RETRIES = 3  # workers are taken away on clusters; what kills four of them is the job's own fault
_ANSWER_S = 1.0
_CLOSE_S = 5.0
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Workers:
    """What is to be started.

    Parameters
    ----------
    count : int
        Worker processes, each of which computes one thing at a time; on SLURM that many jobs.
    gpus : int
        GPUs of this machine; worker k is given GPU k modulo this. 0 leaves the choice to torch.
    host : str
        Address at which the scheduler listens; default: this machine alone, and for SLURM the machine's own.
    port : int
        0 for any that is free.
    on_failed : callable
        Called with a reason, in another thread, when a worker of this machine cannot be kept alive.
    """

    count: int = 1
    gpus: int = 0
    host: str = ""
    port: int = 0
    on_failed: Callable[[str], None] | None = None


@contextmanager
def open_cluster(file: Path, workers: Workers, slurm: Slurm | None = None) -> Iterator[Cluster]:
    """Start a scheduler that speaks TLS, and its workers, and write what clients need.

    Credentials are those of Dask's own configuration where it names some. Otherwise they are made for this one
    cluster and stand in the file, which only its owner can read, and which goes when the cluster ends.

    Parameters
    ----------
    file : Path
        Where clients find address and credentials. Missing folders are made, and go with it.
    workers : Workers
    slurm : Slurm, optional
        Default: processes on this machine.

    Yields
    ------
    Cluster
        Its workers may still be on their way.

    Raises
    ------
    EmsegError
        If it does not start, or the file cannot be written.
    """
    import dask
    from distributed.security import Security

    be_quiet()
    _check_unused(file)
    _check_listening(workers.host, workers.port)
    own = own_credentials()
    security = own or Security.temporary()  # type: ignore[no-untyped-call]
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(scheduler_settings(_KEPT_EVENTS, _RETRIES)))
        try:
            cluster = (
                on_slurm(slurm, workers.count, (workers.host, workers.port), security, stack)
                if slurm
                else _on_this_machine(workers, security, stack)
            )
        except EmsegError:
            raise
        except Exception as error:  # Dask's, ssl's or the system's: for the person it is all the same
            raise EmsegError(f"the cluster did not start ({error})", workers.host, "check --host") from error
        made = [folder for folder in file.absolute().parents if not folder.exists()]
        stack.callback(_remove_empty, made)
        write_meeting(file, cluster.scheduler_address, None if own else security)
        stack.callback(_remove, file, cluster.scheduler_address)
        yield cluster


def _check_listening(host: str, port: int) -> None:
    """Refuse an address that is not ours before Dask tries it, which does not tidy up after itself."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or LOOPBACK, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except (OSError, OverflowError) as error:
        what = f"this machine cannot listen there ({getattr(error, 'strerror', None) or error})"
        raise EmsegError(
            what.lower(), f"{host or LOOPBACK}:{port}", "choose another --host or --port"
        ) from error


def _check_unused(file: Path) -> None:
    """Refuse to take the file away from a cluster that still runs."""
    try:
        address = urlsplit(json.loads(file.read_text("utf-8"))["address"])
        socket.create_connection((address.hostname, address.port), _ANSWER_S).close()
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ):  # no file, another, or nobody there any more
        return
    raise EmsegError(
        "a cluster is running with this file", str(file), "end it, or give another one with --file"
    )


def _remove(file: Path, address: str) -> None:
    """Remove our file; another cluster may have its own there by now."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        if json.loads(file.read_text("utf-8"))["address"] == address:
            file.unlink()


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders, the innermost first; one in which somebody has put something stays."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def wait_for_worker(cluster: Cluster, failures: Sequence[str]) -> bool:
    """Wait until a first worker serves; False once there are failures."""
    while not cluster.scheduler_info["workers"]:
        if failures:
            return False
        time.sleep(_LOOK_S)  # Ctrl-C is only seen between waits
    return True


def _on_this_machine(workers: Workers, security: Security, stack: ExitStack) -> LocalCluster:
    host = workers.host or LOOPBACK
    cluster = private_cluster(_KEPT_EVENTS, host=host, port=workers.port, security=security, retries=_RETRIES)
    stack.callback(cluster.close, timeout=_CLOSE_S)
    for k in range(workers.count):
        environment = {"OMP_NUM_THREADS": str(max(1, cores() // workers.count))}
        if workers.gpus:
            environment["CUDA_VISIBLE_DEVICES"] = str(k % workers.gpus)
        about = instructions(cluster, f"worker-{k}", 0, host)
        process = WorkerProcess(about, workers.on_failed or _ignore, environment)
        process.start()
        stack.callback(process.close)
    return cluster


def _ignore(why: str) -> None:
    """A worker that cannot be kept alive is nobody's concern."""
