"""What a form needs to know of a settings model, without any widget."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from napari_emseg.settings import Settings

Kind = Literal["number", "choice", "switch", "text"]
_SLIDER_SPAN = 1000  # a wider range of values than this cannot be set by hand on a slider of 200 px


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One row of a form."""

    name: str
    title: str
    help: str
    unit: str
    kind: Kind
    more: bool
    default: Any
    choices: tuple[Any, ...] = ()
    words: tuple[str, ...] = ()
    """What is shown for each choice."""
    low: float = 0
    high: float = 0
    step: float = 1
    decimals: int = 0
    slider: bool = False
    zero: str = ""
    """What is shown in place of the number 0."""
    percent: bool = False
    """Whether a share between 0 and 1 is shown in per cent."""


def field_specs(model: type[Settings]) -> tuple[FieldSpec, ...]:
    """Rows of the form for a settings model, in the order of its fields."""
    return tuple(_spec(name, info) for name, info in model.model_fields.items())


def _spec(name: str, info: FieldInfo) -> FieldSpec:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    common: dict[str, Any] = {
        "name": name,
        "title": info.title or name.replace("_", " "),
        "help": info.description or "",
        "unit": str(extra.get("unit", "")),
        "more": bool(extra.get("more", False)),
        "default": info.default,
        "zero": str(extra.get("zero", "")),
        "percent": bool(extra.get("percent", False)),
    }
    kind: Any = info.annotation
    if typing.get_origin(kind) is Literal:
        choices = typing.get_args(kind)
        given = extra.get("words")
        known = given if isinstance(given, dict) else {}
        words = tuple(str(known.get(str(choice), choice)) for choice in choices)
        return FieldSpec(kind="choice", choices=choices, words=words, **common)
    if isinstance(kind, types.UnionType):
        kind = next(part for part in typing.get_args(kind) if part is not type(None))
    if kind is bool:
        return FieldSpec(kind="switch", **common)
    if kind in (int, float):
        return FieldSpec(kind="number", **common, **_numbers(info, whole=kind is int))
    return FieldSpec(kind="text", **common)


def _numbers(info: FieldInfo, *, whole: bool) -> dict[str, Any]:
    bounds: dict[str, float] = {}
    for constraint in info.metadata:
        for key in ("ge", "gt", "le", "lt", "multiple_of"):
            if (value := getattr(constraint, key, None)) is not None:
                bounds[key] = value
    low = bounds.get("ge", bounds.get("gt", 0 if whole else 0.0))
    high = bounds.get("le", bounds.get("lt", 2**31 - 1 if whole else 1e9))
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    given = extra.get("decimals")
    decimals = 0 if whole else int(given) if isinstance(given, int) else _decimals(high)
    step = bounds.get("multiple_of", 1 if whole else 10.0**-decimals)
    span = (high - low) / step
    return {
        "low": low,
        "high": high,
        "decimals": decimals,
        "step": step,
        "slider": span <= _SLIDER_SPAN,
    }


def _decimals(high: float) -> int:
    """Digits after the point that a person can mean for values up to ``high``."""
    if high <= 0.1:
        return 5
    return 2 if high <= 10 else 0
