"""Model packages after the BioImage.IO model description 0.5, for other programs and for a model zoo.

A package holds the model as TorchScript (and ONNX where that can be written), an example with its answer, and this
program's own card and weights as attachments, from which it is read back without running anything.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import yaml

from napari_emseg import __version__
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.leftovers import temporary_folder
from napari_emseg.core.model_card import CARD, WEIGHTS, ModelCard, read_card
from napari_emseg.nn.checkpoint import load_model
from napari_emseg.nn.export import OPSET, Probabilities, example, export_onnx, export_torchscript, steps

if TYPE_CHECKING:
    from torch import nn

RDF = "rdf.yaml"
FORMAT = "0.5.4"
_HALO = 16  # pixels at the border of an answer that are less sure; tools that tile throw them away
_UNET = {"text": "Ronneberger, Fischer, Brox 2015, U-Net", "doi": "10.1007/978-3-319-24574-4_28"}
_LICENCES = {
    "CC BY-NC-SA 3.0": "CC-BY-NC-SA-3.0",
    "CC BY 4.0": "CC-BY-4.0",
    "BSD-3-Clause": "BSD-3-Clause",
    "MIT": "MIT",
}
_MAX_BYTES = 4 * 2**30  # of one member of a package


def write_package(model: Path, out: Path) -> tuple[str, ...]:
    """Pack a model.

    Parameters
    ----------
    model : Path
        Model folder.
    out : Path
        The zip file, which is written anew.

    Returns
    -------
    tuple of str
        Formats of the weights in it: "torchscript", and "onnx" where the package ``onnx`` is installed.

    Raises
    ------
    EmsegError
        If the network cannot be exported.
    """
    network, card = load_model(model)
    with temporary_folder("emseg-bioimageio") as work:
        export_torchscript(network, card, work / "weights.pt")
        weights: dict[str, Any] = {
            "torchscript": _file(work / "weights.pt") | {"pytorch_version": torch.__version__.split("+")[0]}
        }
        if find_spec("onnx") is not None:
            export_onnx(network, card, work / "weights.onnx")
            weights["onnx"] = _file(work / "weights.onnx") | {"opset_version": OPSET, "parent": "torchscript"}
        _write_example(network, card, work)
        (work / "README.md").write_text(_readme(card), "utf-8")
        for part in (CARD, WEIGHTS):
            shutil.copyfile(model / part, work / part)
        description = _description(network, card, work) | {"weights": weights}
        (work / RDF).write_text(yaml.safe_dump(description, sort_keys=False, allow_unicode=True), "utf-8")
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(work.iterdir()):
                archive.write(file, file.name)
    return tuple(weights)


def read_package(package: Path, folder: Path) -> ModelCard:
    """Take this program's card and weights out of a package; nothing in it is run.

    Parameters
    ----------
    package : Path
        Zip file, or the folder that it was unpacked into.
    folder : Path
        Where the model folder is made.

    Raises
    ------
    EmsegError
        If it is no package, or was made by another program: what runs such a model would be code.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = (CARD, WEIGHTS)
    if package.is_dir():
        if missing := [n for n in names if not (package / n).is_file()]:
            raise _foreign(package, missing)
        for name in names:
            shutil.copyfile(package / name, folder / name)
    else:
        try:
            with zipfile.ZipFile(package) as archive:
                if missing := [n for n in names if n not in archive.namelist()]:
                    raise _foreign(package, missing)
                for name in names:
                    if archive.getinfo(name).file_size > _MAX_BYTES:
                        raise EmsegError("a file in this package is too large", f"{package}: {name}", "")
                    with archive.open(name) as source, (folder / name).open("wb") as target:
                        shutil.copyfileobj(source, target)
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            raise EmsegError("this package cannot be read", str(package), str(error)) from error
    load_model(folder)  # refuses what does not fit together
    return read_card(folder)


def _foreign(package: Path, missing: list[str]) -> EmsegError:
    return EmsegError(
        "this package was not made by napari-emseg, and running its program would run somebody's code",
        f"{package}: no {missing[0]}",
        "import its state_dict with --like a model of the same network",
    )


def _file(path: Path) -> dict[str, str]:
    return {"source": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _write_example(network: nn.Module, card: ModelCard, work: Path) -> None:
    """An input in grey values, and the answer to it once it is normalised."""
    grey = 128 + 40 * example(network, card, larger=2).numpy()
    over = (2, 3, 4)[: grey.ndim - 2] if card.depth == 0 else (3, 4)
    mean, std = grey.mean(over, keepdims=True), grey.std(over, keepdims=True)
    normalised = torch.from_numpy(((grey - mean) / (std + 1e-6)).astype(np.float32))
    with torch.inference_mode():
        answer = Probabilities(network).eval()(normalised).numpy()
    np.save(work / "test-input.npy", grey.astype(np.float32))
    np.save(work / "test-output.npy", answer)


def _description(network: nn.Module, card: ModelCard, work: Path) -> dict[str, Any]:
    space = ("z", "y", "x")[-getattr(network, "dims", 2) :]
    at = example(network, card).shape[2:]
    sections = 1 if card.depth else int(card.arguments.get("sections", 1))
    middle = sections // 2
    names = [f"section{n - middle:+d}" if n != middle else "section" for n in range(sections)]
    inputs: list[dict[str, Any]] = [{"type": "batch"}, {"type": "channel", "channel_names": names}]
    outputs: list[dict[str, Any]] = [
        {"type": "batch"},
        {"type": "channel", "channel_names": list(card.targets)},
    ]
    for axis, least, step in zip(space, at, steps(network), strict=True):
        scale = {} if axis == "z" else {"scale": card.pixel_size_nm, "unit": "nanometer"}
        inputs.append({"type": "space", "id": axis, "size": {"min": int(least), "step": int(step)}} | scale)
        halo = {} if axis == "z" else {"halo": _HALO}
        size = {"tensor_id": "raw", "axis_id": axis}
        outputs.append({"type": "space", "id": axis, "size": size} | halo | scale)
    return {
        "type": "model",
        "format_version": FORMAT,
        "name": f"napari-emseg {card.name}",
        "version": "1.0.0",
        "description": f"{', '.join(card.targets)} in electron micrographs of {card.pixel_size_nm:g} nm pixels"[
            :1000
        ],
        "authors": [{"name": "napari-emseg developers"}],
        "cite": [_citation(text) for text in card.citation] or [_UNET],
        "documentation": "README.md",
        "tags": [
            "electron-microscopy",
            "semantic-segmentation",
            "2d" if len(space) == 2 else "3d",
            "napari-emseg",
        ],
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "inputs": [
            {
                "id": "raw",
                "axes": inputs,
                "test_tensor": _file(work / "test-input.npy"),
                "preprocessing": [
                    {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}},
                    {"id": "zero_mean_unit_variance", "kwargs": {"axes": ["y", "x"], "eps": 1e-6}},
                ],
            }
        ],
        "outputs": [{"id": "probability", "axes": outputs, "test_tensor": _file(work / "test-output.npy")}],
        "attachments": [_file(work / CARD), _file(work / WEIGHTS)],
        "config": {"napari-emseg": {"program": __version__, "thresholds": card.thresholds}},
    } | _licence(card)


def _licence(card: ModelCard) -> dict[str, str]:
    found = [spdx for text, spdx in _LICENCES.items() if text in card.licence]
    return {"license": found[0]} if found else {}


def _citation(text: str) -> dict[str, str]:
    if match := re.search(r"10\.\d{4,}/\S+", text):
        return {"text": text, "doi": match[0].rstrip(".,;")}
    return _UNET | {"text": text}


_ALONE = (
    "## Mending of membranes\n\nThe weights are the network alone. In napari-emseg a second, small network judges whole "
    "membranes and mends the map; other programs show the map as it is before that, with more gaps.\n\n"
)


def _readme(card: ModelCard) -> str:
    scores = json.dumps(card.scores, indent=1)
    return (
        f"# {card.name}\n\n{card.limits}\n\nTerms: {card.licence or 'not said'}\n\n"
        f"## Input\n\nSections at mean 0 and standard deviation 1, each on its own, {card.pixel_size_nm:g} nm pixels; "
        f"several sections are channels, the middle one is answered.\n\n"
        f"## Validation\n\nScores on sections that it did not learn from:\n\n```json\n{scores}\n```\n\n"
        + _ALONE * bool(card.walls)
        + f"Trained with {card.training.get('program', 'napari-emseg')}.\n"
    )
