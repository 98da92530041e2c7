"""Models that leave this program and come back, and those of others that may not come in."""

from __future__ import annotations

import importlib.util
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from napari_emseg.cli import main
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import CARD, WEIGHTS, ModelCard, find_model, read_card, user_models_dir
from napari_emseg.jobs.models import export_model, import_model, remove_model
from napari_emseg.nn.checkpoint import build, load_model
from napari_emseg.nn.export import example, export_torchscript
from napari_emseg.nn.foreign import read_weights, without_prefix

HAS_ONNX = importlib.util.find_spec("onnx") is not None


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_EMSEG_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def package(taught, tmp_path_factory):
    path = tmp_path_factory.mktemp("package") / "toy.zip"
    export_model(str(taught), path)
    return path


def same_weights(one: Path, other: Path) -> bool:
    a, b = (load_model(f)[0].state_dict() for f in (one, other))
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_a_package_describes_itself_and_carries_its_proof(package, taught):
    with zipfile.ZipFile(package) as archive:
        description = yaml.safe_load(archive.read("rdf.yaml"))
        names = set(archive.namelist())
        files = {"weights.pt", "README.md", "test-input.npy", "test-output.npy", CARD, WEIGHTS, "rdf.yaml"}
        assert files <= names
        with archive.open("test-input.npy") as source:
            grey = np.load(source)
        with archive.open("test-output.npy") as source:
            answer = np.load(source)
        with archive.open("weights.pt") as source, pytest.warns(DeprecationWarning, match="jit.load"):
            program = torch.jit.load(source)
    assert description["type"] == "model"
    assert description["inputs"][0]["axes"][1]["channel_names"] == ["section-1", "section", "section+1"]
    assert [a.get("id") for a in description["outputs"][0]["axes"]][2:] == ["y", "x"]
    normalised = (grey - grey.mean((2, 3), keepdims=True)) / (grey.std((2, 3), keepdims=True) + 1e-6)
    with torch.inference_mode():
        found = program(torch.from_numpy(normalised.astype(np.float32))).numpy()
        own = torch.sigmoid(load_model(taught)[0](torch.from_numpy(normalised.astype(np.float32)))).numpy()
    np.testing.assert_allclose(found, answer, atol=1e-5)
    np.testing.assert_allclose(own, answer, atol=1e-5)


def test_the_validator_of_bioimage_io_accepts_it(package):
    """In an environment of its own, named by BIOIMAGEIO_PYTHON: it does not go with every version of pydantic."""
    python = os.environ.get("BIOIMAGEIO_PYTHON")
    if not python:
        pytest.skip("BIOIMAGEIO_PYTHON names no Python that has bioimageio.core and onnxruntime")
    if not HAS_ONNX:
        pytest.skip("onnx is not installed: the package holds no weights that the validator can run")
    script = (
        "import sys; from bioimageio.core import test_model; from bioimageio.spec import load_description as l;"
        "s = test_model(sys.argv[1], weight_format='onnx'); print(s.status); sys.exit(s.status != 'passed')"
    )
    done = subprocess.run(
        [python, "-c", script, str(package)], capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr


KILLED_WHILE_PACKING = """
import os, signal
from napari_emseg.core.leftovers import temporary_folder
with temporary_folder("emseg-bioimageio"):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_what_a_killed_export_has_left_goes_with_the_next_one(taught, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    subprocess.run([sys.executable, "-c", KILLED_WHILE_PACKING], check=False)
    assert list(tmp_path.glob(".emseg-bioimageio*"))
    export_model(str(taught), tmp_path / "toy.zip")
    assert not list(tmp_path.glob(".emseg-bioimageio*"))


def test_a_package_comes_back_as_it_was(package, taught, home):
    folder = import_model(package, "back")
    assert folder == home / "models" / "back"
    assert find_model("back") == folder
    assert same_weights(folder, taught)
    assert read_card(folder).model_copy(update={"name": "toy"}) == read_card(taught)
    assert [p.name for p in (home / "models").iterdir()] == ["back"]


def test_an_unpacked_package_and_a_model_folder_are_imported_too(package, taught, tmp_path):
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path / "unpacked")
    assert same_weights(import_model(tmp_path / "unpacked", "one"), taught)
    assert same_weights(import_model(taught, "two"), taught)


@pytest.mark.parametrize("name", ["membrane", "mitochondria", "membrane-isbi"])
def test_a_name_of_a_bundled_model_is_refused(name, taught, capsys):
    for more in ([], ["--replace"]):
        assert main(["models", "import", str(taught), "--name", name, *more]) == 1
        assert "a bundled model has this name, and yours would hide it" in capsys.readouterr().err
    assert list(user_models_dir().iterdir()) == []


def test_a_foreign_package_is_refused(tmp_path, package):
    other = tmp_path / "foreign.zip"
    with zipfile.ZipFile(package) as source, zipfile.ZipFile(other, "w") as target:
        for name in ("rdf.yaml", "weights.pt"):
            target.writestr(name, source.read(name))
    with pytest.raises(EmsegError, match="not made by napari-emseg, and running its program would run"):
        import_model(other)
    (tmp_path / "broken.zip").write_bytes(package.read_bytes()[:1000])
    with pytest.raises(EmsegError, match="this package cannot be read"):
        import_model(tmp_path / "broken.zip")
    assert list(user_models_dir().iterdir()) == []


class Trap:
    """What a hostile checkpoint does when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return (Path.touch, (self.file,))


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    sprung = tmp_path / "sprung"
    torch.save({"state_dict": {"a": torch.zeros(1)}, "trap": Trap(sprung)}, tmp_path / "trap.pt")
    with pytest.raises(EmsegError, match="could run somebody's code"):
        read_weights(tmp_path / "trap.pt")
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(EmsegError):
        read_weights(tmp_path / "plain.pkl")
    assert not sprung.exists()


def test_programs_empty_files_and_missing_ones_are_no_weights(tmp_path, taught):
    export_model(str(taught), tmp_path / "program.pt")
    with pytest.raises(EmsegError, match="TorchScript program and not weights"):
        read_weights(tmp_path / "program.pt")
    torch.save({"epoch": 3}, tmp_path / "nothing.pt")
    with pytest.raises(EmsegError, match="no weights in this file"):
        read_weights(tmp_path / "nothing.pt")
    (tmp_path / "empty.safetensors").write_bytes(b"")
    with pytest.raises(EmsegError, match="cannot be read"):
        read_weights(tmp_path / "empty.safetensors")
    with pytest.raises(EmsegError, match="no such file"):
        read_weights(tmp_path / "absent.pt")


def test_prefixes_of_wrappers_come_off():
    given = {"module._orig_mod.out.weight": torch.zeros(1), "module._orig_mod.out.bias": torch.zeros(1)}
    assert set(without_prefix(given)) == {"out.weight", "out.bias"}


def test_weights_of_somebody_else_are_taken_with_the_network_of_a_model(taught, tmp_path):
    state = {f"module.{k}": v + 1 for k, v in load_model(taught)[0].state_dict().items()}
    save_file(state, tmp_path / "theirs.safetensors")
    with pytest.raises(EmsegError, match="do not say what network they are for"):
        import_model(tmp_path / "theirs.safetensors")
    folder = import_model(tmp_path / "theirs.safetensors", like=str(taught))
    card = read_card(folder)
    assert (card.name, card.parent) == ("theirs", "toy")
    assert torch.equal(load_model(folder)[0].state_dict()["out.bias"], state["module.out.bias"])
    save_file({"out.bias": torch.zeros(3)}, tmp_path / "few.safetensors")
    with pytest.raises(EmsegError, match="do not fit the network"):
        import_model(tmp_path / "few.safetensors", like=str(taught))


def test_a_name_that_is_taken_needs_a_word(taught):
    import_model(taught, "mine")
    with pytest.raises(EmsegError, match="there is a model of this name, mine"):
        import_model(taught, "mine")
    import_model(taught, "mine", replace=True)
    with pytest.raises(EmsegError, match="not a name for a model"):
        import_model(taught, "../mine")


def test_own_models_can_be_removed_and_others_cannot(taught):
    folder = import_model(taught, "mine")
    assert remove_model("mine") == folder
    assert not folder.exists()
    for name in ("mine", "membrane", "..", ""):
        with pytest.raises(EmsegError, match="none of your own models"):
            remove_model(name)


ODD = [(64, 64), (65, 77), (17, 100), (9, 33), (3, 5), (1, 40)]


def test_programs_take_any_extent(taught, tmp_path):
    export_model(str(taught), tmp_path / "program.pt")
    network, card = load_model(taught)
    with pytest.warns(DeprecationWarning, match="jit.load"):
        program = torch.jit.load(tmp_path / "program.pt")
    for k, extent in enumerate(ODD):
        image = torch.randn(1 + k % 2, card.arguments["sections"], *extent)
        with torch.inference_mode():
            torch.testing.assert_close(program(image), torch.sigmoid(network(image)), atol=1e-5, rtol=0)


def test_programs_of_3d_networks_take_any_extent(tmp_path):
    card = ModelCard(
        name="space", architecture="unet_25d", targets=("membrane",), depth=4, pixel_size_nm=5,
        pixel_size_range_nm=(4, 6), arguments={"sections": 1, "targets": 1, "widths": [4, 4, 4]},
    )  # fmt: skip
    network = build(card).eval()
    export_torchscript(network, card, tmp_path / "program.pt")
    with pytest.warns(DeprecationWarning, match="jit.load"):
        program = torch.jit.load(tmp_path / "program.pt")
    for extent in ((4, 16, 16), (3, 17, 21), (5, 16, 9)):
        image = torch.randn(1, 1, *extent)
        with torch.inference_mode():
            torch.testing.assert_close(program(image), torch.sigmoid(network(image)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("architecture", ["residual_se_unet_3d", "feature_pyramid_3d"])
def test_programs_with_local_squeezes_take_extents_smaller_than_their_patches(architecture, tmp_path):
    card = ModelCard(
        name="squeezed", architecture=architecture, targets=("membrane",), depth=4, pixel_size_nm=5,
        pixel_size_range_nm=(4, 6), arguments={"sections": 1, "targets": 1, "widths": [4] * 5},
    )  # fmt: skip
    network = build(card).eval()
    export_torchscript(network, card, tmp_path / "program.pt")
    with pytest.warns(DeprecationWarning, match="jit.load"):
        program = torch.jit.load(tmp_path / "program.pt")
    for extent in ((4, 9, 40), (1, 40, 9), (2, 3, 5), (5, 100, 33)):
        image = torch.randn(1, 1, *extent)
        with torch.inference_mode():
            torch.testing.assert_close(program(image), torch.sigmoid(network(image)), atol=1e-5, rtol=0)


@pytest.mark.skipif(not HAS_ONNX, reason="onnx is not installed: an optional extra")
def test_onnx_answers_as_the_network_does(taught, tmp_path):
    onnx = pytest.importorskip("onnx")
    reference = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: it only checks us")
    export_model(str(taught), tmp_path / "toy.onnx")
    onnx.checker.check_model(str(tmp_path / "toy.onnx"))
    network, card = load_model(taught)
    images = [
        example(network, card, larger=5, seed=3),
        *(torch.randn(2, card.arguments["sections"], *n) for n in ODD),
    ]
    session = reference.InferenceSession(str(tmp_path / "toy.onnx"), providers=["CPUExecutionProvider"])
    for image in images:
        (found,) = session.run(None, {"raw": image.numpy()})
        with torch.inference_mode():
            np.testing.assert_allclose(found, torch.sigmoid(network(image)).numpy(), atol=1e-4)


def test_other_formats_are_refused(taught, tmp_path):
    with pytest.raises(EmsegError, match=r"not written in this format, model.h5"):
        export_model(str(taught), tmp_path / "model.h5")


def test_the_command_moves_models(taught, tmp_path, capsys):
    assert main(["models", "import", str(taught), "--name", "mine"]) == 0
    assert main(["models", "export", "mine", str(tmp_path / "copy")]) == 0
    assert same_weights(tmp_path / "copy", taught)
    assert main(["models", "remove", "mine"]) == 0
    capsys.readouterr()
    assert main(["models", "export", "mine"]) == 2
    assert "models export takes NAME OUT" in capsys.readouterr().err


def test_other_programs_get_no_judge_of_walls_and_that_is_said(tmp_path, taught):
    assert read_card(find_model("membrane")).walls
    said = export_model("membrane", tmp_path / "program.pt")
    assert (
        said == "TorchScript; other programs get the network alone: membranes are mended by this program only"
    )
    assert export_model("membrane", tmp_path / "folder") == "model folder"
    assert export_model(str(taught), tmp_path / "toy.pt") == "TorchScript"


def test_weights_do_not_bring_the_judge_of_the_model_that_they_are_like(tmp_path):
    weights = tmp_path / "mine.safetensors"
    save_file(load_model(find_model("membrane"))[0].state_dict(), weights)
    folder = import_model(weights, like="membrane")
    assert read_card(folder).walls == {}


def test_the_weights_of_a_model_folder_are_taken_as_they_lie_there(tmp_path):
    """They hold those of its judge as well, which is left behind."""
    model = find_model("membrane")
    folder = import_model(model / WEIGHTS, "mine", like="membrane")
    network, card = load_model(folder)
    assert (card.walls, card.formers) == ({}, ())
    theirs = load_model(model)[0].state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in network.state_dict().items())
