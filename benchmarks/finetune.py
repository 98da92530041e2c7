"""Claim: one proofread section and a minute on two cores close half of the gap to a model trained long, three most of it.

An oracle plays the biologist: it proofreads one, then three sections of a target stack from ground truth (object ids,
0 = membrane); each time the starting model is fine-tuned from the start through the command line, and sections that it
has *not* learned from are scored. The peers, in the same run, are the starting model and one that was trained long on
all training sections of the target (``--ceiling FOLDER``, or trained here once, by steps, and kept in ``--cache``).

    NAPARI_EMSEG_DATA=... python benchmarks/finetune.py --model runs/membrane-phantom --target vnc --ceiling runs/multi
    NAPARI_EMSEG_DATA=... python benchmarks/finetune.py --model runs/membrane-isbi --target vnc --source isbi --ceiling runs/multi
    NAPARI_EMSEG_DATA=... python benchmarks/finetune.py --model membrane --target fib --source isbi

``--source`` also scores every model on the data that the starting model comes from: what it has forgotten. On a busy
computer seconds mean nothing: ``--steps 220`` is what 60 s come to on two quiet cores.

The truth leaves membranes empty. With ``--window`` the program grows the sections that teach and the oracle corrects them there:
those objects touch, and do not say how thick membranes are.

What one section teaches depends on the section, and two runs differ. ``--each`` lets every one of ``--sections`` teach
alone, scores each time all of ``--score`` but that one, and prints the edits that are left as a share of those before:

    NAPARI_EMSEG_DATA=... python benchmarks/finetune.py --model membrane-isbi --each --sections 1,4,7,10,13 --score 0-15 \
        --ceiling membrane
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from napari_emseg.algorithms.metrics.boundary import boundary_scores
from napari_emseg.core.edit import Region
from napari_emseg.core.section_list import parse_sections
from napari_emseg.io import open_array, open_image, write_array
from napari_emseg.jobs import oracle, predict, segment
from napari_emseg.jobs.engine import Engine
from napari_emseg.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

KEYS = ("edits_per_100_objects", "v_rand", "v_info", "splits_needed", "merges_needed", "missed")
EDITS = KEYS[0]


@dataclass(frozen=True)
class Data:
    """A stack with truth, in the folder of real data.

    Parameters
    ----------
    image, truth : str
    kind : str
        "membranes" (non-zero is membrane), "cells" (non-zero is cell), "ids" (object ids).
    spacing_nm : tuple of float
    train, score : str
        Sections for a long training, and sections that score.
    proofread : str
        Sections that the oracle proofreads, in this order.
    """

    image: str
    truth: str
    kind: str
    spacing_nm: tuple[float, float, float]
    train: str
    score: str
    proofread: str


DATA = {
    "vnc": Data(
        "vnc/stack1/raw", "vnc/stack1/membranes", "membranes", (50, 4.6, 4.6), "0-11", "12-15", "3,9,6"
    ),
    "isbi": Data(
        "isbi2012/train/image", "isbi2012/train/label", "cells", (50, 4, 4), "0-19", "20-24", "5,15,10"
    ),
    "fib": Data("fib/train-image.h5", "fib/train-gt.lzf.h5", "ids", (10, 10, 10), "0-34", "40-49", "17,5,29"),
}


class Stack:
    """One of `DATA`, as the oracle sees it."""

    def __init__(self, name: str, work: Path) -> None:
        self.data, root = DATA[name], Path(os.environ["NAPARI_EMSEG_DATA"])
        self.name, self.image = name, root / self.data.image
        truth = np.asarray(open_array(root / self.data.truth)[0][:])
        self.cells = truth == 0 if self.data.kind == "membranes" else truth != 0
        ids = truth if self.data.kind == "ids" else np.stack([ndi.label(s)[0] for s in self.cells])
        self.labels = work / f"{name}-labels.h5"
        write_array(self.labels, ids.astype(np.uint32), spacing_nm=self.data.spacing_nm)
        self.pixel = ",".join(f"{nm:g}" for nm in self.data.spacing_nm)

    def scores(self, model: Path | str, sections: str, work: Path) -> dict[str, float]:
        """Boundary scores of some sections, predicted with the settings of the viewport."""
        zs = list(parse_sections(sections, len(self.cells)))
        return self.scores_of(self.predicted(model, zs, work), zs)

    def scores_of(self, found: np.ndarray, zs: Sequence[int]) -> dict[str, float]:
        """Boundary scores of maps (z, y, x), one of each section of `zs`."""
        return boundary_scores(self.cells[list(zs)], found)

    def predicted(self, model: Path | str, zs: Sequence[int], work: Path) -> np.ndarray:
        """Membranes (z, y, x) of some sections, in their order."""
        image = np.asarray(open_image(self.image).data[zs[0] : zs[-1] + 1])
        part, out = (work / f"{time.monotonic_ns()}-{kind}.h5" for kind in ("image", "map"))
        write_array(part, image, spacing_nm=self.data.spacing_nm)
        command("predict", part, out, "--model", model, "--targets", "membrane", "--tta", "none")
        found = np.asarray(open_array(out)[0][:])
        for path in (part, out):
            path.unlink()
        return found[[z - zs[0] for z in zs]]


def as_in_the_window(model: Path | str, target: Stack, sections: Sequence[int], work: Path) -> Path:
    """Ids of some sections as they are when the program has grown them and a person has corrected them: they touch."""
    out = np.zeros(target.cells.shape, np.uint32)
    with Engine() as engine:
        session = Session.create(
            work / "window.emseg", open_image(target.image, spacing_nm=target.data.spacing_nm)
        )
        session.model = str(model)
        for z in sections:
            region = Region((z, 0, 0), (z + 1, *out.shape[1:]))
            found = engine.call("napari_emseg.jobs.predict:run", predict.prepare(session, region))
            request = segment.prepare(session, region, found.probability[0])
            session.commit(
                segment.finish(session, request, engine.call("napari_emseg.jobs.segment:run", request))
            )
            oracle.correct(session, z, ~target.cells[z])
            out[z] = session.volume[z]
        session.close()
    write_array(work / "window-labels.h5", out, spacing_nm=target.data.spacing_nm)
    return work / "window-labels.h5"


def command(*args: object) -> None:
    """Run the program as a person would; its own words appear if it fails."""
    program = [sys.executable, "-m", "napari_emseg.cli", *(str(a) for a in args)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)


def trained_long(start: str, target: Stack, steps: int, cache: Path) -> Path:
    """A model that learned from all training sections of the target; made once, gone on with when it was stopped."""
    folder = cache / f"{Path(start).name}-to-{target.name}-{steps}"
    if (folder / "card.json").is_file():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    begin = str(Path(start).resolve()) if Path(start).exists() else start
    volume = {
        "name": target.name, "image": str(target.image.resolve()), "voxel_size_nm": list(target.data.spacing_nm),
        "train": target.data.train, "truth": {"membrane": {"objects": str(cached_labels(target, cache))}},
    }  # fmt: skip
    recipe = {
        "name": folder.name, "arguments": {"widths": [32, 64, 128, 192], "head": 8}, "start_from": begin,
        "emphasis": {"inside": 1.0, "centreline": 2.0}, "steps": steps, "batch": 4, "size": 192, "warm_up": 30,
        "learning_rate": 1e-3, "average": 0.99, "pixel_size_nm": 4.4, "validate_every": 10 * steps,
        "volumes": [volume],
    }  # fmt: skip
    path = cache / f"{folder.name}.yaml"
    path.write_text(json.dumps(recipe))  # JSON is YAML
    resume = ["--resume"] if (folder / "last.ckpt").is_file() else []
    command("train", path, folder, *resume)
    return folder


def cached_labels(target: Stack, cache: Path) -> Path:
    """The oracle's ids where a training that is resumed finds them again."""
    kept = cache / target.labels.name
    if not kept.is_file():
        kept.write_bytes(target.labels.read_bytes())
    return kept.resolve()


def learn(args: argparse.Namespace, target: Stack, listed: str, out: Path) -> float:
    """Fine-tune on some sections of the target as a person would; seconds that took."""
    limit = (
        ["--max-steps", args.steps, "--max-seconds", 86400] if args.steps else ["--max-seconds", args.seconds]
    )
    began = time.monotonic()
    command(
        "finetune", args.model, target.image, target.labels, out, "--sections", listed,
        "--strategy", args.strategy, "--pixel-size", target.pixel, *limit, *["--trust"][: args.trust],
    )  # fmt: skip
    return time.monotonic() - began


def each(args: argparse.Namespace, target: Stack, proofread: Sequence[str], asked: str, work: Path) -> None:
    """Every section teaches alone; the edits that are left on the others, as a share of those before."""
    zs = list(parse_sections(asked, len(target.cells)))
    start = target.predicted(args.model, zs, work)
    long = target.predicted(args.ceiling, zs, work) if args.ceiling else None
    shares = []
    for name in proofread:
        others = [n for n, z in enumerate(zs) if z != int(name)]
        left = [zs[n] for n in others]
        before = target.scores_of(start[others], left)
        row(f"without {name}: before", before, 0)
        if long is not None:
            row(f"without {name}: trained long", target.scores_of(long[others], left), 0)
        seconds = learn(args, target, name, work / f"model-{name}")
        after = target.scores_of(target.predicted(work / f"model-{name}", left, work), left)
        row(f"without {name}: after", after, seconds)
        shares.append(after[EDITS] / before[EDITS])
    print(
        f"edits left by one section: {np.mean(shares):.2f} on average, "
        + ", ".join(f"{s:.2f}" for s in shares)
    )


def row(name: str, values: dict[str, float], seconds: float) -> None:
    """Print one line of the curve."""
    print(f"{name:28s} " + " ".join(f"{values[k]:10.4f}" for k in KEYS) + f" {seconds:8.1f}", flush=True)


def main() -> None:
    """Print the curve, the part of the gap that is closed, and what is forgotten."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, help="starting model")
    parser.add_argument("--target", choices=DATA, default="vnc")
    parser.add_argument("--source", choices=DATA, help="also score on what the starting model comes from")
    parser.add_argument("--sections", default="", help="sections to proofread, in this order")
    parser.add_argument("--counts", default="1,3", help="how many of them teach")
    parser.add_argument("--each", action="store_true", help="every one of them alone")
    parser.add_argument("--score", default="", help="sections to score")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--steps", type=int, default=0, help="limit by steps instead of seconds")
    parser.add_argument("--window", action="store_true", help="labels as the window grows them, corrected")
    parser.add_argument("--strategy", default="auto")
    parser.add_argument("--trust", action="store_true", help="learn without checking")
    parser.add_argument("--ceiling", default="", help="a model that was trained long on the target")
    parser.add_argument("--long-steps", type=int, default=700, help="else it is trained here for so many")
    parser.add_argument("--cache", type=Path, default=Path("runs/ceilings"), help="where that is kept")
    args = parser.parse_args()
    if "NAPARI_EMSEG_DATA" not in os.environ:
        raise SystemExit("set NAPARI_EMSEG_DATA to the folder of real data")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        target = Stack(args.target, work)
        source = Stack(args.source, work) if args.source else None
        asked = args.score or target.data.score
        proofread = (args.sections or target.data.proofread).split(",")
        if args.window:
            target.labels = as_in_the_window(args.model, target, [int(z) for z in proofread], work)
        print(f"{'':28s} " + " ".join(f"{k[:10]:>10s}" for k in KEYS) + "  seconds")
        if args.each:
            each(args, target, proofread, asked, work)
            return
        start = target.scores(args.model, asked, work)
        row("starting model", start, 0)
        long = args.ceiling or trained_long(args.model, target, args.long_steps, args.cache)
        ceiling = target.scores(long, asked, work)
        row("trained long", ceiling, 0)
        remembered = [source.scores(args.model, source.data.score, work)] if source else []
        if source:
            row(f"{source.name}: starting model", remembered[0], 0)
        curve = []
        for n in (int(n) for n in args.counts.split(",")):
            listed = ",".join(sorted(proofread[:n], key=int))
            out = work / f"model-{n}"
            seconds = learn(args, target, listed, out)
            curve.append(target.scores(out, asked, work))
            row(f"after sections {listed}", curve[-1], seconds)
            if source:
                remembered.append(source.scores(out, source.data.score, work))
                row(f"{source.name}: after {listed}", remembered[-1], 0)
    gap = start[EDITS] - ceiling[EDITS]
    for n, after in zip(args.counts.split(","), curve, strict=True):
        closed = (start[EDITS] - after[EDITS]) / gap if gap > 0 else float("nan")
        print(f"{n} section(s): {closed:.0%} of the gap of {gap:.2f} edits per 100 objects closed")
    for n, after in zip(args.counts.split(","), remembered[1:], strict=False):
        print(f"{n} section(s): edits on {args.source} times {after[EDITS] / remembered[0][EDITS]:.2f}")
    everything = {"start": start, "ceiling": ceiling, "curve": curve, "source": remembered}
    print(json.dumps(everything, default=float))


if __name__ == "__main__":
    main()
