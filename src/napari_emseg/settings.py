"""Settings, one frozen model per stage.

Each field carries title, help text, unit and bounds: the forms of the panels and the options of the
command line are made from them. Unknown fields are refused.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


def _field(
    default: Any,
    title: str,
    help_text: str,
    *,
    unit: str = "",
    more: bool = False,
    words: dict[str, str] | None = None,
    zero: str = "",
    percent: bool = False,
    **bounds: float,
) -> Any:
    """Describe one setting.

    In its panel ``more`` puts it under *More*, ``words`` are shown for choices and ``zero`` in place of the number 0;
    ``percent`` shows a share between 0 and 1 in per cent.
    """
    return Field(  # type: ignore[call-overload]
        default,
        title=title,
        description=help_text,
        json_schema_extra={
            "unit": unit,
            "more": more,
            "words": dict(words or {}),
            "zero": zero,
            "percent": percent,
        },
        **bounds,
    )


class Settings(BaseModel):
    """Base of all settings: frozen, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PredictSettings(Settings):
    """How a model is applied."""

    tta: Literal["none", "flips", "8", "16"] = _field(
        "none",
        "Look from",
        "average over mirrored (flips: 4) or mirrored and turned (8; 16 with the order of sections) views: "
        "slower, steadier",
        words={"none": "one side (quick)", "flips": "4 sides", "8": "8 sides", "16": "16 sides (slow)"},
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = _field(
        "auto",
        "Compute on",
        "auto takes a graphics card where there is one",
        words={
            "auto": "what is there", "cpu": "processor", "cuda": "graphics card (CUDA)", "mps": "graphics card (Apple)",
        },
    )  # fmt: skip
    smallest_cell_nm2: float = _field(
        550.0,
        "Smallest cell",
        "areas between membranes that are smaller are no cells and are filled (a disc of 26 nm)",
        unit="nm²",
        more=True,
        ge=0,
        le=100000,
    )
    walls: bool = _field(
        True,
        "Mend membranes",
        "close gaps and take false walls away, by what the model has learned about whole membranes",
    )
    also: tuple[str, ...] = _field((), "Also show", "what the model finds beside membranes")
    tile: int = _field(
        512, "Tile", "core size of one tile", unit="px", more=True, ge=64, le=2048, multiple_of=32
    )
    halo: int = _field(
        64,
        "Margin",
        "context around a tile, thrown away afterwards",
        unit="px",
        more=True,
        ge=0,
        le=256,
        multiple_of=32,
    )


class SeedSettings(Settings):
    """Seeds from the distance transform of the boundary map."""

    threshold: float = _field(
        0.4,
        "Membrane above",
        "pixels with a higher membrane probability count as membrane",
        percent=True,
        ge=0.01,
        le=0.99,
    )
    sigma_nm: float = _field(
        0.0, "Smooth", "Gaussian smoothing of the probability", unit="nm", more=True, ge=0, le=200
    )
    min_distance_nm: float = _field(
        15.0,
        "Seed depth",
        "2D only: a seed lies at least this far from the nearest membrane",
        unit="nm",
        ge=0,
        le=500,
    )
    merge_tolerance_nm: float = _field(
        60.0,
        "Merge seeds",
        "2D only: two maxima become one seed unless the neck between them is narrower than the lower one by this",
        unit="nm",
        ge=0,
        le=500,
    )
    dims: Literal[2, 3] = _field(
        2,
        "Dimensions",
        "2: every section on its own, 3: through sections",
        more=True,
        words={"2": "each section (2D)", "3": "through sections (3D)"},
    )


class SegmentSettings(Settings):
    """Watershed from seeds to segments."""

    compactness: float = _field(
        0.0, "Compactness", "2D only: higher gives rounder segments", more=True, ge=0, le=10
    )
    min_size_nm2: float = _field(
        2000.0, "Smallest segment", "smaller segments join their best neighbour", unit="nm²", ge=0, le=1e7
    )
    membrane_lines: bool = _field(
        False, "Leave membranes empty", "keep pixels above the membrane threshold without an id", more=True
    )
    merge_threshold: float = _field(
        0.5,
        "Join below",
        "3D only, and not with auto: neighbours whose common border has a lower mean membrane probability become one",
        more=True,
        ge=0,
        le=1,
    )
    joining: Literal["auto", "mean", "gasp", "multicut", "mutex"] = _field(
        "auto",
        "Join by",
        "3D only: auto learns from all borders of the volume which of them are real; mean takes the weakest mean "
        "border first; gasp, multicut and mutex weigh evidence for and against",
        more=True,
        words={
            "auto": "automatic",
            "mean": "weakest border first",
            "gasp": "evidence (GASP)",
            "multicut": "evidence (multicut)",
            "mutex": "evidence (mutex)",
        },
    )


class TidySettings(Settings):
    """Shapes of objects, and which of them stay."""

    opening_nm: float = _field(
        0.0, "Opening", "takes away what is thinner than twice this", unit="nm", ge=0, le=1e4
    )
    closing_nm: float = _field(
        0.0, "Closing", "fills what is narrower than twice this", unit="nm", ge=0, le=1e4
    )
    erosion_nm: float = _field(
        0.0, "Erosion", "makes objects thinner by this; touching ones part", unit="nm", ge=0, le=1e4
    )
    dilation_nm: float = _field(
        0.0, "Dilation", "makes objects thicker by this, into empty space only", unit="nm", ge=0, le=1e4
    )
    dims: Literal[2, 3] = _field(
        2, "Dimensions", "of these: 2: every section on its own, 3: through sections",
        words={"2": "each section (2D)", "3": "through sections (3D)"},
    )  # fmt: skip
    fill_holes: bool = _field(
        False, "Fill holes", "empty areas of a section inside one object become its own"
    )
    split_parts: bool = _field(
        False, "Number parts", "parts of an object that hang apart get numbers of their own"
    )
    min_volume_um3: float = _field(
        0.0, "Smallest object", "smaller objects are dropped, and counted", unit="µm³", ge=0, le=1e9
    )
    max_volume_um3: float = _field(
        0.0,
        "Largest object",
        "larger objects are dropped, and counted; 0 allows all",
        unit="µm³",
        ge=0,
        le=1e9,
    )
    drop_at_edge: bool = _field(
        False, "Whole objects only", "objects that touch the edge of the sections are dropped, and counted"
    )


class SmoothSettings(Settings):
    """Smoothing of a map that keeps its borders, section by section."""

    median_nm: float = _field(0.0, "Median", "median over a square of this radius", unit="nm", ge=0, le=500)
    bilateral_nm: float = _field(
        0.0,
        "Bilateral",
        "average over pixels that are near, this standard deviation, and alike",
        unit="nm",
        ge=0,
        le=200,
    )
    contrast: float = _field(
        0.2, "Contrast", "bilateral: steps of the probability larger than this stay sharp", ge=0.01, le=1
    )


class InstanceSettings(Settings):
    """Separate things, such as mitochondria, clefts or synapses, from their probability."""

    threshold: float = _field(
        0.5, "Likely above", "voxels with a higher probability belong to a thing", ge=0, le=1
    )
    sigma_nm: float = _field(
        0.0, "Smooth", "Gaussian smoothing within sections", unit="nm", more=True, ge=0, le=500
    )
    sigma_z_nm: float = _field(
        0.0, "Smooth through sections", "Gaussian smoothing along z", unit="nm", more=True, ge=0, le=500
    )
    min_area_nm2: float = _field(
        0.0, "Smallest area", "smaller areas of a section are noise", unit="nm²", more=True, ge=0, le=1e8
    )
    max_area_nm2: float = _field(
        0.0, "Largest area", "larger areas of a section are something else; 0 allows all", unit="nm²", more=True,
        ge=0, le=1e9,
    )  # fmt: skip
    min_volume_um3: float = _field(
        0.001, "Smallest thing", "smaller connected parts are dropped, and counted", unit="µm³", ge=0, le=1000
    )
    min_sections: int = _field(
        1, "Fewest sections", "things that show in fewer sections are dropped", unit="sections", ge=1, le=1000
    )
    split_tolerance_nm: float = _field(
        40.0,
        "Divide at necks",
        "one part becomes two where it is narrower than its smaller side by this; 0 never divides",
        unit="nm",
        ge=0,
        le=1000,
    )
    seed_depth_nm: float = _field(
        20.0,
        "Seed depth",
        "the middle of a thing lies at least this deep",
        unit="nm",
        more=True,
        ge=0,
        le=1000,
    )


class SynapseSettings(Settings):
    """Who synapses onto whom: synapses from their maps, and the cells on their two sides."""

    threshold: float = _field(
        0.5,
        "Likely above",
        "voxels with a higher probability belong to a cleft, or to a side of a synapse",
        ge=0,
        le=1,
    )
    signed_threshold: float = _field(
        0.3,
        "Sided beyond",
        "voxels of a signed map beyond this, up or down, belong to a side",
        more=True,
        ge=0,
        le=1,
    )
    min_volume_nm3: float = _field(
        80_000.0, "Smallest synapse", "smaller ones are dropped, and counted", unit="nm³", ge=0, le=1e9
    )
    join_nm: float = _field(
        8.0, "Join", "every part is widened by this in its sections before parts that then touch become one synapse",
        unit="nm", ge=0, le=500,
    )  # fmt: skip
    split_tolerance_nm: float = _field(
        0.0, "Divide at necks",
        "one cleft becomes two where it is narrower than its smaller side by this; 0 never divides",
        unit="nm", more=True, ge=0, le=1000,
    )  # fmt: skip
    reach_nm: float = _field(
        40.0, "Reach", "cells are looked for up to this far from the cleft; the next section always counts",
        unit="nm", ge=1, le=1000,
    )  # fmt: skip
    gap_nm: float = _field(
        50.0,
        "Widest gap",
        "two cells that are further apart at the cleft are no partners",
        unit="nm",
        ge=0,
        le=1000,
    )
    min_cell_nm3: float = _field(
        500_000.0, "Smallest cell", "segments of which less lies around the synapse are crumbs and no partners",
        unit="nm³", more=True, ge=0, le=1e12,
    )  # fmt: skip
    confidence: float = _field(
        0.5, "Sure above", "pairs of lower confidence are left out, and counted", percent=True, ge=0, le=1
    )
    partners: Literal["many", "one"] = _field(
        "many",
        "Partners",
        "of one synapse: as many as the evidence shows (fly), or the likeliest pair only (most of vertebrates)",
        words={"many": "as many as there are", "one": "one pair"},
    )


class PropagateSettings(Settings):
    """Carry ids from section to section."""

    max_shift_nm: float = _field(
        600.0,
        "Largest step",
        "an object's centre moves at most this far between sections",
        unit="nm",
        ge=0,
        le=10000,
    )
    min_overlap: float = _field(
        0.1,
        "Smallest overlap",
        "links that share less of the smaller object are not made",
        percent=True,
        ge=0,
        le=1,
    )
    max_gap: int = _field(
        2,
        "Bridge",
        "links may skip this many missing or excluded sections",
        unit="sections",
        more=True,
        ge=0,
        le=20,
    )
    doubt_below: float = _field(
        0.8,
        "Doubtful below",
        "links with a lower confidence go to the queue of doubts",
        more=True,
        percent=True,
        ge=0,
        le=1,
    )
    sections: int = _field(
        10, "How far", "ids are carried to so many sections", unit="sections", ge=1, le=1000
    )
    direction: Literal["forwards", "backwards", "both"] = _field(
        "forwards", "Direction", "along increasing or decreasing z"
    )


class FinetuneSettings(Settings):
    """Learning from proofread sections."""

    max_seconds: float = _field(60.0, "Learn for", "time limit", unit="s", ge=5, le=86400)
    learning_rate: float = _field(
        0.0, "Learning rate", "0 takes the default", more=True, zero="automatic", ge=0, le=0.1
    )
    strategy: Literal["auto", "head", "last-blocks", "low-rank", "full"] = _field(
        "auto",
        "Which weights",
        "auto changes all weights, which saved most edits on the fly nerve cord",
        more=True,
        words={
            "auto": "automatic",
            "head": "the last layer (head)",
            "last-blocks": "the last layers",
            "low-rank": "small corrections (low rank)",
            "full": "all",
        },
    )
    membrane_width_nm: float = _field(
        25.0, "Membrane width", "membranes drawn between touching objects", unit="nm", more=True, ge=1, le=200
    )
    max_steps: int = _field(0, "Steps", "0: the clock alone decides", more=True, zero="no limit", ge=0)
    trust: bool = _field(
        False,
        "Learn without checking",
        "all the time goes into learning, none into copies that are scored on what they have not seen; whatever is "
        "learned is kept",
        more=True,
    )
    seed: int = _field(0, "Random seed", "same seed, same samples", more=True, ge=0)
    augmentation: str = _field(
        "gentle",
        "Augmentation",
        "how samples are varied: a preset, or a recipe saved in this project",
        more=True,
    )


class AugmentationSettings(Settings):
    """Augmentation recipes that were saved in a project."""

    recipes: dict[str, str] = _field({}, "Recipes", "name to recipe in YAML")


class DeflickerSettings(Settings):
    """Even out brightness between sections."""

    mean: float = _field(
        0.0, "Mean grey", "mean that every section gets; 0 takes that of the first section", more=True, ge=0
    )
    std: float = _field(
        0.0,
        "Contrast",
        "standard deviation that every section gets; 0 takes that of the first section, -1 leaves it",
        more=True,
        ge=-1,
    )
    radius_px: int = _field(
        47,
        "Local radius",
        "brightness is compared in squares of twice this and one",
        unit="px",
        more=True,
        ge=1,
        le=512,
    )
    sections: int = _field(
        10, "Look around", "neighbours on each side", unit="sections", more=True, ge=1, le=30
    )


class CleanUpSettings(Settings):
    """What is done to every section of a stack before it is worked on."""

    even_out: bool = _field(
        True,
        "Even out brightness",
        "bring brightness and contrast of all sections to one level, also locally",
    )
    bad: Literal["leave", "nearest", "flow"] = _field(
        "nearest",
        "Left-out sections",
        "leave: as they are, nearest: show the nearest good section, flow: show a picture between the neighbours",
        words={"leave": "leave as they are", "nearest": "show the nearest", "flow": "show one in between"},
    )
    mend_cracks: bool = _field(
        False, "Mend cracks", "left-out sections that a crack divides: put the parts where they belong"
    )
    contrast: Literal["leave", "stretch", "equalise"] = _field(
        "leave",
        "Contrast",
        "stretch: use all grey values, equalise: as much contrast everywhere (CLAHE)",
        words={"leave": "leave as it is", "stretch": "use all greys", "equalise": "equal everywhere"},
    )
    radius_px: int = _field(
        47,
        "Local radius",
        "brightness is compared in squares of twice this",
        unit="px",
        more=True,
        ge=1,
        le=512,
    )
    sections: int = _field(
        10, "Look around", "neighbours on each side", unit="sections", more=True, ge=1, le=30
    )
    clip: float = _field(2.0, "Equalise up to", "limit of local contrast", more=True, ge=0.5, le=20)
    use_cleaned: bool = _field(False, "Work on the cleaned copy", "the file itself is never changed")


class MeasureSettings(Settings):
    """Calibre, contact area and volumes of objects."""

    calibre: bool = _field(True, "Calibre", "diameters across the axis of every object, along its length")
    step_nm: float = _field(
        0.0,
        "Cross-section every",
        "way along the axis from one cross-section to the next; 0 takes half a radius",
        unit="nm",
        more=True,
        ge=0,
        le=100000,
    )
    min_voxels: int = _field(
        100, "Calibre from", "smaller objects have no axis", unit="voxels", more=True, ge=1, le=1000000
    )
    contact: bool = _field(True, "Contact area", "which objects touch, and over which area")
    gap_nm: float = _field(
        0.0,
        "Touch across",
        "objects that are this far apart or less touch as well: membranes that belong to nobody; 0 only those whose "
        "voxels share a face",
        unit="nm",
        ge=0,
        le=500,
    )


class AnimateSettings(Settings):
    """How a movie of sections looks."""

    fps: float = _field(10.0, "Sections a second", "a GIF shows at most 50", ge=0.1, le=120)
    scale: int = _field(
        1024,
        "Fit into",
        "the longer side of a frame; sections are never enlarged",
        unit="px",
        ge=16,
        le=16384,
    )
    opacity: float = _field(0.4, "Opacity", "of the colours of objects over the image", ge=0, le=1)
    outlines: bool = _field(False, "Outlines", "borders of objects, instead of filling them")
    dots: bool = _field(False, "Dots", "a dot in the middle of each object, instead of filling it")
    turn: bool = _field(
        False,
        "Turn",
        "instead of sections, the middles of all objects in 3D, turned once around in six seconds",
    )
    dark: float = _field(
        0.2, "Black below", "percentile of the grey values that is black", unit="%", ge=0, le=100
    )
    bright: float = _field(
        99.8, "White above", "percentile of the grey values that is white", unit="%", ge=0, le=100
    )
    caption: bool = _field(True, "Caption", "write the number of the section and a scale bar")
