"""Seeds on the canvas: those that are found follow the sliders, those that a person placed stay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_emseg.algorithms.placed_seeds import NOTHING_PLACED, PlacedSeeds
from napari_emseg.core.errors import EmsegError
from napari_emseg.core.words import counted
from napari_emseg.ui.runner import Handlers
from napari_emseg.ui.view import need_one_section, visible_region

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from napari_emseg.core.edit import Region
    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.layers import StackLayers

_KEY = "seeds"
_STAGE = "segment"
_NEAR_PX = 8.0  # on the screen: the mouse is on a dot, and not beside it


def take_up(desk: Desk) -> None:
    """Follow the layer of seeds of the stack that has been opened."""
    from napari_emseg.jobs.kept_seeds import keep_seeds, kept_seeds
    from napari_emseg.ui.seed_marks import SeedMarks
    from napari_emseg.ui.seeds_layer import SeedsLayer

    session, layers = desk.need_session()
    marks = SeedMarks(session.image.shape, kept_seeds(session))
    desk.seeds = SeedsLayer(layers.seeds, marks, desk.post)

    def changed() -> None:
        try:
            keep_seeds(session, marks.placed)
        except EmsegError as error:
            desk.fail(_STAGE, error)
        if layers.seeds.visible:
            preview(desk)
        desk.state_changed.emit()

    marks.changed.connect(changed)
    layers.seeds.events.mode.connect(lambda _event: desk.state_changed.emit())  # goes with the layer
    session.edited.connect(desk.seeds.seal)
    # to napari's points layers these keys mean something else; ours are on the buttons
    layers.seeds.bind_key("S", lambda _layer: desk.do("segment"), overwrite=True)
    layers.seeds.bind_key("Escape", lambda _layer: _on_escape(desk), overwrite=True)


def let_go(desk: Desk) -> None:
    """The stack is closed."""
    if desk.seeds is not None:
        if desk.session is not None:
            desk.session.edited.disconnect(desk.seeds.seal, missing_ok=True)
        desk.seeds.disconnect()
        desk.seeds = None


# ---------------------------------------------------------------------- those that are found


def preview(desk: Desk) -> None:
    """Compute the seeds of the region on screen in the worker and show them.

    While one computation runs, newer wishes wait; only the newest is computed afterwards.
    """
    if desk.session is None or desk.layers is None or desk.seeds is None:
        return
    if desk.runner.is_running(_KEY):
        desk.seeds_wanted = True
        return
    desk.seeds_wanted = False
    session, layers = desk.session, desk.layers
    desk.seeds.follow_settings(_what_joins(desk))
    try:
        region = visible_region(desk.viewer, layers.image)
    except EmsegError:
        return
    if region.shape[0] != 1 or region.start[0] not in layers.boundary_map.sections:
        _show(desk, np.empty((0, 3)), only_if_placed=True)
        return
    from napari_emseg.jobs.hand_seeds import in_region
    from napari_emseg.jobs.seed_points import SeedPointsRequest

    request = SeedPointsRequest(
        layers.boundary_map.walls(region)[0],
        session.get_settings("seeds"),
        session.image.spacing_nm,
        region.start,
        in_region(placed(desk), region),
    )

    def done(points: NDArray[np.float64]) -> None:
        _show(desk, points)
        again()

    def again(*_: object) -> None:
        if desk.seeds_wanted:
            preview(desk)

    desk.runner.submit(
        _KEY,
        lambda **callbacks: desk.engine.submit("napari_emseg.jobs.seed_points:run", request, **callbacks),
        Handlers(done, again, again, lambda work: None),
    )


def hide_joined(desk: Desk, region: Region, joined: Iterable[Sequence[float]]) -> None:
    """Show one dot for a segment that several found seeds have become; places are in voxels of the region."""
    if desk.seeds is not None:
        places = [[p + a for p, a in zip(place, region.start, strict=True)] for place in joined]
        desk.seeds.hide_joined(places, region, _what_joins(desk))


def _what_joins(desk: Desk) -> tuple[Any, ...]:
    session, _ = desk.need_session()
    return session.get_settings("seeds"), session.get_settings("segment")


def _show(desk: Desk, points: NDArray[np.float64], *, only_if_placed: bool = False) -> None:
    if desk.layers is None or desk.seeds is None:
        return
    desk.seeds.show_found(points)
    if only_if_placed and not placed(desk):
        return
    _see(desk, desk.layers)
    desk.state_changed.emit()


def show(desk: Desk, on: bool) -> None:
    """Switch the preview on or off."""
    if on:
        preview(desk)
    else:
        hide(desk)
    desk.state_changed.emit()


def hide(desk: Desk) -> None:
    """Take the seeds off the canvas, also those that are still being computed."""
    desk.seeds_wanted = False
    desk.runner.drop(_KEY)
    if desk.layers is not None and desk.layers.seeds.visible:
        put_down(desk, quietly=True)
        desk.layers.seeds.visible = False


# ---------------------------------------------------------------------- those that are placed


def placed(desk: Desk) -> PlacedSeeds:
    """What the person changed about the seeds of the stack."""
    return NOTHING_PLACED if desk.seeds is None else desk.seeds.marks.placed


def among_others(desk: Desk) -> PlacedSeeds:
    """The same where a whole section is needed: then they never grow alone."""
    return replace(placed(desk), alone=False)


def set_alone(desk: Desk, alone: bool) -> None:
    """Whether only placed seeds grow."""
    _marks(desk).set_alone(alone)


def place(desk: Desk) -> None:
    """Let clicks place seeds; once more ends it."""
    layer = _to_hand(desk)
    if is_placing(desk):
        put_down(desk)
        return
    desk.set_tool(None)
    desk.viewer.layers.selection.active = layer
    layer.selected_data = set()
    layer.mode = "pan_zoom"  # napari's buttons of a layer that came back show this, and follow changes only
    layer.mode = "add"
    desk.say(
        _STAGE,
        "Click into every cell that lacks a seed: each dot becomes one segment. 3 selects dots, to move or delete them.",
        tone="busy", link="Put the tool down", action="place_seeds",
    )  # fmt: skip
    desk.state_changed.emit()


def is_placing(desk: Desk) -> bool:
    """Whether a click on the canvas places a seed."""
    if desk.layers is None:
        return False
    layer = desk.layers.seeds
    return desk.viewer.layers.selection.active is layer and str(layer.mode) == "add"


def _on_escape(desk: Desk) -> None:
    if not is_placing(desk):
        desk.asked.emit("stage")
    put_down(desk)


def put_down(desk: Desk, *, quietly: bool = False) -> None:
    """Clicks place no more seeds; keys and mouse are the labels' again."""
    if desk.layers is None:
        return
    layer = desk.layers.seeds
    was_placing = is_placing(desk)
    layer.selected_data = set()
    layer.mode = "pan_zoom"
    if desk.viewer.layers.selection.active is layer:
        desk.viewer.layers.selection.active = desk.layers.labels
    if was_placing and not quietly:
        desk.say(_STAGE, _next_words(desk), link="Segment what I see", action="segment")
    desk.state_changed.emit()


def seed_here(desk: Desk) -> None:
    """Place a seed under the mouse; on a dot, take that away."""
    layer = _to_hand(desk)
    session, _ = desk.need_session()
    marks = _marks(desk)
    assert desk.seeds is not None
    position = np.asarray(layer.world_to_data(desk.viewer.cursor.position), float)[-3:]
    voxel = np.rint(position).astype(int)
    if ((voxel < 0) | (voxel >= session.image.shape)).any():
        raise EmsegError("the mouse is not over the section", f"section {desk.section}", "point at a cell")
    near = _NEAR_PX / (desk.viewer.scene.camera.zoom * float(layer.scale[-1]))
    dots = [row for row in marks.rows(desk.seeds.found) if round(row[1][0]) == voxel[0]]
    away = [float(np.hypot(*(np.asarray(place)[1:] - position[1:]))) for _, place in dots]
    if away and min(away) <= near:
        kind, at = dots[int(np.argmin(away))]
        marks.remove([(kind, at)])
        said = {
            "found": "The seed is struck out: its cell goes to a neighbour.",
            "struck": "The seed is back.",
            "placed": "Your seed is gone.",
        }[kind]
    else:
        marks.add([position])
        said = "Your seed is placed."
    _show(desk, desk.seeds.found)
    desk.say(_STAGE, f"{said} {_next_words(desk)}", link="Take that back", action="undo")


def forget(desk: Desk) -> None:
    """Take away all that was placed and struck out."""
    marks = _marks(desk)
    n = len(marks.placed.points) + len(marks.placed.struck)
    marks.clear()
    desk.say(
        _STAGE,
        f"{counted(n, 'mark')} of yours on seeds taken away.",
        link="Take that back",
        action="undo",
    )


def undo(desk: Desk, *, again: bool = False) -> bool:
    """Take back what was last done to seeds, if that is on screen and newer than the last edit of labels."""
    if desk.seeds is None or desk.layers is None or not desk.layers.seeds.visible:
        return False
    marks = desk.seeds.marks
    if not (marks.redo() if again else marks.undo()):
        return False
    desk.say(_STAGE, f"{'Done again' if again else 'Taken back'}. {_next_words(desk)}")
    return True


def words(desk: Desk) -> str:
    """How many seeds there are, or why there are none."""
    if desk.layers is None or desk.seeds is None:
        return ""
    own = sum(z == desk.section for z, _, _ in placed(desk).points)
    if desk.section not in desk.layers.boundary_map.sections:
        return f"{own} of yours" if own else "no membranes here yet"
    n = len(desk.seeds.found)
    if not desk.layers.seeds.visible:
        return ""
    return f"{n} found, {own} yours" if own else f"{n} found"


def counts(desk: Desk) -> str:
    """What was placed and struck out in the stack; empty if nothing was."""
    found = placed(desk)
    parts = [f"{len(found.points)} placed"] if found.points else []
    parts += [f"{len(found.struck)} struck out"] if found.struck else []
    return ", ".join(parts)


def need_own(desk: Desk, region: Region) -> None:
    """Refuse to grow placed seeds alone where there is none.

    Raises
    ------
    EmsegError
    """
    from napari_emseg.jobs.hand_seeds import in_region

    here = in_region(placed(desk), region)
    if here.alone and not here.points:
        raise EmsegError(
            "only your seeds are to grow, and none is on the screen", f"section {region.start[0]}",
            "place one, or choose “with the others”", action="place_seeds",
        )  # fmt: skip


def _next_words(desk: Desk) -> str:
    n = sum(z == desk.section for z, _, _ in placed(desk).points)
    return f"{n} of yours in this section; S segments with {'it' if n == 1 else 'them'}." if n else ""


def _marks(desk: Desk) -> Any:
    desk.need_session()
    assert desk.seeds is not None
    return desk.seeds.marks


def _to_hand(desk: Desk) -> Any:
    """The layer, visible, in its stage."""
    _, layers = desk.need_session()
    need_one_section(desk.viewer, layers.image)
    desk.open_stage(_STAGE)
    _see(desk, layers)
    return layers.seeds


def _see(desk: Desk, layers: StackLayers) -> None:
    layers.bring_back(desk.viewer, layers.seeds)
    if (
        not layers.seeds.visible
    ):  # napari puts the tool of a layer away that is shown, also of one that was shown before
        layers.seeds.visible = True
