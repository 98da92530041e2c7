"""Recipes of augmentation: look at them, keep them in the project, learn with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_emseg.augment.recipe import load_recipe, presets, recipe_text
from napari_emseg.core.errors import EmsegError
from napari_emseg.settings import AugmentationSettings

if TYPE_CHECKING:
    from napari_emseg.augment.recipe import Augmentation
    from napari_emseg.ui.desk import Desk

_TITLE = "Inspect augmentations"


def inspect(desk: Desk) -> None:
    """Open the contact sheet as a tab beside the main dock, with the recipe that learning uses."""
    from napari_emseg.ui.augmenting.widget import InspectAugmentations

    session, _ = desk.need_session()
    for there in desk.viewer.window._qt_window.findChildren(InspectAugmentations):
        if there.desk is desk:
            there.parent().show()
            there.parent().raise_()
            return
    widget = InspectAugmentations(desk.viewer, desk=desk)
    name = session.get_settings("finetune").augmentation
    if name in recipes(desk):
        widget.editor.choice.setCurrentText(name)
        widget.set_recipe(load_recipe(session.get_settings("augmentation").recipes.get(name, name)))
    dock = desk.viewer.window.add_dock_widget(
        widget, name=_TITLE, area="right", tabify=True, add_vertical_stretch=False
    )
    dock.raise_()


def recipes(desk: Desk) -> tuple[str, ...]:
    """Names of the recipes that learning can use: presets, then those of the project."""
    saved = desk.session.get_settings("augmentation").recipes if desk.session else {}
    known = tuple(presets())
    return (*known, *(name for name in saved if name not in known))


def choose(desk: Desk, name: str) -> None:
    """Vary samples by this recipe when the model learns."""
    settings = desk.settings("finetune")
    desk.set_settings("finetune", settings.model_copy(update={"augmentation": name}))


def keep(desk: Desk, name: str, recipe: Augmentation, *, use: bool) -> None:
    """Save a recipe in the open project.

    Parameters
    ----------
    use : bool
        Whether fine-tuning learns with it from now on.

    Raises
    ------
    EmsegError
        If no project is open, or the name cannot be used.
    """
    session, _ = desk.need_session()
    if name in presets():
        raise EmsegError("a recipe of the program has this name", name, "give yours a name of its own")
    if not name or ":" in name:
        raise EmsegError(
            "this name cannot be used", name or "empty", "give the recipe a name without a colon"
        )
    kept = session.get_settings("augmentation").recipes
    desk.set_settings("augmentation", AugmentationSettings(recipes={**kept, name: recipe_text(recipe)}))
    if use:
        choose(desk, name)
