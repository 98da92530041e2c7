"""Five points, matrices, occupancy, tables and figures."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from PIL import Image

from napari_emseg.measure import plots
from napari_emseg.measure.five_points import five_along, five_points, mean_of, means_of_sheet
from napari_emseg.measure.matrix import PairMatrix, largest, pair_matrix
from napari_emseg.measure.occupancy import occupancy_percent
from napari_emseg.measure.profile import Profile
from napari_emseg.measure.table import csv_text, profile_rows


def along(diameters, step=100.0, branch=None, length=None):
    n = len(diameters)
    d = np.asarray(diameters, np.float64)
    place = np.zeros((n, 3))
    place[:, 0] = np.arange(n) * step
    branches = np.zeros(n, np.int64) if branch is None else np.asarray(branch)
    why = tuple("" if np.isfinite(v) else "fork" for v in d)
    return Profile(place, np.arange(n) * step, branches, d, d, d, why, (length or (n - 1) * step,), 1, 0.0)


def test_five_points_lie_in_the_middle_of_fifths():
    found = five_points(along(np.arange(11) * 10.0))
    assert found == {share: pytest.approx(float(share)) for share in (10, 30, 50, 70, 90)}


def test_a_missing_point_is_left_out_of_the_mean():
    diameters = np.full(11, 100.0)
    diameters[4:7] = np.nan
    found = five_points(along(diameters))
    assert found[50] is None
    assert mean_of(found.values()) == 100.0
    assert mean_of([None, None]) is None
    assert mean_of([None, 4.0, np.nan, 8.0]) == 6.0
    assert {mean_of([108.123961945] * n) for n in range(1, 6)} == {108.123961945}


def test_points_of_other_branches_do_not_count():
    found = along([10.0] * 6 + [99.0] * 5, branch=[0] * 6 + [1] * 5, length=500.0)
    assert mean_of(five_points(found).values()) == 10.0


def test_five_points_along_a_contact():
    found = along(np.arange(11) * 10.0)
    five = five_along(found, np.array([[200.0, 5.0, 5.0], [600.0, 9.0, 2.0]]))
    assert five == pytest.approx([24.0, 32.0, 40.0, 48.0, 56.0])
    assert five_along(found, np.zeros((0, 3))) == [None] * 5


def test_a_sheet_of_seven_axons_five_points_and_thirteen_muscles():
    """Every block of five rows is one axon, in pixels of 8 nm; blanks are no zeros."""
    sheet = np.zeros((35, 13))
    for axon in range(7):
        sheet[5 * axon : 5 * axon + 5] = 10 * (axon + 1) + np.arange(5)[:, None] - 2
    sheet[7, 3] = np.nan
    sheet[8, 3] = 0.0
    sheet[30:, 12] = np.nan
    found = means_of_sheet(sheet, nm_per_unit=8.0)
    assert found.shape == (7, 13)
    np.testing.assert_allclose(found[:, 0], [80, 160, 240, 320, 400, 480, 560])
    assert found[1, 3] == pytest.approx(8 * np.mean([18, 19, 22]))
    assert np.isnan(found[6, 12])
    with pytest.raises(ValueError, match="whole number"):
        means_of_sheet(sheet[:34])


CONTACTS = [
    {"id_a": 1, "id_b": 11, "contact_area_um2": 2.0, "calibre_of_a_nm": 100.0, "calibre_of_b_nm": 900.0},
    {"id_a": 2, "id_b": 11, "contact_area_um2": 6.0, "calibre_of_a_nm": 200.0, "calibre_of_b_nm": 900.0},
    {"id_a": 2, "id_b": 12, "contact_area_um2": 2.0, "calibre_of_a_nm": None, "calibre_of_b_nm": 800.0},
    {"id_a": 1, "id_b": 2, "contact_area_um2": 5.0, "calibre_of_a_nm": 110.0, "calibre_of_b_nm": 210.0},
]


def test_no_contact_is_missing_in_a_matrix():
    found = pair_matrix(CONTACTS, (1, 2, 3), (11, 12))
    np.testing.assert_array_equal(found.values, [[2, np.nan], [6, 2], [np.nan, np.nan]])
    ordered = found.by_total()
    assert (ordered.rows, ordered.columns) == ((2, 1, 3), (11, 12))
    np.testing.assert_array_equal(ordered.values, [[6, 2], [2, np.nan], [np.nan, np.nan]])


def test_the_calibre_of_a_row_is_its_own():
    """Also where the row object has the higher id and stands second in its contact."""
    np.testing.assert_array_equal(
        pair_matrix(CONTACTS, (11, 12), (1, 2), "calibre_of_a_nm").values, [[900, 900], [np.nan, 800]]
    )
    both = pair_matrix(CONTACTS, (1, 2), (1, 2), "calibre_of_a_nm").values
    np.testing.assert_array_equal(both, [[np.nan, 110], [210, np.nan]])


def test_the_objects_with_the_most_contact():
    assert largest(CONTACTS, 2) == (2, 11)
    assert largest(CONTACTS) == (1, 2, 11, 12)


def test_occupancy_adds_up_to_a_hundred_percent():
    areas = pair_matrix(CONTACTS, (1, 2, 3), (11, 12))
    np.testing.assert_allclose(occupancy_percent(areas), [20, 80, 0])
    rng = np.random.default_rng(2)
    values = np.where(rng.random((9, 13)) < 0.5, rng.random((9, 13)), np.nan)
    many = PairMatrix(tuple(range(9)), tuple(range(13)), values)
    assert occupancy_percent(many).sum() == pytest.approx(100)


def test_nothing_that_touches_has_no_occupancy():
    assert np.isnan(occupancy_percent(PairMatrix((1,), (2,), np.array([[np.nan]])))).all()


def test_tables_leave_what_is_missing_blank():
    text = csv_text([{"id": 1, "a_nm": None}, {"id": 2, "a_nm": 0.1 + 0.2, "b": 4}], ("id",))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows == [{"id": "1", "a_nm": "", "b": ""}, {"id": "2", "a_nm": "0.3", "b": "4"}]
    assert csv_text([], ("id", "x")) == "id,x\n"


def test_profiles_as_rows():
    rows = list(profile_rows({7: along([50.0, np.nan])}))
    assert [row["calibre_nm"] for row in rows] == [50.0, None]
    assert [row["z_nm"] for row in rows] == [0.0, 100.0]


def drawn(figure):
    with Image.open(io.BytesIO(plots.png(figure))) as picture:
        return np.asarray(picture.convert("RGB"))


def test_no_contact_is_white_and_not_the_colour_of_zero():
    values = np.full((2, 2), np.nan)
    values[0, 0], values[1, 1] = 3.0, 0.0
    figure = plots.heat_map(PairMatrix((1, 2), (3, 4), values), "areas", "µm²")
    picture, axes = drawn(figure), figure.axes[0]
    height = picture.shape[0]

    def colour(row, column):
        x, y = axes.transData.transform((column, row)) * plots._DPI / figure.dpi
        return tuple(int(v) for v in picture[int(height - y), int(x)])

    figure.savefig(io.BytesIO(), dpi=plots._DPI)
    assert colour(0, 1) == colour(1, 0) == (255, 255, 255)
    assert colour(0, 0) != (255, 255, 255)
    assert colour(1, 1) != (255, 255, 255)
    assert colour(0, 0) != colour(1, 1)


def test_bars_are_sorted_and_leave_blanks_out():
    figure = plots.bars([4, 5, 6, 7], [1.0, np.nan, 3.0, 2.0], "calibre", "nm")
    axes = figure.axes[0]
    assert [patch.get_height() for patch in axes.patches] == [3.0, 2.0, 1.0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["6", "7", "4"]


def test_scatter_has_points_line_band_and_numbers():
    x = np.arange(1.0, 11.0)
    figure = plots.scatter(x, 2 * x + np.sin(x) + 3, ("x", "y"), "pairs")
    axes = figure.axes[0]
    assert len(axes.lines) == 1
    assert len(axes.collections) == 2
    assert "n = 10" in axes.texts[0].get_text()
    empty = plots.scatter([], [], ("x", "y"), "pairs").axes[0]
    assert "n = 0" in empty.texts[0].get_text()


def test_small_scatters_share_their_limits():
    x = np.arange(1.0, 6.0)
    figure = plots.small_scatters([("1", x, x), ("2", 3 * x, 9 * x)], ("x", "y"))
    for axes in figure.axes:
        assert axes.get_xlim() == pytest.approx((0, 15.75))
        assert axes.get_ylim() == pytest.approx((0, 47.25))
    assert drawn(figure).size


def test_a_network_has_a_line_for_each_contact():
    figure = plots.network([(1, 2, 1.0), (2, 3, 4.0)], "contacts")
    widths = [line.get_linewidth() for line in figure.axes[0].lines]
    assert widths[1] > widths[0]
    assert len(widths) == 2
    assert {text.get_text() for text in figure.axes[0].texts} == {"1", "2", "3"}
    assert drawn(plots.network([], "nothing")).size
