"""Seeds that a person placed are there again on another day."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from napari_emseg.algorithms.placed_seeds import NOTHING_PLACED, PlacedSeeds
from napari_emseg.jobs.kept_seeds import FILE, keep_seeds, kept_seeds

if TYPE_CHECKING:
    from napari_emseg.session import Session

PLACED = PlacedSeeds(((0, 1, 2), (3, 95, 159)), ((1, 5, 7),), alone=True)


def test_what_was_placed_comes_back_and_nothing_makes_no_file(session: Session) -> None:
    keep_seeds(session, NOTHING_PLACED)
    assert not (session.project.folder / FILE).exists()
    for placed in (PLACED, PlacedSeeds((), (), alone=True), NOTHING_PLACED):
        keep_seeds(session, placed)
        assert kept_seeds(session) == placed


def test_what_lies_outside_of_the_stack_is_left_out(session: Session) -> None:
    keep_seeds(session, PlacedSeeds(((4, 1, 2), (0, 96, 2), (0, 1, -1), (0, 1, 2))))
    assert kept_seeds(session).points == ((0, 1, 2),)


@pytest.mark.parametrize(
    "change", [{"version": 2}, {"placed": 3}, {"struck": [[1, 2]]}, {"placed": {"a": 1}}]
)
def test_a_file_that_is_not_understood_is_no_reason_not_to_open(session: Session, change: object) -> None:
    keep_seeds(session, PLACED)
    path = session.project.folder / FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | change), "utf-8")  # type: ignore[operator]
    assert kept_seeds(session) == NOTHING_PLACED
