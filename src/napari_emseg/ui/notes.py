"""What the header has to say: a project that only reads, pixel sizes that differ."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.core.atomic import may_write
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.model_card import find_model, read_card
from napari_emseg.core.pixel_guard import Finding, check_labels, check_model, unknown_size
from napari_emseg.ui.displaced import displaced
from napari_emseg.ui.flows.conflicts import MARK
from napari_emseg.ui.view import is_beyond

if TYPE_CHECKING:
    from napari_emseg.core.model_card import ModelCard
    from napari_emseg.ui.desk import Desk


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence of the header, with what to do about it.

    Parameters
    ----------
    text : str
        Short.
    more : str
        The whole story, for the tooltip.
    link, action : str
        Words and name of the step that mends it.
    """

    text: str
    more: str = ""
    link: str = ""
    action: str = ""


def notes(desk: Desk) -> tuple[Note, ...]:
    """Everything that the header says about a desk now."""
    session = desk.session
    if session is None:
        return ()
    found = []
    if session.read_only:
        if desk.is_free:
            found.append(
                Note("The other window has closed this project.", "", "Open it for editing", "reopen")
            )
        else:
            words = f"Read-only: {session.volume.read_only_reason}."
            if may_write(session.project.folder):
                found.append(Note(words, "What is done there appears here within two seconds."))
            else:
                found.append(Note(words, "A copy on another disk can be edited.", "Save a copy", "save_copy"))
    if change := session.image_change:
        found.append(
            Note("Not the image that the labels were made on.", change, "The labels fit", "keep_image")
        )
    if desk.layers is not None and (moved := displaced(desk.layers)):
        names = ", ".join(f"“{layer.name}”" for layer in moved)
        lie = "does" if len(moved) == 1 else "do"
        found.append(
            Note(
                f"{names} {lie} not lie on the image.",
                "Napari's transform tool has moved it: what is painted or placed there would be elsewhere.",
                "Lay it back",
                "lay_back",
            )
        )
    if is_coarse(desk):
        found.append(
            Note(
                "This view is shown coarsely and cannot be painted.",
                "At full resolution it would read a page of every section. In single sections everything works.",
                "Back to sections",
                "show_sections",
            )
        )
    image = desk.layers.image if desk.layers is not None else None
    if image in desk.viewer.layers and is_beyond(desk.viewer, image):
        last = image.data.shape[0] - 1
        found.append(
            Note(
                "The slider stands beyond the stack.",
                f"Another layer reaches farther. The stack has sections 0 to {last}; nothing can be painted beyond them.",
                "Back to sections",
                "show_sections",
            )
        )
    waiting = sum(not conflict.decision for conflict in session.conflicts)
    if waiting:
        text = f"{waiting} conflict{'s wait' if waiting != 1 else ' waits'} for your decision."
        found.append(Note(text, "", "Go through them", "show_conflicts"))
    return (*found, *(_note(finding) for finding in findings(desk)))


def is_coarse(desk: Desk) -> bool:
    """Whether the labels on screen are a coarse view, which cannot be painted."""
    return desk.layers is not None and bool(getattr(desk.layers.labels, "is_coarse", False))


def findings(desk: Desk) -> tuple[Finding, ...]:
    """Pixel sizes that are unknown or differ from the image's."""
    session = desk.session
    if session is None:
        return ()
    spacing = session.image.spacing_nm
    if spacing is None:
        return (unknown_size(),)
    found = []
    card = model_card(session.model, session.project.models)
    if card is not None and (finding := check_model(card, spacing)) is not None:
        found.append(finding)
    for layer in foreign_labels(desk):
        from napari_emseg.ui.as_stack import spacing_of

        if (finding := check_labels(layer.name, spacing_of(layer), spacing)) is not None:
            found.append(finding)
    return tuple(found)


def foreign_labels(desk: Desk) -> list:  # type: ignore[type-arg]
    """Label stacks in the viewer that are not the project's own."""
    from napari.layers import Labels

    ours = desk.layers.labels if desk.layers is not None else None
    return [
        layer
        for layer in desk.viewer.layers
        if isinstance(layer, Labels)
        and layer is not ours
        and layer.ndim == 3
        and not layer.multiscale
        and MARK not in layer.metadata
    ]


def model_card(name: str, folder: Path) -> ModelCard | None:
    """Card of a model by name, None where there is none."""
    try:
        return read_card(find_model(name, folder))
    except (EmsegError, OSError):
        return None


def _note(finding: Finding) -> Note:
    if finding.kind == "unknown":
        return Note(finding.short, finding.text, "Fill it in", "stage:data")
    if finding.kind == "labels":
        return Note(finding.short, finding.text, "Take it over", "take_labels")
    link = "Choose another model" if finding.is_grave else ""
    return Note(finding.short, finding.text, link, "stage:predict" if link else "")
