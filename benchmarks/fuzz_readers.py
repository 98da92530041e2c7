"""Damaged and hostile files of every format: each must open, or be refused in one sentence.

Valid small files are mutated and read in a process of their own whose memory is limited. A case fails if it
raises anything but `EmsegError`, says more than one line, takes longer than ten seconds, needs too much memory,
or ends the process.

    python benchmarks/fuzz_readers.py --seconds 1800
    python benchmarks/fuzz_readers.py --case 4711      # one case again, with its traceback
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

SLOW_S = 10
MEMORY = 6 << 30  # address space above what the process has when it starts; libraries reserve much of it
NUMBERS = (0, 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
VALUES: tuple[Any, ...] = (
    None, -1, 0, 1e308, 2**31, 2**63, 10**30, float("nan"), "", "x" * 5000, "../../../etc/passwd", [], {}, [[]],
    True, "pickle", {"id": "pickle"}, "|O", [0, 0, 0], [10**9, 10**9, 10**9], [-1, -1, -1],
)  # fmt: skip
TEXTS = (
    ".json",
    ".zarray",
    ".zattrs",
    ".zgroup",
    ".xml",
    ".nml",
    ".swc",
    ".csv",
    ".txt",
    "info",
    "provenance",
)


class TooSlow(BaseException):
    """Not an Exception, so that no reader can take it for damage."""


def _on_alarm(_number: int, _frame: FrameType | None) -> None:
    raise TooSlow


def mutated(files: dict[str, bytes], rng: random.Random) -> dict[str, bytes]:
    """The files with one to three faults."""
    files = dict(files)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        name = (
            rng.choice([n for n in files if n.endswith(TEXTS)] or list(files))
            if rng.random() < 0.6
            else rng.choice(list(files))
        )
        kind = rng.random()
        if len(files) > 1 and kind < 0.04:
            del files[name]
        elif len(files) > 1 and kind < 0.08:
            files[name] = files[rng.choice(list(files))]
        elif name.endswith(TEXTS) and kind < 0.8:
            files[name] = _text(files[name], rng)
        else:
            files[name] = _bytes(files[name], rng)
    return files


def _text(content: bytes, rng: random.Random) -> bytes:
    try:
        root = json.loads(content)
    except (ValueError, RecursionError):
        return _bytes(content, rng) if rng.random() < 0.5 else _token(content, rng)
    holders: list[tuple[Any, Any]] = []

    def collect(node: Any) -> None:
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            holders.append((node, key))
            if isinstance(child, dict | list):
                collect(child)

    if not isinstance(root, dict | list) or not root:
        return b"[" * 100_000
    collect(root)
    node, key = rng.choice(holders)
    if rng.random() < 0.2:
        del node[key]
    elif rng.random() < 0.1:
        return json.dumps(rng.choice(VALUES)).encode()
    else:
        node[key] = rng.choice(VALUES)
    return json.dumps(root).encode()


def _token(content: bytes, rng: random.Random) -> bytes:
    """One number or word of a text replaced."""
    words = content.split(b'"') if b'"' in content else content.split(b" ")
    separator = b'"' if b'"' in content else b" "
    words[rng.randrange(len(words))] = str(rng.choice(VALUES)).encode()
    return separator.join(words)


def _bytes(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    if not data:
        return rng.randbytes(64)
    # Headers stand at the beginning: hit them more often.
    at = rng.randrange(len(data)) if rng.random() < 0.5 else rng.randrange(min(len(data), 2048))
    kind = rng.randrange(8)
    if kind == 0:
        return bytes(data[:at])
    if kind == 1:
        for _ in range(rng.choice((1, 3, 20))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 2:
        data[at : at + 16] = rng.randbytes(16)
    elif kind == 3:
        width, order = rng.choice((2, 4, 8)), rng.choice(("little", "big"))
        value = rng.choice(NUMBERS) % (1 << 8 * width)
        data[at : at + width] = value.to_bytes(width, order)
    elif kind == 4:
        del data[at : at + rng.choice((1, 4, 100))]
    elif kind == 5:
        data[at:at] = rng.randbytes(rng.choice((1, 4, 100)))
    elif kind == 6:
        data[at : at + rng.choice((4, 64, 512))] = bytes(rng.choice((4, 64, 512)))
    else:
        return b""
    return bytes(data)


def read_everything(path: Path, inner: str, name: str) -> None:
    """Open a file as the program would, and read parts of it."""
    import numpy as np

    text = f"{path}::{inner}" if inner else str(path)
    if name == "roi":
        from napari_emseg.io.roi_table import read_roi_table

        read_roi_table(path)
        return
    if name in ("nml", "swc", "catmaid-csv", "catmaid-json", "cremi-sites", "log"):
        from napari_emseg.io.annotations import read_annotations

        read_annotations(text)
        return
    from napari_emseg.io import open_volume
    from napari_emseg.io.napari_hooks import get_reader

    get_reader(text)
    array = open_volume(text).array
    for key in (
        (..., 0, slice(0, 4), slice(0, 4)),
        (..., -1, slice(None), slice(None)),
        (..., slice(0, 2), 5, 5),
    ):
        np.asarray(array[key])


def one_case(seed: int, samples: dict[str, tuple[str, dict[str, bytes]]], folder: Path) -> str:
    """Make and read one case; how it ended."""
    from napari_emseg.core.errors import EmsegError

    rng = random.Random(seed)
    name = rng.choice(sorted(samples))
    target, files = samples[name]
    outer, _, inner = target.partition("::")
    place = folder / "case"
    shutil.rmtree(place, ignore_errors=True)
    for relative, content in mutated(files, rng).items():
        (place / relative).parent.mkdir(parents=True, exist_ok=True)
        (place / relative).write_bytes(content)
    signal.setitimer(signal.ITIMER_REAL, SLOW_S)
    try:
        read_everything(place / outer, inner, name)
    except EmsegError as error:
        return f"{name} refused" if "\n" not in str(error) else f"{name} FAILED: several lines"
    except (IndexError, ValueError) as error:
        if "index 5 is out of bounds" in str(error) or "axis 0" in str(error):
            return f"{name} opened"  # a smaller array than the sample
        return f"{name} FAILED: {type(error).__name__}: {error}"
    except (Exception, TooSlow) as error:  # whatever it is, it is what this looks for
        return f"{name} FAILED: {type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return f"{name} opened"


def work(first: int, until: float) -> None:
    """Read case after case and say how each ended, a line each."""
    from _fuzz_samples import samples

    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, _on_alarm)
    made = samples()
    with tempfile.TemporaryDirectory() as temporary:
        for seed in (-1, -2, -3):  # load the libraries before memory is limited
            one_case(seed, made, Path(temporary))
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
        seed = first
        while time.monotonic() < until:
            print(f"{seed} begun", flush=True)
            print(f"{seed} {one_case(seed, made, Path(temporary))}", flush=True)
            seed += 1


def run(seconds: float, first: int = 0, *, say: Any = print) -> dict[str, Any]:
    """Run cases for some time, with a new process whenever one has ended early."""
    until = time.monotonic() + seconds
    counts = {"cases": 0, "opened": 0, "refused": 0}
    failures: list[str] = []
    seed = first
    while time.monotonic() < until - 1:
        command = [sys.executable, __file__, "--work", str(seed), "--until", repr(until)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL
        ) as worker:
            begun = seed
            for line in worker.stdout or ():
                number, _, what = line.strip().partition(" ")
                if not number.isdigit():
                    continue
                if what == "begun":
                    begun = int(number)
                    continue
                counts["cases"] += 1
                counts["opened" if what.endswith("opened") else "refused"] += "FAILED" not in what
                if "FAILED" in what:
                    failures.append(f"case {number}: {what}")
                    say(failures[-1])
                begun = int(number) + 1
        if worker.returncode:
            failures.append(f"case {begun}: ended the process ({worker.returncode})")
            say(failures[-1])
        seed = begun + 1
    return {**counts, "failures": failures}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--case", type=int, help="run this case only and show the traceback")
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--until", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work is not None:
        work(args.work, args.until)
        return 0
    if args.case is not None:
        from _fuzz_samples import samples

        made = samples()
        rng = random.Random(args.case)
        name = rng.choice(sorted(made))
        with tempfile.TemporaryDirectory() as temporary:
            print(one_case(args.case, made, Path(temporary)))
            target, _, inner = made[name][0].partition("::")
            try:
                read_everything(Path(temporary) / "case" / target, inner, name)
            except Exception:
                traceback.print_exc()
        return 0
    found = run(args.seconds, args.first)
    print(
        f"{found['cases']} cases in {args.seconds:g} s: {found['opened']} opened, {found['refused']} refused, "
        f"{len(found['failures'])} failed"
    )
    return 1 if found["failures"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
