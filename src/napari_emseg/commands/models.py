"""Models that can be used by name: bundled ones, and the person's own.

models                            lists them
models export NAME OUT            writes one: .zip (BioImage.IO package), .onnx, .pt (TorchScript), or a model folder
models import PATH [--name NAME]  makes a model folder, a package, or with --like MODEL a file of weights, one's own
models remove NAME                forgets one of one's own
models tree PROJECT               versions that learned in a project, each below what it came from
models use PROJECT VERSION        the project predicts with this version from now on; all are kept
models accept PROJECT PATH        a model that learned elsewhere (finetune) becomes the project's next version
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from napari_emseg.commands.reporting import Quiet


ACTIONS = ("list", "export", "import", "remove", "tree", "use", "accept")
_IN_PROJECT = ("tree", "use", "accept")
_TAKES = {
    "export": ("NAME", "OUT"), "import": ("PATH",), "remove": ("NAME",), "tree": ("PROJECT",),
    "use": ("PROJECT", "VERSION"), "accept": ("PROJECT", "PATH"),
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and how to print."""
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="list")
    parser.add_argument("what", nargs="*", metavar="...", help="what it takes, see above")
    parser.add_argument("--name", default="", help="import: what it is to be called")
    parser.add_argument(
        "--like", default="", metavar="MODEL", help="import: the model whose network the weights fit"
    )
    parser.add_argument("--replace", action="store_true", help="import: overwrite your model of this name")
    parser.add_argument("--json", action="store_true", help="everything that the model cards say")


def run(args: argparse.Namespace, progress: Quiet) -> int:  # noqa: ARG001 - nothing takes long here
    """Print the list, or move a model."""
    if args.action != "list":
        _check(args)
        return _in_project(args) if args.action in _IN_PROJECT else _move(args)
    from pathlib import Path

    from napari_emseg.core.model_card import instead_of_bundled, list_models, other_names

    models = list_models()
    others = other_names(models)
    cards = [_row(name, path) for name, path in sorted(models.items())]
    if args.json:
        cards += [_row(name, path) | {"same_as": path.name} for name, path in sorted(others.items())]
        print(json.dumps(cards, indent=1))
        return 0
    for card in cards:
        low, high = card["pixel_size_range_nm"]
        print(f"{card['name']}: {', '.join(card['targets'])}")
        if hides := instead_of_bundled(card["name"], Path(card["path"])):
            print(f"  {hides}")
        print(
            f"  {card['architecture']}, {card['parameters'] / 1e6:.2f} M weights, {low:g} to {high:g} nm pixels"
        )
        if also := [name for name, path in sorted(others.items()) if str(path) == card["path"]]:
            print(f"  also called {', '.join(also)}")
        data = ", ".join(card["training"].get("volumes", {})) or "not said"
        print(f"  trained on {data}; licence {card['licence'] or 'not said'}")
        for name, scores in card["scores"].items():
            print(f"  on {name}: " + ", ".join(f"{key} {value:.4g}" for key, value in scores.items()))
    if not cards:
        print("there are no models yet: napari-emseg train RECIPE OUT_DIR makes one")
    return 0


def _row(name: str, path: Path) -> dict[str, Any]:
    from napari_emseg.core.model_card import read_card

    card = read_card(path).model_dump(mode="json", exclude={"name"})
    return {"name": name, "path": str(path)} | card


def _check(args: argparse.Namespace) -> None:
    from napari_emseg.core.errors import WrongCall

    if len(args.what) != len(_TAKES[args.action]):
        raise WrongCall(
            f"models {args.action} takes {' '.join(_TAKES[args.action])}",
            " ".join(args.what) or "nothing given",
            "see napari-emseg models --help",
        )


def _in_project(args: argparse.Namespace) -> int:
    """Show the versions of a project, or choose one."""
    from pathlib import Path

    from napari_emseg.jobs import versions
    from napari_emseg.session import Session

    session = Session.open(Path(args.what[0]))
    try:
        if args.action != "tree":
            session.need_writing()
        if args.action == "use":
            versions.roll_back(session, args.what[1])
        elif args.action == "accept":
            versions.adopt(session, Path(args.what[1]))
        found = versions.tree(session)
    finally:
        session.close()
    if args.json:
        print(json.dumps([vars(version) for version in found], indent=1, default=dict))
        return 0
    for version in found:
        parts = [f"{'* ' if version.is_current else '  '}{'  ' * version.depth}{version.name}"]
        if version.sections:
            parts.append(f"from sections {', '.join(str(z) for z in version.sections)}")
        if version.score_words:
            parts.append(f"edits per 100 objects {version.score_words}")
        print("; ".join(parts) + ("; no longer there" if version.is_lost else ""))
    return 0


def _move(args: argparse.Namespace) -> int:
    """Export, import or remove."""
    from pathlib import Path

    from napari_emseg.jobs import models

    if args.action == "export":
        kind = models.export_model(args.what[0], Path(args.what[1]))
        print(f"{args.what[1]}: {kind}")
    elif args.action == "import":
        folder = models.import_model(Path(args.what[0]), args.name, like=args.like, replace=args.replace)
        print(f"{folder.name}: {folder}")
    else:
        print(f"{args.what[0]}: removed from {models.remove_model(args.what[0]).parent}")
    return 0
