"""Mitochondria are round: nothing cuts them straight but the volume's faces and the cells that they are pressed against.

cut                       whole
+---------.               .---------.
|  ~~~     )             (  ~~~      )
+---------'               `---------'
"""

from __future__ import annotations

import edt
import numpy as np
import pytest

from napari_emseg.phantom import Phantom, PhantomSettings, make, make_phantom
from napari_emseg.phantom.capsule import Form
from napari_emseg.phantom.mitochondria import draw_mitochondria
from napari_emseg.phantom.scene import Scene

_CLEAR_NM = 32.0  # a pixel more than that from the cell's border, it is not the cell that shapes the outline


def longest_straight_run(mitochondria: np.ndarray, border_nm: np.ndarray, pixel_nm: float) -> int:
    """Most pixels in a row of an outline, along y or x, that neither a cell nor a face of the volume makes.

    A circle with a radius of r pixels has runs of about sqrt(8 r).
    """
    longest = 0
    for axis in (1, 2):
        ids, border = (np.moveaxis(a, (axis, 3 - axis), (0, 1)) for a in (mitochondria, border_nm))
        for near, far, room in (
            (ids[1:], ids[:-1], border[1:]),
            (ids[:-1], ids[1:], border[:-1]),
        ):
            outline = np.where((near != far) & (room > _CLEAR_NM + pixel_nm), near, 0)
            run = np.zeros_like(outline[:, 0], dtype=np.intp)
            before = np.zeros_like(outline[:, 0])
            for along in range(outline.shape[1]):
                here = outline[:, along]
                run = np.where(here == 0, 0, np.where(here == before, run + 1, 1))
                before = here
                longest = max(longest, int(run.max(initial=0)))
    return longest


def border_of(labels: np.ndarray, pixel_nm: tuple[float, float]) -> np.ndarray:
    return np.stack([edt.edt(section, anisotropy=pixel_nm) for section in labels])


@pytest.fixture(scope="module")
def crowded() -> Phantom:
    return make_phantom((12, 300, 300), seed=6, settings=PhantomSettings(mitochondria_per_um3=12))


def test_no_mitochondrion_is_cut_straight(crowded: Phantom) -> None:
    assert len(np.unique(crowded.mitochondria)) > 9
    assert longest_straight_run(crowded.mitochondria, border_of(crowded.labels, (4.6, 4.6)), 4.6) <= 44


def test_none_of_the_sample_is_cut_straight(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample as far as its mitochondria: synapses and the picture come after them, and take as long again."""
    drawn: list[tuple[np.ndarray, np.ndarray]] = []

    def as_far_as_here(rng: np.random.Generator, scene: Scene, per_um3: float) -> None:
        drawn.append((draw_mitochondria(rng, scene, per_um3).ids, scene.labels))
        raise InterruptedError

    monkeypatch.setattr(make, "draw_mitochondria", as_far_as_here)
    with pytest.raises(InterruptedError):
        make_phantom(seed=0)
    mitochondria, labels = drawn[0]
    assert len(np.unique(mitochondria)) > 20
    assert longest_straight_run(mitochondria, border_of(labels, (4.6, 4.6)), 4.6) <= 44


def one_large_cell(drift_px: int) -> Scene:
    """A cell that fills its sections but for a stripe, and moves along x by so much from section to section."""
    labels = np.ones((9, 200, 400), np.uint32)
    for z, section in enumerate(labels):
        section[:, : max(0, drift_px * z)] = 2
    border = np.stack([edt.edt(section, anisotropy=(16.0, 16.0)) for section in labels]).astype(np.float32)
    return Scene(labels, np.array([-1, 0, 1], np.int32), 9, border, (50.0, 16.0, 16.0))


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_one_that_goes_with_its_cell_is_not_cut_by_the_box_that_it_is_drawn_in(seed: int) -> None:
    scene = one_large_cell(24)
    drawn = draw_mitochondria(np.random.default_rng(seed), scene, 3.0)
    assert drawn.ids.any()
    assert longest_straight_run(drawn.ids, scene.border_nm, 16.0) <= 32


def test_a_form_ends_within_its_reach() -> None:
    rng = np.random.default_rng(0)
    for radius in (55.0, 120.0, 190.0) * 20:
        form = Form.draw(rng, radius)
        z, y, x = (np.arange(-e - 30, e + 31, 10.0, dtype=np.float32) for e in form.reach_nm)
        inside = form.depth(z[:, None, None], y[None, :, None], x[None, None, :]) > 0
        assert inside.any()
        for axis, (points, reach) in enumerate(zip((z, y, x), form.reach_nm, strict=True)):
            there = inside.any(axis=tuple(k for k in range(3) if k != axis))
            assert np.abs(points[there]).max() <= reach


def test_mitochondria_keep_apart_within_a_section(crowded: Phantom) -> None:
    for section in crowded.mitochondria:
        for axis in (0, 1):
            a, b = np.moveaxis(section, axis, 0)[:-1], np.moveaxis(section, axis, 0)[1:]
            assert not ((a != b) & (a > 0) & (b > 0)).any()
