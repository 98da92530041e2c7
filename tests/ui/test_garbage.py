"""Python does not look through the whole window for garbage; each in a process of its own, as it is about all of it."""

import subprocess
import sys
import textwrap

import pytest

WINDOW = """
    import gc
    import weakref
    from types import SimpleNamespace
    from psygnal import Signal
    from napari_emseg.ui.garbage import Garbage

    class Layers:
        removing, removed = Signal(object), Signal(object)

    class Desk:
        session_changed = Signal()

    class Stack:
        def __init__(self):
            self.itself = self

    def turn():
        while later:
            later.pop(0)()

    def remove_a_layer():
        layers.removing.emit(0)
        gc.collect()  # as napari does
        layers.removed.emit(0)

    later, ends, layers, desk = [], [], Layers(), Desk()
    desk.post, desk.viewer = later.append, SimpleNamespace(layers=SimpleNamespace(events=layers))
    hear = lambda *pairs: [emitter.connect(callback) for emitter, callback in pairs]
    dock = SimpleNamespace(hear=hear, at_end=ends.append)
"""


def run(*code: str) -> None:
    subprocess.run([sys.executable, "-c", "\n".join(map(textwrap.dedent, code))], check=True)


def test_what_lasts_is_not_looked_through() -> None:
    run(
        WINDOW,
        """
        garbage = Garbage(desk, dock)
        turn()
        assert gc.get_freeze_count() > len(gc.get_objects())
        remove_a_layer()
        turn()
        assert gc.get_freeze_count() > len(gc.get_objects())
        ends[0](True)
        assert not gc.get_freeze_count()
        """,
    )


@pytest.mark.parametrize("goes", ["remove_a_layer()", "desk.session_changed.emit()"])
def test_what_goes_with_a_layer_or_a_stack_frees_its_memory(goes: str) -> None:
    run(
        WINDOW,
        f"""
        garbage = Garbage(desk, dock)
        turn()
        stack = Stack()
        seen = weakref.ref(stack)
        desk.session_changed.emit()
        turn()
        del stack
        gc.collect()
        assert seen() is not None, "it was set aside"
        {goes}
        turn()
        assert seen() is None
        """,
    )


def test_one_stack_that_takes_the_place_of_another_is_one_search() -> None:
    run(
        WINDOW,
        """
        garbage = Garbage(desk, dock)
        turn()
        collect, searched = gc.collect, []
        gc.collect = lambda: searched.append(collect())
        for _ in range(2):
            desk.session_changed.emit()
            desk.session_changed.emit()
            turn()
        assert len(searched) == 2
        """,
    )


def test_what_somebody_else_has_set_aside_stays_so() -> None:
    run(
        WINDOW,
        """
        gc.freeze()
        garbage = Garbage(desk, dock)
        turn()
        desk.session_changed.emit()
        remove_a_layer()
        ends[0](True)
        assert gc.get_freeze_count()
        """,
    )


def test_no_search_is_begun_by_what_is_listed() -> None:
    run("""
        import gc
        from napari_emseg.ui.garbage import no_search_for_garbage
        searched = []
        gc.callbacks.append(lambda phase, info: searched.append(info["generation"]))

        def make():
            with no_search_for_garbage():
                kept = [[k] for k in range(100_000)]
            again = [[k] for k in range(100)]
            assert not searched, searched
            assert gc.isenabled()
            return kept

        kept = make()
        assert not gc.get_freeze_count()
        gc.collect()
        searched.clear()
        gc.freeze()
        also_kept = make()
        assert gc.get_freeze_count(), "somebody else wants that"
        """)
