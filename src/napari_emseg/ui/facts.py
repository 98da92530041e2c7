"""Read once what the data allow; the words come from `state.resolve`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.core.sections import Status
from napari_emseg.ui.flows import cleaning, measuring
from napari_emseg.ui.flows.opening import voxel_words
from napari_emseg.ui.state import Facts

if TYPE_CHECKING:
    from napari_emseg.ui.desk import Desk


def facts(desk: Desk) -> Facts:
    """What is open, predicted, labelled and marked on a desk."""
    running = {stage: work.fraction for stage, work in desk.work.items()}
    session, layers = desk.session, desk.layers
    if session is None or layers is None:
        return Facts(running=running)
    sections = session.sections
    predicted = layers.boundary_map.sections
    return Facts(
        has_stack=True,
        voxel_size_known=session.image.spacing_nm is not None,
        n_sections=len(sections),
        section=desk.section,
        boundary_here=desk.section in predicted,
        boundary_sections=len(predicted),
        labels_here=desk.section in desk.labelled,
        labelled_sections=len(desk.labelled),
        proofread=len(sections.proofread),
        excluded=len(sections.with_status(Status.EXCLUDED)),
        running=running,
        candidate=desk.learning is not None,
        suspicious=len(desk.cleaning.pending) if desk.cleaning is not None else 0,
        is_cleaned=cleaning.is_cleaned(desk),
        exported=len(desk.exported),
        measured=0 if desk.measurement is None else len(desk.measurement.objects),
        measured_is_old=bool(measuring.why_old(desk)),
        pairs=desk.synapses.n_pairs,
        pairs_answered=desk.synapses.count_answered(session.answers),
    )


def header(desk: Desk) -> str:
    """The line under the title: stack, voxel size, device."""
    session = desk.session
    if session is None:
        return "no stack is open"
    spacing = session.image.spacing_nm
    parts = [session.image.name, voxel_words(spacing) if spacing else "voxel size unknown"]
    parts.append((desk.device or "starting").replace(" ", "\u00a0"))  # a line is broken between parts
    return "  ·  ".join(parts)
