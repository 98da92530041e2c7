"""One command of the command line per file: what it takes, and which job it starts.

A module has a docstring that ``--help`` shows, ``add_arguments(parser)``, and ``run(args, progress) -> int``,
the exit status. Adding a command is one file and one line here.
"""

from __future__ import annotations

COMMANDS: dict[str, str] = {
    "demo": "the whole loop on the built-in sample, with a report",
    "predict": "probabilities of membranes, or what else a model knows, for a stack",
    "preprocess": "clean up a stack, and take that back exactly",
    "segment": "membrane probability to a label volume",
    "instances": "probability of separate things, such as mitochondria or clefts, to objects",
    "tidy": "smooth, open, close, fill and drop objects; their ids stay",
    "join": "labels of several files as one volume with one id space",
    "synapses": "who synapses onto whom, from cells and maps of clefts or of both sides",
    "propagate": "per-section labels to consistent ids through the stack",
    "convert": "between all readable and writable formats",
    "animate": "a movie of the sections, with the objects in it",
    "finetune": "teach a model from labelled sections",
    "train": "train a model from a recipe",
    "measure": "calibre, contact area, volume and surface of objects",
    "evaluate": "score a result against ground truth",
    "vast": "exchange labels, names and classes with VAST",
    "roi": "check tables of regions, cut them out, add margins",
    "project": "copy, share, merge and export projects; their history",
    "fewshot": "a target that no model knows, from a handful of clicks",
    "cluster": "SLURM jobs, and workers on other machines",
    "models": "models that can be used by name",
}
"""Command (and module in this package) to one line of help."""
