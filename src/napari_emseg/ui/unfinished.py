"""Long work that ends with its stack, its panel or the window: what it is, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.ui.state import STAGES

if TYPE_CHECKING:
    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.runner import Work

_TRAIN = "train"
_COMES_BACK = frozenset({"open", "list of synapses"})
"""Requests that the program makes by itself when a project is opened."""

_OF_THE_WINDOW = frozenset({"predict"})
"""Stages whose maps are not kept: what is there already goes with the stack, too."""


def question(desk: Desk, what: str) -> str:
    """What closing a part of the program would end, in a sentence; empty where nothing is being done.

    Parameters
    ----------
    desk : Desk
    what : str
        "window" or "panel".
    """
    found = unfinished(desk)
    if not found:
        return ""
    them, are = ("it", "is") if len(found) == 1 else ("them", "are")
    names = _listed([_name(stage, work) for stage, work in found.items()])
    text = f"{names} {are} not done yet. Closing the {what} stops {them}: {_afterwards(found)}."
    return text[:1].upper() + text[1:]


def ended(desk: Desk) -> str:
    """What ends with the open stack, for when that has been put away; empty where nothing is being done."""
    found = unfinished(desk)
    if not found or desk.session is None:
        return ""
    was = "was" if len(found) == 1 else "were"
    names = _listed([_name(stage, work) for stage, work in found.items()])
    stack = f"“{desk.session.image.name}”"
    text = f"{names} {was} stopped with {stack}: {_afterwards(found, stack)}."
    return text[:1].upper() + text[1:]


def unfinished(desk: Desk) -> dict[str, Work]:
    """Work that a person has asked for and that leaves something behind, by stage."""
    return {
        stage: work
        for stage, work in desk.work.items()
        if stage not in _OF_THE_WINDOW and (not (keys := desk.runner.running(stage)) or keys - _COMES_BACK)
    }


def _afterwards(found: dict[str, Work], project: str = "this project") -> str:
    """Learning keeps its state; everything else is either done or not."""
    if _TRAIN not in found:
        return "it has to be begun again" if len(found) == 1 else "they have to be begun again"
    goes_on = f"learning can go on when {project} is open again"
    return goes_on if len(found) == 1 else f"{goes_on}, all else has to be begun again"


def _name(stage: str, work: Work) -> str:
    """Learning (34 %); Export (writing cells.tif, 34 %)."""
    title = next(title for name, _, title in STAGES if name == stage)
    words = [] if stage == _TRAIN or not work.message else [work.message]
    if work.fraction > 0:
        words.append(f"{round(100 * work.fraction)} %")
    name = "learning" if stage == _TRAIN else title
    return f"{name} ({', '.join(words)})" if words else name


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
