"""A private Dask scheduler on this machine, or a client of one elsewhere."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

_QUIET = (
    "distributed",
    "distributed.client",
    "distributed.scheduler",
    "distributed.worker",
    "distributed.core",
)
_TLS_PARTS = ("require_encryption", "tls_ca_file", "tls_worker_key", "tls_worker_cert")


def private_cluster(kept_events: int) -> LocalCluster:
    """Start a scheduler that only this process and its workers can talk to.

    A scheduler runs whatever code reaches it: this one listens on loopback, speaks TLS with credentials
    that exist only in memory, and has no dashboard.

    Parameters
    ----------
    kept_events : int
        Past events that the scheduler remembers.
    """
    import dask
    from distributed import LocalCluster
    from distributed.security import Security

    # A dead worker is reported in words by the engine; the same in Dask's would go to the terminal.
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with dask.config.set(
        {
            "distributed.scheduler.allowed-failures": 0,
            "distributed.admin.low-level-log-length": kept_events,
            "distributed.scheduler.http.routes": [],
            "distributed.admin.large-graph-warning-threshold": "1GB",
        }
    ):
        return LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=0,
            host="127.0.0.1",
            security=Security.temporary(),  # type: ignore[no-untyped-call]
            # The HTTP server cannot be switched off: it gets no pages, and no fixed port to fight over.
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=False,
            worker_dashboard_address=None,
        )


def instructions(cluster: LocalCluster, lane: str, nice: int) -> dict[str, Any]:
    """What a local worker process has to know; it travels through a pipe, the keys with it."""
    security = {part: getattr(cluster.security, part) for part in _TLS_PARTS}
    return {
        "scheduler": cluster.scheduler_address,
        "name": lane,
        "resources": {lane: 1},
        "security": security,
        "nice": nice,
    }


def connect(target: LocalCluster | str, timeout_s: float) -> Client:
    """Connect to a scheduler and make its workers able to stop.

    Parameters
    ----------
    target : LocalCluster or str
        A cluster of `private_cluster`, or an address; then Dask's own configuration gives the credentials.
    timeout_s : float
        How long to wait for the scheduler.
    """
    from distributed import Client

    from napari_emseg.jobs.remote import Stops

    client = Client(target, timeout=timeout_s, set_as_default=False)  # type: ignore[no-untyped-call]
    client.register_plugin(Stops())
    return client
