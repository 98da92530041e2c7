"""Correlations against scipy and by hand; blanks are missing, and a pair is left out as a whole."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from napari_emseg.measure.correlation import correlate, paired, regress


@pytest.fixture
def pairs():
    rng = np.random.default_rng(5)
    x = rng.uniform(50, 350, 70)
    return x, 0.1 * x + rng.normal(0, 4, 70) + 5


def test_pearson_and_spearman_as_scipy_gives_them(pairs):
    x, y = pairs
    found = correlate(x, y)
    r, rho = stats.pearsonr(x, y), stats.spearmanr(x, y)
    assert found.n == 70
    for mine, theirs in (
        (found.pearson_r, r.statistic),
        (found.pearson_p, r.pvalue),
        (found.spearman_rho, rho.statistic),
        (found.spearman_p, rho.pvalue),
    ):
        assert mine == pytest.approx(theirs, rel=1e-12)


def test_pearson_by_its_formula(pairs):
    x, y = pairs
    a, b = x - x.mean(), y - y.mean()
    assert correlate(x, y).pearson_r == pytest.approx(
        (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()), rel=1e-12
    )


def test_ties_get_their_mean_rank():
    x, y = [1, 2, 2, 3, 5], [2, 1, 4, 4, 6]
    ranks = np.array([1, 2.5, 2.5, 4, 5]), np.array([2, 1, 3.5, 3.5, 5])
    assert correlate(x, y).spearman_rho == pytest.approx(np.corrcoef(*ranks)[0, 1], rel=1e-12)


def test_blanks_are_missing_and_not_zero(pairs):
    """A blank that counts as 0 would pull every correlation up."""
    x, y = (v.copy() for v in pairs)
    whole = correlate(x[:60], y[:60])
    x[60:64], y[64:67], x[67:] = np.nan, np.nan, 0.0
    assert correlate(x, y) == whole
    assert whole.n == 60


def test_a_pair_with_one_zero_is_left_out():
    """``x + y != 0`` would keep it."""
    x, y = paired([1.0, 0.0, 3.0, np.nan], [2.0, 5.0, 0.0, 4.0])
    assert (x.tolist(), y.tolist()) == ([1.0], [2.0])


def test_matrices_are_taken_apart():
    x = np.array([[1.0, np.nan], [3.0, 4.0]])
    assert correlate(x, x.T).n == 2
    with pytest.raises(ValueError, match="pairs"):
        paired(x, x[0])


def test_what_has_no_correlation_says_why():
    assert correlate([1, 2], [2, 3]).why_not == "2 pairs are too few"
    assert correlate([], []).n == 0
    same = correlate([1, 1, 1, 1], [1, 2, 3, 4])
    assert same.pearson_r is None
    assert "the same everywhere" in same.why_not
    rounded = [sum([108.123961945] * n) / n for n in (3, 5, 4, 3, 5, 4)]
    assert len(set(rounded)) > 1, "a mean of equal diameters differs by how many there are"
    assert "the same everywhere" in correlate(rounded, [1, 2, 3, 4, 5, 7]).why_not
    assert regress(rounded, [1, 2, 3, 4, 5, 7]) is None


def test_the_line_as_scipy_gives_it(pairs):
    x, y = pairs
    mine, theirs = regress(x, y), stats.linregress(x, y)
    assert mine.slope == pytest.approx(theirs.slope, rel=1e-12)
    assert mine.intercept == pytest.approx(theirs.intercept, rel=1e-10)
    assert mine.slope_se == pytest.approx(theirs.stderr, rel=1e-10)
    assert mine.r_squared == pytest.approx(theirs.rvalue**2, rel=1e-10)


def test_the_band_by_matrices(pairs):
    """y' = X b with covariance s² X (X'X)^-1 X'."""
    x, y = pairs
    design = np.stack([np.ones_like(x), x], 1)
    inverse = np.linalg.inv(design.T @ design)
    b = inverse @ design.T @ y
    s2 = ((y - design @ b) ** 2).sum() / (x.size - 2)
    at = np.array([60.0, 200.0, 340.0])
    rows = np.stack([np.ones_like(at), at], 1)
    half = stats.t.ppf(0.975, x.size - 2) * np.sqrt(s2 * np.einsum("ij,jk,ik->i", rows, inverse, rows))
    low, high = regress(x, y).band(at)
    np.testing.assert_allclose(low, rows @ b - half, rtol=1e-9)
    np.testing.assert_allclose(high, rows @ b + half, rtol=1e-9)
    wide, _ = regress(x, y).band(at, 0.99)
    assert (wide < low).all()


def test_no_line_through_too_little():
    assert regress([1, 2], [1, 2]) is None
    assert regress([3, 3, 3], [1, 2, 3]) is None


def test_the_band_holds_the_true_line_in_95_percent():
    rng, hits = np.random.default_rng(1), 0
    for _ in range(400):
        x = rng.uniform(1, 10, 12)
        low, high = regress(x, 20 + 2 * x + rng.normal(0, 1, 12)).band(5.0)
        hits += bool(low <= 30 <= high)
    assert 0.92 < hits / 400 < 0.98
