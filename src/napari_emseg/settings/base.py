"""What every setting says of itself, and the base of all settings."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def field(
    default: Any,
    title: str,
    help_text: str,
    *,
    unit: str = "",
    more: bool = False,
    words: dict[str, str] | None = None,
    zero: str = "",
    percent: bool = False,
    decimals: int | None = None,
    **bounds: float,
) -> Any:
    """Describe one setting.

    In its panel ``more`` puts it under *More*, ``words`` are shown for choices and ``zero`` in place of the number 0;
    ``percent`` shows a share between 0 and 1 in per cent, and ``decimals`` says how many digits stand after the point.
    """
    return Field(  # type: ignore[call-overload]
        default,
        title=title,
        description=help_text,
        json_schema_extra={
            "unit": unit,
            "more": more,
            "words": dict(words or {}),
            "zero": zero,
            "percent": percent,
            "decimals": decimals,
        },
        **bounds,
    )


class Settings(BaseModel):
    """Base of all settings: frozen, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
