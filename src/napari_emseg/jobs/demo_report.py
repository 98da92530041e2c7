"""The demo's report: one file for programs, one for people."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Any

from napari_emseg.core.atomic import write_atomic
from napari_emseg.core.learning import ENOUGH_STEPS
from napari_emseg.core.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_emseg.jobs.demo import Report

_LISTED = 4
"""Numbers that are written one after the other; of more of them the table tells how they are spread."""

_ROWS = (
    ("edits_per_100_objects", "Edits per 100 objects", "{:.1f}"),
    ("v_rand", "V_rand", "{:.4f}"),
    ("v_info", "V_info", "{:.4f}"),
)


def write(report: Report, folder: Path) -> None:
    """Write ``report.json`` and ``report.md``."""
    content = report.as_dict()
    content["verdict"] = verdict(content)
    write_atomic(folder / "report.json", (json.dumps(content, indent=1) + "\n").encode(), after_killed=True)
    write_atomic(folder / "report.md", as_markdown(content).encode(), after_killed=True)


def as_markdown(content: dict[str, Any]) -> str:
    """The report in words and two tables."""
    began = f"begun with the model {content['model_at_first']}"
    lines = [
        f"# The loop on the sample {content['sample']}",
        "",
        f"{content['program']}, {content['device']}, {content['seconds']:.0f} s in all, {began}.",
        "",
        "| step | seconds | numbers |",
        "|---|---|---|",
    ]
    for step in content["steps"]:
        numbers = ", ".join(
            f"{key.replace('_', ' ')} {_short(value)}"
            for key, value in step.items()
            if key not in ("step", "seconds")
        )
        lines.append(f"| {step['step']} | {step['seconds']:.1f} | {numbers} |")
    columns = [content["before"], content.get("not_kept", content["after"])]
    titles = ["before", "with the model that was not kept" if "not_kept" in content else "after"]
    lines += [
        "",
        (
            f"{len(content['scored_sections'])} sections that did not teach, before and after learning from "
            f"section {content['section']} ({counted(content['training_steps'], 'step')}):"
        ),
        "",
        f"| | {titles[0]} | {titles[1]} |",
        "|---|---|---|",
    ]
    for key, words, form in _ROWS:
        lines.append(f"| {words} | {' | '.join(form.format(column[key]) for column in columns)} |")
    return "\n".join([*lines, "", verdict(content), ""])


def verdict(content: Mapping[str, Any]) -> str:
    """What became of the new model, why, and whether that was right; a person knows the first two only.

    Parameters
    ----------
    content : mapping
        As `Report.as_dict` gives it.
    """
    key = _ROWS[0][0]
    before = content["before"][key]
    little = f"There was time for {counted(content['training_steps'], 'step')}; --learn-seconds gives more."
    longer = f" {little}" if content["training_steps"] < ENOUGH_STEPS else ""
    if content["new_model_kept"]:
        after = content["after"][key]
        text = "The new model was kept: on what was held back from it, fewer corrections are needed."
        if after < before:
            return f"{text} So it is on the other sections: {after:.1f} edits per 100 objects instead of {before:.1f}."
        if after == before:
            return f"{text} On the other sections it is as good as before.{longer}"
        return (
            f"{text} On the other sections more are needed: {after:.1f} edits per 100 objects instead of {before:.1f}. "
            f"A part of one section is little to judge by: proofread another one and let it learn again, or go back to the "
            f"version before.{longer}"
        )
    text = "The new model was not kept: on what was held back from it, learning did not help. The present one stays."
    if "not_kept" not in content:
        return f"{text}{longer}"
    other = content["not_kept"][key]
    was = "right" if other > before else "a pity" if other < before else "no loss"
    return (
        f"{text} That was {was}: the other sections need {before:.1f} edits per 100 objects with the present model, and "
        f"{other:.1f} with the one that was not kept.{longer}"
    )


def _short(value: Any) -> str:
    if isinstance(value, list) and len(value) > _LISTED:
        low, middle, high = min(value), statistics.median(value), max(value)
        return f"{_short(middle)} (median of {len(value)}, {_short(low)} to {_short(high)})"
    if isinstance(value, list):
        return " ".join(_short(part) for part in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
