"""Can a classifier tell draws from rows?"""

import numpy as np
import pandas as pd
import pytest

from tfvae import evaluation


def table(seed, n=400, shift=0.0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "a": rng.normal(shift, 1, n),
        "b": pd.array(rng.integers(0, 9, n), dtype="Int64"),
        "c": rng.choice(["x", "y", None], n),
        "d": rng.random(n) < 0.5,
    })  # fmt: skip


def test_one_law_is_not_told_apart_and_the_null_says_within_what():
    auc = evaluation.two_sample_auc(table(0), table(1))
    assert auc.null_sd == pytest.approx((801 / (12 * 400 * 400)) ** 0.5)
    for area in auc[:2]:
        assert abs(area - 0.5) < 3.5 * auc.null_sd


def test_a_shift_is_found_near_the_best_that_can_be():
    from scipy.stats import norm

    auc = evaluation.two_sample_auc(table(0), table(1, shift=2.0))
    best = norm.cdf(2 / 2**0.5)  # of two Gaussians, 2 standard deviations apart
    assert best - 0.06 < min(auc[:2]) <= max(auc[:2]) < best + 0.03


def test_the_size_of_numbers_does_not_matter():
    rows, draws = table(0, 100), table(1, 100, shift=1.0)
    huge = [t.assign(a=t["a"] * 1e300) for t in (rows, draws)]
    assert evaluation.two_sample_auc(*huge) == evaluation.two_sample_auc(rows, draws)


def test_it_is_repeatable_and_refuses_what_it_cannot_compare():
    few = table(0, 60), table(1, 60)
    assert evaluation.two_sample_auc(*few, seed=3) == evaluation.two_sample_auc(*few, seed=3)
    with pytest.raises(ValueError, match="Both tables need the same columns"):
        evaluation.two_sample_auc(table(0), table(1)[["a"]])
    with pytest.raises(ValueError, match="5 folds need as many rows"):
        evaluation.two_sample_auc(table(0, 3), table(1))
