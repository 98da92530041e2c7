"""Walk through pairs of cells at synapses, least sure first, and say of each whether it is right."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.garbage import no_search_for_garbage
from napari_emseg.ui.synapses.held import HeldSynapses
from napari_emseg.ui.synapses.index import Listed, listed
from napari_emseg.ui.view import go_to, zoom_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_emseg.core.answers import Sites, Verdict
    from napari_emseg.core.edit import Edit
    from napari_emseg.jobs.kept_synapses import Row
    from napari_emseg.ui.desk import Desk

STAGE = "synapses"
_LIST, _LAYERS = "list of synapses", "layers of synapses"
_ALL_AT_ONCE = 1000  # pairs: more take napari longer to take over than a window may stand still
_SEEN_NM = 1200.0
"""Height of what is shown around a pair, where more was on the screen: a cleft is 20 nm wide."""
_MOST_NM = 2500.0


def take_up(desk: Desk) -> None:
    """Show again what was found when the project was open before; a long list comes when it has been read, in a thread."""
    from napari_emseg.jobs.kept_synapses import is_long, read_synapses

    session, _ = desk.need_session()
    if is_long(session.project.folder):
        desk.synapses = HeldSynapses()
        _read_long(desk)
        return
    desk.synapses = HeldSynapses(read_synapses(session))
    draw(desk)


def _read_long(desk: Desk) -> None:
    from napari_emseg.jobs.kept_synapses import read_synapses

    session, _ = desk.need_session()
    held, begun = desk.synapses, desk.synapses.version
    answers, volume = dict(session.answers), session.volume

    def look() -> Listed:
        with no_search_for_garbage():
            return listed(read_synapses(session), answers, volume.read)

    def done(found: Listed) -> None:
        if held.version != begun:  # cells or answers have changed meanwhile
            _read_long(desk)
            return
        held.take(found)
        draw(desk)
        desk.say(STAGE, f"{held.n_pairs} pairs of cells were found before.", tone="done")

    desk.start(STAGE, "reading the list of synapses")
    desk.runner.thread(_LIST, look, desk.handlers(STAGE, done))


def rows_soon(desk: Desk) -> tuple[Row, ...] | None:
    """All pairs as they stand; None where so many cells are looked up that a thread does it: then the state changes."""
    held = desk.synapses
    if not held.takes_long:
        return rows(desk)
    if not desk.runner.is_running(_LIST):
        _look_up(desk)
    return None


def _look_up(desk: Desk) -> None:
    session, _ = desk.need_session()
    held, begun = desk.synapses, desk.synapses.version
    found, index = held.found, held.index
    answers, volume = dict(session.answers), session.volume

    def done(fresh: Listed) -> None:
        if held.version == begun:
            held.take(fresh)
        desk.state_changed.emit()

    handlers = desk.handlers(STAGE, done)
    desk.runner.thread(
        _LIST, lambda: listed(found, answers, volume.read, index), replace(handlers, done=done, stage="")
    )


def follow(desk: Desk, edit: Edit) -> None:
    """Pairs are of the cells that are at their sites now; an answer that is undone or done again is looked at."""
    held = desk.synapses
    held.follow(edit)
    if not held.found:
        return
    about = [answer.sites for answer in edit.answers if answer.sites in held]
    if len(about) == 1:
        held.chosen = about[0]
    if edit.answers or any(0 in patch.region.shape for patch in edit.patches):
        draw(desk)


def rows(desk: Desk) -> tuple[Row, ...]:
    """All pairs as they stand, the least sure first."""
    session, _ = desk.need_session()
    volume = session.volume
    return desk.synapses.rows(session.answers, lambda at: int(volume[at]))


def draw(desk: Desk) -> None:
    """Draw the pairs in the stack, unless they are drawn as they are."""
    _, layers = desk.need_session()
    held = desk.synapses
    if held.is_held or not (held.found or layers.synapses):
        return
    from napari_emseg.ui.synapses.marks import are_there, show_pairs, turn_on

    if held.n_pairs > _ALL_AT_ONCE and not are_there(desk.viewer, layers):
        _add_layers(desk)
        return
    scale = tuple(layers.labels.scale), tuple(str(unit) for unit in layers.labels.units)
    seen = _seen(desk)
    wanted = (held.version, held.chosen, seen, scale)
    if held.are_shown and not (are_there(desk.viewer, layers) and held.drawn == wanted):
        show_pairs(desk.viewer, layers, _drawn(desk, *seen), held.chosen)
        held.drawn = wanted
    turn_on(layers, held.are_shown)


def _add_layers(desk: Desk) -> None:
    """Add the layers one by one, and let the window do something else between them."""
    if desk.runner.is_running(_LAYERS):
        return

    def next_one(_: object = None) -> None:
        from napari_emseg.ui.synapses.marks import add_next

        _, layers = desk.need_session()
        if add_next(desk.viewer, layers):
            wait()
        else:
            draw(desk)

    def wait() -> None:
        handlers = desk.handlers(STAGE, next_one)
        desk.runner.thread(_LAYERS, lambda: None, replace(handlers, done=next_one, stage=""))

    wait()


@contextmanager
def _drawn_once(desk: Desk) -> Iterator[None]:
    """Draw when all is done that belongs together: going to a pair changes the section and the pair that is marked."""
    held, before = desk.synapses, desk.synapses.is_held
    held.is_held = True
    try:
        yield
    finally:
        held.is_held = before
        if desk.session is not None:
            draw(desk)


def follow_section(desk: Desk) -> None:
    """Of a long list, the pairs of the section on screen are drawn, or those near it."""
    if desk.layers is not None and desk.synapses.n_pairs > _ALL_AT_ONCE:
        draw(desk)


def _seen(desk: Desk) -> tuple[str, int]:
    """Which pairs are drawn: "all", or of many those "in" the section on screen, in 3D those "near" it or the chosen pair."""
    held, dims = desk.synapses, desk.viewer.dims
    if held.n_pairs <= _ALL_AT_ONCE:
        return "all", 0
    if dims.ndisplay == 3:
        return "near", desk.section if held.chosen is None else held.chosen[0]
    return ("in", desk.section) if dims.ndim - 3 not in dims.displayed else ("all", 0)


def _drawn(desk: Desk, which: str, section: int) -> tuple[Row, ...]:
    session, _ = desk.need_session()
    held = desk.synapses
    if which == "in":
        return held.places_in(session.answers, section)
    if which == "near":
        return held.places_near(session.answers, section, _ALL_AT_ONCE)
    return held.places(session.answers)


def turn_on(desk: Desk, is_on: bool) -> None:
    """Show or hide the pairs in the stack."""
    desk.synapses.are_shown = is_on
    draw(desk)


def next_pair(desk: Desk) -> None:
    """Go to the next pair of which nobody has said anything."""
    _step(desk, 1)


def previous_pair(desk: Desk) -> None:
    """Go to the one before."""
    _step(desk, -1)


def right(desk: Desk) -> None:
    """The pair is there, and its direction is as it is shown."""
    _answer(desk, "right")


def wrong(desk: Desk) -> None:
    """There is no synapse, or not between these two."""
    _answer(desk, "wrong")


def turn_round(desk: Desk) -> None:
    """The pair is there, and the other cell is presynaptic."""
    _answer(desk, "right" if _chosen(desk).verdict == "turned" else "turned")


def zoom_in(desk: Desk) -> None:
    """Zoom so that a cleft is seen, where more was on the screen."""
    session, layers = desk.need_session()
    spacing = session.image.spacing_nm
    if spacing is not None and _height(desk) > _MOST_NM:
        zoom_to(desk.viewer, layers.image, (_SEEN_NM / spacing[1], _SEEN_NM / spacing[2]))


def look_at(desk: Desk, sites: Sites) -> None:
    """Show one pair in the middle of the canvas, and ask about it."""
    _, layers = desk.need_session()
    found = rows(desk)
    place = desk.synapses.place_of(sites)
    if place is None:
        raise EmsegError("this pair is gone", "", "synapses were found anew meanwhile: choose another one")
    row = found[place]
    desk.synapses.chosen = sites
    desk.open_stage(STAGE)
    zoom_in(desk)
    (z0, y0, x0), (z1, y1, x1) = row.pre_at, row.post_at
    z = desk.section if desk.section in (z0, z1) else z0
    with _drawn_once(desk):
        go_to(desk.viewer, layers.image, (z, (y0 + y1) // 2, (x0 + x1) // 2), fill=True)
    desk.say(STAGE, question(row, place + 1, len(found)))
    desk.state_changed.emit()


def question(row: Row, place: int, n: int) -> str:
    """What is to be decided about a pair, or was."""
    begin = f"Pair {place} of {n}, synapse {row.number}, {100 * row.pair.confidence:.0f} % sure"
    if not (row.pre_id and row.post_id):
        return f"{begin}: no cell is at one of its sites any more."
    if row.pre_id == row.post_id:
        who = f"cell {row.pre_id} with itself"
    else:
        who = f"{row.pre_id} (orange) to {row.post_id} (blue)"
    said = {"right": "You said: right.", "wrong": "You said: no pair.", "turned": "You turned it round."}
    if not row.is_open:
        return f"{begin}: {who}. {said[row.verdict]}"
    if not row.is_directed:
        return (
            f"{begin}, direction unknown: is it {row.pre_id} to {row.post_id}? Or turn it round, or no pair."
        )
    return f"{begin}: {who}. Is that right?"


def _answer(desk: Desk, verdict: Verdict) -> None:
    session, _ = desk.need_session()
    row = _chosen(desk)
    words = {"right": "is right", "wrong": "is no pair", "turned": "is turned round"}[verdict]
    a, b = row.pair.pre_at, row.pair.post_at
    cells = (int(session.volume[a]), int(session.volume[b]))
    here = desk.synapses.place_of(row.sites)
    assert here is not None
    with _drawn_once(desk):
        session.answer(row.sites, verdict, f"answer: synapse of {cells[0]} and {cells[1]} {words}")
        _go_on(desk, here, 1)


def _chosen(desk: Desk) -> Row:
    found = rows(desk)
    place = desk.synapses.place_of(desk.synapses.chosen)
    if place is None:
        raise EmsegError("no pair is chosen", "", "go to one first (Q)", action="next_synapse")
    return found[place]


def _step(desk: Desk, way: int) -> None:
    found = rows(desk)
    if not found:
        raise EmsegError("there are no pairs yet", "", "find synapses first", action="find_synapses")
    here = desk.synapses.place_of(desk.synapses.chosen)
    _go_on(desk, (-1 if way > 0 else 0) if here is None else here, way)


def _go_on(desk: Desk, here: int, way: int) -> None:
    """To the nearest pair of the list, from a place on, of which nobody has said anything; round its end."""
    found = rows(desk)
    n = len(found)
    for k in ((here + way * k) % n for k in range(1, n + 1)):
        if found[k].is_open:
            look_at(desk, found[k].sites)
            return
    desk.open_stage(STAGE)
    desk.say(
        STAGE, f"All {n} pairs are looked at.", tone="done", link="Next: measure", action="stage:measure"
    )
    draw(desk)
    desk.state_changed.emit()


def _height(desk: Desk) -> float:
    """Height of what is on the screen, in nm, or none where that cannot be said."""
    from napari_emseg.ui.view import canvas_size

    return canvas_size(desk.viewer)[0] / desk.viewer.scene.camera.zoom
