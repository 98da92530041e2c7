"""Models that can be used by name: bundled ones, and the person's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from napari_emseg.commands.reporting import Quiet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How to print."""
    parser.add_argument("--json", action="store_true", help="everything that the model cards say")


def run(args: argparse.Namespace, progress: Quiet) -> int:  # noqa: ARG001 - nothing takes long here
    """Print the list."""
    from napari_emseg.core.model_card import list_models, read_card

    cards: list[dict[str, Any]] = [
        {"name": name, "path": str(path)} | read_card(path).model_dump(mode="json", exclude={"name"})
        for name, path in sorted(list_models().items())
    ]
    if args.json:
        print(json.dumps(cards, indent=1))
        return 0
    for card in cards:
        low, high = card["pixel_size_range_nm"]
        print(f"{card['name']}: {', '.join(card['targets'])}")
        print(
            f"  {card['architecture']}, {card['parameters'] / 1e6:.2f} M weights, {low:g} to {high:g} nm pixels"
        )
        data = ", ".join(card["training"].get("volumes", {})) or "not said"
        print(f"  trained on {data}; licence {card['licence'] or 'not said'}")
        for name, scores in card["scores"].items():
            print(f"  on {name}: " + ", ".join(f"{key} {value:.4g}" for key, value in scores.items()))
    if not cards:
        print("there are no models yet: napari-emseg train RECIPE OUT_DIR makes one")
    return 0
