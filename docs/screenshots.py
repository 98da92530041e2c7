"""Make the pictures of the README and the guide: the real window, led through the loop on the phantom.

Real data are other people's and never appear in a picture of this repository. ``make screenshots`` runs this, under a
virtual screen where there is none. To look at the clean-up and the augmentations on real sections, somewhere else:
``NAPARI_EMSEG_DATA=... python docs/screenshots.py --real --output DIR``.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from shrinking import shrink

IMAGES = Path(__file__).resolve().parent / "images"
SIZE = (1600, 1000)
SECTION = 8
LEARN_SECONDS = 20.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=IMAGES)
    parser.add_argument(
        "--real", action="store_true", help="clean-up and augmentations on the fly nerve cord"
    )
    given = parser.parse_args()
    output: Path = given.output
    if given.real and output.resolve() == IMAGES:
        raise SystemExit("error: real data stay out of the repository: give another folder with --output")
    with tempfile.TemporaryDirectory() as home:
        # A project of its own: what the person has open must not show.
        os.environ["NAPARI_EMSEG_HOME"] = os.environ.get("SCREENSHOTS_HOME", home)
        if given.real:
            output.mkdir(parents=True, exist_ok=True)
            for name in on_real_sections(output, Path(home)):
                print(output / f"{name}.png")
            return 0
        made = (
            *walk_through(output),
            *alike(output),
            *synapses(output),
            *clean_up(output, Path(home)),
            *compare(output, Path(home)),
        )
        for name in made:
            print(output / f"{name}.png")
    return 0


def walk_through(output: Path) -> list[str]:
    """Go through the loop as a person would and save a picture after each step."""
    from napari_emseg.io.samples import sample_truth
    from napari_emseg.jobs.oracle import correct
    from napari_emseg.ui.picture import save, wait_until
    from napari_emseg.ui.view import go_to_section
    from napari_emseg.ui.window import open_window

    viewer, dock = open_window(size=SIZE)
    desk = dock.desk
    taken: list[str] = []

    def picture(name: str) -> None:
        save(viewer, output / f"{name}.png")
        shrink(output / f"{name}.png")
        taken.append(name)

    def do(action: str, stage: str) -> None:
        before = len(desk.sayings)
        desk.do(action)
        wait_until(lambda: not desk.work and (stage in desk.sayings or len(desk.sayings) != before))
        said = desk.sayings.get(stage)
        if said is not None and said.tone == "error":
            raise SystemExit(f"error: {action}: {said.text}")

    picture("start")
    desk.do("open_phantom")
    wait_until(lambda: desk.session is not None or ("data" in desk.sayings and not desk.work))
    session, layers = desk.need_session()
    go_to_section(viewer, layers.image, SECTION)
    zoom_in(viewer)
    desk.open_stage("predict")
    do("predict", "predict")
    picture("predict")
    do("segment", "segment")
    picture("segment")
    desk.open_stage("propagate")
    do("propagate", "propagate")
    go_to_section(viewer, layers.image, SECTION + 2)
    picture("propagate")
    desk.open_stage("proofread")
    truth = sample_truth("phantom")
    for section in range(SECTION, SECTION + 3):
        go_to_section(viewer, layers.image, section)
        correct(session, section, truth.membranes[section])  # what a person would merge, split and paint
    picture("proofread")
    settings = desk.settings("finetune")
    desk.set_settings("finetune", settings.model_copy(update={"max_seconds": LEARN_SECONDS}))
    desk.open_stage("train")
    do("train", "train")
    picture("train")
    desk.open_stage("measure")
    do("measure", "measure")
    picture("measure")
    desk.do("show_keys")
    picture("keys")
    desk.do("inspect_augmentations")  # opens in front of the dock
    wait_until(lambda: inspected(viewer))
    picture("augment")
    viewer.close()
    contact_sheet(output / "augmentation.png")
    taken.append("augmentation")
    return taken


def alike(output: Path) -> list[str]:
    """Mitochondria, found by four clicks on them and six beside them."""
    import numpy as np

    from napari_emseg.phantom import make_phantom
    from napari_emseg.ui.flows import examples
    from napari_emseg.ui.picture import save, wait_until
    from napari_emseg.ui.view import go_to_section, visible_region
    from napari_emseg.ui.window import open_window

    viewer, dock = open_window(size=SIZE)
    desk = dock.desk
    desk.do("open_phantom")
    wait_until(lambda: desk.session is not None and not desk.work)
    _, layers = desk.need_session()
    go_to_section(viewer, layers.image, SECTION)
    zoom_in(viewer)
    desk.open_stage("predict")
    seen = visible_region(viewer, layers.image)
    truth = make_phantom(seed=0)  # the sample, with all that is known of it
    # as a person would: a few in the middle of what is meant, others on what looks like it
    rng = np.random.default_rng(1)
    inside, walls = truth.mitochondria[seen.slices][0] > 0, truth.membranes[seen.slices][0]
    for action, where, count in (
        ("mark_examples", inside, 4),
        ("mark_counterexamples", walls & ~inside, 2),
        ("mark_counterexamples", ~walls & ~inside, 4),
    ):
        desk.do(action)
        places = np.argwhere(where)
        for y, x in places[rng.choice(len(places), count, replace=False)].tolist():
            layers.examples.add((SECTION, seen.start[1] + y, seen.start[2] + x))
    before = desk.sayings.get("predict")
    desk.do("find_alike")
    wait_until(lambda: not desk.work and desk.sayings.get("predict") is not before)
    assert len(examples.clicks_of(desk)) == 10
    layers.examples.selected_data = set()
    save(viewer, output / "alike.png")
    viewer.close()
    shrink(output / "alike.png")
    return ["alike"]


def synapses(output: Path) -> list[str]:
    """Synapses between the true cells of some sections, with the clefts that the bundled model sees."""
    import numpy as np

    from napari_emseg.core.edit import Edit, Patch, Region
    from napari_emseg.phantom import make_phantom
    from napari_emseg.ui.picture import save, wait_until
    from napari_emseg.ui.window import open_window

    viewer, dock = open_window(size=SIZE)
    desk = dock.desk
    desk.do("open_phantom")
    wait_until(lambda: desk.session is not None and not desk.work)
    session, _ = desk.need_session()
    cells = np.asarray(make_phantom(seed=0).labels, np.uint32)
    boxes = [Region((z, 0, 0), (z + 1, *cells.shape[1:])) for z in range(len(cells))]
    patches = tuple(Patch(box, session.volume.read(box), cells[box.slices]) for box in boxes)
    session.commit(Edit("segment", "model", patches))
    desk.open_stage("synapses")
    desk.synapses.span = (SECTION - 2, SECTION + 6)
    desk.do("find_synapses")
    wait_until(lambda: not desk.work and dock.panels["synapses"].table.isVisible(), 600.0)
    for answer in ("next_synapse", "synapse_right", "synapse_wrong", "turn_synapse"):
        desk.do(answer)
    save(viewer, output / "synapses.png")
    viewer.close()
    shrink(output / "synapses.png", keep_rare=True)
    return ["synapses"]


def inspected(viewer: Any) -> bool:
    """Whether the samples of the contact sheet are drawn."""
    from napari_emseg.ui.augmenting.widget import InspectAugmentations

    found = viewer.window._qt_window.findChildren(InspectAugmentations)
    return bool(found) and found[0].sheet.preview is not None


def contact_sheet(file: Path) -> None:
    """Samples of the phantom before and after the recipe for serial sections, with grid and labels."""
    import numpy as np
    from PIL import Image

    from napari_emseg.augment.preview import PreviewRequest, preview
    from napari_emseg.augment.recipe import load_recipe
    from napari_emseg.phantom import make_phantom
    from napari_emseg.ui.augmenting.tiles import tile

    made = make_phantom((9, 512, 512), (50.0, 4.6, 4.6), seed=3)
    recipe = load_recipe("serial sections")
    found = preview(PreviewRequest(made.image, made.labels, recipe, seed=5, count=12, size=(5, 192, 192)))
    rows = []
    for first in range(0, 12, 6):
        for before in (True, False):
            tiles = [tile(s, 2, before=before, grid=True) for s in found.samples[first : first + 6]]
            rows.append(
                np.concatenate([np.pad(t, ((4, 4), (4, 4), (0, 0)), constant_values=255) for t in tiles], 1)
            )
    sheet = Image.fromarray(np.concatenate(rows))
    sheet.quantize(64, dither=Image.Dither.NONE).save(file, optimize=True)


def clean_up(output: Path, folder: Path) -> list[str]:
    """The Clean up stage on a phantom that flickers, has bad sections, and whose sections have slipped."""
    import numpy as np

    from napari_emseg.io import write_array
    from napari_emseg.phantom import DefectSettings, PhantomSettings, make_phantom
    from napari_emseg.phantom.injuries import injure

    slipped = PhantomSettings(defects=DefectSettings(max_shift_nm=70.0))
    made = make_phantom((14, 448, 448), seed=6, settings=slipped)
    damaged, _ = injure(made.image, ["crack", "blurred", "missing"], np.random.default_rng(4))
    file = folder / "damaged phantom.tif"
    write_array(file, damaged, spacing_nm=(50.0, 4.6, 4.6))
    return cleaning_pictures(output, file)


def cleaning_pictures(output: Path, file: Path) -> list[str]:
    """Both pages of the Clean up stage on a stack with bad sections."""
    from napari_emseg.ui.flows import aligning, cleaning, opening
    from napari_emseg.ui.picture import save, wait_until
    from napari_emseg.ui.view import go_to_section
    from napari_emseg.ui.window import open_window

    viewer, dock = open_window(size=SIZE)
    desk = dock.desk
    opening.open_path(desk, file)
    wait_until(lambda: desk.session is not None and "data" not in desk.work)
    _, layers = desk.need_session()
    desk.open_stage("cleanup")
    desk.do("find_bad")
    wait_until(lambda: "cleanup" not in desk.work and "cleanup" in desk.sayings)
    state = cleaning.cleaning_of(desk)
    for suspect in state.found[1:]:
        cleaning.decide(desk, suspect.section, True)
    go_to_section(viewer, layers.image, state.found[0].section)
    panel = dock.panels["cleanup"]
    panel.wanted.setChecked(True)
    wait_until(lambda: state.preview is not None)
    panel.flip.click()
    save(viewer, output / "clean-up.png")
    cleaning.decide(desk, state.found[0].section, True)
    panel.pages.setCurrentIndex(1)
    desk.do("estimate_shifts")
    wait_until(lambda: "cleanup" not in desk.work and aligning.aligning_of(desk).alignment is not None)
    good = next(z for z in range(4, 14) if not {z, z - 1} & {s.section for s in state.found})
    go_to_section(viewer, layers.image, good)
    panel.alignment.table.selectRow(good)
    panel.alignment.wanted.setChecked(True)
    wait_until(lambda: len(aligning.aligning_of(desk).overlay.layers) == 2)
    zoom_in(viewer)
    save(viewer, output / "align.png")
    viewer.close()
    for name in ("clean-up", "align"):
        shrink(output / f"{name}.png")
    return ["clean-up", "align"]


def on_real_sections(output: Path, folder: Path) -> list[str]:
    """Clean-up and augmentations on sections of the fly nerve cord, spoiled and shifted here and there."""
    import numpy as np

    from napari_emseg.io import open_image, write_array
    from napari_emseg.phantom.injuries import injure
    from napari_emseg.ui.augmenting.widget import InspectAugmentations
    from napari_emseg.ui.flows import opening
    from napari_emseg.ui.picture import save, wait_until
    from napari_emseg.ui.window import open_window

    rng = np.random.default_rng(2)
    stack = np.asarray(open_image("sample:vnc").data[:])
    moves = rng.integers(-12, 13, (len(stack), 2))
    shifted = np.stack([np.roll(s, m, (0, 1)) for s, m in zip(stack, moves, strict=True)])[:, 16:-16, 16:-16]
    damaged, _ = injure(shifted, ["crack", "blurred", "missing"], rng, width_px=36)
    file = folder / "nerve cord.tif"
    write_array(file, damaged, spacing_nm=(50.0, 4.6, 4.6))
    taken = cleaning_pictures(output, file)
    viewer, dock = open_window(size=SIZE)
    opening.open_vnc(dock.desk)
    wait_until(lambda: dock.desk.session is not None and "data" not in dock.desk.work)
    widget = InspectAugmentations(viewer)
    viewer.window.add_dock_widget(widget, name="Inspect augmentations", area="right", tabify=True)
    wait_until(lambda: inspected(viewer))
    save(viewer, output / "augment.png")
    viewer.close()
    shrink(output / "augment.png")
    return [*taken, "augment"]


def compare(output: Path, folder: Path) -> list[str]:
    """Two segmentations of a phantom compared, and the tree of an object that was merged with another one."""
    import numpy as np

    from napari_emseg.core.edit import Edit, Patch, Region
    from napari_emseg.io import write_array
    from napari_emseg.phantom import make_phantom
    from napari_emseg.ui.comparing.widget import CompareSegmentations
    from napari_emseg.ui.flows import comparing, opening
    from napari_emseg.ui.picture import save, wait_until
    from napari_emseg.ui.view import go_to_section
    from napari_emseg.ui.window import open_window

    made = make_phantom((16, 512, 512), (50.0, 4.6, 4.6), seed=1)
    truth = np.asarray(made.labels, np.uint32)
    ids, sizes = np.unique(truth[truth > 0], return_counts=True)
    large = ids[np.argsort(-sizes)][:8].tolist()
    wrong = truth.copy()
    wrong[6:][wrong[6:] == large[0]] = 60001  # an id that is lost on the way
    wrong[wrong == large[2]] = large[1]
    wrong[:, :, :256][wrong[:, :, :256] == large[3]] = 60002
    wrong[wrong == large[5]] = 0
    write_array(folder / "phantom.tif", made.image, spacing_nm=made.spacing_nm)
    write_array(folder / "true neurites.zarr", truth, spacing_nm=made.spacing_nm)
    viewer, dock = open_window(size=SIZE)
    desk = dock.desk
    opening.open_path(desk, folder / "phantom.tif")
    wait_until(lambda: desk.session is not None and "data" not in desk.work)
    session, layers = desk.need_session()
    boxes = [Region((z, 0, 0), (z + 1, *truth.shape[1:])) for z in range(len(truth))]
    patches = tuple(Patch(box, session.volume.read(box), wrong[box.slices]) for box in boxes)
    session.commit(Edit("segment", "model", patches))
    comparing.open_file(viewer, str(folder / "true neurites.zarr")).visible = False
    viewer.layers.selection.active = layers.labels
    desk.do("compare")
    panel = viewer.window._qt_window.findChildren(CompareSegmentations)[0]
    panel.button.click()
    wait_until(lambda: panel.result is not None or panel.says.saying.tone == "error")
    go_to_section(viewer, layers.image, SECTION)
    zoom_in(viewer)
    index = panel.list.model.index(1, 0)
    panel.list.table.setCurrentIndex(index)
    panel.list.table.clicked.emit(index)
    save(viewer, output / "compare.png")
    panel.shut_down()
    desk.open_stage("proofread")
    layers.labels.selected_label = large[1]
    viewer.mouse_over_canvas = False
    desk.do("show_branches")
    page = dock.branch_page
    wait_until(lambda: page.view is not None or page.says.saying.tone == "error")
    save(viewer, output / "branches.png")
    viewer.close()
    for name in ("compare", "branches"):
        shrink(output / f"{name}.png")
    return ["compare", "branches"]


def zoom_in(viewer: Any) -> None:
    """Fill the canvas with the middle of the section."""
    viewer.reset_view()
    viewer.scene.camera.zoom *= 1.35


if __name__ == "__main__":
    sys.exit(main())
