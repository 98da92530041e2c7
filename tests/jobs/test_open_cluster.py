"""A cluster that is opened for others: its file, its credentials, and workers that die."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dask
import pytest
from distributed.security import Security

from napari_emseg.core.errors import EmsegError
from napari_emseg.jobs.engine import Engine
from napari_emseg.jobs.open_cluster import Workers, open_cluster, wait_for_worker
from napari_emseg.jobs.slurm_workers import in_bytes

HERE = str(Path(__file__).parent)


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", HERE)
    return tmp_path / "cluster.json"


def test_credentials_of_dasks_configuration_are_used_and_not_written(file, tmp_path):
    made = Security.temporary()
    settings = {
        "distributed.comm.tls.ca-file": str(tmp_path / "ca.pem"),
        "distributed.comm.require-encryption": True,
    }
    (tmp_path / "ca.pem").write_text(made.tls_ca_file)
    for role in ("client", "scheduler", "worker"):
        for part in ("key", "cert"):
            path = tmp_path / f"{role}-{part}.pem"
            path.write_text(getattr(made, f"tls_{role}_{part}"))
            settings[f"distributed.comm.tls.{role}.{part}"] = str(path)
    with dask.config.set(settings), open_cluster(file, Workers()) as cluster:
        assert wait_for_worker(cluster, [])
        assert list(json.loads(file.read_text())) == ["address"]
        with Engine(str(file)) as engine:
            assert engine.call("toy_jobs:double", 21) == 42
    assert not file.exists()


def test_a_second_cluster_does_not_take_the_file_of_the_first(file):
    with open_cluster(file, Workers()):
        before = file.read_bytes()
        with (
            pytest.raises(EmsegError, match="a cluster is running with this file"),
            open_cluster(file, Workers()),
        ):
            pass
        assert file.read_bytes() == before
        file.write_text('{"address": "tls://127.0.0.1:1"}')  # somebody has put another one there
    assert file.exists()
    with open_cluster(file, Workers()):  # nobody answers at that address
        assert file.read_bytes() != before


def test_folders_that_are_made_for_the_file_go_with_it(file):
    inner = file.parent / "new" / "inner" / "cluster.json"
    with open_cluster(inner, Workers(count=0)):
        assert inner.is_file()
    assert not (file.parent / "new").exists()
    with open_cluster(inner, Workers(count=0)):
        (inner.parent.parent / "notes.txt").touch()  # somebody else's
    assert sorted(path.name for path in (file.parent / "new").iterdir()) == ["notes.txt"]


@pytest.mark.parametrize("text", ['{"address": 5}', "[]", '{"address": "tls://[::1"}', "\0"])
def test_a_file_with_something_else_in_it_is_no_cluster(tmp_path, text):
    from napari_emseg.jobs.open_cluster import _check_unused

    (tmp_path / "c.json").write_text(text)
    _check_unused(tmp_path / "c.json")


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such signal")
def test_what_a_dead_worker_had_is_computed_by_another(file, tmp_path):
    with open_cluster(file, Workers(2)) as cluster, Engine(str(file)) as engine:
        assert wait_for_worker(cluster, [])
        assert engine.call("toy_jobs:die_once", (tmp_path / "dead", int(signal.SIGKILL))) == "lived"


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such signal")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket")  # of Dask, connecting
def test_a_scheduler_that_is_killed_is_told_and_is_no_wish_to_stop(file, tmp_path):
    command = [
        sys.executable,
        "-m",
        "napari_emseg",
        "cluster",
        "start",
        "--workers",
        "1",
        "--file",
        str(file),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as cluster:
        assert cluster.stdout is not None
        while not cluster.stdout.readline().startswith("ready"):
            assert cluster.poll() is None
        with Engine(str(file)) as engine:
            ticket, wait = engine.promise("toy_jobs:steps", tmp_path / "steps")
            while not (tmp_path / "steps").exists():
                assert not ticket.done
                time.sleep(0.05)
            cluster.kill()
            with pytest.raises(
                EmsegError, match=r"the connection to the scheduler is lost, .*cluster\.json, start it again"
            ):
                wait()
    gc.collect()  # here and not in another test


def test_what_kills_every_worker_is_given_up(file, monkeypatch):
    monkeypatch.setattr("napari_emseg.jobs.open_cluster._RETRIES", 0)
    with open_cluster(file, Workers()), Engine(str(file)) as engine:
        with pytest.raises(EmsegError, match="the worker stopped"):
            engine.call("toy_jobs:vanish", None)
        assert engine.call("toy_jobs:double", 4) == 8


def test_memory_as_slurm_counts_it():
    assert [in_bytes(text) for text in ("1K", "2m", "3G", "1T", "50000")] == [
        1024, 2 * 1024**2, 3 * 1024**3, 1024**4, 50000 * 1024**2,
    ]  # fmt: skip
