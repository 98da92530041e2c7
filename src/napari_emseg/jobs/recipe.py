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

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import edt
import numpy as np
import yaml
from pydantic import Field, ValidationError, field_validator
from scipy import ndimage as ndi

from napari_emseg.algorithms.boundaries import membrane_target
from napari_emseg.algorithms.relabel import in_32_bits
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.learning import IGNORE, LEVELS, Directed, TrainingVolume
from napari_emseg.jobs.making import Making
from napari_emseg.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_emseg.core.stack import Spacing

MEMBRANE_WIDTH_NM = 25.0  # two leaflets and the cleft between them in fly neuropil


class TruthSource(Making):
    """Where the truth of one target comes from: a mask, or object ids."""

    path: str = Field("", description="mask: values above `above` (default 0) are the target")
    above: float = 0.0
    below_is_target: bool = Field(False, description="the mask shows what is *not* the target")
    rim_px: float = Field(
        0.0,
        ge=0,
        description="membrane masks: pixels further than this from any cell teach nothing; 0 takes all of them",
    )
    distance_nm: float = Field(
        0.0,
        ge=0,
        description="the target is not the mask, or the objects, but the distance to their border inside them, "
        "up to this",
    )
    objects: str = Field("", description="object ids; 0 is border or outside")
    ignore: int | None = Field(None, description="object id that supervises nothing")


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
        """YAML makes a number of a list that holds one section only."""
        return str(value) if type(value) is int else value


def parse_sections(text: str, n_sections: int) -> tuple[int, ...]:
    """Numbers in ``"3,5-7"``, in order and without repeats.

    Raises
    ------
    EmsegError
        If it is not a list of sections, or names one that the stack does not have.
    """
    numbers: set[int] = set()
    for part in filter(None, (p.strip() for p in text.split(","))):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if not match:
            raise EmsegError("not a list of sections", repr(text), 'write it like "3,5-7"')
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last >= n_sections:
            raise EmsegError("no such section", part, f"the stack has sections 0 to {n_sections - 1}")
        numbers |= set(range(first, last + 1))
    return tuple(sorted(numbers))


def read_recipe(path: Path) -> tuple[dict[str, Any], tuple[VolumeSource, ...]]:
    """Settings (for `TrainRecipe`) and volumes of a YAML recipe.

    Raises
    ------
    EmsegError
        If the file is missing, is not YAML, or has unknown or wrong entries.
    """
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise EmsegError(
            "the recipe cannot be read", str(path), error.strerror or "check the path"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise EmsegError("the recipe is not YAML", str(path), str(error).splitlines()[0]) from error
    if not isinstance(content, dict) or not content.get("volumes"):
        raise EmsegError("the recipe names no data", str(path), "add a list called volumes")
    volumes = content.pop("volumes")
    try:
        return content, tuple(VolumeSource.model_validate(v) for v in volumes)
    except ValidationError as error:
        raise EmsegError("a volume of the recipe is wrong", str(path), first_fault(error)) from error


def first_fault(error: ValidationError) -> str:
    """The first fault of a settings check, in one line."""
    fault = error.errors()[0]
    return f"{'.'.join(str(p) for p in fault['loc'])}: {fault['msg']}"


def load_volumes(sources: tuple[VolumeSource, ...], base: Path) -> list[TrainingVolume]:
    """Read all volumes of a recipe into memory.

    Parameters
    ----------
    base : Path
        Folder at which relative paths start.
    """
    return [volume for source in sources for one in listed(source, base) for volume in _load(one, base)]


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
                f"there are {len(images)} images and {len(paths)} files of {target}",
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
    validate = parse_sections(source.validate_, len(image))
    train = parse_sections(source.train, len(image))
    if not source.train:
        train = tuple(z for z in range(len(image)) if z not in validate)
    if both := sorted(set(train) & set(validate)):
        raise EmsegError(
            f"sections {', '.join(map(str, both))} are to teach and to score",
            source.name,
            "name each under train or under validate",
        )
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
        truth[target] = _truth(one, read[key], spacing)
        objects = read[key] if one.objects else None
        if objects is not None and (made := one.directed(objects, one.ignore)) is not None:
            directed[target] = made
        if one.weights.matters:
            weights[target] = one.weight_map(truth[target], objects, spacing, train)
    yield TrainingVolume(
        source.name, image, spacing[2], truth, train, validate, source.share, graded=graded, directed=directed,
        weights=weights,
    )  # fmt: skip


def _values(source: TruthSource, base: Path, shape: tuple[int, ...]) -> NDArray[Any]:
    """Ids, or a mask with its grey values; objects of other classes are taken out."""
    from napari_emseg.io import open_array

    path = source.objects or source.path
    values = np.asarray(open_array(resolve(path, base))[0][:])
    if values.shape != shape:
        raise EmsegError("truth and image differ in shape", path, f"truth {values.shape}, image {shape}")
    if not source.classes:
        return values
    from napari_emseg.algorithms.targets.classes import keep_classes, read_class_table

    where = resolve(source.classes, base)
    try:
        table = read_class_table(Path(where).read_text("utf-8"), where)
    except (OSError, UnicodeDecodeError) as error:
        raise EmsegError("the table of classes cannot be read", where, "check the path") from error
    return keep_classes(values, table, source.keep)


def _truth(source: TruthSource, values: NDArray[Any], spacing_nm: Spacing) -> NDArray[np.uint8]:
    pixel_nm = spacing_nm[2]
    if source.objects and not source.distance_nm:
        if source.make != "membrane":
            return source.truth(values, spacing_nm, source.ignore)
        return membranes_of(values, pixel_nm, ignore_id=source.ignore)
    if source.make != "membrane":
        raise EmsegError(f"{source.make} is made of object ids", source.path, "give objects instead of path")
    mask = (values > source.above) != source.below_is_target
    if source.distance_nm:
        return distance_levels(
            values if source.objects else mask, source.distance_nm / pixel_nm, ignore_id=source.ignore
        )
    return only_rim(mask, source.rim_px) if source.rim_px else mask.astype(np.uint8)


def distance_levels(
    objects: NDArray[Any], reach_px: float, *, ignore_id: int | None = None
) -> NDArray[np.uint8]:
    """Distance to the border of the object that a pixel lies in, section by section, as levels of `LEVELS`.

    Parameters
    ----------
    objects : ndarray (z, y, x)
        Object ids or a mask; 0 is outside and has distance 0. A border runs half-way between pixels of different ids;
        that of the section is none.
    reach_px : float
        Distance that the highest level stands for; nothing is further.
    ignore_id : int, optional
        Pixels with this id get ``IGNORE``.
    """
    out = np.empty(objects.shape, np.uint8)
    for z, section in enumerate(objects):
        ids = in_32_bits(section) if section.dtype != bool else section.astype(np.uint8)
        distance = edt.edt(np.ascontiguousarray(ids), black_border=False)
        out[z] = np.rint(np.minimum(distance / reach_px, 1) * LEVELS)
        if ignore_id is not None:
            out[z][section == ignore_id] = IGNORE
    return out


def only_rim(mask: NDArray[np.bool_], rim_px: float) -> NDArray[np.uint8]:
    """Truth from a mask of everything that is not a cell, of which only the rim is membrane for certain.

    Annotators leave glia and whatever they could not follow as "border". A network that has to call such areas
    membrane grows unsure about dark cytoplasm everywhere, so beyond the rim nothing is taught.

    Parameters
    ----------
    mask : ndarray (z, y, x) of bool
        True outside cells.
    rim_px : float
        Distance from the nearest cell, in pixels, up to which the mask is membrane.
    """
    out = mask.astype(np.uint8)
    for section, outside in zip(out, mask, strict=True):
        if outside.all():
            section[:] = IGNORE
        else:
            section[ndi.distance_transform_edt(outside) > rim_px] = IGNORE
    return out


def membranes_of(
    objects: NDArray[Any],
    pixel_nm: float,
    *,
    width_nm: float = MEMBRANE_WIDTH_NM,
    ignore_id: int | None = None,
) -> NDArray[np.uint8]:
    """Membrane truth from object ids, section by section, ``IGNORE`` where it is not known.

    Parameters
    ----------
    objects : ndarray (z, y, x)
        Object ids, 0 for border or outside; a binary mask of cells is split into its 4-connected components.
    """
    out = np.empty(objects.shape, np.uint8)
    for z, section in enumerate(objects):
        target, weight = membrane_target(section, width_nm / pixel_nm, ignore_id=ignore_id)
        out[z] = np.where(weight > 0, target, IGNORE)
    return out


def _phantoms(source: VolumeSource, phantom: PhantomSource) -> Iterator[TrainingVolume]:
    from napari_emseg.phantom import PhantomSettings, make_phantom

    settings = PhantomSettings(**phantom.options)
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
            truth["segment"] = distance_levels(cells, phantom.segment_nm / phantom.spacing_nm[2])
        validate = parse_sections(source.validate_, len(made.image))
        train = tuple(z for z in range(len(made.image)) if z not in validate)
        name = f"{source.name if source.name != 'volume' else 'phantom'}-{seed}"
        pixel = phantom.spacing_nm[2]
        yield TrainingVolume(name, made.image, pixel, truth, train, validate, source.share, graded=graded)


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

    filled = re.sub(r"\$\{(\w+)\}", value, path)
    return filled if Path(filled).is_absolute() or filled.startswith("sample:") else str(base / filled)
