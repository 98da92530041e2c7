"""Training recipes in YAML: the settings of a training and the data that it learns from.

A recipe is a `TrainRecipe` with a list of volumes::

    name: membrane
    steps: 3000
    volumes:
      - name: mine
        image: ${HOME}/stack.h5::raw        # anything that napari-emseg reads; a.h5@b.h5 lists several
        voxel_size_nm: [50, 4.6, 4.6]       # where the file does not say
        train: 0-11                         # sections that teach
        validate: 12-15                     # sections that only score
        truth:
          membrane: {path: membranes/}      # non-zero is the target
          mitochondria: {path: mito/, above: 127}
          segment: {path: membranes/, below_is_target: true, distance_nm: 150}   # distance inside cells
      - name: objects
        image: raw.tif
        truth:
          membrane: {objects: labels.tif}   # object ids: membranes are drawn between them
      - phantom: {shape: [20, 512, 512], seeds: [0, 1]}

Relative paths start at the recipe; ``${NAME}`` is taken from the environment.
"""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import Directed, TrainingVolume
from napari_emseg.core.section_list import parse_sections
from napari_emseg.core.stack import pixel_size
from napari_emseg.core.words import counted
from napari_emseg.jobs.recipe_truth import TruthSource, check_mask, distance_levels, truth_of
from napari_emseg.settings import Settings
from napari_emseg.settings.faults import first_fault
from napari_emseg.settings.written import YamlError, read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


class PhantomSource(Settings):
    """Synthetic stacks with exact truth."""

    shape: tuple[int, int, int] = (20, 512, 512)
    spacing_nm: tuple[float, float, float] = (50.0, 4.6, 4.6)
    seeds: tuple[int, ...] = (0,)
    segment_nm: float = Field(
        0.0, ge=0, description="also a target `segment`: the distance to the border inside cells, up to this"
    )
    options: dict[str, Any] = Field(default_factory=dict, description="passed to PhantomSettings")


class VolumeSource(Settings):
    """One stack of a recipe."""

    model_config = ConfigDict(coerce_numbers_to_str=True)  # YAML makes a number of a name like 7

    name: str = "volume"
    image: str = ""
    voxel_size_nm: tuple[float, float, float] | None = None
    train: str = Field(
        "", description='sections that teach, as "0-11,14"; empty takes all that do not validate'
    )
    validate_: str = Field("", alias="validate", description="sections that only score")
    truth: dict[str, TruthSource] = Field(default_factory=dict)
    share: float = Field(1.0, gt=0)
    phantom: PhantomSource | None = None

    @field_validator("train", "validate_", mode="before")
    @classmethod
    def _one_section(cls, value: Any) -> Any:
        """YAML makes a number of a list that holds one section only; a list in brackets means the same."""
        if value == []:
            raise ValueError("the list is empty: name sections, or leave it out")
        return ",".join(map(str, value)) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _one_kind(self) -> VolumeSource:
        if (self.phantom is None) == (not self.image):
            raise ValueError("give image or phantom")
        if self.phantom is not None and self.truth:
            raise ValueError("a phantom brings its own truth")
        return self


def read_recipe(path: Path) -> tuple[dict[str, Any], tuple[VolumeSource, ...]]:
    """Settings (for `TrainRecipe`) and volumes of a YAML recipe.

    Raises
    ------
    EmsegError
        If the file is missing, is not YAML, or has unknown or wrong entries.
    """
    try:
        content = read_yaml(path.read_bytes())
    except OSError as error:
        why = (error.strerror or "it is not there").lower()
        raise EmsegError(f"the recipe cannot be read ({why})", str(path), "check the path") from error
    except YamlError as error:
        raise EmsegError("the recipe is not YAML", str(path), str(error)) from error
    if not isinstance(content, dict) or not content.get("volumes"):
        raise EmsegError("the recipe names no data", str(path), "add a list called volumes")
    volumes = content.pop("volumes")
    if not isinstance(volumes, list):
        raise EmsegError("volumes of the recipe is no list", str(path), "begin each volume with a dash")
    return content, tuple(_volume(one, n, path) for n, one in enumerate(volumes, 1))


def _volume(content: Any, number: int, path: Path) -> VolumeSource:
    """One entry of the list of volumes."""
    try:
        return VolumeSource.model_validate(content)
    except ValidationError as error:
        name = content.get("name") if isinstance(content, dict) else None
        which = f"volume {number}" + (f" ({name})" if name else "")
        raise EmsegError(
            "a volume of the recipe is wrong", f"{path}, {which}", first_fault(error, VolumeSource)
        ) from error


def load_volumes(sources: tuple[VolumeSource, ...], base: Path) -> list[TrainingVolume]:
    """Read all volumes of a recipe into memory; those of the same name are numbered, so that their scores stay apart.

    Parameters
    ----------
    base : Path
        Folder at which relative paths start.
    """
    found = [volume for source in sources for one in listed(source, base) for volume in _load(one, base)]
    taken = {volume.name for volume in found}
    for n, volume in enumerate(found):
        if volume.name in (other.name for other in found[:n]):
            name = next(new for k in itertools.count(2) if (new := f"{volume.name}-{k}") not in taken)
            taken.add(name)
            found[n] = replace(volume, name=name)
    return found


def listed(source: VolumeSource, base: Path) -> tuple[VolumeSource, ...]:
    """The volumes that a source with a list like ``a.h5@b.h5`` stands for, or the source itself.

    Truth is listed in the same order. Volumes may differ in shape; each takes part by the pixels it has.

    Raises
    ------
    EmsegError
        If a list of truth is not as long as that of images.
    """
    from napari_emseg.io.volume_list import split_volumes

    if source.phantom is not None:
        return (source,)
    images = split_volumes(resolve(source.image, base), base)
    if len(images) == 1:
        return (source,)
    truths: list[dict[str, TruthSource]] = [{} for _ in images]
    for target, truth in source.truth.items():
        key = "objects" if truth.objects else "path"
        paths = split_volumes(resolve(getattr(truth, key), base), base)
        if len(paths) != len(images):
            raise EmsegError(
                f"there are {counted(len(images), 'image')} and {counted(len(paths), f'file of {target}', f'files of {target}')}",
                source.image,
                "name one for each image, with @ between them",
            )
        for one, path in zip(truths, paths, strict=True):
            one[target] = truth.model_copy(update={key: path})
    return tuple(
        source.model_copy(update={"name": f"{source.name}-{k}", "image": image, "truth": truth})
        for k, (image, truth) in enumerate(zip(images, truths, strict=True))
    )


def _load(source: VolumeSource, base: Path) -> Iterator[TrainingVolume]:
    if source.phantom is not None:
        yield from _phantoms(source, source.phantom)
        return
    from napari_emseg.io import open_image

    stack = open_image(resolve(source.image, base), spacing_nm=source.voxel_size_nm)
    if stack.spacing_nm is None:
        raise EmsegError("the voxel size is unknown", source.image, "give voxel_size_nm in the recipe")
    image = np.asarray(stack.data[:])
    spacing = stack.spacing_nm
    train, validate = _split(source, len(image))
    graded = {
        t: s.distance_nm or s.graded_nm for t, s in source.truth.items() if s.distance_nm or s.graded_nm
    }
    truth: dict[str, NDArray[np.uint8]] = {}
    directed: dict[str, Directed] = {}
    weights: dict[str, NDArray[np.float32]] = {}
    read: dict[tuple[str, str, tuple[str, ...]], NDArray[Any]] = {}
    for target, one in source.truth.items():
        key = (one.objects or one.path, one.classes, one.keep)
        if key not in read:  # several targets are often made of the same objects
            read[key] = _values(one, base, image.shape)
        truth[target] = truth_of(one, read[key], spacing)
        objects = read[key] if one.objects else None
        if objects is not None and (made := one.directed(objects, one.ignore)) is not None:
            directed[target] = made
        if one.weights.matters:
            weights[target] = one.weight_map(truth[target], objects, spacing, train)
        check_mask(one, read[key], target)
    yield TrainingVolume(
        source.name, image, pixel_size(spacing), truth, train, validate, source.share, graded=graded, directed=directed,
        weights=weights,
    )  # fmt: skip


def _split(source: VolumeSource, n_sections: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Sections that teach, and those that score."""
    validate = parse_sections(source.validate_, n_sections)
    train = parse_sections(source.train, n_sections)
    if not source.train:
        train = tuple(z for z in range(n_sections) if z not in validate)
    if both := sorted(set(train) & set(validate)):
        numbers = f"section {both[0]} is" if len(both) == 1 else f"sections {', '.join(map(str, both))} are"
        raise EmsegError(
            f"{numbers} to teach and to score",
            source.name,
            "name each under train or under validate",
        )
    return train, validate


def _values(source: TruthSource, base: Path, shape: tuple[int, ...]) -> NDArray[Any]:
    """Ids, or a mask with its grey values; objects of other classes are taken out."""
    from napari_emseg.io import open_array

    path = source.objects or source.path
    values = np.asarray(open_array(resolve(path, base))[0][:])
    if values.shape != shape:
        raise EmsegError("truth and image differ in shape", path, f"truth {values.shape}, image {shape}")
    if not source.classes:
        return values
    from napari_emseg.algorithms.targets.classes import keep_classes
    from napari_emseg.io.classes import read_classes

    return keep_classes(values, read_classes(Path(resolve(source.classes, base))), source.keep)


def _phantoms(source: VolumeSource, phantom: PhantomSource) -> Iterator[TrainingVolume]:
    from napari_emseg.phantom import PhantomSettings, make_phantom

    try:
        settings = PhantomSettings(**phantom.options)
    except ValidationError as error:
        raise EmsegError(
            "the options of a phantom are wrong", source.name, first_fault(error, PhantomSettings)
        ) from error
    pixel = pixel_size(phantom.spacing_nm)
    for seed in phantom.seeds:
        made = make_phantom(phantom.shape, phantom.spacing_nm, seed=seed, settings=settings)
        truth = {
            "membrane": np.asarray(made.membranes > 0, dtype=np.uint8),
            "mitochondria": np.asarray(made.mitochondria > 0, dtype=np.uint8),
            "cleft": np.asarray(made.clefts > 0, dtype=np.uint8),
        }
        graded = {"segment": phantom.segment_nm} if phantom.segment_nm else {}
        if graded:
            cells = np.where(made.membranes > 0, 0, made.labels)
            truth["segment"] = distance_levels(cells, phantom.segment_nm / pixel)
        train, validate = _split(source, len(made.image))
        name = f"{source.name if source.name != 'volume' else 'phantom'}-{seed}"
        yield TrainingVolume(
            name, made.image, pixel, truth, train, validate, source.share, graded=graded, synthetic=True
        )


def resolve(path: str, base: Path) -> str:
    """Fill in ``${NAME}`` from the environment, and start a relative path at `base`.

    Raises
    ------
    EmsegError
        If the environment lacks the variable.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise EmsegError(
                "an environment variable of the recipe is not set", match[1], f"set it: {path} needs it"
            )
        return os.environ[match[1]]

    filled = os.path.expanduser(re.sub(r"\$\{(\w+)\}", value, path))  # noqa: PTH111 - "sample:" is no path
    return filled if Path(filled).is_absolute() or filled.startswith("sample:") else str(base / filled)
