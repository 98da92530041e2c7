"""A private Dask scheduler on this machine, or a client of one elsewhere."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Client, LocalCluster
    from distributed.security import Security

LOOPBACK = "127.0.0.1"

_QUIET = (
    "distributed",
    "distributed.client",
    "distributed.scheduler",
    "distributed.worker",
    "distributed.core",
)
_TLS_PARTS = ("require_encryption", "tls_ca_file", "tls_worker_key", "tls_worker_cert")


def private_cluster(
    kept_events: int,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    security: Security | None = None,
    retries: int = 0,
) -> LocalCluster:
    """Start a scheduler that only those can talk to who hold its credentials.

    A scheduler runs whatever code reaches it: this one speaks TLS and has no dashboard. By default it listens on
    loopback, with credentials that exist only in memory.

    Parameters
    ----------
    kept_events : int
        Past events that the scheduler remembers.
    host : str
        Address at which it listens.
    port : int
        0 for any that is free.
    security : Security, optional
        Credentials; default: made for this one.
    retries : int
        How often a job is given to another worker when its worker has died.
    """
    import dask
    from distributed import LocalCluster
    from distributed.security import Security

    be_quiet()
    with dask.config.set(scheduler_settings(kept_events, retries)):
        return LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=0,
            host=host,
            scheduler_port=port,
            protocol="tls://",
            security=security or Security.temporary(),  # type: ignore[no-untyped-call]
            # The HTTP server cannot be switched off: it gets no pages, and no fixed port to fight over.
            dashboard_address=f"{LOOPBACK}:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=False,
            worker_dashboard_address=None,
        )


def be_quiet() -> None:
    """A dead worker is reported in words by the engine; the same in Dask's would go to the terminal."""
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def scheduler_settings(kept_events: int, retries: int = 0) -> dict[str, Any]:
    """Settings of Dask under which a scheduler is started.

    Parameters
    ----------
    kept_events : int
        Past events that it remembers.
    retries : int
        How often a job is given to another worker when its worker has died.
    """
    return {
        "distributed.scheduler.allowed-failures": retries,
        "distributed.admin.low-level-log-length": kept_events,
        "distributed.scheduler.http.routes": [],
        "distributed.admin.large-graph-warning-threshold": "1GB",
    }


def instructions(cluster: LocalCluster, lane: str, nice: int, host: str = LOOPBACK) -> dict[str, Any]:
    """What a local worker process has to know; it travels through a pipe, the keys with it."""
    security = {part: getattr(cluster.security, part) for part in _TLS_PARTS}
    return {
        "scheduler": cluster.scheduler_address,
        "name": lane,
        "resources": {lane: 1},
        "security": security,
        "nice": nice,
        "host": host,
    }


def connect(target: LocalCluster | str, timeout_s: float) -> Client:
    """Connect to a scheduler and make its workers able to stop.

    Parameters
    ----------
    target : LocalCluster or str
        A cluster of `private_cluster`, or what `napari_emseg.jobs.meeting.meeting` understands.
    timeout_s : float
        How long to wait for the scheduler.
    """
    from distributed import Client

    from napari_emseg.jobs.meeting import meeting
    from napari_emseg.jobs.remote import Stops

    if isinstance(target, str):
        found = meeting(target)
        where: Any = {"address": found.address, "security": found.security}
    else:
        where = {"address": target}
    client = Client(**where, timeout=timeout_s, set_as_default=False)  # type: ignore[no-untyped-call]
    client.register_plugin(Stops())
    return client
