"""Why a worker ended, in words: memory is blamed only where the system says so or says nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from napari_emseg.jobs import death
from napari_emseg.jobs.death import LOST, death_of, killed_for_memory
from napari_emseg.jobs.explained import explained

if TYPE_CHECKING:
    from napari_emseg.jobs.ticket import Ticket

MEMORY = "smaller tile"


@pytest.mark.parametrize(
    ("code", "before", "after", "words", "is_memory"),
    [
        (-9, 3, 4, "the memory ran out", True),
        (-9, None, 4, "most likely because the memory ran out", True),
        (-9, 3, 3, "something outside of the program ended it, and not for memory", False),
        (-15, 3, 3, "something outside of the program ended it", False),
        (-11, 3, 4, "it crashed with signal 11", False),
        (0xC0000005, None, None, "it crashed with code 0xC0000005", False),
        (1, 3, 3, "it ended with code 1: ImportError: no torch", False),
        (0, 3, 3, "it ended with code 0", False),
    ],
)
def test_a_smaller_tile_is_advised_where_memory_ran_out(
    code: int, before: int | None, after: int | None, words: str, is_memory: bool
) -> None:
    found = death_of(code, "ImportError: no torch", before, after)
    assert words in found.words
    assert (MEMORY in found.remedy) == is_memory
    assert "it was started again" in found.remedy


def test_what_is_said_of_a_dead_worker() -> None:
    class KilledWorker(Exception):  # noqa: N818 - Dask's name
        pass

    class Job:
        function = "module:job"

    ticket: Ticket = Job()  # type: ignore[assignment]
    said = str(explained(KilledWorker(), ticket, death_of(-9, "", 2, 2)))
    assert said == (
        "the worker stopped: something outside of the program ended it, and not for memory, module:job, "
        "it was started again; try again"
    )
    assert str(explained(KilledWorker(), ticket)).startswith(f"the worker stopped: {LOST.words}")


def test_the_count_of_the_system_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vmstat").write_text("nr_free_pages 12\noom_kill 7\nswap_ra 0\n")
    (tmp_path / "events").write_text("low 0\noom 3\noom_kill 2\noom_group_kill 0\n")
    monkeypatch.setattr(death, "_COUNTERS", (tmp_path / "vmstat", tmp_path / "events", tmp_path / "none"))
    assert killed_for_memory() == 9
    monkeypatch.setattr(death, "_COUNTERS", (tmp_path / "none",))
    assert killed_for_memory() is None


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not count what they kill")
def test_linux_counts_what_it_kills() -> None:
    assert killed_for_memory() is not None
