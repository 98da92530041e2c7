"""Models on disk: safetensors beside a JSON card. Nothing that is read here can run code."""

from __future__ import annotations

import errno
import io
import os
import shutil
from importlib import import_module
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from napari_emseg.core.atomic import patiently, write_atomic
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.leftovers import beside, clear
from napari_emseg.core.model_card import CARD, WEIGHTS, ModelCard, read_card
from napari_emseg.nn import MODELS
from napari_emseg.nn.device import is_out_of_memory
from napari_emseg.nn.models.heads import exclude_each_other

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import FunctionType

    from torch import Tensor, nn

_COUNTS = frozenset(
    {"sections", "targets", "widths", "width", "depth", "head", "kernel", "features", "length"}
)
"""Arguments of networks that are numbers of something, where they are used."""

WALLS = "walls."
"""Weights of this prefix belong to the judge of walls (`nn.judge`) and not to the network."""
_FORMER = "former"
_LEAST_SHARE = (
    0.02  # of a network; what fits less takes a few offsets of layers over, and nothing that was learned
)


def build(card: ModelCard) -> nn.Module:
    """The network that a card describes, with random weights.

    ``exclusive`` among its arguments are groups of output channels that exclude each other, ``encoder_weights`` is only
    read when a training begins.

    Raises
    ------
    EmsegError
        If this version does not know the network, or the network does not know the arguments.
    """
    arguments = dict(card.arguments)
    if "encoder_weights" in arguments:
        arguments["encoder_weights"] = ""
    network = make_network(card.architecture, arguments)
    network.depth = card.depth  # type: ignore[assignment]  # how many sections it is applied to at once
    return network


def make_network(architecture: str, arguments: Mapping[str, Any]) -> nn.Module:
    """A network by its name in `nn.MODELS`; see `build`."""
    if architecture not in MODELS:
        known = ", ".join(sorted(MODELS))
        raise EmsegError("unknown network", architecture, f"this version knows {known}")
    module, name = MODELS[architecture].split(":")
    own = dict(arguments)
    exclusive = own.pop("exclusive", ())
    made = getattr(import_module(module), name)
    wrong = wrong_choice(made.__init__, own)
    for key, value in own.items():
        extents = value if isinstance(value, list | tuple) else [value]
        if key in _COUNTS and not (extents and all(type(n) is int and n > 0 for n in extents)):
            wrong = f"{key} {value}: give whole numbers above 0"
    try:
        if wrong:
            raise ValueError(wrong)
        network: nn.Module = made(**own)
    except (TypeError, ValueError, IndexError, KeyError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        raise EmsegError("the network does not take these arguments", architecture, str(error)) from error
    if exclusive:
        exclude_each_other(network, exclusive)
    return network


def wrong_choice(function: FunctionType, arguments: Mapping[str, Any]) -> str:
    """What is wrong with an argument: it is unknown, or no word of those that it takes, which nobody checks in a call."""
    own = signature(function).parameters
    if not any(parameter.kind is Parameter.VAR_KEYWORD for parameter in own.values()):
        known = [name for name in own if name not in ("self", "sections", "targets")]
        for key in arguments:
            if key not in own:
                return f"there is no {key}, choose from {', '.join(known)}"
    for key, annotation in function.__annotations__.items():
        kind = function.__globals__.get(annotation)
        if key in arguments and get_origin(kind) is Literal and arguments[key] not in get_args(kind):
            return f"{key} {arguments[key]!r}: choose one of {', '.join(get_args(kind))}"
    return ""


def former_prefix(former: int) -> str:
    """What the names of the weights of a card's `formers` begin with."""
    return f"{_FORMER}.{former}."


def tensors_of(folder: Path, former: int | None = None, part: str = "") -> dict[str, Tensor]:
    """Tensors of a model as it is, or of one of its `formers`, by their names in the network and its judge.

    Parameters
    ----------
    part : str
        Only those that begin with this, by what comes after it.

    Raises
    ------
    OSError, SafetensorError
        If the file cannot be read.
    """
    prefix = ("" if former is None else former_prefix(former)) + part
    with safe_open(folder / WEIGHTS, "pt") as file:
        names = [
            name
            for name in file.keys()  # noqa: SIM118 - no mapping
            if name.startswith(prefix) and (prefix or not name.startswith(f"{_FORMER}."))
        ]
        # copies: while a tensor lies in the mapped file, Windows neither replaces nor removes it
        return {name.removeprefix(prefix): file.get_tensor(name).clone() for name in names}


def of_network(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What of the weights of a model file is its network's: not those of its judge of walls, nor of its `formers`."""
    return {name: value for name, value in weights.items() if not name.startswith((WALLS, f"{_FORMER}."))}


def load_model(folder: Path, former: int | None = None) -> tuple[nn.Module, ModelCard]:
    """Network with its weights, on the CPU and in evaluation mode, and its card.

    Parameters
    ----------
    former : int, optional
        Which of the card's `formers` is wanted; default: the model as it is now.

    Raises
    ------
    EmsegError
        If the folder holds no model or the weights do not fit the card.
    """
    card = read_card(folder).as_it_was(former)
    network = build(card)
    if (outputs := card.arguments.get("targets", len(card.targets))) != len(card.targets):
        raise EmsegError(
            f"the card names {len(card.targets)} targets and its network has {outputs}", str(folder / CARD),
            "get the model again",
        )  # fmt: skip
    try:
        tensors = tensors_of(folder, former)
        if card.walls and f"{WALLS}mean" not in tensors:
            raise RuntimeError("the card tells of a judge of walls, and here is none")
        network.load_state_dict({k: v for k, v in tensors.items() if not k.startswith(WALLS)})
    except (SafetensorError, RuntimeError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise EmsegError(
            f"the weights cannot be read ({reason})", str(folder / WEIGHTS), "get the model again"
        ) from error
    return network.eval(), card


def _numbers(tensors: Mapping[str, Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors.values())


def take_over(network: nn.Module, folder: Path, *, targets: Sequence[str] = ()) -> tuple[str, ...]:
    """Copy the weights of another model where name and shape fit.

    Parameters
    ----------
    network : nn.Module
        Changed in place.
    folder : Path
        Model folder.
    targets : sequence of str
        Output channels of the network. Output weights (named ``out``) of targets that both models have are then
        taken over channel by channel.

    Returns
    -------
    tuple of str
        Names of the weights that did not fit, or fitted only in part.

    Raises
    ------
    EmsegError
        If the folder holds no model, or hardly any of its weights fit.
    """
    other, card = load_model(folder)
    given, own = other.state_dict(), network.state_dict()
    fits = {k: v for k, v in given.items() if k in own and own[k].shape == v.shape}
    part: dict[str, Tensor] = {}
    if targets and tuple(targets) != card.targets:
        both = [(list(targets).index(t), card.targets.index(t)) for t in targets if t in card.targets]
        for name in (k for k in given if k in own and k.startswith("out.")):
            mine, theirs = own[name], given[name]
            if (len(mine), len(theirs)) == (len(targets), len(card.targets)) and mine.shape[
                1:
            ] == theirs.shape[1:]:
                fits.pop(name, None)
                part[name] = mine.clone()
                for new, old in both:
                    part[name][new] = theirs[old].to(mine.device)
    if not fits:
        raise EmsegError(
            "none of its weights fit the network", str(folder), "start from a model of the same kind"
        )
    if _numbers(fits) < _LEAST_SHARE * _numbers(own):
        raise EmsegError(
            "hardly any of its weights fit the network",
            str(folder),
            "leave architecture and arguments out of the recipe, or start from a model of the same kind",
        )
    network.load_state_dict(own | fits | part)
    return tuple(sorted(own.keys() - fits.keys()))


def save_state(state: Any, path: Path, *, spare_bytes: int = 0) -> None:
    """Write the state of a learning as a whole or not at all.

    Parameters
    ----------
    spare_bytes : int
        That are to stay free on the disk: not even a part is written where they would not.

    Raises
    ------
    OSError
        If the disk refuses; torch's own words for it are no such error.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    if spare_bytes and shutil.disk_usage(path.parent).free < buffer.tell() + spare_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    write_atomic(path, buffer.getvalue(), after_killed=True)


def save_model(folder: Path, state: Mapping[str, Tensor], card: ModelCard) -> None:
    """Write a model folder, each file by atomic rename; other files in the folder stay."""
    clear(folder / WEIGHTS)  # what a killed program has left of this
    work = beside(folder / WEIGHTS, "part")
    try:
        work.mkdir(parents=True)
        # not save_file: what it says of a full disk is no OSError
        weights = save({k: v.detach().cpu().contiguous() for k, v in state.items()})
        (work / WEIGHTS).write_bytes(weights)
        (work / CARD).write_text(card.model_dump_json(indent=1) + "\n", "utf-8")
        (work / WEIGHTS).chmod(
            (work / CARD).stat().st_mode
        )  # safetensors makes it readable by its owner only
        for name in (WEIGHTS, CARD):
            patiently((work / name).replace, folder / name)
    finally:
        shutil.rmtree(work, ignore_errors=True)
