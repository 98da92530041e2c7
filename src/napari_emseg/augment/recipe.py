"""An augmentation recipe: which augmentations are on and how strong, from YAML, a preset or a form.

A recipe file names what is on; everything else is off::

    about: sections that flicker, slip and get lost
    mirror: {}                        # with its default settings
    affine: {rotation_deg: 180}
    lost: {per_section: 0.05}
    defects: {gap_sections: 2}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from pydantic import Field, ValidationError, model_validator

from napari_emseg.augment import APPEARANCE, DEFECTS, GEOMETRY
from napari_emseg.augment.affine import Affine
from napari_emseg.augment.artefact import Artefact
from napari_emseg.augment.blur import Blur
from napari_emseg.augment.charging import Charging
from napari_emseg.augment.clahe import Clahe
from napari_emseg.augment.compression import Compression
from napari_emseg.augment.defects import Defects
from napari_emseg.augment.defocus import Defocus
from napari_emseg.augment.drop import Drop
from napari_emseg.augment.elastic import Elastic
from napari_emseg.augment.elektronn import Elektronn
from napari_emseg.augment.emboss import Emboss
from napari_emseg.augment.fold import Fold
from napari_emseg.augment.geometry import Geometry
from napari_emseg.augment.intensity import Intensity
from napari_emseg.augment.lost import Lost
from napari_emseg.augment.low_contrast import LowContrast
from napari_emseg.augment.median import Median
from napari_emseg.augment.mirror import Mirror
from napari_emseg.augment.missing import Missing
from napari_emseg.augment.motion_blur import MotionBlur
from napari_emseg.augment.noise import Noise
from napari_emseg.augment.partial import Partial
from napari_emseg.augment.paste import Paste
from napari_emseg.augment.perspective import Perspective
from napari_emseg.augment.piecewise_affine import PiecewiseAffine
from napari_emseg.augment.pincushion import Pincushion
from napari_emseg.augment.resampling import Interpolation
from napari_emseg.augment.scale_shift import ScaleShift
from napari_emseg.augment.sharpen import Sharpen
from napari_emseg.augment.shot_noise import ShotNoise
from napari_emseg.augment.slip import Slip
from napari_emseg.augment.smooth_noise import SmoothNoise
from napari_emseg.augment.stains import Stains
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.resources import resource_path
from napari_emseg.settings import Settings
from napari_emseg.settings.faults import first_fault
from napari_emseg.settings.written import YamlError, read_yaml

if TYPE_CHECKING:
    from pathlib import Path

NAMES: tuple[str, ...] = (*GEOMETRY, *APPEARANCE, *DEFECTS)
"""All augmentations, in the order in which they are applied."""

FOLDER = "augmentation"


class Augmentation(Settings):
    """All augmentations of a training; None leaves one out.

    Those that are on by default suit a network that sees one section with its neighbours. In YAML the name of a
    preset may stand for the whole.
    """

    about: str = ""
    interpolation: Interpolation = Field("linear", description="of grey values; labels are always nearest")
    geometry: Geometry | None = Field(default_factory=Geometry)
    elastic: Elastic | None = None
    smooth_noise: SmoothNoise | None = None
    piecewise_affine: PiecewiseAffine | None = None
    pincushion: Pincushion | None = None
    perspective: Perspective | None = None
    affine: Affine | None = None
    drop: Drop | None = None
    mirror: Mirror | None = None
    slip: Slip | None = None
    paste: Paste | None = None
    intensity: Intensity | None = Field(default_factory=Intensity)
    elektronn: Elektronn | None = None
    scale_shift: ScaleShift | None = None
    clahe: Clahe | None = None
    blur: Blur | None = Field(default_factory=Blur)
    defocus: Defocus | None = None
    motion_blur: MotionBlur | None = None
    median: Median | None = None
    sharpen: Sharpen | None = None
    emboss: Emboss | None = None
    noise: Noise | None = Field(default_factory=Noise)
    shot_noise: ShotNoise | None = None
    charging: Charging | None = None
    stains: Stains | None = Field(default_factory=Stains)
    compression: Compression | None = None
    missing: Missing | None = Field(default_factory=Missing)
    lost: Lost | None = None
    low_contrast: LowContrast | None = None
    artefact: Artefact | None = None
    fold: Fold | None = None
    partial: Partial | None = None
    defects: Defects = Field(default_factory=Defects)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return load_recipe(value).model_dump() if isinstance(value, str) else value

    @property
    def active(self) -> tuple[str, ...]:
        """Names of the augmentations that are on."""
        return tuple(name for name in NAMES if getattr(self, name) is not None)


def settings_class(name: str) -> type[Settings]:
    """Settings model of an augmentation."""
    annotation: Any = Augmentation.model_fields[name].annotation
    found: type[Settings] = annotation.__args__[0]
    return found


def only(**entries: Settings) -> Augmentation:
    """A recipe of these augmentations and nothing else."""
    off: dict[str, Any] = dict.fromkeys(NAMES)
    return Augmentation(**(off | entries))


def parse_recipe(text: str, where: str = "recipe") -> Augmentation:
    """Read a recipe in YAML; what it does not name is off.

    Raises
    ------
    EmsegError
        If it is not YAML, or names or values are wrong.
    """
    try:
        content = read_yaml(text)
    except YamlError as error:
        raise EmsegError("the augmentation recipe is not YAML", where, str(error)) from error
    if not isinstance(content, dict):
        raise EmsegError("the augmentation recipe is empty", where, "name at least one augmentation")
    content = {k: {} if v is None and k in NAMES else v for k, v in content.items()}
    off: dict[str, Any] = dict.fromkeys(NAMES)
    try:
        return Augmentation.model_validate(off | content)
    except ValidationError as error:
        raise EmsegError(
            "the augmentation recipe is wrong", where, first_fault(error, Augmentation)
        ) from error


def recipe_text(recipe: Augmentation) -> str:
    """A recipe as YAML, so that `parse_recipe` gives it back."""
    content = recipe.model_dump(exclude_none=True)
    content = {k: v for k, v in content.items() if v != ""}
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def presets() -> dict[str, Path]:
    """Recipes that come with the program, by name."""
    folder = resource_path(FOLDER)
    return {p.stem.replace("-", " "): p for p in sorted(folder.glob("*.yaml"))}


def load_recipe(name: str) -> Augmentation:
    """A recipe by the name of a preset, or from YAML text.

    Raises
    ------
    EmsegError
        If there is no such preset, or the text is no recipe.
    """
    if ":" in name:
        return parse_recipe(name)
    found = presets()
    if name not in found:
        raise EmsegError("there is no such augmentation recipe", name, f"choose one of: {', '.join(found)}")
    return parse_recipe(found[name].read_text("utf-8"), str(found[name]))
