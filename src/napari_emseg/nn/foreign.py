"""Weights that somebody else made, read so that they cannot run code."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

_WRAPPERS = ("state_dict", "model_state_dict", "model", "network", "net", "weights")
_PREFIXES = ("module.", "model.", "_orig_mod.")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a safetensors file or a torch checkpoint.

    Wrappers ("state_dict") and prefixes of parallel or compiled modules ("module.") are taken off.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to Tensor
        On the CPU.

    Raises
    ------
    EmsegError
        If the file cannot be read, holds anything that would have to be executed, or no tensors.
    """
    if not path.is_file():
        raise EmsegError("there is no such file", str(path), "check the path")
    if path.suffix == ".safetensors":
        try:
            return without_prefix(load_file(path))
        except (SafetensorError, OSError) as error:
            raise EmsegError("the weights cannot be read", str(path), str(error).splitlines()[0]) from error
    if _is_torchscript(path):
        raise EmsegError(
            "this is a TorchScript program and not weights",
            str(path),
            "save its state_dict, as safetensors if possible",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # about old pickles, which are refused below where it matters
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise EmsegError(
            "the file holds more than weights, and reading it could run somebody's code",
            str(path),
            "save the state_dict alone, as safetensors if possible",
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise EmsegError("the weights cannot be read", str(path), str(error).splitlines()[0]) from error
    return without_prefix(_tensors(content, path))


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.split("/")[-1] == "constants.pkl" for name in archive.namelist())


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    while isinstance(content, dict):
        found = {str(k): v for k, v in content.items() if isinstance(v, torch.Tensor)}
        if found:
            return found
        inner = [content[name] for name in _WRAPPERS if isinstance(content.get(name), dict)]
        if not inner:
            break
        content = inner[0]
    raise EmsegError("there are no weights in this file", str(path), "save the state_dict of the network")


def without_prefix(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take off what wrappers put before all names."""
    for prefix in _PREFIXES:
        if weights and all(name.startswith(prefix) for name in weights):
            return without_prefix({name.removeprefix(prefix): value for name, value in weights.items()})
    return weights
