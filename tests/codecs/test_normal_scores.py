"""Normal scores: against the truth, against finite differences, and back."""

import numpy as np
import pytest
from scipy import stats

from tfvae.codecs.normal_scores import NormalScores

LAWS = {"normal": stats.norm(3, 2), "lognormal": stats.lognorm(1.0, scale=1e4), "Student": stats.t(2),
        "exponential": stats.expon(), "two modes": None}  # fmt: skip


def draws(name, n, seed):
    rng = np.random.default_rng(seed)
    if name == "two modes":
        return rng.normal(rng.choice([-5.0, 5.0], n), 0.5)
    return LAWS[name].rvs(n, random_state=rng)


@pytest.mark.parametrize("name", LAWS)
def test_the_density_is_near_the_truth(name):
    scores = NormalScores.fit(draws(name, 2_000, 0))
    test = draws(name, 2_000, 1)
    truth = (
        np.log(0.5 * stats.norm.pdf(test, -5, 0.5) + 0.5 * stats.norm.pdf(test, 5, 0.5))
        if name == "two modes"
        else LAWS[name].logpdf(test)
    )
    assert np.mean(truth - scores.log_density(test)) < 0.08
    assert scores(test).std() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("name", LAWS)
def test_back_and_the_derivative(name):
    scores = NormalScores.fit(draws(name, 500, 0))
    x = draws(name, 500, 1)
    np.testing.assert_allclose(scores.inverse(scores(x)), x, rtol=1e-6, atol=1e-9)
    step = 1e-6 * scores.scale
    slopes = (scores(x + step) - scores(x - step)) / (2 * step)
    np.testing.assert_allclose(scores.log_derivative(x), np.log(slopes), atol=1e-4)
    far = np.array([-60.0, 60.0])  # beyond all that was seen, there is still one x for each y
    np.testing.assert_allclose(scores(scores.inverse(far)), far, rtol=1e-6)
    y = np.linspace(-8, 8, 2001)
    assert (np.diff(scores.inverse(y)) > 0).all()


def test_a_density_integrates_to_one():
    scores = NormalScores.fit(draws("two modes", 1_000, 0))
    x = np.linspace(-40, 40, 400_001)
    assert np.trapezoid(np.exp(scores.log_density(x)), x) == pytest.approx(1, abs=1e-3)


def test_few_numbers_are_standardized():
    scores = NormalScores.fit(np.array([1.0, 2.0, 4.0]))
    assert scores(np.array([1.0, 2.0, 4.0])).mean() == pytest.approx(0)
    plain = NormalScores.standardizing(np.array([1e300, 2e300, 4e300]))
    assert np.isfinite(plain(np.array([1e300, 4e300]))).all()
