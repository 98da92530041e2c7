"""Table entries, ``"module:function"``, turned into functions when they are used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def load_function(entry: str) -> Callable[..., Any]:
    """Import the function that a table names; its module is loaded only now."""
    module, _, name = entry.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function
