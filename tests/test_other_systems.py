"""Windows lacks names that Linux has: no module needs one merely to be imported."""

from __future__ import annotations

import subprocess
import sys

IMPORTS = """
import importlib, os, pkgutil, signal, sys
import napari_emseg

def import_all():
    package = importlib.import_module("napari_emseg")
    for module in pkgutil.walk_packages(package.__path__, "napari_emseg."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)

import_all()  # what others import may need those names
for name in [name for name in sys.modules if name.split(".")[0] == "napari_emseg"]:
    del sys.modules[name]
for name in ("SIGHUP", "SIGKILL", "SIGUSR1", "SIGALRM", "SIGCHLD", "SIGTSTP"):
    delattr(signal, name)
for name in ("nice", "fork", "sched_getaffinity", "getuid", "statvfs", "killpg", "mkfifo", "uname"):
    delattr(os, name)
import_all()
"""


def test_every_module_is_imported_where_names_of_posix_are_missing() -> None:
    found = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stderr[-2000:]
