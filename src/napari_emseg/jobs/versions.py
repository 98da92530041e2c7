"""The models that have learned in a project: a tree of versions, of which one predicts.

A candidate waits in a hidden folder of the project until a person decides. Accepted, it becomes the next version, a
child of the model that it came from; discarded, it is gone. Any version can be gone back to, and all are kept.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_emseg.core.atomic import patiently, write_atomic
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.leftovers import remove
from napari_emseg.core.model_card import CARD, WEIGHTS, find_model, read_card
from napari_emseg.core.words import file_name, last_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari_emseg.core.learning import FinetuneResult
    from napari_emseg.core.model_card import ModelCard
    from napari_emseg.session import Session

CANDIDATE = ".candidate-"
EDITS = "edits_per_100_objects"


@dataclass(frozen=True)
class Candidate:
    """A new model that waits for the person's decision, and how it compares."""

    folder: Path
    result: FinetuneResult
    sections: tuple[int, ...]


@dataclass(frozen=True)
class Version:
    """A model of a project's tree.

    Parameters
    ----------
    model : str
        What `Session.model` takes: a name, or a folder in the project.
    name : str
        For people.
    depth : int
        Steps from the root of its tree: 0 for a model that did not learn here.
    sections : tuple of int
        Sections that it learned from here.
    before, after : mapping
        Held-out scores of its parent and of itself; empty where there are none.
    scored_on : str
    is_current : bool
        Whether it predicts now.
    is_lost : bool
        A model that versions came from, but that is no longer there.
    """

    model: str
    name: str
    depth: int
    sections: tuple[int, ...]
    before: Mapping[str, float]
    after: Mapping[str, float]
    scored_on: str
    is_current: bool
    is_lost: bool = False

    @property
    def score_words(self) -> str:
        """Edits per 100 objects of its parent and of itself, on tissue that was held back."""
        if EDITS not in self.before or EDITS not in self.after:
            return ""
        return f"{self.before[EDITS]:.1f} to {self.after[EDITS]:.1f}"


def accept(session: Session, candidate: Candidate) -> Path:
    """Make the new model a version of the project, and predict with it from now on; its folder."""
    folder = _add(session, candidate.folder, read_card(candidate.folder).parent)
    session.model = folder
    return folder


def adopt(session: Session, model: Path) -> Path:
    """Copy a model that learned elsewhere into the project as its next version, and predict with it.

    Raises
    ------
    EmsegError
        If the folder holds no model, or one that finds no membranes.
    """
    card = read_card(model)
    if "membrane" not in card.targets:
        raise EmsegError("this model finds no membranes", str(model), "a version of a project has to")
    copy = session.project.models / f"{CANDIDATE}adopted"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for file in (CARD, WEIGHTS):
        shutil.copyfile(model / file, copy / file)
    parent = card.parent
    if parent.startswith("models/"):  # so the other project names it; in this one that would be another model
        theirs = Path(os.path.abspath(model)).parent  # noqa: PTH100 - as it was given, not where a link leads
        parent = str(theirs / Path(parent).name)
    folder = _add(session, copy, parent or session.project.model)
    session.model = folder
    return folder


def take_along(session: Session, made: Session) -> None:
    """Take the versions of a project, and its settings, along to another one; what is there already stays.

    Parameters
    ----------
    session, made : Session
        The project, and the other one, which predicts with the same model afterwards.
    """
    for version in _versions(session.project.models):
        if not (made.project.models / version.name).exists():
            copy = made.project.models / f"{CANDIDATE}taken"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(version, copy)
            patiently(copy.rename, made.project.models / version.name)
    made.take_settings(session)
    made.model = session.project.model


def discard(candidate: Candidate) -> None:
    """Forget the new model."""
    remove(candidate.folder)


def tree(session: Session) -> tuple[Version, ...]:
    """All versions, each right after its parent: the models that did not learn here first.

    The model that predicts now is always among them.
    """
    folder = session.project.models
    cards = {f"models/{p.name}": read_card(p) for p in _versions(folder)}
    current = session.project.model
    parents = {name: _inside(card.parent, folder) for name, card in cards.items()}
    children: dict[str, list[str]] = {}
    for name, parent in parents.items():
        children.setdefault(parent, []).append(name)
    roots = sorted(
        {parent for parent in parents.values() if parent not in cards} | ({current} - cards.keys())
    )
    out: list[Version] = []

    def visit(name: str, depth: int) -> None:
        out.append(_version(session, name, depth, cards.get(name), is_current=name == current))
        for child in sorted(children.get(name, ()), key=lambda c: _order(cards[c])):
            visit(child, depth + 1)

    for root in roots:
        visit(root, 0)
    return tuple(out)


def roll_back(session: Session, model: str = "") -> str:
    """Predict with another version; all are kept.

    Parameters
    ----------
    model : str
        Name of a version in the tree; default: what the current one was made from.

    Raises
    ------
    EmsegError
        If there is none.
    """
    every = tree(session)
    if not model:
        here = next(i for i, version in enumerate(every) if version.is_current)
        above = [v for v in every[:here] if v.depth == every[here].depth - 1]
        if not above:
            raise EmsegError(
                "there is no earlier model", every[here].name, "it did not learn in this project"
            )
        found = above[-1]
    else:
        named = [v for v in every if model in (v.name, v.model)]
        if not named:
            known = ", ".join(v.name for v in every)
            raise EmsegError("no such version", model, f"choose one of: {known}")
        found = named[0]
    if found.is_lost:
        raise EmsegError("this model is no longer there", found.name, "choose another version")
    session.model = found.model
    return session.model


def write_card(folder: Path, card: ModelCard) -> None:
    """Replace the card of a model folder."""
    write_atomic(folder / CARD, (card.model_dump_json(indent=1) + "\n").encode())


def next_version(session: Session) -> int:
    """Number of the version that would be made now; the model of the start counts as the first."""
    taken = [p.name.rpartition("-")[2] for p in session.project.models.glob("*-*") if p.name[0] != "."]
    return max((int(n) for n in taken if n.isdecimal()), default=1) + 1


def versioned(name: str, version: int) -> str:
    """A model's name with this version instead of its own; a folder can be called so."""
    head, _, tail = name.rpartition("-")
    base = head if head and tail.isdecimal() else name
    return f"{file_name(base) or 'model'}-{version}"


def _add(session: Session, made: Path, parent: str) -> Path:
    version = next_version(session)
    card = read_card(made)
    name = versioned(card.name, version)
    write_card(made, card.model_copy(update={"name": name, "version": str(version), "parent": parent}))
    folder = session.project.models / name
    patiently(made.rename, folder)
    return folder


def _versions(folder: Path) -> Iterable[Path]:
    if not folder.is_dir():
        return ()
    return (p for p in sorted(folder.iterdir()) if p.name[0] != "." and (p / CARD).is_file())


def _order(card: ModelCard) -> tuple[int, str]:
    """Versions that were made here have numbers; a model that somebody has put into the folder may be called anything."""
    return (int(card.version) if card.version.isdecimal() else 0, card.version)


def _inside(model: str, folder: Path) -> str:
    """A model as the project names it: from the project's folder on where it lies in there."""
    path = Path(model)
    return f"models/{path.name}" if path.parent == folder else model


def _version(session: Session, name: str, depth: int, card: ModelCard | None, *, is_current: bool) -> Version:
    shown = last_name(name)
    is_lost = False
    if card is None:
        try:
            find_model(name, session.project.models)
        except EmsegError:
            is_lost = True
    training: Mapping[str, Any] = card.training if card else {}
    model = str(session.project.models / shown) if card else name
    sections = tuple(training.get("proofread_sections", ()))
    before, after = (dict(training.get(key) or {}) for key in ("before", "after"))
    return Version(
        model, shown, depth, sections, before, after, training.get("scored_on", ""), is_current, is_lost
    )
