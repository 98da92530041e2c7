"""The person's own models: put into the registry, given away, taken out."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.core.atomic import patiently
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.leftovers import beside, clear
from napari_emseg.core.model_card import CARD, WEIGHTS, bundled_name, find_model, read_card, user_models_dir
from napari_emseg.io.atomic import atomic_output

if TYPE_CHECKING:
    from napari_emseg.core.model_card import ModelCard

FORMATS = {".zip": "BioImage.IO package", ".onnx": "ONNX", ".pt": "TorchScript"}
"""Suffix of an export to what it is; without one of these it is a model folder."""

WITHOUT_JUDGE = "other programs get the network alone: membranes are mended by this program only"


def export_model(name_or_path: str, out: Path) -> str:
    """Write a model for other programs, or for another computer; what was written, in words.

    Parameters
    ----------
    name_or_path : str
    out : Path
        ``.zip`` gives a BioImage.IO package, ``.onnx`` and ``.pt`` (TorchScript) programs, anything else a model folder.

    Raises
    ------
    EmsegError
        If there is no such model, or it cannot be written so.
    """
    model = find_model(name_or_path)
    kind = FORMATS.get(out.suffix.lower(), "")
    if not kind and out.suffix:
        raise EmsegError(
            "a model is not written in this format", out.name, f"choose {', '.join(FORMATS)} or a folder"
        )
    lacks = f"; {WITHOUT_JUDGE}" if read_card(model).walls else ""
    with atomic_output(out) as partial:
        if not kind:
            partial.mkdir()
            for file in (CARD, WEIGHTS):
                shutil.copyfile(model / file, partial / file)
            return "model folder"
        if kind == FORMATS[".zip"]:
            from napari_emseg.nn.bioimageio import write_package

            return f"{kind} ({', '.join(write_package(model, partial))}){lacks}"
        from napari_emseg.nn.checkpoint import load_model
        from napari_emseg.nn.export import export_onnx, export_torchscript

        network, card = load_model(model)
        (export_onnx if kind == FORMATS[".onnx"] else export_torchscript)(network, card, partial)
    return kind + lacks


def import_model(source: Path, name: str = "", *, like: str = "", replace: bool = False) -> Path:
    """Put a model into the person's registry, so that it can be called by its name.

    Parameters
    ----------
    source : Path
        Model folder (also that of a training), BioImage.IO package of this program, or, with `like`, a file of weights.
    name : str
        Default: that of its card.
    like : str
        A model whose network and card the weights are for.
    replace : bool
        Overwrite one's own model of this name.

    Returns
    -------
    Path
        Its folder.

    Raises
    ------
    EmsegError
        If it cannot be read safely, its weights do not fit, or the name is taken, also by a bundled model.
    """
    home = user_models_dir()
    home.mkdir(parents=True, exist_ok=True)
    clear(home / "importing")
    folder = beside(home / "importing", "part")
    try:
        folder.mkdir()
        work = folder / "model"
        card = _read(source, work, like)
        name = name or card.name
        if not re.fullmatch(r"[\w][\w .+-]*", name):
            raise EmsegError("not a name for a model", repr(name), "use letters, digits, spaces and .+-")
        if bundled_name(name) is not None:
            raise EmsegError(
                "a bundled model has this name, and yours would hide it", name, "give another with --name"
            )
        target = home / name
        if target.exists() and not replace:
            raise EmsegError("there is a model of this name", name, "give another --name, or --replace it")
        made = card.model_copy(update={"name": name})
        (work / CARD).write_text(made.model_dump_json(indent=1) + "\n", "utf-8")
        if target.exists():
            patiently(target.replace, folder / "old")
        patiently(work.replace, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return target


def _read(source: Path, work: Path, like: str) -> ModelCard:
    from napari_emseg.nn.bioimageio import RDF, read_package
    from napari_emseg.nn.checkpoint import load_model, of_network, save_model

    if like:
        from napari_emseg.nn.foreign import read_weights

        network, card = load_model(find_model(like))
        try:
            network.load_state_dict(of_network(read_weights(source)))
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            raise EmsegError(
                f"the weights do not fit the network of {like} ({reason})", str(source)
            ) from error
        own = {"weights": source.name, "like": card.name}
        # The judge of walls knew another network, and without the card of the weights nobody knows what theirs looks at.
        whose = {"name": source.stem, "parent": card.name, "training": own}
        card = card.model_copy(update={**whose, "scores": {}, "walls": {}, "formers": ()})
        save_model(work, network.state_dict(), card)
        return card
    if source.is_dir() and (source / CARD).is_file() and not (source / RDF).is_file():
        load_model(source)
        work.mkdir()
        for file in (CARD, WEIGHTS):
            shutil.copyfile(source / file, work / file)
        return read_card(work)
    if not source.exists():
        raise EmsegError("there is no such file", str(source), "check the path")
    if source.is_file() and source.suffix != ".zip":
        raise EmsegError(
            "weights alone do not say what network they are for",
            str(source),
            "add --like with a model of that network",
        )
    return read_package(source, work)


def remove_model(name: str) -> Path:
    """Take a model of one's own out of the registry; the folder that is gone.

    Raises
    ------
    EmsegError
        If there is none of this name among one's own.
    """
    home = user_models_dir()
    folder = home / name
    if not name or folder.parent != home or not (folder / CARD).is_file():
        own = ", ".join(sorted(p.parent.name for p in home.glob(f"*/{CARD}"))) or "none"
        raise EmsegError("this is none of your own models", repr(name), f"yours are: {own}")
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder)
    return folder
