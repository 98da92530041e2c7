"""What was measured last, kept in the project together with what it was measured on."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_emseg.core.atomic import write_atomic
from napari_emseg.core.errors import EmsegError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_emseg.measure.profile import Profile
    from napari_emseg.measure.survey import Survey
    from napari_emseg.session import Session

FILE = "measured.npz"
_VERSION = 1
_PLACES = ("place_nm", "along_nm", "branch", "diameter_nm", "minor_nm", "feret_nm")
"""Columns of a profile with one row a cross-section."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Numbers, and what they say something about.

    Attributes
    ----------
    survey : Survey
    label_state : int
        The labels that were measured, see `napari_emseg.core.chronicle.label_state`.
    program, time : str
        Which version measured, and when (UTC, ISO 8601).
    """

    survey: Survey
    label_state: int
    program: str
    time: str

    @classmethod
    def now(cls, survey: Survey, label_state: int) -> Measured:
        """What has just been measured."""
        from napari_emseg.io.origin import made_now

        return cls(survey, label_state, **made_now())

    @property
    def day(self) -> str:
        """The date."""
        return self.time[:10]


def why_old(session: Session, measured: Measured) -> str:
    """What has changed since something was measured, in a few words; empty where nothing has.

    Undoing what was changed makes the numbers true again.
    """
    if session.label_state != measured.label_state:
        return "the labels have changed"
    if session.image.spacing_nm != measured.survey.spacing_nm:
        return "the voxel size has changed"
    return ""


def keep(session: Session, measured: Measured) -> None:
    """Keep it in the project, in place of what was measured before. A project that can only be read stays as it is.

    Raises
    ------
    EmsegError
        If the disk refuses. What was kept before is kept then.
    """
    if session.read_only:
        return
    survey = measured.survey
    about = {
        "version": _VERSION,
        "program": measured.program,
        "time": measured.time,
        "label_state": measured.label_state,
        "spacing_nm": survey.spacing_nm,
        "shape": survey.shape,
        "settings": survey.settings.model_dump(mode="json"),
        "objects": survey.objects,
        "contacts": survey.contacts,
        "unread": survey.unread,
    }
    columns = {"about": np.frombuffer(json.dumps(about).encode(), np.uint8), **_columns(survey.profiles)}
    buffer = io.BytesIO()
    np.savez(buffer, **columns)  # type: ignore[arg-type] # the stub takes a name for an option
    path = session.project.folder / FILE
    try:
        write_atomic(path, buffer.getvalue())
    except OSError as error:
        raise EmsegError(
            f"the numbers are not kept in the project ({error.strerror})", str(path),
            "save the tables, or make room and measure again",
        ) from error  # fmt: skip


def kept(session: Session) -> Measured | None:
    """What was measured last in a project; None if nothing was, or it cannot be read: then it is measured again."""
    path = session.project.folder / FILE
    if not path.is_file():
        return None
    from napari_emseg.measure.survey import Survey  # a heavy import, and most projects have nothing to read
    from napari_emseg.settings import MeasureSettings

    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as columns:
            about = json.loads(columns["about"].tobytes())
            if about["version"] != _VERSION or tuple(about["shape"]) != tuple(session.volume.shape):
                return None
            z, y, x = (float(size) for size in about["spacing_nm"])
            survey = Survey(
                tuple(about["objects"]),
                tuple(about["contacts"]),
                _profiles(dict(columns)),
                (z, y, x),
                tuple(about["shape"]),
                MeasureSettings.model_validate(about["settings"]),
                tuple(about.get("unread", ())),
            )
            return Measured(survey, int(about["label_state"]), str(about["program"]), str(about["time"]))
    except Exception:  # numpy and zipfile raise anything at all on a damaged file
        return None


def _columns(profiles: Mapping[int, Profile]) -> dict[str, NDArray[Any]]:
    """All profiles below each other, and where each of them ends."""
    found = list(profiles.values())
    columns = {name: np.concatenate([getattr(p, name) for p in found]) for name in _PLACES} if found else {}
    return columns | {
        "ids": np.array(list(profiles), np.uint64),
        "ends": np.cumsum([len(p.along_nm) for p in found], dtype=np.int64),
        "why_not": np.array([_code(why) for p in found for why in p.why_not], np.int8),
        "length_nm": np.array([length for p in found for length in p.length_nm], np.float64),
        "length_ends": np.cumsum([len(p.length_nm) for p in found], dtype=np.int64),
        "parts": np.array([p.parts for p in found], np.int64),
        "ball_nm": np.array([p.ball_nm for p in found], np.float64),
    }


def _profiles(columns: Mapping[str, NDArray[Any]]) -> dict[int, Profile]:
    from napari_emseg.measure.profile import WORDS, Profile

    ids = columns["ids"].tolist()
    if not ids:
        return {}
    place, along, branch, diameter, minor, feret, codes = (
        np.split(columns[name], columns["ends"][:-1]) for name in (*_PLACES, "why_not")
    )
    lengths = np.split(columns["length_nm"], columns["length_ends"][:-1])
    return {
        object_id: Profile(
            place[k],
            along[k],
            branch[k],
            diameter[k],
            minor[k],
            feret[k],
            tuple(WORDS[code] if code >= 0 else "" for code in codes[k]),
            tuple(lengths[k].tolist()),
            int(columns["parts"][k]),
            float(columns["ball_nm"][k]),
        )
        for k, object_id in enumerate(ids)
    }


def _code(why: str) -> int:
    from napari_emseg.measure.profile import WORDS

    return WORDS.index(why) if why else -1
