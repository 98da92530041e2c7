"""Claim: a training step costs at most a ninth more than a bare PyTorch loop that is fed ready-made batches.

Ours draws and augments every sample, computes the loss of three targets, clips, averages the weights and watches for
faults. The peer is the loop of any tutorial: forward, loss, backward, step, with batches made beforehand. Same network,
same batches' shape, same loss function, same process; blocks of steps of both alternate, and medians are compared.

    python benchmarks/train_throughput.py [--steps 6] [--rounds 5] [--size 256] [--batch 8]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from napari_emseg.core.learning import TrainingVolume
from napari_emseg.nn.checkpoint import build
from napari_emseg.nn.device import choose_device, to_device, use_all_cores
from napari_emseg.nn.losses import load_loss
from napari_emseg.nn.prefetch import prefetched
from napari_emseg.nn.recipe import TrainRecipe
from napari_emseg.nn.run import Run
from napari_emseg.nn.targets import truth_and_weight
from napari_emseg.phantom import make_phantom

TARGETS = ("membrane", "mitochondria", "cleft")


def volume() -> TrainingVolume:
    made = make_phantom((8, 512, 512), (50.0, 4.6, 4.6), seed=0)
    truth = {name: (getattr(made, field) > 0).astype("uint8") for name, field in
             (("membrane", "membranes"), ("mitochondria", "mitochondria"), ("cleft", "clefts"))}  # fmt: skip
    return TrainingVolume("phantom", made.image, 4.6, truth, tuple(range(8)))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=6, help="in a block")
    parser.add_argument("--rounds", type=int, default=5, help="blocks of each")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    args = parser.parse_args()
    use_all_cores()
    device = choose_device("auto")
    recipe = TrainRecipe(
        targets=TARGETS,
        arguments={"widths": [32, 64, 128, 192]},
        batch=args.batch,
        size=args.size,
        steps=10**6,
    )
    with TemporaryDirectory() as folder:
        ours = Run([volume()], recipe, Path(folder), device)

        # the peer: ready-made batches, nothing but the mathematics
        network = to_device(build(ours.card), device).train()
        optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate)
        loss = load_loss("bce_dice")
        ready = []
        for step in range(4):
            image, truth = ours.pool.batch(step, 0, args.batch, ours.size, recipe.augmentation)
            x = torch.from_numpy(image).to(device, memory_format=torch.channels_last)
            ready.append((x, *truth_and_weight(torch.from_numpy(truth).to(device), TARGETS, ())))

        def bare(steps: int) -> None:
            for n in range(steps):
                x, truth, weight = ready[n % len(ready)]
                total = loss(network(x), truth, weight)["per_target"].mean()
                optimiser.zero_grad(set_to_none=True)
                total.backward()
                optimiser.step()
            float(total.detach())  # a graphics card has to be done

        batches = prefetched(lambda s: ours.pool.batch(s, 0, args.batch, ours.size, recipe.augmentation))
        with closing(batches(0, 10**6)) as samples:

            def whole(steps: int) -> None:
                for _ in range(steps):
                    ours.learn(*next(samples))

            bare(2)
            whole(2)
            seconds: dict[str, list[float]] = {"bare": [], "ours": []}
            for _ in range(args.rounds):
                for name, run in (("bare", bare), ("ours", whole)):
                    began = time.perf_counter()
                    run(args.steps)
                    seconds[name].append((time.perf_counter() - began) / args.steps)
    bare_s, ours_s = (statistics.median(seconds[name]) for name in ("bare", "ours"))
    report = {
        "device": str(device), "threads": torch.get_num_threads(), "batch": args.batch, "size": args.size,
        "bare_s": round(bare_s, 4), "ours_s": round(ours_s, 4), "throughput_ratio": round(bare_s / ours_s, 3),
        "steps_per_s": round(1 / ours_s, 3),
    }  # fmt: skip
    print(json.dumps(report))
    return 0 if report["throughput_ratio"] >= 0.9 else 1


if __name__ == "__main__":
    sys.exit(main())
