"""Fit the networks that tell which objects of two sections are one (`algorithms/link_networks.safetensors`).

    python tools/link_stacks.py DIR --cortex FILE   # once: stacks with known objects
    python tools/fit_links.py measure DIR           # after every change of the clues, some minutes
    python tools/fit_links.py fit DIR               # the networks, and V_rand of stacks that were held back
    python tools/fit_links.py reunion DIR           # only those that find strands again and say how sure links are
    python tools/fit_links.py judge DIR

Fitting is random in its starting weights: the figures come out alike, the weights do not.
"""

from __future__ import annotations

import argparse
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from link_stacks import is_held_back

from napari_emseg.algorithms import confidence, reunion, strands
from napari_emseg.algorithms.evidence import gather, tabulate
from napari_emseg.algorithms.likelihood import (
    NETWORKS,
    Network,
    log_odds,
    network,
    read_networks,
    shipped_networks,
    write_networks,
)
from napari_emseg.algorithms.matching import JOIN_BIAS, align, steps_aside
from napari_emseg.settings import PropagateSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

TARGET = Path(__file__).parent.parent / "src/napari_emseg/algorithms" / NETWORKS
FIB_WEIGHT = 0.4  # fifteen cuts of one small volume
SPARSE = 0.2  # part of the objects that is kept where only some are drawn
STRAND_BIASES = (1.5, 2.5, 3.5, 5.0)  # strands of different length
STRAND_ROUNDS = 2
IMPURE = 0.8  # strands of several objects teach nothing
REUNION_ROUNDS = 3
REUNION_FAMILIES = ("im", "tu", "cx")
CONFIDENCE_WEIGHTS = {"im": 1.0, "ph": 1.0, "cx": 0.7, "imnear": 0.5, "tu": 0.4}  # of all links of a family
LOOK = reunion.N_CLUES - 4  # clues from here on need an image


@dataclass(frozen=True)
class Shape:
    """How large a network is, and how long it learns; what has few examples of weight gets more voters and more decay."""

    hidden: int
    voters: int
    epochs: int
    decay: float


SHAPES = {
    "pairs": Shape(96, 3, 25, 1e-3),
    "strands": Shape(64, 8, 3, 1e-1),
    "reunion": Shape(64, 4, 16, 1e-2),
    "confidence": Shape(48, 4, 16, 1e-2),
}


def measure(path: Path) -> None:
    """Clues of all pairs of one stack, beside it; of stacks that teach also where few objects are drawn."""
    with np.load(path) as file:
        truth, pieces, spacing = file["truth"], file["cut"], tuple(file["spacing"].tolist())
        image = file.get("image")
    path.with_suffix(".pickle").write_bytes(pickle.dumps(measured(truth, pieces, spacing, image)))
    if not is_held_back(path.stem) and image is None:
        names = np.unique(truth)
        drawn = np.random.default_rng(0).choice(names, max(8, int(SPARSE * names.size)), replace=True)
        shown = np.isin(truth, drawn)
        sparse = measured(truth * shown, pieces * shown, spacing)
        path.with_name(f"{path.stem}_sparse.pickle").write_bytes(pickle.dumps(sparse))
    print(path.stem, flush=True)


def measured(
    truth: NDArray[np.integer],
    pieces: NDArray[np.integer],
    spacing: tuple[float, ...],
    image: NDArray[Any] | None = None,
) -> tuple[strands.Pieces, NDArray[np.int64]]:
    """All objects of all sections and their pairs, and whose every object is."""
    pictures = image if image is not None else [None] * len(pieces)
    objects = [tabulate(one, spacing[1], seen) for one, seen in zip(pieces, pictures, strict=True)]
    owners = []
    for one, section in zip(objects, truth, strict=True):
        owner = np.zeros(one.ids.size + 1, np.int64)
        owner[one.dense.ravel()] = section.ravel()
        owners.append(owner[1:])
    start = np.cumsum([0, *(k.ids.size for k in objects)])
    u, v, shared, chance, clues = [], [], [], [], []
    moves = [np.zeros_like(k.centre) for k in objects]
    for z, after in pairwise([k for k, one in enumerate(objects) if one.ids.size]):
        one, two = objects[z], objects[after]
        first = align(one, two)
        moves[z] = first.centre - one.centre
        known = gather(first, two)
        a, b, near = steps_aside(first, two, known, PropagateSettings(), spacing)
        u += [known.a + start[z], a + start[z]]
        v += [known.b + start[after], b + start[after]]
        shared += [known.shared, np.minimum(first.area[a], two.area[b])]
        chance += [np.full(known.a.size, np.nan), near]
        clues += [known.clues.astype(np.float32), np.zeros((a.size, known.clues.shape[1]), np.float32)]
    pieces_of = strands.Pieces(
        section=np.repeat(np.cumsum(np.diff(start) > 0) - 1, np.diff(start)),
        area=np.concatenate([k.area for k in objects]),
        rim=np.concatenate([k.rim for k in objects]).astype(float),
        u=np.concatenate(u),
        v=np.concatenate(v),
        log_odds=np.concatenate(chance),
        shared=np.concatenate(shared),
        clues=np.concatenate(clues),
        side_u=np.concatenate([k.touch.a + s for k, s in zip(objects, start[:-1], strict=True)]),
        side_v=np.concatenate([k.touch.b + s for k, s in zip(objects, start[:-1], strict=True)]),
        side=np.concatenate([k.touch.length for k in objects]),
        anchor=np.zeros(start[-1], np.int64),
        pixel_nm=spacing[1],
        place=np.concatenate([k.centre for k in objects]),
        move=np.concatenate(moves),
        texture=np.concatenate([k.texture for k in objects]),
    )
    return pieces_of, np.concatenate(owners)


def learn(
    name: str, clues: NDArray[np.floating], is_one: NDArray[np.bool_], weight: NDArray[np.float64]
) -> Network:
    """Fit one of the networks by weighted cross-entropy."""
    shape = SHAPES[name]
    torch.manual_seed(0)
    mean, spread = clues.mean(0), clues.std(0) + 1e-6
    x = torch.tensor(np.clip((clues - mean) / spread, -6, 6), dtype=torch.float32)
    y = torch.tensor(is_one, dtype=torch.float32)
    w = torch.tensor(weight / weight.mean(), dtype=torch.float32)
    voters = [[p.detach().numpy() for p in voter(shape, x, y, w).parameters()] for _ in range(shape.voters)]
    layers = range(0, len(voters[0]), 2)
    weights = tuple(np.stack([v[k].T for v in voters]) for k in layers)
    biases = tuple(np.stack([v[k + 1][None] for v in voters]) for k in layers)
    return Network(mean, spread, weights, biases)


def voter(shape: Shape, x: torch.Tensor, y: torch.Tensor, w: torch.Tensor) -> torch.nn.Sequential:
    """One network with two hidden layers."""
    sizes = (x.shape[1], shape.hidden, shape.hidden, 1)
    parts = [k for m, n in pairwise(sizes) for k in (torch.nn.Linear(m, n), torch.nn.ReLU())]
    layers = torch.nn.Sequential(*parts[:-1])
    batch, rate = 2048, 5e-3
    steps = shape.epochs * (len(x) // batch + 1)
    optimiser = torch.optim.AdamW(layers.parameters(), lr=rate, weight_decay=shape.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    for _ in range(steps):
        at = torch.randint(0, len(x), (batch,))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(layers(x[at])[:, 0], y[at], weight=w[at])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return layers


def judged(pieces: strands.Pieces, pairs: Network) -> strands.Pieces:
    """Pieces with the log-odds that a network gives to their pairs."""
    from dataclasses import replace

    chance = 1 / (1 + np.exp(-pairs.log_odds(pieces.clues)))
    touch_only = pieces.clues[:, 1] < PropagateSettings().min_overlap
    chance = np.where(touch_only, np.minimum(chance, 0.02), chance)
    known = np.isnan(pieces.log_odds)
    return replace(pieces, log_odds=log_odds(np.where(known, chance, pieces.log_odds))).strong


def lessons(
    pieces: strands.Pieces, owner: NDArray[np.int64], rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]]:
    """Pairs of strands of different lengths: clues, whether they are one, and how much it matters."""
    total = pieces.area.sum()
    for bias in STRAND_BIASES:
        strand = strands.start(pieces, bias)
        for _ in range(STRAND_ROUNDS):
            found = strands.meetings(pieces, strand)
            true, purity = _owner_of(strand, owner, pieces.area)
            is_one = true[found.a] == true[found.b]
            usable = np.minimum(purity[found.a], purity[found.b]) > IMPURE
            volume = np.bincount(strand, pieces.area)
            small, large = volume[found.smaller] / total, volume[found.larger] / total
            weight = np.sqrt(small * np.clip(large, 1e-4, 1))
            yield found.clues[usable], is_one[usable], weight[usable]
            # Most of what is one is joined, and little of what is not, as it would happen.
            luck = np.where(is_one, 0.9, 0.3) * rng.uniform(0, 1, is_one.size)
            strand = strands.merge(found, np.where(found.clues[:, 0] > -2, luck + 0.2, 0), strand)


def reunion_lessons(
    pieces: strands.Pieces, owner: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Breaks of strands, also when some have been mended: clues, whether they are one, how much it matters."""
    strand = np.unique(strands.join(pieces), return_inverse=True)[1].astype(np.int64)
    rows = []
    for _ in range(REUNION_ROUNDS):
        found = reunion.breaks(pieces, strand)
        true, purity = _owner_of(strand, owner, pieces.area)
        volume = np.bincount(strand, pieces.area)
        is_one = owner[found.u] == owner[found.v]
        one, two = strand[found.u], strand[found.v]
        usable = (np.minimum(purity[one], purity[two]) > IMPURE) & (true[one] == owner[found.u])
        usable &= true[two] == owner[found.v]
        weight = np.clip(np.sqrt(np.sqrt(volume[one] * volume[two]) / volume.mean()), 0.05, 30)
        rows.append((found.clues[usable], is_one[usable], weight[usable]))
        luck = rng.random(is_one.size) < np.where(is_one, 0.5, 0.02)
        strand, _ = reunion.merged(pieces, strand, found, np.where(luck, rng.uniform(0.85, 1, luck.size), 0))
    clues, is_one, weight = (np.concatenate(k) for k in zip(*rows, strict=True))
    if np.isfinite(pieces.texture).any():
        # The same without the image, since often there is none.
        blind = clues.copy()
        blind[:, LOOK:] = 0
        clues, is_one, weight = (np.r_[k, m] for k, m in ((clues, blind), (is_one,) * 2, (weight,) * 2))
    return clues, is_one, weight / np.sqrt(weight.size)


def fit_reunion(folder: Path) -> None:
    """Fit the network that finds broken strands again, with the other two as they are."""
    rng, rows = np.random.default_rng(0), []
    for path in sorted(folder.glob("*.pickle")):
        if is_held_back(path.stem) or path.stem[:2] not in REUNION_FAMILIES or path.stem.endswith("sparse"):
            continue
        pieces, owner = pickle.loads(path.read_bytes())
        clues, is_one, weight = reunion_lessons(judged(pieces, network("pairs")), owner, rng)
        rows.append((clues, is_one, weight * (0.3 if path.stem.startswith("imnear") else 1.0)))
    _write("reunion", learn("reunion", *(np.concatenate(k) for k in zip(*rows, strict=True))))
    fit_confidence(folder)


def fit_confidence(folder: Path) -> None:
    """Fit the network that says how sure the links are that were made."""
    rows: dict[str, list[tuple[NDArray[np.float64], NDArray[np.bool_]]]] = {k: [] for k in CONFIDENCE_WEIGHTS}
    for path in sorted(folder.glob("*.pickle")):
        family = path.stem[:2] + path.stem[2:6] * path.stem.startswith("imnear")
        if is_held_back(path.stem) or path.stem.endswith("sparse") or family not in rows:
            continue
        pieces, owner = pickle.loads(path.read_bytes())
        pieces = judged(pieces, network("pairs"))
        group = reunion.reunite(pieces, strands.join(pieces))[0]
        made = (group[pieces.u] == group[pieces.v]) & (pieces.log_odds > -JOIN_BIAS)
        is_one = owner[pieces.u] == owner[pieces.v]
        rows[family].append((confidence.traits(pieces, group)[made], is_one[made]))
    parts = []
    for family, found in rows.items():
        if found:
            clues, is_one = (np.concatenate(k) for k in zip(*found, strict=True))
            parts.append((clues, is_one, np.full(is_one.size, CONFIDENCE_WEIGHTS[family] / is_one.size)))
    _write("confidence", learn("confidence", *(np.concatenate(k) for k in zip(*parts, strict=True))))


def _write(name: str, found: Network) -> Network:
    """Put one network into the file, beside the others; what is left of it after that."""
    others = read_networks(TARGET.read_bytes()) if TARGET.exists() else {}
    TARGET.write_bytes(write_networks(others | {name: found}))
    shipped_networks.cache_clear()
    return network(name)


def _owner_of(
    strand: NDArray[np.int64], owner: NDArray[np.int64], area: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The true object of every strand, and the part of the strand that is of it."""
    width = int(owner.max()) + 1
    key, at = np.unique(strand * width + owner, return_inverse=True)
    size = np.bincount(at, area)
    order = np.lexsort((size, key // width))
    true, most = (np.zeros(int(strand.max()) + 1) for _ in range(2))
    true[key[order] // width], most[key[order] // width] = key[order] % width, size[order]
    return true.astype(np.int64), most / np.bincount(strand, area)


def v_rand(owner: NDArray[np.int64], group: NDArray[np.int64], area: NDArray[np.float64]) -> float:
    """Foreground-restricted Rand F-score (Arganda-Carreras et al. 2015) of whole objects of sections."""
    pair = np.unique(np.stack([owner, group]), axis=1, return_inverse=True)[1].ravel()
    both, true, made = (
        float((np.bincount(np.unique(k, return_inverse=True)[1], area) ** 2).sum())
        for k in (pair, owner, group)
    )
    return 2 * both / (true + made)


def family_weight(name: str) -> float:
    """How much a stack counts."""
    return (FIB_WEIGHT if name.startswith("fib") else 1.0) * (SPARSE if name.endswith("sparse") else 1.0)


def fit(folder: Path) -> None:
    """Fit both networks, write them, and judge them."""
    stacks = {p.stem: pickle.loads(p.read_bytes()) for p in sorted(folder.glob("*.pickle"))}
    known = {
        n: stack
        for n, stack in stacks.items()
        if not is_held_back(n) and not n.startswith("imnear")  # that is in the FIB-SEM stacks
    }
    rows = []
    for name, (pieces, owner) in known.items():
        of_pairs = np.isnan(pieces.log_odds)
        n, family = of_pairs.sum(), family_weight(name)
        is_one = (owner[pieces.u] == owner[pieces.v])[of_pairs]
        rows.append((pieces.clues[of_pairs], is_one, np.full(n, family / np.sqrt(n))))
    pairs = _write("pairs", learn("pairs", *(np.concatenate(k) for k in zip(*rows, strict=True))))
    rng, rows = np.random.default_rng(0), []
    for name, (pieces, owner) in known.items():
        family = family_weight(name)
        rows += [(c, y, family * w) for c, y, w in lessons(judged(pieces, pairs), owner, rng)]
    print(sum(len(k[1]) for k in rows), "pairs of strands", flush=True)
    _write("strands", learn("strands", *(np.concatenate(k) for k in zip(*rows, strict=True))))
    fit_reunion(folder)
    judge(folder)


def judge(folder: Path) -> None:
    """V_rand of all stacks: of strands, and of what they were put together to."""
    for path in sorted(folder.glob("*.pickle")):
        pieces, owner = pickle.loads(path.read_bytes())
        pieces = judged(pieces, network("pairs"))
        group = strands.join(pieces)
        scores = [v_rand(owner, k, pieces.area) for k in (group, reunion.reunite(pieces, group)[0])]
        kept = "held back" if is_held_back(path.stem) else ""
        print(f"{path.stem:16} {scores[0]:.4f} {scores[1]:.4f} {kept}", flush=True)


def main() -> None:
    """One of the steps."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=("measure", "fit", "reunion", "judge"))
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    if args.step == "measure":
        with ProcessPoolExecutor() as pool:
            list(pool.map(measure, sorted(args.folder.glob("*.npz"))))
    else:
        {"fit": fit, "reunion": fit_reunion, "judge": judge}[args.step](args.folder)


if __name__ == "__main__":
    sys.exit(main())
