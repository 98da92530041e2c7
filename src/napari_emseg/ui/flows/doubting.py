"""Walk through doubtful links, least certain first, and decide."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.ui.actions import ACTIONS
from napari_emseg.ui.rings import ring
from napari_emseg.ui.view import go_to

if TYPE_CHECKING:
    from napari_emseg.core.edit import Edit, Region
    from napari_emseg.jobs.doubts import Doubt, Verdict
    from napari_emseg.session import Session
    from napari_emseg.ui.desk import Desk

_STAGE = "proofread"
_WORDS = {
    "same": "goes on here",
    "branch": "branches here",
    "merger": "takes up another object here",
    "bridge": "goes on here after a gap",
}


def next_doubt(desk: Desk) -> None:
    """Go to the next doubt."""
    _step(desk, 1)


def previous_doubt(desk: Desk) -> None:
    """Go to the doubt before."""
    _step(desk, -1)


def accept_doubt(desk: Desk) -> None:
    """The two are one object; a link that was not made is made now."""
    from napari_emseg.proofread.merge import merge

    session, _ = desk.need_session()
    doubt, names = _chosen(desk), _names(desk)
    is_refused = doubt.kind == "conflict" and names[0] != names[1] and all(names)
    _answer(desk, "right", merge(session.volume, names) if is_refused else None)


def reject_doubt(desk: Desk) -> None:
    """The two are different objects: what goes on from the second becomes an object of its own."""
    from napari_emseg.jobs.doubts import part

    session, _ = desk.need_session()
    doubt, names = _chosen(desk), _names(desk)
    is_one = names[0] == names[1] and names[0] != 0
    _answer(desk, "wrong", part(session.volume, doubt) if is_one else None)


def _answer(desk: Desk, verdict: Verdict, edit: Edit | None) -> None:
    """Answer the chosen doubt, do the edit that makes it true where one is needed, and go on to the next."""
    from napari_emseg.jobs.doubts import decide

    session, _ = desk.need_session()
    doubt, place, number = _chosen(desk), _place(desk), 0
    if edit is not None:
        session.commit(edit)
        number = _note(desk, session, doubt, verdict)
    decide(session, doubt, verdict, edit=number)
    if not number:
        desk.settled.add(doubt, verdict)
    _go_on(desk, place)


def decide_later(desk: Desk) -> None:
    """Put this doubt at the end of the queue."""
    from napari_emseg.jobs.doubts import decide

    session, _ = desk.need_session()
    place = _place(desk)
    doubt = _chosen(desk)
    decide(session, doubt, "later")
    desk.settled.add(doubt, "later")
    keys = [one.key for one in _queue(desk)]
    stays = doubt.key in keys[place : place + 1]  # it was at the end of the queue already
    _go_on(desk, place + 1 if stays else place)


def undo(desk: Desk, *, again: bool = False) -> bool:
    """Take back, or give again, what was answered since the last edit without changing labels. Whether there was something."""
    from napari_emseg.jobs.doubts import decide

    session, _ = desk.need_session()
    found = desk.settled.step(again=again)
    if found is None:
        return False
    doubt, verdict = found
    try:
        decide(session, doubt, verdict if again else doubt.verdict)
    except EmsegError as error:  # ids were carried anew meanwhile
        desk.fail(_STAGE, error)
        return True
    keys = [one.key for one in _queue(desk)]
    _look_at(desk, keys.index(doubt.key) if doubt.key in keys else 0)
    if not again:
        said = desk.sayings[_STAGE]
        desk.say(_STAGE, f"Your answer is taken back. {said.text}", link="Redo", action="redo")
    return True


def look_again(desk: Desk) -> str:
    """Go to the doubt that the edit just taken back had answered, and give what is said of it; empty if there is none."""
    session, _ = desk.need_session()
    entry = session.history.redoable
    found = desk.answered.get(entry.id) if entry is not None else None
    keys = [one.key for one in _queue(desk)]
    if found is None or found[0].key not in keys:
        return ""
    _look_at(desk, keys.index(found[0].key))
    return desk.sayings[_STAGE].text


def keep_up(desk: Desk) -> bool:
    """Where another window answers: what waits by now is what it has left. Whether that is something else than before."""
    before, chosen = desk.doubts, desk.doubt
    waiting = {doubt.key for doubt in _queue(desk)}
    if chosen is not None and chosen.key not in waiting:
        desk.doubt = None
        ring(desk, ())
    return desk.doubts != before or desk.doubt is not chosen


def follow(desk: Desk, edit: Edit) -> None:
    """An edit may take the objects of a doubt away, and undo brings them back: such doubts do not wait meanwhile."""
    from napari_emseg.jobs.doubts import open_doubts

    if desk.session is None:
        return
    desk.settled.clear()
    waits_again = _follow_answers(desk, desk.session)
    regions = _regions_of(edit)
    concerned = (desk.doubts or desk.void_doubts) and (regions or edit.marks)
    if not (waits_again or concerned):
        return
    waiting = open_doubts(desk.session)
    for doubt in waiting:
        if any(_holds(region, point) for region in regions for point in (doubt.at_a, doubt.at_b)):
            _check(desk, desk.session, doubt)
    desk.doubts = frozenset(d.sections[1] for d in waiting if d.key not in desk.void_doubts)
    if edit.marks and desk.doubt is not None and desk.doubt.key not in {d.key for d in waiting}:
        desk.doubt = None
        ring(desk, ())


def answered(session: Session) -> dict[int, tuple[Doubt, Verdict]]:
    """Which edits of the history answered a doubt, also on earlier days: id of the edit to doubt and verdict."""
    from napari_emseg.jobs.doubts import read_doubts

    return {doubt.edit: (doubt, doubt.answer) for doubt in read_doubts(session) if doubt.edit}


def _note(desk: Desk, session: Session, doubt: Doubt, verdict: Verdict) -> int:
    """Remember which edit answered a doubt, and give its id."""
    entry = session.history.undoable
    if entry is None:
        return 0
    desk.answered[entry.id] = doubt, verdict
    return entry.id


def _follow_answers(desk: Desk, session: Session) -> bool:
    """A doubt waits again when the edit that answered it is undone; redo answers it again. Whether there was one."""
    from napari_emseg.jobs.doubts import decide

    found = False
    for entry, is_undone in ((session.history.redoable, True), (session.history.undoable, False)):
        if entry is not None and entry.id in desk.answered:
            found = True
            doubt, verdict = desk.answered[entry.id]
            with suppress(EmsegError):  # ids were carried anew meanwhile
                decide(session, doubt, "" if is_undone else verdict)
    return found


def _check(desk: Desk, session: Session, doubt: Doubt) -> bool:
    """Whether both objects of a doubt are there; remembered."""
    there = all(int(session.volume[point]) for point in (doubt.at_a, doubt.at_b))
    (desk.void_doubts.discard if there else desk.void_doubts.add)(doubt.key)
    return there


def _regions_of(edit: Edit) -> list[Region]:
    """Where an edit may take objects away, or bring them back; merged ones are still there."""
    found = [patch.region for patch in edit.patches]
    change = edit.relabel
    if change is not None and change.region is not None and any(new == 0 for _, new in change.pairs):
        found.append(change.region)
    return found


def _holds(region: Region, point: tuple[int, int, int]) -> bool:
    return all(a <= p < b for a, p, b in zip(region.start, point, region.stop, strict=True))


def _queue(desk: Desk) -> tuple[Doubt, ...]:
    from napari_emseg.jobs.doubts import open_doubts

    session, _ = desk.need_session()
    queue = tuple(doubt for doubt in open_doubts(session) if doubt.key not in desk.void_doubts)
    desk.doubts = frozenset(doubt.sections[1] for doubt in queue)
    return queue


def _chosen(desk: Desk) -> Doubt:
    if desk.doubt is None:
        raise EmsegError("no doubt is chosen", "", "go to one first (N)", action="next_doubt")
    return desk.doubt


def _names(desk: Desk) -> list[int]:
    """Ids that are at the two voxels of the chosen doubt now."""
    session, _ = desk.need_session()
    doubt = _chosen(desk)
    return [int(session.volume[point]) for point in (doubt.at_a, doubt.at_b)]


def _place(desk: Desk) -> int:
    """Where in the queue the chosen doubt is; before the first if there is none."""
    keys = [doubt.key for doubt in _queue(desk)]
    return keys.index(desk.doubt.key) if desk.doubt is not None and desk.doubt.key in keys else -1


def _step(desk: Desk, way: int) -> None:
    place = _place(desk)
    _look_at(desk, place + way if place >= 0 or way > 0 else -1)


def _go_on(desk: Desk, place: int) -> None:
    """To what has moved up to the place of the one that was decided."""
    _look_at(desk, max(place, 0))


def _look_at(desk: Desk, place: int) -> None:
    session, layers = desk.need_session()
    queue = _queue(desk)
    while queue and not _check(desk, session, queue[place % len(queue)]):
        queue = _queue(desk)
    desk.open_stage(_STAGE)
    if not queue:
        desk.doubt = None
        ring(desk, ())
        desk.say(_STAGE, "No doubtful links are left.", tone="done")
        desk.state_changed.emit()
        return
    place %= len(queue)
    doubt = desk.doubt = queue[place]
    go_to(desk.viewer, layers.image, doubt.at_b, fill=True)
    ring(desk, (doubt.at_a, doubt.at_b))
    name_a, name_b = _names(desk)
    layers.labels.selected_label = name_b or layers.labels.selected_label
    percent = f"{100 * doubt.confidence:.0f} %"
    if name_a == name_b:
        words = f"{_WORDS.get(doubt.kind, _WORDS['same'])}, {percent} sure"
    else:
        words = f"and {name_b} here were kept apart, {percent} likely one object"
    before, after = ACTIONS["previous_section"].key, ACTIONS["next_section"].key
    desk.say(
        _STAGE,
        f"Doubt {place + 1} of {len(queue)}: object {name_a} of section {doubt.sections[0]} {words}. "
        f"Are both rings on one object? Keys {before} and {after} go between them.",
    )
    desk.state_changed.emit()
