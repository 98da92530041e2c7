"""Commands of the manifest: they open the dock, then do what its buttons do."""

# napari matches the annotation itself, so it may not be a string.
import napari

from napari_emseg.ui.actions import ACTIONS

PLUGIN = "napari-emseg"


def do(viewer: napari.Viewer, name: str) -> None:
    """Do an action in the dock of a viewer; the dock is opened if it is not there.

    Parameters
    ----------
    viewer : napari.Viewer
        The window meant.
    name : str
        Name in the table of actions.

    Raises
    ------
    KeyError
        If there is no such action.
    """
    ACTIONS[name]
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN)
    dock.desk.do(name)


def predict(viewer: napari.Viewer) -> None:
    """Predict what is on screen."""
    do(viewer, "predict")


def segment(viewer: napari.Viewer) -> None:
    """Segment what is on screen."""
    do(viewer, "segment")


def propagate(viewer: napari.Viewer) -> None:
    """Carry ids onwards."""
    do(viewer, "propagate")


def merge(viewer: napari.Viewer) -> None:
    """Take the merge tool up."""
    do(viewer, "merge")


def cut(viewer: napari.Viewer) -> None:
    """Take the cut tool up."""
    do(viewer, "cut")


def mark_proofread(viewer: napari.Viewer) -> None:
    """Mark the section on screen proofread."""
    do(viewer, "mark_proofread")


def exclude(viewer: napari.Viewer) -> None:
    """Leave the section on screen out."""
    do(viewer, "exclude")


def train(viewer: napari.Viewer) -> None:
    """Learn from the proofread sections."""
    do(viewer, "train")


def show_keys(viewer: napari.Viewer) -> None:
    """Show or hide the key sheet."""
    do(viewer, "show_keys")


def show_branches(viewer: napari.Viewer) -> None:
    """Show the tree of the object under the mouse."""
    do(viewer, "show_branches")


def find(viewer: napari.Viewer) -> None:
    """Go to an object, a section or a place."""
    do(viewer, "find")
