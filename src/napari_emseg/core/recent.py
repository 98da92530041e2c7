"""Projects that were opened lately, newest first, in a file of the person's own.

The list is a convenience: where it cannot be read or written nothing else fails, and nobody is told.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from napari_emseg.core.atomic import write_atomic

LIMIT = 24
_FILE = "recent.json"
_MOST_BYTES = 1 << 20  # no list of ours is longer


@dataclass(frozen=True)
class Recent:
    """A project that was opened.

    Parameters
    ----------
    folder : str
        ``NAME.emseg``, absolute.
    name : str
        Of its image, for people.
    time : float
        When it was opened last, in seconds since 1970.
    """

    folder: str
    name: str
    time: float


def recent() -> tuple[Recent, ...]:
    """The projects, newest first, at most `LIMIT`; what cannot be understood is left out."""
    try:
        with _file().open("rb") as file:
            content = json.loads(file.read(_MOST_BYTES))
        rows = content["projects"]
    except (OSError, ValueError, TypeError, KeyError, RuntimeError):  # too deep, or nobody knows a home
        return ()
    found: dict[str, Recent] = {}
    for row in rows if isinstance(rows, list) else ():
        if (one := _understood(row)) is not None:
            found.setdefault(one.folder, one)
    return tuple(sorted(found.values(), key=lambda one: -one.time)[:LIMIT])


def remember(folder: Path, name: str) -> None:
    """Put a project first. A disk that refuses is no reason to say anything."""
    now = Recent(str(folder), name, time.time())
    _write([now, *(one for one in recent() if one.folder != now.folder)][:LIMIT])


def forget(folder: str) -> None:
    """Take a project off the list; the project itself stays."""
    _write([one for one in recent() if one.folder != folder])


def _write(rows: list[Recent]) -> None:
    with suppress(OSError, RuntimeError):
        path = _file()
        path.parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"projects": [asdict(one) for one in rows]}, indent=1).encode()
        write_atomic(path, content, after_killed=True)


def _understood(row: object) -> Recent | None:
    if not isinstance(row, dict):
        return None
    folder, name, when = row.get("folder"), row.get("name"), row.get("time")
    if not (isinstance(folder, str) and isinstance(name, str) and isinstance(when, (int, float))):
        return None
    if not os.path.isabs(folder) or "\0" in folder or not 0 <= when < 1e11:  # noqa: PTH117 - any text
        return None
    return Recent(folder, name, float(when))


def _file() -> Path:
    """In the person's folder for settings; ``NAPARI_EMSEG_HOME`` moves it as it moves everything else."""
    if given := os.environ.get("NAPARI_EMSEG_HOME"):
        return Path(given) / _FILE
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "napari-emseg" / _FILE
