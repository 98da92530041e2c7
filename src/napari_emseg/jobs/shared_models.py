"""Models travel to the workers of a remote scheduler, whose disks may hold others or none."""

from __future__ import annotations

from pathlib import Path

THREADS = "NAPARI_EMSEG_THREADS"
"""Variable that says how many threads a worker may use."""

MARK = "napari-emseg-model"  # first part of a path that means: what the client has sent


def here(model: Path) -> Path:
    """Folder of a model in this process: the path itself, or where the worker keeps what the client has sent."""
    if model.parts[:1] != (MARK,):
        return model
    from distributed import get_worker

    from napari_emseg.jobs.remote import SentModel

    plugin = get_worker().plugins[model.as_posix()]
    assert isinstance(plugin, SentModel)
    return plugin.folder
