"""The image of a project: found where it lies now, with the voxel size that the person has given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_emseg.core.errors import EmsegError
from napari_emseg.core.fingerprint import differing

if TYPE_CHECKING:
    from napari_emseg.core.project import Project
    from napari_emseg.core.stack import ImageStack


def image_of(project: Project, image: ImageStack | None = None) -> ImageStack:
    """The image of a project.

    Parameters
    ----------
    project : Project
    image : ImageStack, optional
        If it is open already, or lies somewhere else now.

    Raises
    ------
    EmsegError
        If it is gone, or has another shape.
    """
    image = _with_known_spacing(image or _find_image(project), project)
    if image.shape != project.image.shape:
        raise EmsegError(
            f"the image has another shape {image.shape} than this project {project.image.shape}",
            image.uri,
            "open the image that the project was made for",
        )
    return image


def words_of_change(project: Project, image: ImageStack) -> str:
    """What to say where an image has other grey values than the one that the labels were made on; else empty.

    Parameters
    ----------
    project : Project
        Knows the fingerprint of that one.
    image : ImageStack
        Of the same shape.
    """
    sections = differing(project.image.fingerprint, image.fingerprint)
    if not sections:
        return ""
    *most, last = (str(z) for z in sections)
    where = f"sections {', '.join(most)} and {last}" if most else f"section {last}"
    if image.uri.startswith("sample:"):
        return (
            f"The sample is drawn in another way than when these labels were made (other grey values in {where}): "
            f"where they do not fit, rename {project.folder} and open the sample again."
        )
    return (
        f"The image is not the one on which these labels were made (other grey values in {where}): "
        "where they do not fit, put the right image back and open the project again."
    )


def _with_known_spacing(image: ImageStack, project: Project) -> ImageStack:
    """A voxel size is asked for once: what the person said wins over what the file says or lacks."""
    known = project.image
    if known.spacing_nm is None or (image.spacing_nm is not None and known.spacing_source != "you"):
        return image
    return replace(image, spacing_nm=known.spacing_nm, spacing_source=known.spacing_source)


def _find_image(project: Project) -> ImageStack:
    """Open the image that a project refers to."""
    from napari_emseg.io import open_image  # only needed when the image is not open yet

    wanted = project.image
    if not wanted.uri:  # as a path that would be the working directory
        raise EmsegError(
            "the image of this project was in no file",
            wanted.name,
            "save it to one, and say where that lies",
            action="find_image",
        )
    given = wanted.spacing_nm if wanted.spacing_source == "you" else None
    places = wanted.candidates(project.folder)
    for uri in places:
        if uri.startswith("sample:") or Path(uri.partition("::")[0]).exists():
            image: ImageStack = open_image(uri, spacing_nm=given)
            return image
    raise EmsegError(
        "the image of this project is gone",
        places[0],
        "put it back, or say where it lies now",
        action="find_image",
    )
