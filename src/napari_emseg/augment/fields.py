"""How settings of augmentations are declared: every field says what it means, and which ones are strengths.

A strength has a neutral value at which the augmentation does nothing; `scaled` moves all of them together, which is
what a single slider "how strong" needs.
"""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import Field

from napari_emseg.settings import Settings

_S = TypeVar("_S", bound=Settings)


def chance(default: float, title: str = "How often", help_text: str = "", *, more: bool = False) -> Any:
    """A probability, per sample unless the title says otherwise."""
    extra: dict[str, Any] = {"unit": "", "more": more}
    return Field(default, title=title, description=help_text, json_schema_extra=extra, ge=0, le=1)


def strength(
    default: float,
    title: str,
    help_text: str = "",
    *,
    unit: str = "",
    neutral: float = 0.0,
    more: bool = False,
    **bounds: float,
) -> Any:
    """A number that makes the augmentation stronger the further it lies from `neutral`."""
    extra: dict[str, Any] = {"unit": unit, "more": more, "neutral": neutral}
    return Field(default, title=title, description=help_text, json_schema_extra=extra, **bounds)  # type: ignore[call-overload]


def option(
    default: Any, title: str, help_text: str = "", *, unit: str = "", more: bool = False, **bounds: float
) -> Any:
    """Anything else: a size that is no strength, a choice, a switch."""
    extra: dict[str, Any] = {"unit": unit, "more": more}
    return Field(default, title=title, description=help_text, json_schema_extra=extra, **bounds)  # type: ignore[call-overload]


def scaled(settings: _S, factor: float) -> _S:
    """The same settings with every strength moved from its neutral value by `factor`, inside its bounds.

    Parameters
    ----------
    settings : Settings
        May hold other settings; those are scaled too.
    factor : float
        0 switches every strength off, 1 changes nothing, 2 doubles them.
    """
    changes: dict[str, Any] = {}
    for name, info in type(settings).model_fields.items():
        value = getattr(settings, name)
        extra = info.json_schema_extra
        if isinstance(value, Settings):
            changes[name] = scaled(value, factor)
        elif isinstance(extra, dict) and "neutral" in extra:
            neutral = float(str(extra["neutral"]))
            wanted = neutral + factor * (value - neutral)
            for bound in info.metadata:
                wanted = max(wanted, getattr(bound, "ge", wanted))
                wanted = min(wanted, getattr(bound, "le", wanted))
            changes[name] = round(wanted) if isinstance(value, int) else wanted
    return settings.model_copy(update=changes)
