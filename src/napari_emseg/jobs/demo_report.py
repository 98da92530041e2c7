"""The demo's report: one file for programs, one for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from napari_emseg.core.atomic import write_atomic

if TYPE_CHECKING:
    from pathlib import Path

    from napari_emseg.jobs.demo import Report

_ROWS = (
    ("edits_per_100_objects", "Edits per 100 objects", "{:.1f}"),
    ("v_rand", "V_rand", "{:.4f}"),
    ("v_info", "V_info", "{:.4f}"),
)


def write(report: Report, folder: Path) -> None:
    """Write ``report.json`` and ``report.md``."""
    content = report.as_dict()
    write_atomic(folder / "report.json", (json.dumps(content, indent=1) + "\n").encode())
    write_atomic(folder / "report.md", as_markdown(content).encode())


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
    kept = (
        "kept"
        if content["new_model_kept"]
        else "not kept: on what was held back from it, learning did not help"
    )
    lines += [
        "",
        (
            f"{len(content['scored_sections'])} sections that did not teach, before and after learning from "
            f"section {content['section']}:"
        ),
        "",
        "| | before | after |",
        "|---|---|---|",
    ]
    for key, words, form in _ROWS:
        lines.append(
            f"| {words} | {form.format(content['before'][key])} | {form.format(content['after'][key])} |"
        )
    return "\n".join([*lines, "", f"The new model was {kept}.", ""])


def _short(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(_short(part) for part in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
