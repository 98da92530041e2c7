"""A blank toy stack of 4 sections of 40 x 50 pixels, and a project of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from napari_emseg.core.edit import Edit, Patch, Region
from napari_emseg.core.stack import ImageStack
from napari_emseg.session import Session

SHAPE = (4, 40, 50)


def make_toy(uri: str = "sample:toy", shape: tuple[int, int, int] = SHAPE) -> ImageStack:
    """A blank stack; nothing here looks at grey values."""
    return ImageStack(np.zeros(shape, np.uint8), (50.0, 4.6, 4.6), "sample", "toy", uri)


def make_fill(session: Session, value: int, region: Region | None = None, source: str = "human") -> Edit:
    region = region or Region.full(SHAPE)
    after = np.full(region.shape, value, np.uint32)
    return Edit(f"fill {value}", source, (Patch(region, session.volume.read(region), after),))  # type: ignore[arg-type]


def all_labels(session: Session) -> np.ndarray:
    return np.asarray(session.volume)


def reopen(session: Session) -> Session:
    session.close()
    return Session.open(session.project.folder, make_toy())


def crash(session: Session) -> Session:
    """Open again as after a kill: nothing was flushed, nothing was closed properly."""
    session.volume.pages.out.may_write = False
    session._journal.close()
    session._lock.release()
    session._closed = True
    return Session.open(session.project.folder, make_toy())


@pytest.fixture(scope="session")
def toy() -> Callable[..., ImageStack]:
    """Makes the toy stack, of another name or shape if wanted."""
    return make_toy


@pytest.fixture(scope="session")
def fill() -> Callable[..., Edit]:
    """Builds an edit that writes one id into a box."""
    return make_fill


@pytest.fixture(scope="session")
def labels() -> Callable[[Session], np.ndarray]:
    """Reads all ids."""
    return all_labels


@pytest.fixture(scope="session")
def reopened() -> Callable[[Session], Session]:
    """Closes a session and opens it again."""
    return reopen


@pytest.fixture(scope="session")
def crashed() -> Callable[[Session], Session]:
    """Opens again as after a kill."""
    return crash


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "toy.emseg"


@pytest.fixture
def session(folder: Path) -> Iterator[Session]:
    session = Session.create(folder, make_toy())
    yield session
    session.close()
