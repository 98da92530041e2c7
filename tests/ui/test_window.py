"""The window of the command."""

from __future__ import annotations

import os
import signal

import pytest

from napari_emseg.ui.window import _closed_by_ctrl_c


class Window:
    closed = False

    def close(self):
        self.closed = True


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_in_the_terminal_closes_the_window_and_nothing_is_raised(qtbot):
    window, before = Window(), signal.getsignal(signal.SIGINT)
    with _closed_by_ctrl_c(window) as stops:
        assert not stops
        os.kill(os.getpid(), signal.SIGINT)
        qtbot.waitUntil(lambda: window.closed)
    assert stops == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is before
