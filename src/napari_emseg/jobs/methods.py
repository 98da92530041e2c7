"""The methods paragraph: what was done to get these labels, in sentences for a manuscript, from the journal.

Nothing is claimed that the journal and the model cards do not say.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from napari_emseg import __version__
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.membrane_file import file_of_record
from napari_emseg.core.model_card import ModelCard, find_model, read_card
from napari_emseg.core.sections import Status
from napari_emseg.core.words import counted, last_name
from napari_emseg.io.origin import made_now
from napari_emseg.jobs.take_labels import TAKEN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_emseg.session import Session

_STAND = "state IN ('done', 'forgotten')"
_SHAPE_LABELS = ("predict", "seeds", "segment", "propagate")
"""Stages whose settings decide what the labels look like."""

_OF_THE_WINDOW = frozenset({"ahead"})
"""Settings that change nothing but when something is done."""

_LABELS = "(id IN (SELECT edit FROM patches) OR extras LIKE '%\"relabel\"%')"
"""Edits of the labels themselves, and not only of the states of sections."""


def methods_text(session: Session) -> str:
    """Some sentences, and below them the settings and works to cite.

    Parameters
    ----------
    session : Session
        The open project.
    """
    lines = [
        _stack(session),
        *_models(session),
        _taken(session),
        _people(session),
        _sections(session),
        _program(session),
    ]
    text = " ".join(line for line in lines if line)
    parts = [text, _settings(session), _cite(session)]
    return "\n\n".join(part for part in parts if part) + "\n"


def provenance(session: Session) -> dict[str, Any]:
    """Where a result comes from, as plain values for the metadata of an output file.

    Returns
    -------
    dict
        Program, project, image, model with version, settings, sections by state, edits, time (UTC).
    """
    card = _card(session, session.model)
    states = {status.value: list(session.sections.with_status(status)) for status in Status}
    states.pop(Status.UNSEEN.value)
    return {
        **made_now(),
        "project": session.project.identity,
        "image": {"name": session.image.name, "spacing_source": session.image.spacing_source},
        "model": {"name": session.project.model, "version": card.version, "parent": card.parent}
        if card
        else {"name": session.project.model},
        **({"membranes": session.membranes.name} if session.membranes else {}),
        "settings": {stage: value.model_dump(mode="json") for stage, value in session.settings.items()},
        "sections": states,
        "edits": dict(
            session.journal.query(
                f"SELECT source, count(*) FROM edits WHERE {_STAND} GROUP BY source ORDER BY source"
            )
        ),
    }


def _stack(session: Session) -> str:
    image = session.image
    z, y, x = image.shape
    text = f"Objects were segmented in the stack “{image.name}” ({counted(z, 'section')} of {x} × {y} pixels"
    if image.spacing_nm is None:
        return text + "; voxel size unknown)."
    dz, dy, dx = image.spacing_nm
    source = {"file": "as given by the file", "you": "as given by the user", "sample": "of the sample"}
    said = source.get(image.spacing_source, "")
    return text + f", voxels of {dx:g} × {dy:g} × {dz:g} nm (x × y × z){' ' + said if said else ''})."


def _models(session: Session) -> list[str]:
    """One sentence for each model with which something that stands was segmented."""
    rows = session.journal.query(
        f"SELECT model, count(*), min(time), max(time) FROM edits WHERE source = 'model' AND {_STAND} "
        "GROUP BY model ORDER BY min(time)"
    )
    sentences = []
    for name, n, first, last in rows:
        card = _card(session, name)
        file = file_of_record(name)
        text = (
            f"Membranes were taken from the file {file}"
            if file
            else f"Membranes were predicted with the model {last_name(name)}"
        )
        if card is not None:
            text += (
                f" (version {card.version}, {card.architecture}, {card.parameters / 1e6:.2f} million weights"
            )
            text += f", fine-tuned from {last_name(card.parent)}" if card.parent else ""
            text += _taught(card)
            text += ")"
        text += f", and their segments were taken over in {counted(n, 'step')} {_span(first, last)}."
        if (
            card is not None
            and session.image.spacing_nm is not None
            and card.zoom(session.image.spacing_nm) != 1
        ):
            text += f" For that, the image was resampled to pixels of {card.pixel_size_nm:g} nm."
        sentences.append(text)
    carried = session.journal.query(
        f"SELECT count(*), min(time), max(time) FROM edits WHERE source = 'propagation' AND {_STAND}"
    )[0]
    if carried[0]:
        n = carried[0]
        sentences.append(
            f"Object ids were carried through the sections in {counted(n, 'step')} {_span(*carried[1:])}."
        )
    return sentences


def _taught(card: ModelCard) -> str:
    training = card.training
    sections = training.get("sections")
    if isinstance(sections, list) and sections:
        return f", taught with section{'s' * (len(sections) != 1)} {ranges(sections)}"
    volumes = training.get("volumes")
    if isinstance(volumes, dict) and volumes:
        return f", trained on {', '.join(volumes)}"
    return ""


def _taken(session: Session) -> str:
    """Labels that came from another layer or file."""
    rows = session.journal.query(
        f"SELECT DISTINCT name FROM edits WHERE name LIKE '{TAKEN}%' AND {_STAND} AND {_LABELS} ORDER BY name"
    )
    names = ", ".join(f"“{name.removeprefix(TAKEN)}”" for (name,) in rows)
    return f"Labels were taken over from {names}." if names else ""


def _people(session: Session) -> str:
    rows = session.journal.query(
        "SELECT author, count(*), min(time), max(time), sum(seconds) FROM edits "
        f"WHERE source = 'human' AND {_STAND} AND {_LABELS} GROUP BY author ORDER BY author"
    )
    if not rows:
        return "Nothing was corrected by hand."
    total = sum(row[1] for row in rows)
    who = ", ".join(f"{author or 'somebody'} ({n})" for author, n, *_ in rows)
    names = session.journal.query(f"SELECT name FROM edits WHERE source = 'human' AND {_STAND} AND {_LABELS}")
    kinds: dict[str, int] = {}
    for (name,) in names:
        verb = name.split()[0]
        kinds[verb] = kinds.get(verb, 0) + 1
    most = ", ".join(
        f"{verb} {n}" for verb, n in sorted(kinds.items(), key=lambda row: (-row[1], row[0]))[:6]
    )
    span = _span(min(row[2] for row in rows), max(row[3] for row in rows))
    text = f"The result was corrected by hand {span} in {counted(total, 'edit')} ({most}), by {who}"
    seconds = sum(row[4] or 0 for row in rows)
    return text + (f", which took {seconds / 60:.0f} min of editing." if seconds >= 60 else ".")


def _sections(session: Session) -> str:
    total = len(session.sections)
    proofread = session.sections.proofread
    text = f"{len(proofread)} of {total} sections were proofread"
    text += f" ({ranges(proofread)})" if proofread else ""
    excluded = session.sections.with_status(Status.EXCLUDED)
    if excluded:
        why = ", ".join(f"{z}: {session.sections[z].reason or 'no reason given'}" for z in excluded)
        text += f", and {len(excluded)} left out ({why})"
    return text + "; sections are counted from 0."


def _program(session: Session) -> str:
    made = session.project.program
    now = f"napari-emseg {__version__}"
    return (
        f"All of this was done in {now}."
        if made == now
        else f"The project was begun in {made}; this was written by {now}."
    )


def _settings(session: Session) -> str:
    rows = []
    for stage, value in session.settings.items():
        if stage not in _SHAPE_LABELS:
            continue
        kind = type(value)
        shown = []
        for name, field in kind.model_fields.items():
            extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
            number = getattr(value, name)
            if number in ((), {}, [], "", None) or name in _OF_THE_WINDOW:
                continue
            unit = f" {extra['unit']}" if extra.get("unit") else ""
            words = extra.get("words")
            said = words.get(number) if isinstance(words, dict) and isinstance(number, str) else None
            value_words = str(said).split(" (")[0] if said else _value(number)
            shown.append(f"{(field.title or name).lower()} {value_words}{unit}")
        rows.append(f"{stage}: " + ", ".join(shown))
    return "Settings at the time of writing. " + "; ".join(rows) + "."


def _cite(session: Session) -> str:
    names = [
        row[0] for row in session.journal.query("SELECT DISTINCT model FROM edits WHERE source = 'model'")
    ]
    works: dict[str, None] = {}
    terms: dict[str, None] = {}
    for name in names:
        seen: set[str] = set()  # a model that has its parent's name again, say, leads round in a circle
        while name and name not in seen:
            seen.add(name)
            card = _card(session, name)
            if card is None:
                break
            works |= dict.fromkeys(card.citation)
            terms |= dict.fromkeys([f"{card.name}: {card.licence}"] if card.licence else [])
            name = card.parent
    lines = ["To cite with it: " + "; ".join(works) + "."] if works else []
    return "\n".join([*lines, *(["Terms of the models. " + " ".join(terms)] if terms else [])])


def _card(session: Session, name: str) -> ModelCard | None:
    """Card of a model by the name that the journal gives it; None if it is not there any more."""
    is_inside = name.startswith("models/")
    try:
        return read_card(
            session.project.folder / name if is_inside else find_model(name, session.project.models)
        )
    except EmsegError:
        return None


def _span(first: float, last: float) -> str:
    a, b = (time.strftime("%d %B %Y", time.gmtime(t)).lstrip("0") for t in (first, last))
    return f"on {a}" if a == b else f"between {a} and {b}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def ranges(numbers: Iterable[int]) -> str:
    """Section numbers for people: "0-3, 7"."""
    parts: list[list[int]] = []
    for n in sorted(numbers):
        if parts and n == parts[-1][1] + 1:
            parts[-1][1] = n
        else:
            parts.append([n, n])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)
