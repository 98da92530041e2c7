"""What a project remembers beside its labels: the model, the settings of every stage, the voxel size."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.image_reference import ImageReference
from napari_emseg.core.membrane_file import MembraneFile
from napari_emseg.session.image import words_of_change
from napari_emseg.session.kernel import Kernel
from napari_emseg.settings import (
    AugmentationSettings,
    CleanUpSettings,
    FinetuneSettings,
    MeasureSettings,
    PredictSettings,
    PropagateSettings,
    SeedSettings,
    SegmentSettings,
    Settings,
    SynapseSettings,
    TidySettings,
)

if TYPE_CHECKING:
    from napari_emseg.core.stack import Spacing

STAGES: dict[str, type[Settings]] = {
    "cleanup": CleanUpSettings,
    "predict": PredictSettings,
    "seeds": SeedSettings,
    "segment": SegmentSettings,
    "propagate": PropagateSettings,
    "finetune": FinetuneSettings,
    "measure": MeasureSettings,
    "augmentation": AugmentationSettings,
    "tidy": TidySettings,
    "synapses": SynapseSettings,
}


class Remembering(Kernel):
    """Model, file of membranes, settings and voxel size."""

    @property
    def model(self) -> str:
        """Name or folder of the current membrane model."""
        name = self.project.model
        inside = self.project.folder / name
        return str(inside) if name.startswith("models/") and inside.is_dir() else name

    @model.setter
    def model(self, name: str | Path) -> None:
        path = Path(name)
        if path.is_absolute() and path.is_relative_to(self.project.folder):
            name = path.relative_to(self.project.folder).as_posix()
        file = self.project.membranes
        if str(name) != self.project.model or self.membranes is not None:
            self._save(model=str(name), membranes=file and replace(file, is_used=False))
            self.model_changed.emit(self.model)

    @property
    def device(self) -> str:
        """Where every model computes, whatever it is asked: the choice that stands beside prediction, see `choose_device`."""
        return str(self.get_settings("predict").device)

    @property
    def membranes(self) -> MembraneFile | None:
        """The file that membranes come from in place of the model; None where the model finds them."""
        return self.project.membranes_in_use

    @property
    def membranes_path(self) -> str:
        """Where that file lies now; empty without one."""
        file = self.membranes
        return file.place(self.project.folder) if file is not None else ""

    def take_membranes(self, path: str | Path, *, shows_cells: bool = False) -> MembraneFile:
        """Take membranes from a file from now on, until a model is chosen.

        Parameters
        ----------
        path : path
            With optional ``::internal/path``; whether it fits the stack is not looked at here.
        shows_cells : bool
            Whether its values are high in cells.
        """
        file = MembraneFile.to(path, self.project.folder, shows_cells=shows_cells)
        if file != self.project.membranes:
            self._save(membranes=file)
            self.model_changed.emit(self.model)
        return file

    @property
    def settings(self) -> dict[str, Settings]:
        """Settings of every stage."""
        return {stage: self.get_settings(stage) for stage in STAGES}

    def get_settings(self, stage: str) -> Any:
        """Settings of one stage as the person left them; defaults where this version cannot read them."""
        kind = STAGES[stage]
        try:
            return kind.model_validate(self.project.settings.get(stage, {}))
        except ValueError:
            return kind()

    def set_settings(self, settings: Settings) -> None:
        """Remember the settings of a stage in the project."""
        stage = next(name for name, kind in STAGES.items() if isinstance(settings, kind))
        content = settings.model_dump(mode="json")
        if self.project.settings.get(stage) != content:
            self._save(settings={**self.project.settings, stage: content})
            self.settings_changed.emit(stage)

    def take_settings(self, other: Remembering) -> None:
        """Remember what another project remembers."""
        if self.project.settings != other.project.settings:
            self._save(settings=dict(other.project.settings))

    def set_spacing(self, spacing_nm: Spacing) -> None:
        """Take over the voxel size that the person has given, and remember it.

        Parameters
        ----------
        spacing_nm : tuple of float
            Voxel size (z, y, x) in nanometres.

        Raises
        ------
        EmsegError
            If a size is not positive.
        """
        z, y, x = (float(size) for size in spacing_nm)
        if not all(math.isfinite(size) and size > 0 for size in (z, y, x)):
            raise EmsegError(
                "a voxel size is a positive number", f"{z:g} x {y:g} x {x:g} nm", "give nanometres"
            )
        self.image = replace(self.image, spacing_nm=(z, y, x), spacing_source="you")
        self.remember_image()

    def remember_image(self) -> None:
        """Note where the image lies now and what its voxel size is; which one it was at first is noted once."""
        first = self.project.image.fingerprint or self.image.fingerprint
        found = ImageReference.to(self.image, self.project.folder, first)
        if found != self.project.image:
            self._save(image=found)
        if self.image.spacing_nm is not None:
            self.volume.set_spacing(self.image.spacing_nm)

    @property
    def image_change(self) -> str:
        """What to say where the image is another than the labels were made on; empty where it is not."""
        return words_of_change(self.project, self.image)

    def keep_image(self) -> None:
        """The labels fit the image that is open: it is the one from now on."""
        here = self.image.fingerprint
        self._save(image=ImageReference.to(self.image, self.project.folder, here))

    def _save(self, **changes: Any) -> None:
        # what cannot be written is remembered while the window is open, and goes with what is written next
        before, self.project = self.project, replace(self.project, **changes)
        if not self.read_only:
            self.project = before.saved(**changes)
