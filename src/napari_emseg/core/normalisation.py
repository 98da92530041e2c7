"""How grey values become a network's input: one rule for training and use, kept with the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from napari_emseg.core.model_card import ModelCard

SECTION_STATISTICS = "section mean and standard deviation"
"""What a model card says when its model normalises every section by itself, as all bundled ones do."""


class Normalisation(BaseModel):
    """Mean and standard deviation that are taken from grey values and divided by.

    "section": every section gets mean 0 and standard deviation 1 (`napari_emseg.core.stack.section_statistics`).
    "fixed": the given mean and standard deviation for all sections. "range": 0 to 1 over the type's range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["section", "fixed", "range"] = "section"
    mean: float = 0.0
    std: float = Field(1.0, gt=0)
    clahe_clip: float = Field(0.0, ge=0, description="equalise first with this clip limit; 0 does not")

    @model_validator(mode="after")
    def _plain(self) -> Self:
        if self.kind != "fixed" and (self.mean, self.std) != (0.0, 1.0):
            raise ValueError("mean and std belong to the fixed kind")
        return self

    def of_section(self, statistics: tuple[float, float], dtype: np.dtype[Any]) -> tuple[float, float]:
        """What is taken from a section's grey values, and what they are divided by.

        Parameters
        ----------
        statistics : tuple of float
            Mean and standard deviation of the whole section; only the kind "section" looks at them.
        dtype : dtype
            Of the grey values.
        """
        if self.kind == "section":
            return statistics
        return (self.mean, self.std) if self.kind == "fixed" else (0.0, white(dtype))

    @property
    def text(self) -> str:
        """What a model card says."""
        plain = self.model_dump() == Normalisation().model_dump()
        return SECTION_STATISTICS if plain else self.model_dump_json(exclude_defaults=True)

    @classmethod
    def of_card(cls, card: ModelCard) -> Self:
        """The normalisation that a model was trained with.

        Raises
        ------
        EmsegError
            If this version does not know it: guessing would spoil every prediction silently.
        """
        if card.normalisation == SECTION_STATISTICS:
            return cls()
        try:
            return cls.model_validate_json(card.normalisation)
        except ValidationError as error:
            raise EmsegError(
                f"the model's normalisation {card.normalisation!r} is not known",
                card.name,
                "update napari-emseg",
            ) from error

    def for_network(self, where: str) -> Self:
        """Itself, if it can be computed tile by tile.

        Raises
        ------
        EmsegError
            If sections have to be equalised as a whole first.
        """
        if self.clahe_clip > 0:
            raise EmsegError(
                "this model wants equalised sections", where,
                f"equalise the stack first: preprocess normalize --kind clahe --clip {self.clahe_clip:g}",
            )  # fmt: skip
        return self


def white(dtype: np.dtype[Any]) -> float:
    """The brightest grey value of a type; 1 of fractions."""
    return float(np.iinfo(dtype).max) if dtype.kind in "ui" else 1.0
