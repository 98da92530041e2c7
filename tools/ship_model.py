"""Make a trained model ready to be shipped: weights in half precision, a name, and the scores that were measured.

    python tools/ship_model.py runs/membrane resources/models/membrane --scores scores.json

Half precision halves the file; probabilities of a phantom change by less than a hundredth, which is checked here.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from napari_emseg.nn.checkpoint import load_model, save_model
from napari_emseg.nn.judge import Judge
from napari_emseg.phantom import make_phantom

LARGEST_CHANGE = 1e-2


def main() -> None:
    """Convert, check, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--scores", type=Path, help="JSON: scores per data set, for the card")
    args = parser.parse_args()
    network, card = load_model(args.source)
    if args.scores:
        card = card.model_copy(update={"scores": json.loads(args.scores.read_text("utf-8"))})
    card = card.model_copy(update={"name": args.target.name})
    judge = Judge.of_model(args.source, card)
    whole = network.state_dict() | (judge.tensors() if judge else {})
    halves = {k: v.half() if v.is_floating_point() else v for k, v in whole.items()}
    save_model(args.target, halves, card)
    phantom = make_phantom((card.arguments["sections"], 256, 256), seed=0).image.astype("float32")
    image = torch.from_numpy((phantom - phantom.mean()) / phantom.std())[None]
    with torch.inference_mode():
        change = (
            (torch.sigmoid(network(image)) - torch.sigmoid(load_model(args.target)[0](image))).abs().max()
        )
    if change > LARGEST_CHANGE:
        raise SystemExit(
            f"error: half precision changes probabilities by {change:.4f}, {args.source}, ship full weights"
        )
    print(f"{args.target}: largest change of a probability {change:.5f}")


if __name__ == "__main__":
    main()
