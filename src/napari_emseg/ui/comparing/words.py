"""What the comparison says: scores with their units and what they mean, and the colours of the errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_emseg.algorithms.metrics.error_map import EXTRA, MERGE, MISSED, SPLIT

if TYPE_CHECKING:
    from collections.abc import Mapping

COLOURS: dict[int, str] = {SPLIT: "#f0e442", MERGE: "#d55e00", MISSED: "#56b4e9", EXTRA: "#cc79a7"}
"""Of Okabe and Ito's palette, which colour-blind eyes tell apart (jfly.uni-koeln.de/color)."""

TITLES: dict[int, str] = {SPLIT: "Split", MERGE: "Merged", MISSED: "Missed", EXTRA: "Not in truth"}

MORE: dict[int, str] = {
    SPLIT: "A true object that lies in two or more segments. The line is drawn where it was cut; where the id changes "
    "between two sections, the whole area is",
    MERGE: "Part of a segment that is another true object than most of it",
    MISSED: "A true object, or part of it, without any segment",
    EXTRA: "A segment where the truth has nothing. Such pixels are not scored",
}


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """One score for people.

    Parameters
    ----------
    title, value, meaning, more : str
        The value carries its unit; ``meaning`` fits on the line, ``more`` is a sentence.
    """

    title: str
    value: str
    meaning: str
    more: str


def score_lines(scores: Mapping[str, float | str | None]) -> tuple[ScoreLine, ...]:
    """The main scores in words.

    Parameters
    ----------
    scores : mapping
        Of `napari_emseg.jobs.compare.Comparison`.
    """

    def number(key: str, unit: str = "") -> str:
        value = scores.get(key)
        return f"{value:.3f}{unit}" if isinstance(value, int | float) else "not defined"

    merges, splits, missed = (int(scores[k] or 0) for k in ("merges_needed", "splits_needed", "missed"))
    share = scores.get("link_accuracy")
    links = f"{100 * share:.1f} %" if isinstance(share, int | float) else "none"
    return (
        ScoreLine(
            "To correct", str(merges + splits + missed), f"merge {merges}, cut {splits}, missed {missed}",
            f"What a person would have to do to the {scores['objects']} true objects of at least 64 voxels",
        ),
        ScoreLine(
            "Split error", number("voi_split", " bit"), "cut apart; best is 0",
            "Variation of information, H(other | truth): how much is not known of the segment when the object is known",
        ),
        ScoreLine(
            "Merge error", number("voi_merge", " bit"), "run together; best is 0",
            "Variation of information, H(truth | other): how much is not known of the object when the segment is known",
        ),
        ScoreLine(
            "Rand error", number("adapted_rand_error"), "adapted; best is 0",
            "Adapted Rand error of SNEMI3D: one minus the F score of pairs of voxels that belong together",
        ),
        ScoreLine(
            "V_rand", number("v_rand"), "pairs; best is 1",
            "Foreground-restricted Rand score of ISBI 2012: voxels without a segment are lines and count alone",
        ),
        ScoreLine(
            "V_info", number("v_info"), "information; best is 1",
            "Foreground-restricted information score of ISBI 2012",
        ),
        ScoreLine(
            "Links right", links, f"of {scores['links']} between sections",
            "Links from section to section that were made rightly, of all that are true or were made",
        ),
    )  # fmt: skip


def size_words(voxels: int, voxel_nm3: float | None) -> str:
    """A volume for people, without its unit."""
    return str(voxels) if voxel_nm3 is None else f"{voxels * voxel_nm3 / 1e9:.2g}"
