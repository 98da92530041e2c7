"""What is wrong with settings, in plain words."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import Field, ValidationError, model_validator

from napari_emseg.settings import Settings
from napari_emseg.settings.faults import first_fault


class Term(Settings):
    loss: str = "dice"
    share: float = Field(1.0, gt=0)


class Toy(Settings):
    steps: int = Field(10, ge=1, multiple_of=2)
    rate: float = Field(0.1, le=1)
    kind: Literal["section", "range"] = "section"
    size: tuple[float, float] = (1.0, 2.0)
    terms: dict[str, tuple[Term, ...]] = Field(default_factory=dict)
    only: Term | None = None
    walls: bool = True

    @model_validator(mode="after")
    def _both(self) -> Toy:
        if self.steps == 6:
            raise ValueError("six is no number of steps")
        return self


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"step": 3}, "step: there is no such setting, perhaps steps is meant"),
        (
            {"colour": 3},
            "colour: there is no such setting, choose from steps, rate, kind, size, terms, only, walls",
        ),
        (
            {"terms": {"a": [{"los": "x"}]}},
            "terms.a.0.los: there is no such setting, perhaps loss is meant",
        ),
        ({"only": {"shar": 1}}, "only.shar: there is no such setting, perhaps share is meant"),
        ({"steps": "1e3"}, "steps: it takes a whole number, not 1e3"),
        ({"steps": 2.5}, "steps: it takes a whole number, not 2.5"),
        ({"steps": None}, "steps: it takes a whole number, not nothing"),
        ({"steps": 0}, "steps: it must be at least 1, not 0"),
        ({"steps": 3}, "steps: it must be a multiple of 2, not 3"),
        ({"steps": 6}, "six is no number of steps"),
        ({"rate": "1,5e-3"}, "rate: it takes a number, not 1,5e-3"),
        ({"rate": 2}, "rate: it must be at most 1, not 2"),
        ({"only": {"share": 0}}, "only.share: it must be more than 0, not 0"),
        ({"kind": "sections"}, "kind: it takes 'section' or 'range', not sections"),
        ({"size": 4.6}, "size: it takes a list in square brackets, not 4.6"),
        ({"size": [4.6]}, "size.1: it is missing"),
        ({"terms": ["mse"]}, "terms: it takes names with a value each, as {name: value}, not a list"),
        ({"only": "mse"}, "only: it takes names with a value each, as {name: value}, not mse"),
        ({"walls": "perhaps"}, "walls: it takes true or false, not perhaps"),
        ({"steps": "x" * 99}, f"steps: it takes a whole number, not {'x' * 40}..."),
    ],
)
def test_a_fault_says_where_what_and_what_instead(wrong: dict[str, Any], says: str):
    with pytest.raises(ValidationError) as caught:
        Toy.model_validate(wrong)
    assert first_fault(caught.value, Toy) == says
