"""Where a Dask scheduler is met, and with which credentials.

A scheduler runs whatever code reaches it, and a client unpickles whatever a scheduler says. So both show
credentials: those of Dask's own configuration, or those in the file that ``napari-emseg cluster start`` writes.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from napari_emseg.core.errors import EmsegError
from napari_emseg.io.atomic import atomic_output

if TYPE_CHECKING:
    from distributed.security import Security

_PEM = {"ca": "tls_ca_file", "certificate": "tls_client_cert", "key": "tls_client_key"}
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Meeting:
    """How to reach a scheduler.

    Parameters
    ----------
    address : str
        As Dask writes it, ``tls://host:port``.
    security : Security or None
        Credentials; None takes those of Dask's configuration.
    """

    address: str
    security: Security | None = None


def meeting(scheduler: str) -> Meeting:
    """How to reach what a person has named.

    Parameters
    ----------
    scheduler : str
        An address, or a file: one of `write_meeting`, or a scheduler file of Dask.

    Raises
    ------
    EmsegError
        If the file is none, or the scheduler would be reached without credentials over a network.
    """
    found = _from_file(Path(scheduler)) if _is_file(scheduler) else Meeting(scheduler)
    _check(found, scheduler)
    return found


def write_meeting(path: Path, address: str, security: Security | None) -> None:
    """Write the file that clients are given; whoever can read it can run code on the workers.

    Parameters
    ----------
    path : Path
        Replaced if it is there; only its owner may read it.
    address : str
    security : Security or None
        Credentials in memory, PEM; None where clients have those of Dask's configuration.

    Raises
    ------
    EmsegError
        If it cannot be written.
    """
    about: dict[str, Any] = {"address": address}
    if security is not None:
        about["tls"] = {name: getattr(security, part) for name, part in _PEM.items()}
    with atomic_output(path) as beside:
        beside.touch(_PRIVATE, exist_ok=False)
        beside.write_text(json.dumps(about, indent=1), "utf-8")


def own_credentials() -> Security | None:
    """Credentials of Dask's own configuration, if it names any."""
    from distributed.security import Security

    found: Any = Security()  # type: ignore[no-untyped-call]
    return found if found.tls_ca_file else None


def _is_file(scheduler: str) -> bool:
    return scheduler.endswith(".json") or ("://" not in scheduler and Path(scheduler).exists())


def _from_file(path: Path) -> Meeting:
    from distributed.security import Security

    try:
        about = json.loads(path.read_text("utf-8"))
        address, tls = str(about["address"]), about.get("tls")
        parts = {part: str(tls[name]) for name, part in _PEM.items()} if tls else {}
    except OSError as error:
        what = f"it cannot be read ({(error.strerror or str(error)).lower()})"
        raise EmsegError(what, str(path), "give the file that cluster start has written") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EmsegError(
            "this is no file of a scheduler", str(path), "give the one that cluster start has written"
        ) from error
    if not parts:
        return Meeting(address)
    return Meeting(address, Security(require_encryption=True, **parts))  # type: ignore[no-untyped-call]


def _check(found: Meeting, scheduler: str) -> None:
    import dask

    try:
        address = urlsplit(found.address if "://" in found.address else f"tcp://{found.address}")
        is_one = bool(address.hostname) and address.port != 0
    except ValueError:  # brackets that do not close, a port beyond 65535
        is_one = False
    if not is_one:
        raise EmsegError("this is no address of a scheduler", scheduler, "give tls://HOST:PORT or a file")
    if address.scheme == "inproc":
        return
    if address.scheme in ("tls", "wss"):
        if found.security is None and own_credentials() is None:
            raise EmsegError(
                "there are no credentials for this scheduler",
                scheduler,
                "give the file that cluster start has written, or name them in Dask's configuration",
            )
        return
    agreed = dask.config.get("distributed.comm.require-encryption", None) is False
    if not (agreed or _is_here(str(address.hostname))):
        raise EmsegError(
            "whoever listens could change what this scheduler says",
            scheduler,
            "use one that speaks tls, or set distributed.comm.require-encryption to false in Dask's configuration",
        )


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, which could mean anything
        return False
