"""What a ticket says, and what it says no more."""

from __future__ import annotations

from typing import Any

import pytest

from napari_emseg.core.errors import Cancelled, EmsegError
from napari_emseg.jobs.ticket import Ticket

Heard = list[tuple[str, Any]]


@pytest.fixture
def heard() -> Heard:
    return []


@pytest.fixture
def ticket(heard: Heard) -> Ticket:
    def note(kind: str) -> Any:
        return lambda *words, **values: heard.append((kind, (*words, *values.values())))

    return Ticket(
        "1", "module:job", "interactive", 1, None,
        note("progress"), note("partial"), note("done"), note("error"), lambda ticket: None,
    )  # fmt: skip


def everything(ticket: Ticket) -> None:
    ticket._progress(0.5, "half", {"loss": 0.1})
    ticket._partial("piece")
    ticket._succeed("result")
    ticket._fail(EmsegError("too late"))
    ticket._progress(1.0, "too late", {})
    ticket._partial("too late")


def test_the_last_word_is_said_once(ticket: Ticket, heard: Heard) -> None:
    everything(ticket)
    assert heard == [("progress", (0.5, "half", 0.1)), ("partial", ("piece",)), ("done", ("result",))]


def test_after_cancelling_nothing_arrives_but_that(ticket: Ticket, heard: Heard) -> None:
    ticket.cancel()
    ticket._progress(0.5, "half", {})  # was on its way
    ticket._partial("piece")
    ticket._succeed("result")
    ticket._cancelled()
    everything(ticket)
    ((kind, (error,)),) = heard
    assert kind == "error"
    assert isinstance(error, Cancelled)
