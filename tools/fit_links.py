"""Fit the networks that tell which objects of two sections are one (`algorithms/link_networks.json`).

    python tools/fit_links.py draw DIR      # once: stacks with known objects, about 20 minutes
    python tools/fit_links.py measure DIR   # after every change of the clues, some minutes
    python tools/fit_links.py fit DIR       # the networks, and V_rand of stacks that were held back

DIR receives the stacks: phantoms (`ph_*`), phantoms with their images (`im_*`), neuropil of tubes in all directions (`tu_*`, see
`tools/neuropil.py`), and FIB-SEM ground truth cut along three axes (`fib_*`, only with NAPARI_EMSEG_DATA; its first half in x
has its image and teaches how strands are found again). Stacks with a seed of 300 or more are held back.

    python tools/fit_links.py reunion DIR   # only the networks that find broken strands again, and of the confidence

Fitting is random in its starting weights: the figures come out alike, the weights do not.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cc3d
import numpy as np
import torch
from neuropil import neuropil, wander
from scipy import ndimage as ndi

from napari_emseg.algorithms import confidence, reunion, strands
from napari_emseg.algorithms.evidence import gather, tabulate
from napari_emseg.algorithms.likelihood import Network, log_odds
from napari_emseg.algorithms.matching import JOIN_BIAS, align, steps_aside
from napari_emseg.phantom import make_phantom
from napari_emseg.phantom.cells import draw_tissue
from napari_emseg.phantom.fields import pixel_centres
from napari_emseg.phantom.identity import label_cells
from napari_emseg.phantom.settings import DefectSettings, PhantomSettings
from napari_emseg.settings import PropagateSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

TARGET = Path(__file__).parent.parent / "src/napari_emseg/algorithms/link_networks.json"
HIDDEN = 16
HELD_BACK = 300
DIGITS = 5
FIB_WEIGHT = 0.4  # fifteen cuts of one small volume
SPARSE = 0.2  # part of the objects that is kept where only some are drawn
STRAND_BIASES = (1.5, 2.5, 3.5, 5.0)  # strands of different length
STRAND_ROUNDS = 2
IMPURE = 0.8  # strands of several objects teach nothing
REUNION_ROUNDS = 3
CONFIDENCE_WEIGHTS = {"im": 1.0, "tu": 0.4, "imnear": 0.3}  # of all links of a family together
LOOK = reunion.N_CLUES - 4  # clues from here on need an image


def phantom_stack(seed: int) -> tuple[str, NDArray[np.uint32], tuple[float, float, float], int]:
    """Name, objects, voxel size and width of the borders of a phantom."""
    i = seed % 100
    thickness, pixel = (30.0, 40.0, 50.0, 50.0, 75.0, 100.0)[i % 6], (4.6, 6.0, 8.0)[i % 3]
    drift, n, side = (0.0, 0.0, 3.0)[(i // 2) % 3], (24, 40, 60)[i % 3], (512, 384, 256)[(i // 3) % 3]
    rng = np.random.default_rng(seed)
    full = (n, side + 2 * int(10 * drift), side + 2 * int(10 * drift))
    spacing = (thickness, pixel, pixel)
    extent = (full[0] * thickness, full[1] * pixel, full[2] * pixel)
    tissue = draw_tissue(rng, extent, (180.0, 140.0, 240.0)[(i // 6) % 3], (1.0, 1.0, 2.0, 0.0)[i % 4])
    z, y, x = (pixel_centres(k, s) for k, s in zip(full, spacing, strict=True))
    owner = np.concatenate([tissue.cut(z[k : k + 1], y, x).owner for k in range(n)])
    return f"ph_{seed}", wander(label_cells(owner)[0], drift, rng), spacing, i % 3


def seen_stack(seed: int) -> tuple[Any, ...]:
    """The same of a phantom with its image, and pieces between drawn membranes."""
    i, rng = seed % 100, np.random.default_rng(seed)
    pixel, thickness = (8.0, 6.0, 4.6)[i % 3], (40.0, 50.0, 30.0, 50.0, 60.0, 75.0, 40.0)[i % 7]
    n, side = {8.0: (44, 256), 6.0: (40, 288), 4.6: (32, 352)}[pixel]
    settings = PhantomSettings(
        flicker=float(rng.uniform(0, 2)),
        glia=(1.0, 1.0, 2.0, 0.0)[(i // 2) % 4],
        calibre_nm=(180.0, 140.0, 240.0, 180.0)[(i // 3) % 4],
        noise=float(rng.uniform(0.6, 1.6)),
        defects=DefectSettings(max_shift_nm=(40.0, 0.0, 20.0, 60.0)[i % 4]),
    )
    phantom = make_phantom((n, side, side), (thickness, pixel, pixel), seed=seed, settings=settings)
    labels = np.where(phantom.membranes > 0, 0, phantom.labels).astype(np.uint32)
    if i % 2:
        labels[n // 2] = 0
    return f"im_{seed}", labels, phantom.spacing_nm, 0, phantom.image


def tube_stack(seed: int) -> tuple[str, NDArray[np.uint32], tuple[float, float, float], int]:
    """Name, objects, voxel size and width of the borders of neuropil."""
    i = seed % 8
    thickness = (40.0, 30.0, 50.0, 40.0, 30.0, 40.0, 50.0, 35.0)[i]
    pixel, drift = (8.0, 6.0, 8.0, 8.0, 6.0, 4.6, 8.0, 6.0)[i], (0.0, 2.0, 0.0, 3.0, 0.0, 2.0, 3.0, 0.0)[i]
    n, side = (40, 40, 30, 40, 50, 30, 40, 60)[i], (448, 448, 512, 384, 512, 448, 448, 384)[i]
    spacing = (thickness, pixel, pixel)
    labels = neuropil(
        (n, side, side), spacing, seed,
        density=(1.0, 0.7, 1.5)[seed % 3], roughness_nm=(4.0, 8.0, 14.0)[(seed // 2) % 3], drift_px=drift,
    )  # fmt: skip
    return f"tu_{seed}", labels, spacing, (1, 0, 2)[seed % 3]


def fib_stacks() -> Iterator[tuple[Any, ...]]:
    """The FIB-SEM volume, seen along every axis in sections of 10 to 60 nm: all of it, and halves with their image."""
    folder = os.environ.get("NAPARI_EMSEG_DATA")
    if not folder:
        return
    import h5py

    with h5py.File(Path(folder) / "fib/train-gt.lzf.h5") as file:
        truth = file["stack"][:].astype(np.uint32)
    with h5py.File(Path(folder) / "fib/train-image.h5") as file:
        image = file["stack"][:]
    for axis, name in enumerate("zyx"):
        along = np.ascontiguousarray(np.moveaxis(truth, axis, 0))
        for step in (1, 2, 3, 4, 5):
            yield f"fib_{name}{step}", along[::step], (10.0 * step, 10.0, 10.0), 0
        for part, half in (("near", np.s_[..., :100]), ("far", np.s_[..., 100:])):
            one, seen = (np.moveaxis(k[half], axis, 0) for k in (truth, image))
            for step in range(1, 7):
                spacing = (10.0 * step, 10.0, 10.0)
                yield f"im{part}_{name}{step}", np.ascontiguousarray(one[::step]), spacing, 0, seen[::step]


def cut(labels: NDArray[np.uint32], border_px: int) -> NDArray[np.uint32]:
    """Objects of every section by themselves, with or without borders between them."""
    pieces = np.zeros(labels.shape, np.uint32)
    for section, out in zip(labels, pieces, strict=True):
        shown = section.copy()
        if border_px:
            edge = ndi.maximum_filter(section, 3) != ndi.minimum_filter(section, 3)
            shown[ndi.binary_dilation(edge, iterations=border_px - 1) if border_px > 1 else edge] = 0
        out[:] = cc3d.connected_components(shown, connectivity=4)
    return pieces


def save(folder: Path, stack: tuple[Any, ...]) -> None:
    """Write one stack, and its image if there is one."""
    name, labels, spacing, border_px, *seen = stack
    pieces = cut(labels.astype(np.uint32), border_px)
    arrays = {"image": seen[0]} if seen else {}
    np.savez_compressed(
        folder / name, truth=labels * (pieces > 0), cut=pieces, spacing=np.array(spacing), **arrays
    )
    print(name, labels.shape, flush=True)


def draw(folder: Path) -> None:
    """Make all stacks that are not there yet."""
    for stack in fib_stacks():
        save(folder, stack)
    kinds = (
        ("ph", phantom_stack, (100, 118)),
        ("tu", tube_stack, (200, 208)),
        ("im", seen_stack, (101, 112)),
    )
    for kind, make, seeds in kinds:
        for seed in (*range(*seeds), *range(HELD_BACK, HELD_BACK + 8)):
            if not (folder / f"{kind}_{seed}.npz").exists():
                save(folder, make(seed))


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
    clues: NDArray[np.floating], is_one: NDArray[np.bool_], weight: NDArray[np.float64], epochs: int
) -> Network:
    """Fit a network by weighted cross-entropy."""
    torch.manual_seed(0)
    mean, spread = clues.mean(0), clues.std(0) + 1e-6
    x = torch.tensor(np.clip((clues - mean) / spread, -6, 6), dtype=torch.float32)
    y = torch.tensor(is_one, dtype=torch.float32)
    w = torch.tensor(weight / weight.mean(), dtype=torch.float32)
    layers = torch.nn.Sequential(
        torch.nn.Linear(x.shape[1], HIDDEN), torch.nn.Tanh(), torch.nn.Linear(HIDDEN, 1)
    )
    batch, rate = 2048, 5e-3
    steps = epochs * (len(x) // batch + 1)
    optimiser = torch.optim.AdamW(layers.parameters(), lr=rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    for _ in range(steps):
        at = torch.randint(0, len(x), (batch,))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(layers(x[at])[:, 0], y[at], weight=w[at])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    hidden, hidden_bias, output, bias = (p.detach().numpy().astype(float) for p in layers.parameters())
    return Network(mean, spread, hidden, hidden_bias, output[0], float(bias[0]))


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
        if is_held_back(path.stem) or path.stem[:2] not in ("im", "tu") or path.stem.endswith("sparse"):
            continue
        pieces, owner = pickle.loads(path.read_bytes())
        clues, is_one, weight = reunion_lessons(judged(pieces, strands.network("pairs")), owner, rng)
        rows.append((clues, is_one, weight * (0.3 if path.stem.startswith("imnear") else 1.0)))
    found = _rounded(learn(*(np.concatenate(k) for k in zip(*rows, strict=True)), epochs=20))
    _write("reunion", found)
    fit_confidence(folder)


def fit_confidence(folder: Path) -> None:
    """Fit the network that says how sure the links are that were made."""
    rows: dict[str, list[tuple[NDArray[np.float64], NDArray[np.bool_]]]] = {k: [] for k in CONFIDENCE_WEIGHTS}
    for path in sorted(folder.glob("*.pickle")):
        family = path.stem[:2] + path.stem[2:6] * path.stem.startswith("imnear")
        if is_held_back(path.stem) or path.stem.endswith("sparse") or family not in rows:
            continue
        pieces, owner = pickle.loads(path.read_bytes())
        pieces = judged(pieces, strands.network("pairs"))
        group = reunion.reunite(pieces, strands.join(pieces))[0]
        made = (group[pieces.u] == group[pieces.v]) & (pieces.log_odds > -JOIN_BIAS)
        is_one = owner[pieces.u] == owner[pieces.v]
        rows[family].append((confidence.traits(pieces, group)[made], is_one[made]))
    parts = []
    for family, found in rows.items():
        if found:
            clues, is_one = (np.concatenate(k) for k in zip(*found, strict=True))
            parts.append((clues, is_one, np.full(is_one.size, CONFIDENCE_WEIGHTS[family] / is_one.size)))
    _write("confidence", _rounded(learn(*(np.concatenate(k) for k in zip(*parts, strict=True)), epochs=40)))


def _write(name: str, found: Network) -> None:
    """Put one network into the file, beside the others."""
    values = json.loads(TARGET.read_text("utf-8"))
    TARGET.write_text(json.dumps({**values, name: _plain(found)}) + "\n", "utf-8")
    strands.network.cache_clear()


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


def is_held_back(name: str) -> bool:
    """Whether a stack is kept for judging."""
    if name.startswith(("fib", "imnear", "imfar")):
        return name.startswith("imfar")
    return int(name.split("_")[1]) >= HELD_BACK


def family_weight(name: str) -> float:
    """How much a stack counts."""
    return (FIB_WEIGHT if name.startswith("fib") else 1.0) * (SPARSE if name.endswith("sparse") else 1.0)


def fit(folder: Path) -> None:
    """Fit both networks, write them, and judge them."""
    stacks = {p.stem: pickle.loads(p.read_bytes()) for p in sorted(folder.glob("*.pickle"))}
    known = {n: stack for n, stack in stacks.items() if not is_held_back(n) and not n.startswith("im")}
    rows = []
    for name, (pieces, owner) in known.items():
        of_pairs = np.isnan(pieces.log_odds)
        n, family = of_pairs.sum(), family_weight(name)
        is_one = (owner[pieces.u] == owner[pieces.v])[of_pairs]
        rows.append((pieces.clues[of_pairs], is_one, np.full(n, family / np.sqrt(n))))
    pairs = _rounded(learn(*(np.concatenate(k) for k in zip(*rows, strict=True)), epochs=15))
    rng, rows = np.random.default_rng(0), []
    for name, (pieces, owner) in known.items():
        family = family_weight(name)
        rows += [(c, y, family * w) for c, y, w in lessons(judged(pieces, pairs), owner, rng)]
    print(sum(len(k[1]) for k in rows), "pairs of strands", flush=True)
    joints = _rounded(learn(*(np.concatenate(k) for k in zip(*rows, strict=True)), epochs=8))
    values = json.loads(TARGET.read_text("utf-8"))
    values |= {"pairs": _plain(pairs), "strands": _plain(joints)}
    TARGET.write_text(json.dumps(values) + "\n", "utf-8")
    strands.network.cache_clear()
    fit_reunion(folder)
    judge(folder)


def judge(folder: Path) -> None:
    """V_rand of all stacks: of strands, and of what they were put together to."""
    for path in sorted(folder.glob("*.pickle")):
        pieces, owner = pickle.loads(path.read_bytes())
        pieces = judged(pieces, strands.network("pairs"))
        group = strands.join(pieces)
        scores = [v_rand(owner, k, pieces.area) for k in (group, reunion.reunite(pieces, group)[0])]
        kept = "held back" if is_held_back(path.stem) else ""
        print(f"{path.stem:16} {scores[0]:.4f} {scores[1]:.4f} {kept}", flush=True)


def _rounded(found: Network) -> Network:
    return Network(**{k: np.array(v, float) for k, v in _plain(found).items()} | {"bias": found.bias})


def _plain(found: Network) -> dict[str, Any]:
    def short(values: Any) -> Any:
        return [short(v) for v in values] if np.ndim(values) else float(f"{float(values):.{DIGITS}g}")

    names: Sequence[str] = ("mean", "spread", "hidden", "hidden_bias", "output", "bias")
    return {name: short(getattr(found, name)) for name in names}


def main() -> None:
    """One of the steps."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=("draw", "measure", "fit", "reunion", "judge"))
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    if args.step == "draw":
        draw(args.folder)
    elif args.step == "measure":
        with ProcessPoolExecutor() as pool:
            list(pool.map(measure, sorted(args.folder.glob("*.npz"))))
    else:
        {"fit": fit, "reunion": fit_reunion, "judge": judge}[args.step](args.folder)


if __name__ == "__main__":
    sys.exit(main())
