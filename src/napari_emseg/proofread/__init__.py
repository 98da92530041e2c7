"""Corrections: pure functions from what the person pointed at to one `Edit`, which the session commits.

Nothing here changes a volume. A new action is one file and one line in `ACTIONS`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a person can do to labels; buttons, keys and the ? sheet are made from this.

    Parameters
    ----------
    function : str
        "module:function".
    title : str
        Verb for the button.
    key : str
        Key in napari's notation, empty for none; no key that napari uses for viewer, image or labels.
    help : str
        One sentence: how it is done and what happens.
    """

    function: str
    title: str
    key: str
    help: str


ACTIONS: dict[str, Action] = {
    "merge": Action(
        "napari_emseg.proofread.merge:merge",
        "Merge",
        "U",
        "Unite pieces: click the object, then every piece that belongs to it.",
    ),
    "cut": Action(
        "napari_emseg.proofread.cut:cut_along",
        "Cut",
        "D",
        "Divide an object: draw a line across it, or click into one part and then into the other.",
    ),
    "split": Action(
        "napari_emseg.proofread.split:split",
        "Split by seeds",
        "",
        "Place a seed in each part that belongs together: the object is divided between them.",
    ),
    "interpolate": Action(
        "napari_emseg.proofread.interpolate:interpolate",
        "Interpolate",
        "I",
        "Draw the object under the mouse in the sections between those where it is painted.",
    ),
    "delete": Action(
        "napari_emseg.proofread.delete:delete",
        "Delete object",
        "",
        "Click an object: its pixels become empty.",
    ),
    "lock": Action(
        "napari_emseg.proofread.lock:toggle_lock",
        "Lock",
        "Shift-L",
        "Nothing automatic changes the pixels of a locked object.",
    ),
}
