"""What a network learns from, and what learning gives back: plain values without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_emseg.core.normalisation import Normalisation
from napari_emseg.core.stack import section_statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_emseg.settings import FinetuneSettings

IGNORE = 255
"""Truth value of a pixel that supervises nothing."""

LEVELS = 254
"""Graded truth (a distance, say) is an integer from 0 to this, which stands for 1."""


STOPPED = "stopped.ckpt"
"""In the folder of a model that is being taught: the state of a learning that was stopped and can go on."""

LEARNED = "the sections that it learned from"
"""What scores are from where there was nothing else to score on."""


@dataclass(frozen=True, eq=False)
class Directed:
    """A target that has a direction: it is made anew from object ids after a sample has been turned and bent.

    Parameters
    ----------
    kind : {"affinity", "direction"}
    objects : ndarray (z, y, x) of int
        Ids; 0 is no object.
    offset : tuple of int
        (z, y, x): the voxel that an affinity compares with, or the axis (0, 0, 1) ... along which a direction is measured.
    ignore : int, optional
        Id that supervises nothing.
    """

    kind: Literal["affinity", "direction"]
    objects: NDArray[Any]
    offset: tuple[int, int, int]
    ignore: int | None = None


@dataclass(frozen=True, eq=False)
class TrainingVolume:
    """A stack with truth for some of its sections.

    Parameters
    ----------
    name : str
        Short name, for logs.
    image : ndarray (z, y, x)
        Grey values.
    pixel_size_nm : float
        In-plane pixel size.
    truth : mapping of target name to ndarray (z, y, x) uint8
        1 where the target is, 0 where it is not, ``IGNORE`` where nobody knows. A target that is absent
        supervises nothing.
    train, validate : tuple of int
        Sections that teach and sections that only score. They never overlap.
    share : float
        Weight of this volume when one is drawn, multiplied by its number of supervised pixels.
    statistics : ndarray (z, 2) float, optional
        Mean and standard deviation of every whole section; needed when `image` is a crop.
    graded : mapping of target name to float
        Targets whose truth is a level from 0 to ``LEVELS`` and not a mask, and the distance in nanometres that
        the highest level stands for.
    directed : mapping of target name to Directed
        Targets whose truth depends on how a sample is turned.
    weights : mapping of target name to ndarray (z, y, x) float32
        How much pixels of a target count; 1 where a target is not named.
    normalisation : Normalisation
        Of the model that is taught.
    flanks : ndarray (z, y, x) of bool, optional
        Where objects touch, beside the line between them: how thick the membrane is there, the labels do not say.
    synthetic : bool
        Whether the sections were drawn by a program.
    """

    name: str
    image: NDArray[Any]
    pixel_size_nm: float
    truth: Mapping[str, NDArray[np.uint8]]
    train: tuple[int, ...]
    validate: tuple[int, ...] = ()
    share: float = 1.0
    statistics: NDArray[np.float64] | None = None
    graded: Mapping[str, float] = field(default_factory=dict)
    directed: Mapping[str, Directed] = field(default_factory=dict)
    weights: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    normalisation: Normalisation = field(default_factory=Normalisation)
    flanks: NDArray[np.bool_] | None = None
    synthetic: bool = False

    def __post_init__(self) -> None:
        if both := sorted(set(self.train) & set(self.validate)):
            raise ValueError(f"{self.name}: sections {both} are in training and in validation")
        for target, values in self.truth.items():
            if values.shape != self.image.shape:
                raise ValueError(f"{self.name}: {target} is {values.shape}, the image {self.image.shape}")

    def normalised(self) -> NDArray[np.float32]:
        """The image as the network sees it, usually every section at mean 0 and standard deviation 1."""
        table = self.statistics
        if table is None:
            table = np.array([section_statistics(section) for section in self.image])
        rule = self.normalisation
        table = np.array([rule.of_section((row[0], row[1]), self.image.dtype) for row in table])
        mean, std = (table[:, i, None, None].astype(np.float32) for i in (0, 1))
        return np.asarray((self.image.astype(np.float32) - mean) / std, dtype=np.float32)


ENOUGH_STEPS = 120
"""Of the copies that find out whether learning helps; with fewer they came to nothing even where more helped."""


@dataclass(frozen=True, eq=False)
class FinetuneRequest:
    """Everything that a worker needs to teach a model from proofread sections.

    Parameters
    ----------
    model : Path
        Folder of the model to start from; it is not changed.
    volumes : tuple of TrainingVolume
        One small volume per run of proofread sections, neighbours included. With `validate` sections the
        result is scored on them; otherwise parts are held back from copies to decide, see `nn.held_out`.
    out_dir : Path
        Folder of the new model.
    name : str
        Name of the new model.
    resumable : bool
        Leave a state in `out_dir` when stopped, also now and then while it learns in case that it is killed, and go on from
        one that is there.
    on_kept : callable, optional
        Called each time that a state has been written.
    device : str
        Where it learns, see `nn.device.choose_device`.
    """

    model: Path
    volumes: tuple[TrainingVolume, ...]
    out_dir: Path
    settings: FinetuneSettings
    name: str = "finetuned"
    target: str = "membrane"
    resumable: bool = False
    on_kept: Callable[[], None] | None = None
    device: str = "auto"


@dataclass(frozen=True)
class FinetuneResult:
    """A new model and how it compares with the one that it came from."""

    model: Path
    steps: int
    seconds: float
    losses: tuple[float, ...]
    before: Mapping[str, float] = field(default_factory=dict)
    after: Mapping[str, float] = field(default_factory=dict)
    scored_on: str = ""
    pictures: tuple[NDArray[np.uint8], ...] = ()
    """Image, map before and map after (y, x) where these differ most on a section that was scored; or nothing."""
    share: float = 1.0
    """How far the weights were moved: 0 when learning did not help on what it was scored on, and nothing changed."""
    unkept: str = ""
    """Why its state could not be written while it learned; usually empty."""
    formers: tuple[str, ...] = ()
    """Names of what it was before it learned from pixels of another size; these go on answering for those that they knew."""

    @property
    def helps(self) -> bool:
        """Whether fewer corrections are to be expected; one that was not scored may."""
        if self.share == 0:
            return False
        key = "edits_per_100_objects"
        return key not in self.after or self.after[key] < self.before[key] or self._finer()

    def _finer(self) -> bool:
        """Whether edits are the same and the finer score is higher."""
        key = "edits_per_100_objects"
        return self.after[key] == self.before[key] and self.after["v_rand"] > self.before["v_rand"]
