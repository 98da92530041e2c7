"""Pictures of one section that are laid over the stack while a person decides: how it would be, or two over each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_emseg.ui.runner import Handlers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.layers import Image, Layer
    from numpy.typing import NDArray

    from napari_emseg.ui.desk import Desk
    from napari_emseg.ui.runner import Work
    from napari_emseg.ui.saying import Saying


class Picture(NamedTuple):
    """One layer of an overlay: grey values (y, x) and how they are shown."""

    values: NDArray[Any]
    name: str
    colormap: str = "gray"
    blending: str = "translucent"


@dataclass(eq=False)
class Overlay:
    """Layers over the section on screen, drawn in the worker as long as the person wants them.

    Parameters
    ----------
    key : str
        Of its work: a later question overtakes an earlier one.
    stage : str
        Where errors are said.
    is_in_colour : bool
        Labels and maps, which would colour it once more, are put away meanwhile.

    Attributes
    ----------
    is_wanted : bool
    section : int or None
        That is shown.
    layers : tuple of Image
    """

    key: str
    stage: str
    is_in_colour: bool = False
    is_wanted: bool = False
    section: int | None = None
    layers: tuple[Image, ...] = ()
    _spoken: str = ""
    _before: Saying | None = None
    _put_away: tuple[Layer, ...] = ()

    def want(self, desk: Desk, wanted: bool, draw: Callable[[Desk], None]) -> None:
        """Switch it on or off."""
        self.is_wanted = wanted
        if wanted:
            draw(desk)
        else:
            self.remove(desk)

    def ask(
        self,
        desk: Desk,
        prepare: Callable[[], Any],
        function: str,
        show: Callable[[int, Any], None],
    ) -> None:
        """Let the worker draw the section on screen; `show` gets it with its number, if it is still wanted."""
        session, section = desk.session, desk.section

        def done(found: Any) -> None:
            if self.is_wanted and desk.session is session:
                show(section, found)
                self._fall_silent(desk, section)

        def working(work: Work) -> None:
            if self.is_wanted and desk.session is session and work.message:
                said = desk.sayings.get(self.stage)
                if said is None or said.text != self._spoken:
                    self._before = said
                self._spoken = f"Preview: {work.message}."
                desk.say(self.stage, self._spoken)

        desk.runner.submit_prepared(
            self.key,
            prepare,
            lambda request, **callbacks: desk.engine.submit(function, request, **callbacks),
            Handlers(done, lambda error: desk.fail(self.stage, error), lambda: None, working),
        )

    def _fall_silent(self, desk: Desk, section: int) -> None:
        """What was said before the worker told of its work is said again, unless that was an error."""
        said, before = desk.sayings.get(self.stage), self._before
        if said is None or said.text != self._spoken:
            return
        if before is not None and before.tone in ("done", "quiet"):
            desk.say(self.stage, before.text, tone=before.tone, link=before.link, action=before.action)
            return
        self._spoken = f"This is section {section} as it would be."
        desk.say(self.stage, self._spoken)

    def lay(
        self, desk: Desk, section: int, pictures: Sequence[Picture], *, origin_px: Sequence[float] = (0, 0)
    ) -> None:
        """Show pictures on a section and nowhere else; `origin_px` lies on the first pixel of the stack."""
        layers = desk.layers
        if layers is None:
            return
        scale = [float(s) for s in layers.image.scale[-3:]]
        offset = [float(t) for t in layers.image.translate[-3:]]
        offset[0] += section * scale[0]
        for axis, origin in enumerate(origin_px, start=1):
            offset[axis] -= origin * scale[axis]
        self.section = section
        if len(self.layers) == len(pictures) and all(one in desk.viewer.layers for one in self.layers):
            for layer, picture in zip(self.layers, pictures, strict=True):
                layer.data = picture.values[None]
                layer.translate = offset
            return
        self.remove(desk)
        self.section = section
        chosen = list(desk.viewer.layers.selection)
        made: list[Any] = []
        for picture in pictures:
            layer = desk.viewer.add_image(
                picture.values[None], name=picture.name, colormap=picture.colormap, blending=picture.blending,
                contrast_limits=layers.image.contrast_limits, scale=scale, translate=offset,
                units=layers.image.units, axis_labels=layers.image.axis_labels,
            )  # fmt: skip
            layers.owned.append(layer)
            made.append(layer)
            above = desk.viewer.layers.index(layers.image) + len(made)
            desk.viewer.layers.move(desk.viewer.layers.index(layer), above)
        desk.viewer.layers.selection = set(chosen)
        self.layers = tuple(made)
        if self.is_in_colour:
            self._put_away = tuple(layer for layer in layers.overlays if layer.visible)
            for layer in self._put_away:
                layer.visible = False

    def remove(self, desk: Desk) -> None:
        """Take the layers away; what is selected beside them stays selected."""
        held, self.layers, self.section = self.layers, (), None
        for other in self._put_away:
            other.visible = True
        self._put_away = ()
        for layer in held:
            if layer in desk.viewer.layers:
                chosen = [other for other in desk.viewer.layers.selection if other is not layer]
                desk.viewer.layers.selection.clear()
                desk.viewer.layers.remove(layer)
                desk.viewer.layers.selection = set(chosen)
            if desk.layers is not None and layer in desk.layers.owned:
                desk.layers.owned.remove(layer)
