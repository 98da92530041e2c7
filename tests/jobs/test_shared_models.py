"""Models reach workers whose disks hold none."""

from __future__ import annotations

from pathlib import Path

from napari_emseg.core.model_card import CARD, WEIGHTS
from napari_emseg.jobs.engine import Engine
from napari_emseg.jobs.shared_models import here

HERE = str(Path(__file__).parent)


def test_a_path_is_what_it_is(tmp_path):
    assert here(tmp_path) == tmp_path


def test_a_model_travels_to_all_workers_also_to_later_ones(tmp_path, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.syspath_prepend(HERE)
    model = tmp_path / "model"
    model.mkdir()
    files = {CARD: b"{}", WEIGHTS: b"weights"}
    for name, content in files.items():
        (model / name).write_bytes(content)
    (model / "checkpoint.pt").write_bytes(b"of a training, which stays here")
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address="127.0.0.1:0") as cluster,
        Engine(cluster.scheduler_address) as engine,
    ):
        name = engine.share(model)
        assert engine.share(model) == name
        found, folder = engine.call("toy_jobs:model_files", name)
        assert found == files
        assert model not in (folder, *folder.parents)
        (model / WEIGHTS).write_bytes(b"others")
        other = engine.share(model)
        assert other != name
        assert engine.call("toy_jobs:model_files", other)[0][WEIGHTS] == b"others"
        cluster.scale(2)
        cluster.wait_for_workers(2, timeout=20)
        held = cluster.scheduler.worker_plugins
        assert {name.as_posix(), other.as_posix()} <= set(held)  # what later workers get as they come


def test_on_this_machine_nothing_is_copied(tmp_path, monkeypatch):
    with Engine() as engine:
        assert engine.share(tmp_path) == tmp_path
