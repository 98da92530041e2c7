"""The worker's side of a job, without a worker."""

from __future__ import annotations

import pickle
from types import SimpleNamespace

import pytest

from napari_emseg.jobs import remote
from napari_emseg.jobs.remote import STOPS, RemoteProgress, Stops, run_job

Sent = list[tuple[str, tuple[str, str, bytes]]]


@pytest.fixture
def sent() -> Sent:
    return []


@pytest.fixture
def stops(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> Stops:
    made = Stops()
    worker = SimpleNamespace(plugins={STOPS: made}, log_event=lambda *event: sent.append(event))
    monkeypatch.setattr(remote, "get_worker", lambda: worker)
    return made


@pytest.mark.parametrize("name", ["resumable", "tidies_up"])
def test_a_job_that_has_something_to_keep_is_waited_for_until_it_is_over(stops: Stops, name: str) -> None:
    kept: list[str] = []

    class Noted(set[str]):
        def add(self, ticket: str) -> None:
            kept.append(ticket)
            super().add(ticket)

    stops.keeping = Noted()
    packed = pickle.dumps(("operator:is_", SimpleNamespace(**{name: True})))
    assert run_job("7", "topic", packed) is False
    assert kept == ["7"]
    assert not stops.keeping


def test_reports_that_nobody_could_see_are_dropped_and_values_never(
    stops: Stops, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "time", SimpleNamespace(monotonic=lambda: 100.0))
    progress = RemoteProgress("7", "topic")
    for fraction, values in ((0.1, {}), (0.2, {}), (0.3, {"loss": 0.5}), (1.0, {})):
        progress.report(fraction, **values)
    assert [pickle.loads(event[2])[0] for _, event in sent] == [0.1, 0.3, 1.0]
