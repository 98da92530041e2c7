"""What a person paints while membranes are looked for stays, whatever was asked for."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

from napari_emseg.core.edit import Region
from napari_emseg.ui.flows.meanwhile import Meanwhile


def finish(engine: Any) -> None:
    while engine.held:
        engine.release()


@pytest.mark.parametrize(("action", "section"), [("segment", 2), ("propagate", 3)])
def test_strokes_of_the_meantime_stay(
    desk: Any, engine: Any, make_labels: Any, action: str, section: int
) -> None:
    volume = desk.session.volume
    desk.viewer.dims.set_current_step(0, 2)
    desk.session.commit(make_labels(desk.session, (2,)))
    before = int(volume[section, 10, 15])
    engine.hold = True
    desk.do(action)
    assert "predict" in engine.asked[-1][0], "membranes first"
    volume[section, 20, 10:16] = 77
    desk.sweep()
    volume[section, 30, 40:46] = 78  # and a stroke that is no edit yet
    finish(engine)
    assert set(np.unique(volume[section, 20, 10:16])) == {77}
    assert set(np.unique(volume[section, 30, 40:46])) == {78}
    assert volume[section, 10, 15], "around them it is segmented"
    assert desk.session.undo_name.startswith(("segment", "carry"))
    desk.do("undo")
    assert (volume[section, 10, 15], volume[section, 20, 12]) == (before, 77)


@pytest.mark.parametrize(("action", "job"), [("segment", "segment"), ("propagate", "propagate")])
def test_what_was_prepared_is_not_written_into(
    desk: Any, make_labels: Any, monkeypatch: Any, action: str, job: str
) -> None:
    module = importlib.import_module(f"napari_emseg.jobs.{job}")
    prepare = module.prepare

    def for_ever(*args: Any, **more: Any) -> Any:
        request = prepare(*args, **more)
        for array in (value for value in vars(request).values() if isinstance(value, np.ndarray)):
            array.flags.writeable = False
        return request

    monkeypatch.setattr(module, "prepare", for_ever)
    desk.viewer.dims.set_current_step(0, 2)
    desk.session.commit(make_labels(desk.session, (2, 3)))
    desk.do(action)
    assert desk.sayings[action].tone == "done"


def test_what_was_painted_and_taken_back_is_as_it_was(labelled: Any) -> None:
    meanwhile, volume = Meanwhile(labelled), labelled.session.volume
    region = Region((2, 10, 10), (4, 40, 40))
    before = volume.read(region)
    volume[2, 20, 5:20] = 9
    labelled.sweep()
    volume[2, 20, 12:14] = 8
    np.testing.assert_array_equal(meanwhile.as_it_was(region), before)
    assert volume[2, 20, 12] == 8
    labelled.do("undo")
    labelled.do("undo")
    np.testing.assert_array_equal(meanwhile.as_it_was(region), before)
    np.testing.assert_array_equal(volume.read(region), before)
