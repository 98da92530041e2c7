"""What the scheduler is told of a job, without one."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from napari_emseg.jobs.backend import Backend


@pytest.mark.parametrize("local", [True, False])
def test_clicks_go_before_learning(local: bool) -> None:
    """On workers that serve both, by priority; on this computer every lane has a worker of its own."""
    backend = Backend.__new__(Backend)  # one that has not been started
    backend._topic, backend._client, backend._cluster = "topic", Mock(), Mock() if local else None
    submit, asked = backend._client.submit, {}
    for lane in ("interactive", "background"):
        backend.send("ticket", 2, lane, b"packed", Mock())
        asked[lane] = submit.call_args.kwargs
        assert asked[lane]["key"] == "ticket-2"
        assert asked[lane].get("resources") == ({lane: 1} if local else None)
    assert asked["interactive"]["priority"] > asked["background"]["priority"]
