"""Model cards: everything about a model but its weights, readable without torch.

A model is a folder that holds ``card.json`` and ``weights.safetensors``.
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.home import own_folder
from napari_emseg.core.resources import resource_path
from napari_emseg.core.stack import pixel_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_emseg.core.stack import Spacing

CARD = "card.json"
WEIGHTS = "weights.safetensors"
ALIKE = 1.25  # pixels of one size and so many times that look alike
_LEAST_ZOOM, _MOST_ZOOM = 1 / 64, 8.0  # a model of 4.6 nm is applied to pixels of 0.07 to 37 nm


class ModelCard(BaseModel):
    """What a model is, what it was trained on, and how well it does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str = "1"
    parent: str = Field("", description="model that this one was fine-tuned from")
    architecture: str = Field(description="name in nn.MODELS")
    arguments: dict[str, Any] = Field(default_factory=dict, description="architecture arguments")
    parameters: int = Field(0, description="number of trainable weights")
    targets: tuple[str, ...] = Field(description="output channels, in order")
    thresholds: dict[str, float] = Field(default_factory=dict, description="best threshold per target")
    graded: dict[str, float] = Field(
        default_factory=dict,
        description="targets that are a distance and not a probability, and the nanometres that 1 stands for",
    )
    offsets: dict[str, tuple[int, int, int]] = Field(
        default_factory=dict, description="affinities: target and the voxel (z, y, x) that it compares with"
    )
    vectors: tuple[tuple[str, str, str], ...] = Field(
        (), description="targets that are the z, y and x component of a direction; empty where there is none"
    )
    walls: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="what its judge of walls looks at: `features`, and `others`, the targets that they come from",
    )
    pixel_size_nm: float = Field(
        gt=0, allow_inf_nan=False, description="in-plane pixel size that the model was trained for"
    )
    pixel_size_range_nm: tuple[float, float] = Field(description="pixel sizes served without resampling")
    context_sections: int = Field(
        0, ge=0, description="neighbouring sections on each side that the model sees"
    )
    depth: int = Field(0, ge=0, description="sections that a 3D network predicts at once; 0: one")
    normalisation: str = Field("section mean and standard deviation")
    synthetic: bool = Field(False, description="whether it learned from synthetic sections alone")
    taught_pixel_sizes_nm: tuple[float, ...] = Field((), description="of the stacks that taught it")
    training: dict[str, Any] = Field(default_factory=dict, description="data, recipe, time, program version")
    citation: tuple[str, ...] = ()
    licence: str = ""
    scores: dict[str, dict[str, float]] = Field(default_factory=dict, description="scores per data set")
    limits: str = ""
    formers: tuple[ModelCard, ...] = Field(
        (),
        description="what it was before it learned from pixels of another size; each serves those that it knew",
    )

    @field_validator("pixel_size_range_nm")
    @classmethod
    def _rises(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 < value[0] <= value[1] < math.inf:
            raise ValueError("give two sizes above 0, the smaller one first")
        return value

    def zoom(self, spacing_nm: Spacing | None) -> float:
        """Model pixels per image pixel; 1 where the model serves the image's pixel size as it is.

        An unknown voxel size counts as the model's own.
        """
        if spacing_nm is None:
            return 1.0
        low, high = self.pixel_size_range_nm
        pixel = pixel_size(spacing_nm)
        return 1.0 if low <= pixel <= high else pixel / self.pixel_size_nm

    def serving(self, spacing_nm: Spacing | None) -> int | None:
        """Which of `formers` knows pixels of this size best; None: the model as it is now.

        Where weights are chosen by what a stack is like, learning one kind takes nothing from another (Expert Gate, Aljundi
        et al. 2017); here the pixel size alone tells kinds apart.
        """
        if not self.formers or spacing_nm is None:
            return None
        pixel = pixel_size(spacing_nm)
        cards = (self, *self.formers)
        # only what was there at first serves a range: what came later knows the sizes that it was taught
        far = [card._times_off(pixel, in_range=card is cards[-1]) for card in cards]
        nearest = far.index(min(far))
        return nearest - 1 if nearest else None

    def as_it_was(self, former: int | None) -> ModelCard:
        """The card of one of `formers`, or, of None, this one."""
        return self if former is None else self.formers[former]

    def _times_off(self, pixel_nm: float, *, in_range: bool) -> float:
        """By which factor pixels are larger or smaller than any that the model knows."""
        known = [(size, size) for size in self.taught_pixel_sizes_nm]
        if in_range:
            known.append(self.pixel_size_range_nm)
        return min((max(low / pixel_nm, pixel_nm / high, ALIKE) for low, high in known), default=math.inf)

    def usable_zoom(self, spacing_nm: Spacing | None) -> float:
        """The same, where there is any sense in applying the model.

        Raises
        ------
        EmsegError
            If pixels are so large, or so small, that somebody must have mistaken the unit. Resampling them would take
            memory without end.
        """
        zoom = self.zoom(spacing_nm)
        if not _LEAST_ZOOM <= zoom <= _MOST_ZOOM:
            pixel = zoom * self.pixel_size_nm
            raise EmsegError(
                f"pixels of {pixel:g} nm are too far from the {self.pixel_size_nm:g} nm that the model knows",
                self.name,
                "check the voxel size: it is in nanometres",
            )
        return zoom


def read_card(folder: Path) -> ModelCard:
    """Read the card of a model folder; again only where its file has changed.

    Raises
    ------
    EmsegError
        If the folder holds no model, or its card does not parse.
    """
    path = folder / CARD
    if not path.is_file() or not (folder / WEIGHTS).is_file():
        raise EmsegError("no model here", str(folder), f"a model folder holds {CARD} and {WEIGHTS}")
    file = path.stat()
    return _parsed(path, (file.st_mtime_ns, file.st_size, file.st_ino))


@lru_cache(maxsize=256)  # the window asks for all of them with every step through the sections
def _parsed(path: Path, _state: tuple[int, int, int]) -> ModelCard:
    try:
        return ModelCard.model_validate(json.loads(path.read_text("utf-8")))
    except (ValidationError, ValueError) as error:
        reason = _fault(error)
        raise EmsegError(
            f"the model card cannot be read ({reason})", str(path), "use a model written by napari-emseg"
        ) from error


def _fault(error: ValueError) -> str:
    """The first thing that is wrong with a card."""
    if not isinstance(error, ValidationError):
        return str(error).splitlines()[0]
    fault = error.errors()[0]
    said = fault["msg"].removeprefix("Value error, ").replace("Input should be", "it should be")
    return f"{'.'.join(str(part) for part in fault['loc'])}: {said[:1].lower()}{said[1:]}"


def user_models_dir() -> Path:
    """Folder of the person's own models; ``NAPARI_EMSEG_HOME`` moves it."""
    return own_folder() / "models"


def list_models(*extra: Path) -> dict[str, Path]:
    """Bundled and registered models: name to folder. Later folders win over bundled ones."""
    found: dict[str, Path] = {}
    own: list[Path] = []
    with suppress(EmsegError):  # who has no home has no models there
        own.append(user_models_dir())
    for root in (resource_path("models"), *own, *extra):
        if root.is_dir():
            found |= {p.name: p for p in sorted(root.iterdir()) if (p / CARD).is_file()}
    return found


def other_names(models: Mapping[str, Path]) -> dict[str, Path]:
    """Targets that can be asked for like models, and the folder of the model that finds them.

    Parameters
    ----------
    models : mapping of str to Path
        As `list_models` gives them. The first model that finds a target serves its name.
    """
    found: dict[str, Path] = {}
    for folder in models.values():
        with suppress(EmsegError):  # one damaged model must not hide what the others find
            for target in read_card(folder).targets:
                if target not in models:
                    found.setdefault(target, folder)
    return found


def bundled_name(name: str) -> Path | None:
    """Folder of the bundled model that a name means where nobody has a model of this name; None where there is none."""
    root = resource_path("models")
    bundled = {p.name: p for p in sorted(root.iterdir()) if (p / CARD).is_file()} if root.is_dir() else {}
    return bundled.get(name) or other_names(bundled).get(name)


def instead_of_bundled(name_or_path: str | Path, folder: Path) -> str:
    """A sentence for where a name that people know from a bundled model has led to another one; else empty."""
    bundled = bundled_name(str(name_or_path))
    if bundled is None or bundled.resolve() == folder.resolve():
        return ""
    return f"{name_or_path} is your model in {folder.resolve()}, and not the bundled one of this name"


def find_model(name_or_path: str | Path, *extra: Path) -> Path:
    """Folder of a model given by name ("membrane"), by one of its targets, or by path.

    Raises
    ------
    EmsegError
        If there is no such model; the message lists those that exist.
    """
    path = Path(name_or_path)
    if (path / CARD).is_file():
        return path
    models = list_models(*extra)
    if str(name_or_path) in models:
        return models[str(name_or_path)]
    others = other_names(models)
    if str(name_or_path) in others:
        return others[str(name_or_path)]
    known = ", ".join(sorted({*models, *others})) or "none"
    raise EmsegError("no such model", str(name_or_path), f"choose one of: {known}; or give a model folder")
