"""How much of a lesson is over: by its steps, and by the clock where that is ahead."""

from __future__ import annotations

import pytest

from napari_emseg.nn.lesson import Budget


@pytest.mark.parametrize(
    ("seconds", "steps", "spent"),
    [
        (0.0, 0, 0.0),
        (9.0, 0, 0.0),  # a slow first step does not change what is learned
        (15.0, 0, 0.15),
        (59.0, 5, 0.5),
        (61.0, 5, 0.61),
        (100.0, 5, 1.0),
        (101.0, 9, 1.01),
        (1.0, 10, 1.0),
    ],
)
def test_steps_count_and_the_clock_where_it_is_ahead(seconds: float, steps: int, spent: float) -> None:
    assert Budget(100.0, 10).spent(seconds, steps) == pytest.approx(spent)


def test_without_a_count_of_steps_the_clock_decides() -> None:
    assert Budget(100.0).spent(25.0, 7) == pytest.approx(0.25)
